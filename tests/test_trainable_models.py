"""KM620, KM621: models that freeze each other, and optimizers that they share."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.findings import Confidence
from kerasmigrate.pipeline import Pipeline

HEAD = (
    "from keras.layers import Dense, Input\n"
    "from keras.models import Model, Sequential\n\n"
    "generator = Sequential([Dense(4, input_shape=(2,))])\n"
    "critic = Sequential([Dense(1, input_shape=(4,))])\n"
)
SETUP = (
    HEAD + "critic.compile('sgd', 'mse')\n"
    "critic.trainable = False\n"
    "noise = Input((2,))\n"
    "gan = Model(noise, critic(generator(noise)))\n"
    "gan.compile('sgd', 'mse')\n\n"
)


def test_a_gan_at_module_level() -> None:
    found = check(
        SETUP + "for x, y, z in batches:\n"
        "    # first the critic\n"
        "    critic.train_on_batch(x, y)  # real\n"
        "    critic.train_on_batch(x, y)\n\n"
        "    loss = gan.train_on_batch(z, y)\n",
        SETUP + "for x, y, z in batches:\n"
        "    # first the critic\n"
        "    critic.trainable = True\n"
        "    critic.train_on_batch(x, y)  # real\n"
        "    critic.train_on_batch(x, y)\n\n"
        "    critic.trainable = False\n"
        "    loss = gan.train_on_batch(z, y)\n",
        to="keras",
        codes=["KM620", "KM620"],
    )
    assert found[0].message == (
        "critic.train_on_batch() would train other weights than compile() saw; now"
        " critic.trainable = True"
    )


CLASS = """\
import keras
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import Adam


class GAN():
    def __init__(self):
        optimizer = Adam(0.0002, 0.5)
        self.critic = self.build_critic()
        self.critic.compile(loss='mse', optimizer=optimizer)
        self.generator = self.build_generator()
        z = Input(shape=(2,))
        image = self.generator(z)
        self.critic.trainable = False
        valid = self.critic(image)
        self.combined = Model(z, valid)
        self.combined.compile(loss='mse', optimizer={1})

    def build_critic(self):
        model = Sequential()
        model.add(Dense(1, input_shape=(4,)))
        image = Input(shape=(4,))
        return Model(image, model(image))

    def build_generator(self):
        model = Sequential()
        model.add(Dense(4, input_shape=(2,)))
        return model

    def train(self, x, y, z):
        for _ in range(3):
            for _ in range(5):
{0}                loss = self.critic.train_on_batch(x, y)
{2}            other = self.combined.train_on_batch(z, y)
        return loss, other
"""


@pytest.mark.parametrize("end", ["", "\n\nif __name__ == '__main__':\n    GAN().train(1, 2, 3)\n"])
def test_a_gan_in_a_class(end: str) -> None:
    check(
        CLASS.format("", "optimizer", "") + end,
        CLASS.format(
            "                self.critic.trainable = True\n",
            "optimizer.from_config(optimizer.get_config())",
            "            self.critic.trainable = False\n",
        )
        + end,
        to="keras",
        codes=["KM621", "KM620", "KM620"],
    )


def test_models_that_freeze_each_other_in_turn() -> None:
    setup = (
        HEAD + "a, b = Input((2,)), Input((4,))\n"
        "generator.trainable = False\n"
        "first = Model([a, b], [critic(generator(a)), critic(b)])\n"
        "first.compile('sgd', 'mse')\n"
        "critic.trainable = False\n"
        "generator.trainable = True\n"
        "second = Model(a, critic(generator(a)))\n"
        "second.compile('sgd', 'mse')\n"
    )
    check(
        setup + "while True:\n    first.fit(x, y)\n    second.fit(x, y)\n",
        setup + "while True:\n"
        "    critic.trainable = True\n    generator.trainable = False\n    first.fit(x, y)\n"
        "    critic.trainable = False\n    generator.trainable = True\n    second.fit(x, y)\n",
        to="keras",
        codes=["KM620", "KM620"],
    )


def test_functions_that_freeze_and_train() -> None:
    code = (
        HEAD + "\n\ndef freeze(model, value):\n"
        "    for layer in model.layers:\n        layer.trainable = not value\n\n\n"
        "def stack(top, model):\n"
        "    model.trainable = False\n"
        "    x = Input((2,))\n    return Model(x, model(top(x)))\n\n\n"
        "def train(net, both):\n"
        "    for x, y in batches:\n"
        "{0}        net.train_on_batch(x, y)\n"
        "{1}        both.train_on_batch(x, y)\n\n\n"
        "critic.compile(optimizer='sgd', loss='mse')\n"
        "both = stack(generator, critic)\n"
        "both.compile(optimizer='sgd', loss='mse')\n"
        "train(critic, both)\n"
    )
    # What both holds has a name in train() as well.
    check(
        code.format("", ""),
        code.format("        net.trainable = True\n", "        net.trainable = False\n"),
        to="keras",
        codes=["KM620", "KM620"],
    )


@pytest.mark.parametrize("to", ["tf.keras", "tf_keras"])
def test_the_targets(to: str) -> None:
    root = "tensorflow.keras" if to == "tf.keras" else "tf_keras"
    code = SETUP.replace("from keras", f"from {root}")
    end = "for x in y:\n    critic.fit(x)\n    gan.fit(x)\n"
    if to == "tf_keras":
        untouched(code + end, to=to, codes=())
    else:
        fixed = end.replace("    critic", "    critic.trainable = True\n    critic")
        fixed = fixed.replace("    gan", "    critic.trainable = False\n    gan")
        check(code + end, code + fixed, to=to, codes=["KM620", "KM620"])


@pytest.mark.parametrize(
    "code",
    [
        # set by the author
        SETUP + "for x in y:\n    critic.trainable = True\n    critic.fit(x)\n"
        "    critic.trainable = False\n    gan.fit(x)\n",
        SETUP + "for x in y:\n    critic.trainable = True\n    critic.compile('sgd', 'mse')\n"
        "    critic.fit(x)\n    critic.trainable = False\n    gan.fit(x)\n",
        # fine-tuning, compiled again
        HEAD + "generator.trainable = False\nm = Sequential([generator, critic])\n"
        "m.compile('sgd', 'mse')\nm.fit(x)\ngenerator.trainable = True\n"
        "m.compile('sgd', 'mse')\nm.fit(x)\n",
        # a change without compile() is without effect in all of them once training has begun
        HEAD + "m = Sequential([generator, critic])\nm.compile('sgd', 'mse')\nm.fit(x)\n"
        "generator.trainable = False\nm.fit(x)\n",
        # another model altogether
        HEAD + "critic.compile('sgd', 'mse')\ngenerator.trainable = False\ncritic.fit(x)\n",
        # nobody trains it
        SETUP + "gan.fit(x)\n",
        # nobody knows the value
        HEAD + "critic.compile('sgd', 'mse')\ncritic.trainable = flag\ncritic.fit(x)\n",
        HEAD + "critic.compile('sgd', 'mse')\nif flag:\n    critic.trainable = False\n"
        "critic.fit(x)\n",
        HEAD + "def f(critic):\n    critic.trainable = False\n    critic.fit(x)\n",
        # written for Keras 3
        "import keras\nfrom keras import ops\n"
        + SETUP.replace("mse')\nc", "mse')\nops.abs(1)\nc")
        + "for x in y:\n    critic.fit(x)\n    gan.fit(x)\n",
        SETUP + "for x in y:\n    critic.predict(x)\n    gan.fit(x)\n",
    ],
)
def test_what_stays(code: str) -> None:
    untouched(code, to="keras", codes=())


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            SETUP.replace("critic.comp", "critic.layers[0].trainable = False\ncritic.comp")
            + "critic.fit(x)\ngan.fit(x)\n",
            "some of its layers may have to stay frozen",
        ),
        (
            SETUP.replace("Dense(1, ", "Dense(1, trainable=False, ")
            + "critic.fit(x)\ngan.fit(x)\n",
            "some of its layers may have to stay frozen",
        ),
        (
            SETUP.replace("critic = Sequential([Dense(1, input_shape=(4,))])", "critic = make()")
            + "critic.fit(x)\ngan.fit(x)\n",
            "some of its layers may have to stay frozen",
        ),
        (
            SETUP + "print(critic.train_on_batch(x), gan.train_on_batch(x))\n",
            "one statement trains both models",
        ),
        (
            SETUP + "for x in y: critic.fit(x)\ngan.fit(x)\n",
            "there is no line of its own to write the assignment before",
        ),
        (
            SETUP + "if critic.train_on_batch(x) > 1:\n    gan.fit(x)\n",
            "there is no line of its own to write the assignment before",
        ),
    ],
)
def test_what_is_reported(code: str, reason: str) -> None:
    (found,) = untouched(code, to="keras", codes=["KM620"])
    assert found.message.endswith(f"not fixed: {reason}")
    assert (found.fixed, found.confidence) == (False, Confidence.LIKELY)
    assert "write critic.trainable = True before this call" in found.advice


@pytest.mark.parametrize(
    "code",
    [
        "a = Sequential()\nb = Sequential()\na.compile(o, 'mse')\nb.compile(o, 'mse')\na.fit(x)\n",
        "a = Sequential()\na.compile(o, 'mse')\na.fit(x)\na.compile(o, 'mse')\na.fit(x)\n",
        "a = Sequential()\nb = Sequential()\na.compile(SGD(), 'mse')\nb.compile(SGD(), 'mse')\n"
        "a.fit(x)\nb.fit(x)\n",
        "o = 'sgd'\na = Sequential()\nb = Sequential()\na.compile(o, 'mse')\nb.compile(o, 'mse')\n"
        "a.fit(x)\nb.fit(x)\n",
        "def f(o):\n    a = Sequential()\n    b = Sequential()\n    a.compile(o, 'mse')\n"
        "    b.compile(o, 'mse')\n    a.fit(x)\n    b.fit(x)\n",
    ],
)
def test_optimizers_that_are_not_shared(code: str) -> None:
    head = "from keras.models import Sequential\nfrom keras.optimizers import SGD\n\no = SGD()\n"
    untouched(head + code, to="keras", codes=())


RUN = """\
from {root}.layers import BatchNormalization, Dense, Input
from {root}.models import Model, Sequential
from {root}.optimizers import SGD
from {root}.utils import set_random_seed

set_random_seed(1)
sgd = SGD(0.1)
generator = Sequential([Dense(4, input_shape=(2,))])
critic = Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(1)])
critic.compile(sgd, 'mse')
critic.trainable = False
noise = Input((2,))
gan = Model(noise, critic(generator(noise)))
gan.compile({other}, 'mse')

for _ in range(3):
    note(critic, generator)
    critic.train_on_batch(x, y)
    note(critic, generator)
    gan.train_on_batch(z, y)
note(critic, generator)
"""


def _run(code: str) -> list[tuple[float, float]]:
    """Run a GAN; return how much critic and generator change from note to note."""
    import numpy as np

    notes: list[list[Any]] = []
    numbers = np.random.default_rng(0)

    def note(*models: Any) -> None:
        notes.append([[np.array(w) for w in model.get_weights()] for model in models])

    names = {
        "note": note,
        "x": numbers.normal(size=(8, 4)).astype("float32"),
        "z": numbers.normal(size=(8, 2)).astype("float32"),
        "y": numbers.normal(size=(8, 1)).astype("float32"),
    }
    exec(compile(code, "<gan>", "exec"), names)

    def change(before: Any, after: Any) -> float:
        return round(sum(float(abs(a - b).sum()) for a, b in zip(before, after, strict=True)), 4)

    return [(change(a[0], b[0]), change(a[1], b[1])) for a, b in pairwise(notes)]


@pytest.mark.tensorflow
def test_a_gan_trains_as_it_did_in_keras_2() -> None:
    pytest.importorskip("tf_keras")
    pytest.importorskip("keras")
    before = _run(RUN.format(root="tf_keras", other="SGD(0.1)"))
    code = RUN.format(root="keras", other="sgd")
    silent = _run(code)
    assert all(critic == 0 for critic, _ in silent[::2])  # never trained
    result = Pipeline.to("keras").run(code)
    assert [each.code for each in result.findings] == ["KM621", "KM620", "KM620"]
    after = _run(result.text)
    assert all(critic > 0.01 and generator == 0 for critic, generator in after[::2])
    assert all(critic == 0 and generator > 0.01 for critic, generator in after[1::2])
    assert [tuple(map(float, each)) for each in after] == [
        pytest.approx(each, abs=2e-4) for each in before
    ]
    # Without optimizers of their own the models cannot be trained in turn at all.
    with pytest.raises(ValueError, match="Unknown variable"):
        _run(result.text.replace("sgd.from_config(sgd.get_config())", "sgd"))
    copied = result.text.replace("from keras.", "from tf_keras.")
    assert _run(copied) == [pytest.approx(each, abs=2e-4) for each in before]


# -- what trainable of a model reaches ------------------------------------------------------------

CORE = (
    "from keras.layers.core import Dense\n"
    "from keras.layers import Input\n"
    "from keras.models import Model, Sequential\n\n"
    "x, z = Input((3,)), Input((3,))\n"
    "core = Sequential([Dense(4, input_shape=(3,))])\n"
    "a = Model(x, Dense(2)(core(x)))\n"
    "b = Model(x, Dense(5)(core(x)))\n"
)


def reaching(code: str, to: str) -> list[tuple[int, str, str]]:
    found = Pipeline.to(to).run(code).findings
    return [(each.line, each.message, each.advice) for each in found if each.code == "KM650"]


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_a_frozen_model_that_shares_layers(to: str) -> None:
    code = CORE + "a.trainable = False\nm = Model(z, [a(z), b(z)])\nm.compile('sgd', 'mse')\n"
    assert reaching(code, to) == [
        (
            9,
            "a.trainable = False freezes layers that another model trains, too",
            "set trainable = False only of the layers that the other model does not have",
        )
    ]


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_thawed_model_with_layers_that_were_frozen(to: str) -> None:
    code = CORE + (
        "layer = Dense(3)\nlayer.trainable = False\ns = Sequential([layer, Dense(2)])\n"
        "s.trainable = False\nb.compile('sgd', 'mse')\n"
        "s.trainable = True\ns.compile('sgd', 'mse')\n"
    )
    assert reaching(code, to) == [
        (
            14,
            "s.trainable = True thaws layers that were frozen one by one, too",
            "set trainable = False of these layers again behind it",
        )
    ]


@pytest.mark.parametrize(
    "rest",
    [
        # Nothing else has the core, or all that has it is frozen.
        "a.trainable = False\nm = Model(z, a(z))\nm.compile('sgd', 'mse')\n",
        "a.trainable = False\nb.trainable = False\nm = Model(z, [a(z), b(z)])\n"
        "m.compile('sgd', 'mse')\n",
        # It is thawed again by then.
        "a.trainable = False\na.trainable = True\nm = Model(z, [a(z), b(z)])\n"
        "m.compile('sgd', 'mse')\n",
        # Nothing is compiled while it is frozen.
        "b.compile('sgd', 'mse')\na.trainable = False\n",
        # The layer itself is meant.
        "core.trainable = False\nb.compile('sgd', 'mse')\n",
        # What is shared has no weights.
        "c, d = Model(x, x), Model(x, Dense(2)(x))\nc.trainable = False\nd.compile('sgd', 'mse')\n",
        # All its layers learn anyway.
        "a.trainable = False\na.trainable = True\na.compile('sgd', 'mse')\n",
    ],
)
def test_models_that_reach_nothing_else(rest: str) -> None:
    assert reaching(CORE + rest, "keras") == []


def test_keras_from_tensorflow_has_reached_them_all_along() -> None:
    code = CORE + "a.trainable = False\nm = Model(z, [a(z), b(z)])\nm.compile('sgd', 'mse')\n"
    code = code.replace("from keras.layers.core", "from tensorflow.keras.layers")
    assert reaching(code.replace("from keras", "from tensorflow.keras"), "keras") == []


COUNT = """
from {0}.layers import Dense, Input
from {0}.models import Model, Sequential
x = Input((3,))
core = Sequential([Dense(4, input_shape=(3,))])
a = Model(x, Dense(2)(core(x)))
b = Model(x, Dense(5)(core(x)))
a.trainable = False
z = Input((3,))
shared = len(Model(z, [a(z), b(z)]).trainable_weights)
s = Sequential([Dense(3, input_shape=(2,)), Dense(2)])
s.layers[0].trainable = False
s.trainable = False
s.trainable = True
thawed = len(s.trainable_weights)
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["1.2.2", "2.0.9", "2.2.4", "2.3.1"])
def test_old_keras_froze_a_model_as_a_whole(version: str) -> None:
    code = COUNT.format("keras") + "results.update(shared=shared, thawed=thawed)\n"
    assert run_original(version, code) == {"shared": 4, "thawed": 2}


@pytest.mark.tensorflow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_targets_freeze_its_layers(package: str) -> None:
    code = COUNT.format(package) + "print(shared, thawed)\n"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2 4"


# -- a model that other files train ---------------------------------------------------------------


def test_a_model_that_stands_still_when_other_files_train_it() -> None:
    (found,) = untouched(SETUP, to="keras", codes=["KM620"])
    assert found.line == 7
    assert found.message == (
        "critic was compiled when it could learn, and Keras 3 asks when training starts: code"
        " elsewhere that trains it changes nothing"
    )
    assert found.advice == (
        "set critic.trainable = True before it is trained, and False again before the models that"
        " have it inside are"
    )


@pytest.mark.parametrize(
    "code",
    [
        SETUP.replace("critic.compile('sgd', 'mse')\n", ""),
        SETUP.replace("gan.compile('sgd', 'mse')\n", ""),
        SETUP + "critic.trainable = True\n",
        HEAD + "critic.compile('sgd', 'mse')\ncritic.trainable = False\n",
    ],
)
def test_models_that_nobody_can_be_surprised_by(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_keras_2_keeps_what_compile_saw() -> None:
    untouched(SETUP.replace("from keras", "from tf_keras"), to="tf_keras", codes=[])

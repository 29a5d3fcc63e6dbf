"""KM637 to KM640: layers and optimizers that compute by another formula."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrating import check
from originals import run_original
from targets import ROOT, each_target

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

#: Words of Keras 1, and of a Keras 2 that is not the last one.
FIRST = "from keras.layers.core import Dense\nDense(output_dim=3)\n"
ALL = ("KM637", "KM638", "KM639", "KM640")


def codes(code: str, to: str) -> list[Any]:
    """Return the findings of these rules."""
    result = Pipeline.to(to).run(code)
    return [each for each in result.findings if each.code in ALL]


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RMSprop(lr=0.1, epsilon=1e-6)", "RMSprop(learning_rate=0.1, epsilon=1e-6**2)"),
        ("RMSprop(0.1, 0.9, 1e-06)", "RMSprop(0.1, 0.9, epsilon=1e-06**2)"),
        ("RMSprop(epsilon=0.01)", "RMSprop(epsilon=0.01**2)"),
        ("RMSprop(lr=0.1)", "RMSprop(learning_rate=0.1, epsilon=1e-8**2)"),
        (
            "Adagrad(0.1, 1e-5)",
            "Adagrad(0.1, epsilon=1e-5**2, initial_accumulator_value=0.0)",
        ),
    ],
)
def test_epsilon_is_squared(before: str, after: str, to: str) -> None:
    package = ROOT[to][1]
    name = before.partition("(")[0]
    check(
        f"from keras.layers.core import Dense\nfrom keras.optimizers import {name}\n\n"
        f"Dense(output_dim=3)\n{before}\n",
        f"from {package}.layers import Dense\nfrom {package}.optimizers import {name}\n\n"
        f"Dense(units=3)\n{after}\n",
        to=to,
    )


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RMSprop(epsilon=1e-8)", "RMSprop(epsilon=1e-8**2)"),
        ("RMSprop(epsilon=None)", "RMSprop(epsilon=1e-7**2)"),
        ("RMSprop()", "RMSprop(epsilon=1e-7**2)"),
        ("RMSprop(epsilon=1e-7**2)", "RMSprop(epsilon=1e-7**2)"),
    ],
)
def test_a_second_run_squares_nothing(before: str, after: str, to: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras==2.2.4\n", encoding="utf-8")
    head = f"from {ROOT[to][1]}.optimizers import RMSprop\n\n"
    check(
        f"from keras.optimizers import RMSprop\n\n{before}\n",
        f"{head}{after}\n",
        to=to,
        view=Project(tmp_path, ()).view(tmp_path / "train.py"),
    )


def test_an_optimizer_of_old_keeps_its_epsilon() -> None:
    """The rate is set elsewhere, so that tf_keras' old RMSprop takes the place of this one."""
    result = Pipeline.to("tf_keras").run(
        FIRST + "from keras.optimizers import RMSprop\nfrom keras import callbacks\n"
        "RMSprop(lr=0.1, decay=0.5, epsilon=1e-6)\ncallbacks.LearningRateScheduler(f)\n"
    )
    assert "\nlegacy.RMSprop(learning_rate=0.1, decay=0.5, epsilon=1e-6)\n" in result.text


MODEL = "from keras.models import Sequential\nm = Sequential()\n"
MIXED = "from keras.layers import Dense\nDense(output_dim=3)\nDense(units=3)\n"


@each_target
@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (f"{FIRST}{MODEL}m.compile('rmsprop', 'mse')\n", "give RMSprop epsilon=1e-8**2 for the "),
        (
            f"{MIXED}{MODEL}m.compile('adagrad', 'mse')\n",
            "give Adagrad epsilon=the square of that for the 1e-8 up to Keras 2.0, or 1e-7 since,",
        ),
        (
            f"{MIXED}from keras.optimizers import RMSprop\nRMSprop(lr=0.1)\n",
            "give RMSprop epsilon=the square of that for the ",
        ),
        (
            f"{FIRST}from keras import backend as K\nfrom keras.optimizers import RMSprop\n"
            "K.set_floatx('float16')\nRMSprop(epsilon=1e-6)\n",
            "give RMSprop epsilon=1e-6**2 for the 1e-6 that it was,",
        ),
        (
            f"{FIRST}from keras import backend as K\nfrom keras.optimizers import RMSprop\n"
            "K.set_floatx('float16')\nRMSprop()\n",
            "give RMSprop epsilon=1e-8**2 for the 1e-8 that it was,",
        ),
    ],
)
def test_epsilon_that_is_left(code: str, advice: str, to: str) -> None:
    (found,) = codes(code, to)
    assert (found.code, found.fixed) == ("KM637", False)
    assert found.advice.startswith(advice)
    assert ("float16" in found.advice) == ("float16" in code)


def test_upsampling_and_nadam() -> None:
    code = FIRST + "from keras.layers import UpSampling2D\nUpSampling2D(interpolation='bilinear')\n"
    assert [each.code for each in codes(code, "keras")] == ["KM638"]
    code = FIRST + "from keras.optimizers import Nadam\nNadam()\n"
    assert [each.code for each in codes(code, "tf_keras")] == ["KM639"]
    assert codes(code, "keras") == codes(code, "tf.keras") == []


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_a_wrapped_embedding(to: str) -> None:
    code = "from keras.layers import Embedding, TimeDistributed\n"
    code = FIRST + code + "x = TimeDistributed(Embedding(9, 4, mask_zero=True))(x)\n"
    (found,) = codes(code, to)
    assert (found.code, found.line) == ("KM640", 4)
    assert codes(code, "tf_keras") == []


@each_target
@pytest.mark.parametrize(
    "code",
    [
        FIRST + "from keras.optimizers import Adam\nAdam(epsilon=0.01)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(**options)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=small)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=0)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=1e-16)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=1e-6**2)\n",
        FIRST + "from mine import RMSprop\nRMSprop(lr=0.1)\n",
        FIRST + "other.compile('rmsprop', 'mse')\n",
        FIRST + "from keras.layers import UpSampling2D\nUpSampling2D()\n",
        FIRST + "from keras.layers import UpSampling2D\nUpSampling2D(interpolation='nearest')\n",
        FIRST + "from mine import UpSampling2D\nUpSampling2D(interpolation='bilinear')\n",
        FIRST + "from keras.layers import Embedding\nEmbedding(9, 4, mask_zero=True)\n",
        FIRST + "from keras.layers import Embedding, TimeDistributed\n"
        "TimeDistributed(Embedding(9, 4))\nTimeDistributed(Embedding(9, 4, mask_zero=False))\n",
        FIRST + "from keras.layers import TimeDistributed\nTimeDistributed(layer)\n",
        "import keras\nkeras.optimizers.RMSprop(learning_rate=0.1)\n",
        "import keras\nkeras.layers.UpSampling2D(interpolation='bilinear')\n",
        "from tensorflow import keras\nkeras.optimizers.RMSprop(learning_rate=0.1)\n",
        "from tf_keras.optimizers import Nadam, RMSprop\nNadam()\nRMSprop()\n",
    ],
)
def test_what_nothing_is_said_about(code: str, to: str) -> None:
    assert codes(code, to) == []


OLD = """
from keras.layers import Dense, UpSampling2D
from keras.models import Sequential
from keras.optimizers import RMSprop
model = Sequential([Dense(1, input_dim=1, use_bias=False)])
model.compile(RMSprop(0.001), lambda y_true, y_pred: y_pred)
before = model.get_weights()[0].item()
model.train_on_batch(np.full((2, 1), 1e-4), np.zeros((2, 1)))
results["step"] = before - model.get_weights()[0].item()
model = Sequential([UpSampling2D((1, 2), interpolation="bilinear", input_shape=(1, 3, 1))])
results["row"] = model.predict(np.arange(3.0).reshape(1, 1, 3, 1)).ravel().tolist()
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_what_the_rules_have_measured() -> None:
    old = run_original("2.2.4", OLD)
    assert old["step"] == pytest.approx(0.00315, abs=1e-5)
    assert old["row"] == [0, 0.5, 1, 1.5, 2, 2]
    for package in ("keras", "tf_keras"):
        keras: Any = importlib.import_module(package)
        for options, step in (({}, 0.000315), ({"epsilon": 1e-14}, 0.00316)):
            model = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
            model.compile(keras.optimizers.RMSprop(0.001, **options), lambda _, y_pred: y_pred)
            model.build((None, 1))
            before = model.get_weights()[0].item()
            model.train_on_batch(np.full((2, 1), 1e-4, "float32"), np.zeros((2, 1), "float32"))
            assert before - model.get_weights()[0].item() == pytest.approx(step, rel=0.01)
        layer = keras.layers.UpSampling2D((1, 2), interpolation="bilinear")
        row = np.asarray(layer(np.arange(3.0, dtype="float32").reshape(1, 1, 3, 1)))
        assert row.ravel().tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2]
        layers = keras.layers
        mask = layers.TimeDistributed(layers.Embedding(9, 4, mask_zero=True)).compute_mask(
            np.zeros((2, 3, 5), "float32"), None
        )
        assert (mask is None) == (package == "keras")


STEPS = """
from keras import optimizers
from keras.layers import Dense
from keras.models import Sequential

model = Sequential([Dense({units}=1, input_dim=1, {bias}=False, {init}="one")])
model.compile(optimizers.{made}, lambda y_true, y_pred: y_pred)
results["path"] = []
for size in sizes:
    model.train_on_batch(np.full((2, 1), size, "float32"), np.zeros((2, 1), "float32"))
    results["path"].append(1 - model.get_weights()[0].item())
"""
WORDS_1 = {"units": "output_dim", "bias": "bias", "init": "init"}
WORDS_2 = {"units": "units", "bias": "use_bias", "init": "kernel_initializer"}
#: Version, optimizer, and how far ten steps were off and are, for gradients of several sizes.
TRAJECTORIES = (
    ("1.2.2", "RMSprop()", {1e-6: (0.011, 0.0003), 1e-4: (0.005, 3e-6), 0.1: (3e-7, 3e-7)}),
    ("2.2.4", "RMSprop()", {1e-6: (0.011, 0.002), 1e-4: (0.0099, 3e-5), 0.1: (3e-7, 3e-7)}),
    ("2.3.1", "RMSprop()", {1e-6: (0.011, 0.002), 1e-4: (0.0099, 3e-5), 0.1: (3e-7, 3e-7)}),
    ("1.2.2", "Adagrad()", {1e-6: (0.035, 0.0003), 1e-4: (0.003, 3e-6), 0.1: (3e-7, 3e-7)}),
    ("2.2.4", "Adagrad()", {1e-6: (0.034, 0.002), 1e-4: (0.014, 3e-5), 0.1: (3e-7, 3e-7)}),
    ("2.3.1", "Adagrad()", {1e-6: (0.034, 0.002), 1e-4: (0.014, 3e-5), 0.1: (3e-7, 3e-7)}),
    ("2.2.4", "RMSprop(epsilon=0.01)", {1e-3: (0.0007, 0.0002), 0.01: (0.003, 0.003)}),
)


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_the_steps_of_old(tmp_path: Path) -> None:
    """With the square ten steps are nearer to those of old than with the old number."""
    for version, made, table in TRAJECTORIES:
        folder = tmp_path / version
        folder.mkdir(exist_ok=True)
        (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
        view = Project(folder, ()).view(folder / "train.py")
        code = STEPS.format(made=made, **(WORDS_1 if version[0] == "1" else WORDS_2))
        texts = {to: Pipeline.to(to).run(code, view).text for to in ("keras", "tf_keras")}
        for text in texts.values():
            assert "**2" in text
        for size, (was, now) in table.items():
            sizes = size * (1 + 0.5 * np.random.RandomState(1).normal(size=10))
            old = run_original(version, code, sizes=sizes)["path"]
            for text in texts.values():
                for each, least, most in ((text, 0, now), (text.replace("**2", ""), was, 1)):
                    space: dict[str, Any] = {"results": {}, "np": np, "sizes": sizes}
                    exec(each, space)
                    off = np.abs(np.array(space["results"]["path"]) - old).max()
                    if was > now or each is text:
                        assert least <= off <= most, (version, made, size, off)

"""Attributes and methods of optimizers."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
ONLY = Settings(select=frozenset(("KM229", "KM230", "KM231", "KM232")))
HEAD = (
    "from {0}.models import Sequential\nfrom {0}.optimizers import SGD\n\n"
    "model = Sequential()\nsgd = SGD(0.1)\n"
)
RATES = [
    ("print(model.optimizer.lr)", "print(model.optimizer.learning_rate)"),
    ("model.optimizer.lr = 3", "model.optimizer.learning_rate = 3"),
    ("model.optimizer.lr /= 2", "model.optimizer.learning_rate /= 2"),
    ("a = sgd . lr  # rate", "a = sgd . learning_rate  # rate"),
    ("sgd.lr.assign(2)", "sgd.learning_rate.assign(2)"),
    ("x = SGD(0.5).lr", "x = SGD(0.5).learning_rate"),
    ("hasattr(sgd, 'lr')", "hasattr(sgd, 'learning_rate')"),
    ('getattr(model.optimizer, "lr", None)', 'getattr(model.optimizer, "learning_rate", None)'),
    ("setattr(sgd, 'lr', 3)", "setattr(sgd, 'learning_rate', 3)"),
    (
        "class A:\n    def __init__(self):\n        self.opt = SGD(0.1)\n\n"
        "    def f(self):\n        return self.opt.lr",
        "class A:\n    def __init__(self):\n        self.opt = SGD(0.1)\n\n"
        "    def f(self):\n        return self.opt.learning_rate",
    ),
]


@each_target
@pytest.mark.parametrize(("before", "after"), RATES)
def test_lr_of_known_optimizers(before: str, after: str, to: str) -> None:
    head = HEAD.format(PACKAGE[to])
    if to == "tf_keras":
        after = before
    check(f"{head}{before}\n", f"{head}{after}\n", to=to)


def test_callbacks() -> None:
    text = (
        "from keras.callbacks import Callback\n\n\nclass Slower(Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n        self.model.optimizer.{} = 3\n"
    )
    check(text.format("lr"), text.format("learning_rate"), to="keras", codes=["KM229"])
    own = text.replace("(Callback)", "").format("lr")
    (finding,) = untouched(own, to="keras", codes=["KM230"])
    assert finding.confidence is Confidence.UNSURE
    assert finding.severity is Severity.WARNING
    assert finding.advice == "if it is one, write self.model.optimizer.learning_rate"


def test_the_backend_tells_that_an_lr_is_a_variable() -> None:
    check(
        "from keras import backend as K\n\n\ndef halve(thing):\n"
        "    K.set_value(thing.optimizer.lr, K.get_value(thing.optimizer.lr) / 2)\n",
        "from keras import ops\n\n\ndef halve(thing):\n"
        "    thing.optimizer.learning_rate.assign("
        "ops.convert_to_numpy(thing.optimizer.learning_rate) / 2)\n",
        to="keras",
    )
    untouched(
        "from tf_keras import backend as K\n\n\ndef halve(thing):\n"
        "    K.set_value(thing.optimizer.lr, K.get_value(thing.optimizer.lr) / 2)\n",
        to="tf_keras",
        codes=[],
    )


@pytest.mark.parametrize(
    "text",
    [
        "args.lr = 3",
        "print(self.lr)",
        "config.optimizer_lr",
        "def f(optimizer):\n    return optimizer.lr",
        "import chainer.training as t\nt.optimizer.lr = 3",
        "class A:\n    lr = 3\n\n\nprint(A().lr)",
        "hasattr(args, 'lr')",
        "def hasattr(a, b):\n    return a\n\n\nhasattr(sgd, 'lr')",
        "sgd.learning_rate = 3",
        "model.lr = 3",
    ],
)
def test_an_lr_of_something_else(text: str) -> None:
    untouched(HEAD.format("keras") + text + "\n", to="keras", settings=ONLY, codes=[])


def test_an_lr_that_the_backend_reads_may_be_that_of_an_optimizer() -> None:
    text = (
        "from keras import backend as K\n\n\ndef f(clone):\n    return K.get_value(clone.lr)\n\n\n"
        "class A:\n    def f(self):\n        return K.get_value(self.lr)\n"
    )
    (finding,) = untouched(text, to="keras", settings=ONLY, codes=["KM230"])
    assert finding.advice == "if it is one, write clone.learning_rate"


OWN = (
    "from keras import backend as K\nfrom keras.models import Sequential\n"
    "from keras.optimizers import SGD\n\n\n"
    "class Mine(SGD):\n    def build(self, variables):\n        self.lr = 3\n\n\n"
    "model = Sequential()\n{}\n"
)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("K.get_value(model.optimizer.lr)", ["KM230"]),
        ("print(model.optimizer.lr)", ["KM230"]),
        ("mine = Mine(1)\nprint(mine.lr)", []),
        ("print(Mine(1).lr)", []),
        ("sgd = SGD(1)\nprint(sgd.learning_rate)", []),
    ],
)
def test_an_optimizer_of_ones_own_may_have_an_lr(text: str, codes: list[str]) -> None:
    untouched(OWN.format(text), to="keras", settings=ONLY, codes=codes)


def test_an_optimizer_of_another_file_may_have_an_lr(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.format(""))
    use = tmp_path / "use.py"
    use.write_text("")
    view = Project(tmp_path, [tmp_path / "mine.py", use]).view(use)
    text = "import keras\nfrom mine import Mine\n\nmine = Mine(1)\nprint(mine.lr)\n"
    untouched(text, to="keras", view=view, settings=ONLY, codes=[])


GONE = [
    ("sgd.get_weights()", "keras.ops.convert_to_numpy(v)", "[v.numpy() for v in"),
    ("model.optimizer.get_weights()", "keras.ops.convert_to_numpy(v)", "[v.numpy() for v in"),
    ("print(sgd.weights)", "use .variables", "use .variables"),
    ("sgd.get_updates([], loss)", "apply_gradients", "apply_gradients"),
    ("sgd.get_gradients(loss, p)", "a gradient tape", "a gradient tape"),
    ("sgd.minimize(loss, p)", "apply_gradients()", ""),
    ("sgd.variables()", "leave the parentheses out", ""),
]


@each_target
@pytest.mark.parametrize(("call", "keras_3", "keras_2"), GONE)
def test_methods_that_are_gone(call: str, keras_3: str, keras_2: str, to: str) -> None:
    expected = keras_2 if to == "tf_keras" else keras_3
    found = untouched(
        f"{HEAD.format(PACKAGE[to])}{call}\n",
        to=to,
        settings=ONLY,
        codes=["KM231"] if expected else [],
    )
    assert not expected or expected in found[0].advice


@pytest.mark.parametrize(
    "text",
    [
        "model.get_weights()",
        "model.weights",
        "print(sgd.variables)",
        "sgd.set_weights(w)",
        "other.get_weights()",
        "sgd.apply_gradients(z)",
        "f(sgd.minimize_me)",
    ],
)
def test_methods_of_other_things(text: str) -> None:
    untouched(f"{HEAD.format('keras')}{text}\n", to="keras", settings=ONLY, codes=[])


def test_legacy_optimizers_keep_their_methods_in_tf_keras() -> None:
    untouched(
        "from tf_keras.optimizers.legacy import SGD\n\nsgd = SGD()\nw = sgd.get_weights()\n",
        to="tf_keras",
        settings=ONLY,
        codes=[],
    )


MINE = (
    "from {0}.optimizers import {1}\n\n\nclass Mine({1}):\n"
    "    def get_updates(self, loss, params):\n        return []\n"
)


@each_target
@pytest.mark.parametrize("method", ["get_updates", "_resource_apply_dense"])
@pytest.mark.parametrize("base", ["Optimizer", "SGD"])
def test_old_steps(base: str, method: str, to: str) -> None:
    text = MINE.format(PACKAGE[to], base).replace("get_updates", method)
    (finding,) = untouched(text, to=to, settings=ONLY, codes=["KM232"])
    rate = "" if to == "tf_keras" else ", learning_rate"
    assert f"update_step(self, gradient, variable{rate})" in finding.advice
    kept = to == "tf_keras" and method != "get_updates"
    assert ("legacy.Optimizer" in finding.advice) == kept


@pytest.mark.parametrize(
    "text",
    [
        "import keras\n\n\nclass Mine:\n    def get_updates(self, a, b):\n        return []\n",
        "import torch\nimport keras\n\n\nclass Mine(torch.optim.Optimizer):\n"
        "    def get_updates(self, a, b):\n        return []\n",
        "from keras.optimizers import Optimizer\n\n\nclass Mine(Optimizer):\n"
        "    def update_step(self, gradient, variable, learning_rate):\n        pass\n",
    ],
)
def test_other_classes(text: str) -> None:
    untouched(text, to="keras", settings=ONLY, codes=[])

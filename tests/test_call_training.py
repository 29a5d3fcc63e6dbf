from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

NEEDED = Settings(training="needed")


def layer(body: str, *, base: str = "Layer", imports: str = "Layer") -> str:
    """A module with one class ``Mine`` whose body is indented by one level here."""
    names = ", ".join(sorted({*imports.split(", "), base}))
    lines = "".join(f"    {line}\n" if line else "\n" for line in body.strip("\n").split("\n"))
    return f"from keras.layers import {names}\n\n\nclass Mine({base}):\n{lines}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("self, x", "self, x, training=None"),
        ("self, x, mask=None", "self, x, mask=None, training=None"),
        ("self, x, mask", "self, x, mask, training=None"),
        ("self, x, **kwargs", "self, x, training=None, **kwargs"),
        ("self, x,**kwargs", "self, x,training=None,**kwargs"),
        ("self, *args", "self, *args, training=None"),
        ("self, *args, **kwargs", "self, *args, training=None, **kwargs"),
        ("self, x, *args, flag=1", "self, x, *args, flag=1, training=None"),
        ("self, x, *args, flag=1, **kw", "self, x, *args, flag=1, training=None, **kw"),
        ("self, x, *, flag=False", "self, x, training=None, *, flag=False"),
        ("self, x, /", "self, x, /, training=None"),
        ("self, x: int, mask: int = 0", "self, x: int, mask: int = 0, training=None"),
        ("self,x", "self,x,training=None"),
        ("self, x, ", "self, x, training=None, "),
        (
            "\n            self,\n            x,\n    ",
            "\n            self,\n            x,\n            training=None,\n    ",
        ),
        (
            "\n            self,\n            x  # the input\n    ",
            "\n            self,\n            x,  # the input\n            training=None\n    ",
        ),
        (
            "self,  # us\n             x,\n             mask=None  # last\n             ",
            "self,  # us\n             x,\n             mask=None,  # last\n"
            "             training=None\n             ",
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_parameter_is_placed_in_the_style_of_its_neighbours(
    before: str, after: str, to: str
) -> None:
    text = "def call({}):\n    return x"
    wanted = layer(text.format(after))
    if to == "tf_keras":
        wanted = wanted.replace("from keras", "from tf_keras")
    check(layer(text.format(before)), wanted, to=to)


@pytest.mark.parametrize(
    "base",
    ["keras.Model", "keras.models.Model", "keras.Sequential", "keras.engine.training.Model"],
)
def test_models_are_warned_about_under_keras_3(base: str) -> None:
    home = "keras.models.Model" if "engine" in base else base
    text = "import keras\n\n\nclass Net({}):\n    def call(self, x{}):\n        return x\n"
    found = check(text.format(base, ""), text.format(home, ", training=None"), to="keras")
    mine = [each for each in found if each.code == "KM301"]
    assert [each.severity for each in mine] == [Severity.WARNING]
    assert mine[0].message == (
        "Net.call() does not take training: fit() would run in inference mode"
    )


@pytest.mark.parametrize(
    "code",
    [
        layer("def call(self, x, training=None):\n    return x"),
        layer("def call(self, x, training=False):\n    return x"),
        layer("def call(self, x, *, training):\n    return x"),
        layer("@staticmethod\ndef call(x, y):\n    return x"),
        layer("@classmethod\ndef call(cls, x):\n    return x"),
        layer("def call(self):\n    return 1"),
        layer("def build(self, s):\n    def call(x, y):\n        return x\n    self.f = call"),
        layer("call = lambda self, x: x"),
        layer("def __call__(self, x):\n    return super().__call__(x)"),
        layer("@typechecked\ndef call(self, x):\n    return x"),
        layer("def call(self, x):\n    training = x\n    return training"),
        layer("def call(self, x):\n    return (lambda training: x)(1)"),
        layer("def call(self, x, **kwargs):\n    return self.f(x, **kwargs)"),
        layer("def call(self, x, **kwargs):\n    return kwargs.items()"),
        layer("def call(self, x, *training):\n    return x"),
        "import keras\n\n\nclass Log(keras.callbacks.Callback):\n"
        "    def call(self, x):\n        return x\n",
        "import keras\n\n\nclass Half(keras.regularizers.Regularizer):\n"
        "    def call(self, x):\n        return x\n",
        "import keras\n\n\nclass Mean(keras.metrics.Metric):\n"
        "    def call(self, x):\n        return x\n",
        "import keras\n\n\nclass Loss(keras.losses.Loss):\n"
        "    def call(self, y_true, y_pred):\n        return keras.ops.abs(y_true - y_pred)\n",
        "import keras\n\n\ndef call(self, x):\n    return keras.ops.abs(x)\n",
        "import keras\nfrom torch.nn import Module as Layer\n\n\nclass Mine(Layer):\n"
        "    def call(self, x):\n        return keras.ops.abs(x)\n",
        "import keras\n\n\nclass Mine(keras.layers.Layer):\n"
        "    def call(self, x):  # kerasmigrate: ignore\n        return x\n",
        "import keras\n\n\nclass Mine(keras.layers.Layer):\n"
        "    def call(self, x):  # kerasmigrate: ignore[KM302]\n        return x\n",
    ],
)
def test_what_is_no_call_of_a_layer_or_must_not_change(code: str) -> None:
    untouched(code, to="keras", codes=())


def test_local_project_and_aliased_bases_are_seen(tmp_path: Path) -> None:
    base = "from keras.layers import Layer as L\n\nBase = L\n\n\nclass Mine(Base):\n    pass\n"
    (tmp_path / "mine.py").write_text(base, encoding="utf-8")
    user = tmp_path / "user.py"
    heir = "class Yours(Mine):\n    def call(self, x{}):\n        return x\n"
    text = f"from mine import Mine\n\n\n{heir}"
    user.write_text(text.format(""), encoding="utf-8")
    project = Project(tmp_path, [tmp_path / "mine.py", user])
    check(text.format(""), text.format(", training=None"), to="keras", view=project.view(user))
    local = f"{base}\n\n{heir}"
    check(local.format(""), local.format(", training=None"), to="keras")


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("something else", "def call(self, x):\n        training = self.phase\n        return x"),
        ("decorator", "@typechecked\n    def call(self, x):\n        return x"),
        ("**kwargs", "def call(self, x, **kw):\n        return self.net(x, **kw)"),
    ],
)
def test_model_that_cannot_be_fixed_is_reported(why: str, body: str) -> None:
    code = f"import keras\n\n\nclass Net(keras.Model):\n    {body}\n"
    (found,) = untouched(code, to="keras", codes=["KM301"])
    assert not found.fixed
    assert why in found.message
    untouched(code.replace("import keras", "import tf_keras as keras"), to="tf_keras", codes=())


@pytest.mark.parametrize(
    "read",
    [
        "kwargs['training']",
        "kwargs.get('training')",
        "kwargs.pop('training', None)",
        "'training' in kwargs",
    ],
)
def test_training_read_from_options(read: str) -> None:
    code = layer(f"def call(self, x, **kwargs):\n    return x if {read} else 2 * x")
    untouched(code, to="keras", codes=["KM305"])
    untouched(code.replace("from keras", "from tf_keras"), to="tf_keras", codes=())


SUBLAYERS = """\
import keras
from keras.layers import Bidirectional, Dense, Dropout, LSTM, Layer


class Inner(Layer):
    def call(self, x):
        return x


class Heir(Dropout):
    pass


class Outer(Layer):
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.dropout = Dropout(rate) if rate else None
        self.dense = Dense(4)
        self.inner: Layer = Inner()
        self.heir = Heir(0.1)
        self.given = rate
        self.either = Dropout(0.1)
        if rate > 1:
            self.either = lambda x: x
        self.pair, self.other = Dropout(0.1), Dropout(0.2)
        self.blocks = [Dropout(0.1)]

    def build(self, input_shape):
        self.rnn = Bidirectional(LSTM(4))
        self.net = keras.Sequential([Dropout(0.1)])

    def call(self, x, mask=None):
        x = self.dropout(x)
        x = self.dense(x)
        x = self.inner(x)
        x = self.heir(inputs=x)
        x = self.heir(x, training=False)
        x = self.given(x)
        x = self.either(x)
        x = self.pair(x)
        x = self.blocks[0](x)
        x = self.rnn(x, mask=mask)
        x = self.net(
            x,
        )
        for block in self.blocks:
            x = block(x)
        return [self.dropout(y) for y in x]

    def helper(self, x):
        return self.dropout(x)
"""


def test_training_is_handed_on_to_known_layers_only() -> None:
    after = (
        SUBLAYERS.replace("def call(self, x):", "def call(self, x, training=None):")
        .replace("def call(self, x, mask=None):", "def call(self, x, mask=None, training=None):")
        .replace("        x = self.dropout(x)", "        x = self.dropout(x, training=training)")
        .replace("self.inner(x)", "self.inner(x, training=training)")
        .replace("self.rnn(x, mask=mask)", "self.rnn(x, mask=mask, training=training)")
        .replace(
            "            x,\n        )", "            x,\n            training=training,\n        )"
        )
        .replace("[self.dropout(y)", "[self.dropout(y, training=training)")
    )
    check(SUBLAYERS, after, to="keras")


def test_options_handed_on_take_training_along() -> None:
    text = (
        "from keras.layers import Dense, Dropout\n\n\nclass A(Dropout):\n"
        "    def call(self, x, {0}**kwargs):\n        return super(A, self).call(x, {1}**kwargs)\n"
    )
    check(
        text.format("", ""),
        text.format("training=None, ", "training=training, "),
        to="keras",
        codes=["KM302", "KM303"],
    )


def test_position_that_would_become_training_is_reported() -> None:
    before = layer(
        "def call(self, x, mask=None):\n    return super().call(x, mask)", base="Dropout"
    )
    after = before.replace("mask=None)", "mask=None, training=None)")
    found = check(before, after, to="keras", codes=["KM302", "KM303"])
    assert [each.fixed for each in found] == [True, False]


POSITIONAL = """\
from keras.layers import BatchNormalization, LSTM, Layer


class Inner(Layer):
    def call(self, x, training=None):
        return x


class Outer(Layer):
    def __init__(self):
        super(Outer, self).__init__(name="outer")
        self.norm = BatchNormalization()
        self.rnn = LSTM(4)
        self.inner = Inner()
        self.blocks = [Inner()]

    def function(self, x, flag):
        return x

    def call(self, x, mask=None, training=None):
        x = self.function(x, training)
        x = max(x, training)
        x = self.norm(x, True)
        x = self.inner(x, training)
        x = self.norm(x, training=training)
        return self.rnn(x, mask, training)
"""


def test_positional_training_becomes_a_keyword_under_keras_3() -> None:
    after = (
        POSITIONAL.replace("self.norm(x, True)", "self.norm(x, training=True)")
        .replace("self.inner(x, training)", "self.inner(x, training=training)")
        .replace("self.rnn(x, mask, training)", "self.rnn(x, mask=mask, training=training)")
    )
    check(POSITIONAL, after, to="keras", codes=["KM304"] * 3)
    legacy = POSITIONAL.replace("from keras", "from tf_keras")
    untouched(legacy, to="tf_keras", codes=())


def test_unknown_callable_with_positional_training_is_reported() -> None:
    code = layer(
        "def call(self, x, training=None):\n    for block in self.blocks:\n"
        "        x = block(x, training)\n    return self.blocks[0](x, training)"
    )
    untouched(code, to="keras", codes=["KM304", "KM304"])


def test_dunder_call() -> None:
    code = layer("def __call__(self, x):\n    return 2 * x")
    untouched(code, to="keras", codes=["KM306"])


def test_needed_limits_the_rule_to_where_it_matters() -> None:
    plain = layer("def call(self, x):\n    return x")
    untouched(plain, to="keras", codes=(), settings=NEEDED)
    heir = layer("def call(self, x):\n    return super().call(x)", base="BatchNormalization")
    check(
        heir,
        heir.replace("(self, x)", "(self, x, training=None)").replace(
            "call(x)", "call(x, training=training)"
        ),
        to="keras",
        settings=NEEDED,
        codes=["KM302", "KM303"],
    )
    dense = layer("def call(self, x):\n    return super().call(x)", base="Dense")
    untouched(dense, to="keras", codes=(), settings=NEEDED)
    phase = (
        "from tf_keras import backend as K\nfrom tf_keras.layers import Layer\n\n\n"
        "class Noise(Layer):\n    def call(self, x{}):\n"
        "        return K.in_train_phase(2 * x, x)\n"
    )
    check(phase.format(""), phase.format(", training=None"), to="tf_keras", settings=NEEDED)
    model = (
        "import keras\n\n\nclass Net(keras.Model):\n    def call(self, x{}):\n        return x\n"
    )
    check(model.format(""), model.format(", training=None"), to="keras", settings=NEEDED)
    legacy = model.format("").replace("import keras", "import tf_keras as keras")
    untouched(legacy, to="tf_keras", codes=(), settings=NEEDED)


def test_classes_of_other_files_are_handed_training(tmp_path: Path) -> None:
    parts = {
        "takes.py": "import keras\n\n\nclass Takes(keras.layers.Layer):\n"
        "    def call(self, x, training=None):\n        return x\n",
        "will.py": "import keras\n\n\nclass Will(keras.layers.Layer):\n"
        "    def call(self, x):\n        return x\n",
        "wont.py": "import keras\n\n\nclass Wont(keras.layers.Layer):\n"
        "    def call(self, x, **kwargs):\n        return self.f(x, **kwargs)\n",
        "init.py": "from takes import Takes\nfrom will import *\nfrom wont import Wont\n",
    }
    for name, text in parts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    user = tmp_path / "user.py"
    text = (
        "import keras\nfrom init import Takes, Will, Wont\n\n\nclass Net(keras.Model):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.a = Takes()\n        self.b = Will()\n        self.c = Wont()\n\n"
        "    def call(self, x{0}):\n        return self.c(self.b(self.a(x{1}){1}))\n"
    )
    view = Project(tmp_path, sorted(tmp_path.glob("*.py"))).view(user)
    wanted = text.format(", training=None", ", training=training")
    check(text.format("", ""), wanted, to="keras", view=view)


# -- on the real packages --------------------------------------------------------------------

DROPPED = """\
import numpy as np
import {0} as keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)
        self.dense = keras.layers.Dense(1)
        self.seen = None

    def call(self, x):
        x = self.drop(x)
        self.seen(x)
        return self.dense(x)


def zeroed():
    '''Share of the activations that are zero during fit().'''
    shares = []
    net = Net()
    net.seen = lambda x: shares.append(float(np.mean(np.asarray(x) == 0)))
    net.compile("sgd", "mse", run_eagerly=True)
    net.fit(np.ones((64, 100)), np.ones((64, 1)), batch_size=64, verbose=0)
    return shares[-1]
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize(("to", "before"), [("keras", 0.0), ("tf_keras", 0.5)])
def test_dropout_of_a_subclassed_model_works_in_fit(to: str, before: float) -> None:
    pytest.importorskip("tensorflow")

    def share(code: str) -> float:
        names: dict[str, object] = {}
        exec(compile(code, "<net>", "exec"), names)
        measure = names["zeroed"]
        assert callable(measure)
        return float(measure())

    original = DROPPED.format(to)
    after = Pipeline.to(to).run(original).text
    assert "def call(self, x, training=None):" in after
    assert "self.drop(x, training=training)" in after
    assert share(original) == pytest.approx(before, abs=0.05)
    assert share(after) == pytest.approx(0.5, abs=0.05)


NORMED = """\
import numpy as np
import {0} as keras


class Norm(keras.layers.BatchNormalization):
    def call(self, x):
        return super().call(x)


def moved():
    layer = Norm()
    net = keras.Sequential([keras.layers.Input((3,)), layer])
    net.compile("sgd", "mse")
    net.fit(np.ones((8, 3)), np.ones((8, 3)), verbose=0)
    return float(np.asarray(layer.moving_mean)[0])
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_heir_of_batch_normalization_moves_its_averages(to: str) -> None:
    pytest.importorskip("tensorflow")

    def mean(code: str) -> float:
        names: dict[str, object] = {}
        exec(compile(code, "<net>", "exec"), names)
        measure = names["moved"]
        assert callable(measure)
        return float(measure())

    original = NORMED.format(to)
    after = Pipeline.to(to, settings=NEEDED).run(original).text
    assert mean(original) == 0.0
    assert mean(after) == pytest.approx(0.01)

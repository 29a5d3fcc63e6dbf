"""KM645 to KM647: operators that meet variables, and what layers make of their weights."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrating import check
from originals import run_original
from targets import TARGETS, each_target

from kerasmigrate.findings import Finding, Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

CODES = ("KM645", "KM646", "KM647")
HEAD = (
    "import tensorflow as tf\nfrom tf_keras import backend as K, constraints, regularizers\n"
    "from tf_keras.layers import Dense, Layer, Lambda\n\n\n"
)
LAYER = (
    "class Own(Layer):\n    def build(self, shape):\n"
    "        self.kernel = self.add_weight(name='kernel', shape=(3, 3))\n"
    "        self.count = 3\n\n    def call(self, x, training=None):\n        {}\n"
)


def found(code: str, to: str, view: Any = None) -> list[Finding]:
    result = Pipeline.to(to).run(code, view)
    assert result.failures == ()
    assert Pipeline.to(to).run(result.text, view).text == result.text
    return [each for each in result.findings if each.code in CODES]


def lines(*each: str) -> str:
    return "\n        ".join(each)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Module level, as the examples of Keras have it.
        ("loss = K.variable(0.0)\nloss += f(x)\n", "loss = K.variable(0.0)\nloss = loss + f(x)\n"),
        (
            "loss = K.variable(0.0)\nfor x in xs:\n    loss += 2 * x  # more\n",
            "loss = K.variable(0.0)\nfor x in xs:\n    loss = loss + 2 * x  # more\n",
        ),
        ("v = tf.Variable(1.0)\nv /= a + b\n", "v = tf.Variable(1.0)\nv = v / (a + b)\n"),
        ("v = K.zeros((3,))\nv -= (a + b)\n", "v = K.zeros((3,))\nv = v - (a + b)\n"),
        ("v = K.ones((3,))\nv **= a * b; go()\n", "v = K.ones((3,))\nv = v ** (a * b); go()\n"),
        (
            "v = K.variable(1)\ndef f():\n    global v\n    v *= 2\n    return v\n",
            "v = K.variable(1)\ndef f():\n    global v\n    v = v * 2\n    return v\n",
        ),
        (
            "def f(n):\n    v = K.variable(1) if n else 3\n    v *= n\n    return v\n",
            "def f(n):\n    v = K.variable(1) if n else 3\n    v = v * n\n    return v\n",
        ),
        # Only the first meets the variable.
        (
            "v = K.variable(1)\nv *= 2\nv += 3\n",
            "v = K.variable(1)\nv = v * 2\nv += 3\n",
        ),
        (
            "v = K.variable(1)\nif n:\n    v *= 2\nv += 3\n",
            "v = K.variable(1)\nif n:\n    v = v * 2\nv = v + 3\n",
        ),
        (
            "a, v = 1, K.variable(1)\ntry:\n    v += a\nexcept ValueError:\n    v -= a\n",
            "a, v = 1, K.variable(1)\ntry:\n    v = v + a\nexcept ValueError:\n    v = v - a\n",
        ),
        # Weights of a layer.
        (
            LAYER.format(lines("W = self.kernel", "W *= 2", "return K.dot(x, W)")),
            LAYER.format(lines("W = self.kernel", "W = W * 2", "return K.dot(x, W)")),
        ),
        (
            "class Own(Dense):\n    def call(self, x, training=None):\n        w = self.kernel\n"
            "        w /= 2\n        return x @ w\n",
            "class Own(Dense):\n    def call(self, x, training=None):\n        w = self.kernel\n"
            "        w = w / 2\n        return x @ w\n",
        ),
        # Functions that are given one.
        (
            "def scaled(W, H=1):\n    W /= H\n    return W\n\n\n"
            + LAYER.format("return K.dot(x, scaled(self.kernel))"),
            "def scaled(W, H=1):\n    W = W / H\n    return W\n\n\n"
            + LAYER.format("return K.dot(x, scaled(self.kernel))"),
        ),
        (
            "def scaled(W, H=1):\n    W /= H\n    return W\n\n\n"
            "def twice(V):\n    return scaled(H=2, W=V)\n\n\n"
            + LAYER.format("return K.dot(x, twice(self.kernel))"),
            "def scaled(W, H=1):\n    W = W / H\n    return W\n\n\n"
            "def twice(V):\n    return scaled(H=2, W=V)\n\n\n"
            + LAYER.format("return K.dot(x, twice(self.kernel))"),
        ),
        (
            LAYER.format("return self.f(self.kernel)")
            + "\n    def f(self, w):\n        w += 1\n        return w\n",
            LAYER.format("return self.f(self.kernel)")
            + "\n    def f(self, w):\n        w = w + 1\n        return w\n",
        ),
        # Constraints and regularizers.
        (
            "class Own(constraints.Constraint):\n    def __call__(self, p):\n"
            "        p *= K.cast(p >= 0, 'float32')\n        return p\n",
            "class Own(constraints.Constraint):\n    def __call__(self, p):\n"
            "        p = p * K.cast(p >= 0, 'float32')\n        return p\n",
        ),
        (
            "class Own(regularizers.Regularizer):\n    def __call__(self, w):\n"
            "        w -= 1\n        return K.sum(w)\n",
            "class Own(regularizers.Regularizer):\n    def __call__(self, w):\n"
            "        w = w - 1\n        return K.sum(w)\n",
        ),
        (
            "def half(w):\n    w *= 0.5\n    return w\n\n\nDense(3, kernel_constraint=half)\n",
            "def half(w):\n    w = w * 0.5\n    return w\n\n\nDense(3, kernel_constraint=half)\n",
        ),
        # An attribute of something that is no layer.
        (
            "class Losses:\n    def __init__(self):\n        self.sum = K.variable(0)\n\n"
            "    def add(self, x):\n        self.sum += x\n",
            "class Losses:\n    def __init__(self):\n        self.sum = K.variable(0)\n\n"
            "    def add(self, x):\n        self.sum = self.sum + x\n",
        ),
    ],
)
def test_what_becomes_a_new_tensor(before: str, after: str) -> None:
    check(HEAD + before, HEAD + after, to="tf_keras")
    again = found(HEAD + before, "tf_keras")
    assert {each.code for each in again} == {"KM645"} and all(each.fixed for each in again)
    # A variable of Keras 3 makes a tensor itself.
    assert found(HEAD.replace("tf_keras", "keras") + before, "keras") == []


@pytest.mark.parametrize(
    "code",
    [
        "x = np.ones(3)\nx *= 2\n",
        "loss = 0.0\nloss += K.sum(x)\n",
        "v = K.constant(1)\nv *= 2\n",
        "v = K.zeros_like(x)\nv += 2\n",
        "v = K.variable(1)\nv = K.abs(v)\nv += 2\n",
        "v = K.variable(1)\nfor v in vs:\n    v += 2\n",
        "v = K.variable(1)\nwith f() as v:\n    v += 2\n",
        "v = K.variable(1)\nv %= 2\nw = K.variable(1)\nw //= 2\nu = K.variable(1)\nu @= x\n",
        "v = K.variable(1)\nv.count += 1\nv[0] += 1\n",
        "v = K.variable(1)\ndef f(v):\n    v += 2\n    return v\n",
        "v = K.variable(1)\ndef f():\n    v = 1\n    v += 2\n    return v\n",
        "def loss(y, p):\n    p /= K.sum(p)\n    return K.sum(y * p)\n",
        "def scaled(W, H=1):\n    W /= H\n    return W\n\n\nscaled(np.ones(3))\n",
        "def half(y):\n    y /= 2\n    return y\n\n\nDense(3, activity_regularizer=half)\n",
        LAYER.format(lines("n = self.count", "n *= 2", "x *= n", "return x")),
        LAYER.format(lines("W = self.kernel + 1", "W *= 2", "return x + W")),
        LAYER.format(lines("self.count *= 2", "return x")),
        "class Own(constraints.Constraint):\n    def __call__(self, p):\n        q = K.abs(p)\n"
        "        q *= 2\n        return q\n",
    ],
)
def test_what_is_no_variable(code: str) -> None:
    check(HEAD + code, HEAD + code, to="tf_keras")
    assert found(HEAD + code, "tf_keras") == []


def test_functions_of_another_file(tmp_path: Path) -> None:
    ops = tmp_path / "ops.py"
    ops.write_text(
        "from keras import backend as K\n\n\n"
        "def inner(W, H):\n    W /= H\n    return K.abs(W)\n\n\n"
        "def outer(W, x):\n    x /= 2\n    return K.dot(x, inner(W, 2))\n"
    )
    (tmp_path / "layers.py").write_text(
        "from keras.layers import Layer\nfrom ops import outer\n\n\n"
        + LAYER.format("return outer(self.kernel, x)")
    )
    project = Project(tmp_path, sorted(tmp_path.iterdir()))
    (one,) = found(ops.read_text(), "tf_keras", project.view(ops))
    assert (one.code, one.line) == ("KM645", 5)
    assert found(ops.read_text(), "tf_keras") == []


@each_target
@pytest.mark.parametrize(
    "statement",
    ["self.kernel *= 2", "self.kernel = self.kernel * 2", "self.kernel = f(self.kernel)"],
)
@pytest.mark.parametrize("base", ["Layer", "Dense"])
def test_weights_that_call_replaces(statement: str, base: str, to: str) -> None:
    head = HEAD.replace("tf_keras", "keras")
    own = LAYER.format(lines(statement, "return x @ self.kernel"))
    inherited = (
        f"class Own(Dense):\n    def call(self, x, training=None):\n        {statement}\n"
        "        return super().call(x)\n"
    )
    (one,) = found(head + (own if base == "Layer" else inherited), to)
    assert (one.code, one.fixed, one.severity) == ("KM646", False, Severity.ERROR)
    assert one.message == "self.kernel is a weight, and call() puts a tensor in its place"


@pytest.mark.parametrize(
    "body",
    [
        ("self.count = self.count + 1", "return x"),
        ("self.kernel = other(x)", "return x"),
        ("kernel = self.kernel * 2", "return x @ kernel"),
        ("w = self.kernel", "self.kernel = w * 2", "self.kernel = w", "return x"),
        ("w = self.kernel", "self.kernel = self.kernel * 2", "self.kernel = w", "return x"),
        ("self.kernel.assign(self.kernel * 2)", "return x"),
    ],
)
@each_target
def test_weights_that_stay(body: tuple[str, ...], to: str) -> None:
    head = HEAD.replace("tf_keras", "keras")
    assert found(head + LAYER.format(lines(*body)), to) == []


def test_a_kernel_of_keras_3_cannot_be_put_back() -> None:
    code = HEAD.replace("tf_keras", "keras") + (
        "class Own(Dense):\n    def call(self, x, training=None):\n        kernel = self.kernel\n"
        "        self.kernel = self.kernel * 2\n        y = super().call(x)\n"
        "        self.kernel = kernel\n        return y\n"
    )
    assert [each.code for each in found(code, "keras")] == ["KM646"]
    assert found(code, "tf_keras") == []


BUILT = (
    "class Own(Layer):\n    def build(self, shape):\n"
    "        self.kernel = self.add_weight(name='kernel', shape=(3, 3){})\n        {}\n\n"
    "    def call(self, x, training=None):\n        return x @ self.half\n"
)


@each_target
@pytest.mark.parametrize(
    "statement",
    [
        "self.half = self.kernel / 2",
        "self.half = self.kernel[:, :2]",
        "self.half = -self.kernel",
        "self.half = K.abs(self.kernel)",
        "self.half = tf.abs(1 + self.kernel)",
        "self.half = K.sum(K.concatenate([self.kernel, x]), axis=0)",
        "self.half = [self.kernel[0], self.kernel[1]]",
        "k = self.add_weight(name='k', shape=(3,))\n        self.half = k * 2",
    ],
)
def test_tensors_that_build_makes(statement: str, to: str) -> None:
    head = HEAD.replace("tf_keras", "keras")
    (one,) = found(head + BUILT.format("", statement), to)
    assert (one.code, one.fixed, one.severity) == ("KM647", False, Severity.WARNING)
    assert one.message.startswith("self.half keeps the first values of ")
    assert "def half(self)" in one.advice


@each_target
@pytest.mark.parametrize(
    ("options", "statement"),
    [
        ("", "self.half = self.kernel"),
        ("", "self.half = K.int_shape(self.kernel)[0]"),
        ("", "self.half = self.kernel.shape[0] / 2"),
        ("", "self.half = K.zeros_like(self.kernel)"),
        ("", "self.half = Dense(3)(self.kernel)"),
        ("", "self.half = make(self.kernel)"),
        ("", "self.half = lambda: self.kernel * 2"),
        ("", "self.half = [self.kernel, self.kernel]"),
        ("", "self.other = self.kernel * 2"),
        ("", "half = self.kernel * 2"),
        (", trainable=False", "self.half = self.kernel * 2"),
        (", trainable=self.fixed", "self.half = self.kernel * 2"),
        ("", "self.half = self.count * 2"),
    ],
)
def test_what_build_may_make(options: str, statement: str, to: str) -> None:
    head = HEAD.replace("tf_keras", "keras")
    assert found(head + BUILT.format(options, statement), to) == []


# -- the real packages ----------------------------------------------------------------------------

IN_PLACE = """
from {root}.layers import Dense
from {root}.models import Sequential
from {root} import backend as K

def half(w):
    w *= 0.5
    return w

class Own(Dense):
    def call(self, x, mask=None):
        w = self.kernel
        w += 1
        w /= 4
        return K.dot(x, w)

model = Sequential([
    Own(2, input_dim=3, use_bias=False, kernel_initializer="ones", kernel_constraint=half)
])
model.compile("sgd", "mse")
x = np.ones((2, 3))
results["before"] = model.predict(x)
model.train_on_batch(x, np.full((2, 2), 1.5))
results["after"] = model.predict(x)
results["kernel"] = model.get_weights()[0]
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
def test_the_numbers_of_operators() -> None:
    old = run_original("2.2.4", IN_PLACE.format(root="keras"))
    assert old["before"].tolist() == [[1.5, 1.5]] * 2
    assert old["kernel"].tolist() == [[0.5, 0.5]] * 3
    with pytest.raises(RuntimeError, match="is not supported"):
        exec(IN_PLACE.format(root="tf_keras"), {"np": np, "results": {}})
    for to in TARGETS:
        space: dict[str, Any] = {"np": np, "results": {}}
        exec(Pipeline.to(to).run(IN_PLACE.format(root="keras")).text, space)
        for name, value in old.items():
            assert np.allclose(space["results"][name], value, atol=1e-6), (to, name)


SNAPSHOT = """
from {root}.layers import Dense, Layer
from {root}.models import Sequential

class Own(Layer):
    def build(self, shape):
        if {old}:
            self.kernel = self.add_weight((3, 3), initializer="one", name="kernel")
        else:
            self.kernel = self.add_weight(name="kernel", shape=(3, 3), initializer="ones")
        self.half = self.kernel / 2
        self.built = True

    def call(self, x, mask=None):
        return x + self.half

model = Sequential([Own(input_shape=(3,)), Dense(1)])
model.compile("sgd", "mse")
first = model.get_weights()
model.train_on_batch(np.ones((3, 3)), np.ones((3, 1)))
results["moved"] = [not np.array_equal(a, b) for a, b in zip(first, model.get_weights())]
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
def test_a_tensor_of_build_is_not_trained() -> None:
    for version in ("1.2.2", "2.2.4"):
        code = SNAPSHOT.format(root="keras", old=version == "1.2.2")
        assert run_original(version, code)["moved"] == [True, True, True]
    for root in ("keras", "tf_keras"):
        space: dict[str, Any] = {"np": np, "results": {}}
        exec(SNAPSHOT.format(root=root, old=False), space)
        assert space["results"]["moved"] == [False, True, True]


@pytest.mark.tensorflow
def test_a_replaced_weight_fails() -> None:
    for root in ("keras", "tf_keras"):
        keras = importlib.import_module(root)

        class Own(keras.layers.Layer):  # type: ignore[misc,name-defined]
            def build(self, shape: Any) -> None:
                self.kernel = self.add_weight(name="kernel", shape=(3, 3))

            def call(self, x: Any) -> Any:
                self.kernel = self.kernel * 2
                return x @ self.kernel

        with pytest.raises(TypeError, match="out of scope"):
            model = keras.Sequential([keras.layers.InputLayer((3,)), Own()])
            model.predict(np.ones((1, 3)), verbose=0)

from __future__ import annotations

import pytest
from migrating import check, untouched

BEFORE = """\
import numpy as np
from keras import backend as K
from keras.layers import Layer


class Mask(Layer):
    def call(self, x, training=None):
{body}
"""
AFTER = BEFORE.replace("keras import", "tf_keras import").replace("keras.layers", "tf_keras.layers")


def filled(template: str, body: str) -> str:
    return template.format(body="\n".join("        " + line for line in body.splitlines()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return x * K.variable(np.eye(3))", "return x * K.constant(np.eye(3))"),
        (
            "mask = K.variable(np.eye(3), dtype='float32')\nreturn x * mask",
            "mask = K.constant(np.eye(3), dtype='float32')\nreturn x * mask",
        ),
        ("return x + K.zeros((3,))", "return x + K.constant(0.0, shape=(3,))"),
        (
            "return x + K.ones(shape=(self.n, 1 + self.n), name='a')",
            "return x + K.constant(1.0, shape=(self.n, 1 + self.n), name='a')",
        ),
        (
            "return x + K.ones(self.size + (1, 1), 'float64')",
            "return x + K.constant(1.0, shape=self.size + (1, 1), dtype='float64')",
        ),
        (
            "start = [K.zeros((3,)), K.ones((3,))]\nreturn K.rnn(step, x, start)",
            "start = [K.constant(0.0, shape=(3,)), K.constant(1.0, shape=(3,))]\n"
            "return K.rnn(step, x, start)",
        ),
        (
            "def step(y, state):\n    return y * K.ones((3,)), state\nreturn K.rnn(step, x, [])",
            "def step(y, state):\n    return y * K.constant(1.0, shape=(3,)), state\n"
            "return K.rnn(step, x, [])",
        ),
    ],
)
def test_what_is_only_read_is_a_constant(before: str, after: str) -> None:
    findings = check(filled(BEFORE, before), filled(AFTER, after), to="tf_keras")
    count = after.count("K.constant(")
    assert [each.code for each in findings] == ["KM101", "KM101", *["KM338"] * count]
    assert all(each.fixed for each in findings)


@pytest.mark.parametrize(
    "body",
    [
        "self.count = K.variable(0)\nreturn x * self.count",
        "count = K.variable(0)\nK.update_add(count, 1)\nreturn x * count",
        "count = K.zeros((3,))\ncount.assign(x[0])\nreturn x * count",
        "a = b = K.variable(0)\nreturn x * a * b",
        "self.counts = [K.variable(0)]\nreturn x",
        "self.count, y = K.variable(0), x\nreturn y",
        "self.counts.append(K.variable(0))\nreturn x",
        "count: object = K.variable(0)\nself.count = count\nreturn x",
        "count = K.variable(0)\nself.counts.append(count)\nreturn x * count",
        "count = K.variable(0)\nother = count\nother.assign(1.0)\nreturn x",
        "self.add_update([K.update(K.variable(0), x)])\nreturn x",
        "setattr(self, 'count', K.variable(0) if x is None else 0)\nreturn x",
        "return x * K.variable(0, constraint=abs)",
        "return x @ K.eye(3)",
    ],
)
def test_what_may_be_assigned_is_reported(body: str) -> None:
    findings = check(filled(BEFORE, body), filled(AFTER, body), to="tf_keras")
    (found,) = (each for each in findings if each.code == "KM338")
    assert not found.fixed
    assert found.advice == (
        "make it once, in build(): self.add_weight(shape=..., initializer='zeros', trainable=False)"
    )


@pytest.mark.parametrize(
    "body",
    [
        "return x + K.zeros((K.shape(x)[0], 3))",
        "rows = K.shape(x)[0]\nreturn x + K.zeros((rows, 3))",
        "return x + K.zeros(shape)",
        "return x + K.zeros_like(x)",
        "return x + K.constant(1.0)",
        "return x + np.zeros((3,))",
    ],
)
def test_other_values_stay(body: str) -> None:
    check(filled(BEFORE, body), filled(AFTER, body), to="tf_keras", codes=["KM101", "KM101"])


def test_other_methods_and_classes_stay() -> None:
    code = (
        "from tf_keras import backend as K\nfrom tf_keras.layers import Layer\n\n\n"
        "class A(Layer):\n    def build(self, shape):\n        self.a = K.variable(0)\n\n\n"
        "class B:\n    def call(self, x):\n        return K.zeros((3,))\n\n\n"
        "start = K.zeros((3,))\n"
    )
    untouched(code, to="tf_keras", codes=())


def test_keras_3_is_told() -> None:
    before = filled(BEFORE, "return x * K.variable(np.eye(3))")
    after = before.replace("backend as K\n", "backend as K\nimport keras\n").replace(
        "K.variable(np.eye(3))", "keras.Variable(np.eye(3), dtype=K.floatx())"
    )
    findings = check(before, after, to="keras")
    (found,) = (each for each in findings if each.code == "KM338")
    assert found.advice == "write keras.ops.convert_to_tensor(x, dtype=keras.config.floatx())"


@pytest.mark.tensorflow
def test_variables_fail_and_constants_do_not() -> None:
    import numpy as np
    import tf_keras

    backend = tf_keras.backend

    def computed(function: object) -> list[list[float]]:
        class Masked(tf_keras.layers.Layer):  # type: ignore[misc]
            def call(self, x, training=None):  # type: ignore[no-untyped-def]
                return function(x)  # type: ignore[operator]

        model = tf_keras.Sequential([tf_keras.layers.InputLayer((3,)), Masked()])
        return model.predict(np.ones((1, 3)), verbose=0).tolist()  # type: ignore[no-any-return]

    for function in (
        lambda x: x * backend.variable(np.arange(3)),
        lambda x: x + backend.ones((3,)),
    ):
        with pytest.raises(ValueError, match="singleton"):
            computed(function)
    assert computed(lambda x: x * backend.constant(np.arange(3))) == [[0, 1, 2]]
    assert computed(lambda x: x + backend.constant(1.0, shape=(3,))) == [[2, 2, 2]]

from __future__ import annotations

import pytest
from migrating import check, untouched

HEAD = "import tensorflow as tf\nfrom keras.layers import Lambda\n\n"


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.concat(1, [x, y])", "tf.concat([x, y], 1)"),
        ("tf.concat(-1, values)", "tf.concat(values, -1)"),
        ("tf.concat(0, [x,\n    y], )", "tf.concat([x,\n    y], 0, )"),
        ("tf.split(1, 4, x)", "tf.split(x, 4, 1)"),
        ("tf.concat(1, [tf.concat(2, a), b])", "tf.concat([tf.concat(a, 2), b], 1)"),
    ],
)
def test_tensors_come_first(before: str, after: str, to: str) -> None:
    head = HEAD.replace("keras.layers", {"tf.keras": "tensorflow.keras"}.get(to, to) + ".layers")
    codes = ["KM822"] * before.count("tf.")
    check(f"{head}f = Lambda(g)\nz = {before}\n", f"{head}f = Lambda(g)\nz = {after}\n",
          to=to, codes=codes)  # fmt: skip


def test_inside_a_layer_that_tries_both() -> None:
    code = (
        "from keras.layers import Layer\n\n\nclass Join(Layer):\n"
        "    def call(self, x, training=None):\n"
        "        import tensorflow as tf\n"
        "        try:\n            y = tf.concat(1, [x, x])\n"
        "        except TypeError:\n            y = tf.concat([x, x], 1)\n        return y\n"
    )
    check(code, code.replace("tf.concat(1, [x, x])", "tf.concat([x, x], 1)"),
          to="keras", codes=["KM822"])  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        "tf.concat([x, y], 1)",
        "tf.concat(axis, [x, y])",
        "tf.concat(concat_dim=1, values=[x, y])",
        "tf.concat(1, values=[x, y])",
        "tf.concat(1, *values)",
        "tf.concat(1)",
        "tf.split(x, 4, 1)",
        "tf.split(1, 4, x, name='a')",
        "tf.stack(1, [x, y])",
        "np.concat(1, [x, y])",
        "concat(1, [x, y])",
    ],
)
def test_other_calls_stay(call: str) -> None:
    untouched(f"{HEAD}import numpy as np\n\nf = Lambda(g)\nz = {call}\n", to="keras", codes=())


@pytest.mark.tensorflow
def test_the_new_order_joins_along_the_axis() -> None:
    import numpy as np
    import tensorflow as tf

    x = np.arange(6.0).reshape(2, 3)
    assert tf.concat([x, x], 1).shape == (2, 6)
    assert tf.split(x, 3, 1)[2].numpy().tolist() == [[2.0], [5.0]]
    with pytest.raises(ValueError, match="must have rank 0"):
        tf.function(lambda y: tf.concat(1, [y, y]))(x)

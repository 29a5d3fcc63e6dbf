"""TimeDistributedDense: a Dense layer inside a TimeDistributed one."""

from __future__ import annotations

import pytest
from migrating import check, untouched


@pytest.mark.parametrize("home", ["keras.layers", "keras.layers.core"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(4)", "TimeDistributed(Dense(4))"),
        ("(4, activation='relu')", "TimeDistributed(Dense(4, activation='relu'))"),
        (
            "(4, 'uniform', 'tanh')",
            "TimeDistributed(Dense(4, kernel_initializer='uniform', activation='tanh'))",
        ),
        (
            "(output_dim=4, bias=False, name='x')",
            "TimeDistributed(Dense(units=4, use_bias=False), name='x')",
        ),
        ("(4, input_shape=(5, 3))", "TimeDistributed(Dense(4), input_shape=(5, 3))"),
        (
            "(4, input_dim=3, input_length=5)",
            "TimeDistributed(Dense(4), input_shape=(5, 3))",
        ),
        (
            "(\n    4,\n    input_dim=3,  # three\n)(x)",
            "TimeDistributed(Dense(\n    4,  # three\n), input_shape=(None, 3))(x)",
        ),
    ],
)
def test_calls(home: str, before: str, after: str) -> None:
    check(
        f"from {home} import TimeDistributedDense\n\nx = TimeDistributedDense{before}\n",
        f"from keras.layers import Dense, TimeDistributed\n\nx = {after}\n",
        to="keras",
        codes=["KM101", "KM212"],
    )


def test_attributes() -> None:
    check(
        "import keras\n\nx = (keras.layers.TimeDistributedDense(4))\n",
        "import tf_keras as keras\n\nx = (keras.layers.TimeDistributed(keras.layers.Dense(4)))\n",
        to="tf_keras",
        codes=["KM101", "KM212"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "x = TimeDistributedDense(**options)\n",
        "x = TimeDistributedDense(init='one')\n",
        "x = TimeDistributedDense(4, weights=given)\n",
        "x = TimeDistributedDense(4, batch_input_shape=(2, 5, 3))\n",
        "x = TimeDistributedDense(4, input_dim=3, input_shape=(5, 3))\n",
        "x = TimeDistributedDense\n",
        "class Mine(TimeDistributedDense):\n    pass\n",
    ],
)
def test_reported_as_a_missing_name(code: str) -> None:
    untouched(
        f"from keras.layers import TimeDistributedDense\n\n{code}", to="keras", codes=["KM103"]
    )


def test_a_class_of_ones_own() -> None:
    untouched(
        "import keras\n\n\nclass TimeDistributedDense:\n    pass\n\n\n"
        "x = TimeDistributedDense(4)\n",
        to="keras",
        codes=[],
    )

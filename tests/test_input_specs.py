"""InputSpec(ndim='2+') of Keras 1: KM327."""

from __future__ import annotations

import numpy as np
import pytest
from migrating import check, untouched
from targets import each_target

ROOT = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("InputSpec(ndim='2+')", "InputSpec(min_ndim=2)"),
        ('InputSpec(dtype="float32", ndim="10+")', 'InputSpec(dtype="float32", min_ndim=10)'),
        (
            "[InputSpec(ndim=' 3+ '), InputSpec(ndim=2)]",
            "[InputSpec(min_ndim=3), InputSpec(ndim=2)]",
        ),
    ],
)
@each_target
def test_a_text_becomes_a_number(before: str, after: str, to: str) -> None:
    found = check(
        f"from keras.engine import InputSpec\n\nspec = {before}\n",
        f"from {ROOT[to]}.layers import InputSpec\n\nspec = {after}\n",
        to=to,
        codes=["KM101", "KM327"],
    )
    assert found[1].message.startswith("ndim='")


@pytest.mark.parametrize(
    "spec",
    [
        "InputSpec(ndim=2)",
        "InputSpec(ndim=rank)",
        "InputSpec(ndim='2')",
        "InputSpec(ndim='+')",
        "InputSpec(shape='2+')",
        "InputSpec(min_ndim=2)",
        "InputSpec(**options)",
        "partial(InputSpec, ndim='2+')",
        "Other(ndim='2+')",
    ],
)
@each_target
def test_what_stays(spec: str, to: str) -> None:
    untouched(f"from {ROOT[to]}.layers import InputSpec\n\nspec = {spec}\n", to=to, codes=[])


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_what_the_targets_make_of_it(to: str) -> None:
    keras = pytest.importorskip(to)

    class Own(keras.layers.Layer):
        def __init__(self, **spec: object) -> None:
            super().__init__()
            self.input_spec = [keras.layers.InputSpec(**spec)]

        def call(self, x: object) -> object:
            return x

    with pytest.raises(ValueError, match=r"expected ndim=2\+, found ndim=2"):
        Own(ndim="2+")(np.ones((1, 2), "float32"))
    for rank in (2, 3):
        x = np.ones((1, 2, 3)[:rank], "float32")
        assert Own(min_ndim=2)(x).shape == x.shape
    with pytest.raises(ValueError, match="min_ndim=2"):
        Own(min_ndim=2)(np.ones((1,), "float32"))

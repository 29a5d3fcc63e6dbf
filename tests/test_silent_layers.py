"""KM622: layers whose phase is fixed."""

from __future__ import annotations

from typing import Any

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.pipeline import Pipeline

INFERENCE = '''\
@register_keras_serializable(package="keras2")
class InferenceBatchNormalization(BatchNormalization):
    """A BatchNormalization in inference mode whatever the phase of the model."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)
'''


def test_batch_normalization_in_inference_mode() -> None:
    check(
        "from keras.layers import BatchNormalization, Input\n\n"
        "x = Input((3,))\nx = BatchNormalization(axis=1)(x, training=0)  # fixed\n",
        "from keras.layers import BatchNormalization, Input\n"
        "from keras.saving import register_keras_serializable\n\n\n" + INFERENCE + "\n\n"
        "x = Input((3,))\nx = InferenceBatchNormalization(axis=1)(x)  # fixed\n",
        to="keras",
        codes=["KM101", "KM622"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "drop = Dropout(0.5)\nx = Input((3,))\ny = drop(x, training=True)\n",
        "x = Input((3,))\ninner = Model(x, x)\ny = inner(x, training=True)\n",
        "x = Input((3,))\ninner = Model(x, x)\ny = inner(Dropout(0.5)(x), training=False)\n",
        "base = Model()\nbase.trainable = False\nx = base(Input((3,)), training=False)\n"
        "base.trainable = True\n",
        "def f(n):\n    base = Model()\n    x = Input(n)\n    return base(x, training=False)\n",
    ],
)
def test_what_is_reported(code: str) -> None:
    imports = {
        name: f"from keras.{module} import {name}\n"
        for name, module in (("Dropout", "layers"), ("Input", "layers"), ("Model", "models"))
    }
    head = "".join(text for name, text in imports.items() if f"{name}(" in code)
    (found,) = untouched(head + code, to="keras", codes=["KM622"])
    assert (found.fixed, found.confidence) == (False, Confidence.LIKELY)
    assert found.advice and found.severity is Severity.INFO  # it may be for Keras 3
    old = Pipeline.to("keras").run(head + code + "Model().fit_generator(y)\n")
    severities = [each.severity for each in old.findings if each.code == "KM622"]
    assert severities == [Severity.WARNING]
    untouched((head + code).replace("from keras", "from tf_keras"), to="tf_keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "x = Input((3,))\ny = Dropout(0.5)(x, training=None)\n",
        "x = Input((3,))\ny = Dropout(0.5)(x, training=flag)\n",
        "x = Input((3,))\ny = Dropout(0.5)(x)\n",
        "x = Input((3,))\ny = Dense(4)(x, training=True)\n",
        "x = Input((3,))\ny = other(0.5)(x, training=True)\n",
        # numbers, not tensors of a functional model
        "model = Model()\ny = model(data, training=False)\n",
        "def step(x):\n    return model(x, training=True)\n\n\nmodel = Model()\n",
        # frozen for good
        "base = Model()\nbase.trainable = False\nx = base(Input((3,)), training=False)\n",
        # inside call() the argument is heeded
        "class A(Layer):\n    def call(self, x, training=None):\n"
        "        return Dropout(0.5)(x, training=True)\n",
        "class A(Model):\n    def block(self, x):\n        return Dropout(0.5)(x, training=True)\n",
        "class A:\n    def call(self, x):\n        return Dropout(0.5)(x, training=True)\n",
        "@function\ndef f(x):\n    return Dropout(0.5)(x, training=True)\n",
        # Keras 3
        "x = Input((3,))\nx = ops.abs(Dropout(0.5)(x, training=True))\n",
    ],
)
def test_what_stays(code: str) -> None:
    head = "import keras\nfrom keras import ops\n" if "ops." in code else ""
    head += (
        "from keras.layers import Dense, Dropout, Input, Layer\nfrom keras.models import Model\n"
    )
    head += "from other import other, function\n\n"
    untouched(head + code, to="keras", codes=[])


def test_a_layer_of_another_library() -> None:
    untouched(
        "from keras.layers import Input\nfrom other import Dropout\n\n"
        "y = Dropout(0.5)(Input((3,)), training=True)\n",
        to="keras",
        codes=[],
    )


def test_an_ignored_line_brings_no_class() -> None:
    untouched(
        "from keras.layers import Dropout, Input\n\n"
        "y = Dropout(0.5)(Input((3,)), training=True)  # kerasmigrate: ignore\n",
        to="keras",
        codes=[],
    )


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_several_layers_share_a_class(to: str) -> None:
    code = (
        "import keras\n\nx = keras.Input((3,))\n"
        "x = keras.layers.Dropout(rate=0.5)(x, training=True)\n"
        "x = keras.layers.Dropout(\n    0.2,  # less\n    name='b')(x, training=True)\n"
        "x = keras.layers.GaussianNoise(1.0)(x, training=False)\n"
    )
    result = Pipeline.to(to).run(code)
    assert [each.code for each in result.findings if each.code != "KM101"] == ["KM622"] * 3
    assert result.text.count("class ActiveDropout(keras.layers.Dropout):") == 1
    assert (
        "x = ActiveDropout(rate=0.5)(x)\nx = ActiveDropout(\n    0.2,  # less\n    name='b')(x)\n"
        in (result.text)
    )
    assert "x = InactiveGaussianNoise(1.0)(x)\n" in result.text
    assert Pipeline.to(to).run(result.text).text == result.text


RUN = """\
from keras.layers import BatchNormalization, Dense, Dropout, Input
from keras.models import Model

a = Input((400,))
active = Model(a, Dropout(0.5)(a, training=True))
b = Input((3,))
norm = Model(b, Dense(1)(BatchNormalization()(b, training=False)))
norm.compile('sgd', 'mse')
norm.fit(x, y, verbose=0)
off = (active.predict(ones, verbose=0) == 0).mean()
mean = float(norm.layers[1].moving_mean[0])
"""


@pytest.mark.tensorflow
def test_the_phase_is_that_of_keras_2(tmp_path: Any) -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("tf_keras")
    import numpy as np

    def run(code: str) -> dict[str, Any]:
        names = {
            "ones": np.ones((8, 400), "float32"),
            "x": np.full((8, 3), 5, "float32"),
            "y": np.ones((8, 1), "float32"),
        }
        exec(compile(code, "<phase>", "exec"), names)
        return names

    before = run(RUN.replace("from keras", "from tf_keras"))
    silent = run(RUN)
    after = run(Pipeline.to("keras").run(RUN).text)
    assert 0.4 < before["off"] < 0.6 and before["mean"] == 0
    assert silent["off"] == 0 and silent["mean"] > 0.04
    assert 0.4 < after["off"] < 0.6 and after["mean"] == 0
    after["active"].save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    assert 0.4 < (loaded.predict(np.ones((8, 400)), verbose=0) == 0).mean() < 0.6

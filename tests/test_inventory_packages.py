"""The inventories of the targets against the installed packages."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from types import FunctionType
from typing import Any

import pytest

from kerasmigrate.inventory import Inventory, load
from kerasmigrate.inventory.signature import Signature

pytestmark = pytest.mark.tensorflow

ROOTS = {
    "keras-3": "keras",
    "tf.keras-3": "tensorflow.keras",
    "tf_keras-2": "tf_keras",
}

#: Keyword arguments that code of some Keras gives to a layer, with a value that it would accept.
PROBES: dict[str, Any] = {
    "name": "probe",
    "dtype": "float32",
    "trainable": False,
    "input_shape": (4, 4),
    "input_dim": 4,
    "batch_input_shape": (2, 4, 4),
    "batch_shape": (2, 4, 4),
    "batch_size": 2,
    "weights": None,
    "autocast": True,
    "dynamic": False,
    "activity_regularizer": None,
    "implementation": 1,
    "input_length": 4,
    "init": "zeros",
    "border_mode": "same",
    "output_dim": 4,
    "nb_filter": 4,
    "W_regularizer": None,
    "dropout_W": 0.1,
}

LAYERS: dict[str, tuple[Any, ...]] = {
    "Dense": (4,),
    "Conv1D": (4, 3),
    "Conv2D": (4, 3),
    "Conv2DTranspose": (4, 3),
    "SeparableConv2D": (4, 3),
    "DepthwiseConv2D": (3,),
    "MaxPooling2D": (),
    "GlobalAveragePooling2D": (),
    "BatchNormalization": (),
    "LayerNormalization": (),
    "Dropout": (0.5,),
    "Flatten": (),
    "Activation": ("relu",),
    "LeakyReLU": (),
    "Embedding": (4, 4),
    "LSTM": (4,),
    "GRU": (4,),
    "SimpleRNN": (4,),
    "LSTMCell": (4,),
    "ConvLSTM2D": (4, 3),
    "Add": (),
    "Concatenate": (),
    "Reshape": ((4, 4),),
    "ZeroPadding2D": (),
    "UpSampling2D": (),
    "Attention": (),
    "MultiHeadAttention": (2, 4),
}


@pytest.fixture(autouse=True)
def _same_version(name: str) -> None:
    """Compare like with like: another Keras 3 has other symbols."""
    distribution = "tf_keras" if name == "tf_keras-2" else "keras"
    installed = importlib.metadata.version(distribution)
    if installed != load(name).version:
        pytest.skip(f"the inventory is of {distribution} {load(name).version}, not {installed}")


def _real(name: str, path: str) -> Any:
    """Import the object that a canonical path of an inventory stands for."""
    module, _, leaf = path.rpartition(".")
    if not module:
        return importlib.import_module(ROOTS[name])
    if load(name).is_private(path) and load(name).kind(path) == "module":
        return importlib.import_module(f"{ROOTS[name]}.src{path[len('keras') :]}")
    parent = _real(name, module)
    if not hasattr(parent, leaf):
        return importlib.import_module(ROOTS[name] + path[len("keras") :])
    return getattr(parent, leaf)


def _plain(signature: Signature) -> list[tuple[str, bool]]:
    """Return the positional parameters as name and whether there is a default."""
    return [
        (each.name, each.default is not None)
        for each in signature.parameters
        if each.kind in {"positional", "positional_only"}
    ]


def _inspected(value: Any) -> list[tuple[str, bool]] | None:
    """Return the same of a live function, or None when it passes positional arguments on."""
    found = list(inspect.signature(value).parameters.values())
    if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in found):
        return None
    return [
        (each.name, each.default is not inspect.Parameter.empty)
        for each in found
        if each.kind in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    ]


@pytest.mark.parametrize("name", ROOTS)
def test_every_path_exists(name: str) -> None:
    found = load(name)
    for path in found.paths():
        value = _real(name, path)
        kind = found.kind(path)
        assert (kind == "module") == inspect.ismodule(value), path
        assert (kind == "class") == inspect.isclass(value), path
        assert kind != "function" or callable(value), path


@pytest.mark.parametrize("name", ROOTS)
def test_positional_parameters_are_the_real_ones(name: str) -> None:
    found = load(name)
    compared = 0
    for path in found.paths():
        value = _real(name, path)
        if found.kind(path) == "function":
            real = _inspected(inspect.unwrap(value))
        elif found.kind(path) == "class" and path.rpartition(".")[2] != "Model":
            constructor = inspect.unwrap(value.__init__)
            if not isinstance(constructor, FunctionType):
                continue
            real = _inspected(constructor)
            real = real[1:] if real else real
        else:
            continue
        signature = found.signature(path)
        if real is None or signature is None:
            continue
        assert _plain(signature) == real, path
        compared += 1
    assert compared > 700


@pytest.mark.parametrize("name", ROOTS)
def test_methods_are_the_real_ones(name: str) -> None:
    found = load(name)
    for path in (
        "keras.Model",
        "keras.Sequential",
        "keras.layers.LSTM",
        "keras.callbacks.Callback",
    ):
        cls = _real(name, path)
        compared = 0
        for method in found.methods(path):
            real = inspect.unwrap(inspect.getattr_static(cls, method))
            signature = found.method(path, method)
            if isinstance(real, FunctionType) and signature is not None:
                wanted = _inspected(real)
                if wanted is not None:
                    assert _plain(signature) == wanted[1:], f"{path}.{method}"
                    compared += 1
        assert compared > 10


def _accepted(cls: Any, arguments: tuple[Any, ...], keyword: str, value: object) -> bool:
    try:
        cls(*arguments, **{keyword: value})
    except (TypeError, ValueError) as error:
        text = str(error).lower()
        assert any(word in text for word in ("unrecognized", "unexpected", "not understood")), text
        return False
    return True


@pytest.mark.parametrize("leaf", LAYERS)
@pytest.mark.parametrize("name", ROOTS)
def test_layers_accept_exactly_the_listed_keywords(name: str, leaf: str) -> None:
    path = f"keras.layers.{leaf}"
    found: Inventory = load(name)
    signature = found.signature(path)
    assert signature is not None
    cls, arguments = _real(name, path), LAYERS[leaf]
    filled = signature.names()[: len(arguments)]
    for keyword, value in PROBES.items():
        if keyword not in filled:
            listed = signature.bind(len(arguments), [keyword]) is None
            assert listed == _accepted(cls, arguments, keyword, value), (path, keyword)


@pytest.mark.parametrize("keyword", ["lr", "decay"])
@pytest.mark.parametrize("name", ROOTS)
def test_optimizers_refuse_or_drop_the_old_keywords(name: str, keyword: str) -> None:
    cls = _real(name, "keras.optimizers.Adam")
    try:
        optimizer = cls(**{keyword: 0.5})
    except (TypeError, ValueError):
        return
    assert float(optimizer.learning_rate) == pytest.approx(0.001)


@pytest.mark.parametrize("name", ["keras-3", "tf.keras-3"])
def test_legacy_optimizers_of_keras_3_are_names_only(name: str) -> None:
    with pytest.raises(ImportError):
        _real(name, "keras.optimizers.legacy.Adam")()


@pytest.mark.parametrize("name", ROOTS)
def test_model_takes_inputs_and_outputs(name: str) -> None:
    keras = importlib.import_module(ROOTS[name])
    signature = load(name).signature("keras.Model")
    assert signature is not None
    assert signature.bind(2, ["name", "trainable"]) is None
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(inputs)
    assert keras.Model(inputs, outputs, name="m", trainable=False).name == "m"
    assert keras.Model(inputs=inputs, outputs=outputs).count_params() == 10
    assert signature.bind(3, []) == "3 positional arguments, but it takes at most 2"
    for keyword in ("input", "output"):
        assert not signature.accepts(keyword)

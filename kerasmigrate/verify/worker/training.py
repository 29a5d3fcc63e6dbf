"""What a compiled model computes of labels: its loss, the gradients, and one training step."""

from __future__ import annotations

import contextlib
import importlib
import re
from typing import Any

from . import graphs, settings

#: They draw random numbers while training, so that one step says nothing.
RANDOM = re.compile(r"Dropout|GaussianNoise|Random|Dropconnect", re.IGNORECASE)
#: Arguments of recurrent layers that make them draw random numbers.
DROPS = ("dropout", "recurrent_dropout", "dropout_W", "dropout_U")


class UnknownError(Exception):
    """What is asked for cannot be taken; the text is the reason."""


#: How Keras begins to tell of an exception inside a layer, and of what the layer was given.
WRAPPED = ("Exception encountered when calling", "in user code:", "Error when calling")
GIVEN = ("Arguments received by", "Call arguments received", "Call arguments:")


def message(error: BaseException) -> str:
    """Return what an exception is about, on one line.

    Keras 2.4 and later put the cause between the name of the layer and its arguments; a traceback
    of AutoGraph has it in its last lines.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    for given in GIVEN:
        text = text.partition(given)[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wrapped = bool(lines) and any(part in lines[0] for part in WRAPPED)
    line = "no message" if not lines else lines[-1] if wrapped else lines[0]
    kind = type(error).__name__
    return (line if line.startswith(kind) else f"{kind}: {line}")[:300]


def is_compiled(model: Any) -> bool:
    """Tell whether a model has an optimizer."""
    return getattr(model, "optimizer", None) is not None


def random_layer(model: Any) -> str:
    """Return the name of the first layer that draws random numbers while training; or nothing."""
    for layer in graphs.leaves(model):
        if RANDOM.search(type(layer).__name__) or _drops(layer):
            return str(layer.name)
    return ""


def own_layer(model: Any) -> str:
    """Return the name of the first layer with code of the user's; or nothing."""
    for layer in graphs.leaves(model):
        if is_own(layer) or type(layer).__name__ == "Lambda":
            return str(layer.name)
    return ""


def is_own(layer: Any) -> bool:
    """Tell whether the class of a layer is of the user's code."""
    package = str(type(layer).__module__).split(".")[0]
    return package not in ("keras", "tf_keras", "tensorflow")


def _drops(layer: Any) -> bool:
    inner = getattr(layer, "forward_layer", None) or getattr(layer, "layer", None)
    values = [getattr(layer, name, 0) for name in DROPS]
    own = any(isinstance(value, float) and value for value in values)
    if inner is None:
        return own
    return own or RANDOM.search(type(inner).__name__) is not None or _drops(inner)


# -- labels ---------------------------------------------------------------------------------------


def losses_of(model: Any, count: int) -> list[Any]:
    """Return the loss of each output, None for one that has none.

    Args:
        count: How many outputs there are.
    """
    losses = getattr(model, "loss", None)
    if isinstance(losses, dict):
        names = list(getattr(model, "output_names", None) or losses)
        return [losses.get(name) for name in names]
    if isinstance(losses, (list, tuple)):
        return list(losses)
    return [losses] * count


def made_up_targets(model: Any, outputs: list[Any]) -> list[Any]:
    """Make labels that fit the losses that a model was compiled with; none where it has none.

    Raises:
        UnknownError: Some outputs have a loss, and others have not.
    """
    np = importlib.import_module("numpy")
    random = np.random.RandomState(11)
    losses = losses_of(model, len(outputs))
    if all(loss is None for loss in losses):
        return []
    if len(losses) != len(outputs) or any(loss is None for loss in losses):
        raise UnknownError("not every output has a loss")
    made = []
    for loss, output in zip(losses, outputs):
        name = (loss if isinstance(loss, str) else settings.name_of(loss)).lower()
        if output.ndim == 0:
            raise UnknownError("an output is a single number")
        classes = output.shape[-1]
        chosen = random.randint(0, classes, size=output.shape[:-1])
        if "sparse" in name:
            made.append(chosen[..., None].astype("float32"))
        elif "categorical" in name:
            made.append(np.eye(classes, dtype="float32")[chosen])
        elif "binary" in name:
            made.append(random.randint(0, 2, size=output.shape).astype("float32"))
        elif "hinge" in name:
            made.append((random.randint(0, 2, size=output.shape) * 2 - 1).astype("float32"))
        else:
            made.append(random.uniform(0.1, 0.9, size=output.shape).astype("float32"))
    return made


def _packed(arrays: list[Any]) -> Any:
    """Return arrays as models take them: a single one by itself."""
    return None if not arrays else arrays if len(arrays) > 1 else arrays[0]


# -- numbers --------------------------------------------------------------------------------------


def loss(model: Any, inputs: list[Any], targets: list[Any]) -> float:
    """Return the loss with all penalties, as in testing."""
    rest(model)
    if hasattr(model, "reset_metrics"):
        model.reset_metrics()
    found = graphs.flat(model.test_on_batch(_packed(inputs), _packed(targets)))
    return float(found[0])


def step(model: Any, inputs: list[Any], targets: list[Any]) -> None:
    """Take one training step."""
    rest(model)
    if hasattr(model, "reset_metrics"):
        model.reset_metrics()
    model.train_on_batch(_packed(inputs), _packed(targets))


def rest(model: Any) -> None:
    """Forget the states of recurrent layers."""
    for layer in graphs.leaves(model):
        if getattr(layer, "stateful", False):
            forget = getattr(layer, "reset_states", None) or getattr(layer, "reset_state", None)
            if forget is not None:
                forget()


def gradients(
    keras: Any, model: Any, inputs: list[Any], targets: list[Any], training: bool
) -> dict[int, float]:
    """Return the Euclidean norm of the gradient of the loss for each weight that is trained.

    Args:
        keras: The package whose model it is.
        training: Layers compute what they do in training; moving averages stay as they are.

    Returns:
        By the ``id`` of the weight.

    Raises:
        UnknownError: The model is not of TensorFlow.
    """
    rest(model)
    if graphs.is_old(keras, int(keras.__version__.split(".")[0])):
        weights, arrays = _graph_gradients(keras, model, inputs, targets, training)
    else:
        weights, arrays = _tape_gradients(keras, model, inputs, targets, training)
    np = importlib.import_module("numpy")
    norms = [float(np.sqrt(np.sum(np.square(np.asarray(each, "float64"))))) for each in arrays]
    return {id(weight): norm for weight, norm in zip(weights, norms)}


Gradients = tuple[list[Any], list[Any]]


def _graph_gradients(
    keras: Any, model: Any, inputs: list[Any], targets: list[Any], training: bool
) -> Gradients:
    """Run the gradients of a model of Keras 1 or 2, of the weights that it was compiled with."""
    backend = importlib.import_module(keras.__name__ + ".backend")
    flow = importlib.import_module("tensorflow")
    # Until 2.1 a Sequential has a model inside, which is the compiled one.
    whole = getattr(model, "model", model) if type(model).__name__ == "Sequential" else model
    weights = getattr(whole, "_collected_trainable_weights", None)
    if weights is None:
        weights = whole.trainable_weights
    found = backend.gradients(whole.total_loss, weights)
    reached = [weight for weight, each in zip(weights, found) if each is not None]
    if not reached:
        return [], []
    data = whole._standardize_user_data(_packed(inputs), _packed(targets))
    values = [each for part in data[:3] for each in graphs.flat(part)]
    if hasattr(whole, "_feed_targets"):
        symbols = whole._feed_inputs + whole._feed_targets + whole._feed_sample_weights
    else:
        symbols = whole.inputs + whole.targets + whole.sample_weights
    if not isinstance(backend.learning_phase(), int):
        symbols, values = [*symbols, backend.learning_phase()], [*values, int(training)]
    dense = [flow.convert_to_tensor(each) for each in found if each is not None]
    return reached, list(backend.function(symbols, dense)(values))


def _tape_gradients(
    keras: Any, model: Any, inputs: list[Any], targets: list[Any], training: bool
) -> Gradients:
    """Record the loss of a model of tf_keras or Keras 3, and follow it back."""
    if hasattr(keras, "config") and keras.config.backend() != "tensorflow":
        raise UnknownError(f"the backend is {keras.config.backend()}")
    flow = importlib.import_module("tensorflow")
    given = [flow.convert_to_tensor(each) for each in inputs]
    labels = [flow.convert_to_tensor(each) for each in targets]

    weights: list[Any] = []

    def follow() -> list[Any]:
        with flow.GradientTape() as tape:
            predicted = model(_packed(given), training=training)
            value = model.compute_loss(_packed(given), _packed(labels), predicted)
        trained = list(model.trainable_weights)
        found = tape.gradient(value, _variables(trained))
        weights[:] = [weight for weight, each in zip(trained, found) if each is not None]
        return [flow.convert_to_tensor(each) for each in found if each is not None]

    before = model.get_weights()
    try:
        with _as_compiled(keras, model):
            # As a graph, like a training step: some operations have no other gradient on a CPU.
            whole = follow if model.run_eagerly else flow.function(follow, autograph=False)
            return weights, [each.numpy() for each in whole()]
    finally:
        model.set_weights(before)
        rest(model)


def _as_compiled(keras: Any, model: Any) -> Any:
    """Let those layers learn that could when the model was compiled, as tf_keras does."""
    if keras.__name__ != "tf_keras":
        return contextlib.nullcontext()
    utils = importlib.import_module("tf_keras.src.engine.training_utils")
    return utils.RespectCompiledTrainableState(model)


def _variables(weights: list[Any]) -> list[Any]:
    """Return the variables of TensorFlow inside those of Keras 3."""
    return [
        getattr(weight, "value", weight) if _is_wrapped(weight) else weight for weight in weights
    ]


def _is_wrapped(weight: Any) -> bool:
    return not callable(getattr(weight, "value", None))

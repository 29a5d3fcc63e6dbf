"""Stand-ins for the methods that train and score a model, in Keras 1 and 2 up to 2.3.1.

An original takes no training step: what is wanted of it is the model as the code has built it. The
results of training are made up under the names that the model's own metrics have.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

from . import batches, worlds
from .recorder import Record, recorder

#: What an epoch is said to have come to.
SCORE = 0.5


def bind(signature: inspect.Signature, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
    """Bind arguments to the parameters of a method that may know them by older names, too."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in signature.parameters.values() if each.kind in positional]
    bound = signature.bind_partial(*args[: len(names)])
    bound.arguments.update(kwargs)
    return bound


def _need_compiled(model: Any) -> None:
    if getattr(model, "optimizer", None) is None:
        raise RuntimeError("The model needs to be compiled before being used.")


def _logs(model: Any) -> dict[str, float]:
    names = getattr(model, "metrics_names", None) or ["loss"]
    return {str(name): SCORE for name in names}


def _number(given: dict[str, Any], *names: str) -> int:
    found = [given[name] for name in names if isinstance(given.get(name), int)]
    return int(found[0]) if found else 1


def fit(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    """``fit`` and ``fit_generator``: a history of the right length."""
    from . import standins

    _need_compiled(model)
    logs = _logs(model)
    if given.get("validation_data") is not None or given.get("validation_split"):
        logs.update({"val_" + name: SCORE for name in list(logs)})
    epochs = _number(given, "epochs", "nb_epoch")
    first = _number(given, "initial_epoch") if given.get("initial_epoch") else 0
    history = world.api.callbacks.History()
    history.model = model
    history.params = {"epochs": epochs, "nb_epoch": epochs, "verbose": 0, "metrics": list(logs)}
    history.epoch = list(range(first, epochs))
    history.history = standins.History(
        {name: [value] * len(history.epoch) for name, value in logs.items()}
    )
    _callbacks(model, given.get("callbacks"), history.params, logs)
    model.history = history
    return history


def _callbacks(model: Any, given: Any, params: dict[str, Any], logs: dict[str, float]) -> None:
    """Take the user's own callbacks through one epoch: code after the training reads them."""
    from . import standins

    for each in given or ():
        if not standins.is_users(each):
            continue
        for setter, value in (("params", params), ("model", model)):
            method = getattr(each, "set_" + setter, None) or getattr(each, "_set_" + setter, None)
            if method is not None:
                method(value)
        each.on_train_begin({})
        each.on_epoch_begin(0, {})
        each.on_batch_begin(0, {"batch": 0, "size": batches.SAMPLES})
        each.on_batch_end(0, {"batch": 0, "size": batches.SAMPLES, **logs})
        each.on_epoch_end(0, dict(logs))
        each.on_train_end({})


def score(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    """Return made-up scores: of a batch, or of an evaluation."""
    _need_compiled(model)
    values = list(_logs(model).values())
    return values if len(values) > 1 else values[0]


def predict(world: worlds.World, model: Any, rows: Any) -> Any:
    """Run a model on a few samples."""
    from . import standins

    with standins.paused():
        return model.predict_on_batch(rows)


def load_weights(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> None:
    """Load nothing: the weights are not what is compared."""
    recorder.note("the original loads no weights here")


ACTIONS: dict[str, Callable[[worlds.World, Record, Any, dict[str, Any]], Any]] = {
    "fit": fit,
    "fit_generator": fit,
    "train_on_batch": score,
    "evaluate": score,
    "evaluate_generator": score,
    "test_on_batch": score,
    "load_weights": load_weights,
}

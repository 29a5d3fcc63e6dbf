"""Stand-ins for the methods of a model that train, predict, load and save.

Each binds its arguments to the real signature, so that a wrong call fails as it would fail for
real; then it does a little of the real thing (one training step, one forward pass, on two samples)
and makes up the rest (a history of the right length, predictions of the right shape).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Callable

from . import batches, oldstandins, worlds
from .classify import HistoryKeyError, explain, one_line
from .recorder import Record, recorder

#: After so many calls of one line the code is in its training loop, and is stopped there.
CALLS_PER_LINE = 200
#: Larger models take no real training step and are not really saved where the code saves them.
MAX_PARAMETERS = 30_000_000
#: Models with more layers, at any depth, are trained eagerly: tracing takes longer than running.
MAX_TRACED_LAYERS = 40
#: Predictions with more numbers than this are views of one sample.
MAX_COPIED = 20_000_000
#: Failures of a training step that may come from the data that stand in for the real ones.
DATA_DEPENDENT = ("shape", "dimension", "rank", "broadcast", "label", "logits", "incompatible")
#: Files whose first bytes are made up (see ``data.get_file``): there are no weights to load.
made_up_files: set[str] = set()

#: How the stand-ins behave in this process.
_mode = {"paused": False, "training": True}
_calls: dict[tuple[str, int], int] = {}
_saved: dict[str, str] = {}
_originals: dict[tuple[str, str], Any] = {}


class Stop(BaseException):
    """Raised into the user's code to end its training loop; no ``except Exception`` holds it."""


class OutOfTime(BaseException):
    """Raised into the user's code when its share of the time is up."""


class History(dict):  # type: ignore[type-arg]
    """``History.history``: says which names there are when asked for another.

    Of an original, whose code is not on trial, it has any.
    """

    def __missing__(self, key: object) -> Any:
        if not _mode["training"]:
            return next(iter(self.values()), [])
        raise HistoryKeyError("{!r} (the history has {})".format(key, ", ".join(sorted(self))))


def original(world: worlds.World, name: str) -> Any:
    """Return a method of ``Model``, or ``models.load_model``, as it was before the stand-ins."""
    return _originals[world.package, name]


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Let the methods be the real ones for a while."""
    _mode["paused"] = True
    try:
        yield
    finally:
        _mode["paused"] = False


def without_training() -> None:
    """Take no training steps from now on: weights and optimizers stay as the code made them."""
    _mode["training"] = False


def install() -> None:
    """Put the stand-ins into every Keras there is."""
    for world in worlds.every():
        actions = {**ACTIONS, **oldstandins.ACTIONS} if world.old else ACTIONS
        for name, action in actions.items():
            if hasattr(world.model, name):
                _replace(world, world.model, name, action)
            # Up to Keras 2.1 a stack of layers has methods of its own, which call a model's.
            if world.old and name in vars(world.api.models.Sequential):
                _replace(world, world.api.models.Sequential, name, action)
        if world.major >= 3:
            _watch_compile(world.model)


def _watch_compile(kind: Any) -> None:
    """Note what can learn when a model is compiled: Keras 3 asks only when it is trained."""
    real = kind.compile

    @functools.wraps(real)
    def compile(model: Any, *args: Any, **kwargs: Any) -> Any:
        result = real(model, *args, **kwargs)
        record = recorder.records.get(id(model))
        if record is not None:
            record.compiled = learning(model)
        return result

    # Where it is defined: a model with another compile() is not compiled when it is loaded.
    owner = next(each for each in kind.__mro__ if "compile" in vars(each))
    owner.compile = compile


def learning(model: Any) -> list[tuple[Any, bool]]:
    """Return every layer of a model of Keras 3, and whether it can learn."""
    return [(each, bool(each.trainable)) for each in model._flatten_layers()]


def _replace(world: worlds.World, kind: Any, name: str, action: Callable[..., Any]) -> None:
    real = getattr(kind, name)
    _originals.setdefault((world.package, name), real)
    signature = inspect.signature(real)
    spelt = real.__qualname__
    bind = oldstandins.bind if world.old else inspect.Signature.bind

    @functools.wraps(real)
    def standin(*args: Any, **kwargs: Any) -> Any:
        if _mode["paused"]:
            return real(*args, **kwargs)
        try:
            bound = bind(signature, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{spelt}() {error}") from None
        model = args[0]
        frame = sys._getframe(1)
        record = recorder.used(model, frame)
        _count(frame)
        given = dict(bound.arguments)
        given.pop("self", None)
        recorder.stood_in = True
        return action(world, record, model, given)

    setattr(kind, name, standin)


def _count(frame: Any) -> None:
    while frame is not None and not recorder.source.holds(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return
    place = (frame.f_code.co_filename, frame.f_lineno)
    _calls[place] = _calls.get(place, 0) + 1
    if _calls[place] > CALLS_PER_LINE:
        raise Stop(recorder.source.show(*place))


# -- training -------------------------------------------------------------------------------------


def _fit(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    _check_compiled(model, "fit")
    x, y = _samples(model, given)
    real = _train_once(world, record, model, x, y)
    logs = dict(record.logs)
    if given.get("validation_data") is not None or given.get("validation_split"):
        logs.update({"val_" + key: value for key, value in record.logs.items()})
    epochs = given.get("epochs", 1)
    epochs = epochs if isinstance(epochs, int) else 1
    start = given.get("initial_epoch", 0) or 0
    if real:
        _callbacks(world, model, given.get("callbacks"), logs)
    history = world.api.callbacks.History()
    history.set_model(model)
    history.params = {"epochs": epochs, "verbose": 0, "steps": 1}
    history.epoch = list(range(start, epochs))
    history.history = History({key: [value] * len(history.epoch) for key, value in logs.items()})
    model.history = history
    return history


def _check_compiled(model: Any, name: str) -> None:
    check = getattr(model, "_assert_compile_was_called", None)
    if check is not None:
        check()
        return
    check = getattr(model, "_assert_compile_called", None)
    if check is not None:
        check(name)


def _samples(model: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Return the first samples that a call of fit, evaluate or train_on_batch would use."""
    x, y = given.get("x", given.get("generator")), given.get("y")
    if batches.is_stream(x):
        x, y = batches.split(batches.first(x))
    count = _fixed_batch(model) or batches.SAMPLES
    return batches.head(x, count), batches.head(y, count)


def _fixed_batch(model: Any) -> int | None:
    inputs = getattr(model, "inputs", None) or []
    for tensor in inputs:
        size = tensor.shape[0] if len(tensor.shape) else None
        size = getattr(size, "value", size)  # in graph mode it is a Dimension
        if size is not None:
            return int(size)
    return None


def _train_once(world: worlds.World, record: Record, model: Any, x: Any, y: Any) -> bool:
    """Run one real training step, the first time; returns whether one has succeeded."""
    if record.batch is None:
        record.batch = (x, y)
    if world.major >= 3:  # Keras before it keeps to what was so when the model was compiled
        record.trainable = learning(model)
    if record.trained is not None:
        return record.trained
    if not record.logs:
        record.logs = _guess_logs(model)
    if not _mode["training"]:
        return False
    if model.built and model.count_params() > MAX_PARAMETERS:
        record.notes.append("too large for a training step here")
        return False
    try:
        with _one_step(world, model):
            step = original(world, "train_on_batch")
            logs = step(model, x, y, return_dict=True)
    except Exception as error:
        failure = explain(error, recorder.source)
        text = str(error).lower()
        if failure.api or not any(word in text for word in DATA_DEPENDENT):
            raise
        record.notes.append("no training step: the made-up data do not fit it: " + failure.cause)
        record.trained = False
        return False
    record.trained = True
    record.logs = {str(key): float(batches.numpy().mean(value)) for key, value in logs.items()}
    return True


@contextlib.contextmanager
def _one_step(world: worlds.World, model: Any) -> Iterator[None]:
    """Spare a single step the costs that only pay over many: XLA, and tracing a large model."""
    eager = model.run_eagerly
    compiled = getattr(model, "jit_compile", None)
    try:
        if not _worth_tracing(model):
            model.run_eagerly = True
        if compiled and world.major >= 3:
            model.jit_compile = False
        yield
    finally:
        model.run_eagerly = eager
        if compiled and world.major >= 3:
            model.jit_compile = compiled
        for name in ("train_function", "test_function"):
            setattr(model, name, None)


def _worth_tracing(model: Any) -> bool:
    """Tell whether code of the user's runs in a step: it may run eagerly and yet not be traceable.

    Keras' own layers and losses are known to be, and to run them costs a third of tracing them.
    """
    layers = list(model._flatten_layers())
    if len(layers) > MAX_TRACED_LAYERS:
        return False
    compiled = getattr(model, "_compile_metrics", None) or getattr(model, "compiled_metrics", None)
    parts = [getattr(model, "loss", None), getattr(compiled, "_user_metrics", None)]
    used = [*layers, *batches.leaves(parts)]
    return any(is_users(each) for each in used)


def is_users(thing: Any) -> bool:
    """Tell whether a function, or the class of an object, is defined in the user's tree."""
    owner = thing if hasattr(thing, "__code__") else type(thing)
    module = sys.modules.get(str(getattr(owner, "__module__", "")))
    return recorder.source.holds(str(getattr(module, "__file__", None) or ""))


def _guess_logs(model: Any) -> dict[str, float]:
    """Names for the history of a model that took no real step, from how it was compiled."""
    try:
        names = batches.leaves(model.get_compile_config().get("metrics"))
    except (
        Exception
    ) as error:  # the user's own metrics may not be serialisable; nothing rests on it
        recorder.note("metrics unknown: " + one_line(str(error)))
        names = []
    return {"loss": 0.5, **{name: 0.5 for name in names if isinstance(name, str)}}


def _callbacks(world: worlds.World, model: Any, given: Any, logs: dict[str, float]) -> None:
    """Take the callbacks through one epoch: the user's own, and those that use the metrics."""
    callbacks = world.api.callbacks
    kept = []
    for callback in given if isinstance(given, (list, tuple)) else [given]:
        known = type(callback).__name__ in CALLBACKS and isinstance(callback, callbacks.Callback)
        if known or is_users(callback):
            kept.append(callback)
    if not kept:
        return
    every = callbacks.CallbackList(
        kept, add_history=False, model=model, epochs=1, steps=1, verbose=0
    )
    every.on_train_begin()
    every.on_epoch_begin(0)
    every.on_train_batch_begin(0)
    every.on_train_batch_end(0, dict(logs))
    every.on_epoch_end(0, dict(logs))
    every.on_train_end(dict(logs))


CALLBACKS = frozenset(
    {"EarlyStopping", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint"}
    | {"ReduceLROnPlateau"}
)


def _train_on_batch(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    _check_compiled(model, "train_on_batch")
    x, y = _samples(model, given)
    _train_once(world, record, model, x, y)
    return _scores(record, given)


def _evaluate(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    _check_compiled(model, "evaluate")
    if not record.logs or record.trained is None:
        record.logs = _test_once(world, record, model, given)
    return _scores(record, given)


def _test_once(
    world: worlds.World, record: Record, model: Any, given: dict[str, Any]
) -> dict[str, float]:
    if not _mode["training"]:
        return _guess_logs(model)
    x, y = _samples(model, given)
    try:
        with _one_step(world, model):
            logs = original(world, "test_on_batch")(model, x, y, return_dict=True)
    except Exception as error:
        failure = explain(error, recorder.source)
        if failure.api or not any(word in str(error).lower() for word in DATA_DEPENDENT):
            raise
        record.notes.append("not evaluated: the made-up data do not fit it: " + failure.cause)
        return _guess_logs(model)
    return {str(key): float(batches.numpy().mean(value)) for key, value in logs.items()}


def _scores(record: Record, given: dict[str, Any]) -> Any:
    logs = record.logs or {"loss": 0.5}
    kwargs = given.get("kwargs") or {}
    if given.get("return_dict") or kwargs.get("return_dict"):
        return dict(logs)
    values = list(logs.values())
    return values if len(values) > 1 else values[0]


# -- predictions ----------------------------------------------------------------------------------


def _predict(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    x = given.get("x", given.get("generator", given.get("data")))
    if batches.is_stream(x):
        steps = batches.count_batches(x, given.get("steps"))
        x, _ = batches.split(batches.first(x))
        total = steps * max(1, batches.length(x))
    else:
        total = max(1, batches.length(x))
    rows = batches.head(x, _fixed_batch(model) or batches.SAMPLES)
    shapes = [getattr(leaf, "shape", None) for leaf in batches.leaves(rows)]
    if record.outputs is None or record.outputs[0] != shapes:
        call = oldstandins.predict if world.old else _predict_rows
        record.outputs = (shapes, call(world, model, rows))
    return batches.map_structure(lambda tensor: _spread(tensor, total), record.outputs[1])


def _predict_rows(world: worlds.World, model: Any, rows: Any) -> Any:
    return model(rows, training=False)


def _spread(tensor: Any, total: int) -> Any:
    """Repeat the outputs of the first samples until there is one for each sample."""
    np = batches.numpy()
    rows = np.asarray(tensor)
    if rows.ndim == 0:
        return rows
    if total * rows[0].size > MAX_COPIED:
        return np.broadcast_to(rows[:1], (total, *rows.shape[1:]))
    return np.resize(rows, (total, *rows.shape[1:]))


# -- files ----------------------------------------------------------------------------------------


def _load_weights(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    path = _path(given)
    kwargs = given.pop("kwargs", {})
    if path in made_up_files:
        recorder.note(f"no weights to load: {os.path.basename(path)} is not downloaded")
        return None
    try:
        return original(world, "load_weights")(model, *_reordered(given, path), **kwargs, **given)
    except Exception as error:
        if not _is_missing(error, path):
            raise
    recorder.note(f"no weights to load: there is no {path}")
    return None


def _is_missing(error: Exception, path: str) -> bool:
    if os.path.exists(path):
        return False
    name = type(error).__name__
    return (
        isinstance(error, OSError) or name == "NotFoundError" or "not found" in str(error).lower()
    )


def _path(given: dict[str, Any]) -> str:
    return str(given.get("filepath", given.get("path", "")))


def _reordered(given: dict[str, Any], path: str) -> list[Any]:
    """Take the path out of the keywords: whatever its parameter is called, it is the first."""
    given.pop("filepath", None)
    given.pop("path", None)
    return [_saved.get(path, path)]


def _save(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    return _save_with("save", world, model, given)


def _save_weights(world: worlds.World, record: Record, model: Any, given: dict[str, Any]) -> Any:
    return _save_with("save_weights", world, model, given)


def _save_with(name: str, world: worlds.World, model: Any, given: dict[str, Any]) -> Any:
    """Save for real, where that is allowed and cheap; else a tiny model, under the same name."""
    path = _path(given)
    if not path or not isinstance(given.get("filepath", given.get("path")), (str, os.PathLike)):
        return original(world, name)(model, **given.pop("kwargs", {}), **given)
    place = _writable(path)
    _saved[path] = place
    kwargs = given.pop("kwargs", {})
    _reordered(given, path)
    if model.built and model.count_params() > MAX_PARAMETERS:
        layers = world.api.layers
        model = world.api.Sequential([layers.InputLayer((2,)), layers.Dense(1)])
    return original(world, name)(model, place, **kwargs, **given)


def _writable(path: str) -> str:
    """Return the path itself when it can be written, with its folder made; else one in the scratch.

    A repository does not hold the empty folders that its code writes to.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return os.path.join(tempfile.mkdtemp(), os.path.basename(path))
    if os.access(folder, os.W_OK):
        return path
    return os.path.join(tempfile.mkdtemp(), os.path.basename(path))


def load_model(world: worlds.World, real: Any, given: dict[str, Any]) -> Any:
    """Load for real; when there is no such file, return the model that was built last."""
    path = _path(given)
    place = _saved.get(path, path)
    kwargs = given.pop("kwargs", {})
    given.pop("filepath", None)
    try:
        return real(place, **kwargs, **given)
    except Exception as error:
        mine = [each for each in recorder.records.values() if each.by_user]
        if not _is_missing(error, place) or not mine:
            raise
    recorder.note(f"there is no {path} to load: the model built last stands in for it")
    return mine[-1].model


ACTIONS: dict[str, Callable[[worlds.World, Record, Any, dict[str, Any]], Any]] = {
    "fit": _fit,
    "fit_generator": _fit,
    "train_on_batch": _train_on_batch,
    "evaluate": _evaluate,
    "evaluate_generator": _evaluate,
    "test_on_batch": _evaluate,
    "predict": _predict,
    "predict_generator": _predict,
    "predict_on_batch": _predict,
    "load_weights": _load_weights,
    "save": _save,
    "save_weights": _save_weights,
}


def keep(world: worlds.World, name: str, real: Any) -> None:
    """Remember a function that another module replaces."""
    _originals[world.package, name] = real

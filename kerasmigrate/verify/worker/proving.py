"""Step V4 inside a child: takes the models of an original down, and compares the migrated ones.

The child of an original leaves a portrait of each model in a folder; the child of the migrated file
finds them there. Both have built their models by running the user's code in the same way.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any

from . import batches, comparing, portrait, standins, storage
from .builders import HELPERS
from .classify import explain, one_line
from .pairing import Known, pair
from .recorder import Record, recorder

INDEX = "index.json"
#: Models with more weights than this are not taken down: a portrait holds them several times.
MOST_PARAMETERS = 150_000_000
#: The portraits of one file take at most so many bytes together.
MOST_BYTES = 3 << 30
#: Epsilons of optimizers below this are no setting of anybody's. Keras 1 had 1e-8, others 1e-7.
SMALL = 1e-6
#: What takes their place for the step that is compared: optimizers divide a gradient by its own
#: size, so that the noise of one that is next to nothing would become a step of full length.
STEP_EPSILON = 1e-3
#: Optimizers whose formula has changed: they divided by sqrt(v) + epsilon up to Keras 2.11, and by
#: sqrt(v + epsilon) since.
UNDER_THE_ROOT = frozenset({"RMSprop", "Adagrad"})
#: Versions whose BatchNormalization began its moving averages with the first batch.
FIRST_BATCH_ALONE = frozenset({"2.1.6", "2.2.4"})
#: Probabilities nearer to 0 or 1 than this may be cut off in the loss.
SMALLEST = 2e-7
#: Claims that rest on the value of the loss.
OF_LOSS = ("loss", "gradients", "step")
#: Claims that rest on what can learn.
OF_TRAINABLE = ("gradients", "step")
#: Methods of a model that train it.
TRAINING = ("fit", "fit_generator", "train_on_batch")
NO_TIME = "there was no time left for it"


def _known(record: Record) -> Known:
    model = record.model
    structure: tuple[tuple[str, int], ...] = ()
    major = record.world.major if record.world is not None else 0
    try:
        own = portrait.parts(model, major)
        structure = tuple((each.kind, int(each.layer.count_params())) for each in own)
    except Exception as error:  # not built yet, or a class of the user's that hides its layers
        recorder.note(f"structure of {type(model).__name__} unknown: {one_line(str(error))}")
    return Known(record.place, str(getattr(model, "name", "")), type(model).__name__, structure)


# -- the original ---------------------------------------------------------------------------------


class Keeper:
    """Writes portraits of an original's models.

    Args:
        folder: Where to; empty.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.entries: dict[int, dict[str, Any]] = {}
        self.taken = 0
        self.total = 0

    def keep(self, records: list[Record], until: float) -> None:
        """Take those models down that have not been yet.

        Args:
            until: When to stop, on the clock of ``time.monotonic``.

        Raises:
            OutOfTime: It took too long; the rest is missing.
        """
        for record in records:
            if id(record) not in self.entries:
                self.entries[id(record)] = entry = self._entry(record)
                self._take(record, entry, until)

    def close(self, records: list[Record], failed: str) -> int:
        """Write the list of the models; returns how many could be taken.

        Args:
            failed: What has ended the file's run early, if something has.
        """
        entries = [
            self.entries.get(id(record)) or {**self._entry(record), "cause": NO_TIME}
            for record in records
        ]
        for each in entries:
            each["failed"] = failed
        with open(os.path.join(self.folder, INDEX), "w", encoding="utf-8") as stream:
            json.dump(entries, stream)
        return self.taken

    def _entry(self, record: Record) -> dict[str, Any]:
        entry: dict[str, Any] = {**_known(record)._asdict(), "where": record.where, "cause": ""}
        entry["version"] = record.world.version if record.world is not None else ""
        entry["old"] = record.world is not None and record.world.old
        entry["stem"] = str(len(self.entries))
        return entry

    def _take(self, record: Record, entry: dict[str, Any], until: float) -> None:
        stem = os.path.join(self.folder, entry["stem"])
        if time.monotonic() > until:
            entry["cause"] = NO_TIME
        elif self.total > MOST_BYTES:
            entry["cause"] = "the models before it in this file are too large together"
        else:
            try:
                entry["epsilon"] = _settle(record)
                found = _take(record)
                self.total += storage.size(found)
                storage.save(found, stem)
                self.taken += 1
            except (Exception, standins.OutOfTime) as error:
                entry["cause"] = _reason(error)
                storage.remove(stem)
                if isinstance(error, standins.OutOfTime):
                    raise


def _reason(error: BaseException) -> str:
    if isinstance(error, standins.OutOfTime):
        return NO_TIME
    return explain(error, recorder.source).cause


class _TooLargeError(Exception):
    def __str__(self) -> str:
        return f"it has more than {MOST_PARAMETERS:,} weights"


def _take(record: Record) -> dict[str, Any]:
    assert record.world is not None
    model, api = record.model, record.world.api
    if getattr(model, "built", True) and model.count_params() > MOST_PARAMETERS:
        raise _TooLargeError
    with standins.paused():
        if getattr(model, "inputs", None) or getattr(model, "input_shape", None):
            return portrait.take(api, model)
        found: dict[str, Any] | None = None
        for inputs in _candidates(record):
            arrays = [batches.numpy().asarray(each) for each in inputs]
            found = portrait.take(api, model, data=(arrays, None))
            if found["outputs"] is not None:
                break
        return found if found is not None else portrait.take(api, model)


def _candidates(record: Record) -> list[list[Any]]:
    """Return inputs to try for a model that does not say what it takes."""
    from .exercise import UNKNOWN

    if record.batch is not None and record.batch[0] is not None:
        return [batches.leaves(record.batch[0])]
    return [[batches.made_up(shape, dtype, False)] for shape, dtype in UNKNOWN]


# -- the migrated file ----------------------------------------------------------------------------


def compare_all(
    records: list[Record], folder: str, until: float, failed: str = ""
) -> list[dict[str, Any]]:
    """Compare the models of a migrated file with the portraits of the original's.

    Args:
        records: The models, in the order in which they were built.
        folder: Where the portraits are.
        until: When to begin no more, on the clock of ``time.monotonic``.
        failed: What has ended the file's run early, if something has: its last model may not be
            complete.

    Returns:
        Fields of ``results.Comparison``, for each pair and each model that has no counterpart.
    """
    with open(os.path.join(folder, INDEX), encoding="utf-8") as stream:
        entries = json.load(stream)
    originals = [
        Known(
            (str(each["place"][0]), str(each["place"][1])),
            str(each["name"]),
            str(each["class_name"]),
            tuple((str(kind), int(count)) for kind, count in each["structure"]),
        )
        for each in entries
    ]
    found = []
    pairs = pair(originals, [_known(record) for record in records])
    partner = {one: (other, by) for one, other, by in pairs}
    for position, entry in enumerate(entries):
        other, by = partner.get(position, (None, ""))
        record = records[other] if other is not None else None
        about = {**_names(record), **_original_names(entry), "paired_by": by}
        if record is None:
            cause = "the migrated code builds no model in its place"
        else:
            cause = _compared(about, record, entry, folder, until, failed)
            if failed and record is records[-1] and _lacks_layers(about):
                cause = f"the code fails while it builds it: {failed}"
                about = {**_names(record), **_original_names(entry), "paired_by": by}
        found.append({"likeness": "not-compared", "cause": cause, **about})
    met = {other for _, other, _ in pairs}
    for position, record in enumerate(records):
        if position not in met and record.place[1] not in HELPERS:
            cause = "the original builds no model in its place"
            found.append({"likeness": "not-compared", "cause": cause, **_names(record)})
    return found


def _lacks_layers(about: dict[str, Any]) -> bool:
    """Tell whether the original has layers that the migrated model has not."""
    return any(each["original"] and not each["migrated"] for each in about.get("layers", ()))


def _names(record: Record | None) -> dict[str, Any]:
    if record is None:
        return {}
    return {"name": str(getattr(record.model, "name", "")), "where": record.where}


def _original_names(entry: dict[str, Any]) -> dict[str, Any]:
    return {"original_name": str(entry["name"]), "original_where": str(entry["where"])}


def _compared(
    about: dict[str, Any],
    record: Record,
    entry: dict[str, Any],
    folder: str,
    until: float,
    failed: str,
) -> str:
    """Compare one pair, and put what came of it into ``about``; returns why not, or nothing."""
    if entry["cause"]:
        return "the original: " + str(entry["cause"])
    if record.world is None:
        return "it is of no Keras that is known"
    if time.monotonic() > until:
        return NO_TIME
    try:
        original = storage.load(os.path.join(folder, os.path.basename(str(entry["stem"]))))
        _formula(original, entry, record)
        with standins.paused():
            note = _refresh(record.model, entry["epsilon"])
            with _as_trained(record):
                ended = str(entry["failed"]), failed
                compared = comparing.compare(record.world.api, original, record.model, ended)
    except (Exception, standins.OutOfTime) as error:
        return _reason(error)
    if entry["failed"] and _is_start(compared):
        return f"the original fails while it builds it: {entry['failed']}"
    about.update(fields(compared))
    if entry["version"] in FIRST_BATCH_ALONE:
        normal = {
            each["migrated"]["name"]
            for each in about["layers"]
            if each["migrated"] and each["migrated"]["kind"] == "BatchNormalization"
        }
        reason = "the first batch alone made the moving averages in Keras 2.1.3 to 2.2"
        _leave_out(about, ("step",), reason, normal)
    if _saturated(original, record.model):
        reason = "a crossentropy of probabilities next to 0 or 1, which is cut off elsewhere now"
        _leave_out(about, OF_LOSS, reason)
    if _turns(record):
        reason = "the code says what learns right before it trains, and it has not come to that"
        _leave_out(about, OF_TRAINABLE, reason)
    if note and "step" in compared.claims:
        about["not_compared"].append(note)
    return ""


def _is_start(compared: comparing.Compared) -> bool:
    """Tell whether the original has the first layers of a model, and no more."""
    new = [each["original"] is None for each in compared.layers]
    return any(new) and new == sorted(new) and all(each["migrated"] for each in compared.layers)


# -- optimizers -----------------------------------------------------------------------------------


def _epsilon(optimizer: Any) -> float | None:
    """Return what an optimizer keeps its divisions from zero with."""
    try:
        return float(optimizer.get_config()["epsilon"])
    except Exception:  # no optimizer, one without, or a class of the user's
        return None


def _settle(record: Record) -> float | None:
    """Make the step of an original one that tells; returns the epsilon that its optimizer had."""
    optimizer = getattr(record.model, "optimizer", None)
    known = _settled.get(id(optimizer))
    if known is not None:
        return known
    epsilon = _epsilon(optimizer)
    if optimizer is None or epsilon is None or epsilon >= SMALL or record.world is None:
        return epsilon
    if record.world.old:
        _settled[id(optimizer)] = epsilon
        optimizer.epsilon = STEP_EPSILON
    else:
        _renew(record.model, STEP_EPSILON)
    return epsilon


#: Epsilons of the optimizers that have been settled: models may share one.
_settled: dict[int, float] = {}


def _refresh(model: Any, epsilon: float | None) -> str:
    """Give a model an optimizer that has not seen a step: the original's has not, either.

    Args:
        epsilon: Of the original's optimizer.

    Returns:
        What is not compared of the optimizer, in one line; else nothing.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not hasattr(optimizer, "get_config"):
        return ""
    own, note = _epsilon(optimizer), ""
    small = own is not None and epsilon is not None and max(own, epsilon) < SMALL
    if small and own != epsilon:
        note = f"epsilon of the optimizer: {own:g}, in the original {epsilon:g}"
    try:
        _renew(model, STEP_EPSILON if small else None)
    except Exception as error:  # a class of the user's
        return f"step: the optimizer cannot be made anew: {one_line(str(error))}"
    return note


def _renew(model: Any, epsilon: float | None) -> None:
    config = dict(model.optimizer.get_config())
    if epsilon is not None:
        config["epsilon"] = epsilon
    model.optimizer = type(model.optimizer).from_config(config)
    for name in ("train_function", "test_function", "predict_function"):
        if hasattr(model, name):
            setattr(model, name, None)


def _formula(original: dict[str, Any], entry: dict[str, Any], record: Record) -> None:
    """Leave out the step of optimizers that compute another one since, by less than a setting."""
    name = type(getattr(record.model, "optimizer", None)).__name__
    if entry["old"] and name in UNDER_THE_ROOT and original["after"] is not None:
        original["after"] = None
        reason = f"{name} adds its epsilon under the root now, which changes small gradients' steps"
        original["lacks"].append(["step", reason])


@contextlib.contextmanager
def _as_trained(record: Record) -> Iterator[None]:
    """Let those layers learn that could when the code trained the model.

    The two parts of a GAN take turns: at the end of the code one of them stands still.
    """
    now = [(layer, bool(layer.trainable)) for layer, _ in record.trainable]
    for layer, trainable in record.trainable:
        layer.trainable = trainable
    try:
        yield
    finally:
        for layer, trainable in now:
            layer.trainable = trainable


def _turns(record: Record) -> bool:
    """Tell whether the code would set what learns before it trains a model, but has not done so.

    What can learn now is then what the model that was built last needed, and says nothing.
    """
    if record.trainable or all(was == bool(each.trainable) for each, was in record.compiled):
        return False
    files = {each.co_filename for each in record.codes}
    return any(_sets_trainable(each) for each in sorted(files))


def _sets_trainable(filename: str) -> bool:
    """Tell whether a file sets ``trainable`` in the statement before one that trains."""
    try:
        with open(filename, "rb") as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError):
        return False
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for one, two in zip(body, body[1:]) if isinstance(body, list) else ():
            sets = isinstance(one, ast.Assign) and any(
                isinstance(each, ast.Attribute) and each.attr == "trainable" for each in one.targets
            )
            if sets and any(
                isinstance(each, ast.Attribute) and each.attr in TRAINING for each in ast.walk(two)
            ):
                return True
    return False


def _saturated(original: dict[str, Any], model: Any) -> bool:
    """Tell whether a crossentropy says more of where it is cut off than of the model.

    Keras has cut probabilities off at 1e-8, at 1e-7, and not at all where it finds the logits.
    """
    loss = str(getattr(model, "loss", ""))
    return "crossentropy" in loss and any(
        float(each.min()) < SMALLEST or float(each.max()) > 1.0 - SMALLEST
        for each in original["outputs"] or ()
        if each.dtype.kind == "f" and each.size
    )


def _leave_out(
    about: dict[str, Any], claims: tuple[str, ...], reason: str, layers: set[str] | None = None
) -> None:
    """Make no difference of what differs for another reason than the migration, but a note.

    Args:
        about: What is said of the pair.
        claims: Those to leave out.
        reason: Why, in one line.
        layers: Only where the differences are of these layers of the migrated model.
    """
    kept = [
        each
        for each in about["differences"]
        if each["claim"] not in claims or (layers is not None and each["layer"] not in layers)
    ]
    if len(kept) < len(about["differences"]):
        about["not_compared"].append(f"{', '.join(claims)}: {reason}")
        about["claims"] = [each for each in about["claims"] if each not in claims]
        about["differences"] = kept
        about["likeness"] = "different" if kept else "equal"


def fields(compared: Any) -> dict[str, Any]:
    """Return what was found as plain values, under the names of ``results.Comparison``."""
    found: dict[str, Any] = {"likeness": "equal"}
    if compared.differences:
        found["likeness"] = "different"
    elif "outputs" not in compared.claims:
        found["likeness"] = "not-compared"
        found["cause"] = (compared.not_compared or ["it could not be run"])[0]
    for name, value in compared._asdict().items():
        found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None

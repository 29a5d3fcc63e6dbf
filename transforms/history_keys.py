"""Keys of logs and histories: under which name fit() reports a metric."""

from __future__ import annotations

import re
from enum import Enum
from functools import cached_property

import libcst as cst

from kerasmigrate import eras
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.neighbours import connected, is_imported
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

from ._history_reads import HistoryReads, Read
from ._metric_names import METRICS, OLD_KEYS, UNKNOWN, Metrics

KEY = Rule(
    "KM700",
    "history-key",
    "Read a metric from logs and histories under the name that compile() gives it",
    "Until Keras 2.2 a metric had one key, whatever compile() was told: 'acc' for 'accuracy',"
    " 'mean_squared_error' for 'mse'. Since 2.3 the key is the name as given."
    " history.history['acc'] raises KeyError, ModelCheckpoint cannot fill {val_acc:.2f} in"
    " (\"Failed to format this callback filepath\"), and monitor='val_acc' stops Keras 3 with"
    " \"EarlyStopping callback received monitor=val_acc, but Keras isn't able to automatically"
    ' determine whether that metric should be maximized or minimized". tf_keras only warns, and'
    " the callback never does anything.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.callbacks import EarlyStopping\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.compile('sgd', 'mse', metrics=['accuracy'])\n"
            "history = model.fit(x, y, callbacks=[EarlyStopping(monitor='val_acc')])\n"
            "print(history.history['acc'])\n",
            "from keras.callbacks import EarlyStopping\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.compile('sgd', 'mse', metrics=['accuracy'])\n"
            "history = model.fit(x, y, callbacks=[EarlyStopping(monitor='val_accuracy')])\n"
            "print(history.history['accuracy'])\n",
        ),
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.compile('sgd', 'mse', metrics=['acc'])\n"
            "print(model.fit(x, y).history['acc'])\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.compile('sgd', 'mse', metrics=['acc'])\n"
            "print(model.fit(x, y).history['acc'])\n",
        ),
    ),
    untouched=(
        "Keys of a model that is compiled with metrics=['acc']; that is its name today.",
        "Code that asks first, as in `'acc' if 'acc' in logs else 'accuracy'`.",
        "Strings that are no keys of a history or logs, no monitor= and no file name of a"
        " ModelCheckpoint.",
        "Projects in which both names are given, or none shows; they get KM701.",
    ),
    references=("https://github.com/keras-team/keras/releases/tag/2.3.0",),
)
UNSURE_KEY = Rule(
    "KM701",
    "history-key-unsure",
    "Report a key of logs and histories that may have another name today",
    "Since Keras 2.3 the key of a metric is the name that compile() was given, and 'acc' is only"
    " there for metrics=['acc']. The compile() that belongs to the key is not in sight, or"
    " different ones are.",
    Safety.NONE,
    Severity.WARNING,
)
RATE = Rule(
    "KM702",
    "learning-rate-key",
    "Read the learning rate from logs and histories as 'learning_rate'",
    "ReduceLROnPlateau and LearningRateScheduler log the rate as 'lr' in Keras 2 and as"
    " 'learning_rate' in Keras 3, where history.history['lr'] raises KeyError.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.callbacks import ReduceLROnPlateau\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "history = model.fit(x, y, callbacks=[ReduceLROnPlateau()])\n"
            "print(history.history['lr'])\n",
            "from keras.callbacks import ReduceLROnPlateau\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "history = model.fit(x, y, callbacks=[ReduceLROnPlateau()])\n"
            "print(history.history['learning_rate'])\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Projects whose own callbacks put 'lr' into the logs.",
    ),
)

_CONCERNS = re.compile(r"acc\b|mean_squared|mean_absolute|['\"]lr['\"]")
_OLD_KEYS = frozenset(OLD_KEYS.values())


class _Verdict(Enum):
    KEEP = "it is right"
    UNSURE = "it cannot be told"


class HistoryKeys(Transform):
    """Renames keys of logs and histories."""

    rules = (KEY, UNSURE_KEY, RATE)
    order = 40

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Literals to edit: old name to new name.
        self._edits: dict[cst.CSTNode, dict[str, str]] = {}

    def visit_Module(self, node: cst.Module) -> None:
        if _CONCERNS.search(self.context.code) is None:
            return
        reads = HistoryReads(self.context)
        reads.visit(node)
        for read in reads.reads:
            if read.key == "lr":
                self._rate(read, reads)
            else:
                self._metric(read, reads)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        edits = self._edits.get(original_node)
        if edits is None:
            return updated_node
        value = updated_node.value
        for old, new in edits.items():
            value = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?!\w)", new, value)
        return updated_node.with_changes(value=value)

    def leave_FormattedStringText(
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        value = updated_node.value
        for old, new in self._edits.get(original_node, {}).items():
            value = re.sub(rf"\{{\{{{re.escape(old)}(?=[:!}}])", f"{{{{{new}", value)
        return updated_node.with_changes(value=value)

    # -- the learning rate -------------------------------------------------------------------

    def _rate(self, read: Read, reads: HistoryReads) -> None:
        known = (self._own, *self._others)
        if (
            self.context.target.api < 3
            or any("lr" in each.produced for each in known)
            or _guarded(read, "learning_rate", reads)
            or not any(each.schedules for each in known)
        ):
            return
        if self.context.report(
            RATE, read.node, "the learning rate is logged as 'learning_rate'", fix=True
        ):
            self._edits.setdefault(read.node, {})["lr"] = "learning_rate"

    # -- metrics -----------------------------------------------------------------------------

    def _metric(self, read: Read, reads: HistoryReads) -> None:
        split = self._split(read.key)
        if split is None:
            return
        prefix, old = split
        verdict = self._judge(read, prefix, old)
        if isinstance(verdict, str):
            new = f"{prefix}{verdict}"
            if not _guarded(read, new, reads) and self.context.report(
                KEY,
                read.node,
                f"{read.key!r} is {new!r} for a model that is compiled with {verdict!r}",
                fix=True,
            ):
                self._edits.setdefault(read.node, {})[read.key] = new
        elif verdict is _Verdict.UNSURE and old == "acc":
            if (
                _guarded(read, f"{prefix}accuracy", reads)
                or self._knows_new(reads)
                or eras.is_keras_3(self.context.names)
            ):
                return
            self.context.report(
                UNSURE_KEY,
                read.node,
                f"{read.key!r} is only logged for a model that is compiled with metrics=['acc'],"
                " which the source does not show",
                advice=f"write {f'{prefix}accuracy'!r} where metrics=['accuracy'] is given",
                confidence=Confidence.UNSURE,
            )

    def _split(self, key: str) -> tuple[str, str] | None:
        """Split a key into what stands before the metric, and the metric in old words."""
        prefix, rest = ("val_", key[4:]) if key.startswith("val_") else ("", key)
        if rest in _OLD_KEYS:
            return prefix, rest
        for old in _OLD_KEYS:
            output = rest.removesuffix(f"_{old}")
            if output != rest and any(output in each.outputs for each in self._all):
                return f"{prefix}{output}_", old
        return None

    def _judge(self, read: Read, prefix: str, old: str) -> str | _Verdict:
        """Return the new name of a metric, or why it stays."""
        own = self._own.compiled
        levels = []
        if read.receiver is not None:
            mine = [each for each in own if each.receiver == read.receiver]
            levels.append([each for each in mine if each.place == read.place])
            levels.append(mine)
        elif any(old in each.produced for each in self._all):
            return _Verdict.KEEP
        if read.kind != "logs":
            levels.append([each for each in own if each.place == read.place])
        for level in levels:
            found = _decide(frozenset().union(*(each.names for each in level)), old)
            if found is not _Verdict.UNSURE:
                return found
        alone = _decide(self._own.names, old)
        if alone is not _Verdict.UNSURE and not self._shared:
            return alone
        everything = frozenset().union(*(each.names for each in self._all))
        return _decide(everything, old)

    def _knows_new(self, reads: HistoryReads) -> bool:
        """Tell whether the file reads the accuracy under its new name somewhere."""
        return any(each.key.endswith("accuracy") for each in reads.reads)

    # -- the project -------------------------------------------------------------------------

    @cached_property
    def _own(self) -> Metrics:
        return METRICS.of_text(self.context.code)

    @cached_property
    def _others(self) -> tuple[Metrics, ...]:
        view = self.context.view
        return tuple(
            METRICS.of(view.project, path) for path in sorted(connected(view.project, view.path))
        )

    @cached_property
    def _all(self) -> tuple[Metrics, ...]:
        return (self._own, *self._others)

    @cached_property
    def _shared(self) -> bool:
        """Whether other files use this one, with models of their own perhaps."""
        view = self.context.view
        return is_imported(view.project, view.path)


def _decide(names: frozenset[str], old: str) -> str | _Verdict:
    """Tell from the names that compile() was given what an old key is called today."""
    candidates = [name for name in names if OLD_KEYS.get(name) == old]
    if old in names:
        return _Verdict.UNSURE if candidates else _Verdict.KEEP
    if len(candidates) == 1 and UNKNOWN not in names:
        return candidates[0]
    return _Verdict.UNSURE


def _guarded(read: Read, new: str, reads: HistoryReads) -> bool:
    """Tell whether the code copes with both names already."""
    return new in read.beside or bool(reads.asked & {read.key, new})

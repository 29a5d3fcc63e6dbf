"""ModelCheckpoint(period=n), which saved a model every n epochs."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.callees import callee, is_super_init
from kerasmigrate.definitions import Definition
from kerasmigrate.literals import Unknown, plain
from kerasmigrate.rules import Example, Rule, Safety

from ._local_names import LocalNames

#: What callbacks.py of Keras 1.2.2, of 2.3.1 and of TensorFlow 2.15 do with ``period``.
PERIODIC = Definition(
    "PeriodicCheckpoint",
    '''
class $name($base):
    """Save a model every few epochs, as ModelCheckpoint(period=...) of Keras 2 did."""

    def __init__(self, *args, period=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.period = period
        self.epochs_since_last_save = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            super().on_epoch_end(epoch, logs)
''',
    {"base": "keras.callbacks.ModelCheckpoint"},
)
_BEFORE = (
    "from keras.callbacks import ModelCheckpoint\n\n"
    "saver = ModelCheckpoint('m.{epoch}.keras', period=5)\n"
)
_AFTER = (
    "from keras.callbacks import ModelCheckpoint\n\n\n"
    + PERIODIC.source.strip()
    .replace("$name", "PeriodicCheckpoint")
    .replace("$base", "ModelCheckpoint")
    + "\n\n\nsaver = PeriodicCheckpoint('m.{epoch}.keras', period=5)\n"
)
PERIOD = Rule(
    "KM242",
    "checkpoint-period",
    "Save every n epochs by a subclass of ModelCheckpoint",
    'Keras 3 knows period= no more: "ModelCheckpoint.__init__() got an unexpected keyword argument'
    " 'period'\". Its save_freq= counts batches, whose number in an epoch the call does not show. A"
    " subclass of a few lines counts epochs as Keras 2 did.",
    Safety.REVIEW,
    examples=(Example(_BEFORE, _AFTER),),
    untouched=(
        "Targets with the Keras 2 API, which still take period=.",
        "Calls with save_freq=, load_weights_on_restart= or starred arguments; they get KM203.",
        "period=1, which is dropped.",
    ),
)
_CHECKPOINT = "keras.callbacks.ModelCheckpoint"
_OTHERS = frozenset(("save_freq", "load_weights_on_restart"))


class CheckpointPeriod(LocalNames):
    """Gives checkpoints with a period a class that knows it."""

    rules = (PERIOD,)
    # Before the rule that reports the argument.
    order = 18

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial or is_super_init(node):
            return
        target = self.context.inventory.signature(_CHECKPOINT)
        home = self.context.imports.locate(found.path).path
        if home != _CHECKPOINT or target is None or target.accepts("period"):
            return
        given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
        if "period" not in given or _OTHERS & given.keys() or any(arg.star for arg in node.args):
            return
        period = plain(given["period"])
        if period in (0, 1) or not isinstance(period, int | Unknown):
            return
        if not self.context.definitions.fits(found.symbol):
            return
        if self.context.report(
            PERIOD, node, "ModelCheckpoint has no period=: a class of this file has", fix=True
        ):
            local = self.context.definitions.need(PERIODIC, near=found.symbol)
            assert local is not None
            self._names[node.func] = local
            self.context.imports.claim(node.func)

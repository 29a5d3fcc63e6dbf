"""Layers of Keras 2 that Keras 3 lacks: a short class, or the layer that does the same."""

from __future__ import annotations

from functools import cache
from string import Template
from typing import ClassVar

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.callees import Callee, callee
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.signature import parse
from kerasmigrate.literals import UNKNOWN, plain
from kerasmigrate.project import SOURCES
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context

from ._local_layers import LINES, LOCAL_LAYERS, LocalLayer
from .arguments import LegacyArguments
from .arguments_rules import ARGUMENT
from .arguments_steps import Edit, RefusedError
from .arguments_table import row_of

_LINES_EXAMPLE = f"""import keras


{Template(LINES.source.strip()).substitute(name=LINES.name, **LINES.uses)}


layer = Keras2LocallyConnected1D(4, 3, activation='relu')
last = keras.layers.Dense(1)
"""
LOCAL = Rule(
    "KM266",
    "local-layer",
    "Define in the file the locally connected layers, which Keras 3 dropped",
    "\"cannot import name 'LocallyConnected1D' from 'keras.layers'\". A class that computes the"
    " same stands behind the imports, registered, so that models with it can be saved and loaded."
    " It keeps the order and shapes of the weights of Keras 1.2.2 and 2.2.4. Kernels that Keras 1"
    " drew by a Glorot initializer had another scale: it took the three dimensions otherwise.",
    Safety.REVIEW,
    examples=(
        Example(
            "import keras\n\nlayer = keras.layers.LocallyConnected1D(4, 3, activation='relu')\n"
            "last = keras.layers.Dense(1)\n",
            _LINES_EXAMPLE,
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, which have the layers.",
        "Subclasses, padding='same', implementation=2 or 3, weights=, **options, batch_input_shape="
        " and a LocallyConnected1D with the channels first: they get KM103.",
    ),
)
THRESHOLD = Rule(
    "KM267",
    "thresholded-relu",
    "Write ReLU(threshold=theta) for ThresholdedReLU(theta)",
    "\"cannot import name 'ThresholdedReLU' from 'keras.layers'\". ReLU of Keras 3 with a threshold"
    " is the same function: x where x > threshold, and 0 elsewhere. The theta of 1 that was the"
    " default is written out.",
    examples=(
        Example(
            "from keras.layers import ThresholdedReLU\n\nlayer = ThresholdedReLU(0.3)\n"
            "other = ThresholdedReLU(name='other')\n",
            "from keras.layers import ReLU\n\nlayer = ReLU(threshold=0.3)\n"
            "other = ReLU(name='other', threshold=1.0)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, which have the layer.",
        "Subclasses, calls with **options, and a theta below 0, which ReLU refuses.",
    ),
)
_THRESHOLDED = "keras.layers.ThresholdedReLU"
_RELU = "keras.layers.ReLU"
_OLD_RELU = parse("(theta=1.0, *, input_shape=None, name=None, trainable=True, dtype=None)")


@cache
def _gone(path: str) -> str | None:
    """Return the name that Keras 2 had for a layer, where it is one of those here."""
    for known in map(inventory.load, SOURCES):
        for name in (*LOCAL_LAYERS, _THRESHOLDED):
            if path == name or known.same_object(path, name):
                return name
    return None


class LocalLayers(LegacyArguments):
    """Finds a place for layers of Keras 2 that are gone, and converts their arguments."""

    rules: ClassVar[tuple[Rule, ...]] = (LOCAL, THRESHOLD)
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._defined: dict[cst.CSTNode, tuple[LocalLayer, str]] = {}
        self._thresholds: dict[cst.CSTNode, str] = {}

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Call):
            self._applied.add(node.func)
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial or self.context.target.api < 3:
            return
        name = _gone(found.path)
        if name is None or node.func not in self.context.imports.homeless:
            return
        if name == _THRESHOLDED:
            self._plan_threshold(node, found)
        else:
            self._plan(node, found, LOCAL_LAYERS[name])

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node in self._thresholds:
            func = cst.parse_expression(self._thresholds[original_node])
            updated_node = _with_threshold(original_node, updated_node)
        elif original_node in self._defined:
            layer, local = self._defined[original_node]
            func = cst.Name(local)
            updated_node = self._made(original_node, updated_node, layer, report=True).args.render()
        else:
            return updated_node
        old = updated_node.func
        assert isinstance(old, cst.Name | cst.Attribute)
        return updated_node.with_changes(func=func.with_changes(lpar=old.lpar, rpar=old.rpar))

    def leave_Dict(self, original_node: cst.Dict, updated_node: cst.Dict) -> cst.BaseExpression:
        return updated_node  # the other transform looks at options

    # -- locally connected -------------------------------------------------------------------

    def _plan(self, call: cst.Call, found: Callee, layer: LocalLayer) -> None:
        try:
            self._made(call, call, layer)
        except (RefusedError, UnbindableError):
            return  # reported as a missing name
        if not self.context.runs(LOCAL, call):
            return
        local = self.context.definitions.need(layer.definition, near=found.symbol)
        if local is None:
            return
        name = found.path.rpartition(".")[2]
        self.context.report(LOCAL, call, f"{name} is gone: the file defines {local} now", fix=True)
        self._defined[call] = layer, local
        self.context.imports.claim(call.func)

    def _made(
        self, original: cst.Call, updated: cst.Call, layer: LocalLayer, *, report: bool = False
    ) -> Edit:
        """Convert the arguments of a call for the definition.

        Raises:
            RefusedError: They cannot be converted.
            UnbindableError: There is one that the definition does not take.
        """
        found = callee(self.context.names, original)
        row = row_of(found.path) if found is not None else None
        if found is None or row is None or self._written_for(original, found, row) is None:
            raise UnbindableError("the code does not show which Keras it is for")
        edit = self._edit(original, updated, found, row, layer.source)
        if edit is None or edit.args.starred:
            raise UnbindableError("arguments that the source does not show")
        rules = {ARGUMENT}
        self._apply(edit, rules, original)
        for name, values in layer.fixed.items():
            item = edit.args.get(name)
            if item is not None:
                if plain(item.value) not in values:
                    raise UnbindableError(f"{name}= of another value")
                edit.args.drop(item)
        left = edit.args.fit(layer.taken)
        if left:
            raise UnbindableError(f"an argument {left[0]}=")
        if report:
            self._report_notes(original, found, edit)
            self._report(original, found, edit, rules | edit.fixes.keys())
        return edit

    # -- a threshold -------------------------------------------------------------------------

    def _plan_threshold(self, call: cst.Call, found: Callee) -> None:
        args = Arguments(call, call, _OLD_RELU)
        theta = args.get("theta")
        number = plain(theta.value) if theta is not None else 1.0
        try:
            if args.starred or args.fit(_OLD_RELU):
                return
        except UnbindableError:
            return
        if number is not UNKNOWN and not (isinstance(number, int | float) and number >= 0):
            return
        if theta is not None and isinstance(theta.value, cst.UnaryOperation):
            return
        if not self.context.report(
            THRESHOLD, call, "ThresholdedReLU is ReLU with a threshold now", fix=True
        ):
            return
        scope = self.context.names.references[call.func].scope
        self._thresholds[call] = self.context.imports.spell(_RELU, found.symbol, scope)
        self.context.imports.claim(call.func)


def _with_threshold(original: cst.Call, updated: cst.Call) -> cst.Call:
    args = Arguments(original, updated, _OLD_RELU)
    theta = args.get("theta")
    if theta is None:
        args.insert("threshold", cst.Float("1.0"))
    else:
        theta.positional = False
        args.rename("theta", "threshold")
        theta.touched = True
    args.fit(_signature())
    return args.render()


@cache
def _signature() -> Signature:
    known = inventory.load("keras-3").signature(_RELU)
    assert known is not None
    return known

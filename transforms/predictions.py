"""Predictions: ``predict_classes`` and ``predict_proba`` of Sequential models."""

from __future__ import annotations

import re
from functools import cached_property

import libcst as cst

from kerasmigrate.definitions import Definition
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, SEQUENTIAL, is_a

from ._output_width import OutputWidths, Width

_HEAD = "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
_LOAD = "from keras.models import load_model\n"
PREDICTIONS = Rule(
    "KM233",
    "predict-classes",
    "Compute classes from the output of predict",
    "predict_classes and predict_proba are gone since TensorFlow 2.6: \"'Sequential' object has no"
    " attribute 'predict_classes'\". It looked at the last dimension of the output: one value is"
    " compared with 0.5, of several the largest wins. The last layer tells which it is; where the"
    " source does not show it, a function in the file asks the array, as predict_classes did."
    " predict_proba was predict.",
    examples=(
        Example(
            _HEAD + "model = Sequential([Dense(10, activation='softmax')])\n"
            "labels = model.predict_classes(x)\n",
            _HEAD + "model = Sequential([Dense(10, activation='softmax')])\n"
            "labels = model.predict(x).argmax(axis=-1)\n",
        ),
        Example(
            _HEAD + "model = Sequential([Dense(1, activation='sigmoid')])\n"
            "labels = model.predict_classes(x)\np = model.predict_proba(x)\n",
            _HEAD + "model = Sequential([Dense(1, activation='sigmoid')])\n"
            'labels = (model.predict(x) > 0.5).astype("int32")\np = model.predict(x)\n',
        ),
        Example(
            _LOAD + "\nmodel = load_model('model.keras')\nlabels = model.predict_classes(x)\n",
            _LOAD + "\n\ndef to_classes(probabilities):\n"
            "    if probabilities.shape[-1] > 1:\n"
            "        return probabilities.argmax(axis=-1)\n"
            '    return (probabilities > 0.5).astype("int32")\n\n\n'
            "model = load_model('model.keras')\nlabels = to_classes(model.predict(x))\n",
        ),
    ),
    untouched=(
        "predict_proba of scikit-learn, and of anything that is not known to be a Keras model.",
        "Models of your own that define these methods.",
    ),
)
MAYBE_PREDICTIONS = Rule(
    "KM234",
    "maybe-predict-classes",
    "Report predict_classes of what may be a Keras model",
    "Only Sequential models of Keras had this method, but the source does not show what the"
    " receiver is.",
    Safety.NONE,
    Severity.WARNING,
)

_CLASSES = "predict_classes"
_METHODS = (_CLASSES, "predict_proba")
_TO_CLASSES = Definition(
    "to_classes",
    """
def $name(probabilities):
    if probabilities.shape[-1] > 1:
        return probabilities.argmax(axis=-1)
    return (probabilities > 0.5).astype("int32")
""",
)
_DEFINED = re.compile(rb"^[ \t]*def[ \t]+predict_classes\b", re.M)


class Predictions(Transform):
    """Converts the two methods."""

    rules = (PREDICTIONS, MAYBE_PREDICTIONS)
    order = 25

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._called: set[cst.CSTNode] = set()
        #: Names of the functions around the walk.
        self._around: list[str] = []

    @cached_property
    def _widths(self) -> OutputWidths:
        return OutputWidths(self.context)

    @cached_property
    def _own(self) -> frozenset[str]:
        """Methods of this name that classes of this file define."""
        return frozenset(
            each.name.value
            for node in self.context.names.scope_of
            if isinstance(node, cst.ClassDef)
            for each in node.body.body
            if isinstance(each, cst.FunctionDef) and each.name.value in _METHODS
        )

    @cached_property
    def _elsewhere(self) -> bool:
        """Whether some other file of the project has classes with such a method."""
        view = self.context.view
        for path in view.project.files if view.path is not None else ():
            try:
                if _DEFINED.search(path.read_bytes()):
                    return True
            except OSError:
                continue  # reported when its turn comes
        return False

    # -- the walk ----------------------------------------------------------------------------

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._around.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._around.pop()
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        self._called.add(node.func)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        name = node.attr.value
        if name not in _METHODS or node in self._called or not self._is_model(node.value):
            return
        if self.context.symbol(node) is not None or name in self._own:
            return
        self.context.report(
            PREDICTIONS,
            node,
            f"{self.context.module.code_for_node(node)} does not exist any more",
            advice="use predict" if name != _CLASSES else _advice("model", "x"),
        )

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        if (
            not isinstance(func, cst.Attribute)
            or func.attr.value not in _METHODS
            or self.context.symbol(func) is not None
        ):
            return updated_node
        name = func.attr.value
        if name in self._own:
            if name in self._around:  # a method that hands on to what it stands around
                self._maybe(original_node, func)
            return updated_node
        if not self._is_model(func.value):
            self._maybe(original_node, func)
            return updated_node
        if not self.context.runs(PREDICTIONS, original_node):
            return updated_node
        width = self._widths.width(func.value) if name == _CLASSES else Width.UNKNOWN
        helper = ""
        if name == _CLASSES and width is Width.UNKNOWN:
            near = next((symbol for _, symbol in self.context.names.symbols()), None)
            helper = (near and self.context.definitions.need(_TO_CLASSES, near=near)) or ""
            if not helper:
                self._maybe(original_node, func)
                return updated_node
        self.context.report(PREDICTIONS, original_node, f"{name}() is predict() now", fix=True)
        made = updated_node.with_changes(
            func=cst.ensure_type(updated_node.func, cst.Attribute).with_changes(
                attr=cst.Name("predict")
            )
        )
        if name != _CLASSES:
            return made
        return _classes(made, width, helper)

    # -- the receiver ------------------------------------------------------------------------

    def _is_model(self, node: cst.BaseExpression) -> bool:
        """Tell whether a value is a model whose methods are those of Keras."""
        known = self.context.values.instance(node)
        if known is None or not (is_a(known, MODEL) or is_a(known, SEQUENTIAL)):
            return False
        return not self._elsewhere or self._widths.is_plain(node)

    def _maybe(self, call: cst.Call, func: cst.Attribute) -> None:
        values = self.context.values
        if func.attr.value != _CLASSES or (
            values.instance(func.value) is not None and not values.is_model(func.value)
        ):
            return
        if isinstance(func.value, cst.Name) and func.value.value in ("self", "cls"):
            return
        if self._elsewhere and any(
            isinstance(each.value, cst.Call) and self.context.symbol(each.value.func) is None
            for each in self.context.names.bindings(func.value)
        ):
            return  # an object of the project, which has the method itself
        receiver = self.context.module.code_for_node(func.value)
        given = ", ".join(
            self.context.module.code_for_node(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT))
            for arg in call.args
        )
        self.context.report(
            MAYBE_PREDICTIONS,
            call,
            f"{receiver}.predict_classes() does not exist if {receiver} is a Keras model",
            advice=f"if it is one, write {_advice(receiver, given)}",
            confidence=Confidence.UNSURE,
        )


def _advice(receiver: str, given: str) -> str:
    return (
        f'({receiver}.predict({given}) > 0.5).astype("int32") for a last layer of one unit, and'
        f" {receiver}.predict({given}).argmax(axis=-1) for more"
    )


def _classes(call: cst.Call, width: Width, helper: str) -> cst.BaseExpression:
    """Return the classes for a call of ``predict``."""
    lpar, rpar = call.lpar, call.rpar
    bare = call.with_changes(lpar=(), rpar=())
    if width is Width.MANY:
        template = cst.parse_expression("p.argmax(axis=-1)")
        assert isinstance(template, cst.Call)
        func = cst.ensure_type(template.func, cst.Attribute)
        return template.with_changes(func=func.with_changes(value=bare), lpar=lpar, rpar=rpar)
    if width is Width.ONE:
        template = cst.parse_expression('(p > 0.5).astype("int32")')
        assert isinstance(template, cst.Call)
        func = cst.ensure_type(template.func, cst.Attribute)
        compared = cst.ensure_type(func.value, cst.Comparison).with_changes(left=bare)
        return template.with_changes(func=func.with_changes(value=compared), lpar=lpar, rpar=rpar)
    return cst.Call(cst.Name(helper), [cst.Arg(bare)], lpar=lpar, rpar=rpar)

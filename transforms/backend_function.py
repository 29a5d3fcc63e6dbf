"""K.function between tensors of a model, which is a model of its own today."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from kerasmigrate.definitions import Definition
from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

from ._edits import add_keyword, keyword
from ._tensors import Tensors

#: What K.function of Keras 2.3 does: lists in, arrays out, and nothing is updated.
COMPUTE = Definition(
    "keras_function",
    '''
def $name(inputs, outputs, phase=False):
    """Return what computes Keras tensors from others, as K.function of Keras 2 did.

    With phase, the last of the values tells whether to compute as in training.
    """
    several = isinstance(outputs, (list, tuple))
    model = $Model(
        list(inputs) if isinstance(inputs, (list, tuple)) else [inputs],
        list(outputs) if several else [outputs],
    )

    def compute(values):
        values = list(values) if isinstance(values, (list, tuple)) else [values]
        training = bool(values.pop()) if phase else False
        kept = [(each, each.numpy()) for each in model.non_trainable_weights if training]
        results = model(values, training=training)
        for weight, value in kept:
            weight.assign(value)
        results = results if isinstance(results, (list, tuple)) else [results]
        arrays = [$ops.convert_to_numpy(each) for each in results]
        return arrays if several else arrays[0]

    return compute
''',
    {"Model": "keras.Model", "ops": "keras.ops"},
)
_TEXT = COMPUTE.source.strip().replace("$name", COMPUTE.name).replace("$", "keras.")
RULE = Rule(
    "KM511",
    "function-of-a-model",
    "Compute inner tensors of a model by a model, where K.function did",
    "\"module 'keras.backend' has no attribute 'function'\". Between Keras tensors, such as the"
    " .input and .output of layers, keras.Model(inputs, outputs) does the same. A function of a few"
    " lines keeps what was around it: lists of arrays, a learning phase as the last value, and that"
    " nothing is updated. As the only input, model.layers[0].input becomes model.inputs[0]: that of"
    " an InputLayer is an empty list in Keras 3.",
    Safety.REVIEW,
    examples=(
        Example(
            "import keras\nfrom keras import backend as K\n\n"
            "model = keras.models.load_model('m.keras')\n"
            "f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[3].output])"
            "\nprint(f([x, 0])[0])\n",
            f"import keras\n\n\n{_TEXT}\n\n\n"
            "model = keras.models.load_model('m.keras')\n"
            "f = keras_function([model.inputs[0]], [model.layers[3].output], phase=True)"
            "\nprint(f([x, 0])[0])\n",
        ),
    ),
    untouched=(
        "Functions with updates= or other arguments, of placeholders or of gradients; see KM503.",
        "Tensors that the source does not show to be those of a model.",
        "Files that speak of stateful layers, whose states such a function left alone.",
        "Targets with the Keras 2 API.",
    ),
)
_FUNCTION, _PHASE = "keras.backend.function", "keras.backend.learning_phase"
_TENSORS = frozenset(("input", "inputs", "output", "outputs"))
_ORDER = ("inputs", "outputs")
_DEPTH = 8
#: The input of a model as its first layer has it. Where that is an InputLayer, Keras 3 has [].
_FIRST = m.Attribute(
    m.Subscript(
        m.Attribute(attr=m.Name("layers")),
        [m.SubscriptElement(m.Index(m.Integer("0")))],
    ),
    m.Name("input"),
)


class BackendFunction(Transform):
    """Makes models of functions between Keras tensors."""

    rules = (RULE,)
    # Before the rules that report the function and the learning phase.
    order = 7

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._names: dict[cst.CSTNode, str] = {}
        #: The last element, or right operand, of inputs that ask for the phase.
        self._phases: set[cst.CSTNode] = set()
        #: Inputs that are read from the first layer.
        self._firsts: set[cst.CSTNode] = set()
        #: What the variable of a loop goes through.
        self._loops: dict[cst.CSTNode, cst.BaseExpression] = {}

    def visit_ListComp(self, node: cst.ListComp) -> None:
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            self._loops[loop.target] = loop.iter
            loop = loop.inner_for_in

    def visit_For(self, node: cst.For) -> None:
        self._loops[node.target] = node.iter

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3 or not self._means(node.func, _FUNCTION):
            return
        given = self._given(node)
        symbol = self.context.symbol(node.func)
        if given is None or symbol is None or "stateful" in self.context.code:
            return
        inputs, phase = self._split(given["inputs"])
        if len(inputs) == 1 and isinstance(inputs[0], cst.List | cst.Tuple):
            inputs = [each.value for each in inputs[0].elements]
        if not all(map(self._is_tensors, inputs)) or not self._is_tensors(given["outputs"]):
            return
        if not self.context.definitions.fits(symbol):
            return
        if self.context.report(
            RULE,
            node,
            "K.function is gone: a function of this file computes the same with a model",
            fix=True,
            confidence=Confidence.LIKELY,
        ):
            local = self.context.definitions.need(COMPUTE, near=symbol)
            assert local is not None
            self._names[node] = local
            self.context.imports.claim(node.func)
            if len(inputs) == 1 and m.matches(inputs[0], _FIRST):
                self._firsts.add(inputs[0])
            if phase is not None:
                self._phases.add(phase)
                self.context.imports.claim(phase.func)

    # -- what it is given --------------------------------------------------------------------

    def _means(self, node: cst.BaseExpression, path: str) -> bool:
        symbol = self.context.symbol(node)
        return symbol is not None and symbol.certain and symbol.path == path

    @staticmethod
    def _given(node: cst.Call) -> dict[str, cst.BaseExpression] | None:
        """Return the inputs and outputs of a call that has nothing else."""
        if len(node.args) != len(_ORDER) or any(arg.star for arg in node.args):
            return None
        found = {
            arg.keyword.value if arg.keyword is not None else name: arg.value
            for name, arg in zip(_ORDER, node.args, strict=True)
        }
        return found if found.keys() == set(_ORDER) else None

    def _split(self, node: cst.BaseExpression) -> tuple[list[cst.BaseExpression], cst.Call | None]:
        """Return the tensors among the inputs, and the question for the phase at their end."""
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            phase = self._phase(node.right, alone=True)
            return ([node.left], phase) if phase is not None else ([node], None)
        phase = self._phase(node, alone=False)
        if phase is None or not isinstance(node, cst.List | cst.Tuple):
            return [node], None
        return [each.value for each in node.elements[:-1]], phase

    def _phase(self, node: cst.BaseExpression, *, alone: bool) -> cst.Call | None:
        """Return the question for the phase that a list is, or ends with."""
        if not isinstance(node, cst.List | cst.Tuple) or not node.elements:
            return None
        last = node.elements[-1].value
        if (len(node.elements) == 1) is not alone or not isinstance(last, cst.Call):
            return None
        return last if not last.args and self._means(last.func, _PHASE) else None

    def _is_tensors(self, node: cst.BaseExpression, depth: int = 0) -> bool:
        """Tell whether an expression is a tensor of a model, or some of them."""
        if depth > _DEPTH:
            return False
        if isinstance(node, cst.List | cst.Tuple):
            return bool(node.elements) and all(
                isinstance(each, cst.Element) and self._is_tensors(each.value, depth + 1)
                for each in node.elements
            )
        if isinstance(node, cst.Attribute) and node.attr.value in _TENSORS:
            return True
        if isinstance(node, cst.Subscript):
            return self._is_tensors(node.value, depth + 1)
        if isinstance(node, cst.ListComp):
            return self._is_tensors(node.elt, depth + 1)
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            return self._is_tensors(node.left, depth + 1) and self._is_tensors(
                node.right, depth + 1
            )
        if isinstance(node, cst.Name) and self._is_bound(node, depth):
            return True
        # A gradient of Keras tensors looks like one of them, and is none.
        return "gradients" not in self.context.code and self.context.shared(Tensors).is_keras(node)

    def _is_bound(self, node: cst.Name, depth: int) -> bool:
        bindings = self.context.names.bindings(node)
        values = [self._loops.get(each.node, each.value) for each in bindings]
        return bool(bindings) and all(
            value is not None and self._is_tensors(value, depth + 1) for value in values
        )

    # -- editing -----------------------------------------------------------------------------

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        layer = updated_node.value
        if original_node not in self._firsts or not isinstance(layer, cst.Subscript):
            return updated_node
        layers = cst.ensure_type(layer.value, cst.Attribute)
        return layer.with_changes(value=layers.with_changes(attr=cst.Name("inputs")))

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.List:
        if len(original_node.elements) < 2 or original_node.elements[-1].value not in self._phases:
            return updated_node
        *kept, dropped = updated_node.elements
        kept[-1] = kept[-1].with_changes(comma=dropped.comma)
        return updated_node.with_changes(elements=kept)

    def leave_Tuple(self, original_node: cst.Tuple, updated_node: cst.Tuple) -> cst.Tuple:
        if len(original_node.elements) < 2 or original_node.elements[-1].value not in self._phases:
            return updated_node
        *kept, dropped = updated_node.elements
        alone = len(kept) == 1
        kept[-1] = kept[-1].with_changes(comma=cst.Comma() if alone else dropped.comma)
        return updated_node.with_changes(elements=kept)

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        right = original_node.right
        if (
            isinstance(right, cst.List | cst.Tuple)
            and len(right.elements) == 1
            and right.elements[0].value in self._phases
        ):
            return updated_node.left
        return updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        local = self._names.get(original_node)
        if local is None:
            return updated_node
        made = updated_node.with_changes(func=cst.Name(local))
        given = self._given(original_node)
        if given is None or self._split(given["inputs"])[1] is None:
            return made
        return add_keyword(made, keyword("phase", cst.Name("True")))

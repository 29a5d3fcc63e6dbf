"""Which expressions of functional code are Keras tensors that hold one number.

The proof is narrow on purpose: a tensor of the graph, arithmetic, functions of the backend and of
``keras.losses``, and numbers of the program. What a weight takes part in is none: Keras 3 computes
with the value that the weight has at that time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import libcst as cst

from kerasmigrate.names import is_empty
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import is_a
from kerasmigrate.walking import Reader, walk

from ._layer_classes import METRIC
from ._tensors import Tensors
from .tensorflow_functions import functions, plain_name

_BACKENDS = ("keras.backend", "keras.ops")
_LOSSES = ("keras.losses", "keras.objectives", "keras.metrics")
#: Functions that make one number of a tensor unless they are told an axis.
_REDUCTIONS = frozenset(("logsumexp", "max", "mean", "min", "prod", "std", "sum", "var"))
#: Functions whose tensors may be of any shape.
_FUNCTIONS = frozenset(
    (
        "abs",
        "add",
        "batch_flatten",
        "binary_crossentropy",
        "cast",
        "categorical_crossentropy",
        "clip",
        "concatenate",
        "cos",
        "divide",
        "elu",
        "exp",
        "expand_dims",
        "flatten",
        "hard_sigmoid",
        "l2_normalize",
        "log",
        "log1p",
        "maximum",
        "minimum",
        "multiply",
        "negative",
        "ones_like",
        "permute_dimensions",
        "pow",
        "relu",
        "reshape",
        "round",
        "rsqrt",
        "sigmoid",
        "sign",
        "sin",
        "softmax",
        "softplus",
        "softsign",
        "sparse_categorical_crossentropy",
        "sqrt",
        "square",
        "squeeze",
        "stack",
        "stop_gradient",
        "subtract",
        "tanh",
        "transpose",
        "zeros_like",
    )
)
#: Those that make another shape of one number.
_SHAPING = frozenset(("batch_flatten", "concatenate", "expand_dims", "flatten", "reshape", "stack"))
_NUMBERS = frozenset(("epsilon", "int_shape", "ndim"))
_PYTHON = frozenset(("float", "int", "len", "round"))
_Arithmetic = (
    cst.Add,
    cst.Divide,
    cst.FloorDivide,
    cst.Modulo,
    cst.Multiply,
    cst.Power,
    cst.Subtract,
)


class Kind(Enum):
    """What an expression is."""

    NUMBER = "a number of the program"
    SCALAR = "a Keras tensor with one number"
    TENSOR = "a Keras tensor of any shape"


@dataclass(frozen=True, eq=False)
class Given:
    """What a name holds behind one assignment.

    Attributes:
        value: What is assigned, or what the name is changed by.
        operator: Of a change such as ``x *= 2``.
        target: The name that is changed.
        before: What the name held before a change; None where the code does not show it.
        part: Whether the name gets one part of the value.
    """

    value: cst.BaseExpression
    operator: cst.BaseAugOp | None = None
    target: cst.BaseExpression | None = None
    before: Given | None = None
    part: bool = False


class Scalars:
    """The tensors with one number of a file.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._tensors = context.shared(Tensors)
        flow = _Flow()
        flow.visit(context.module)
        #: What a name that is read holds, where the statements before it say so.
        self._held: Mapping[cst.CSTNode, Given] = flow.held
        #: What the targets of assignments get.
        self._given: Mapping[cst.CSTNode, Given] = flow.given
        self._busy: set[object] = set()

    def kind(self, node: cst.BaseExpression) -> Kind | None:
        """Say what an expression of the original tree is; None when that is not certain."""
        if isinstance(node, cst.Integer | cst.Float):
            return Kind.NUMBER
        if isinstance(node, cst.UnaryOperation):
            plain = isinstance(node.operator, cst.Minus | cst.Plus)
            return self.kind(node.expression) if plain else None
        if isinstance(node, cst.BinaryOperation):
            if not isinstance(node.operator, _Arithmetic):
                return None
            return _mixed([self.kind(node.left), self.kind(node.right)])
        if isinstance(node, cst.Name):
            return self._name(node)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.Subscript):
            known = self.kind(node.value)
            return Kind.TENSOR if known is Kind.SCALAR else known
        if isinstance(node, cst.Attribute):
            return self._attribute(node)
        return None

    # -- names -------------------------------------------------------------------------------

    def _name(self, node: cst.Name) -> Kind | None:
        bindings = self.context.names.bindings(node)
        held = self._held.get(node)
        if held is not None and not any(each.declared for each in bindings):
            return self._of(held)
        if all(each.kind == "parameter" for each in bindings) and self._tensors.may_be_keras(node):
            return Kind.TENSOR
        return self._whenever(bindings)

    def _whenever(self, bindings: Sequence[Binding]) -> Kind | None:
        """Say what a name holds by all that it may be bound to."""
        found: list[Kind | None] = []
        changes: list[Given] = []
        for binding in bindings:
            given = self._given.get(binding.node)
            if given is not None and given.operator is not None:
                changes.append(given)
            elif not is_empty(binding) and binding not in self._busy:
                self._busy.add(binding)
                try:
                    found.append(self._bound(binding))
                finally:
                    self._busy.discard(binding)
        known = _agreed(found)
        for change in changes:
            if change not in self._busy:
                known = _agreed([known, self._changed(change, known)])
        return known

    def _bound(self, binding: Binding) -> Kind | None:
        if binding.kind == "parameter":
            # What builds a model takes sizes and factors; tensors of it go into layers.
            plain = isinstance(binding.node, cst.Param) and not binding.node.star
            return (
                Kind.NUMBER if plain and isinstance(binding.scope.node, cst.FunctionDef) else None
            )
        given = self._given.get(binding.node)
        return self._of(given) if given is not None else None

    def _of(self, given: Given) -> Kind | None:
        if given in self._busy:
            return None
        self._busy.add(given)
        try:
            if given.operator is None:
                known = self.kind(given.value)
                return Kind.TENSOR if given.part and known is Kind.SCALAR else known
            if given.before is not None:
                return self._changed(given, self._of(given.before))
            assert given.target is not None
            bindings = self.context.names.bindings(given.target)
            return self._changed(given, self._whenever(bindings))
        finally:
            self._busy.discard(given)

    def _changed(self, given: Given, before: Kind | None) -> Kind | None:
        """Say what ``x *= value`` makes of what x was."""
        if not isinstance(given.operator, _CHANGES):
            return None
        return _mixed([before, self.kind(given.value)])

    def _attribute(self, node: cst.Attribute) -> Kind | None:
        if node.attr.value == "shape" or self.context.names.origins(node) == ("numpy.pi",):
            return Kind.NUMBER
        if self._tensors.is_keras(node):
            return Kind.TENSOR
        chain = dotted(node) or ()
        if len(chain) == 2 and chain[0] == "self":
            values = self.context.values.attribute(node)
            return _agreed([self.kind(each) for each in values])
        if len(chain) == 2:
            bindings = self.context.names.bindings(node)
            made = [each.value for each in bindings]
            if made and all(isinstance(each, cst.Call) and _parses(each) for each in made):
                return Kind.NUMBER
        return None

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: cst.Call) -> Kind | None:
        symbol = self.context.symbol(node.func)
        if symbol is not None and symbol.certain:
            module, _, leaf = symbol.path.rpartition(".")
            if module in _BACKENDS:
                return self._backend(node, leaf)
            if module in _LOSSES:
                return self._loss(node, leaf)
        elif symbol is None:
            origins = self.context.names.origins(node.func)
            equal = functions().get(plain_name(origins[0]) or "") if len(origins) == 1 else None
            if equal is not None:
                return self._backend(node, equal.path.rpartition(".")[2])
            name = node.func.value if isinstance(node.func, cst.Name) else ""
            builtin = name in _PYTHON and not self.context.names.bindings(node.func)
            if builtin or any(each.startswith("numpy.") for each in origins):
                kinds = [self.kind(arg.value) for arg in node.args]
                numbers = all(each is Kind.NUMBER for each in kinds)
                return Kind.NUMBER if numbers or name == "len" else None
        made = self.context.values.instance(node.func)
        if made is not None and is_a(made, METRIC):
            return None  # a layer in Keras 2, which gives what it has seen so far
        if self._tensors.is_layer(node.func) and any(self._feeds(arg.value) for arg in node.args):
            return Kind.TENSOR
        return Kind.TENSOR if self._tensors.is_keras(node) else None

    def _feeds(self, node: cst.BaseExpression) -> bool:
        """Tell whether a layer is called on a Keras tensor, alone or in a list."""
        given = [node]
        if isinstance(node, cst.List | cst.Tuple):
            given = [each.value for each in node.elements]
        return any(self.kind(each) in (Kind.SCALAR, Kind.TENSOR) for each in given)

    def _backend(self, node: cst.Call, leaf: str) -> Kind | None:
        if leaf in _NUMBERS:
            return Kind.NUMBER
        args = [arg for arg in node.args if arg.keyword is None or arg.keyword.value != "name"]
        if not args or any(arg.star for arg in args):
            return None
        if leaf in _REDUCTIONS:
            known = self.kind(args[0].value)
            plain = all(self._argument(arg.value) is Kind.NUMBER for arg in args[1:])
            if known not in (Kind.SCALAR, Kind.TENSOR) or not plain:
                return None
            return Kind.SCALAR if len(args) == 1 else Kind.TENSOR
        if leaf not in _FUNCTIONS:
            return None
        kinds = {self._argument(arg.value) for arg in args}
        if None in kinds or not kinds & {Kind.SCALAR, Kind.TENSOR}:
            return None
        return Kind.TENSOR if Kind.TENSOR in kinds or leaf in _SHAPING else Kind.SCALAR

    def _loss(self, node: cst.Call, leaf: str) -> Kind | None:
        """Say what a loss function of labels and predictions gives."""
        if leaf[:1].isupper() and not leaf.isupper():
            return None  # a class
        if len(node.args) != 2 or any(arg.star for arg in node.args):
            return None
        kinds = [self.kind(arg.value) for arg in node.args]
        known = all(each in (Kind.SCALAR, Kind.TENSOR) for each in kinds)
        return Kind.TENSOR if known else None

    def _argument(self, node: cst.BaseExpression) -> Kind | None:
        """Say what an argument is; a setting counts as a number."""
        if isinstance(node, cst.SimpleString):
            return Kind.NUMBER
        if isinstance(node, cst.Name) and node.value in ("None", "True", "False"):
            return Kind.NUMBER
        if isinstance(node, cst.List | cst.Tuple):
            kinds = [self.kind(each.value) for each in node.elements]
            return _mixed(kinds) if None not in kinds else None
        return self.kind(node)

    # -- history -----------------------------------------------------------------------------

    def history(self, node: cst.BaseExpression) -> Iterator[cst.Call]:
        """Yield the calls that a value comes from, as far as the code shows them."""
        seen: set[cst.CSTNode] = set()
        waiting: list[cst.CSTNode] = [node]
        while waiting:
            for each in walk(waiting.pop()):
                if each in seen:
                    continue
                if isinstance(each, cst.Call):
                    seen.update((each, each.func))  # what a name that is called holds is no value
                    yield each
                    if isinstance(each.func, cst.Call):
                        yield each.func
                elif isinstance(each, cst.Name):
                    waiting += self._sources(each)
                seen.add(each)

    def _sources(self, node: cst.Name) -> list[cst.CSTNode]:
        """Return the values that a name may hold, none of those that come later."""
        held = self._held.get(node)
        known = [held] if held is not None else []
        if held is None:
            here = self.context.positions[node].start.line
            known = [
                self._given[each.node]
                for each in self.context.names.bindings(node)
                if each.node in self._given and self.context.positions[each.node].start.line < here
            ]
        found: list[cst.CSTNode] = []
        while known:
            given = known.pop()
            found.append(given.value)
            known += [given.before] if given.before is not None else []
        return found


_CHANGES = (
    cst.AddAssign,
    cst.DivideAssign,
    cst.MultiplyAssign,
    cst.SubtractAssign,
)


def _mixed(kinds: Sequence[Kind | None]) -> Kind | None:
    """Return what arithmetic makes of operands."""
    if not kinds or None in kinds:
        return None
    for each in (Kind.TENSOR, Kind.SCALAR):
        if each in kinds:
            return each
    return Kind.NUMBER


def _agreed(kinds: Sequence[Kind | None]) -> Kind | None:
    """Return what a name is that holds one of several values."""
    found = set(kinds)
    if len(found) == 1:
        return found.pop()
    return Kind.TENSOR if found == {Kind.SCALAR, Kind.TENSOR} else None


def _parses(call: cst.Call) -> bool:
    """Tell whether a call reads the options of the command line."""
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "parse_args"


class _Flow(Reader):
    """Follows assignments through statements that run one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[cst.CSTNode, Given] = {}
        self.given: dict[cst.CSTNode, Given] = {}
        self._now: dict[str, Given] = {}

    def visit_Name(self, node: cst.Name) -> None:
        if node.value in self._now:
            self.held[node] = self._now[node.value]

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        self.visit(node.value)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        self.visit(node.value)
        return False

    def visit_Assign(self, node: cst.Assign) -> bool:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target.target, Given(node.value))
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:
        if node.value is not None:
            self.visit(node.value)
            self._assign(node.target, Given(node.value))
        return False

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:
        self.visit(node.value)
        target = node.target
        before = self._now.get(target.value) if isinstance(target, cst.Name) else None
        self._assign(target, Given(node.value, node.operator, target, before))
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        self._now = {}
        return False

    visit_ImportFrom = visit_Import

    def visit_Del(self, node: cst.Del) -> bool:
        for name in _stored(node):
            self._now.pop(name, None)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:
        self.visit(node.value)
        self._now.pop(getattr(node.target, "value", ""), None)
        return False

    def visit_AsName(self, node: cst.AsName) -> bool:
        for name in walk(node):
            if isinstance(name, cst.Name):
                self._now.pop(name.value, None)
        return False

    def _assign(self, target: cst.BaseExpression, given: Given) -> None:
        if isinstance(target, cst.Name):
            self.given[target] = given
            self._now[target.value] = given
        elif isinstance(target, cst.Tuple | cst.List):
            values = _parts(given.value, target)
            for element, value in zip(target.elements, values, strict=True):
                part = Given(given.value, part=True) if value is None else Given(value)
                self._assign(element.value, part)

    def _apart(self, node: cst.CSTNode, *parts: cst.CSTNode | None, again: bool = False) -> None:
        """Walk code that may run or not; ``again`` is for what may run more than once."""
        bound = _stored(node)
        before = self._now
        kept = {name: each for name, each in before.items() if name not in bound}
        for part in parts:
            if part is not None:
                self._now = dict(kept if again else before)
                self.visit(part)
        self._now = kept

    def visit_If(self, node: cst.If) -> bool:
        self.visit(node.test)
        self._apart(node, node.body, node.orelse)
        return False

    def visit_Try(self, node: cst.Try) -> bool:
        self._apart(node, node.body, *node.handlers, node.orelse, node.finalbody, again=True)
        return False

    def visit_For(self, node: cst.For) -> bool:
        self.visit(node.iter)
        self._apart(node, node.body, node.orelse, again=True)
        return False

    def visit_While(self, node: cst.While) -> bool:
        self._apart(node, node.test, node.body, node.orelse, again=True)
        return False

    def visit_Match(self, node: cst.Match) -> bool:
        self.visit(node.subject)
        self._apart(node, *node.cases, again=True)
        return False

    def _inside(self, node: cst.FunctionDef | cst.Lambda | cst.ClassDef) -> bool:
        before, self._now = self._now, {}
        self.visit(node.body)
        self._now = before
        if not isinstance(node, cst.Lambda):
            self._now.pop(node.name.value, None)
        return False

    visit_FunctionDef = _inside
    visit_Lambda = _inside
    visit_ClassDef = _inside


def _parts(
    value: cst.BaseExpression, target: cst.Tuple | cst.List
) -> Sequence[cst.BaseExpression | None]:
    """Return what each part of a target gets, where the value shows it."""
    parts = value.elements if isinstance(value, cst.Tuple | cst.List) else ()
    starred = any(isinstance(each, cst.StarredElement) for each in (*parts, *target.elements))
    if starred or len(parts) != len(target.elements):
        return [None] * len(target.elements)
    return [each.value for each in parts]


def _stored(node: cst.CSTNode) -> set[str]:
    """Return the names that a statement may bind."""
    found: set[str] = set()
    for each in walk(node):
        targets: list[cst.CSTNode] = []
        if isinstance(each, cst.Assign):
            targets = [target.target for target in each.targets]
        elif isinstance(each, cst.AugAssign | cst.AnnAssign | cst.For | cst.NamedExpr | cst.Del):
            targets = [each.target]
        elif isinstance(each, cst.AsName):
            targets = [each.name]
        elif isinstance(each, cst.FunctionDef | cst.ClassDef):
            found.add(each.name.value)
        for target in targets:
            found.update(name.value for name in walk(target) if isinstance(name, cst.Name))
    return found

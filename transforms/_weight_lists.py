"""Lists of weights that Keras 1 layers kept by hand: which can go, and what has to come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context

from ._layer_classes import LayerClasses

_TRAINABLE = "trainable_weights"
#: What Keras 1 layers assigned besides, and what to do instead.
_OTHERS = {
    "non_trainable_weights": "create the weight by self.add_weight(..., trainable=False)",
    "updates": "assign the new value to the weight in call()",
    "losses": "call self.add_loss(...) in call()",
    "regularizers": "hand regularizer= to self.add_weight(...)",
    "constraints": "hand constraint= to self.add_weight(...)",
}
#: Functions that make an initializer of its name.
GETTERS = frozenset(("keras.initializations.get", "keras.initializers.get"))
_FILLED = {"keras.backend.zeros": "'zeros'", "keras.backend.ones": "'ones'"}

Guards = tuple[tuple[str, int], ...]


@dataclass
class _Use:
    """One statement about an attribute of ``self``."""

    node: cst.BaseSmallStatement
    value: cst.BaseExpression
    guards: Guards
    alone: bool


@dataclass
class _Uses(cst.CSTVisitor):
    """Collects assignments to attributes of ``self`` in one class, with the ifs around them."""

    assigned: dict[str, list[_Use]] = field(default_factory=dict)
    changed: list[tuple[str, cst.CSTNode, cst.BaseExpression | None]] = field(default_factory=list)
    _guards: Guards = ()
    _alone: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def visit_If(self, node: cst.If) -> bool:
        test = cst.Module([]).code_for_node(node.test)
        outer = self._guards
        for branch, part in enumerate((node.body, node.orelse)):
            self._guards = (*outer, (test, branch))
            if part is not None:
                part.visit(self)
        self._guards = outer
        return False

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        self._alone = len(node.body) == 1

    def visit_SimpleStatementSuite(self, node: cst.SimpleStatementSuite) -> None:
        self._alone = False

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            chain = dotted(target.target)
            if chain is not None and len(chain) == 2 and chain[0] == "self":
                alone = self._alone and len(node.targets) == 1
                use = _Use(node, node.value, self._guards, alone)
                self.assigned.setdefault(chain[1], []).append(use)
            elif isinstance(target.target, cst.Subscript):
                self._change(target.target.value, node, node.value)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._change(node.target, node, node.value)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in (
            "append",
            "extend",
            "insert",
            "update",
        ):
            self._change(node.func.value, node, None)

    def _change(
        self, target: cst.BaseExpression, node: cst.CSTNode, value: cst.BaseExpression | None
    ) -> None:
        chain = dotted(target)
        if chain is not None and len(chain) == 2 and chain[0] == "self":
            self.changed.append((chain[1], node, value))


class WeightLists:
    """The lists of one class.

    Attributes:
        conversions: Calls that create a listed weight without ``add_weight``, each with the shape
            and the initializer to use.
    """

    def __init__(self, context: Context, classes: LayerClasses, node: cst.ClassDef) -> None:
        self.context = context
        self.conversions: dict[cst.Call, tuple[cst.BaseExpression, cst.BaseExpression]] = {}
        self._uses = _Uses()
        node.body.visit(self._uses)
        #: Names that the class defines itself, as a property with a setter for instance.
        self._own = frozenset(classes.methods(node))
        self._reasons: list[tuple[cst.CSTNode, str]] = []
        self._removable: list[cst.BaseSmallStatement] = []
        if _TRAINABLE not in self._own:
            self._judge()

    def removable(self) -> tuple[cst.BaseSmallStatement, ...]:
        """Return the assignments of ``trainable_weights`` that can simply go."""
        return tuple(self._removable)

    def stuck(self) -> Iterator[tuple[cst.CSTNode, str]]:
        """Yield the statements about ``trainable_weights`` that cannot, with the reason."""
        yield from self._reasons

    def others(self) -> Iterator[tuple[cst.CSTNode, str, str]]:
        """Yield what happens to the other lists: a node, the name, and what to do instead."""
        for name, advice in _OTHERS.items():
            if name in self._own:
                continue
            silent = name in ("regularizers", "constraints")
            for use in self._uses.assigned.get(name, ()):
                display = isinstance(use.value, cst.List | cst.Dict)
                empty = isinstance(use.value, cst.List | cst.Dict) and not use.value.elements
                if (display and not empty) if silent else True:
                    yield use.node, name, advice
            for changed, node, _ in self._uses.changed:
                if changed == name and name in self._uses.assigned:
                    yield node, name, advice

    def _judge(self) -> None:
        uses = self._uses.assigned.get(_TRAINABLE, [])
        changed = [node for name, node, _ in self._uses.changed if name == _TRAINABLE]
        if not uses:
            self._reasons += [(node, "the list is changed in place") for node in changed]
            return
        listed = [self._elements(use.value) for use in uses]
        reason = "the list is changed in place" if changed else self._reason(uses, listed)
        if reason:
            self.conversions.clear()
            self._reasons += [(use.node, reason) for use in uses]
        else:
            self._removable += [use.node for use in uses]

    def _reason(self, uses: list[_Use], listed: list[list[str] | None]) -> str:
        """Say why the assignments cannot go; empty when they can."""
        for use, names in zip(uses, listed, strict=True):
            if names is None:
                return "it is not a plain list of attributes"
            if not use.alone:
                return "the statement does not stand on a line of its own"
            for name in names:
                reason = self._creation(name)
                if reason:
                    return reason
        everything = {name for names in listed for name in names or ()}
        everything |= {name for name in self._uses.assigned if self._is_weight(name)}
        for use, names in zip(uses, listed, strict=True):
            for name in sorted(everything - set(names or ())):
                # A weight that is left out must not exist where the list leaves it out.
                if not all(
                    _exclude(use.guards, created.guards) for created in self._uses.assigned[name]
                ):
                    return f"it leaves out self.{name}"
        return ""

    def _elements(self, value: cst.BaseExpression) -> list[str] | None:
        if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add):
            left, right = self._elements(value.left), self._elements(value.right)
            return None if left is None or right is None else left + right
        if not isinstance(value, cst.List | cst.Tuple):
            return None
        found = []
        for element in value.elements:
            chain = dotted(element.value)
            if chain is None or len(chain) != 2 or chain[0] != "self":
                return None
            found.append(chain[1])
        return found

    def _is_weight(self, name: str) -> bool:
        return any(
            isinstance(use.value, cst.Call)
            and dotted(use.value.func) == ("self", "add_weight")
            and not any(
                arg.keyword is not None
                and arg.keyword.value == "trainable"
                and isinstance(arg.value, cst.Name)
                and arg.value.value == "False"
                for arg in use.value.args
            )
            for use in self._uses.assigned[name]
        )

    def _creation(self, name: str) -> str:
        """Plan how ``self.name`` is created; return why it cannot be, or nothing."""
        uses = self._uses.assigned.get(name, [])
        if not uses:
            return f"self.{name} is not created in this class"
        for use in uses:
            value = use.value
            if isinstance(value, cst.Name) and value.value == "None":
                continue
            if isinstance(value, cst.Call) and dotted(value.func) == ("self", "add_weight"):
                continue
            converted = self._converted(value) if isinstance(value, cst.Call) else None
            if converted is None or not isinstance(value, cst.Call):
                return f"self.{name} is not created by add_weight"
            self.conversions[value] = converted
        return ""

    def _converted(self, call: cst.Call) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
        """Return shape and initializer of a call such as ``self.init(shape, name=...)``."""
        if not call.args:
            return None
        first, *rest = call.args
        if (
            first.keyword is not None
            or first.star
            or len(rest) > 1
            or any(arg.keyword is None or arg.keyword.value != "name" for arg in rest)
        ):
            return None
        symbol = self.context.symbol(call.func)
        if symbol is not None and symbol.path == "keras.backend.variable":
            inner = first.value
            if isinstance(inner, cst.Call) and len(inner.args) == 1:
                return self._converted(inner)
            return None
        if symbol is not None:
            filled = _FILLED.get(symbol.path)
            return (first.value, cst.SimpleString(filled)) if filled else None
        chain = dotted(call.func)
        if chain is None or len(chain) != 2 or chain[0] != "self":
            return None
        sources = self._uses.assigned.get(chain[1], [])
        if sources and all(self._is_getter(use.value) for use in sources):
            return first.value, call.func
        return None

    def _is_getter(self, value: cst.BaseExpression) -> bool:
        symbol = self.context.symbol(value.func) if isinstance(value, cst.Call) else None
        return symbol is not None and symbol.path in GETTERS


class ListedWeights:
    """The lists of the classes of one file.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[cst.ClassDef, WeightLists] = {}

    def of(self, node: cst.ClassDef) -> WeightLists:
        """Return the lists of a class."""
        if node not in self._known:
            classes = self._context.shared(LayerClasses)
            self._known[node] = WeightLists(self._context, classes, node)
        return self._known[node]


def _exclude(one: Guards, other: Guards) -> bool:
    """Tell whether two statements stand in different branches of one condition."""
    branches = dict(one)
    return any(test in branches and branches[test] != branch for test, branch in other)


class Emptied:
    """Takes statements out of blocks, and the blocks that lose all their statements."""

    def __init__(self) -> None:
        self._marked: list[cst.CSTNode] = []
        self._hollow: list[cst.CSTNode] = []
        self._elifs: set[cst.CSTNode] = set()

    def mark(self, line: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
        """Return a stand-in for a statement that is to go."""
        stand_in = line.with_changes(body=[cst.Pass()])
        self._marked.append(stand_in)
        return stand_in

    def _is_marked(self, node: cst.CSTNode) -> bool:
        return any(node is each for each in self._marked)

    def _is_hollow(self, node: cst.CSTNode) -> bool:
        return any(node is each for each in self._hollow)

    def block(self, block: cst.IndentedBlock) -> cst.IndentedBlock:
        """Remove the stand-ins of a block; comments above them stay."""
        if not any(self._is_marked(line) for line in block.body):
            return block
        body: list[cst.BaseStatement] = []
        carried: list[cst.EmptyLine] = []
        for line in block.body:
            assert isinstance(line, cst.SimpleStatementLine | cst.BaseCompoundStatement)
            if self._is_marked(line):
                if any(each.comment is not None for each in line.leading_lines):
                    carried += line.leading_lines
                continue
            if carried:
                line = line.with_changes(leading_lines=[*carried, *line.leading_lines])
                carried = []
            body.append(line)
        hollow = not body
        if hollow:
            body = [cst.SimpleStatementLine([cst.Pass()], leading_lines=carried)]
            hollow = not carried and not block.footer
            carried = []
        result = block.with_changes(body=body, footer=[*carried, *block.footer])
        if hollow:
            self._hollow.append(result)
        return result

    def note(self, node: cst.If) -> None:
        """Look at a condition before its branches."""
        if isinstance(node.orelse, cst.If):
            self._elifs.add(node.orelse)

    def branch(self, original: cst.If, node: cst.BaseStatement) -> cst.BaseStatement:
        """Remove the branches of a condition that hold nothing any more."""
        if not isinstance(node, cst.If):
            return node  # another transform has emptied it
        orelse = node.orelse
        if isinstance(orelse, cst.Else) and self._is_hollow(orelse.body):
            node = node.with_changes(orelse=None)
        if (
            node.orelse is None
            and self._is_hollow(node.body)
            and original not in self._elifs
            and _is_plain(node.test)
        ):
            stand_in = cst.SimpleStatementLine([cst.Pass()], leading_lines=node.leading_lines)
            self._marked.append(stand_in)
            return stand_in
        return node


def _is_plain(test: cst.BaseExpression) -> bool:
    """Tell whether evaluating a condition does nothing else."""
    if isinstance(test, cst.UnaryOperation):
        return _is_plain(test.expression)
    if isinstance(test, cst.BooleanOperation):
        return _is_plain(test.left) and _is_plain(test.right)
    if isinstance(test, cst.Comparison):
        return _is_plain(test.left) and all(_is_plain(each.comparator) for each in test.comparisons)
    return dotted(test) is not None or isinstance(test, cst.SimpleString | cst.Integer)

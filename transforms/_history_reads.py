"""Where a file names a metric that fit() logged: in the history, in logs, and for callbacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.literals import string
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader, walk

CALLBACK = "keras.callbacks.Callback"
HOOK = re.compile(r"on_\w+_(?:begin|end)")
#: A field of a file name, such as ``{val_acc:.2f}``.
FIELD = re.compile(r"\{(\w+)(?=[:!}])")
#: Position of the monitored metric in the callbacks that have one.
_MONITORS = {"EarlyStopping": 0, "ReduceLROnPlateau": 0, "ModelCheckpoint": 1}
_DEPTH = 4
_Text = cst.SimpleString | cst.FormattedStringText


@dataclass(frozen=True, eq=False)
class Read:
    """One place that names logged metrics.

    Attributes:
        node: The literal.
        key: The name; that of one field in a file name.
        kind: ``history``, ``logs``, ``monitor`` or ``pattern``.
        place: Names of the functions and classes around it.
        receiver: The source of the model that was trained, where it shows.
        beside: Literals that are used instead in another branch, or as a default.
    """

    node: _Text
    key: str
    kind: str
    place: tuple[str, ...]
    receiver: str | None
    beside: frozenset[str]


class HistoryReads(Reader):
    """Collects the places of a file that name logged metrics.

    Attributes:
        reads: The places, in the order of the code.
        asked: Keys that the file asks for with ``in``.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.reads: list[Read] = []
        self.asked: set[str] = set()
        self._place: list[str] = []
        self._beside: list[frozenset[str]] = []
        self._seen: set[tuple[cst.CSTNode, str]] = set()

    # -- places ------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._place.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._place.pop()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._place.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._place.pop()

    # -- branches ----------------------------------------------------------------------------

    def _branches(self, *branches: cst.CSTNode | None) -> None:
        found = [each for each in branches if each is not None]
        for each in found:
            others = (_strings(other) for other in found if other is not each)
            self._beside.append(frozenset().union(*others))
            self.visit(each)
            self._beside.pop()

    def visit_If(self, node: cst.If) -> bool:
        self.visit(node.test)
        self._branches(node.body, node.orelse)
        return False

    def visit_IfExp(self, node: cst.IfExp) -> bool:
        self.visit(node.test)
        self._branches(node.body, node.orelse)
        return False

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> bool:
        self._branches(node.left, node.right)
        return False

    def visit_Try(self, node: cst.Try) -> bool:
        self._branches(node.body, *node.handlers)
        for each in (node.orelse, node.finalbody):
            if each is not None:
                self.visit(each)
        return False

    def visit_Comparison(self, node: cst.Comparison) -> None:
        for each in node.comparisons:
            key = string(node.left)
            if key is not None and isinstance(each.operator, cst.In | cst.NotIn):
                self.asked.add(key)

    # -- reads -------------------------------------------------------------------------------

    def _add(
        self,
        node: cst.BaseExpression,
        kind: str,
        receiver: str | None = None,
        more: frozenset[str] = frozenset(),
    ) -> None:
        if isinstance(node, cst.SimpleString):
            key = string(node)
            if key is not None:
                self._note(node, key, kind, receiver, more)

    def _note(
        self, node: _Text, key: str, kind: str, receiver: str | None, more: frozenset[str]
    ) -> None:
        if (node, key) not in self._seen:
            self._seen.add((node, key))
            beside = more.union(*self._beside)
            self.reads.append(Read(node, key, kind, tuple(self._place), receiver, beside))

    def visit_Assign(self, node: cst.Assign) -> bool:
        self.visit(node.value)
        for target in node.targets:
            # What is stored under a key is the code's own.
            if not isinstance(target.target, cst.Subscript):
                self.visit(target.target)
        return False

    def visit_Subscript(self, node: cst.Subscript) -> None:
        kind = self._kind(node.value)
        if kind is None:
            return
        receiver = self._receiver(node.value)
        for element in node.slice:
            if not isinstance(element.slice, cst.Index):
                continue
            value = element.slice.value
            for each in (
                [part.value for part in value.elements]
                if isinstance(value, cst.List | cst.Tuple)
                else [value]
            ):
                self._add(each, kind, receiver)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value in ("get", "pop") and node.args:
            kind = self._kind(func.value)
            if kind is not None:
                more = frozenset().union(*(_strings(arg.value) for arg in node.args[1:]))
                self._add(node.args[0].value, kind, self._receiver(func.value), more)
            return
        found = callee(self.context.names, node)
        if found is None or not found.path.startswith("keras.callbacks."):
            return
        leaf = found.path.rpartition(".")[2]
        if leaf in _MONITORS:
            args = node.args[found.skip :]
            self._monitor(argument(args, _MONITORS[leaf], "monitor"))
            if leaf == "ModelCheckpoint":
                self._pattern(argument(args, 0, "filepath"))

    def _monitor(self, node: cst.BaseExpression | None) -> None:
        if not isinstance(node, cst.Name):
            values = [node]
        elif self._is_exported(node):
            return
        else:
            values = [each.value for each in self.context.names.bindings(node)]
        if all(isinstance(each, cst.SimpleString) for each in values):
            for each in values:
                assert each is not None
                self._add(each, "monitor")

    def _is_exported(self, node: cst.Name) -> bool:
        found = self.context.names.bindings(node)
        return any(each.scope.kind == "module" for each in found) and (
            node.value in self.context.view.kept
        )

    def _pattern(self, node: cst.BaseExpression | None) -> None:
        for text in path_texts(self.context, node):
            for field in FIELD.findall(text.value):
                self._note(text, field, "pattern", None, frozenset())

    # -- what is read from -------------------------------------------------------------------

    def _kind(self, node: cst.BaseExpression) -> str | None:
        if self._is_history(node, 0):
            return "history"
        return "logs" if isinstance(node, cst.Name) and self._is_logs(node) else None

    def _is_history(self, node: cst.BaseExpression, depth: int) -> bool:
        """Tell whether an expression is the dictionary of a History, or a table made of it."""
        if depth > _DEPTH:
            return False
        if isinstance(node, cst.Attribute):
            if node.attr.value != "history":
                return False
            base = node.value
            if isinstance(base, cst.Name):
                bound = self.context.names.bindings(base)
                return base.value not in ("self", "cls") and not any(
                    each.kind in ("import", "class") for each in bound
                )
            return isinstance(base, cst.Attribute | cst.Call | cst.Subscript)
        if isinstance(node, cst.Call):
            chain = dotted(node.func)
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "copy":
                return self._is_history(node.func.value, depth + 1)
            return bool(
                chain
                and chain[-1] in ("DataFrame", "dict")
                and node.args
                and self._is_history(node.args[0].value, depth + 1)
            )
        if isinstance(node, cst.Name):
            values = [each.value for each in self.context.names.bindings(node)]
            return bool(values) and all(
                value is not None and self._is_history(value, depth + 1) for value in values
            )
        return False

    def _is_logs(self, node: cst.Name) -> bool:
        """Tell whether a name is what a callback is told of the metrics."""
        for binding in self.context.names.bindings(node):
            scope = binding.scope.node
            if binding.kind != "parameter":
                continue
            if isinstance(scope, cst.Lambda) and node.value == "logs":
                return True
            if isinstance(scope, cst.FunctionDef) and HOOK.fullmatch(scope.name.value):
                params = [param.name.value for param in scope.params.params]
                wanted = 1 if scope.name.value.startswith(_WITHOUT_INDEX) else 2
                return node.value == "logs" or params[wanted : wanted + 1] == [node.value]
        return False

    def _receiver(self, node: cst.BaseExpression, depth: int = 0) -> str | None:
        """Return the source of the model whose history an expression is."""
        if depth > _DEPTH:
            return None
        if isinstance(node, cst.Attribute) and node.attr.value == "history":
            return self._receiver(node.value, depth + 1)
        if isinstance(node, cst.Call):
            func = node.func
            if isinstance(func, cst.Attribute) and func.attr.value in ("fit", "fit_generator"):
                return self.context.module.code_for_node(func.value)
            if node.args and dotted(func):
                return self._receiver(node.args[0].value, depth + 1)
        if isinstance(node, cst.Name):
            values = [each.value for each in self.context.names.bindings(node)]
            found = {
                self._receiver(value, depth + 1) if value is not None else None for value in values
            }
            return found.pop() if len(found) == 1 else None
        return None


_WITHOUT_INDEX = ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end")


def argument(args: Sequence[cst.Arg], index: int, name: str) -> cst.BaseExpression | None:
    """Return an argument of a call by its position or its name."""
    for place, arg in enumerate(args):
        if arg.star:
            return None
        if arg.keyword is None and place == index:
            return arg.value
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
    return None


def constant(context: Context, node: cst.Name) -> cst.BaseExpression | None:
    """Return what a name is always bound to, if that is one expression of this file alone."""
    bindings = context.names.bindings(node)
    if len(bindings) != 1 or bindings[0].kind not in ("local", "alias"):
        return None
    if bindings[0].scope.kind == "module" and node.value in context.view.kept:
        return None
    return bindings[0].value


def path_texts(
    context: Context, node: cst.BaseExpression | None, depth: int = 0
) -> Iterator[_Text]:
    """Yield the literals that a path is put together of, but none that ``format`` fills in."""
    if node is None or depth > _DEPTH:
        return
    if isinstance(node, cst.SimpleString):
        yield node
    elif isinstance(node, cst.Name):
        yield from path_texts(context, constant(context, node), depth + 1)
    elif isinstance(node, cst.ConcatenatedString | cst.BinaryOperation):
        yield from path_texts(context, node.left, depth)
        yield from path_texts(context, node.right, depth)
    elif isinstance(node, cst.FormattedString):
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                yield part
    elif isinstance(node, cst.Call):
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
            return
        for arg in node.args:
            yield from path_texts(context, arg.value, depth)


def _strings(node: cst.CSTNode) -> frozenset[str]:
    """Return the string literals below a node."""
    found = (string(each) for each in walk(node) if isinstance(each, cst.SimpleString))
    return frozenset(each for each in found if each is not None)

"""Which string literals an expression may be, where they come by way of variables.

The ways that are followed: names, both sides of ``or`` and of conditional expressions, parameters
(their defaults, what calls of this file pass, and lists of values for a search), loops over
displays, keys of dictionaries, attributes of ``self``, and options of argparse and of flags.
Nothing is proved: what is found may get there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader

_Display = cst.List | cst.Tuple | cst.Set
#: Methods and functions whose result is what they are given, for a name.
_SAME = frozenset(("casefold", "decode", "lower", "str", "strip"))
#: Functions that give one of the elements of a list.
_CHOICES = frozenset(("Choice", "choice", "choices", "sample", "suggest_categorical"))
#: Functions that give all elements of their first argument.
_ALL = frozenset(("array", "iter", "list", "reversed", "set", "shuffle", "sorted", "tuple"))
_FLAGS = frozenset(("DEFINE_enum", "DEFINE_string"))


class StringSources:
    """The ways that strings go in one file; ask for it with ``context.shared``."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._reader = _Ways()
        self._reader.visit(context.module)
        self._seen: set[tuple[cst.CSTNode, str]] = set()
        self._given: dict[cst.CSTNode, list[cst.BaseExpression]] = {}

    @property
    def compared(self) -> frozenset[str]:
        """Strings that the file compares something with."""
        return frozenset(self._reader.compared)

    def behind(self, node: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
        """Return the string literals that an expression may be, itself left out."""
        self._seen = set()
        found = dict.fromkeys(each for each in self._strings(node) if each is not node)
        return tuple(found)

    # -- one string ---------------------------------------------------------------------------

    def _strings(self, node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        if literals.string(node) is not None:
            yield node
            return
        yield from self._once("one", node, self._looked_up(node))

    def _once(
        self, kind: str, node: cst.CSTNode, found: Iterator[cst.BaseExpression]
    ) -> Iterator[cst.BaseExpression]:
        """Yield what an iterator finds, unless the way has come by already."""
        if (node, kind) not in self._seen:
            self._seen.add((node, kind))
            yield from found

    def _looked_up(self, node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        if isinstance(node, cst.IfExp):
            yield from self._strings(node.body)
            yield from self._strings(node.orelse)
        elif isinstance(node, cst.BooleanOperation):
            yield from self._strings(node.left)
            yield from self._strings(node.right)
        elif isinstance(node, cst.Call):
            yield from self._called(node)
        elif isinstance(node, cst.Subscript):
            key = _index(node)
            text = literals.string(key)
            if text is not None:
                for value in self._under(node.value, text):
                    yield from self._strings(value)
            else:
                yield from self._elements(node.value)
        elif isinstance(node, cst.Attribute):
            yield from self._attribute(node)
        elif isinstance(node, cst.Name):
            for binding in self.context.names.bindings(node):
                yield from self._bound(binding)

    def _called(self, node: cst.Call) -> Iterator[cst.BaseExpression]:
        name = _leaf(node.func)
        if name == "get" and isinstance(node.func, cst.Attribute) and node.args:
            text = literals.string(node.args[0].value)
            for value in self._under(node.func.value, text) if text is not None else ():
                yield from self._strings(value)
            for arg in node.args[1:2]:
                yield from self._strings(arg.value)
        elif name in _SAME:
            if isinstance(node.func, cst.Attribute):
                yield from self._strings(node.func.value)
            elif node.args:
                yield from self._strings(node.args[0].value)
        elif name in _CHOICES:
            for arg in node.args:
                yield from self._elements(arg.value)

    def _attribute(self, node: cst.Attribute) -> Iterator[cst.BaseExpression]:
        if self.context.symbol(node) is not None:
            return
        for value in self.context.values.attribute(node):
            yield from self._strings(value)
        for value in self._reader.options.get(node.attr.value, ()):
            yield from self._strings(value)
        for value in self._reader.choices.get(node.attr.value, ()):
            yield from self._elements(value)

    def _bound(self, binding: Binding) -> Iterator[cst.BaseExpression]:
        way = self._reader.drawn.get(binding.node)
        if isinstance(binding.node, cst.Param):
            for value in self._arguments(binding):
                yield from self._strings(value)
            for value in self._searched(binding.node, binding.scope.node):
                yield from self._strings(value)
                yield from self._elements(value)
        elif way is not None:
            source, index, loop = way
            if loop:
                yield from self._elements(source, index)
            elif isinstance(source, _Display) and index is not None:
                items = literals.elements(source) or []
                if index < len(items):
                    yield from self._strings(items[index])
        elif binding.value is not None:
            yield from self._strings(binding.value)

    # -- one of several -----------------------------------------------------------------------

    def _elements(
        self, node: cst.BaseExpression, index: int | None = None
    ) -> Iterator[cst.BaseExpression]:
        """Yield the strings among the elements of what may be a display, or at their index."""
        yield from self._once(f"all {index}", node, self._drawn(node, index))

    def _drawn(self, node: cst.BaseExpression, index: int | None) -> Iterator[cst.BaseExpression]:
        if isinstance(node, _Display):
            for element in node.elements:
                value = element.value
                items = literals.elements(value) if index is not None else None
                if index is None:
                    yield from self._strings(value)
                elif items is not None and index < len(items):
                    yield from self._strings(items[index])
        elif isinstance(node, cst.Dict):
            for entry in node.elements:
                if index is None and isinstance(entry, cst.DictElement):
                    yield from self._strings(entry.key)
        elif isinstance(node, cst.Call):
            yield from self._of_call(node, index)
        elif isinstance(node, cst.BinaryOperation):
            yield from self._elements(node.left, index)
            yield from self._elements(node.right, index)
        elif isinstance(node, cst.Subscript):
            text = literals.string(_index(node))
            for value in self._under(node.value, text) if text is not None else ():
                yield from self._elements(value, index)
        elif isinstance(node, cst.Name | cst.Attribute):
            for value in self._values(node):
                yield from self._elements(value, index)

    def _of_call(self, node: cst.Call, index: int | None) -> Iterator[cst.BaseExpression]:
        name = _leaf(node.func)
        args = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
        if name == "enumerate" and args and index == 1:
            yield from self._elements(args[0])
        elif name in ("zip", "product") and index is not None and index < len(args):
            yield from self._elements(args[index])
        elif name in _ALL and args:
            yield from self._elements(args[0], index)
        elif name in ("items", "values", "keys") and isinstance(node.func, cst.Attribute):
            for made in self._values(node.func.value):
                keys = name == "keys" or (name == "items" and index == 0)
                if isinstance(made, cst.Dict):
                    for entry in made.elements:
                        if isinstance(entry, cst.DictElement):
                            yield from self._strings(entry.key if keys else entry.value)

    # -- values of names ----------------------------------------------------------------------

    def _values(self, node: cst.BaseExpression) -> list[cst.BaseExpression]:
        """Return what a name or an attribute of ``self`` may be bound to."""
        if not isinstance(node, cst.Name | cst.Attribute):
            return [node]
        if isinstance(node, cst.Attribute):
            return self.context.values.attribute(node)
        found: list[cst.BaseExpression] = []
        for binding in self.context.names.bindings(node):
            if isinstance(binding.node, cst.Param):
                found += self._arguments(binding)
            elif binding.value is not None and binding.value is not node:
                found.append(binding.value)
        return found

    def _under(self, node: cst.BaseExpression, key: str) -> list[cst.BaseExpression]:
        """Return what stands under a key: of a known dictionary, else of any in the file."""
        known = [literals.pairs(each) for each in self._values(node)]
        pairs = [each for each in known if each is not None]
        if not pairs:
            pairs = self._reader.dictionaries
            options = [*self._reader.options.get(key, ()), *self._reader.choices.get(key, ())]
        else:
            options = []
        return [each[key] for each in pairs if key in each] + options

    def _arguments(self, binding: Binding) -> list[cst.BaseExpression]:
        """Return the default of a parameter, and what calls of this file pass for it."""
        param, function = binding.node, binding.scope.node
        assert isinstance(param, cst.Param)
        if param in self._given:
            return self._given[param]
        found = self._given[param] = [param.default] if param.default is not None else []
        if not isinstance(function, cst.FunctionDef):
            return found
        names = [
            each.name.value for each in (*function.params.posonly_params, *function.params.params)
        ]
        method = bool(names) and names[0] in ("self", "cls")
        for call in self._reader.calls:
            if self._calls(call, function, method):
                found += _given(call, names[1:] if method else names, param.name.value)
        return found

    def _calls(self, call: cst.Call, function: cst.FunctionDef, method: bool) -> bool:
        name = function.name.value
        chain = dotted(call.func)
        if chain is None:
            return False
        if method and name == "__init__":
            return any(
                isinstance(each.node, cst.ClassDef) and function in each.node.body.body
                for each in self.context.names.bindings(call.func)
            )
        if method:
            return len(chain) > 1 and chain[-1] == name
        return len(chain) == 1 and any(
            each.node is function for each in self.context.names.bindings(call.func)
        )

    def _searched(self, param: cst.Param, function: cst.CSTNode | None) -> list[cst.BaseExpression]:
        """Return what is given beside a function that is handed on: as keywords, or in a grid."""
        name = param.name.value
        found: list[cst.BaseExpression] = []
        handed = False
        for call in self._reader.calls:
            if not any(
                isinstance(arg.value, cst.Name)
                and any(each.node is function for each in self.context.names.bindings(arg.value))
                for arg in call.args
            ):
                continue
            handed = True
            found += [
                arg.value
                for arg in call.args
                if arg.keyword is not None and arg.keyword.value.rpartition("__")[2] == name
            ]
        if handed:
            for pairs in self._reader.dictionaries:
                found += [value for key, value in pairs.items() if key.rpartition("__")[2] == name]
        return found


def _index(node: cst.Subscript) -> cst.BaseExpression | None:
    part = node.slice[0].slice if len(node.slice) == 1 else None
    return part.value if isinstance(part, cst.Index) else None


def _leaf(func: cst.BaseExpression) -> str:
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else ""


def _given(call: cst.Call, names: Sequence[str], wanted: str) -> list[cst.BaseExpression]:
    """Return what a call passes for a parameter."""
    found = []
    for index, arg in enumerate(call.args):
        if arg.star:
            if arg.star == "*":
                break
            pairs = literals.pairs(arg.value)
            found += [pairs[wanted]] if pairs is not None and wanted in pairs else []
        elif arg.keyword is not None:
            found += [arg.value] if arg.keyword.value == wanted else []
        elif index < len(names) and names[index] == wanted:
            found.append(arg.value)
    return found


class _Ways(Reader):
    """Collects what strings may come by, in one walk."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[cst.Call] = []
        self.dictionaries: list[dict[str, cst.BaseExpression]] = []
        #: Target of a loop or of an unpacking: what it draws from, at which place, and whether
        #: it takes one element after the other.
        self.drawn: dict[cst.CSTNode, tuple[cst.BaseExpression, int | None, bool]] = {}
        #: Options of command lines: their defaults, and the lists that they are chosen from.
        self.options: dict[str, list[cst.BaseExpression]] = {}
        self.choices: dict[str, list[cst.BaseExpression]] = {}
        self.compared: set[str] = set()

    def visit_For(self, node: cst.For) -> None:
        self._loop(node.target, node.iter)

    def visit_CompFor(self, node: cst.CompFor) -> None:
        self._loop(node.target, node.iter)

    def _loop(self, target: cst.BaseExpression, source: cst.BaseExpression) -> None:
        self.drawn[target] = (source, None, True)
        for index, each in enumerate(literals.elements(target) or []):
            self.drawn[each] = (source, index, True)

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            for index, each in enumerate(literals.elements(target.target) or []):
                self.drawn[each] = (node.value, index, False)

    def visit_Dict(self, node: cst.Dict) -> None:
        self._dictionary(node)

    def _dictionary(self, node: cst.BaseExpression) -> None:
        pairs = literals.pairs(node)
        if pairs:
            self.dictionaries.append(pairs)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        for each in (node.left, *(item.comparator for item in node.comparisons)):
            for value in (each, *(literals.elements(each) or [])):
                text = literals.string(value)
                if text is not None:
                    self.compared.add(text)

    def visit_Call(self, node: cst.Call) -> None:
        self.calls.append(node)
        self._dictionary(node)
        name = _leaf(node.func)
        values = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
        named = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
        if name == "add_argument":
            flags = [text for each in values if (text := literals.string(each)) is not None]
            dest = literals.string(named.get("dest"))
            names = [dest] if dest else [text.lstrip("-").replace("-", "_") for text in flags]
            for each in names:
                if "default" in named:
                    self.options.setdefault(each, []).append(named["default"])
                if "choices" in named:
                    self.choices.setdefault(each, []).append(named["choices"])
        elif name in _FLAGS and len(values) > 1:
            text = literals.string(values[0])
            if text is not None:
                self.options.setdefault(text, []).append(values[1])
                if name == "DEFINE_enum" and len(values) > 2:
                    self.choices.setdefault(text, []).append(values[2])

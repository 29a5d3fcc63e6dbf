"""The order of image dimensions: ``image_dim_ordering`` is now ``image_data_format``."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule
from kerasmigrate.scopes import Binding
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import Reader

from .arguments_table import row_of, values

LAYOUT = Rule(
    "KM206",
    "image-dim-ordering",
    "Ask for the image layout by its new name, and compare with its new values",
    "K.image_dim_ordering() answered 'th' or 'tf'; K.image_data_format() answers 'channels_first'"
    " or 'channels_last'. Renaming the function alone would be silent and wrong: a comparison with"
    " 'th' is never true again. Left as it is, the call raises \"module 'keras.backend' has no"
    " attribute 'image_dim_ordering'\".",
    examples=(
        Example(
            "from keras import backend as K\n\n"
            "axis = 1 if K.image_dim_ordering() == 'th' else -1\n",
            "from keras import backend as K\n\n"
            "axis = 1 if K.image_data_format() == 'channels_first' else -1\n",
        ),
        Example(
            "from keras import backend as K\n\nK.set_image_dim_ordering('th')\n",
            "from tf_keras import backend as K\n\nK.set_image_data_format('channels_first')\n",
            "tf_keras",
        ),
        Example(
            "from keras import backend as K\n\n"
            "ordering = K.image_dim_ordering()\nprint(ordering)\n",
            "from keras import backend as K\n\n"
            "ordering = ('th' if K.image_data_format() == 'channels_first' else 'tf')\n"
            "print(ordering)\n",
        ),
    ),
    untouched=(
        "Comparisons with 'th' or 'tf' of a value that does not come from Keras.",
        "A variable that other code may see keeps its old values; then the new answer is put back"
        " into old words.",
    ),
)
_GETTER = "image_dim_ordering"
_SETTER = "set_image_dim_ordering"


@dataclass
class _Group:
    """The bindings of one name, and how it is used."""

    bindings: list[Binding]
    closed: bool = True
    nodes: set[cst.CSTNode] = field(default_factory=set)


class Layouts:
    """What the layout expressions of one file become.

    Attributes:
        strings: String literals that get their new values.
        direct: Calls of ``image_dim_ordering`` whose value is only used in ways that are
            converted, too.
        wrapped: Other calls of it, which must go on answering in old words.
        setters: Calls of ``set_image_dim_ordering``.
        known: Names whose values are all converted.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.strings: set[cst.CSTNode] = set()
        self.direct: dict[cst.Call, Symbol] = {}
        self.wrapped: dict[cst.Call, Symbol] = {}
        self.setters: dict[cst.Call, Symbol] = {}
        self.known: set[cst.CSTNode] = set()
        if "dim_ordering" not in context.code or not context.settings.runs(LAYOUT.code):
            return
        uses = _Uses(self)
        uses.visit(context.module)
        self._decide(uses)

    def getter(self, node: cst.CSTNode | None) -> Symbol | None:
        """Return the symbol when ``node`` is a call of ``image_dim_ordering``."""
        if not isinstance(node, cst.Call) or node.args:
            return None
        symbol = self.context.symbol(node.func)
        return symbol if symbol is not None and _leaf(symbol) == _GETTER else None

    def literal(self, node: cst.CSTNode | None) -> bool:
        """Tell whether a node is a literal layout in old words."""
        return isinstance(node, cst.SimpleString) and literals.string(node) in ("th", "tf")

    def _decide(self, uses: _Uses) -> None:
        groups = self._groups(uses)
        closed_names = {node for group in groups if group.closed for node in group.nodes}
        closed_values = {
            binding.value for group in groups if group.closed for binding in group.bindings
        }
        for call, symbol in uses.getters.items():
            if call in uses.direct or call in closed_values:
                self.direct[call] = symbol
            else:
                self.wrapped[call] = symbol
        for subject, strings in uses.compared:
            if subject in self.direct or subject in closed_names:
                self.strings.update(strings)
        for group in groups:
            if group.closed:
                self.strings.update(
                    binding.value
                    for binding in group.bindings
                    if binding.value is not None and self.literal(binding.value)
                )
        self.known = closed_names
        self.setters = uses.setters

    def _groups(self, uses: _Uses) -> list[_Group]:
        """Group names by what they are bound to, and find those whose every use is converted."""
        names = self.context.names
        candidates = {
            binding.name
            for scope in {names.module_scope, *names.scope_of.values()}
            for bindings in scope.bindings.values()
            for binding in bindings
            if self.getter(binding.value) or self.literal(binding.value)
        }
        found: dict[int, _Group] = {}
        allowed = uses.keywords | {subject for subject, _ in uses.compared}
        for node, reference in names.references.items():
            if reference.name not in candidates or reference.attributes:
                continue
            looked_up = reference.scope.lookup(reference.name)
            if looked_up is None or not any(
                self.getter(b.value) or self.literal(b.value) for b in looked_up[1]
            ):
                continue
            scope, bindings = looked_up
            group = found.setdefault(id(bindings), _Group(bindings))
            group.nodes.add(node)
            kept = names.view.kept if scope is names.module_scope else frozenset()
            if node not in allowed or kept & {reference.name, "*"}:
                group.closed = False
        result = []
        for group in found.values():
            if not all(self.getter(b.value) or self.literal(b.value) for b in group.bindings):
                group.closed = False
            if any(self.getter(b.value) for b in group.bindings) or group.nodes & uses.keywords:
                result.append(group)
        return result


class _Uses(Reader):
    """Collects comparisons, arguments and calls that are about the layout."""

    def __init__(self, layouts: Layouts) -> None:
        super().__init__()
        self.layouts = layouts
        self.getters: dict[cst.Call, Symbol] = {}
        self.setters: dict[cst.Call, Symbol] = {}
        self.direct: set[cst.CSTNode] = set()
        self.keywords: set[cst.CSTNode] = set()
        self.compared: list[tuple[cst.CSTNode, list[cst.CSTNode]]] = []

    def visit_Comparison(self, node: cst.Comparison) -> None:
        if len(node.comparisons) != 1:
            return
        left, operator = node.left, node.comparisons[0].operator
        right = node.comparisons[0].comparator
        if isinstance(operator, cst.Equal | cst.NotEqual):
            if self.layouts.literal(left):
                left, right = right, left
            if self.layouts.literal(right):
                self._compared(left, [right])
        elif isinstance(operator, cst.In | cst.NotIn) and isinstance(
            right, cst.Tuple | cst.List | cst.Set
        ):
            parts: list[cst.CSTNode] = [each.value for each in right.elements]
            if all(self.layouts.literal(part) for part in parts):
                self._compared(left, parts)

    def _compared(self, subject: cst.BaseExpression, strings: list[cst.CSTNode]) -> None:
        self.compared.append((subject, strings))
        self.direct.add(subject)

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.layouts.getter(node)
        if symbol is not None:
            self.getters[node] = symbol
            return
        symbol = self.layouts.context.symbol(node.func)
        if symbol is not None and _leaf(symbol) == _SETTER and len(node.args) == 1:
            self.setters[node] = symbol
            self.keywords.add(node.args[0].value)
            self.direct.add(node.args[0].value)
            return
        for arg in node.args:
            if arg.keyword is not None and arg.keyword.value == "dim_ordering":
                found = callee(self.layouts.context.names, node)
                row = row_of(found.path) if found is not None else None
                if row is not None and "dim_ordering" in row.rename:
                    self.keywords.add(arg.value)
                    self.direct.add(arg.value)


def _leaf(symbol: Symbol) -> str:
    return symbol.path.rpartition(".")[2]


class ImageLayout(Transform):
    """Converts the questions for the layout of images, and what their answers are compared to."""

    rules = (LAYOUT,)
    order = 15

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._layouts: Layouts | None = None
        self._spelt: dict[cst.CSTNode, str] = {}

    def visit_Module(self, node: cst.Module) -> None:
        layouts = Layouts(self.context)
        self._layouts = layouts
        for calls, leaf in (
            (layouts.direct, "image_data_format"),
            (layouts.wrapped, "image_data_format"),
            (layouts.setters, "set_image_data_format"),
        ):
            for call, symbol in calls.items():
                old = self.context.module.code_for_node(call.func)
                if symbol.certain and self.context.report(
                    LAYOUT, call, f"{old} is now {leaf}", fix=True
                ):
                    scope = self.context.names.references[call.func].scope
                    self._spelt[call.func] = self.context.imports.spell(
                        f"keras.backend.{leaf}", symbol, scope
                    )
                    self.context.imports.claim(call.func)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        assert self._layouts is not None
        if original_node not in self._layouts.strings or not self.context.runs(
            LAYOUT, original_node
        ):
            return updated_node
        text = literals.string(original_node)
        assert text is not None
        return literals.write(values()["dim_ordering"][text], original_node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        assert self._layouts is not None
        spelt = self._spelt.get(original_node.func)
        if spelt is None:
            return updated_node
        call = updated_node.with_changes(func=cst.parse_expression(spelt))
        if original_node in self._layouts.setters:
            return self._setter(original_node, call)
        if original_node in self._layouts.direct:
            return call
        code = cst.Module([]).code_for_node(call)
        return cst.parse_expression(f"('th' if {code} == 'channels_first' else 'tf')")

    def _setter(self, original: cst.Call, call: cst.Call) -> cst.Call:
        assert self._layouts is not None
        before, after = original.args[0], call.args[0]
        keyword = cst.Name("data_format") if after.keyword is not None else None
        value = literals.mapped(before.value, after.value, values()["dim_ordering"])
        if value is None and before.value not in self._layouts.known:
            code = cst.Module([]).code_for_node(after.value)
            if not isinstance(after.value, cst.Name | cst.Attribute | cst.Call | cst.Subscript):
                code = f"({code})"
            value = cst.parse_expression(f"'channels_first' if {code} == 'th' else 'channels_last'")
        if value is not None:
            after = after.with_changes(value=value)
        return call.with_changes(args=[after.with_changes(keyword=keyword)])

"""Names of layers and models that hold a slash."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.literals import string
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Transform
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a

SLASH = Rule(
    "KM324",
    "layer-name-with-slash",
    "Report a layer or model whose name holds a slash, which Keras 3 refuses",
    'Keras 3: "ValueError: Argument `name` must be a string and cannot contain character `/`.'
    ' Received: name=conv1/7x7_s2". The name is not changed, because get_layer() and files of'
    " weights that are loaded by name may rely on it.",
    Safety.NONE,
    untouched=(
        "Targets with the Keras 2 API.",
        "Names that the source does not show, and names of what is no layer.",
    ),
)
_INPUTS = frozenset(("keras.Input", "keras.layers.Input"))


class LayerNames(Transform):
    """Looks at the names that layers and models are given."""

    rules = (SLASH,)
    order = 46

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3:
            return
        given = next((arg for arg in node.args if _is_name(arg)), None)
        if given is None or not any("/" in text for text in _texts(given.value)):
            return
        found = callee(self.context.names, node)
        home = self.context.imports.locate(found.path).path if found is not None else None
        if home is None or not _is_named(home):
            return
        written = self.context.module.code_for_node(given.value)
        self.context.report(
            SLASH,
            given.value,
            f"{home.rpartition('.')[2]} takes no name with a slash: {written}",
            advice="write another character for the slash, here and where get_layer() asks for the"
            " name; a file of weights that is loaded with by_name=True has to be written anew",
        )


def _is_name(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value == "name"


def _is_named(path: str) -> bool:
    return path in _INPUTS or any(is_a(path, base) for base in (LAYER, MODEL, SEQUENTIAL))


def _texts(node: cst.BaseExpression) -> Iterator[str]:
    """Yield the literal parts that a name is put together of, as far as they show."""
    text = string(node)
    if text is not None:
        yield text
    elif isinstance(node, cst.BinaryOperation):
        yield from _texts(node.left)
        if isinstance(node.operator, cst.Add):
            yield from _texts(node.right)
    elif isinstance(node, cst.FormattedString):
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                yield part.value
    elif (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "format"
    ):
        yield from _texts(node.func.value)

"""The shape of a first layer that names the size of its batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import walk

from ._edits import keyword, remove_argument

FIRST = Rule(
    "KM244",
    "shape-of-the-first-layer",
    "Start a Sequential model with Input where its first layer names the batch size",
    "Keras 3 takes input_shape= for a first layer, but neither batch_input_shape= nor batch_size=:"
    " \"Unrecognized keyword arguments passed to LSTM: {'batch_input_shape': (1, 3, 2)}\". An Input"
    " before it is the input layer that Keras 2 made of the argument; model.layers lists it in"
    " neither of the two.",
    Safety.SAFE,
    examples=(
        Example(
            "from keras.layers import SimpleRNN\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.add(SimpleRNN(4, batch_input_shape=(1, 3, 2), stateful=True))\n",
            "from keras.layers import SimpleRNN, Input\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.add(Input(batch_shape=(1, 3, 2)))\n"
            "model.add(SimpleRNN(4, stateful=True))\n",
        ),
        Example(
            "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
            "model = Sequential([Dense(4, input_shape=(2,), batch_size=8), Dense(1)])\n",
            "from keras.layers import Dense, Input\nfrom keras.models import Sequential\n\n"
            "model = Sequential([Input(shape=(2,), batch_size=8), Dense(4), Dense(1)])\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, which still take the arguments.",
        "Layers that are not certainly the first of a Sequential model, or that set a dtype; they"
        " get KM203.",
    ),
)
_BATCH_SHAPE = "batch_input_shape"
_INPUT = "keras.layers.Input"
_TYPES = frozenset(("dtype", "input_dtype", "input_dim", "input_length", "input_shape"))


class FirstShapes(Transform):
    """Puts an Input before first layers."""

    rules = (FIRST,)
    # After all that edits the other arguments.
    order = 57

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._handled = context.shared(HandledShapes).values
        #: How Input is spelt before a layer, and what it takes of the layer's arguments.
        self._inputs: dict[cst.CSTNode, tuple[str, dict[str, str]]] = {}
        self._made: dict[cst.CSTNode, cst.Call] = {}
        #: First layers by the list or statement that they stand in.
        self._lists: dict[cst.CSTNode, cst.Call] = {}
        self._lines: dict[cst.CSTNode, cst.Call] = {}

    # -- deciding ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        code = self.context.code
        if self.context.target.api < 3 or (_BATCH_SHAPE not in code and "batch_size" not in code):
            return
        for each in walk(node):
            if isinstance(each, cst.Call) and self._is_sequential(each):
                self._plan_list(each)
            elif isinstance(each, cst.Module | cst.IndentedBlock):
                for line, layer in self._added(each.body):
                    if self._plan(layer):
                        self._lines[line] = layer

    def _is_sequential(self, call: cst.Call) -> bool:
        found = callee(self.context.names, call)
        if found is None or found.skip or found.partial or not found.symbol.certain:
            return False
        home = self.context.imports.locate(found.path).path
        return home is not None and is_a(home, SEQUENTIAL)

    def _plan_list(self, call: cst.Call) -> None:
        layers = call.args[0].value if call.args else None
        first = layers.elements[0] if isinstance(layers, cst.List) and layers.elements else None
        if (
            isinstance(first, cst.Element)
            and isinstance(first.value, cst.Call)
            and call.args[0].keyword is None
            and not call.args[0].star
            and self._plan(first.value)
        ):
            assert isinstance(layers, cst.List)
            self._lists[layers] = first.value

    def _added(
        self, body: Sequence[cst.CSTNode]
    ) -> Iterator[tuple[cst.SimpleStatementLine, cst.Call]]:
        """Yield the lines of a block that add the first layer to a new model, with that layer."""
        empty: set[tuple[str, ...]] = set()
        for line in body:
            small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
            call = small.value if isinstance(small, cst.Expr) else None
            chain = dotted(call.func) if isinstance(call, cst.Call) else None
            if chain is not None and chain[-1] == "add" and chain[:-1] in empty:
                assert isinstance(line, cst.SimpleStatementLine) and isinstance(call, cst.Call)
                layer = call.args[0].value if len(call.args) == 1 else None
                if isinstance(layer, cst.Call) and len(line.body) == 1:
                    yield line, layer
            empty -= {each for each in empty if _mentions(line, each)}
            if isinstance(small, cst.Assign) and len(small.targets) == 1:
                target = dotted(small.targets[0].target)
                made = small.value
                if (
                    target is not None
                    and isinstance(made, cst.Call)
                    and self._is_sequential(made)
                    and all(arg.keyword and arg.keyword.value == "name" for arg in made.args)
                ):
                    empty.add(target)

    def _plan(self, layer: cst.Call) -> bool:
        """Plan what stands before a first layer, if that is needed and certain."""
        found = callee(self.context.names, layer)
        if found is None or found.skip or found.partial or not found.symbol.certain:
            return False
        home = self.context.imports.locate(found.path).path
        if home is None or not is_a(home, LAYER) or is_a(home, MODEL):
            return False
        if any(arg.star for arg in layer.args):
            return False
        given = {arg.keyword.value: arg for arg in layer.args if arg.keyword is not None}
        if _BATCH_SHAPE in given:
            moved = {_BATCH_SHAPE: "batch_shape"}
        elif "batch_size" in given and "input_shape" in given:
            moved = {"input_shape": "shape", "batch_size": "batch_size"}
        else:
            return False
        signature = self.context.inventory.signature(home)
        if (
            given.keys() & _TYPES - moved.keys()
            or any(literals.plain(given[name].value) is None for name in moved)
            or signature is None
            or any(signature.named(name) for name in (_BATCH_SHAPE, "batch_size"))
        ):
            return False
        if not self.context.report(
            FIRST,
            layer,
            f"{home.rpartition('.')[2]} takes no {' and '.join(moved)}: an Input before it does",
            fix=True,
        ):
            return False
        self._handled.update(given[name].value for name in moved)
        self._inputs[layer] = (self.context.imports.spell(_INPUT, found.symbol), moved)
        return True

    # -- editing -----------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        planned = self._inputs.get(original_node)
        if planned is None:
            return updated_node
        spelt, moved = planned
        values = {a.keyword.value: a.value for a in updated_node.args if a.keyword is not None}
        args = [keyword(new, values[old]) for old, new in moved.items()]
        for index in range(len(args) - 1):
            args[index] = args[index].with_changes(
                comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            )
        self._made[original_node] = cst.Call(cst.parse_expression(spelt), args)
        for old in moved:
            updated_node = remove_argument(updated_node, old)
        return updated_node

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.List:
        layer = self._lists.get(original_node)
        made = self._made.get(layer) if layer is not None else None
        if made is None:
            return updated_node
        first = updated_node.elements[0]
        space = cst.SimpleWhitespace(" ")
        comma = first.comma
        after = comma.whitespace_after if isinstance(comma, cst.Comma) else space
        if isinstance(after, cst.ParenthesizedWhitespace):
            after = after.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=())
        elif len(updated_node.elements) == 1:
            after = space
        new = cst.Element(made, cst.Comma(whitespace_after=after))
        return updated_node.with_changes(elements=[new, *updated_node.elements])

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.BaseStatement]:
        layer = self._lines.get(original_node)
        made = self._made.get(layer) if layer is not None else None
        if made is None:
            return updated_node
        small = cst.ensure_type(updated_node.body[0], cst.Expr)
        call = cst.ensure_type(small.value, cst.Call)
        new = cst.SimpleStatementLine(
            [cst.Expr(cst.Call(call.func, [cst.Arg(made)]))],
            leading_lines=updated_node.leading_lines,
        )
        return cst.FlattenSentinel([new, updated_node.with_changes(leading_lines=())])


class HandledShapes:
    """The values of arguments of one file that `FirstShapes` takes care of."""

    def __init__(self, context: Context) -> None:
        self.values: set[cst.CSTNode] = set()


def _mentions(node: cst.CSTNode, chain: tuple[str, ...]) -> bool:
    """Tell whether a statement says the name of a model."""
    return any(
        isinstance(each, cst.Name | cst.Attribute) and dotted(each) == chain for each in walk(node)
    )

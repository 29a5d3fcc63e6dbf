"""``TimeDistributedDense(n)``: a Dense layer inside a TimeDistributed one."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.callees import callee
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from .arguments_table import row_of

WRAPPED = Rule(
    "KM212",
    "time-distributed-dense",
    "Write TimeDistributedDense(n) as TimeDistributed(Dense(n))",
    "Keras 2 removed TimeDistributedDense: \"cannot import name 'TimeDistributedDense' from"
    " 'keras.layers'\". The wrapper does the same with the same weights; what describes the input"
    " goes to the wrapper.",
    examples=(
        Example(
            "from keras.layers import TimeDistributedDense\n\n"
            "layer = TimeDistributedDense(4, init='uniform', input_dim=3, input_length=5)\n",
            "from keras.layers import Dense, TimeDistributed\n\n"
            "layer = TimeDistributed(Dense(4, kernel_initializer='uniform'), input_shape=(5, 3))\n",
        ),
    ),
    untouched=("Subclasses of TimeDistributedDense, and references that are not called.",),
)
_NAME = "keras.layers.TimeDistributedDense"
#: Arguments of every layer, which are the wrapper's.
_OUTER = ("input_shape", "batch_input_shape", "input_dtype", "name", "trainable")


class WrappedDense(Transform):
    """Replaces ``TimeDistributedDense``."""

    rules = (WRAPPED,)
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._spelt: dict[cst.Call, tuple[str, str]] = {}

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if (
            found is None
            or found.skip
            or found.partial
            or not inventory.load(KERAS_1).same_object(found.path, _NAME)
            or any(arg.star for arg in node.args)
        ):
            return
        try:
            self._split(node, node)
        except UnbindableError:
            return  # the missing name is reported where it is imported
        if not self.context.report(
            WRAPPED, node, "TimeDistributedDense is now TimeDistributed(Dense())", fix=True
        ):
            return
        scope = self.context.names.references[node.func].scope
        imports = self.context.imports
        self._spelt[node] = (
            imports.spell("keras.layers.Dense", found.symbol, scope),
            imports.spell("keras.layers.TimeDistributed", found.symbol, scope),
        )
        imports.claim(node.func)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        spelt = self._spelt.get(original_node)
        if spelt is None:
            return updated_node
        inner, outer = self._split(original_node, updated_node)
        dense = inner.render().with_changes(func=cst.parse_expression(spelt[0]), lpar=(), rpar=())
        return cst.Call(
            func=cst.parse_expression(spelt[1]),
            args=[cst.Arg(dense), *outer],
            lpar=updated_node.lpar,
            rpar=updated_node.rpar,
        )

    def _split(self, original: cst.Call, updated: cst.Call) -> tuple[Arguments, list[cst.Arg]]:
        """Split the arguments into those of the Dense layer and those of the wrapper.

        Raises:
            UnbindableError: They do not fit.
        """
        args = Arguments(original, updated, inventory.load(KERAS_1).signature(_NAME))
        outer: dict[str, cst.BaseExpression] = {}
        dim, length = args.get("input_dim"), args.get("input_length")
        if dim is not None:
            steps = length.value if length is not None else cst.Name("None")
            outer["input_shape"] = literals.sequence(steps, dim.value)
        for item in (dim, length, *map(args.get, _OUTER)):
            if item is None:
                continue
            if item.name in _OUTER:
                assert item.name is not None
                new = "dtype" if item.name == "input_dtype" else item.name
                if new in outer:
                    raise UnbindableError(f"{new}= is given twice")
                outer[new] = item.value
            args.drop(item)
        row = row_of("keras.layers.Dense")
        dense = self.context.inventory.signature("keras.layers.Dense")
        assert row is not None and dense is not None
        for old, new in row.rename.items():
            args.rename(old, new)
        gone = args.fit(dense)
        wrapper = self.context.inventory.signature("keras.layers.TimeDistributed")
        gone += [name for name in outer if wrapper is None or not wrapper.named(name)]
        if gone:
            raise UnbindableError(f"the target has no argument {gone[0]}=")
        equal = cst.AssignEqual(
            whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace("")
        )
        return args, [
            cst.Arg(value, keyword=cst.Name(name), equal=equal) for name, value in outer.items()
        ]

"""``merge(..., mode=...)`` and ``Merge(mode=...)``: the layers that they meant."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.callees import callee
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Scope
from kerasmigrate.transform import Context, Transform

MERGE = Rule(
    "KM210",
    "merge",
    "Replace merge() and Merge() by the layer that their mode meant",
    'Keras 1 had one function for six operations. Importing it today raises "cannot import name'
    " 'merge' from 'keras.layers'\" or, where keras.layers.merge is still a module, \"'module'"
    ' object is not callable". The modes are layers of their own since Keras 2: sum is add, mul is'
    " multiply, ave is average, max is maximum, concat is concatenate, dot and cos are dot; a"
    " function becomes a Lambda layer.",
    examples=(
        Example(
            "from keras.layers import merge\n\n"
            "def join(a, b):\n    return merge([a, b], mode='concat', concat_axis=1)\n",
            "from keras.layers import concatenate\n\n"
            "def join(a, b):\n    return concatenate([a, b], axis=1)\n",
        ),
        Example(
            "from keras.layers import merge\n\n"
            "def join(a, b):\n    return merge([a, b], mode='cos', dot_axes=1)\n",
            "from keras.layers import dot\n\n"
            "def join(a, b):\n    return dot([a, b], axes=1, normalize=True)\n",
        ),
        Example(
            "from keras.layers import Merge\n\n"
            "def join(a, b):\n    return Merge(mode='sum')([a, b])\n",
            "from keras.layers import Add\n\ndef join(a, b):\n    return Add()([a, b])\n",
        ),
        Example(
            "from keras.layers import merge\n\n"
            "def gap(a, b):\n"
            "    return merge([a, b], mode=lambda x: x[0] - x[1], output_shape=(4,))\n",
            "from keras.layers import Lambda\n\n"
            "def gap(a, b):\n"
            "    return Lambda(lambda x: x[0] - x[1], output_shape=(4,))([a, b])\n",
        ),
    ),
    untouched=(
        "Functions and classes of your own that are called merge or Merge.",
        "A mode that the source does not show; it gets KM211.",
    ),
)
NOT_MERGED = Rule(
    "KM211",
    "merge-not-converted",
    "Report a merge that has to be rewritten by hand",
    "Merge could start a Sequential model and take whole models as its inputs. Nothing can do that"
    " any more: a model with several inputs has to be written with the functional API.",
    Safety.NONE,
)


@dataclass(frozen=True)
class _Mode:
    """What a mode of Keras 1 is now: function, layer, and the argument that it keeps."""

    function: str
    layer: str
    axis: tuple[str, str] | None = None
    normalize: bool = False


_MODES = {
    "sum": _Mode("add", "Add"),
    "mul": _Mode("multiply", "Multiply"),
    "ave": _Mode("average", "Average"),
    "max": _Mode("maximum", "Maximum"),
    "concat": _Mode("concatenate", "Concatenate", ("concat_axis", "axis")),
    "dot": _Mode("dot", "Dot", ("dot_axes", "axes")),
    "cos": _Mode("dot", "Dot", ("dot_axes", "axes"), normalize=True),
}
#: Arguments that only some modes looked at.
_OPTIONAL = ("concat_axis", "dot_axes", "output_shape", "output_mask", "arguments")


@dataclass(frozen=True)
class _Plan:
    """A call that will be replaced: the new callee as source, and its mode."""

    spelt: str
    mode: _Mode | None
    function: bool


class Merges(Transform):
    """Replaces ``merge`` and ``Merge``."""

    rules = (MERGE, NOT_MERGED)
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plans: dict[cst.Call, _Plan] = {}

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        kind = _kind(found.symbol) if found is not None and not found.skip else None
        if found is None or kind is None or found.partial:
            return
        signature = inventory.load(KERAS_1).signature(f"keras.engine.topology.{kind}")
        args = Arguments(node, node, signature)
        try:
            mode = self._mode(node, args, kind)
        except UnbindableError as reason:
            self._refuse(node, kind, args, str(reason))
            return
        function = kind == "merge"
        leaf = "Lambda" if mode is None else mode.function if function else mode.layer
        text = f"{kind} with mode={self._written(args)} is now {leaf}"
        advice = ""
        if mode is not None and mode.normalize:
            advice = "the result has shape (n, 1) now; it was (n, 1, 1)"
        if not self.context.report(
            MERGE,
            node,
            text,
            fix=True,
            advice=advice,
            confidence=Confidence.LIKELY if advice else Confidence.CERTAIN,
        ):
            return
        scope = self._scope(node)
        spelt = self.context.imports.spell(f"keras.layers.{leaf}", found.symbol, scope)
        self.context.imports.claim(node.func)
        self._plans[node] = _Plan(spelt, mode, function)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        plan = self._plans.get(original_node)
        if plan is None:
            return updated_node
        kind = "merge" if plan.function else "Merge"
        signature = inventory.load(KERAS_1).signature(f"keras.engine.topology.{kind}")
        args = Arguments(original_node, updated_node, signature)
        func = cst.parse_expression(plan.spelt)
        inputs = args.get("inputs")
        if plan.mode is None:
            return self._lambda(args, func, inputs)
        for name in ("mode", *_OPTIONAL):
            item = args.get(name)
            if item is not None and (plan.mode.axis is None or name != plan.mode.axis[0]):
                args.drop(item)
        if plan.mode.axis is not None:
            old, new = plan.mode.axis
            item = args.get(old)
            if item is not None:
                item.positional = False
                args.rename(old, new)
                item.name = new
            elif new == "axes":
                item = args.insert(new, cst.parse_expression("-1"), inputs)
            if plan.mode.normalize:
                args.insert("normalize", cst.Name("True"), item)
        path = plan.mode.function if plan.function else plan.mode.layer
        target = self.context.inventory.signature(f"keras.layers.{path}")
        assert target is not None
        args.fit(target)
        return args.render().with_changes(func=func)

    def _lambda(
        self, args: Arguments, func: cst.BaseExpression, inputs: Argument | None
    ) -> cst.Call:
        mode = args.get("mode")
        assert mode is not None
        if inputs is not None:
            args.drop(inputs)
        for name in ("concat_axis", "dot_axes"):
            item = args.get(name)
            if item is not None:
                args.drop(item)
        mode.positional = True
        mode.name = "function"
        if mode.arg is not None:
            mode.arg = mode.arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)
        mode.touched = True
        live = args.live
        if mode is not live[0]:
            args.items = [mode, *(item for item in live if item is not mode)]
            for item in args.items:
                assert item.arg is not None
                last = item is args.items[-1]
                gap = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
                item.arg = item.arg.with_changes(
                    comma=cst.MaybeSentinel.DEFAULT if last else gap,
                    whitespace_after_arg=cst.SimpleWhitespace(""),
                )
        for item in args.live:
            item.positional = item is mode
            item.touched = True
        made = args.render().with_changes(func=func)
        if inputs is None:
            return made
        return cst.Call(
            func=made.with_changes(lpar=(), rpar=()),
            args=[cst.Arg(inputs.value)],
            lpar=made.lpar,
            rpar=made.rpar,
        )

    # -- questions ---------------------------------------------------------------------------

    def _mode(self, node: cst.Call, args: Arguments, kind: str) -> _Mode | None:
        """Return the mode of a call; None stands for a function.

        Raises:
            UnbindableError: The call cannot be converted; says why.
        """
        if args.starred:
            raise UnbindableError("starred arguments hide what it is given")
        if kind == "Merge":
            if args.get("layers") is not None:
                raise UnbindableError("it takes models or layers as its inputs")
            if args.get("node_indices") is not None or args.get("tensor_indices") is not None:
                raise UnbindableError("it picks nodes of its input layers")
        elif args.get("inputs") is None:
            raise UnbindableError("it has no inputs")
        if args.get("output_mask") is not None:
            raise UnbindableError("output_mask= has no successor")
        item = args.get("mode")
        if item is None:
            return _MODES["sum"]
        text = literals.string(item.original)
        if text is not None:
            if text not in _MODES:
                raise UnbindableError(f"there is no mode {text!r}")
            return _MODES[text]
        if isinstance(item.original, cst.Lambda) or self._is_function(item.original):
            others = [each for each in args.items if each.name not in ("inputs", *_OPTIONAL[:2])]
            if item is not others[0] and "#" in self.context.module.code_for_node(node):
                raise UnbindableError("comments stand between arguments that change places")
            return None
        raise UnbindableError("the source does not show the mode")

    def _is_function(self, node: cst.BaseExpression | None) -> bool:
        if node is None:
            return False
        bindings = self.context.names.bindings(node)
        return bool(bindings) and all(
            isinstance(binding.node, cst.FunctionDef) or isinstance(binding.value, cst.Lambda)
            for binding in bindings
        )

    def _scope(self, node: cst.Call) -> Scope:
        return self.context.names.references[node.func].scope

    def _written(self, args: Arguments) -> str:
        item = args.get("mode")
        if item is None or item.original is None:
            return "'sum'"
        if literals.string(item.original) is None:
            return "a function"
        return self.context.module.code_for_node(item.original)

    def _refuse(self, node: cst.Call, kind: str, args: Arguments, reason: str) -> None:
        text = literals.string(item.original) if (item := args.get("mode")) else "sum"
        mode = _MODES.get(text or "", _MODES["concat"])
        axis = args.get(mode.axis[0]) if mode.axis is not None else None
        code = self.context.module.code_for_node
        rest = ""
        if mode.axis is not None and axis is not None and axis.original is not None:
            rest = f", {mode.axis[1]}={code(axis.original)}"
        elif mode.function == "dot":
            rest = ", axes=-1"
        rest += ", normalize=True" if mode.normalize else ""
        advice = f"write {mode.function}([a, b]{rest}) with the tensors themselves"
        layers = args.get("layers")
        if kind == "Merge" and layers is not None:
            parts = literals.elements(layers.original) or []
            names = [code(part) for part in parts] or ["left", "right"]
            inputs = ", ".join(f"{name}.inputs[0]" for name in names)
            outputs = ", ".join(f"{name}.outputs[0]" for name in names)
            advice = (
                f"write x = {mode.function}([{outputs}]{rest}), call the layers that follow on x,"
                f" and end with Model(inputs=[{inputs}], outputs=x)"
            )
        self.context.report(
            NOT_MERGED,
            node,
            f"{kind} has to be rewritten: {reason}",
            advice=advice,
            severity=Severity.ERROR,
        )


def _kind(symbol: Symbol) -> str | None:
    """Tell ``merge`` from ``Merge``; None for anything else."""
    known = inventory.load(KERAS_1)
    for kind in ("merge", "Merge"):
        if known.same_object(symbol.path, f"keras.engine.topology.{kind}"):
            return kind
    return None

"""The second argument of ``load_weights``, which once was ``by_name``."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from ._saved_paths import is_model
from ._versions import EARLY, versions_of

BY_NAME = Rule(
    "KM725",
    "load-weights-by-name",
    "Name the by_name= of load_weights()",
    "Standalone Keras has load_weights(filepath, by_name=False), and TensorFlow up to 2.12 as"
    " well; today the second position is skip_mismatch. load_weights('w.h5', True) then reads by"
    ' order in Keras 3 and leaves out what does not fit, and tf_keras raises "When calling'
    ' model.load_weights, skip_mismatch can only be set to True when by_name is True".',
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
            "model = Sequential([Dense(output_dim=1, name='a')])\n"
            "model.load_weights('w.h5', True)\n",
            "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
            "model = Sequential([Dense(units=1, name='a')])\n"
            "model.load_weights('w.h5', by_name=True)\n",
        ),
    ),
    untouched=(
        "A second argument other than True or False, or given by name.",
        "Code that may be for a Keras with the order of today: it is reported where it is for"
        " Keras 2.",
        "Objects that are not known to be Keras models.",
    ),
)
_SECOND = ("by_name", "skip_mismatch")


class Loading(Transform):
    """Names what ``load_weights`` took by position."""

    rules = (BY_NAME,)
    order = 40

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._calls: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "load_weights":
            return
        given = [arg for arg in node.args if arg.keyword is None]
        if (
            not 2 <= len(given) <= 3
            or any(arg.star for arg in node.args)
            or not all(isinstance(literals.plain(arg.value), bool) for arg in given[1:])
            or not any(literals.plain(arg.value) for arg in given[1:])
            or {arg.keyword.value for arg in node.args if arg.keyword} & set(_SECOND)
            or not is_model(self.context, func.value)
        ):
            return
        versions = versions_of(self.context)
        flavours = {symbol.flavour for _, symbol in self.context.names.symbols()}
        if not versions or flavours <= {"tf_keras"}:
            return
        sure = versions <= EARLY
        if self.context.report(
            BY_NAME,
            node,
            "load_weights(): by_name= is named now"
            if sure
            else "load_weights(): argument 2 was by_name= for long, and is skip_mismatch= now",
            fix=sure,
            advice="" if sure else "give it by name",
            severity=None if sure else Severity.WARNING,
            confidence=Confidence.CERTAIN if sure else Confidence.UNSURE,
        ):
            self._calls.add(node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node not in self._calls:
            return updated_node
        args = list(updated_node.args)
        names = iter(_SECOND)
        for index, arg in enumerate(args):
            if index and arg.keyword is None:
                args[index] = arg.with_changes(
                    keyword=cst.Name(next(names)),
                    equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
                )
        return updated_node.with_changes(args=args)

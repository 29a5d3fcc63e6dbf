"""The session of the backend, where it only did what eager code does by itself."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform

from . import _tensorflow1 as tf1
from .backend_forms import alone

INITIALIZED = Rule(
    "KM823",
    "variables-are-initialized",
    "Delete a session's run that only initialized certain variables",
    "In a graph a variable had no value until its initializer was run. In eager code it has its"
    " value as soon as it is made; there is no get_session: \"module 'keras.backend' has no"
    " attribute 'get_session'\".",
    Safety.REVIEW,
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras import backend as K\n\n"
            "limit = K.variable(10, dtype='int32')\n"
            "K.get_session().run(tf.variables_initializer([limit]))\nprint(tf.size(limit))\n",
            "import tensorflow as tf\nimport keras\n\n"
            "limit = keras.Variable(10, dtype='int32')\nprint(tf.size(limit))\n",
        ),
    ),
    untouched=(
        "Programs that turn eager code off.",
        "Runs whose result is used, and global_variables_initializer(), which would also have"
        " undone what was trained or loaded before.",
    ),
)
EVALUATED = Rule(
    "KM824",
    "evaluated-in-the-session",
    "Take the value of a tensor without the session of the backend",
    'Left as it is, it raises "eval is not supported when eager execution is enabled, is .numpy()'
    " what you're looking for?\": there is no get_session, and a tensor of eager code has a value"
    " of its own.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras import backend as K\n\n"
            "print(K.sum([1.0, 2.0]).eval(session=K.get_session()))\n",
            "from keras import ops\n\nprint(ops.convert_to_numpy(ops.sum([1.0, 2.0])))\n",
        ),
        Example(
            "from keras import backend as K\n\n"
            "print(K.sum([1.0, 2.0]).eval(session=K.get_session()))\n",
            "from tf_keras import backend as K\n\nprint(K.eval(K.sum([1.0, 2.0])))\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Programs that turn eager code off, and values that are fed by feed_dict=.",
        "Sessions that come from elsewhere.",
    ),
)
_SESSION = "keras.backend.get_session"
_INITIALIZERS = ("variables_initializer", "initialize_variables")


class SessionUses(Transform):
    """Replaces what the session of the backend is asked for."""

    rules = (INITIALIZED, EVALUATED)
    # Before the rules that report the session as gone.
    order = 7

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._on = "get_session" in context.code and not tf1.keeps_graphs(context)
        self._gone: set[cst.CSTNode] = set()
        self._values: dict[cst.CSTNode, str] = {}
        self._next: dict[cst.CSTNode, cst.CSTNode] = {}
        #: Lines above a deleted statement, by the one that follows it.
        self._above: dict[cst.CSTNode, tuple[cst.EmptyLine, ...]] = {}

    # -- deciding ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        if self._on:
            self._next.update(zip(node.body, node.body[1:], strict=False))

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        if self._on:
            self._next.update(zip(node.body, node.body[1:], strict=False))

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        if not self._on or len(node.body) != 1 or not isinstance(node.body[0], cst.Expr):
            return
        call = node.body[0].value
        session = _receiver(call, "run")
        if session is None or not isinstance(call, cst.Call) or len(call.args) != 1:
            return
        made = call.args[0].value
        if (
            call.args[0].keyword is not None
            or call.args[0].star
            or not isinstance(made, cst.Call)
            or not self._is_session(session)
            or tf1.tensorflow_name(self.context.names, made.func) not in _INITIALIZERS
        ):
            return
        if self.context.report(
            INITIALIZED,
            node,
            "variables of eager code are initialized when they are made",
            fix=True,
        ):
            self._gone.add(node)
            following = self._next.get(node)
            if isinstance(following, cst.SimpleStatementLine) and not following.leading_lines:
                self._above[following] = tuple(node.leading_lines)
            self._claim(session)
            tf1.release(self.context, made.func)

    def visit_Call(self, node: cst.Call) -> None:
        tensor = _receiver(node, "eval")
        if not self._on or tensor is None or len(node.args) != 1:
            return
        arg = node.args[0]
        if arg.keyword is None or arg.keyword.value != "session" or not self._is_session(arg.value):
            return
        target = self.context.target
        path = "keras.ops.convert_to_numpy" if target.api >= 3 else "keras.backend.eval"
        func = cst.ensure_type(arg.value, cst.Call).func
        symbol = self.context.symbol(func)
        assert symbol is not None
        if self.context.report(
            EVALUATED, node, f"the value of a tensor is {target.spell(path)}() of it", fix=True
        ):
            scope = self.context.names.references[func].scope
            module, _, leaf = path.rpartition(".")
            if symbol.attributes:
                self._values[node] = self.context.imports.spell(path, symbol, scope)
            else:  # a bare name such as eval would hide the builtin
                self._values[node] = f"{self.context.imports.spell(module, symbol, scope)}.{leaf}"
            self._claim(arg.value)

    def _is_session(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is a call of get_session."""
        if not isinstance(node, cst.Call) or node.args:
            return False
        if node.func in self.context.imports.claimed or dotted(node.func) is None:
            return False
        symbol = self.context.symbol(node.func)
        return symbol is not None and symbol.certain and symbol.path == _SESSION

    def _claim(self, session: cst.BaseExpression) -> None:
        self.context.imports.claim(cst.ensure_type(session, cst.Call).func)

    # -- editing -----------------------------------------------------------------------------

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        if original_node in self._gone:
            return cst.RemoveFromParent()
        above = self._above.get(original_node)
        return updated_node if above is None else updated_node.with_changes(leading_lines=above)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if updated_node.body or not original_node.body:
            return updated_node
        return updated_node.with_changes(body=[cst.parse_statement("pass")])

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        spelt = self._values.get(original_node)
        if spelt is None:
            return updated_node
        tensor = cst.ensure_type(updated_node.func, cst.Attribute).value
        inner = alone(tensor.with_changes(lpar=(), rpar=()))
        return updated_node.with_changes(func=cst.parse_expression(spelt), args=[cst.Arg(inner)])


def _receiver(node: cst.BaseExpression, method: str) -> cst.BaseExpression | None:
    """Return what a method of a certain name is called on."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return None
    return node.func.value if node.func.attr.value == method else None

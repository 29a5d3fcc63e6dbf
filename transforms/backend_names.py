"""Names of the old ``keras.backend`` that were never public: its setting, and what it imported."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

SETTING = Rule(
    "KM506",
    "backend-setting",
    "Ask keras.backend.backend() which backend is in use",
    "Keras 1 and 2 kept its name in keras.backend._BACKEND, which backend() returned:"
    " \"module 'keras.backend' has no attribute '_BACKEND'\".",
    examples=(
        Example(
            "from keras import backend as K\n\nprint(K._BACKEND == 'theano')\n",
            "from keras import backend as K\n\nprint(K.backend() == 'theano')\n",
        ),
    ),
    untouched=("Assignments to the name, and its import by itself; they get KM103.",),
)
BORROWED = Rule(
    "KM507",
    "borrowed-tensorflow",
    "Take functions of TensorFlow from TensorFlow, not from the module that imported it",
    "keras.backend of Keras 1 and 2 was tensorflow_backend.py, so that K.tf and"
    " K.control_flow_ops reached into TensorFlow: \"module 'keras.backend' has no attribute"
    " 'control_flow_ops'\". The same function is called from tensorflow itself.",
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras import backend as K\n\n\n"
            "def steps(more, step, start):\n"
            "    return K.control_flow_ops.while_loop(more, step, [start, K.epsilon()])\n",
            "import tensorflow as tf\nfrom keras import backend as K\n\n\n"
            "def steps(more, step, start):\n"
            "    return tf.while_loop(more, step, [start, K.epsilon()])\n",
        ),
    ),
    untouched=(
        "Files in which the name tf means something else.",
        "Functions that TensorFlow 2 does not have, and other modules that the backend imported.",
        "A while_loop whose variables are not a list of two or more: of one, TensorFlow 1 returned"
        " the tensor itself.",
    ),
)
MODULE = Rule(
    "KM508",
    "module-of-the-backend",
    "Report modules that are reached through the old keras.backend",
    "keras.backend of Keras 1 and 2 was the module of one backend, with all that it imported: tf,"
    " np, T and others. Today it lists its functions alone: \"module 'keras.backend' has no"
    " attribute 'tf'\".",
    Safety.NONE,
    untouched=("What KM507 converts.",),
)

_SETTINGS = frozenset(("keras.backend._BACKEND", "keras.backend._backend"))
#: What the backend called them, and where TensorFlow 2 has the same: tensorflow_backend.py of
#: Keras 2.0.9 and 2.3.1, and dir(tensorflow) 2.21.
_BORROWED = {
    "control_flow_ops.while_loop": "while_loop",
    **{
        f"tf.{name}": name
        for name in (
            "clip_by_value",
            "gather",
            "gather_nd",
            "range",
            "reshape",
            "slice",
            "sqrt",
            "stack",
            "transpose",
            "while_loop",
            "nn.relu",
            "nn.softmax",
            "nn.swish",
            "nn.tanh",
        )
    },
    "tf.erf": "math.erf",
    "tf.log": "math.log",
}
_LOOP = "while_loop"
_LOCAL = "tf"
#: Modules that the backends of Keras 1.2.2 to 2.3.1 imported, and what to write for them.
_MODULES = {
    "tf": "import tensorflow as tf, and write tf.{rest}, or what TensorFlow 2 calls it",
    "control_flow_ops": "import tensorflow as tf, and write tf.{rest}",
    "functional_ops": "import tensorflow as tf, and write tf.{rest}",
    "tensor_array_ops": "import tensorflow as tf, and write tf.{rest}",
    "np": "import numpy as np, and write np.{rest}",
    "T": "write what keras.backend or keras.ops has for it: Theano is gone",
    "theano": "leave it out: Theano is gone",
    "C": "leave it out: CNTK is gone",
}
_WORDS = ("_BACKEND", "_backend", *(f".{name}." for name in _MODULES))


class BackendNames(Transform):
    """Replaces private names of the old backend."""

    rules = (SETTING, BORROWED, MODULE)
    # Before the rule that reports names as gone.
    order = 7

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._spelt: dict[cst.CSTNode, cst.BaseExpression] = {}
        self._on = any(word in context.code for word in _WORDS)
        self._loops: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        if self._on and _is_loop_of_several(node):
            self._loops.add(node.func)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if not self._on or node not in self.context.names.references:
            return
        symbol = self.context.symbol(node)
        if symbol is None or not symbol.certain or self.context.names.references[node].stored:
            return
        if symbol.path in _SETTINGS:
            self._ask(node, symbol)
        elif symbol.path.startswith("keras.backend."):
            self._borrow(node, symbol)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        spelt = self._spelt.get(original_node)
        if spelt is None:
            return updated_node
        return spelt.with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)

    def _ask(self, node: cst.Attribute, symbol: Symbol) -> None:
        if not symbol.attributes:
            return
        code = self.context.module.code_for_node(node)
        if self.context.report(SETTING, node, f"{code} is a call of backend() now", fix=True):
            scope = self.context.names.references[node].scope
            asked = self.context.imports.spell("keras.backend.backend", symbol, scope)
            self._replace(node, f"{asked}()")

    def _borrow(self, node: cst.Attribute, symbol: Symbol) -> None:
        name = symbol.path.removeprefix("keras.backend.")
        known = _BORROWED.get(name)
        if known == _LOOP and node not in self._loops:
            known = None
        root = self._tensorflow(node)
        if known is not None and root is None and self._is_free(node, symbol):
            root = _LOCAL
        if known is None or root is None:
            self._report(node, *name.partition(".")[::2])
            return
        code = self.context.module.code_for_node(node)
        if self.context.report(BORROWED, node, f"{code} is {root}.{known}", fix=True):
            self._replace(node, f"{root}.{known}")

    def _report(self, node: cst.Attribute, module: str, rest: str) -> None:
        advice = _MODULES.get(module)
        if advice is None or not rest or not self.context.runs(MODULE, node):
            return
        self.context.report(
            MODULE,
            node,
            f"keras.backend has no module {module} in {self.context.target.name}",
            advice=advice.format(rest=rest),
        )
        self.context.imports.claimed.add(node)
        self.context.imports.homeless.pop(node, None)

    def _replace(self, node: cst.Attribute, text: str) -> None:
        self._spelt[node] = cst.parse_expression(text)
        self.context.imports.claim(node)

    def _is_free(self, node: cst.Attribute, symbol: Symbol) -> bool:
        """Tell whether TensorFlow can be imported under its usual name, and plan that."""
        names = self.context.names
        if names.references[node].scope.lookup(_LOCAL) is not None or not self.context.runs(
            BORROWED, node
        ):
            return False
        return self.context.imports.bring_package("tensorflow", _LOCAL, symbol)

    def _tensorflow(self, node: cst.Attribute) -> str | None:
        """Return the name that means TensorFlow where a reference stands."""
        names = self.context.names
        for name in ("tf", "tensorflow"):
            found = names.references[node].scope.lookup(name)
            if found is None or found[0] is not names.module_scope:
                continue
            if found[1] and all(
                names.origin(each) == "tensorflow" and not each.guards for each in found[1]
            ):
                return name
        return None


def _is_loop_of_several(call: cst.Call) -> bool:
    """Tell whether the third argument of a call is a list of two or more variables."""
    if len(call.args) < 3 or any(arg.star for arg in call.args):
        return False
    third = call.args[2]
    if third.keyword is not None and third.keyword.value != "loop_vars":
        return False
    value = third.value
    return (
        isinstance(value, cst.List | cst.Tuple)
        and len(value.elements) > 1
        and not any(isinstance(each, cst.StarredElement) for each in value.elements)
    )

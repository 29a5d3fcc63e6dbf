"""Functions of the user that make the first values of weights."""

from __future__ import annotations

import re

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

from ._edits import add_parameter, optional

DTYPE = Rule(
    "KM268",
    "initializer-dtype",
    "Let a function that initializes weights take the dtype",
    "Keras 1 called an initializer as f(shape, name=...), and Keras up to 2.2 as f(shape). Since"
    ' then it is f(shape, dtype=...): "my_init() got an unexpected keyword argument'
    " 'dtype'\". Keras turns what the function returns into the type of the weight, so that an"
    " argument which is not used is enough.",
    examples=(
        Example(
            "from keras.layers import Dense\n\n\n"
            "def ones(shape, name=None):\n    return numpy.ones(shape)\n\n\n"
            "layer = Dense(4, init=ones)\n",
            "from keras.layers import Dense\n\n\n"
            "def ones(shape, name=None, dtype=None):\n    return numpy.ones(shape)\n\n\n"
            "layer = Dense(4, kernel_initializer=ones)\n",
        ),
    ),
    untouched=(
        "Functions that take dtype, **options or more positions already.",
        "Methods, lambdas and functions of other files; of lambdas, KM204 speaks.",
    ),
)


#: An initializer that goes by a name; files without one are not looked at.
_USED = re.compile(r"init(?:ializer)?\s*=\s*[A-Za-z_]\w*\s*[,)]")


class InitializerFunctions(Transform):
    """Adds the parameter that initializers are called with."""

    rules = (DTYPE,)
    order = 19  # before arguments get other names, and before definitions are left

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._functions: set[cst.CSTNode] = set()

    def visit_Module(self, node: cst.Module) -> None:
        if _USED.search(self.context.code):
            for call in walk(node):
                if isinstance(call, cst.Call):
                    self._look_at(call)

    def _look_at(self, node: cst.Call) -> None:
        for arg in node.args:
            if (
                arg.keyword is not None
                and arg.keyword.value.endswith(("initializer", "init"))
                and isinstance(arg.value, cst.Name)
                and self._is_keras(node)
            ):
                bindings = self.context.names.bindings(arg.value)
                function = bindings[0].node if len(bindings) == 1 else None
                if isinstance(function, cst.FunctionDef) and _lacks_dtype(function):
                    self._report(function)

    def _is_keras(self, node: cst.Call) -> bool:
        """Tell whether a call makes a layer of Keras, or a weight of one."""
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value == "add_weight":
            return True
        found = callee(self.context.names, node)
        return found is not None and found.path.startswith("keras.layers.")

    def _report(self, function: cst.FunctionDef) -> None:
        if function not in self._functions and self.context.report(
            DTYPE,
            function.name,
            f"{function.name.value}() is called with dtype= as an initializer",
            fix=True,
        ):
            self._functions.add(function)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if original_node not in self._functions:
            return updated_node
        params = updated_node.params
        if len(params.params) > 1 and params.params[1].default is None:
            name = params.params[1].with_changes(
                default=cst.Name("None"), equal=optional("name").equal
            )
            params = params.with_changes(params=[params.params[0], name, *params.params[2:]])
        return updated_node.with_changes(params=add_parameter(params, optional("dtype")))


def _lacks_dtype(function: cst.FunctionDef) -> bool:
    """Tell whether a function takes a shape, perhaps a name, and what has a default: no dtype."""
    params = function.params
    if (
        params.star_kwarg is not None
        or isinstance(params.star_arg, cst.Param)
        or params.posonly_params
        or params.kwonly_params
        or function.decorators
        or not params.params
    ):
        return False
    first, *rest = params.params
    names = [each.name.value for each in params.params]
    required = [each.name.value for each in rest if each.default is None]
    return (
        first.default is None
        and names[0] not in ("self", "cls")
        and "dtype" not in names
        and (not required or required == names[1:2] == ["name"])
    )

"""Functions of the user that make the first values of weights."""

from __future__ import annotations

import ast
from pathlib import Path

import libcst as cst

from kerasmigrate.findings import Confidence
from kerasmigrate.project import parse_quietly
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from ._edits import add_parameter, optional
from ._initializers import CalledAsInitializers, Function
from .initializations import INITIALIZATION

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
        Example(
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.first = lambda shape, name: numpy.full(shape, 0.5)\n"
            "        self.w = self.add_weight(shape=(4,), initializer=self.first, name='w')\n",
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.first = lambda shape, name=None, dtype=None: numpy.full(shape, 0.5)\n"
            "        self.w = self.add_weight(shape=(4,), initializer=self.first, name='w')\n",
        ),
    ),
    untouched=(
        "Functions that take dtype or **options already, and those that never were called so.",
        "Decorated functions, and those of other files; they are reported.",
        "Lambdas that only pass on to keras.initializations; KM207 makes objects of them.",
    ),
)


class InitializerFunctions(Transform):
    """Adds the parameter that initializers are called with."""

    rules = (DTYPE,)
    order = 19  # before arguments get other names, and before definitions are left

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._functions: set[cst.CSTNode] = set()

    def visit_Module(self, node: cst.Module) -> None:
        called = self.context.shared(CalledAsInitializers)
        for function, given in called.found.items():
            self._decide(function, given)
        for each in called.passed_on:
            if not self.context.runs(INITIALIZATION, each):
                self._decide(each, frozenset())
        for name, path in called.elsewhere.items():
            self._look_elsewhere(name, path)

    def _look_elsewhere(self, node: cst.Name, path: Path) -> None:
        """Report a function of another file of the project that lacks the parameter."""
        imported = self.context.names.bindings(node)[0].node
        assert isinstance(imported, cst.ImportAlias)
        name = str(imported.name.value)
        if _lacks_there(path, name):
            self.context.report(
                DTYPE,
                node,
                f"{name}() of {path.name} is called with dtype= as an initializer",
                advice="give it a parameter dtype=None there",
            )

    def _decide(self, function: Function, given: frozenset[str]) -> None:
        if function in self._functions or not _lacks_dtype(function.params, given):
            return
        what: str = "the function"
        place: cst.CSTNode = function
        if isinstance(function, cst.FunctionDef):
            what, place = f"{function.name.value}()", function.name
        if isinstance(function, cst.FunctionDef) and function.decorators:
            self.context.report(
                DTYPE,
                place,
                f"{what} is called with dtype= as an initializer; its decorators may see to that",
                advice="give it a parameter dtype=None, or an initializer object instead",
                confidence=Confidence.UNSURE,
            )
        elif self.context.report(
            DTYPE, place, f"{what} is called with dtype= as an initializer", fix=True
        ):
            self._functions.add(function)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if original_node not in self._functions:
            return updated_node
        return updated_node.with_changes(params=_with_dtype(updated_node.params))

    def leave_Lambda(
        self, original_node: cst.Lambda, updated_node: cst.Lambda
    ) -> cst.BaseExpression:
        if original_node not in self._functions:
            return updated_node
        return updated_node.with_changes(params=_with_dtype(updated_node.params))


def _with_dtype(params: cst.Parameters) -> cst.Parameters:
    """Return the parameters of a function with dtype, and with a name that nobody passes now."""
    known = [
        each.with_changes(default=cst.Name("None"), equal=optional("name").equal)
        if each.name.value == "name" and each.default is None
        else each
        for each in params.params
    ]
    return add_parameter(params.with_changes(params=known), optional("dtype"))


def _lacks_dtype(params: cst.Parameters, given: frozenset[str]) -> bool:
    """Tell whether a function takes a shape, perhaps a name, and what has a default: no dtype.

    Args:
        given: Names of the arguments that are filled in when Keras calls it.
    """
    if params.star_kwarg is not None or params.posonly_params:
        return False
    taken = [(each.name.value, each.default is None) for each in params.params]
    only = [(each.name.value, each.default is None) for each in params.kwonly_params]
    return _lacks(taken, only, given)


def _lacks_there(path: Path, name: str) -> bool:
    """Tell the same of a function of another file."""
    try:
        tree = parse_quietly(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name]
    if len(found) != 1 or found[0].decorator_list:
        return False
    args = found[0].args
    if args.kwarg is not None or args.posonlyargs:
        return False
    first = len(args.args) - len(args.defaults)
    taken = [(each.arg, index < first) for index, each in enumerate(args.args)]
    only = [
        (each.arg, default is None)
        for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return _lacks(taken, only, frozenset())


def _lacks(
    taken: list[tuple[str, bool]], only: list[tuple[str, bool]], given: frozenset[str]
) -> bool:
    """Judge parameters by position and by keyword alone, each with whether it is required."""
    rest = [each for each in taken if each[0] not in given]
    if not rest or "dtype" in {name for name, _ in (*taken, *only)}:
        return False
    shape, needed = rest[0]
    required = [name for name, is_required in (*rest[1:], *only) if is_required]
    return (
        needed
        and shape not in ("self", "cls")
        and not set(required) - given - {"name"}
        and ("name" not in required or rest[1][0] == "name")
    )

"""Numbers that have to be of Python's own type."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import is_a
from kerasmigrate.walking import walk

from ._history_reads import argument, constant
from ._learning_rates import OPTIMIZER

INTEGER = Rule(
    "KM217",
    "numpy-integer",
    "Make an int of a number of numpy that is the width of a layer",
    "Keras 3 asks for Python's own int, and what numpy.prod and numpy.max give is none:"
    ' "Received an invalid value for `units`, expected a positive integer. Received: units=784"'
    ' (Dense), "`output_dim` must be a positive integer. Received: output_dim=6 (of type int64)"'
    ' (Embedding), "output_size must be an integer" (LSTM). Convolutions take both.',
    examples=(
        Example(
            "import numpy as np\nfrom keras.layers import Dense\n\n"
            "last = Dense(np.prod(shape), activation='tanh')\n",
            "import numpy as np\nfrom keras.layers import Dense\n\n"
            "last = Dense(int(np.prod(shape)), activation='tanh')\n",
        ),
        Example(
            "import numpy as np\nfrom keras.layers import Dense\n\n"
            "classes = np.max(labels) + 1\nlast = Dense(classes, activation='softmax')\n",
            "import numpy as np\nfrom keras.layers import Dense\n\n"
            "classes = np.max(labels) + 1\nlast = Dense(int(classes), activation='softmax')\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Arguments of layers that take numpy's integers as well, such as Conv2D.",
        "Names with other values; numbers that are already given to int(); parameters of functions"
        " that this file does not call with such a number.",
        "max(y) of what is not known to be an array: that of a list is a Python int.",
    ),
)
SHAPE = Rule(
    "KM218",
    "number-as-shape",
    "Write a shape of one number as a tuple",
    "Input(3), and Input(shape=(3)), which is the same, gave a shape of one axis in Keras 2."
    " Keras 3 says \"Cannot convert '3' to a shape\".",
    examples=(
        Example(
            "from keras.layers import Input\n\na = Input(3)\nb = Input(shape=(3))\n",
            "from keras.layers import Input\n\na = Input((3,))\nb = Input(shape=(3,))\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.", "Shapes that the source does not show."),
)
RATE = Rule(
    "KM241",
    "integer-learning-rate",
    "Write a learning rate of a whole number as a float",
    'Keras 2 took SGD(1) and made a float of it. Keras 3 says "Argument `learning_rate` should be'
    ' float, or an instance of LearningRateSchedule, or a callable".',
    examples=(
        Example(
            "from keras.optimizers import SGD\n\nopt = SGD(lr=1, momentum=0.9)\n",
            "from keras.optimizers import SGD\n\nopt = SGD(learning_rate=1.0, momentum=0.9)\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.", "Learning rates that the source does not show."),
)

#: Arguments that take no integer of numpy, by making each layer with one.
_ARGUMENTS = {
    "keras.layers.Dense": ("units",),
    "keras.layers.Embedding": ("input_dim", "output_dim"),
    "keras.layers.GRU": ("units",),
    "keras.layers.GRUCell": ("units",),
    "keras.layers.LSTM": ("units",),
    "keras.layers.LSTMCell": ("units",),
    "keras.layers.RepeatVector": ("n",),
    "keras.layers.SimpleRNN": ("units",),
    "keras.layers.SimpleRNNCell": ("units",),
}
#: What these arguments were called in Keras 1.
_OLD_NAMES = {"output_dim": "units"}
#: The first argument of every optimizer, as it is called and was.
_RATES = frozenset(("learning_rate", "lr"))
#: Functions and methods whose result is a number of numpy, where they are given a whole array.
_REDUCTIONS = frozenset(("amax", "amin", "max", "min", "prod", "product", "sum"))
_NUMBERS = frozenset(f"numpy.{name}" for name in ("argmax", "argmin", *_REDUCTIONS))
_TYPES = frozenset(f"numpy.{name}" for name in ("int_", "int16", "int32", "int64", "intp", "uint8"))
#: Functions whose result is an array.
_ARRAYS = frozenset(
    f"numpy.{name}"
    for name in ("arange", "array", "asarray", "concatenate", "fromfile", "load", "loadtxt")
)
#: Methods of arrays whose result is an array.
_KEPT = frozenset(("astype", "copy", "flatten", "ravel", "reshape", "squeeze"))
_OPERATORS = (cst.Add, cst.FloorDivide, cst.Modulo, cst.Multiply, cst.Power, cst.Subtract)
_INPUTS = frozenset(("keras.layers.Input", "keras.Input"))


class IntegerArguments(Transform):
    """Gives layers integers, and inputs shapes, of the types that Keras 3 takes."""

    rules = (INTEGER, SHAPE, RATE)
    order = 44

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._products: set[cst.CSTNode] = set()
        self._shapes: set[cst.CSTNode] = set()
        self._rates: set[cst.CSTNode] = set()
        self._asked: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3:
            return
        found = callee(self.context.names, node)
        if found is None or found.partial:
            return
        home = self.context.imports.locate(found.path).path
        if home in _INPUTS:
            self._shape(node)
        elif home in _ARGUMENTS:
            self._integers(node, home, found.skip)
        elif home is not None and is_a(home, OPTIMIZER):
            self._rate(node, found.skip)

    def _integers(self, node: cst.Call, home: str, skip: int) -> None:
        wanted = _ARGUMENTS[home]
        signature = self.context.inventory.signature(home)
        slots = signature.names() if signature is not None else ()
        for index, arg in enumerate(node.args[skip:]):
            if arg.star:
                return
            name = (
                arg.keyword.value if arg.keyword is not None else "".join(slots[index : index + 1])
            )
            name = name if name in wanted else _OLD_NAMES.get(name, "")
            if name in wanted:
                self._integer(arg.value, home.rpartition(".")[2], name)

    def _integer(self, value: cst.BaseExpression, layer: str, name: str) -> None:
        if not self._is_number(value):
            return
        hidden = "int" in self.context.names.bound
        if self.context.report(
            INTEGER,
            value,
            f"{layer} takes no integer of numpy as {name}=",
            fix=not hidden,
            advice="make a Python int of it; this file gives the name int to something else"
            if hidden
            else "",
        ):
            self._products.add(value)

    def _is_number(self, node: cst.BaseExpression, *, bound: bool = True) -> bool:
        """Tell whether an expression is a scalar of numpy, by how it is computed.

        Args:
            bound: Whether to ask what a name is bound to.
        """
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, _OPERATORS):
            return self._is_number(node.left, bound=bound) or self._is_number(
                node.right, bound=bound
            )
        if isinstance(node, cst.Name) and bound:
            value = constant(self.context, node)
            if value is not None:
                return self._is_number(value, bound=False)
            return any(self._is_number(each) for each in self._given(node))
        if not isinstance(node, cst.Call):
            return False
        given = [arg.keyword.value if arg.keyword is not None else arg.star for arg in node.args]
        origins = self.context.names.origins(node.func)
        if origins:
            return (given in ([""], ["", "dtype"]) and _NUMBERS.issuperset(origins)) or (
                given == [""] and _TYPES.issuperset(origins)
            )
        func = node.func
        if isinstance(func, cst.Attribute):  # a.max() is a method of arrays alone
            known = self._is_array(func.value) or self._is_value(func.value)
            return not given and func.attr.value in _REDUCTIONS and known
        return (
            isinstance(func, cst.Name)
            and func.value in ("max", "min")
            and not self.context.names.bindings(func)
            and given == [""]
            and self._is_array(node.args[0].value)
        )

    def _given(self, node: cst.Name) -> Iterator[cst.BaseExpression]:
        """Yield what calls in this file give for a name that is a parameter and nothing else."""
        bindings = self.context.names.bindings(node)
        if len(bindings) != 1 or bindings[0].kind != "parameter" or node in self._asked:
            return
        self._asked.add(node)
        function = bindings[0].scope.node
        if not isinstance(function, cst.FunctionDef) or f"{function.name.value}(" not in (
            self.context.code
        ):
            return
        params = [each.name.value for each in function.params.params]
        for call in self._calls:
            known = self.context.names.bindings(call.func)
            if [each.node for each in known] == [function]:
                place = params.index(node.value) if node.value in params else len(call.args)
                value = argument(call.args, place, node.value)
                if value is not None:
                    yield value

    @cached_property
    def _calls(self) -> tuple[cst.Call, ...]:
        """All calls of bare names."""
        found = walk(self.context.module)
        return tuple(
            each for each in found if isinstance(each, cst.Call) and isinstance(each.func, cst.Name)
        )

    def _is_value(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is no module, class or symbol of a library."""
        while isinstance(node, cst.Attribute | cst.Subscript | cst.Call):
            node = node.func if isinstance(node, cst.Call) else node.value
        known = {each.kind for each in self.context.names.bindings(node)}
        return not isinstance(node, cst.Name) or not known & {"import", "class"}

    def _is_array(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is an array of numpy, by how it is made."""
        if isinstance(node, cst.Name):
            value = constant(self.context, node)
            return isinstance(value, cst.Call) and self._is_array(value)
        if not isinstance(node, cst.Call):
            return False
        origins = self.context.names.origins(node.func)
        if origins:
            return _ARRAYS.issuperset(origins)
        func = node.func
        return (
            isinstance(func, cst.Attribute)
            and func.attr.value in _KEPT
            and self._is_array(func.value)
        )

    def _shape(self, node: cst.Call) -> None:
        for index, arg in enumerate(node.args):
            if arg.star:
                return
            is_shape = arg.keyword.value == "shape" if arg.keyword is not None else index == 0
            if is_shape and isinstance(arg.value, cst.Integer):
                if self.context.report(
                    SHAPE, arg.value, f"{arg.value.value} is a number and no shape", fix=True
                ):
                    self._shapes.add(arg.value)
                return

    def _rate(self, node: cst.Call, skip: int) -> None:
        for index, arg in enumerate(node.args[skip:]):
            if arg.star:
                return
            by_name = arg.keyword is not None and arg.keyword.value in _RATES
            if by_name or (arg.keyword is None and index == 0):
                rate = arg.value
                if isinstance(rate, cst.Integer) and self.context.report(
                    RATE, rate, f"the learning rate {rate.value} has to be a float", fix=True
                ):
                    self._rates.add(rate)
                return

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        return self._wrapped(original_node, updated_node)

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        return self._wrapped(original_node, updated_node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._wrapped(original_node, updated_node)

    def _wrapped(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        if original not in self._products:
            return updated
        bare = updated.with_changes(lpar=(), rpar=())
        return cst.Call(cst.Name("int"), [cst.Arg(bare)])

    def leave_Integer(
        self, original_node: cst.Integer, updated_node: cst.Integer
    ) -> cst.BaseExpression:
        if original_node in self._rates:
            number = repr(float(updated_node.evaluated_value))
            return cst.Float(number, lpar=updated_node.lpar, rpar=updated_node.rpar)
        if original_node not in self._shapes:
            return updated_node
        bare = updated_node.with_changes(lpar=(), rpar=())
        lpar = updated_node.lpar or (cst.LeftParen(),)
        rpar = updated_node.rpar or (cst.RightParen(),)
        return cst.Tuple([cst.Element(bare, comma=cst.Comma())], lpar=lpar, rpar=rpar)

"""Variables that are the target of an operator such as ``*=``, and what is made of weights."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from kerasmigrate.findings import Severity
from kerasmigrate.neighbours import FileFacts, connected
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from ._layer_classes import InClasses, LayerClasses, alternatives, is_super, receiver

IN_PLACE = Rule(
    "KM645",
    "variable-in-place",
    "Make a new tensor where an operator such as *= meets a variable",
    "In the TensorFlow of old variable *= 2 made a tensor and left the variable alone. Variables of"
    ' today refuse: "`var *= value` with `tf.Variable`s is not supported. Use `var.assign(var *'
    " value)` to modify the variable, or `out = var * value` if you need to get a new output"
    ' Tensor." Those of Keras 3 make a tensor again.',
    examples=(
        Example(
            "from keras import backend as K\n\nloss = K.variable(0.0)\n"
            "for each in outputs:\n    loss += K.sum(each)\n",
            "from tf_keras import backend as K\n\nloss = K.variable(0.0)\n"
            "for each in outputs:\n    loss = loss + K.sum(each)\n",
            "tf_keras",
        ),
        Example(
            "from keras.constraints import Constraint\n\n\nclass Half(Constraint):\n"
            "    def __call__(self, w):\n        w *= 0.5\n        return w\n",
            "from tf_keras.constraints import Constraint\n\n\nclass Half(Constraint):\n"
            "    def __call__(self, w):\n        w = w * 0.5\n        return w\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Targets with the Keras 3 API.",
        "Names that hold a tensor or an array by then, and the operators %=, //= and @=, which make"
        " a tensor.",
        "Parameters, unless the file, or one that is connected with it, passes a weight: what a"
        " constraint, a regularizer or a function called with self.kernel is given.",
    ),
)
REPLACED = Rule(
    "KM646",
    "weight-replaced-in-call",
    "Report a weight that call() puts a tensor in the place of",
    "A graph was made once, and from then on the layer had the tensor. Today call() runs again and"
    " again, with a tensor that is gone: \"<tf.Tensor 'Mul:0'> is out of scope and cannot be used"
    ' here"; in eager code the factor is applied once more each time. The kernel of Dense and the'
    " convolutions cannot be set at all in Keras 3: \"property 'kernel' of 'Own' object has no"
    ' setter".',
    Safety.NONE,
    untouched=(
        "Attributes that are no weights, and weights that are set anew without being read.",
        "A weight that call() puts back at the end, self.kernel = kernel, where it can be set.",
    ),
)
SNAPSHOT = Rule(
    "KM647",
    "tensor-of-weights-from-build",
    "Report a tensor that build() computes from weights, and that does not follow them any more",
    "In a graph self.half = self.kernel / 2 was computed anew in each step. Today build() computes"
    " it once, with the first values of the weight, which is not trained either. Measured with a"
    " layer that multiplies by such a tensor, and a Dense behind it: after fit() Keras 1.2.2 and"
    " 2.2.4 have moved the kernel, tf_keras 2.21 and Keras 3.15 have not, to the last digit.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Shapes, names and sizes of weights, and weights with trainable=False.",
        "What only build() itself uses.",
    ),
)

_OPERATORS: dict[type[cst.BaseAugOp], type[cst.BaseBinaryOp]] = {
    cst.AddAssign: cst.Add,
    cst.SubtractAssign: cst.Subtract,
    cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide,
    cst.PowerAssign: cst.Power,
}
_SIGNS = {cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.Power: "**"}
_VARIABLES = frozenset(
    f"keras.backend.{name}"
    for name in ("variable", "zeros", "ones", "random_normal_variable", "random_uniform_variable")
)
_TF_VARIABLES = frozenset(
    f"tensorflow.{prefix}{name}"
    for prefix in ("", "compat.v1.")
    for name in ("Variable", "get_variable")
)
_ADDING = frozenset(("add_weight", "add_variable"))
#: Weights that layers of Keras have; W and b are those of Keras 1.
_INHERITED = frozenset(
    (
        *("kernel", "bias", "gamma", "beta", "embeddings", "recurrent_kernel"),
        *("depthwise_kernel", "pointwise_kernel", "W", "b", "U"),
    )
)
_BY_WORD = ("constraint", "regularizer")
#: Functions that ask a weight for something that does not change with it.
_FIXED = frozenset(
    (
        *("int_shape", "ndim", "shape", "get_shape", "dtype", "rank", "size", "count_params"),
        *("zeros_like", "ones_like", "zeros", "ones", "constant", "variable"),
        *("update", "update_add", "update_sub", "moving_average_update"),
        *("eval", "get_value", "batch_get_value", "set_value", "get_variable"),
    )
)
_ASKED = frozenset(("shape", "name", "dtype", "op", "ndim", "_keras_shape", "get_shape"))
_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float)


class InPlaceVariables(InClasses):
    """Turns operators in place into those that make a tensor, where they meet a variable."""

    rules = (IN_PLACE, REPLACED, SNAPSHOT)
    order = 45

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._marked: set[cst.CSTNode] = set()
        self._edited: set[cst.CSTNode] = set()

    def visit_Module(self, node: cst.Module) -> None:
        # Other rules replace the K.variable() of which a file for Keras 2 is made.
        if self.context.target.api > 2 or not any(
            isinstance(each, cst.AugAssign) and type(each.operator) in _OPERATORS
            for each in walk(node)
        ):
            return
        flow = _Flow(self.context, self._weights)
        self._marked = flow.marked

    @property
    def _weights(self) -> Weights:
        return self.context.shared(Weights)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        super().visit_ClassDef(node)
        if self._classes.kind(node) != "layer":
            return
        call, build = (self._classes.method(node, name) for name in ("call", "build"))
        if call is not None:
            self._check_call(node, call)
        if build is not None:
            self._check_build(node, build)

    # -- operators in place ------------------------------------------------------------------

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        if node not in self._marked:
            return
        code = self.context.module.code_for_node(node.target)
        sign = _SIGNS[_OPERATORS[type(node.operator)]]
        message = f"{code} {sign}= is refused where {code} is a variable"
        if self.context.report(IN_PLACE, node, message, fix=True):
            self._edited.add(node)

    def leave_AugAssign(
        self, original_node: cst.AugAssign, updated_node: cst.AugAssign
    ) -> cst.BaseSmallStatement:
        if original_node not in self._edited:
            return updated_node
        value = updated_node.value
        operator = _OPERATORS[type(original_node.operator)]()
        if not (isinstance(value, _ATOMS) or value.lpar or _binds_closer(value, operator)):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        target = updated_node.target
        assert isinstance(target, cst.Name | cst.Attribute)
        return cst.Assign(
            [cst.AssignTarget(target)],
            cst.BinaryOperation(target, operator, value),
            semicolon=updated_node.semicolon,
        )

    # -- weights of layers -------------------------------------------------------------------

    def _check_call(self, owner: cst.ClassDef, call: cst.FunctionDef) -> None:
        name = receiver(call)
        stored = list(_stores(call, name))
        for attribute, node, value in stored:
            reads = isinstance(node, cst.AugAssign) or any(
                dotted(each) == (name, attribute)
                for each in walk(value)
                if isinstance(each, cst.Attribute)
            )
            if not reads or not self._weights.is_attribute(owner, attribute):
                continue
            last = [each for known, _, each in stored if known == attribute][-1]
            if isinstance(last, cst.Name) and (
                self.context.target.api < 3 or self._weights.is_own(owner, attribute)
            ):
                continue  # it is put back
            self.context.report(
                REPLACED,
                node,
                f"{name}.{attribute} is a weight, and call() puts a tensor in its place",
                advice=f"write {attribute} = {name}.{attribute} * ... for the tensor, and compute"
                " with that; what super().call() does with the weight has to be written out for it",
                severity=Severity.ERROR,
            )

    def _check_build(self, owner: cst.ClassDef, build: cst.FunctionDef) -> None:
        name = receiver(build)
        made = {
            target.target.value
            for each in walk(build.body)
            if isinstance(each, cst.Assign) and self._weights.is_made(each.value)
            for target in each.targets
            if isinstance(target.target, cst.Name) and not _is_fixed(each.value)
        }
        for attribute, node, value in _stores(build, name):
            used = list(self._used(owner, name, made, value))
            if isinstance(node, cst.AugAssign):
                used += [attribute] if self._is_trained(owner, attribute) else []
            elif not _computes(value):
                continue
            if not used or not self._is_read(owner, build, attribute):
                continue
            self.context.report(
                SNAPSHOT,
                node,
                f"{name}.{attribute} keeps the first values of {used[0]}, which is not trained"
                " through it",
                advice=f"compute it in call(), or make it a property: @property def {attribute}"
                f"({name}): return ...",
            )

    def _used(
        self, owner: cst.ClassDef, name: str | None, made: set[str], node: cst.CSTNode
    ) -> Iterator[str]:
        """Yield the trained weights that a value is computed from."""
        if isinstance(node, cst.Lambda):
            return
        if isinstance(node, cst.Call):
            leaf = (dotted(node.func) or ("",))[-1]
            if leaf in _FIXED or is_super(node.func) or leaf in _ADDING:
                return
            if (dotted(node.func) or ("",))[0] == name or self._is_layer_call(node):
                return
            for arg in node.args:
                yield from self._used(owner, name, made, arg.value)
            if isinstance(node.func, cst.Attribute):
                yield from self._used(owner, name, made, node.func.value)
            return
        chain = dotted(node) if isinstance(node, cst.Name | cst.Attribute) else None
        if chain is not None:
            if len(chain) == 1 and chain[0] in made:
                yield chain[0]
            if len(chain) == 2 and chain[0] == name and self._is_trained(owner, chain[1]):
                yield ".".join(chain)
            return
        if isinstance(node, cst.Attribute):
            if node.attr.value not in _ASKED:
                yield from self._used(owner, name, made, node.value)
            return
        if isinstance(node, cst.Subscript):
            yield from self._used(owner, name, made, node.value)
        elif isinstance(node, cst.BinaryOperation):
            yield from self._used(owner, name, made, node.left)
            yield from self._used(owner, name, made, node.right)
        elif isinstance(node, cst.UnaryOperation):
            yield from self._used(owner, name, made, node.expression)
        elif isinstance(node, cst.List | cst.Tuple):
            for element in node.elements:
                yield from self._used(owner, name, made, element.value)

    def _is_layer_call(self, node: cst.Call) -> bool:
        """Tell whether a call is to something that is not known to compute with tensors."""
        symbol = self.context.symbol(node.func)
        if symbol is not None:
            return not symbol.path.startswith(("keras.backend.", "keras.ops."))
        origins = self.context.names.origins(node.func)
        return not origins or not all(
            each.startswith("tensorflow.") and each.split(".")[-1][:1].islower() for each in origins
        )

    def _is_trained(self, owner: cst.ClassDef, name: str) -> bool:
        values = [
            each
            for value in self._classes.attribute(owner, name)
            for each in alternatives(value)
            if each is not None and not _is_none(each)
        ]
        return bool(values) and all(
            isinstance(each, cst.Call) and self._weights.adds(each) and not _is_fixed(each)
            for each in values
        )

    def _is_read(self, owner: cst.ClassDef, build: cst.FunctionDef, name: str) -> bool:
        """Tell whether another method of a class and its relatives reads an attribute."""
        return any(
            isinstance(each, cst.Attribute)
            and each.attr.value == name
            and not self._is_stored(each)
            for relative in self._classes.relatives(owner)
            for method in self._classes.methods(relative).values()
            if method is not build and method.name.value not in ("__init__", "get_config")
            for each in walk(method.body)
        )

    def _is_stored(self, node: cst.Attribute) -> bool:
        reference = self.context.names.references.get(node)
        return reference is not None and reference.stored


class Weights:
    """Which expressions of a file are variables, and which parameters are given one.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.classes = context.shared(LayerClasses)
        self._owner_of = {
            method: owner
            for owner in self.classes.nodes
            for method in self.classes.methods(owner).values()
        }

    def adds(self, node: cst.Call) -> bool:
        """Tell whether a call is ``self.add_weight(...)``."""
        chain = dotted(node.func)
        return chain is not None and len(chain) == 2 and chain[1] in _ADDING

    def is_made(self, node: cst.BaseExpression | None) -> bool:
        """Tell whether an expression makes a variable."""
        if not isinstance(node, cst.Call):
            return False
        if self.adds(node):
            return True
        symbol = self.context.symbol(node.func)
        if symbol is not None:
            return symbol.certain and symbol.path in _VARIABLES
        origins = self.context.names.origins(node.func)
        return bool(origins) and set(origins) <= _TF_VARIABLES

    def is_own(self, owner: cst.ClassDef, name: str) -> bool:
        """Tell whether a class makes the variable ``self.name`` itself, and keeps nothing else."""
        found = False
        for value in self.classes.attribute(owner, name):
            for each in alternatives(value):
                if each is None or _is_none(each) or isinstance(each, cst.Name):
                    continue
                if self.is_made(each):
                    found = True
                elif not self._computes_itself(each, name):
                    return False
        return found

    def is_attribute(self, owner: cst.ClassDef, name: str) -> bool:
        """Tell whether ``self.name`` is a variable in the methods of a class."""
        if self.is_own(owner, name):
            return True
        foreign = name in self.classes.brought(owner) and not any(
            each is None or isinstance(each, cst.Name) or self._computes_itself(each, name)
            for each in self.classes.attribute(owner, name)
        )
        bases = self.context.values.bases(owner)
        return (
            name in _INHERITED
            and not foreign
            and self.classes.kind(owner) == "layer"
            and any(base.rpartition(".")[2] != "Layer" for base in bases)
        )

    @staticmethod
    def _computes_itself(value: cst.BaseExpression | None, name: str) -> bool:
        return value is not None and any(
            dotted(each) == ("self", name)
            for each in walk(value)
            if isinstance(each, cst.Attribute)
        )

    def functions(self) -> Iterator[tuple[cst.FunctionDef, cst.ClassDef | None]]:
        """Yield the functions of the file, and the class that each is a method of."""
        for each in walk(self.context.module):
            if isinstance(each, cst.FunctionDef):
                yield each, self._owner_of.get(each)

    def method(self, owner: cst.ClassDef, name: str) -> cst.FunctionDef | None:
        """Return the method that ``self.name()`` calls, if the file has it."""
        for each in self.classes.ancestors(owner):
            found = self.classes.method(each, name)
            if found is not None:
                return found
        return None

    def is_given_weights(self, owner: cst.ClassDef) -> bool:
        """Tell whether a class is a constraint or a regularizer."""
        return any(
            self.context.values.derives(owner, base)
            for base in ("keras.constraints.Constraint", "keras.regularizers.Regularizer")
        )


class _Flow:
    """Follows names through the functions of a file, and marks operators that meet a variable."""

    def __init__(self, context: Context, weights: Weights) -> None:
        self.context = context
        self.weights = weights
        self.marked: set[cst.CSTNode] = set()
        #: Parameters that are given a variable.
        self._given: dict[cst.CSTNode, set[str]] = {}
        self._passed: set[tuple[cst.CSTNode, str]] = set()
        self._owner: cst.ClassDef | None = None
        self._seed()
        known = -1
        while known != len(self._passed):
            known = len(self._passed)
            self.marked.clear()
            self._block(context.module.body, {})
            for function, owner in weights.functions():
                self._function(function, owner)

    def _seed(self) -> None:
        own: dict[str, cst.FunctionDef] = {}
        for function, owner in self.weights.functions():
            if owner is None:
                own[function.name.value] = function
            elif function.name.value == "__call__" and self.weights.is_given_weights(owner):
                self._give_place(function, 1)
        for each in walk(self.context.module):
            if isinstance(each, cst.Arg) and each.keyword is not None and _is_rule(each.keyword):
                for binding in self.context.names.bindings(each.value):
                    if isinstance(binding.node, cst.FunctionDef):
                        self._give_place(binding.node, 0)
        view = self.context.view
        if own and view.path is not None:
            for path in connected(view.project, view.path):
                for name, place in _PASSED.of(view.project, path):
                    if name in own:
                        if isinstance(place, int):
                            self._give_place(own[name], place)
                        else:
                            self._give(own[name], place)

    def _give_place(self, function: cst.FunctionDef, place: int) -> None:
        params = [*function.params.posonly_params, *function.params.params]
        if place < len(params):
            self._give(function, params[place].name.value)

    def _give(self, function: cst.FunctionDef, name: str) -> None:
        self._given.setdefault(function, set()).add(name)
        self._passed.add((function, name))

    def _function(self, function: cst.FunctionDef, owner: cst.ClassDef | None) -> None:
        before, self._owner = self._owner, owner
        state = dict.fromkeys(self._given.get(function, ()), True)
        self._block(function.body.body, state)
        self._owner = before

    # -- statements --------------------------------------------------------------------------

    def _block(self, body: Sequence[cst.CSTNode], state: dict[str, bool]) -> None:
        for each in body:
            self._statement(each, state)

    def _statement(self, node: cst.CSTNode, state: dict[str, bool]) -> None:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return
        if isinstance(node, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            for each in node.body:
                self._simple(each, state)
            return
        if isinstance(node, cst.If):
            self._calls(node.test, state)
            self._either((node.body, node.orelse), state)
        elif isinstance(node, cst.Else | cst.Finally | cst.IndentedBlock):
            inner = node.body if isinstance(node, cst.IndentedBlock) else node.body.body
            self._block(inner, state)
        elif isinstance(node, cst.For | cst.While):
            if isinstance(node, cst.For):
                self._calls(node.iter, state)
                self._forget(node.target, state)
            for _ in range(2):
                self._either((node.body, None), state)
            self._either((node.orelse, None), state)
        elif isinstance(node, cst.With):
            for item in node.items:
                self._calls(item, state)
                if item.asname is not None:
                    self._forget(item.asname.name, state)
            self._block(node.body.body, state)
        elif isinstance(node, cst.Try | cst.TryStar):
            parts = [node.body, *(each.body for each in node.handlers)]
            self._either((*parts, node.orelse), state)
            self._either((node.finalbody, None), state)

    def _either(self, parts: Iterable[cst.CSTNode | None], state: dict[str, bool]) -> None:
        """Go through alternatives; a name may hold a variable if it may behind one of them."""
        ends = []
        for part in parts:
            end = dict(state)
            if part is not None:
                self._statement_or_block(part, end)
            ends.append(end)
        for name in {name for end in ends for name in end}:
            state[name] = any(end.get(name, False) for end in ends)

    def _statement_or_block(self, node: cst.CSTNode, state: dict[str, bool]) -> None:
        if isinstance(node, cst.SimpleStatementSuite | cst.IndentedBlock):
            self._block([node] if isinstance(node, cst.SimpleStatementSuite) else node.body, state)
        else:
            self._statement(node, state)

    def _simple(self, node: cst.CSTNode, state: dict[str, bool]) -> None:
        self._calls(node, state)
        if isinstance(node, cst.Assign):
            for target in node.targets:
                self._assign(target.target, node.value, state)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, state)
        elif isinstance(node, cst.AugAssign):
            self._operate(node, state)

    def _assign(
        self, target: cst.BaseExpression, value: cst.BaseExpression, state: dict[str, bool]
    ) -> None:
        if isinstance(target, cst.Name):
            state[target.value] = self._may_be_variable(value, state)
        elif isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple):
            if len(target.elements) == len(value.elements):
                for one, other in zip(target.elements, value.elements, strict=True):
                    self._assign(one.value, other.value, state)
        else:
            self._forget(target, state)

    def _forget(self, target: cst.CSTNode, state: dict[str, bool]) -> None:
        if isinstance(target, cst.Name | cst.Tuple | cst.List | cst.StarredElement):
            for each in walk(target):
                if isinstance(each, cst.Name):
                    state[each.value] = False

    def _operate(self, node: cst.AugAssign, state: dict[str, bool]) -> None:
        known = type(node.operator) in _OPERATORS
        if isinstance(node.target, cst.Name):
            name = node.target.value
            if known and self._may_be_variable(node.target, state):
                self.marked.add(node)
            state[name] = False
        elif known and isinstance(node.target, cst.Attribute) and self._owner is not None:
            kind = self.weights.classes.kind(self._owner)
            if kind is None and self._may_be_variable(node.target, state):
                self.marked.add(node)

    # -- expressions -------------------------------------------------------------------------

    def _may_be_variable(self, node: cst.BaseExpression, state: dict[str, bool]) -> bool:
        if isinstance(node, cst.IfExp):
            return any(self._may_be_variable(each, state) for each in (node.body, node.orelse))
        if isinstance(node, cst.Name):
            if node.value in state:
                return state[node.value]
            return any(
                binding.scope.kind == "module" and self.weights.is_made(binding.value)
                for binding in self.context.names.bindings(node)
            )
        if isinstance(node, cst.Attribute):
            chain = dotted(node)
            if chain is None or chain[0] != "self" or self._owner is None:
                return False
            if len(chain) == 2:
                return self.weights.is_attribute(self._owner, chain[1])
            return len(chain) == 3 and chain[2].endswith("kernel")
        return self.weights.is_made(node)

    def _calls(self, node: cst.CSTNode, state: dict[str, bool]) -> None:
        """Note what functions of the file are given."""
        for call in walk(node):
            if not isinstance(call, cst.Call):
                continue
            function, skip = self._called(call.func)
            if function is None:
                continue
            for place, arg in enumerate(call.args):
                if arg.star:
                    break
                if not self._may_be_variable(arg.value, state):
                    continue
                if arg.keyword is not None:
                    self._give(function, arg.keyword.value)
                else:
                    self._give_place(function, place + skip)

    def _called(self, func: cst.BaseExpression) -> tuple[cst.FunctionDef | None, int]:
        chain = dotted(func) or ()
        if len(chain) == 2 and chain[0] == "self" and self._owner is not None:
            method = self.weights.method(self._owner, chain[1])
            plain = method is not None and not method.decorators
            return (method if plain else None), 1
        if len(chain) == 1:
            found = [each.node for each in self.context.names.bindings(func)]
            if len(found) == 1 and isinstance(found[0], cst.FunctionDef):
                return found[0], 0
        return None, 0


def _find(tree: ast.Module) -> frozenset[tuple[str, int | str]]:
    """Return the functions that a file calls with a weight of ``self``, and with which argument."""
    weights = set(_INHERITED)
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            func = each.value.func
            if isinstance(func, ast.Attribute) and func.attr in _ADDING:
                weights |= {t.attr for t in each.targets if isinstance(t, ast.Attribute)}

    def is_weight(node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
            and node.attr in weights
        )

    found: set[tuple[str, int | str]] = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
            func = call.func
            name = func.id if isinstance(func, ast.Name) else func.attr
            found |= {(name, place) for place, arg in enumerate(call.args) if is_weight(arg)}
            found |= {(name, k.arg) for k in call.keywords if k.arg and is_weight(k.value)}
    return frozenset(found)


_PASSED = FileFacts(_find, lambda data: b"self." in data, frozenset[tuple[str, "int | str"]]())


def _binds_closer(value: cst.BaseExpression, operator: cst.BaseBinaryOp) -> bool:
    """Tell whether a product stands behind a plus or minus."""
    return (
        isinstance(operator, cst.Add | cst.Subtract)
        and isinstance(value, cst.BinaryOperation)
        and isinstance(value.operator, cst.Multiply | cst.Divide | cst.Power)
    )


def _is_rule(keyword: cst.Name) -> bool:
    """Tell whether an argument is a function that Keras calls with weights."""
    name = keyword.value
    return name.endswith(_BY_WORD) and not name.startswith("activity")


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _is_fixed(node: cst.CSTNode) -> bool:
    """Tell whether a weight is made with ``trainable=`` that is not ``True``."""
    return isinstance(node, cst.Call) and any(
        arg.keyword is not None
        and arg.keyword.value == "trainable"
        and not (isinstance(arg.value, cst.Name) and arg.value.value == "True")
        for arg in node.args
    )


def _computes(node: cst.BaseExpression) -> bool:
    """Tell whether an expression is more than a name for what there is."""
    if isinstance(node, cst.List | cst.Tuple):
        return any(_computes(each.value) for each in node.elements)
    return not isinstance(node, cst.Name | cst.Attribute)


def _stores(
    function: cst.FunctionDef, name: str | None
) -> Iterator[tuple[str, cst.Assign | cst.AugAssign, cst.BaseExpression]]:
    """Yield what a method assigns to attributes of ``self``, in the order of the code."""
    for each in walk(function.body):
        if isinstance(each, cst.Assign):
            targets = [target.target for target in each.targets]
        elif isinstance(each, cst.AugAssign):
            targets = [each.target]
        else:
            continue
        for target in targets:
            chain = dotted(target)
            if chain is not None and len(chain) == 2 and chain[0] == name:
                yield chain[1], each, each.value

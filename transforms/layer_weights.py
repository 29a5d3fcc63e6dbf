"""Weights of custom layers: the arguments of ``add_weight``, and weights kept in lists by hand."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER

from ._edits import keyword
from ._layer_classes import METRIC, LayerClasses
from ._weight_lists import Emptied, ListedWeights

ADD_WEIGHT = Rule(
    "KM320",
    "add-weight-arguments",
    "Name the arguments of add_weight, whose order each Keras has changed",
    "By position, Keras 1 takes shape, initializer, name; Keras 2 name, shape, dtype; Keras 3"
    ' shape, initializer, dtype. A Keras 1 call in tf_keras raises "add_weight() got multiple'
    ' values for argument \'name\'" or "can only concatenate tuple (not "str") to tuple"; a Keras'
    " 2 call in Keras 3 raises a ValueError that asks for name=.",
    examples=(
        Example(
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.w = self.add_weight('w', (3, 4), initializer='zeros')\n",
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.w = self.add_weight(name='w', shape=(3, 4), initializer='zeros')\n",
        ),
        Example(
            "from tf_keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.w = self.add_weight((3, 4), initializer=self.init, name='w')\n",
            "from tf_keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.w = self.add_weight(shape=(3, 4), initializer=self.init, name='w')\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Calls that mean the same in the target, and calls with keywords only.",
        "Classes with an add_weight method of their own.",
        "A first argument that may be a name or a shape; it is reported.",
    ),
)
WEIGHT_LIST = Rule(
    "KM321",
    "assigned-trainable-weights",
    "Create the weights with add_weight instead of listing them in trainable_weights",
    'Since Keras 2 a layer keeps the list itself. Assigning it raises "property'
    " 'trainable_weights' of 'Scale' object has no setter\" in Keras 3, and in tf_keras \"Can't set"
    ' the attribute "trainable_weights", likely because it conflicts with an existing read-only'
    ' @property of the object".',
    Safety.REVIEW,
    examples=(
        Example(
            "from keras import initializers\nfrom keras.layers import Layer\n\n\n"
            "class Scale(Layer):\n    def build(self, input_shape):\n"
            "        self.init = initializers.get('glorot_uniform')\n"
            "        self.W = self.init((input_shape[1], 4), name='W')\n"
            "        self.b = self.add_weight(shape=(4,), initializer='zeros', name='b')\n"
            "        self.trainable_weights = [self.W, self.b]\n",
            "from keras import initializers\nfrom keras.layers import Layer\n\n\n"
            "class Scale(Layer):\n    def build(self, input_shape):\n"
            "        self.init = initializers.get('glorot_uniform')\n"
            "        self.W = self.add_weight(shape=(input_shape[1], 4), initializer=self.init,"
            " name='W')\n"
            "        self.b = self.add_weight(shape=(4,), initializer='zeros', name='b')\n",
        ),
    ),
    untouched=(
        "A list that leaves out a weight of the layer, or holds anything whose creation is not"
        " plain: it is reported, with what to write.",
    ),
)
OTHER_LIST = Rule(
    "KM322",
    "assigned-layer-lists",
    "Report what Keras 1 layers kept in lists and dictionaries of their own",
    "regularizers and constraints are read by nobody since Keras 2, so the weights are simply not"
    " regularised or constrained. non_trainable_weights, updates and losses are properties:"
    " tf_keras refuses all three, Keras 3 refuses the first and the last and ignores updates.",
    Safety.NONE,
    untouched=("An empty list or dictionary of regularizers or constraints.",),
)
WEIGHT_NAME = Rule(
    "KM323",
    "weight-name-with-slash",
    "Report a weight whose name holds a slash, which Keras 3 refuses",
    'Keras 3: "Argument `name` must be a string and cannot contain character `/`". The name is not'
    " changed, because files of saved weights may rely on it.",
    Safety.NONE,
    untouched=("Targets with the Keras 2 API.",),
)

_DTYPES = frozenset(
    f"{kind}{bits}"
    for kind, sizes in (
        ("float", (16, 32, 64)),
        ("bfloat", (16,)),
        ("int", (8, 16, 32, 64)),
        ("uint", (8, 16, 32, 64)),
    )
    for bits in sizes
) | {"bool"}


class LayerWeights(Transform):
    """Brings the weights of custom layers up to date."""

    rules = (ADD_WEIGHT, WEIGHT_LIST, OTHER_LIST, WEIGHT_NAME)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._owners: list[cst.ClassDef] = []
        self._emptied = Emptied()
        self._removed: set[cst.CSTNode] = set()
        self._created: dict[cst.Call, tuple[cst.BaseExpression, cst.BaseExpression]] = {}

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._owners.append(node)
        if self._classes.kind(node) in ("layer", "model"):
            self._check_lists(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._owners.pop()
        return updated_node

    # -- lists of weights --------------------------------------------------------------------

    def _check_lists(self, node: cst.ClassDef) -> None:
        lists = self.context.shared(ListedWeights).of(node)
        for each, reason in lists.stuck():
            self.context.report(
                WEIGHT_LIST,
                each,
                f"trainable_weights cannot be assigned; not fixed: {reason}",
                advice="create each weight by self.add_weight(shape=..., initializer=...,"
                " name=...), which lists it, and remove this statement",
            )
        for statement in lists.removable():
            if self.context.report(
                WEIGHT_LIST, statement, "trainable_weights cannot be assigned", fix=True
            ):
                self._removed.add(statement)
                self._create(lists.conversions)
        for each, name, advice in lists.others():
            self.context.report(
                OTHER_LIST,
                each,
                f"{name} of a layer is not for assigning any more",
                advice=advice,
                severity=Severity.WARNING if name in ("regularizers", "constraints") else None,
            )

    def _create(
        self, conversions: dict[cst.Call, tuple[cst.BaseExpression, cst.BaseExpression]]
    ) -> None:
        for call, converted in conversions.items():
            if call not in self._created and self.context.symbol(call.func) is not None:
                self.context.imports.claim(call.func)
            self._created[call] = converted

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement:
        if len(original_node.body) == 1 and original_node.body[0] in self._removed:
            return self._emptied.mark(updated_node)
        return updated_node

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        return self._emptied.block(updated_node)

    def visit_If(self, node: cst.If) -> None:
        self._emptied.note(node)

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.BaseStatement:
        return self._emptied.branch(original_node, updated_node)

    # -- add_weight --------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node in self._created:
            shape, initializer = self._created[original_node]
            named = [arg for arg in updated_node.args if arg.keyword is not None]
            return cst.Call(
                cst.Attribute(cst.Name("self"), cst.Name("add_weight")),
                [
                    keyword("shape", shape),
                    keyword("initializer", initializer),
                    *(keyword("name", arg.value) for arg in named),
                ],
            )
        func = dotted(original_node.func)
        if func != ("self", "add_weight") or not self._owners:
            return updated_node
        owner = self._owners[-1]
        kind = self._classes.kind(owner)
        if kind is None or any(
            "add_weight" in self._classes.methods(each) for each in self._classes.relatives(owner)
        ):
            return updated_node
        base = METRIC if kind == "metric" else LAYER
        names = self._bound(base, original_node)
        if names is None:
            return updated_node
        self._check_name(original_node, names)
        return self._named(base, names, original_node, updated_node)

    def _bound(self, base: str, call: cst.Call) -> list[str] | None:
        """Return the name of each argument; None when it is not known, which is reported."""
        positional = [arg for arg in call.args if arg.keyword is None and not arg.star]
        keywords = [arg.keyword.value for arg in call.args if arg.keyword is not None]
        if any(arg.star == "*" for arg in call.args):
            return None
        if not positional:
            return keywords
        order = self._order([arg.value for arg in positional], keywords)
        names: tuple[str, ...] = ()
        if order == "name":
            signature = inventory.load("tf.keras-2").method(base, "add_weight")
            names = signature.names() if signature is not None else ()
        elif order == "shape":
            third = positional[2].value if len(positional) > 2 else None
            names = self._shape_first(base, third)
        found = [*names[: len(positional)], *keywords]
        if len(names) < len(positional) or len(set(found)) < len(found):
            self.context.report(
                ADD_WEIGHT,
                call,
                "cannot tell what the positional arguments of add_weight are",
                advice="name them: shape=, initializer=, name=",
                confidence=Confidence.UNSURE,
            )
            return None
        return found

    @staticmethod
    def _shape_first(base: str, third: cst.BaseExpression | None) -> tuple[str, ...]:
        """Return the order of Keras 1, or that of Keras 3 if the third argument is a dtype."""
        if base == LAYER and not _is_dtype(third):
            signature = inventory.load("keras-1.2.2").method(LAYER, "add_weight")
            return signature.names() if signature is not None else ()
        signature = inventory.load("keras-3").method(base, "add_weight")
        return tuple(each.name for each in signature.parameters[1:]) if signature else ()

    @staticmethod
    def _order(values: list[cst.BaseExpression], keywords: list[str]) -> str | None:
        if _is_string(values[0]) or "shape" in keywords:
            return "name"
        if _is_shape(values[0]) or "name" in keywords:
            return "shape"
        if len(values) > 1 and _is_shape(values[1]):
            return "name"
        if len(values) > 1 and _is_string(values[1]):
            return "shape"
        return None

    def _named(
        self, base: str, names: list[str], original: cst.Call, updated: cst.Call
    ) -> cst.Call:
        target = self.context.target
        signature = self.context.inventory.method(base, "add_weight")
        positional = sum(arg.keyword is None and not arg.star for arg in original.args)
        unknown = [name for name in names if signature and not signature.named(name)]
        if unknown:
            self.context.report(
                ADD_WEIGHT,
                original,
                f"add_weight of {target.name} (Keras {target.api}) has no argument {unknown[0]!r}",
                advice="remove it, or say the same in another way",
            )
            return updated
        if not positional or self._means_the_same(base, names[:positional]):
            return updated
        if not self.context.report(
            ADD_WEIGHT,
            original,
            f"by position, add_weight takes something else than {', '.join(names[:positional])}",
            fix=True,
        ):
            return updated
        args = [
            arg
            if index >= positional
            else keyword(names[index], arg.value).with_changes(
                comma=arg.comma, whitespace_after_arg=arg.whitespace_after_arg
            )
            for index, arg in enumerate(updated.args)
        ]
        return updated.with_changes(args=args)

    def _means_the_same(self, base: str, names: list[str]) -> bool:
        signature = self.context.inventory.method(base, "add_weight")
        if signature is None:
            return True
        order = signature.names()
        if base == LAYER and self.context.target.api >= 3:
            # Behind *args, the names stand in the order in which positions are read.
            order = tuple(each.name for each in signature.parameters[1:4])
        return tuple(names) == order[: len(names)]

    def _check_name(self, call: cst.Call, names: list[str]) -> None:
        if self.context.target.api < 3:
            return
        plain = [arg for arg in call.args if not arg.star]
        for name, arg in zip(names, plain, strict=True):
            if name != "name":
                continue
            texts = _Texts()
            arg.value.visit(texts)
            if any("/" in text for text in texts.found):
                self.context.report(
                    WEIGHT_NAME,
                    arg.value,
                    "the name of a weight cannot hold a slash in Keras 3",
                    advice="use another character; saved weights keep the old name",
                )


def _is_string(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString | cst.FormattedString):
        return True
    if isinstance(node, cst.BinaryOperation):
        return _is_string(node.left) or _is_string(node.right)
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Attribute) and _is_string(node.func.value)
    chain = dotted(node)
    return chain is not None and chain[-1].endswith("name")


def _is_shape(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Tuple | cst.List | cst.ListComp):
        return True
    if isinstance(node, cst.BinaryOperation):
        return _is_shape(node.left) or _is_shape(node.right)
    if isinstance(node, cst.Subscript):
        return _is_shape(node.value)
    if isinstance(node, cst.Call):
        func = dotted(node.func)
        return func in (("tuple",), ("list",)) or (func is not None and "shape" in func[-1])
    chain = dotted(node)
    return chain is not None and "shape" in chain[-1]


def _is_dtype(node: cst.BaseExpression | None) -> bool:
    if isinstance(node, cst.SimpleString):
        return node.evaluated_value in _DTYPES
    chain = dotted(node)
    return chain is not None and (chain[-1] in _DTYPES or chain[-1].endswith("dtype"))


class _Texts(cst.CSTVisitor):
    """Collects the text of string literals."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        self.found.append(str(node.evaluated_value))

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self.found.append(node.value)

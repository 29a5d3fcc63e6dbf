"""Custom layers: constructors, the method that tells the output shape, and bases that are gone."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL

from ._edits import add_options, remove_argument
from ._layer_classes import (
    Foreign,
    LayerClasses,
    Parent,
    is_keras_instance,
    is_super,
)

OUTPUT_SHAPE = Rule(
    "KM310",
    "output-shape-method",
    "Rename get_output_shape_for to compute_output_shape",
    "The Keras 1 name means nothing to a later Keras: the method is never called, and the shape is"
    " inferred by tracing call(), which fails where tracing does. On a layer of Keras itself it is"
    " an AttributeError: 'Dense' object has no attribute 'get_output_shape_for'.",
    examples=(
        Example(
            "from keras.layers import Layer\n\n\nclass Double(Layer):\n"
            "    def get_output_shape_for(self, input_shape):\n"
            "        return super().get_output_shape_for(input_shape)\n",
            "from keras.layers import Layer\n\n\nclass Double(Layer):\n"
            "    def compute_output_shape(self, input_shape):\n"
            "        return super().compute_output_shape(input_shape)\n",
        ),
        Example(
            "from keras.layers import Layer\n\n\nclass Both(Layer):\n"
            "    def compute_output_shape(self, input_shape):\n        return input_shape\n\n"
            "    def get_output_shape_for(self, input_shape):\n"
            "        return self.compute_output_shape(input_shape)\n",
            "from keras.layers import Layer\n\n\nclass Both(Layer):\n"
            "    def compute_output_shape(self, input_shape):\n        return input_shape\n\n"
            "    def get_output_shape_for(self, input_shape):\n"
            "        return self.compute_output_shape(input_shape)\n",
        ),
    ),
    untouched=(
        "A class that has both methods, as code for Keras 1 and 2 at once does.",
        "Classes that are no Keras layers: Lasagne uses the same name.",
    ),
)
INIT_OPTIONS = Rule(
    "KM311",
    "init-without-kwargs",
    "Let the constructor of a layer take the base's arguments",
    "Keras 3 saves name, trainable and dtype of every layer and hands them to the constructor when"
    " the model is loaded: \"__init__() got an unexpected keyword argument 'trainable'\". The same"
    " happens in Keras 2 as soon as get_config() starts from super().get_config().",
    examples=(
        Example(
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def __init__(self, factor):\n        super(Scale, self).__init__()\n"
            "        self.factor = factor\n",
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def __init__(self, factor, **kwargs):\n"
            "        super(Scale, self).__init__(**kwargs)\n"
            "        self.factor = factor\n",
        ),
    ),
    untouched=(
        "Constructors that already take **kwargs, or hand anything to the base themselves.",
        "Subclasses of Model, whose constructor also builds functional models.",
        "Classes with several bases, or with a constructor in another file between them and Keras.",
        "A get_config() of its own that does not start from super().get_config().",
        "For a Keras 2 target: classes without a get_config().",
    ),
)
INIT_NAME = Rule(
    "KM312",
    "positional-layer-name",
    "Pass the name to the constructor of Layer or Model by keyword",
    'Keras 3: "Layer.__init__() takes 1 positional argument but 2 were given". tf_keras:'
    ' "Expected `trainable` argument to be a boolean, but got: encoder".',
    examples=(
        Example(
            "import keras\n\n\nclass Encoder(keras.Model):\n"
            "    def __init__(self, name):\n        super().__init__(name)\n",
            "import keras\n\n\nclass Encoder(keras.Model):\n"
            "    def __init__(self, name):\n        super().__init__(name=name)\n",
        ),
    ),
    untouched=(
        "Anything but a string or a variable called name.",
        "Models for a Keras 2 target, which swallows the argument: the name, and with it the names"
        " of saved weights, would change.",
    ),
)
NO_SUPER = Rule(
    "KM313",
    "missing-super-init",
    "Report the constructor of a layer or model that does not call the base's",
    "Keras 3: \"In layer 'Scale', you forgot to call `super().__init__()` as the first statement in"
    ' the `__init__()` method. Go add it!" tf_keras raises a RuntimeError of the same meaning.',
    Safety.NONE,
    untouched=("A constructor that mentions super() or another class's __init__ anywhere.",),
)
DYNAMIC = Rule(
    "KM314",
    "dynamic-layer",
    "Drop dynamic=True, which Keras 3 does not take",
    "Keras 3: \"Unrecognized keyword arguments passed to Walk: {'dynamic': True}\". A layer that"
    " can only run eagerly needs compile(run_eagerly=True) and its own compute_output_shape().",
    Safety.REVIEW,
    examples=(
        Example(
            "import keras\n\n\nclass Walk(keras.layers.Layer):\n"
            "    def __init__(self, **kwargs):\n"
            "        super().__init__(dynamic=True, **kwargs)\n",
            "import keras\n\n\nclass Walk(keras.layers.Layer):\n"
            "    def __init__(self, **kwargs):\n"
            "        super().__init__(**kwargs)\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.",),
)
BASE_GONE = Rule(
    "KM315",
    "base-class-is-gone",
    "Report a class whose Keras base no longer exists, and what it needs instead",
    "Recurrent, _Merge and their kind were internals, and their methods (step, _merge_function,"
    " get_initial_states) are called by nobody any more.",
    Safety.NONE,
    untouched=("Classes for which the file gets a Recurrent of its own: KM349.",),
)

CELL = (
    "move step() into a cell, a Layer with state_size and call(inputs, states), and hand the cell"
    " to keras.layers.RNN"
)
_MERGE = (
    "derive from keras.layers.Layer: build() gets a list of shapes, call() a list of tensors; move"
    " _merge_function() into call()"
)
_INSTEAD = {
    "Recurrent": CELL,
    "ConvRecurrent2D": CELL,
    "ConvRNN2D": CELL,
    "_CuDNNRNN": CELL,
    "_Merge": _MERGE,
    "Merge": _MERGE,
    "_Conv": "derive from Conv1D, Conv2D or Conv3D, or from Layer with keras.ops.conv in call()",
}
_OLD_SHAPE = "get_output_shape_for"
_SHAPE = "compute_output_shape"


class CustomLayers(Transform):
    """Brings classes that derive from Keras layers up to date."""

    rules = (OUTPUT_SHAPE, INIT_OPTIONS, INIT_NAME, NO_SUPER, DYNAMIC, BASE_GONE)
    order = 18

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._scopes: list[cst.ClassDef | cst.FunctionDef] = []
        self._init_options: dict[cst.CSTNode, cst.Call] = {}
        self._options: dict[cst.ClassDef, bool] = {}

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    def _owner(self) -> cst.ClassDef | None:
        """Return the Keras class around the current node."""
        for scope in reversed(self._scopes):
            if isinstance(scope, cst.ClassDef):
                return scope if self._classes.kind(scope) in ("layer", "model") else None
        return None

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._scopes.append(node)
        self._check_bases(node)
        if self._owner() is node:
            self._check_init(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._scopes.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._scopes.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._scopes.pop()
        if original_node in self._init_options:
            return updated_node.with_changes(params=add_options(updated_node.params, "kwargs"))
        if (
            original_node.name.value == _OLD_SHAPE
            and self._scopes
            and self._scopes[-1] is self._owner()
            and not self._keeps_old_shape(self._scopes[-1])
            and self.context.report(
                OUTPUT_SHAPE,
                original_node.name,
                f"{_OLD_SHAPE}() is {_SHAPE}() since Keras 2",
                fix=True,
            )
        ):
            return updated_node.with_changes(name=cst.Name(_SHAPE))
        return updated_node

    # -- bases -------------------------------------------------------------------------------

    def _check_bases(self, node: cst.ClassDef) -> None:
        for base in node.bases:
            symbol = self.context.symbol(base.value)
            leaf = symbol.path.rpartition(".")[2] if symbol is not None else ""
            if (
                symbol is not None
                and leaf in _INSTEAD
                and base.value not in self.context.imports.claimed
                and self.context.imports.locate(symbol.path).path is None
            ):
                self.context.report(
                    BASE_GONE,
                    base.value,
                    f"{node.name.value} derives from {leaf}, which is gone",
                    advice=_INSTEAD[leaf],
                )

    # -- constructors ------------------------------------------------------------------------

    def _check_init(self, node: cst.ClassDef) -> None:
        init = self._classes.method(node, "__init__")
        if init is None:
            return
        found = _Init(init)
        if not (found.supers or found.mentions):
            self.context.report(
                NO_SUPER,
                init.params,
                f"{node.name.value}.__init__() does not call super().__init__()",
                advice="call it before anything else",
            )
        if self._wants_options(node, init) and self.context.report(
            INIT_OPTIONS,
            init.params,
            f"{node.name.value} cannot be loaded: __init__() takes no **kwargs",
            fix=True,
        ):
            self._init_options[init] = found.supers[0]
            self._init_options[found.supers[0]] = found.supers[0]

    def _wants_options(self, node: cst.ClassDef, init: cst.FunctionDef) -> bool:
        """Tell whether the constructor gets ``**kwargs``, by all that can be seen."""
        if node not in self._options:
            self._options[node] = False  # for a class that derives from itself
            self._options[node] = self._decide_options(node, init)
        return self._options[node]

    def _decide_options(self, node: cst.ClassDef, init: cst.FunctionDef) -> bool:
        found = _Init(init)
        return (
            self._classes.kind(node) == "layer"
            and init.params.star_kwarg is None
            and "kwargs" not in found.names
            and len(found.supers) == 1
            and not found.supers[0].args
            and self._config_needs_options(node)
            and self.context.runs(INIT_OPTIONS, init.params)
            and self._base_takes_options(self._classes.parents(node))
        )

    def _config_needs_options(self, node: cst.ClassDef) -> bool:
        config = self._classes.method(node, "get_config")
        if config is None:
            return self.context.target.api >= 3
        return "super" in _names(config)

    def _base_takes_options(self, parents: tuple[Parent | None, ...]) -> bool:
        if len(parents) != 1:
            return False
        parent = parents[0]
        if isinstance(parent, str):
            located = self.context.imports.locate(parent)
            signature = self.context.inventory.signature(located.path) if located.path else None
            return signature is not None and signature.accepts("trainable")
        if isinstance(parent, Foreign):
            # A constructor in another file may be about to change, or not.
            return parent.method("__init__") is None and self._base_takes_options(
                tuple(self._classes.foreign_parents(parent))
            )
        if parent is None:
            return False
        init = self._classes.method(parent, "__init__")
        if init is None:
            return self._base_takes_options(self._classes.parents(parent))
        return init.params.star_kwarg is not None or self._wants_options(parent, init)

    # -- calls -------------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        if not isinstance(func, cst.Attribute):
            return updated_node
        if func.attr.value == _OLD_SHAPE:
            return self._shape_call(original_node, updated_node, func)
        if func.attr.value != "__init__" or not is_super(func.value):
            return updated_node
        owner = self._owner()
        if owner is None:
            return updated_node
        if original_node in self._init_options:
            options = cst.Arg(cst.Name("kwargs"), star="**")
            return updated_node.with_changes(args=[options])
        updated_node = self._name_by_keyword(owner, original_node, updated_node)
        return self._without_dynamic(owner, original_node, updated_node)

    def _name_by_keyword(
        self, owner: cst.ClassDef, original: cst.Call, updated: cst.Call
    ) -> cst.Call:
        first = original.args[0] if original.args else None
        if (
            first is None
            or first.keyword is not None
            or first.star
            or not self._is_name(first.value)
            or any(arg.keyword is None and not arg.star for arg in original.args[1:])
            or any(arg.keyword is not None and arg.keyword.value == "name" for arg in original.args)
            or not self._derives_directly(owner)
            or (self.context.target.api < 3 and self._classes.kind(owner) == "model")
            or not self.context.report(
                INIT_NAME, original, "the name of a layer is a keyword argument", fix=True
            )
        ):
            return updated
        named = updated.args[0].with_changes(
            keyword=cst.Name("name"),
            equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
        )
        return updated.with_changes(args=[named, *updated.args[1:]])

    @staticmethod
    def _is_name(node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Name):
            return node.value == "name"
        return isinstance(node, cst.SimpleString | cst.FormattedString)

    def _derives_directly(self, owner: cst.ClassDef) -> bool:
        """Tell whether ``super()`` is the plain Layer or Model of Keras."""
        parents = self._classes.parents(owner)
        return (
            len(parents) == 1
            and isinstance(parents[0], str)
            and parents[0].rpartition(".")[2] in ("Layer", "Model")
        )

    def _without_dynamic(
        self, owner: cst.ClassDef, original: cst.Call, updated: cst.Call
    ) -> cst.Call:
        if self.context.target.api < 3:
            return updated
        for arg in original.args:
            if arg.keyword is None or arg.keyword.value != "dynamic":
                continue
            parents = self._classes.parents(owner)
            if not all(isinstance(parent, str) for parent in parents):
                return updated  # the parent's constructor may want it
            literal = isinstance(arg.value, cst.Name) and arg.value.value in ("True", "False")
            if self.context.report(
                DYNAMIC,
                original,
                f"{owner.name.value} is given dynamic=, which Keras 3 does not take",
                fix=literal,
                advice="" if literal else "remove the argument",
            ):
                return remove_argument(updated, "dynamic")
        return updated

    # -- output shapes -----------------------------------------------------------------------

    def _keeps_old_shape(self, node: cst.ClassDef) -> bool:
        """Tell whether a class has the old name and keeps it, because it has both."""
        methods = self._classes.methods(node)
        return _OLD_SHAPE in methods and _SHAPE in methods

    def _shape_call(self, original: cst.Call, updated: cst.Call, func: cst.Attribute) -> cst.Call:
        owner = self._owner()
        value = func.value
        known = owner is not None or self._is_layer(value)
        own = is_super(value) or (isinstance(value, cst.Name) and value.value == "self")
        if owner is not None and own:
            related = self._classes.relatives(owner)
            if is_super(value):
                related = self._classes.ancestors(owner)[1:]
            if any(self._keeps_old_shape(each) for each in related):
                return updated
        if not known and any(
            _OLD_SHAPE in self._classes.methods(each) for each in self._classes.nodes
        ):
            return updated
        if not self.context.report(
            OUTPUT_SHAPE,
            func.attr,
            f"{_OLD_SHAPE}() is {_SHAPE}() since Keras 2",
            fix=known,
            advice="" if known else "rename it if this is a Keras layer",
            severity=None if known else Severity.WARNING,
            confidence=Confidence.CERTAIN if known else Confidence.UNSURE,
        ):
            return updated
        assert isinstance(updated.func, cst.Attribute)
        return updated.with_changes(func=updated.func.with_changes(attr=cst.Name(_SHAPE)))

    def _is_layer(self, node: cst.BaseExpression) -> bool:
        return is_keras_instance(self.context.values.instance(node), LAYER, MODEL, SEQUENTIAL)


class _Init(cst.CSTVisitor):
    """What a constructor does about its base.

    Attributes:
        supers: Calls of ``super().__init__``.
        mentions: It mentions ``super`` or an ``__init__`` in some way.
        names: Every name in it.
    """

    def __init__(self, init: cst.FunctionDef) -> None:
        super().__init__()
        self.supers: list[cst.Call] = []
        self.mentions = False
        self.names: set[str] = set()
        init.params.visit(self)
        init.body.visit(self)

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)
        self.mentions = self.mentions or node.value == "super"

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.mentions = self.mentions or node.attr.value == "__init__"

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if (
            isinstance(func, cst.Attribute)
            and func.attr.value == "__init__"
            and is_super(func.value)
        ):
            self.supers.append(node)


def _names(function: cst.FunctionDef) -> set[str]:
    return _Init(function).names

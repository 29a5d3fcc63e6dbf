"""When a Keras layer does what a use of ``tf.layers`` did, and what to say when it does not."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from . import _tensorflow1 as tf1
from ._layer_classes import LayerClasses
from .tf_layers_table import Entry

_SHARE = (
    "make the layer once, layer = keras.layers.{cls}(...), and call it wherever the weights are"
    " shared: layer(a), layer(b)"
)


class RefusedLayerError(Exception):
    """A use of ``tf.layers`` stays as it is; says why, and what to write.

    Attributes:
        wrong: Whether it is wrong wherever the function comes from.
    """

    def __init__(self, reason: str, advice: str, *, wrong: bool = False) -> None:
        super().__init__(reason)
        self.advice = advice
        self.wrong = wrong


class Checks:
    """Follows a walk, and says whether a call of ``tf.layers`` may change.

    Attributes:
        applied: Calls of a layer that is made in the same expression, by the call that makes it.
        classes: The classes around the walk, inner ones last.
        functions: The functions around it.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.applied: dict[cst.CSTNode, cst.Call] = {}
        self.classes: list[cst.ClassDef] = []
        self.functions: list[cst.FunctionDef | cst.Lambda] = []

    @cached_property
    def habits(self) -> frozenset[str]:
        """What the program does with TensorFlow 1; see `tf1.habits`."""
        return tf1.habits(self.context)

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The node around each node."""
        return tf1.parents(self.context.module)

    @cached_property
    def _layer_classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    @property
    def _in_graph(self) -> bool:
        return tf1.GRAPH in self.habits

    def check(self, call: cst.Call, known: Entry) -> None:
        """Check that a Keras layer does what the call did.

        Raises:
            RefusedLayerError: It does not.
            UnbindableError: The arguments are not in sight.
        """
        args = Arguments(call, call, known.signature)
        if args.starred:
            raise UnbindableError("starred arguments hide what it is given")
        if known.is_function and args.get("inputs") is None:
            raise UnbindableError("its inputs are not in sight")
        share = _SHARE.format(cls=known.cls)
        reuse = args.get("reuse") or args.get("_reuse")
        if reuse is not None and literals.plain(reuse.value) not in (None, False):
            raise RefusedLayerError(
                "reuse= may find weights that exist already by their names", share
            )
        name = args.get("name")
        text = literals.string(name.value) if name is not None else None
        if text is not None and "/" in text:
            raise RefusedLayerError(
                "its name opens a scope, and the name of a Keras layer takes no slash",
                "give it a name without a slash",
            )
        if known.has_weights:
            self._check_weights(args, known, share)
        if known.asks_training:
            self._check_training(call, args, known)

    def _check_weights(self, args: Arguments, known: Entry, share: str) -> None:
        if tf1.REUSE in self.habits:
            raise RefusedLayerError(
                "the scopes of this program share weights by name (reuse)", share
            )
        if tf1.SCOPE in self.habits:
            raise RefusedLayerError(
                "a scope of this program sets initializers, regularizers or getters for the"
                " variables in it, which Keras layers do not ask",
                f"give them to keras.layers.{known.cls} itself",
            )
        if tf1.BY_NAME in self.habits:
            raise RefusedLayerError(
                "this program looks up variables by the names of their scopes, and those of Keras"
                " layers are other ones when a scope is entered twice",
                "keep the layers in a keras.Model, and take model.trainable_variables instead of"
                " tf.get_collection(..., scope)",
            )
        if self._in_graph and _value(args, "trainable") is not True:
            raise RefusedLayerError(
                "trainable= keeps weights out of tf.trainable_variables() for tf.layers alone: a"
                " raw optimizer would train those of a Keras layer",
                "hand the optimizer the variables to train: minimize(loss, var_list=...)",
            )
        if tf1.LOSSES in self.habits and any(
            (item.name or "").endswith("_regularizer") and literals.plain(item.value) is not None
            for item in args.live
        ):
            raise RefusedLayerError(
                "the losses of Keras regularizers are in no collection of the graph, which this"
                " program asks",
                "add sum(layer.losses), or sum(model.losses), to the loss",
            )
        if self._in_layer_call():
            raise RefusedLayerError(
                "a layer that is made in call() has new weights at every call, which the layer"
                " around it does not know",
                f"make self.layer = keras.layers.{known.cls}(...) in __init__, and call it here",
                wrong=True,
            )

    def _in_layer_call(self) -> bool:
        if not self.functions:
            return False
        if any(isinstance(each, cst.Lambda) for each in self.functions):
            return True
        return (
            bool(self.classes)
            and self._layer_classes.kind(self.classes[-1]) in ("layer", "model")
            and any(
                isinstance(each, cst.FunctionDef) and each.name.value == "call"
                for each in self.functions
            )
        )

    def _check_training(self, call: cst.Call, args: Arguments, known: Entry) -> None:
        asked = self._training(call, args, known)
        off = all(literals.plain(each) is False for each in asked)
        if self._in_graph and not off and known.cls == "BatchNormalization":
            raise RefusedLayerError(
                "in a graph the updates of a Keras layer are in no collection: its moving averages"
                " would stay 0 and 1",
                "train in eager code: model.fit, or tf.GradientTape with model(x, training=True)",
            )
        if self.context.target.api < 3:
            return
        if self._in_graph and not off:
            raise RefusedLayerError(
                "in a graph Dropout of Keras 3 drops the same elements at every run, and takes no"
                " placeholder for training",
                "train in eager code: model.fit, or tf.GradientTape with model(x, training=True)",
            )
        seed = args.get("seed")
        if seed is not None and literals.plain(seed.value) is not None:
            raise RefusedLayerError(
                "in Keras 3 a layer with a seed that is made again drops the same elements again",
                "make the layer once, and call it with training=",
            )

    def _training(
        self, call: cst.Call, args: Arguments, known: Entry
    ) -> list[cst.BaseExpression | None]:
        """Return what is passed as ``training`` wherever the layer of a call is called.

        Raises:
            RefusedLayerError: That is not in sight.
        """
        if known.is_function:
            item = args.get("training")
            return [item.value if item is not None else cst.Name("False")]
        outer = self.applied.get(call)
        if outer is not None:
            if any(arg.star for arg in outer.args) or len(outer.args) > 2:
                raise UnbindableError("the arguments of its call are not in sight")
            given = _second(outer)
            return [given if given is not None else cst.Name("False")]
        sites = self._sites(call)
        values = [
            next((a.value for a in site.args if a.keyword and a.keyword.value == "training"), None)
            for site in sites
        ]
        if not sites or None in values:
            raise RefusedLayerError(
                "tf.layers takes training=False where its call says nothing, Keras asks the model,"
                " and the calls of this layer do not all name it",
                "name training= in every call of the layer, then run kerasmigrate again",
            )
        return values

    def _sites(self, call: cst.Call) -> list[cst.Call]:
        """Return the calls of the layer that a call makes and a name keeps."""
        parent = self.parents.get(call)
        if not isinstance(parent, cst.Assign) or len(parent.targets) != 1:
            return []
        kept = dotted(parent.targets[0].target)
        if kept is None or (len(kept) > 1 and kept[0] != "self"):
            return []
        return [
            node
            for node in walk(self.context.module)
            if isinstance(node, cst.Call) and dotted(node.func) == kept
        ]

    def regularizers(self, call: cst.Call, known: Entry) -> list[str]:
        """Return the regularizers that a call gives to its layer."""
        args = Arguments(call, call, known.signature)
        return [
            item.name
            for item in args.live
            if item.name is not None
            and item.name.endswith("_regularizer")
            and literals.plain(item.value) is not None
        ]


def _value(args: Arguments, name: str) -> object:
    item: Argument | None = args.get(name)
    return True if item is None else literals.plain(item.value)


def _second(call: cst.Call) -> cst.BaseExpression | None:
    """Return the argument ``training`` of the call of a layer."""
    for arg in call.args[1:]:
        if arg.keyword is None or arg.keyword.value == "training":
            return arg.value
    return None

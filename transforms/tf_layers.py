"""``tf.layers`` of TensorFlow 1: to the Keras layers that stand behind it."""

from __future__ import annotations

import re
from collections.abc import Callable

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.findings import Confidence
from kerasmigrate.inventory import Signature
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

from . import _tensorflow1 as tf1
from . import tf_layers_table as table
from ._edits import keyword
from .backend_forms import alone
from .tf_layers_checks import Checks, RefusedLayerError
from .tf_layers_definitions import definition, drop_neutral, is_odd
from .tf_layers_rules import (
    CONTRIB,
    CONTRIB_GONE,
    CONVERTED,
    DEFINED,
    KEPT,
    NOT_CONVERTED,
)
from .tf_layers_table import Entry

_Maker = Callable[[cst.Call], cst.BaseExpression]
_CONTRIB = re.compile(r"contrib\.layers\.(?:python\.layers\.(?:\w+\.)?)?(\w+)")
_INITIALIZERS = frozenset(("xavier_initializer", "xavier_initializer_conv2d"))
_REGULARIZERS = {"l1_regularizer": "L1", "l2_regularizer": "L2"}
#: Arguments that mean nothing to Keras where they have these values.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "reuse": (None, False),
    "_reuse": (None, False),
    "_scope": (None,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "fused": (None, True),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "kernel_initializer": (None,),
    "depthwise_initializer": (None,),
    "pointwise_initializer": (None,),
}
_KEEP = "; or keep tf.compat.v1.layers, with TF_USE_LEGACY_KERAS=1 in the environment"


class TensorFlowLayers(Transform):
    """Converts ``tf.layers``, and what of ``tf.contrib.layers`` stands in calls of layers."""

    rules = (CONVERTED, NOT_CONVERTED, KEPT, DEFINED, CONTRIB, CONTRIB_GONE)
    order = 12

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._makers: dict[cst.CSTNode, _Maker] = {}
        self._checks = Checks(context)
        #: Calls whose arguments Keras will get.
        self._hosts: set[cst.CSTNode] = set()
        self._called: set[cst.CSTNode] = set()

    # -- what is known -----------------------------------------------------------------------

    def _name(self, node: cst.CSTNode) -> str | None:
        return tf1.tensorflow_name(self.context.names, node)

    # -- the walk ----------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._checks.classes.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._checks.classes.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._checks.functions.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._checks.functions.pop()
        return updated_node

    def visit_Lambda(self, node: cst.Lambda) -> None:
        self._checks.functions.append(node)

    def leave_Lambda(self, original_node: cst.Lambda, updated_node: cst.Lambda) -> cst.Lambda:
        self._checks.functions.pop()
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Call):
            self._checks.applied[node.func] = node
        symbol = self.context.symbol(node.func)
        if symbol is not None and symbol.certain:
            self._hosts.add(node)
            return
        name = self._name(node.func)
        known = table.entry(name)
        if known is not None:
            self._called.add(node.func)
            self._plan(node, known)
            return
        match = _CONTRIB.fullmatch(name or "")
        if match is not None and match.group(1) in table.contrib():
            self._contrib(node, match.group(1))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        make = self._makers.get(original_node)
        return make(updated_node) if make is not None else updated_node

    def visit_Name(self, node: cst.Name) -> None:
        self._mention(node)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._mention(node)

    def _mention(self, node: cst.Name | cst.Attribute) -> None:
        """Report a function or class that is not called."""
        name = self._name(node) if node not in self._called else None
        leaf = table.member(name)
        if leaf is None or self._stays(node):
            return
        known = table.entry(name)
        made = f"keras.layers.{known.cls if known else leaf}"
        advice = f"write {made}, or a function that makes and calls it"
        if leaf == "Layer":
            advice = (
                "derive from keras.layers.Layer: weights by self.add_weight(shape=, initializer=,"
                " name=) in build(self, input_shape)"
            )
        self._refuse(node, f"tf.layers.{leaf} is used without being called", advice)

    # -- findings ----------------------------------------------------------------------------

    def _stays(self, node: cst.CSTNode) -> bool:
        """Tell whether a use is right for the target as it is."""
        return (
            self.context.target.api < 3
            and tf1.through_v1(self.context.names, node)
            and "TF_USE_LEGACY_KERAS" in self.context.code
        )

    def _refuse(self, node: cst.CSTNode, reason: str, advice: str) -> None:
        if self.context.target.api < 3:
            advice += _KEEP
        self.context.report(NOT_CONVERTED, node, reason, advice=advice)

    def _plan(self, call: cst.Call, known: Entry) -> None:
        if self._stays(call.func):
            return
        try:
            self._checks.check(call, known)
            make = self._function if known.is_function else self._class
            make(call, call, known, known.path)
        except RefusedLayerError as refused:
            if not refused.wrong and (
                self._keep(call, known, str(refused)) or self._define(call, known, str(refused))
            ):
                return
            self._refuse(call.func, f"tf.layers.{known.name}: {refused}", refused.advice)
            return
        except UnbindableError as reason:
            if self._keep(call, known, str(reason)):
                return
            advice = f"write keras.layers.{known.cls} by hand"
            self._refuse(call.func, f"tf.layers.{known.name} is not converted: {reason}", advice)
            return
        called = "keras.layers." + known.cls + ("(...)(inputs)" if known.is_function else "")
        likely = Confidence.LIKELY if self._checks.regularizers(call, known) else Confidence.CERTAIN
        if not self.context.report(
            CONVERTED,
            call,
            f"tf.layers.{known.name} is now {called}",
            fix=True,
            advice=self._note(call, known),
            confidence=likely,
        ):
            return
        symbol = tf1.place(self.context.names, call.func)
        scope = self.context.names.references[call.func].scope
        spelt = self.context.imports.spell(known.path, symbol, scope)
        tf1.release(self.context, call.func)
        self._hosts.add(call)
        self._makers[call] = lambda updated: make(call, updated, known, spelt)
        outer = self._checks.applied.get(call)
        if not known.is_function and known.asks_training and outer is not None:
            self._makers[outer] = lambda updated: self._asked(outer, updated)

    def _keep(self, call: cst.Call, known: Entry, why: str) -> bool:
        """Take a function or class from where tf_keras keeps it, if the target does."""
        target = self.context.inventory.signature(known.kept)
        if target is None or not _fits(call, known, target):
            return False
        module, _, leaf = known.kept.rpartition(".")
        if not self.context.report(
            KEPT,
            call,
            f"tf.layers.{known.name} is taken from {self.context.target.spell(module)}: {why}",
            fix=True,
            advice="it is a private place: pin the version of tf_keras",
            confidence=Confidence.LIKELY,
        ):
            return False
        near = tf1.place(self.context.names, call.func)
        func = cst.parse_expression(f"{self.context.imports.bring(module, near)}.{leaf}")
        tf1.release(self.context, call.func)
        self._makers[call] = lambda updated: updated.with_changes(
            func=func.with_changes(lpar=updated.func.lpar, rpar=updated.func.rpar)
        )
        return True

    def _define(self, call: cst.Call, known: Entry, why: str) -> bool:
        """Define a function that does the same with TensorFlow alone, if it is one of those."""
        found = definition(known.name)
        near = tf1.place(self.context.names, call.func)
        if found is None or not known.is_function or not self.context.definitions.fits(near):
            return False
        defined, signature = found
        try:
            self._redefined(call, call, known, signature, "tf")
        except UnbindableError:
            return False
        if not self.context.report(
            DEFINED,
            call,
            f"the file defines what tf.layers.{known.name} did: {why}",
            fix=True,
            confidence=Confidence.LIKELY,
        ):
            return False
        local = self.context.definitions.need(defined, near)
        assert local is not None
        tf1.release(self.context, call.func)
        self._makers[call] = lambda updated: self._redefined(call, updated, known, signature, local)
        return True

    def _redefined(
        self, call: cst.Call, updated: cst.Call, known: Entry, signature: Signature, local: str
    ) -> cst.Call:
        """Return the call of a definition.

        Raises:
            UnbindableError: The arguments do not fit it.
        """
        args = Arguments(call, updated, known.signature)
        drop_neutral(args)
        if is_odd(args):
            raise UnbindableError("TensorFlow does not know what Keras calls by that name")
        left = args.fit(signature)
        if left:
            raise UnbindableError(f"the definition has no argument {left[0]}=")
        made = args.render()
        func = cst.Name(local, lpar=updated.func.lpar, rpar=updated.func.rpar)
        return made.with_changes(func=func)

    def _note(self, call: cst.Call, known: Entry) -> str:
        if self._checks.regularizers(call, known):
            return "the loss of a regularizer is in layer.losses, and in model.losses of a model"
        return ""

    # -- new calls -----------------------------------------------------------------------------

    def _function(
        self, call: cst.Call, updated: cst.Call, known: Entry, spelt: str
    ) -> cst.BaseExpression:
        """Return the layer of a function, called.

        Raises:
            UnbindableError: The arguments do not fit the layer.
        """
        args = Arguments(call, updated, known.signature)
        inputs, training = args.get("inputs"), args.get("training")
        assert inputs is not None
        args.drop(inputs)
        passed = [cst.Arg(alone(inputs.value))]
        if known.asks_training:
            value = training.value if training is not None else cst.Name("False")
            passed.append(keyword("training", value))
        if training is not None:
            args.drop(training)
        made = self._fitted(args, known)
        func = made.with_changes(func=cst.parse_expression(spelt), lpar=(), rpar=())
        return cst.Call(func, passed, lpar=updated.lpar, rpar=updated.rpar)

    def _class(
        self, call: cst.Call, updated: cst.Call, known: Entry, spelt: str
    ) -> cst.BaseExpression:
        """Return a layer.

        Raises:
            UnbindableError: The arguments do not fit the layer.
        """
        made = self._fitted(Arguments(call, updated, known.signature), known)
        return made.with_changes(func=cst.parse_expression(spelt))

    def _fitted(self, args: Arguments, known: Entry) -> cst.Call:
        for item in args.live:
            if item.name in _NEUTRAL and literals.plain(item.value) in _NEUTRAL[item.name]:
                args.drop(item)
        momentum, renorm = args.get("renorm_momentum"), args.get("renorm")
        if renorm is not None:
            raise UnbindableError("nobody has compared what renorm= does there")
        if momentum is not None:
            args.drop(momentum)
        if known.cls == "Dropout" and args.get("rate") is None:
            args.insert("rate", cst.Float("0.5"))
        target = self.context.inventory.signature(known.path)
        if target is None:
            raise UnbindableError(f"{self.context.target.name} has no {known.path}")
        left = args.fit(target)
        if left:
            raise UnbindableError(f"{known.path} has no argument {left[0]}=")
        return args.render()

    def _asked(self, call: cst.Call, updated: cst.Call) -> cst.BaseExpression:
        """Name ``training`` in the call of a layer that is made in the same expression."""
        if len(call.args) < 2:
            first = updated.args[0]
            return updated.with_changes(
                args=[
                    first.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))),
                    keyword("training", cst.Name("False")),
                ]
            )
        first, second = updated.args
        if second.keyword is not None:
            return updated
        named = keyword("training", second.value)
        return updated.with_changes(
            args=[
                first,
                second.with_changes(keyword=named.keyword, equal=named.equal),
            ]
        )

    # -- tf.contrib ------------------------------------------------------------------------------

    def _contrib(self, call: cst.Call, leaf: str) -> None:
        host = self._host(call)
        make = self._contrib_maker(call, leaf) if host else None
        if make is not None:
            kind = "regularizers" if leaf in _REGULARIZERS else "initializers"
            cls = _REGULARIZERS.get(leaf, "GlorotUniform")
            path = f"keras.{kind}.{cls}"
            if self.context.report(
                CONTRIB, call, f"tf.contrib.layers.{leaf} is now {path}", fix=True
            ):
                symbol = tf1.place(self.context.names, call.func)
                scope = self.context.names.references[call.func].scope
                spelt = self.context.imports.spell(path, symbol, scope)
                tf1.release(self.context, call.func)
                self._makers[call] = lambda updated: make(updated, spelt)
            return
        is_argument = leaf.endswith(("_initializer", "_regularizer", "_conv2d"))
        if leaf in _INITIALIZERS or (is_argument and not leaf.startswith("separable")):
            if not host and not self._reaches_layer(call):
                return
        elif leaf == "one_hot_encoding" and not any(True for _ in self.context.names.symbols()):
            return
        self.context.report(
            CONTRIB_GONE,
            call.func,
            f"tf.contrib.layers.{leaf} went with TensorFlow 1",
            advice=f"write {table.contrib()[leaf]}",
        )

    def _host(self, node: cst.CSTNode) -> bool:
        """Tell whether an expression is an argument of a Keras call."""
        parent = self._checks.parents.get(node)
        return isinstance(parent, cst.Arg) and self._checks.parents.get(parent) in self._hosts

    def _contrib_maker(
        self, call: cst.Call, leaf: str
    ) -> Callable[[cst.Call, str], cst.BaseExpression] | None:
        if leaf in _INITIALIZERS:
            if call.args:
                return None
            return lambda updated, spelt: updated.with_changes(func=cst.parse_expression(spelt))
        if leaf not in _REGULARIZERS or len(call.args) != 1 or call.args[0].star:
            return None
        word = call.args[0].keyword
        if word is not None and word.value != "scale":
            return None

        def regularizer(updated: cst.Call, spelt: str) -> cst.BaseExpression:
            arg = updated.args[0]
            value = arg.value
            if leaf == "l2_regularizer":
                value = cst.BinaryOperation(cst.Float("0.5"), cst.Multiply(), _factor(value))
            arg = arg.with_changes(value=value, keyword=None, equal=cst.MaybeSentinel.DEFAULT)
            return updated.with_changes(func=cst.parse_expression(spelt), args=[arg])

        return regularizer

    def _reaches_layer(self, call: cst.Call) -> bool:
        """Tell whether an expression is kept in a name that a layer is given."""
        parent = self._checks.parents.get(call)
        if not isinstance(parent, cst.Assign):
            return False
        kept = {dotted(each.target) for each in parent.targets} - {None}
        return any(
            isinstance(node, cst.Call)
            and any(dotted(arg.value) in kept for arg in node.args)
            and (self.context.symbol(node.func) or table.entry(self._name(node.func)))
            for node in walk(self.context.module)
        )


def _fits(call: cst.Call, known: Entry, target: Signature) -> bool:
    """Tell whether a function takes a call, as far as that shows."""
    args = Arguments(call, call, known.signature)
    if known.is_function and args.get("inputs") is None and not args.starred:
        return False
    try:
        return not args.fit(target)
    except UnbindableError:
        return args.starred


def _factor(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression as the right side of a product."""
    plain = cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.Integer | cst.Float
    if isinstance(node, plain) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

"""Layers that Keras 3 runs in another phase than the code says."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.definitions import Definition
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import Reader

from ._edits import remove_argument
from ._layer_classes import LayerClasses
from ._versions import versions_of

_ACTIVE = (
    '@register_keras_serializable(package="keras2")\n'
    "class ActiveDropout(Dropout):\n"
    '    """A Dropout that is active whatever the phase of the model."""\n\n'
    "    def call(self, inputs, training=None):\n"
    "        return super().call(inputs, training=True)\n"
)
PHASE = Rule(
    "KM622",
    "fixed-training-phase",
    "Fix the phase of a layer by a subclass, where Keras 3 overrides training=True or False",
    "In a functional model Keras 3 replaces the training= that a layer was called with by the phase"
    " of the whole model. Measured with Keras 3.15: Dropout(0.5)(x, training=True), as Monte Carlo"
    " dropout needs it, zeroes no activation in predict() (tf_keras: half of them);"
    " BatchNormalization()(x, training=False), or a whole base model called like that, moves its"
    " mean from 0 to 0.05 in one step of fit() (tf_keras: it stays at 0). Inside call() of a custom"
    " layer or model both mean what they say, in Keras 2 and 3 alike; that is what a subclass makes"
    " use of.",
    Safety.REVIEW,
    Severity.WARNING,
    examples=(
        Example(
            "from keras.layers import Dropout, Input\n\n"
            "x = Input((3,))\nx = Dropout(0.5)(x, training=True)\n",
            "from keras.layers import Dropout, Input\n"
            "from keras.saving import register_keras_serializable\n\n\n"
            + _ACTIVE
            + "\n\nx = Input((3,))\nx = ActiveDropout(0.5)(x)\n",
        ),
        Example(
            "from keras.applications import VGG16\nfrom keras.layers import Input\n\n"
            "base = VGG16()\nbase.trainable = False\nx = base(Input((9, 9, 3)), training=False)\n",
            "from keras.applications import VGG16\nfrom keras.layers import Input\n\n"
            "base = VGG16()\nbase.trainable = False\nx = base(Input((9, 9, 3)), training=False)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "The call() and the other methods of custom layers and models, and calls with real data.",
        "Layers for which the phase changes nothing.",
        "training=False of something that is set trainable = False, and never True: its batch"
        " normalisation stays in inference mode in Keras 3 too.",
        "Files that speak Keras 3 already.",
        "Layers and models with a name of their own; they are reported.",
    ),
    references=("https://keras.io/guides/transfer_learning/",),
)

#: Layers that do something else in training, and nothing but that with the phase.
_SIMPLE = frozenset(
    f"keras.layers.{name}"
    for name in (
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
    )
)
_NORM = "keras.layers.BatchNormalization"
_SOURCE = """\
@$register(package="keras2")
class $name($base):
    \"""{0}\"""

    def call(self, inputs, training=None{2}):
        return super().call(inputs, training={1}{3})
"""


class SilentLayers(Transform):
    """Keeps layers in the phase that they were called with."""

    rules = (PHASE,)
    order = 44

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._scopes: list[cst.ClassDef | cst.FunctionDef] = []
        self._fixed: dict[cst.CSTNode, str] = {}

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    @cached_property
    def _concerns(self) -> bool:
        return (
            self.context.target.api >= 3
            and "training" in self.context.code
            and not eras.is_keras_3(self.context.names)
        )

    @cached_property
    def _frozen(self) -> set[tuple[str, ...]]:
        """Return the chains that are set ``trainable = False`` and nothing else."""
        found = _Trainable()
        found.visit(self.context.module)
        return {chain for chain, states in found.states.items() if states == {False}}

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._scopes.append(node)

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
        return updated_node

    # -- what is called ----------------------------------------------------------------------

    def visit_Call(self, node: cst.Call) -> None:
        state = self._state(node)
        if state is None or not self._concerns or self._is_inside():
            return
        kind = self._kind(node.func)
        if kind is None or not node.args or node.args[0].keyword is not None:
            return
        made_here = isinstance(node.func, cst.Call)
        if not made_here and not self._is_symbolic(node.args[0].value):
            return
        if state is False and dotted(node.func) in self._frozen:
            return
        self._check(node, kind, state, made_here)

    @staticmethod
    def _state(node: cst.Call) -> bool | None:
        for arg in node.args:
            if arg.keyword is not None and arg.keyword.value == "training":
                value = literals.plain(arg.value)
                if isinstance(value, bool | int) and value in (0, 1):
                    return bool(value)
        return None

    def _is_inside(self) -> bool:
        """Tell whether this is code of a custom layer or model, or of a training loop."""
        owners = [each for each in self._scopes if isinstance(each, cst.ClassDef)]
        if any(self._classes.kind(each) in ("layer", "model") for each in owners):
            return True
        methods = [each for each in self._scopes if isinstance(each, cst.FunctionDef)]
        return any(
            each.name.value in ("call", "train_step", "test_step") or each.decorators
            for each in methods
        )

    def _kind(self, func: cst.BaseExpression) -> str | None:
        """Return the Keras class of what is called, if the phase changes what it does."""
        kind = self.context.values.instance(func)
        if kind is None:
            return None
        if is_a(kind, MODEL) or is_a(kind, SEQUENTIAL):
            return MODEL
        if not is_a(kind, LAYER) or kind == LAYER:
            return None
        return kind if self._classes.keras_takes_training(kind) else None

    def _is_symbolic(self, node: cst.BaseExpression, depth: int = 12) -> bool:
        """Tell whether a value is a tensor of a functional model."""
        if depth == 0:
            return False
        if isinstance(node, cst.Call):
            symbol = self.context.symbol(node.func)
            if symbol is not None:
                return symbol.path.rpartition(".")[2] == "Input"
            kind = self.context.values.instance(node.func)
            called = kind is not None and (is_a(kind, LAYER) or is_a(kind, MODEL))
            return called and bool(node.args) and self._is_symbolic(node.args[0].value, depth - 1)
        if isinstance(node, cst.Attribute):
            return node.attr.value in ("input", "output") and self.context.values.is_model(
                node.value
            )
        if isinstance(node, cst.Name):
            return any(
                each.value is not None and self._is_symbolic(each.value, depth - 1)
                for each in self.context.names.bindings(node)
            )
        return False

    # -- what becomes of it ------------------------------------------------------------------

    def _check(self, node: cst.Call, kind: str, state: bool, made_here: bool) -> None:
        context = self.context
        where = "predict() and evaluate()" if state else "fit()"
        name = context.module.code_for_node(node.func)
        if len(name) > 40 or "\n" in name:
            name = kind.rpartition(".")[2]
        message = f"{name} is called with training={state}, which Keras 3 overrides in {where}"
        definition = self._definition(node, kind, state) if made_here else None
        if definition is not None and context.runs(PHASE, node):
            assert isinstance(node.func, cst.Call)
            symbol = context.symbol(node.func.func)
            local = context.definitions.need(definition, near=symbol) if symbol else None
            if local is not None and context.report(PHASE, node, message, fix=True):
                context.imports.claim(node.func.func)
                self._fixed[node] = local
                return
        context.report(
            PHASE,
            node,
            message,
            advice=self._advice(kind, state),
            severity=None if versions_of(context) else Severity.INFO,
            confidence=Confidence.LIKELY,
        )

    @staticmethod
    def _advice(kind: str, state: bool) -> str:
        if kind == MODEL and not state:
            return (
                "set trainable = False on it, and leave its BatchNormalization layers frozen when"
                " the others are thawed: for layer in base.layers: if isinstance(layer,"
                " keras.layers.BatchNormalization): layer.trainable = False"
            )
        if kind == MODEL:
            return (
                "call it inside call() of a keras.layers.Layer of your own; there training=True is"
                " heeded"
            )
        leaf = kind.rpartition(".")[2]
        return (
            f"derive from {leaf}: def call(self, inputs, training=None): return"
            f" super().call(inputs, training={state})"
        )

    def _definition(self, node: cst.Call, kind: str, state: bool) -> Definition | None:
        """Return the subclass that stands for a layer made and called in one expression."""
        func = node.func
        assert isinstance(func, cst.Call)
        symbol = self.context.symbol(func.func)
        if symbol is None or not symbol.certain or len(node.args) != 2:
            return None
        located = self.context.imports.locate(symbol.path)
        if located.path is None or located.tail or located.path not in {*_SIMPLE, _NORM}:
            return None
        leaf = located.path.rpartition(".")[2]
        word = "Active" if state else "Inactive"
        text = (
            f"A {leaf} that is {'active' if state else 'inactive'} whatever the phase of the model."
        )
        extra = ("", "")
        if located.path == _NORM:
            word = "Training" if state else "Inference"
            text = f"A {leaf} in {word.lower()} mode whatever the phase of the model."
            extra = (", mask=None", ", mask=mask")
        return Definition(
            f"{word}{leaf}",
            _SOURCE.format(text, state, *extra),
            {"register": "keras.saving.register_keras_serializable", "base": located.path},
        )

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        local = self._fixed.get(original_node)
        if local is None or not isinstance(updated_node.func, cst.Call):
            return updated_node
        inner = updated_node.func.with_changes(func=cst.Name(local))
        return remove_argument(updated_node, "training").with_changes(func=inner)


class _Trainable(Reader):
    """Collects what is assigned to ``trainable``, by the chain in front of it."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[tuple[str, ...], set[object]] = {}

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            chain = dotted(target.target)
            if chain is not None and chain[-1] == "trainable":
                state = literals.plain(node.value)
                self.states.setdefault(chain[:-1], set()).add(state)

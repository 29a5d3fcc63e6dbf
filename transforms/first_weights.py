"""weights=, which gave a layer its first weights."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import eras
from kerasmigrate.callees import callee, is_super_init
from kerasmigrate.calls import Arguments
from kerasmigrate.definitions import Definition
from kerasmigrate.eras import Era
from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, is_a
from kerasmigrate.walking import walk

#: What base_layer.py of Keras 2.3 does behind build().
WITH_WEIGHTS = Definition(
    "with_weights",
    '''
def $name(layer, weights):
    """Give a layer its first weights when it is built, as weights= of Keras 2 did."""
    import functools

    build = layer.build

    @functools.wraps(build)
    def build_with_weights(*args, **kwargs):
        build(*args, **kwargs)
        layer.set_weights(weights)

    layer.build = build_with_weights
    return layer
''',
)
_TEXT = WITH_WEIGHTS.source.strip().replace("$name", WITH_WEIGHTS.name)
WEIGHTS = Rule(
    "KM243",
    "first-weights",
    "Give a layer the weights of weights= when it is built",
    "Keras 3: \"Unrecognized keyword arguments passed to Dense: {'weights': ...}\". A function of a"
    " few lines sets them at the same moment as Keras 2 did, right after the layer was built."
    " Arrays of Keras 1 in other shapes are refused, as they would have been by Keras 2.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.layers import Dense\n\n"
            "layer = Dense(50, weights=[kernel, bias], trainable=False)\n",
            f"from keras.layers import Dense\n\n\n{_TEXT}\n\n\n"
            "layer = with_weights(Dense(50, trainable=False), [kernel, bias])\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, and Embedding, which Keras 3 gave a weights= of its own.",
        "Layers inside of Bidirectional, which halved the weights, and of TimeDistributed, which"
        " ignored them since Keras 2; they get KM203.",
        "Classes that derive from a layer; they get KM203.",
    ),
)
_NAME = "weights"
_WRAPPER = "keras.layers.Wrapper"
#: Layers whose weights Keras 1 kept in other shapes or numbers, beside convolutions.
_OTHER_SHAPES = ("keras.layers.RNN",)
_SHAPES = (
    "Keras 1 had one array for each gate, and kernels of (filters, channels, rows, columns) with"
    " dim_ordering='th': arrays in such shapes have to be converted"
)


class InitialWeights:
    """The arguments ``weights=`` of one file that `FirstWeights` takes care of."""

    def __init__(self, context: Context) -> None:
        self.values: set[cst.CSTNode] = set()


class FirstWeights(Transform):
    """Wraps layers that are given their weights."""

    rules = (WEIGHTS,)
    # After all that edits the other arguments.
    order = 58

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._names: dict[cst.CSTNode, str] = {}
        self._handled = context.shared(InitialWeights).values

    @cached_property
    def _inner(self) -> frozenset[cst.CSTNode]:
        """Calls in the arguments of a wrapper."""
        found: set[cst.CSTNode] = set()
        for node in walk(self.context.module):
            if isinstance(node, cst.Call):
                outer = callee(self.context.names, node)
                path = self.context.imports.locate(outer.path).path if outer is not None else None
                if path is not None and is_a(path, _WRAPPER):
                    found.update(each for arg in node.args for each in walk(arg.value))
        return frozenset(found)

    @cached_property
    def _is_keras_1(self) -> bool:
        return eras.era(self.context.names) in (Era.KERAS_1, Era.MIXED)

    def visit_Call(self, node: cst.Call) -> None:
        given = next((arg for arg in node.args if _is_weights(arg)), None)
        if given is None or self.context.target.api < 3:
            return
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial or is_super_init(node):
            return
        home = self.context.imports.locate(found.path).path
        signature = self.context.inventory.signature(home) if home is not None else None
        if home is None or signature is None or signature.named(_NAME) or not _is_layer(home):
            return
        if node in self._inner:
            return
        none = isinstance(given.value, cst.Name) and given.value.value == "None"
        if not none and not self.context.definitions.fits(found.symbol):
            return
        name = home.rpartition(".")[2]
        message = f"{name} takes no {_NAME}=; they are set when it is built"
        if none:
            message = f"{name} takes no {_NAME}=, and None changed nothing"
        doubtful = not none and self._is_doubtful(home)
        if self.context.report(
            WEIGHTS,
            given.value,
            message,
            fix=True,
            advice=_SHAPES if doubtful else "",
            confidence=Confidence.LIKELY if doubtful else Confidence.CERTAIN,
        ):
            local = None
            if not none:
                local = self.context.definitions.need(WITH_WEIGHTS, near=found.symbol)
            self._names[node] = local or ""
            self._handled.add(given.value)

    def _is_doubtful(self, home: str) -> bool:
        """Tell whether the weights of a layer may have the shapes of Keras 1."""
        return self._is_keras_1 and (
            "Conv" in home or any(is_a(home, each) for each in _OTHER_SHAPES)
        )

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        local = self._names.get(original_node)
        if local is None or not isinstance(updated_node, cst.Call):
            return updated_node
        args = Arguments(updated_node, updated_node, None)
        item = args.get(_NAME)
        if item is None:
            return updated_node
        args.drop(item)
        layer = args.render()
        if not local:
            return layer
        bare = layer.with_changes(lpar=(), rpar=())
        made = cst.Call(cst.Name(local), [cst.Arg(bare), cst.Arg(item.value)])
        return made.with_changes(lpar=layer.lpar, rpar=layer.rpar)


def _is_layer(home: str) -> bool:
    return home.startswith("keras.layers.") and is_a(home, LAYER) and not is_a(home, _WRAPPER)


def _is_weights(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value == _NAME

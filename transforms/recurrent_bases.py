"""Classes that derive from Recurrent, the base class of Keras 1 and 2 that no target has."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from string import Template

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.findings import Confidence
from kerasmigrate.names import Symbol
from kerasmigrate.requirements import pinned
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Reference
from kerasmigrate.versions import KERAS_2_0, KERAS_2_2, KERAS_2_3, candidates
from kerasmigrate.walking import walk

from ._layer_classes import LayerClasses, is_super
from ._local_names import LocalNames
from ._old_recurrent import recurrent

_SUM = """class Sum({base}):
    units = 3

    def build(self, input_shape):
        self.states = [None]
        self.built = True

    def step(self, inputs, states):
        return inputs + states[0], [inputs + states[0]]
"""
_DEFINED = recurrent(3, early=True)
_SUM_EXAMPLE = f"""import keras


{Template(_DEFINED.source.strip()).substitute(name=_DEFINED.name, rnn="rnn", **_DEFINED.uses)}


{Template(_DEFINED.needs["rnn"].source.strip()).substitute(name="rnn")}


{_SUM.format(base=_DEFINED.name)}"""
RECURRENT = Rule(
    "KM349",
    "recurrent-base-class",
    "Define in the file the class Recurrent, from which its layers derive",
    "\"cannot import name 'Recurrent' from 'keras.layers'\". It was the base of LSTM and its like"
    " up to Keras 2.0, and was kept until 2.3 for layers that write step(inputs, states). One that"
    " calls their methods as it did stands behind the imports, with the function that runs the step"
    " (KM501) by a loop of TensorFlow. Numbers are those of Keras 2.0.9, 2.2.4 and 2.3.1, with"
    " masks as well; where the file does not show the version, masked steps give what they gave"
    " before 2.3. get_constants() and preprocess_input() are given training=, for which Recurrent"
    " gave None. The states of a stateful layer are among its weights, behind the others.",
    Safety.REVIEW,
    examples=(
        Example(
            "import keras\n\n\n" + _SUM.format(base="keras.layers.Recurrent"),
            _SUM_EXAMPLE,
        ),
    ),
    untouched=(
        "Classes for Keras 1, whose Recurrent looked at output_dim and not at units, and had other"
        " methods (get_initial_states, consume_less): they get KM103 and KM315.",
        "Classes with several bases, and files that use Recurrent for anything else than to derive"
        " from it and in super().",
        "For Keras 3, classes that ask in get_constants() or preprocess_input() whether the model"
        " is being trained, and have a call() that does not hand on training=.",
    ),
)
#: What Recurrent of Keras 1 had or called.
_KERAS_1 = frozenset(("consume_less", "get_initial_states", "get_output_shape_for"))
#: Methods that Recurrent hands training= to, and names that ask for it.
_TOLD = ("get_constants", "preprocess_input")
_ASKING = frozenset(("in_test_phase", "in_train_phase", "learning_phase", "training"))
_UNCLEAR = "masked steps give what they gave before Keras 2.3: the first state"
_VERSIONS = frozenset((KERAS_2_0, KERAS_2_2, KERAS_2_3))


@cache
def _is_recurrent(path: str) -> bool:
    """Tell whether a path means the class in a Keras 2 that had it."""
    return any(
        inventory.load(version).same_object(path, "keras.layers.Recurrent") for version in _VERSIONS
    )


class RecurrentBases(LocalNames):
    """Gives classes that derive from Recurrent one that the file defines."""

    rules = (RECURRENT,)
    # Before the rule that reports bases that are gone.
    order = 16

    @cached_property
    def _classes(self) -> LayerClasses:
        return self.context.shared(LayerClasses)

    def visit_Module(self, node: cst.Module) -> None:
        found = [
            (reference, symbol)
            for reference, symbol in self.context.names.symbols()
            if symbol.certain
            and symbol.flavour == "keras"
            and not reference.stored
            and reference.node in self.context.imports.homeless
            and _is_recurrent(symbol.path)
        ]
        pins = pinned(self.context.view, "keras")
        if not found or (pins and not pins & _VERSIONS):
            return
        uses = {reference.node for reference, _ in found}
        heirs = {
            each.bases[0].value: each
            for each in self._classes.nodes
            if len(each.bases) == 1 and each.bases[0].value in uses
        }
        if uses <= heirs.keys() | _in_super(heirs.values()) and all(
            map(self._fits, heirs.values())
        ):
            self._define(found, heirs)

    def _define(
        self,
        found: list[tuple[Reference, Symbol]],
        heirs: dict[cst.BaseExpression, cst.ClassDef],
    ) -> None:
        if not all(self.context.runs(RECURRENT, base) for base in heirs):
            return
        versions = candidates(self.context.names, "keras") & _VERSIONS
        early = versions != {KERAS_2_3}
        unclear = early and KERAS_2_3 in versions
        definition = recurrent(self.context.target.api, early=early)
        local = self.context.definitions.need(definition, near=found[0][1])
        if local is None:
            return
        for base, heir in heirs.items():
            self.context.report(
                RECURRENT,
                base,
                f"Recurrent, the base of {heir.name.value}, is gone: the file defines {local} now",
                fix=True,
                advice=_UNCLEAR if unclear else "",
                confidence=Confidence.LIKELY if unclear else Confidence.CERTAIN,
            )
        for reference, _ in found:
            self._names[reference.node] = local
            self.context.imports.claim(reference.node)

    def _fits(self, node: cst.ClassDef) -> bool:
        """Tell whether a class and its heirs were written for Keras 2, and get what they need.

        That of Keras 1 looked at ``output_dim`` where the later one looked at ``units``. What the
        rest of the file says is no help: little of Keras 1 is left in it after a migration.
        """
        relatives = self._classes.relatives(node)
        words = {
            each.value for one in relatives for each in walk(one) if isinstance(each, cst.Name)
        }
        later = "get_initial_state" in words or ("units" in words and "output_dim" not in words)
        if not later or words & _KERAS_1:
            return False
        return self.context.target.api < 3 or self._is_told(relatives)

    def _is_told(self, relatives: tuple[cst.ClassDef, ...]) -> bool:
        """Tell whether methods that ask for the training get to know of it."""
        asking = any(
            isinstance(each, cst.Name) and each.value in _ASKING
            for one in relatives
            for name in _TOLD
            if (method := self._classes.method(one, name)) is not None
            for each in walk(method.body)
        )
        calls = [self._classes.method(one, "call") for one in relatives]
        return not asking or all(call is None or _hands_on_training(call) for call in calls)


def _hands_on_training(call: cst.FunctionDef) -> bool:
    """Tell whether a call() takes training, and gives it to each method that may ask for it."""
    return any(param.name.value == "training" for param in call.params.params) and all(
        any(isinstance(arg.value, cst.Name) and arg.value.value == "training" for arg in each.args)
        for each in walk(call.body)
        if isinstance(each, cst.Call)
        and isinstance(each.func, cst.Attribute)
        and each.func.attr.value in ("call", *_TOLD)
    )


def _in_super(nodes: Iterable[cst.ClassDef]) -> set[cst.CSTNode]:
    """Return the first arguments of super() in classes."""
    return {
        each.args[0].value
        for node in nodes
        for each in walk(node)
        if isinstance(each, cst.Call) and is_super(each) and each.args
    }

"""Classes that derive from recurrent layers, whose work is done by a cell."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import is_a
from kerasmigrate.walking import walk

from ._edits import add_parameter, optional
from ._layer_classes import InClasses, is_super, receiver
from .custom_layers import CELL
from .old_attributes import RECURRENT

OWN_STEP = Rule(
    "KM342",
    "step-of-a-recurrent-layer",
    "Report a class that derives from LSTM, GRU or SimpleRNN and does the work of its cell",
    "Up to Keras 2.0.8 these layers had step(), get_constants(), preprocess_input() and"
    " get_initial_states(), and their weights. Since then a cell has the weights and does the step,"
    " and nobody calls these methods: a class that overrides step() computes what an LSTM does,"
    " without a word. Seen with a SimpleRNN whose step() returns 7: Keras 1.2.2 gives 7, Keras"
    " 2.2.4, tf_keras 2.21 and Keras 3.15 give what SimpleRNN gives. A build() that makes the"
    " weights itself builds no cell: \"'LSTMCell' object has no attribute 'kernel'\".",
    Safety.NONE,
    untouched=(
        "Methods of these names that other methods of the class call, as K.rnn(self.step, ...).",
        "A build() that calls the one of the base, or of self.cell.",
        "Classes with a call() that does all by itself.",
        "Classes that derive from Recurrent, which is gone: KM349 and KM315.",
    ),
)
CELL_WEIGHT = Rule(
    "KM343",
    "weight-of-the-cell",
    "Report a weight that a recurrent layer is asked for, and its cell has",
    "\"'Own' object has no attribute 'kernel'\". Up to Keras 2.0.8 LSTM, GRU, SimpleRNN and"
    " ConvLSTM2D kept their weights themselves; since then their cell does.",
    Safety.NONE,
    untouched=(
        "Attributes that the class itself, or another one of the project, sets or defines.",
        "Methods that nobody calls any more: KM342.",
        "The names of Keras 1: KM341.",
    ),
)
INITIAL_STATE = Rule(
    "KM344",
    "initial-state-by-batch-size",
    "Report a get_initial_state() that takes the inputs of a recurrent layer",
    'Keras 3 asks for the states of a number of samples: "get_initial_state() got an unexpected'
    " keyword argument 'batch_size'\". Keras 2 gave the inputs to that method.",
    Safety.NONE,
    untouched=("Targets with the Keras 2 API.", "Methods that take batch_size, or any keywords."),
)
CALL_NAMES = Rule(
    "KM345",
    "call-of-a-recurrent-layer",
    "Give call() of a recurrent layer the parameters sequences and initial_state",
    "Keras 3 matches the parameters of call(), build() and compute_output_shape() by their names,"
    ' and those of its recurrent layers take sequences_shape and initial_state_shape: "For layer'
    " 'Own', received `build()` argument `sequences_shape`, but `call()` does not have argument"
    ' `sequences`". A call() without initial_state gets one that it does not look at: nobody could'
    " give it one before.",
    examples=(
        Example(
            "from keras.layers import GRU\n\n\nclass Doubled(GRU):\n"
            "    def call(self, x, mask=None, training=None):\n"
            "        return 2 * super().call(x, mask=mask, training=training)\n",
            "from keras.layers import GRU\n\n\nclass Doubled(GRU):\n"
            "    def call(self, sequences, mask=None, training=None, initial_state=None):\n"
            "        return 2 * super().call(sequences, mask=mask, training=training)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Classes that have a build() and a compute_output_shape() of their own.",
        "Functions with *args or **kwargs, those that use the name sequences already, and files"
        " that pass the old name by keyword; they are reported.",
    ),
)

#: Methods that Keras called up to 2.0.8, with the number of arguments that it gave them.
_HOOKS = {"step": (2, 2), "get_constants": (1, 2), "preprocess_input": (1, 2)}
_HOOKS["get_initial_states"] = (1, 1)
_BASES = tuple(f"keras.layers.{each}" for each in ("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"))
_RNN = "keras.layers.RNN"
_WEIGHTS = frozenset(
    (
        *("kernel", "recurrent_kernel", "bias"),
        *(f"{name}_{gate}" for name in ("kernel", "recurrent_kernel") for gate in "ifcozrh"),
    )
)
_STATE, _NAME, _INITIAL = "get_initial_state", "sequences", "initial_state"


class RecurrentClasses(InClasses):
    """Looks at what classes that derive from recurrent layers define."""

    rules = (OWN_STEP, CELL_WEIGHT, INITIAL_STATE, CALL_NAMES)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._renamed: set[cst.CSTNode] = set()
        #: Functions that get an initial state.
        self._started: set[cst.CSTNode] = set()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        super().visit_ClassDef(node)
        base = self._base(node)
        if base is None:
            return
        if base != "RNN":
            self._check_cell(node, base)
        if self.context.target.api > 2:
            self._check_state(node)
            self._check_call(node)

    def _base(self, node: cst.ClassDef) -> str | None:
        """Return the recurrent layer of Keras that a class derives from."""
        for path in self.context.values.bases(node):
            leaf = path.rpartition(".")[2]
            if path.startswith("keras.layers.") and f"keras.layers.{leaf}" in (*_BASES, _RNN):
                return leaf
            for base in (*_BASES, _RNN):
                if is_a(path, base):
                    return base.rpartition(".")[2]
        return None

    # -- what the cell does ------------------------------------------------------------------

    def _check_cell(self, node: cst.ClassDef, base: str) -> None:
        methods = self._classes.methods(node)
        dead = self._dead(node)
        reasons = []
        names = [name for name in methods if name in dead]
        if names:
            listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
            reasons.append(f"nobody calls {listed} of a layer any more, its cell does the step")
        if self._lacks_cell(node):
            reasons.append(
                f"its build() does not build the cell: \"'{base}Cell' object has no attribute"
                " 'kernel'\""
            )
        if reasons:
            self.context.report(
                OWN_STEP,
                node.name,
                f"{node.name.value} derives from {base}: {'; '.join(reasons)}",
                advice=f"derive from keras.layers.Layer or {base}Cell instead: {CELL}",
                severity=Severity.ERROR,
            )
        if "cell" in self._classes.brought(node):
            return
        for name, method in methods.items():
            if name not in dead and not (name == "build" and self._lacks_cell(node)):
                self._check_weights(node, method, base)

    def _dead(self, node: cst.ClassDef) -> frozenset[str]:
        """Return the methods of a class and its relatives that nobody calls any more."""
        found: dict[str, list[cst.FunctionDef]] = {}
        for each in self._classes.relatives(node):
            for name, method in self._classes.methods(each).items():
                found.setdefault(name, []).append(method)
        dead = {
            name
            for name, methods in found.items()
            if name in _HOOKS and all(_takes(each, *_HOOKS[name]) for each in methods)
        }
        waiting = [name for name in found if name not in dead]
        while waiting:
            for method in found[waiting.pop()]:
                used = {each for each in _own_attributes(method) if each in dead}
                dead -= used
                waiting += used
        return frozenset(dead)

    def _lacks_cell(self, node: cst.ClassDef) -> bool:
        """Tell whether a class builds something else than its cell, and leaves call() to Keras."""
        relatives = self._classes.relatives(node)
        build = self._classes.method(node, "build")
        if build is None or any(
            (isinstance(each, cst.Attribute) and each.attr.value in ("cell", "build"))
            or is_super(each)
            for each in walk(build.body)
        ):
            return False
        calls = [self._classes.method(each, "call") for each in relatives]
        if any(each is not None and not _hands_on(each, "call") for each in calls):
            return False
        made = (dotted(each.func) for each in walk(build) if isinstance(each, cst.Call))
        makes = any(each in _MAKING for each in made)
        return makes or any(
            chain is not None and chain[-1] in _WEIGHTS for chain in map(_stored, walk(build))
        )

    def _check_weights(self, node: cst.ClassDef, method: cst.FunctionDef, base: str) -> None:
        name = receiver(method)
        for each in walk(method.body):
            chain = dotted(each) if isinstance(each, cst.Attribute) else None
            if chain is None or len(chain) != 2 or chain[0] != name or chain[1] not in _WEIGHTS:
                continue
            reference = self.context.names.references.get(each)
            if (reference is not None and reference.stored) or chain[1] in self._classes.brought(
                node
            ):
                continue
            self.context.report(
                CELL_WEIGHT,
                each,
                f"{'.'.join(chain)}: a {base} has no such attribute, its cell has",
                advice=RECURRENT,
                severity=Severity.ERROR,
            )

    # -- Keras 3 -----------------------------------------------------------------------------

    def _check_state(self, node: cst.ClassDef) -> None:
        method = self._classes.method(node, _STATE)
        if method is None:
            return
        params = method.params
        names = [each.name.value for each in (*params.params, *params.kwonly_params)]
        if "batch_size" in names or params.star_kwarg is not None:
            return
        self.context.report(
            INITIAL_STATE,
            method.name,
            f"{node.name.value}.{_STATE}() is called with batch_size=, not with the inputs",
            advice="take batch_size, the number of samples, and make the states of that; what needs"
            " the inputs is computed before and handed over as initial_state=",
            severity=Severity.ERROR,
        )

    def _check_call(self, node: cst.ClassDef) -> None:
        call = self._classes.method(node, "call")
        if call is None or call.params.posonly_params or call.decorators:
            return
        params = call.params
        names = [param.name.value for param in (*params.params, *params.kwonly_params)]
        lacking = [name for name in (_NAME, _INITIAL) if name not in names]
        relatives = self._classes.relatives(node)
        own = [
            any(self._classes.method(each, name) for each in relatives)
            for name in ("build", "compute_output_shape")
        ]
        if not lacking or all(own):
            return
        open_end = params.star_kwarg is not None or isinstance(params.star_arg, cst.Param)
        message = f"{node.name.value}.call() lacks {' and '.join(lacking)}, which Keras 3 looks for"
        uses: set[cst.CSTNode] | None = set()
        if _NAME in lacking:
            first = params.params[1].name if len(params.params) > 1 else None
            uses = self._uses(call, first) if first is not None else None
        if open_end or uses is None:
            self.context.report(
                CALL_NAMES,
                call.name,
                message,
                advice=f"name the first parameter {_NAME}, and take {_INITIAL}=None",
                severity=Severity.ERROR,
            )
        elif self.context.report(CALL_NAMES, call.name, message, fix=True):
            self._renamed.update(uses)
            if _INITIAL in lacking:
                self._started.add(call)

    def _uses(self, call: cst.FunctionDef, first: cst.Name) -> set[cst.CSTNode] | None:
        """Return where a parameter stands; None where it cannot be renamed."""
        found: set[cst.CSTNode] = {first}
        keywords = {each.keyword for each in walk(call) if isinstance(each, cst.Arg)}
        attributes = {each.attr for each in walk(call) if isinstance(each, cst.Attribute)}
        for each in walk(call):
            if not isinstance(each, cst.Name) or each in keywords or each in attributes:
                continue
            if each.value == _NAME:
                return None
            if each.value == first.value:
                found.add(each)
        inner = [each for each in walk(call.body) if isinstance(each, _SCOPES)]
        if self._is_keyword(first.value) or any(first.value in _bound(each) for each in inner):
            return None
        return found

    def _is_keyword(self, name: str) -> bool:
        """Tell whether a name is passed by keyword anywhere in the file."""
        return any(
            isinstance(each, cst.Arg) and each.keyword is not None and each.keyword.value == name
            for each in walk(self.context.module)
        )

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        if original_node in self._renamed:
            return updated_node.with_changes(value=_NAME)
        return updated_node

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if original_node not in self._started:
            return updated_node
        return updated_node.with_changes(
            params=add_parameter(updated_node.params, optional(_INITIAL))
        )


_SCOPES = (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.CompFor)
_MAKING = frozenset((("self", "add_weight"), ("self", "add_variable")))


def _stored(node: cst.CSTNode) -> tuple[str, ...] | None:
    return dotted(node.target) if isinstance(node, cst.AssignTarget) else None


def _bound(scope: cst.CSTNode) -> set[str]:
    """Return the names that an inner function or comprehension may have for itself."""
    if isinstance(scope, cst.CompFor):
        return {each.value for each in walk(scope.target) if isinstance(each, cst.Name)}
    found = {each.name.value for each in walk(scope) if isinstance(each, cst.Param)}
    targets = [each.target for each in walk(scope) if isinstance(each, cst.AssignTarget)]
    return found | {each.value for each in targets if isinstance(each, cst.Name)}


def _takes(method: cst.FunctionDef, least: int, most: int) -> bool:
    """Tell whether a method can be what Keras called with so many arguments."""
    params = method.params
    if method.decorators:
        return False
    places = [*params.posonly_params, *params.params][1:]
    needed = sum(each.default is None for each in places)
    return needed <= most and len(places) >= least


def _own_attributes(method: cst.FunctionDef) -> Iterator[str]:
    """Yield the attributes of ``self`` and ``super()`` that a method mentions."""
    name = receiver(method)
    for each in walk(method.body):
        if isinstance(each, cst.Attribute) and (
            is_super(each.value) or dotted(each.value) == (name,)
        ):
            yield each.attr.value


def _hands_on(method: cst.FunctionDef, name: str) -> bool:
    """Tell whether a method calls the one of its base."""
    return any(
        isinstance(each, cst.Attribute)
        and each.attr.value == name
        and (is_super(each.value) or dotted(each.value) != (receiver(method),))
        for each in walk(method.body)
    )

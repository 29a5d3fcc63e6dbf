"""Losses and metrics that are added to a functional model from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import Template

import libcst as cst
from libcst.metadata import CodeRange

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Reference, dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import MODEL, is_a
from kerasmigrate.walking import Reader

from ._local_names import LocalNames
from ._loss_models import LOSS_MODEL, METRIC_MODEL
from ._scalars import Kind, Scalars

_CODE = """import keras

{}inputs = keras.Input((3,))
outputs = keras.layers.Dense(3)(inputs)
model = {}(inputs, outputs)
model.add_loss(keras.ops.mean(keras.ops.abs(inputs - outputs)))
model.compile("sgd")
"""
_CLASS = Template(LOSS_MODEL.source.strip()).substitute(LOSS_MODEL.uses, name=LOSS_MODEL.name)
_EXAMPLE = Example(
    _CODE.format("", "keras.models.Model"),
    _CODE.format(f"\n{_CLASS}\n\n\n", LOSS_MODEL.name),
)
ADDED_LOSS = Rule(
    "KM648",
    "added-loss",
    "Keep add_loss(tensor) and add_metric(tensor) of functional models working",
    "A functional model of Keras 2 takes losses that are computed from its tensors, as nearly every"
    " variational autoencoder has one; in Keras 3 its add_loss() raises NotImplementedError. A"
    " class behind the imports has the method again, and add_metric() where the code calls it. The"
    " model keeps its layers, its weights and their order, as in Keras 2.2 and 2.3, and fit(),"
    " evaluate() and train_on_batch() give the same numbers under the same names. A .keras file"
    " keeps the losses. What the loss takes from inside a model that is called again is computed"
    " twice, as in TensorFlow 2; where that shows, a finding says so. A trainable layer that only"
    " the loss uses raises ValueError: Keras 2.3 did not train it, and later versions do.",
    Safety.REVIEW,
    examples=(_EXAMPLE,),
    untouched=(
        "Targets with the Keras 2 API.",
        "Losses that are not certainly one number: Keras 2.2 reported arrays, 2.3 took the mean,"
        " and TensorFlow 2 reports the mean and learns from the sum.",
        "Losses of weights, functions, and calls with inputs=, with which Keras 2.3 left the loss"
        " out.",
        "Models that are compiled or handed to other functions before, made in another function, or"
        " in a loop that the call does not stand in.",
        "Models with another loss of that kind that is not understood.",
    ),
)
_ADD = ("add_loss", "add_metric")
#: Methods that settle what a model learns from.
_SETTLES = frozenset(
    (
        "compile",
        "evaluate",
        "evaluate_generator",
        "fit",
        "fit_generator",
        "test_on_batch",
        "train_on_batch",
    )
)
#: Functions that only look at a model.
_LOOKS = frozenset(("plot_model", "print", "plot"))
_PARAMETERS = ("inputs", "outputs", "name")
_KEYWORDS = frozenset((*_PARAMETERS, "input", "output", "trainable"))
#: Layers of which two calls give two results, or change something twice.
_TWICE = frozenset(
    (
        "AlphaDropout",
        "BatchNormalization",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
    )
)


@dataclass
class _Model:
    """A functional model that losses or metrics are added to."""

    made: cst.Call
    losses: list[cst.Call] = field(default_factory=list)
    metrics: list[cst.Call] = field(default_factory=list)


class Settled:
    """Calls of ``add_loss`` and ``add_metric`` that the class in the file carries out.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.calls: set[cst.CSTNode] = set()


class AddedLosses(LocalNames):
    """Makes models that losses are added to of a class that can take them."""

    rules = (ADDED_LOSS,)
    order = 40

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._settled = context.shared(Settled).calls
        self._made: set[cst.CSTNode] = set()

    def visit_Module(self, node: cst.Module) -> None:
        if self.context.target.api < 3 or not any(each in self.context.code for each in _ADD):
            return
        self._places = _Places()
        self._places.visit(node)
        models: dict[cst.Call, _Model] = {}
        for call, name in self._places.added.items():
            made = self._maker(call)
            if made is not None:
                model = models.setdefault(made, _Model(made))
                (model.losses if name == "add_loss" else model.metrics).append(call)
        for model in models.values():
            made = model.made
            if not all(self._is_loss(call) and self._is_fresh(made, call) for call in model.losses):
                continue
            if not all(
                self._is_metric(call) and self._is_fresh(made, call) for call in model.metrics
            ):
                model.metrics.clear()
            if model.losses or model.metrics:
                self._convert(model)

    # -- deciding ----------------------------------------------------------------------------

    def _maker(self, call: cst.Call) -> cst.Call | None:
        """Return the one call of Model() that the receiver of a method comes from."""
        assert isinstance(call.func, cst.Attribute)
        receiver = call.func.value
        made: Sequence[cst.BaseExpression | None] = ()
        if isinstance(receiver, cst.Name):
            made = [
                each.value if each.kind == "local" and not each.declared else None
                for each in self.context.names.bindings(receiver)
            ]
        elif _is_own(receiver):
            made = self.context.values.attribute(receiver)
        if len(made) != 1 or not isinstance(made[0], cst.Call):
            return None
        (model,) = made
        assert isinstance(model, cst.Call)
        symbol = self.context.symbol(model.func)
        if symbol is None or not symbol.certain or not is_a(symbol.path, MODEL):
            return None
        return model if symbol.path.endswith(".Model") and _is_functional(model) else None

    def _is_loss(self, call: cst.Call) -> bool:
        """Tell whether nothing but tensors with one number each is added."""
        if len(call.args) != 1 or call.args[0].star:
            return False
        arg = call.args[0]
        if arg.keyword is not None and arg.keyword.value != "losses":
            return False
        scalars = self.context.shared(Scalars)
        losses = [arg.value]
        if isinstance(arg.value, cst.List):
            losses = [each.value for each in arg.value.elements]
        return bool(losses) and all(scalars.kind(each) is Kind.SCALAR for each in losses)

    def _is_metric(self, call: cst.Call) -> bool:
        """Tell whether the mean of a tensor is added, under a name."""
        given = {}
        for place, arg in enumerate(call.args):
            if arg.star or (arg.keyword is None and place > 1):
                return False
            given[("value", "name")[place] if arg.keyword is None else arg.keyword.value] = (
                arg.value
            )
        if not {"value", "name"} <= given.keys() <= {"value", "name", "aggregation"}:
            return False
        if "aggregation" in given and literals.string(given["aggregation"]) != "mean":
            return False
        known = self.context.shared(Scalars).kind(given["value"])
        return known in (Kind.SCALAR, Kind.TENSOR) and literals.string(given["name"]) is not None

    def _is_fresh(self, made: cst.Call, call: cst.Call) -> bool:
        """Tell whether nothing between the two may settle what the model learns from."""
        if self._places.of[made] != self._places.of[call]:
            return False
        positions = self.context.positions
        first, last = _start(positions[made]), _start(positions[call])
        if first > last:
            return False
        for reference, rest in self._uses(call):
            if first < _start(positions[reference.node]) < last:
                if rest and rest[0] in _SETTLES:
                    return False
                if not rest and reference.node not in self._places.harmless:
                    return False
        return True

    def _uses(self, call: cst.Call) -> list[tuple[Reference, tuple[str, ...]]]:
        """Return the uses of a receiver, with the attributes that follow it."""
        assert isinstance(call.func, cst.Attribute)
        chain = dotted(call.func.value) or ()
        names = self.context.names
        bindings = names.bindings(call.func.value)
        found = []
        for node, each in names.references.items():
            whole = (each.name, *each.attributes)
            same = whole[: len(chain)] == chain
            if same and (len(chain) > 1 or names.bindings(node) == bindings):
                found.append((each, whole[len(chain) :]))
        return found

    # -- editing -----------------------------------------------------------------------------

    def _convert(self, model: _Model) -> None:
        made = model.made
        symbol = self.context.symbol(made.func)
        assert symbol is not None
        calls = [*model.losses, *model.metrics]
        if not all(self.context.runs(ADDED_LOSS, call) for call in calls):
            return
        definition = METRIC_MODEL if model.metrics else LOSS_MODEL
        local = self.context.definitions.need(definition, near=symbol)
        if local is None:
            return
        for call in calls:
            code = self.context.module.code_for_node(call.func)
            message = f"{code}() takes no tensor in Keras 3: the model is a {local} now"
            self.context.report(ADDED_LOSS, call, message, fix=True)
            self._look_at_history(symbol.flavour, call)
        self._made.add(made)
        self._names[made.func] = local
        self.context.imports.claim(made.func)
        self._settled.update(calls)
        self._look_at_files(calls[0])

    def _look_at_history(self, flavour: str, call: cst.Call) -> None:
        """Report what runs twice now, and ran once in Keras 2.3."""
        history = list(self.context.shared(Scalars).history(call.args[0].value))
        values = self.context.values
        leaves = [self._leaf(each.func) for each in history]
        twice = sorted(set(leaves) & _TWICE)
        if flavour == "keras" and twice and any(values.is_model(each.func) for each in history):
            self.context.report(
                ADDED_LOSS,
                call,
                f"{' and '.join(twice)} inside the inner model runs once for the output and once"
                " for the loss, as in TensorFlow 2",
                advice="take what the loss needs from the call of the inner model:"
                " z_mean, z_log_var, z = encoder(inputs)",
                severity=Severity.WARNING,
                confidence=Confidence.LIKELY,
            )

    def _leaf(self, node: cst.BaseExpression) -> str:
        symbol = self.context.symbol(node)
        path = symbol.path if symbol is not None else self.context.values.instance(node) or ""
        return path.rpartition(".")[2]

    def _look_at_files(self, call: cst.Call) -> None:
        """Report where the model is saved in a format that cannot hold it."""
        for reference, rest in self._uses(call):
            saved = self._places.calls.get(reference.node)
            if rest != ("save",) or saved is None or not saved.args:
                continue
            name = literals.string(saved.args[0].value)
            if name is not None and name.endswith((".h5", ".hdf5")):
                self.context.report(
                    ADDED_LOSS,
                    saved,
                    'load_model() does not find the losses in an .h5 file: "Unknown layer"',
                    advice="save it as a .keras file, or its weights with save_weights()",
                    severity=Severity.WARNING,
                )

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node in self._made:
            return updated_node.with_changes(args=[_renamed(arg) for arg in updated_node.args])
        if original_node in self._settled:
            return updated_node.with_changes(args=[_bare(arg) for arg in updated_node.args])
        return updated_node


def _bare(arg: cst.Arg) -> cst.Arg:
    """Return an argument of add_loss() without the name that it had in Keras 2."""
    if arg.keyword is None or arg.keyword.value != "losses":
        return arg
    return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)


def _renamed(arg: cst.Arg) -> cst.Arg:
    """Return an argument of Model() with the name that Keras 2 gave it."""
    if arg.keyword is None or arg.keyword.value not in ("input", "output"):
        return arg
    return arg.with_changes(keyword=cst.Name(f"{arg.keyword.value}s"))


def _is_own(node: cst.BaseExpression) -> bool:
    """Tell whether an expression is ``self.name``."""
    chain = dotted(node) or ()
    return len(chain) == 2 and chain[0] == "self"


def _is_functional(call: cst.Call) -> bool:
    """Tell whether Model() is called with inputs and outputs, and nothing that is not known."""
    names = []
    for place, arg in enumerate(call.args):
        if arg.star or (arg.keyword is None and place >= len(_PARAMETERS)):
            return False
        names.append(_PARAMETERS[place] if arg.keyword is None else arg.keyword.value)
    return set(names) <= _KEYWORDS and {"input", "output"} <= {each.rstrip("s") for each in names}


def _start(where: CodeRange) -> tuple[int, int]:
    """Return the line and the column where a node begins."""
    return where.start.line, where.start.column


class _Places(Reader):
    """Collects calls, and the functions and loops that they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[cst.CSTNode, tuple[cst.CSTNode, ...]] = {}
        self.calls: dict[cst.CSTNode, cst.Call] = {}
        #: Calls that add something to a model, and the method.
        self.added: dict[cst.Call, str] = {}
        #: What is called, or only looked at.
        self.harmless: set[cst.CSTNode] = set()
        self._around: tuple[cst.CSTNode, ...] = ()

    def visit_Call(self, node: cst.Call) -> None:
        self.of[node] = self._around
        self.calls[node.func] = node
        self.harmless.add(node.func)
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _ADD:
            self.added[node] = node.func.attr.value
        leaf = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        if isinstance(leaf, cst.Name) and leaf.value in _LOOKS:
            self.harmless.update(arg.value for arg in node.args)

    def _inside(self, node: cst.CSTNode) -> None:
        self._around = (*self._around, node)

    def _outside(self, node: cst.CSTNode) -> None:
        self._around = self._around[:-1]

    visit_FunctionDef = visit_Lambda = visit_ClassDef = visit_For = visit_While = _inside
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _inside
    leave_FunctionDef = leave_Lambda = leave_ClassDef = leave_For = leave_While = _outside
    leave_ListComp = leave_SetComp = leave_DictComp = leave_GeneratorExp = _outside

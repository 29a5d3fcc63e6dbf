"""Whole models in HDF5 files: what Keras 3 writes there and cannot read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

from . import _saved_paths as paths
from ._hdf5 import Hdf5, facts
from ._history_reads import argument

LOSS = Rule(
    "KM718",
    "loss-in-hdf5",
    "Give a loss its long name where models are saved as HDF5",
    "Keras 3 writes the short name of a loss into an .h5 file and does not find it there again:"
    " load_model() raises \"Could not deserialize 'keras.metrics.mse' because it is not a"
    ' KerasSaveable subclass". The long name means the same loss, and no key of the history is'
    " made of it. A .keras file takes both.",
    examples=(
        Example(
            "from keras.models import Sequential, load_model\n\nmodel = Sequential()\n"
            "model.compile('sgd', loss='mse')\nmodel.save('model.h5')\n"
            "model = load_model('model.h5')\n",
            "from keras.models import Sequential, load_model\n\nmodel = Sequential()\n"
            "model.compile('sgd', loss='mean_squared_error')\nmodel.save('model.h5')\n"
            "model = load_model('model.h5')\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Projects that save models in other formats, or only weights.",
        "Models that are only loaded with compile=False.",
        "Names that stand for more than a loss, and metrics: those are read back.",
    ),
)
FILE = Rule(
    "KM719",
    "model-in-hdf5",
    "Keep a model in a .keras file where Keras 3 cannot use the .h5 file that it writes",
    "A functional model in which a layer takes a mask is written as HDF5 and not read back:"
    " load_model() raises \"Unknown layer: 'NotEqual'\". A model that was trained is read back with"
    ' an optimizer that knows no weights: fit() raises "Unknown variable: <Variable'
    " path=dense/kernel, ...>. This optimizer can only be called for the variables it was"
    ' originally built with". A .keras file has neither problem. The name changes where one'
    " function writes the file and reads it again, and nothing else uses it; elsewhere the place"
    " is reported.",
    Safety.REVIEW,
    examples=(
        Example(
            "import os\nimport tempfile\nfrom keras.layers import LSTM, Input, Masking\n"
            "from keras.models import Model, load_model\n\n\n"
            "def test():\n    x = Input((4, 3))\n    model = Model(x, LSTM(2)(Masking()(x)))\n"
            "    path = os.path.join(tempfile.mkdtemp(), 'model.h5')\n    model.save(path)\n"
            "    model = load_model(path)\n",
            "import os\nimport tempfile\nfrom keras.layers import LSTM, Input, Masking\n"
            "from keras.models import Model, load_model\n\n\n"
            "def test():\n    x = Input((4, 3))\n    model = Model(x, LSTM(2)(Masking()(x)))\n"
            "    path = os.path.join(tempfile.mkdtemp(), 'model.keras')\n    model.save(path)\n"
            "    model = load_model(path)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Models without a mask that are not trained after they were loaded; Sequential models.",
        "Names that anything else uses, or that other files of the project have.",
        "Models with a mask that the project only loads: Keras 2 wrote them without the mask.",
    ),
)

#: Losses that an .h5 file of Keras 3.15 does not give back, by saving and loading each.
LONG = {
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
    "bce": "binary_crossentropy",
    "BCE": "binary_crossentropy",
}
_SHORT = re.compile(rf"['\"](?:{'|'.join(LONG)})['\"]")
_TRAIN = frozenset(("fit", "fit_generator", "train_on_batch"))
_SAVES = (paths.WRITE_MODEL, paths.CHECKPOINT)
_HDF5 = (".h5", ".hdf5")


class Hdf5Models(Transform):
    """Looks at models that are saved as HDF5."""

    rules = (LOSS, FILE)
    order = 41

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._texts: dict[cst.CSTNode, tuple[str, str]] = {}

    def visit_Module(self, node: cst.Module) -> None:
        if self.context.target.api < 3:
            return
        code = self.context.code
        if ".compile(" in code and _SHORT.search(code) and self._needs_long_names:
            self._losses()
        if ("load_model" in code or ".save(" in code) and any(each in code for each in _HDF5):
            self._files()

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        edit = self._texts.get(original_node)
        if edit is None:
            return updated_node
        old, new = edit
        end = updated_node.quote
        body = updated_node.value.removesuffix(end)
        if not body.endswith(old):
            return updated_node
        return updated_node.with_changes(value=body.removesuffix(old) + new + end)

    def leave_FormattedStringText(
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        edit = self._texts.get(original_node)
        if edit is None or not updated_node.value.endswith(edit[0]):
            return updated_node
        return updated_node.with_changes(value=updated_node.value.removesuffix(edit[0]) + edit[1])

    @cached_property
    def _facts(self) -> tuple[Hdf5, ...]:
        return facts(self.context)

    @cached_property
    def _native(self) -> bool:
        """Whether the file was written for Keras 3."""
        return eras.is_keras_3(self.context.names)

    # -- losses ------------------------------------------------------------------------------

    @property
    def _needs_long_names(self) -> bool:
        """Whether a model of this file may be loaded from HDF5 together with its loss."""
        known = self._facts
        if not any(each.hdf5 for each in known):
            return False
        if any(each.loads for each in known):
            return True
        return not self._native and not any(each.bare for each in known)

    def _losses(self) -> None:
        compiled: list[cst.BaseExpression] = []
        stored: dict[cst.CSTNode, cst.BaseExpression] = {}
        for node in walk(self.context.module):
            if isinstance(node, cst.Call) and self._is_compile(node):
                loss = argument(node.args, 1, "loss")
                compiled += [loss] if loss is not None else []
            elif isinstance(node, cst.Assign):
                for each in node.targets:
                    if isinstance(each.target, cst.Subscript):
                        stored[each.target.value] = node.value
        for loss in compiled:
            for text in self._named(loss, compiled, stored):
                self._lengthen(text)

    def _is_compile(self, node: cst.Call) -> bool:
        func = node.func
        return (
            isinstance(func, cst.Attribute)
            and func.attr.value == "compile"
            and self.context.values.is_model(func.value)
        )

    def _lengthen(self, text: cst.SimpleString) -> None:
        old = literals.string(text) or ""
        if text in self._texts or old not in LONG:
            return
        if self.context.report(
            LOSS, text, f"load_model() does not read the loss {old!r} back from HDF5", fix=True
        ):
            self._texts[text] = (old, LONG[old])

    def _named(
        self,
        value: cst.BaseExpression,
        compiled: Sequence[cst.BaseExpression],
        stored: dict[cst.CSTNode, cst.BaseExpression],
    ) -> Iterator[cst.SimpleString]:
        """Yield the literals that a loss may be, through names that stand for nothing else."""
        yield from _strings(value)
        if not isinstance(value, cst.Name):
            return
        uses = self._uses(value)
        if not all(each in compiled or each in stored for each in uses):
            return
        for binding in self.context.names.bindings(value):
            if binding.scope.kind == "module" and value.value in self.context.view.kept:
                continue
            if isinstance(binding.node, cst.Param):
                yield from _strings(binding.node.default)
            yield from _strings(binding.value)
        for each in uses:
            yield from _strings(stored.get(each))

    def _uses(self, name: cst.Name) -> list[cst.CSTNode]:
        """Return all references of a name that mean what this one does."""
        names = self.context.names
        bindings = names.bindings(name)
        return [
            node
            for node, reference in names.references.items()
            if reference.name == name.value and names.bindings(node) == bindings
        ]

    # -- files -------------------------------------------------------------------------------

    def _files(self) -> None:
        found = paths.collect(self.context)
        uses = [use for use in found.uses if paths.suffix(use.base) in _HDF5]
        reads = [use for use in uses if use.kind == paths.READ_MODEL]
        masked = any(each.masked for each in self._facts)
        trained = {use.call for use in reads if self._is_trained(use)}
        for use in reads:
            if masked or use.call in trained:
                self._round_trip(use, found, masked=masked)
        open_reads = [use for use in reads if use.text not in self._texts]
        for use in open_reads:
            if use.call in trained:
                self._report_training(use)
        if not self._facts[0].masked or not any(each.saves for each in self._facts):
            return  # files that Keras 2 wrote have no operation for the mask in them
        writes = [use for use in uses if use.kind in _SAVES and use.text not in self._texts]
        if reads and not open_reads:
            return
        for use in open_reads or (() if self._native else writes[:1]):
            self._report_mask(use)

    def _report_mask(self, use: paths.Use) -> None:
        code = self.context.module.code_for_node(use.path)
        self.context.report(
            FILE,
            use.path,
            "load_model() does not read a functional model with a mask back from HDF5:"
            f" {code} (\"Unknown layer: 'NotEqual'\")",
            advice="let the name end in .keras where the model is saved and where it is loaded",
            severity=Severity.WARNING,
            confidence=Confidence.UNSURE,
        )

    def _report_training(self, use: paths.Use) -> None:
        self.context.report(
            FILE,
            use.call,
            "a model that comes out of HDF5 with its optimizer cannot be trained further: fit()"
            ' raises "Unknown variable"',
            advice="let the name end in .keras where the model is saved and where it is loaded, or"
            " write compile=False here and compile() the model again",
            confidence=Confidence.LIKELY,
        )

    def _round_trip(self, read: paths.Use, found: paths.Paths, *, masked: bool) -> None:
        """Turn the suffix of a file that one function writes, reads, and uses for nothing else."""
        text, old = read.text, paths.suffix(read.base)
        function = self._function(read.call)
        if text is None or function is None or text in self._texts:
            return
        same = self._same(read, found)
        kinds = {use.kind for use in same}
        if paths.WRITE_MODEL not in kinds or not kinds <= {
            paths.WRITE_MODEL,
            paths.READ_MODEL,
            paths.NEUTRAL,
        }:
            return
        if any(self._function(use.call) is not function for use in same):
            return
        temporary = isinstance(read.path, cst.Name) and self._is_temporary(read.path, same)
        if not temporary and (read.computed or not self._is_alone(read, found, len(same))):
            return
        texts = {use.text for use in same if use.text is not None}
        why = "has a mask" if masked else "is trained further"
        for each in sorted(texts, key=lambda node: node is not text):
            if self.context.report(
                FILE,
                each,
                f"{read.base!r} is a .keras file now, for the model that is read back {why}",
                fix=True,
            ):
                self._texts[each] = (old, ".keras")

    def _same(self, read: paths.Use, found: paths.Paths) -> list[paths.Use]:
        """Return the calls that take the file of another; none where it has other uses."""
        if not isinstance(read.path, cst.Name):
            return [use for use in found.uses if use.text is not None and use.base == read.base]
        bindings = self.context.names.bindings(read.path)
        if len(bindings) != 1 or bindings[0].scope.kind != "function":
            return []
        value = bindings[0].value
        if value is None or all(each is not read.text for each in walk(value)):
            return []
        uses = set(self._uses(read.path))
        same = [use for use in found.uses if use.path in uses]
        known = {use.path for use in same}
        # What load_model() reads was written by a model, wherever that came from.
        same += [
            paths.Use(paths.WRITE_MODEL, call, path)
            for path, call in self._saves.items()
            if path in uses and path not in known
        ]
        return same if len(same) == len(uses) else []

    @cached_property
    def _saves(self) -> dict[cst.BaseExpression, cst.Call]:
        """The calls ``x.save(path)`` of what is no module, by their argument."""
        return {
            node.args[0].value: node
            for node in walk(self.context.module)
            if isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value == "save"
            and len(node.args) == 1
            and not self.context.names.origins(node.func)
        }

    def _is_temporary(self, path: cst.Name, same: Sequence[paths.Use]) -> bool:
        """Tell whether a file is gone when the function ends, as far as anyone cares."""
        names = self.context.names
        removed = {"os.remove", "os.unlink"}
        if any(removed & set(names.origins(use.call.func)) for use in same):
            return True
        (binding,) = names.bindings(path)
        assert binding.value is not None
        for each in walk(binding.value):
            if any(origin.startswith("tempfile.") for origin in names.origins(each)):
                return True
            reference = names.references.get(each)
            if reference is not None and reference.name in ("tmp_path", "tmpdir"):
                return _is_parameter(names.bindings(each))
        return False

    def _is_alone(self, read: paths.Use, found: paths.Paths, count: int) -> bool:
        """Tell whether no other place of the project knows a file."""
        allowed = (paths.WRITE_MODEL, paths.READ_MODEL, paths.NEUTRAL)
        here = [each for each in found.mentions if paths.mentions(each.name, read.base)]
        return (
            all(each.kind in allowed for each in here)
            and len([use for use in found.uses if use.base == read.base]) == count
            and not paths.elsewhere(self.context, read.base)
        )

    def _function(self, call: cst.CSTNode) -> cst.CSTNode | None:
        return self._functions.get(call)

    @cached_property
    def _functions(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The innermost function around each call."""
        found: dict[cst.CSTNode, cst.CSTNode] = {}
        for function in walk(self.context.module):
            if isinstance(function, cst.FunctionDef):
                for node in walk(function.body):
                    if isinstance(node, cst.Call):
                        found[node] = function  # outer functions come first
        return found

    # -- training after loading --------------------------------------------------------------

    def _is_trained(self, use: paths.Use) -> bool:
        """Tell whether a loaded model is trained with the optimizer of its file."""
        compiled = argument(use.call.args, 2, "compile")
        if compiled is not None or any(arg.star for arg in use.call.args):
            return False
        target = self._loaded.get(use.call)
        chain = dotted(target)
        reference = self.context.names.reference(target) if target is not None else None
        if target is None or chain is None or (reference is None and len(chain) > 1):
            return False
        if self._is_rebound(target, use):
            return False
        methods = self._methods(target, chain)
        return bool(_TRAIN & set(methods)) and "compile" not in methods

    def _is_rebound(self, target: cst.BaseExpression, use: paths.Use) -> bool:
        """Tell whether the name may stand for another model when it is trained."""
        if not isinstance(target, cst.Name):
            return len(self.context.values.attribute(target)) != 1
        bindings = self._bindings.get(target, ())
        return any(each.value is not use.call for each in bindings)

    def _methods(self, target: cst.BaseExpression, chain: Sequence[str]) -> list[str]:
        """Return the methods that are called on what a target holds."""
        names, values = self.context.names, self.context.values
        bound = self._bindings.get(target)
        place = id(bound[0].scope) if bound else values.place(target)
        return [
            reference.attributes[-1]
            for node, reference in names.references.items()
            if (reference.name, *reference.attributes[:-1]) == tuple(chain)
            and reference.attributes
            and values.place(node) == place
        ]

    @cached_property
    def _bindings(self) -> dict[cst.CSTNode, Sequence[Binding]]:
        """The bindings of the name that a target binds."""
        scopes = {self.context.names.module_scope, *self.context.names.scope_of.values()}
        return {
            each.node: bindings
            for scope in scopes
            for bindings in scope.bindings.values()
            for each in bindings
        }

    @cached_property
    def _loaded(self) -> dict[cst.CSTNode, cst.BaseExpression]:
        """What each call is assigned to, where that is one target."""
        return {
            node.value: node.targets[0].target
            for node in walk(self.context.module)
            if isinstance(node, cst.Assign)
            and isinstance(node.value, cst.Call)
            and len(node.targets) == 1
        }


def _is_parameter(bindings: Sequence[Binding]) -> bool:
    return bool(bindings) and all(isinstance(each.node, cst.Param) for each in bindings)


def _strings(value: cst.BaseExpression | None) -> Iterator[cst.SimpleString]:
    """Yield the literals in what stands for one loss or for several."""
    if isinstance(value, cst.SimpleString):
        yield value
    elif isinstance(value, cst.IfExp):
        yield from _strings(value.body)
        yield from _strings(value.orelse)
    elif isinstance(value, cst.Dict):
        for each in value.elements:
            yield from _strings(each.value)
    elif isinstance(value, cst.List | cst.Tuple):
        for item in value.elements:
            yield from _strings(item.value)
    elif isinstance(value, cst.Call) and isinstance(value.func, cst.Name):
        for inner in (literals.pairs(value) or {}).values():
            yield from _strings(inner)

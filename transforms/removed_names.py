"""Names that a target no longer has: kept privately, or small enough to be written out."""

from __future__ import annotations

from functools import cache, cached_property
from string import Template

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.callees import callee
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1, Era, era
from kerasmigrate.findings import Severity
from kerasmigrate.imports import IMPORT_CODE
from kerasmigrate.names import Symbol
from kerasmigrate.project import SOURCES
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Reference
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from ._local_names import LocalNames
from ._old_functions import BACKEND, BEFORE_PAIRS, OLD_FUNCTIONS, PAIRS, OldFunction
from ._old_layers import LAYERS_2, LAYERS_3, OldLayer, arguments

PRIVATE = Rule(
    "KM260",
    "private-home",
    "Say that a name comes from a private part of the target now",
    "Standalone Keras 3 keeps the old preprocessing code (ImageDataGenerator, Tokenizer,"
    " TimeseriesGenerator, skipgrams and what belongs to them) below keras.src.legacy: the same"
    " objects that tf.keras publishes as tensorflow.keras.preprocessing, with the same numbers, and"
    " model.fit takes them. tf_keras keeps helpers such as conv_utils below tf_keras.src. Imports"
    " go there, because it works with every backend and mixes no flavours; what is private may"
    " move with a release, so pin the version, or write new code with the names that the advice"
    " gives. The rule: only old public code that the package keeps unchanged is imported from a"
    " private place, and it always says so.",
    Safety.NONE,
    Severity.INFO,
    untouched=("Targets that publish the name, and code that imports from there already.",),
)
DEFINE = Rule(
    "KM261",
    "old-function",
    "Define in the file a small function of old Keras that the target lacks",
    "Helpers such as conv_output_length, normalize_tuple, _obtain_input_shape,"
    " convert_all_kernels_in_model or, in keras.backend.tensorflow_backend, _to_tensor and"
    ' _preprocess_conv2d_input were never part of the documented API and are gone: "No module'
    " named 'keras.utils.conv_utils'\". A few lines that do the same stand behind the imports.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.layers import Dense\n"
            "from keras.utils import np_utils\n\n"
            "layer = Dense(4)\n"
            "classes = np_utils.categorical_probas_to_classes(probas)\n",
            "from keras.layers import Dense\n\n\n"
            "def categorical_probas_to_classes(p):\n"
            '    """Return the most probable class of each row."""\n'
            "    import numpy as np\n\n"
            "    return np.argmax(p, axis=1)\n\n\n"
            "layer = Dense(4)\n"
            "classes = categorical_probas_to_classes(probas)\n",
        ),
    ),
    untouched=(
        "Targets that still have the function, if only in a private place; see KM260.",
        "Names that other files import from this one, and imports that do not always run.",
    ),
)
_SOFTPLUS_EXAMPLE = f"""import keras


{
    Template(LAYERS_3["ParametricSoftplus"].definition.source.strip()).substitute(
        name="Keras1ParametricSoftplus",
        register="keras.utils.register_keras_serializable",
        Layer="keras.layers.Layer",
        ops="keras.ops",
    )
}


layer = Keras1ParametricSoftplus(0.3)
last = keras.layers.Dense(1)
"""
LAYER = Rule(
    "KM262",
    "old-layer",
    "Define in the file a layer of Keras 1 that the target lacks",
    'Keras 2 dropped Highway, MaxoutDense, SReLU and ParametricSoftplus: "cannot import name'
    " 'Highway' from 'keras.layers'\". A class that computes the same stands behind the imports,"
    " registered, so that models with it can be saved and loaded. Arguments get the names of"
    " Keras 2. MaxoutDense, SReLU and ParametricSoftplus keep the order and shapes of their"
    " weights; Highway holds two Dense layers, so that get_weights() gives kernel, bias, gate"
    " kernel, gate bias, which was kernel, gate kernel, bias, gate bias. Where the old layer drew"
    " MaxoutDense kernels, the scale may differ from what the initializer does with three"
    " dimensions today.",
    Safety.REVIEW,
    examples=(
        Example(
            "import keras\n\nlayer = keras.layers.ParametricSoftplus(0.3)\n"
            "last = keras.layers.Dense(1)\n",
            _SOFTPLUS_EXAMPLE,
        ),
    ),
    untouched=(
        "Subclasses of these layers, calls with **options, weights= or initializers that the source"
        " does not show: they get KM103 with the class to write.",
    ),
)


@cache
def _old_function(path: str) -> OldFunction | None:
    """Return the function behind a path of some old Keras."""
    for source in (path, *(inventory.load(name).object_id(path) for name in SOURCES)):
        if source in OLD_FUNCTIONS:
            return OLD_FUNCTIONS[source]
    return None


@cache
def _old_layer(path: str) -> str | None:
    """Return the name of the layer of Keras 1 behind a path."""
    known = inventory.load(KERAS_1)
    for name in LAYERS_3:
        if known.same_object(path, f"keras.layers.{name}"):
            return name
    return None


class RemovedNames(LocalNames):
    """Gives names that are gone a definition, and says where others come from."""

    rules = (PRIVATE, DEFINE, LAYER)
    order = 15

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._functions: dict[cst.CSTNode, OldFunction] = {}
        self._layers: dict[cst.Call, OldLayer] = {}

    # -- deciding ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        reported: set[str] = set()
        for reference, symbol in list(self.context.names.symbols()):
            if not symbol.certain or reference.stored:
                continue
            if reference.node in self.context.imports.homeless:
                self._define(reference, symbol)
            elif symbol.path not in reported and self._is_private(reference, symbol):
                reported.add(symbol.path)
                self._report_private(reference, symbol)

    def _is_private(self, reference: Reference, symbol: Symbol) -> bool:
        """Tell whether a symbol comes from a private module that the code does not yet name."""
        path = self.context.imports.locate(symbol.path).path
        if path is None or not self.context.inventory.is_private(path):
            return False
        if self.context.inventory.kind(path) == "module":
            return False
        statement = symbol.binding.statement
        if statement is not None and self.context.imports.is_off(IMPORT_CODE, statement):
            return False
        origins = self.context.names.origins(reference.node)
        return not any(".src." in f"{each}." for each in origins)

    def _report_private(self, reference: Reference, symbol: Symbol) -> None:
        path = self.context.imports.locate(symbol.path).path
        assert path is not None
        advice = _NEWER.get(symbol.path.rpartition(".")[2], "")
        self.context.report(
            PRIVATE,
            reference.node,
            f"{self.context.target.spell(path)} is a private place: it may move with a release",
            advice=advice or "pin the version, or write the helper yourself",
        )

    def _define(self, reference: Reference, symbol: Symbol) -> None:
        old = _old_function(symbol.path)
        if old is None:  # keras.backend.tensorflow_backend is keras.backend
            old = self._of_backend(reference.node, self.context.imports.locate(symbol.path).known)
        if old is None or self.context.target.api < old.needed or self._is_taken(old):
            return
        if not self.context.runs(DEFINE, reference.node):
            return
        local = self.context.definitions.need(old.definition, near=symbol)
        if local is None:
            return
        spelt = ".".join((reference.name, *reference.attributes))
        self.context.report(
            DEFINE, reference.node, f"{spelt} is gone: the file defines {local} now", fix=True
        )
        self._names[reference.node] = local
        self._functions[reference.node] = old
        self.context.imports.claim(reference.node)

    def _of_backend(self, node: cst.CSTNode, path: str) -> OldFunction | None:
        """Return a private function of the backend as the version had it that the file knows."""
        if path not in PAIRS:
            return BACKEND.get(path)
        if node in self._unpacked:
            return PAIRS[path]
        alone = era(self.context.names) is Era.KERAS_1 or any(
            self.context.imports.locate(symbol.path).known in BEFORE_PAIRS
            for _, symbol in self.context.names.symbols()
        )
        return BACKEND[path] if alone else None

    @cached_property
    def _unpacked(self) -> frozenset[cst.CSTNode]:
        """What is called where the statement takes two values."""
        return frozenset(
            each.value.func
            for each in walk(self.context.module)
            if isinstance(each, cst.Assign)
            and isinstance(each.value, cst.Call)
            and all(isinstance(target.target, cst.Tuple) for target in each.targets)
        )

    def _is_taken(self, old: OldFunction) -> bool:
        """Tell whether another function of the same name was defined first."""
        name = old.definition.name
        return any(
            each is not old and each.definition.name == name for each in self._functions.values()
        )

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial:
            return
        name = _old_layer(found.path)
        if name is None or node.func not in self.context.imports.homeless:
            return
        layer = (LAYERS_3 if self.context.target.api > 2 else LAYERS_2)[name]
        try:
            arguments(layer, self._bound(node, node))
        except UnbindableError:
            return  # reported as a missing name
        if not self.context.runs(LAYER, node):
            return
        local = self.context.definitions.need(layer.definition, near=found.symbol)
        if local is None:
            return
        self.context.report(LAYER, node, f"{name} is gone: the file defines {local} now", fix=True)
        self._names[node.func] = local
        self._layers[node] = layer
        self.context.imports.claim(node.func)

    # -- editing -----------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        layer = self._layers.get(original_node)
        if layer is not None:
            return arguments(layer, self._bound(original_node, updated_node)).render()
        old = self._functions.get(original_node.func)
        if old is None:
            return updated_node
        args = [
            arg.with_changes(keyword=cst.Name(old.keywords[arg.keyword.value]))
            if arg.keyword is not None and arg.keyword.value in old.keywords
            else arg
            for arg in updated_node.args
        ]
        return updated_node.with_changes(args=args)

    def _bound(self, original: cst.Call, updated: cst.Call) -> Arguments:
        symbol = self.context.symbol(original.func)
        assert symbol is not None
        return Arguments(original, updated, inventory.load(KERAS_1).signature(symbol.path))


#: What new code uses instead, by the last name.
_NEWER = {
    "ImageDataGenerator": "for new code: data = keras.utils.image_dataset_from_directory(folder),"
    " with layers such as keras.layers.RandomFlip and Rescaling in the model",
    "Tokenizer": "for new code: layer = keras.layers.TextVectorization(max_tokens=n);"
    " layer.adapt(texts)",
    "TimeseriesGenerator": "for new code: keras.utils.timeseries_dataset_from_array(data, targets,"
    " sequence_length=length)",
    "text_to_word_sequence": "for new code: keras.layers.TextVectorization",
    "one_hot": "for new code: keras.layers.Hashing(num_bins=n)",
    "hashing_trick": "for new code: keras.layers.Hashing(num_bins=n)",
}

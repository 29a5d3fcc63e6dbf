"""Saving and loading: file names and arguments that Keras 3 takes, at both ends."""

from __future__ import annotations

import re
from functools import cache, cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL
from kerasmigrate.versions import KERAS_3, plausible

from . import _saved_paths as paths
from ._edits import remove_argument
from ._history_reads import argument
from .defaults_table import source

WEIGHTS = Rule(
    "KM710",
    "weights-file-name",
    "Save weights to a name that ends in .weights.h5, and load them from there",
    "Keras 3 saves weights only so: save_weights('w.h5') raises \"The filename must end in"
    ' `.weights.h5`", and ModelCheckpoint with save_weights_only=True does so before the first'
    " epoch. The name changes wherever the project's Python files have it. Files that were saved"
    " under the old name stay what they are: load_weights still reads an old .h5.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.save_weights('best.h5')\nmodel.load_weights('best.h5')\n",
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.save_weights('best.weights.h5')\nmodel.load_weights('best.weights.h5')\n",
        ),
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.load_weights('pretrained.h5')\n",
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.load_weights('pretrained.h5')\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Names that the project only reads: those files exist already.",
        "Names that the project uses in any other way, that are put together at run time, or of"
        " files that are there; they get KM712.",
    ),
    references=("https://keras.io/guides/migrating_to_keras_3/",),
)
MODELS = Rule(
    "KM711",
    "model-file-name",
    "Save models to a name with a suffix that the target knows, and load them from there",
    'Keras 3 tells the format by the suffix: save("model") raises "Invalid filepath extension for'
    ' saving", and ModelCheckpoint("best.hdf5") raises "The filepath provided must end in'
    ' `.keras`"; it takes .h5 as well. An HDF5 name stays one, others become .keras.',
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.callbacks import ModelCheckpoint\nfrom keras.models import load_model\n\n"
            "save = ModelCheckpoint('best.hdf5')\nmodel = load_model('best.hdf5')\n",
            "from keras.callbacks import ModelCheckpoint\nfrom keras.models import load_model\n\n"
            "save = ModelCheckpoint('best.h5')\nmodel = load_model('best.h5')\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Names that the project uses in any other way; they get KM712.",
    ),
)
NAME = Rule(
    "KM712",
    "file-name-refused",
    "Report a file name that the target does not save to",
    "The suffix is wrong for Keras 3, and the name cannot be changed safely: it is put together at"
    " run time, or something else uses the file as well.",
    Safety.NONE,
)
FORMAT = Rule(
    "KM713",
    "save-argument",
    "Leave the format to the suffix, and name what save() takes by another position",
    'Keras 3 has no save_format: save_weights() raises "got an unexpected keyword argument'
    " 'save_format'\", and save() warns or refuses. The third position of save() was"
    " include_optimizer, and is `zipped` in Keras 3, where False makes it write a folder, and"
    " save_format in tf_keras.",
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.save('model.h5', save_format='h5')\nmodel.save('small.h5', True, False)\n",
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.save('model.h5')\nmodel.save('small.h5', True, include_optimizer=False)\n",
        ),
    ),
    untouched=("save_format='tf' of a whole model; it gets KM714.",),
)
SAVED_MODEL = Rule(
    "KM714",
    "saved-model",
    "Report a SavedModel or another file that the target does not load",
    'Keras 3 loads .keras, .h5 and .hdf5. Anything else raises "File format not supported:'
    " ... In order to reload a TensorFlow SavedModel as an inference-only layer in Keras 3, use"
    " `keras.layers.TFSMLayer(...)`\". save(save_format='tf') raises as well; a SavedModel is"
    " written by model.export().",
    Safety.NONE,
)
_WEIGHTS = (paths.WRITE_WEIGHTS, paths.CHECKPOINT_WEIGHTS)
_MODELS = (paths.WRITE_MODEL, paths.CHECKPOINT)
_HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".hd5")
#: Suffixes that say nothing more than the format, so that another may take their place.
_FORMATS = (*_HDF5, ".h5f", ".weights", ".ckpt", ".tf", ".model", ".keras", ".wts")
_FORMAT_NAMES = ("h5", "hdf5", "keras", "tf")
_CONCERNS = re.compile(r"save_weights|load_weights|\.save\(|save_model|load_model|ModelCheckpoint")


class Saving(Transform):
    """Gives models and weights file names that the target takes."""

    rules = (WEIGHTS, MODELS, NAME, FORMAT, SAVED_MODEL)
    order = 42

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._edits: dict[cst.CSTNode, tuple[str, str]] = {}
        self._plans: dict[str, tuple[str | None, str]] = {}
        #: Calls that lose save_format, and its position if it has no name.
        self._dropped: dict[cst.CSTNode, int | None] = {}
        self._named: set[cst.CSTNode] = set()

    @cached_property
    def _paths(self) -> paths.Paths:
        return paths.collect(self.context)

    @cached_property
    def _native(self) -> bool:
        """Whether the file was written for Keras 3."""
        return eras.is_keras_3(self.context.names)

    # -- the walk ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        if _CONCERNS.search(self.context.code) is None:
            return
        for use in self._paths.uses:
            if self.context.target.api >= 3:
                self._name(use)
            if use.kind in (*_WEIGHTS, *_MODELS):
                self._arguments(use)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        edit = self._edits.get(original_node)
        if edit is None:
            return updated_node
        old, new = edit
        quote = len(updated_node.quote)
        body = updated_node.value[:-quote]
        if not body.endswith(old):
            return updated_node
        end = updated_node.value[-quote:]
        return updated_node.with_changes(value=body.removesuffix(old) + new + end)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if original_node in self._dropped:
            place = self._dropped[original_node]
            if place is not None:
                updated_node = _named(updated_node, place, "save_format")
            updated_node = remove_argument(updated_node, "save_format")
        elif original_node in self._named and len(updated_node.args) > 3:
            updated_node = _named(updated_node, 3, "save_format")
        if original_node in self._named:
            updated_node = _named(updated_node, 2, "include_optimizer")
        return updated_node

    # -- names -------------------------------------------------------------------------------

    def _name(self, use: paths.Use) -> None:
        if use.kind in (paths.NEUTRAL, paths.OTHER) and use.text is None:
            return
        if use.text is None:
            if use.kind in _WEIGHTS and not self._knows_suffix and not self._native:
                self._refuse(use, "the source does not show the name", unsure=True)
            return
        if not self._is_concerned(use):
            return
        new, reason = self._plan(use.base)
        if new is not None:
            if use.text not in self._edits:
                self._rename(use, new)
        elif use.kind in (*_WEIGHTS, *_MODELS) and not _is_right(use.kind, use.base):
            self._refuse(use, reason or "the name is put together at run time")
        elif use.kind in (paths.READ_MODEL, paths.READ_WEIGHTS, paths.EXPORT):
            self._load(use)

    def _is_concerned(self, use: paths.Use) -> bool:
        """Tell whether a name may have to change, or cannot be read."""
        suffix = paths.suffix(use.base)
        if use.kind == paths.NEUTRAL:
            return suffix in _FORMATS or any(
                other.base == use.base and other.kind != paths.NEUTRAL for other in self._paths.uses
            )
        if use.kind == paths.READ_MODEL:
            return suffix not in (".keras", ".h5")
        if use.kind in (paths.READ_WEIGHTS, paths.READ_BY_NAME):
            return suffix != ".keras" and not _is_right(paths.WRITE_WEIGHTS, use.base)
        return use.kind != paths.OTHER and not _is_right(use.kind, use.base)

    def _rename(self, use: paths.Use, new: str) -> None:
        assert use.text is not None
        rule = WEIGHTS if new.endswith(".weights.h5") else MODELS
        if self.context.report(
            rule, use.text, f"{use.base!r} is {new!r} now, where it is written and read", fix=True
        ):
            old = use.base
            # Only what differs, so that escapes in front of it do not matter.
            while old and new and old[0] == new[0]:
                old, new = old[1:], new[1:]
            self._edits[use.text] = (old, new)

    def _refuse(self, use: paths.Use, reason: str, *, unsure: bool = False) -> None:
        suffix = ".weights.h5" if use.kind in _WEIGHTS else ".keras or .h5"
        code = self.context.module.code_for_node(use.path)
        written = self._written(use)
        what = f"write {written}" if written not in (None, code) else f"let it end in {suffix}"
        self.context.report(
            NAME,
            use.path,
            f"{use.kind.partition('(')[0]}() takes only names that end in {suffix}: {code};"
            f" {reason}",
            advice=f"{what}, here and wherever the file is read",
            severity=Severity.WARNING if unsure else Severity.ERROR,
            confidence=Confidence.UNSURE if unsure else Confidence.LIKELY,
        )

    def _written(self, use: paths.Use) -> str | None:
        """Return the source of a path with the right ending, where the literal is in it."""
        new = _new_name(use.base, weights=use.kind in _WEIGHTS)
        if use.text is None or isinstance(use.path, cst.Name):
            return None
        literal = use.text.with_changes(value=use.text.value.replace(use.base, new))
        if use.path is use.text:
            return self.context.module.code_for_node(literal)
        path = use.path.with_deep_changes(use.text, value=literal.value)
        return self.context.module.code_for_node(path)

    def _load(self, use: paths.Use) -> None:
        code = self.context.module.code_for_node(use.path)
        if use.kind == paths.EXPORT:
            self.context.report(
                SAVED_MODEL,
                use.call,
                "save() does not write the SavedModel format any more",
                advice=f"write .export({code}) for serving, or a name that ends in .keras for"
                " load_model()",
            )
        elif paths.suffix(use.base) in (".keras", ".h5", ".hdf5"):
            return
        elif use.kind == paths.READ_MODEL:
            self.context.report(
                SAVED_MODEL,
                use.call,
                f"load_model() reads only .keras, .h5 and .hdf5: {code}",
                advice="save the model to a .keras file again, or use the SavedModel for inference:"
                f" keras.layers.TFSMLayer({code}, call_endpoint='serving_default')",
                confidence=Confidence.LIKELY,
            )
        elif paths.suffix(use.base):
            self.context.report(
                SAVED_MODEL,
                use.call,
                f"load_weights() reads only .weights.h5, .keras, .h5 and .hdf5: {code}",
                advice="read the name that the weights are saved under then"
                if self._plan(use.base)[1]
                else "give the file the suffix of its format: .h5 if Keras 2 wrote HDF5",
                confidence=Confidence.LIKELY,
            )

    @cached_property
    def _knows_suffix(self) -> bool:
        """Whether the project has a name for weights in the new style somewhere."""
        view = self.context.view
        if ".weights.h5" in self.context.code:
            return True
        files = paths.contents(view.project).items()
        return any(b".weights.h5" in data for path, data in files if path != view.path)

    # -- the plan for a name -----------------------------------------------------------------

    def _plan(self, base: str) -> tuple[str | None, str]:
        """Return what a file is called everywhere from now on, or why it keeps its name."""
        if base not in self._plans:
            self._plans[base] = self._planned(base)
        return self._plans[base]

    def _planned(self, base: str) -> tuple[str | None, str]:
        own = {each for each in self._paths.mentions if paths.mentions(each.name, base)}
        if not own or not base:
            return None, ""
        others = paths.elsewhere(self.context, base)
        if paths.suffix(base) not in _FORMATS:
            # The other files do not take such a word for a file name.
            neutral = {each for each in others if each.kind == paths.NEUTRAL}
            others = others - neutral | {paths.Mention(each.name, paths.OTHER) for each in neutral}
        found = own | others
        kinds = {each.kind if paths.basename(each.name) == base else paths.OTHER for each in found}
        weights, models = kinds & set(_WEIGHTS), kinds & set(_MODELS)
        wrong = [kind for kind in weights | models if not _is_right(kind, base)]
        if not wrong:
            return None, ""
        if weights and models:
            return None, "whole models are saved under the name as well"
        allowed = {*weights, *models, paths.READ_WEIGHTS, paths.NEUTRAL}
        if models:
            allowed.add(paths.READ_MODEL)
        for kind in sorted(kinds - allowed):
            if kind == paths.COMPUTED:
                return None, "the name is put together at run time"
            if kind == paths.OTHER:
                return None, "the name is used in other ways as well"
            return None, f"{kind} uses the name as well"
        if not _is_name(base):
            return None, "the name is put together at run time"
        new = _new_name(base, weights=bool(weights))
        if self._is_taken(new):
            return None, f"the project has a {new} already"
        if any(self._exists(each.name) for each in found):
            return None, "a file of that name exists"
        return new, ""

    def _is_taken(self, new: str) -> bool:
        return any(paths.mentions(each.name, new) for each in self._paths.mentions) or bool(
            paths.elsewhere(self.context, new)
        )

    def _exists(self, name: str) -> bool:
        view = self.context.view
        if view.path is None:
            return False
        try:
            return any((folder / name).exists() for folder in (view.path.parent, view.project.root))
        except (OSError, ValueError):
            return False

    # -- arguments ---------------------------------------------------------------------------

    def _arguments(self, use: paths.Use) -> None:
        call = use.call
        if use.kind in (paths.CHECKPOINT, paths.CHECKPOINT_WEIGHTS):
            return
        if (
            isinstance(call.func, cst.Attribute)
            and use.kind == paths.WRITE_MODEL
            and (len(call.args) == 3 or (len(call.args) == 4 and self._is_format(use, 3)))
            and all(arg.keyword is None and not arg.star for arg in call.args)
            and isinstance(literals.plain(call.args[2].value), bool)
            and self.context.symbol(call.func) is None
            and self.context.report(
                FORMAT, call, "save(): include_optimizer= is named now", fix=True
            )
        ):
            self._named.add(call)
        wanted = self._format(use)
        if wanted is None or self.context.target.api < 3:
            return
        named = _is_right(use.kind, use.base) or self._plan(use.base)[0] is not None
        known = literals.plain(wanted) in (*_FORMAT_NAMES, None)
        place = next(i for i, arg in enumerate(call.args) if arg.value is wanted)
        by_position = call.args[place].keyword is None
        if by_position and any(arg.keyword is None for arg in call.args[place + 1 :]):
            named = False
        if use.text is None or not known or not named:
            self.context.report(
                FORMAT,
                call,
                "there is no save_format= in Keras 3",
                advice="leave it out; the suffix of the name tells the format",
            )
        elif self.context.report(FORMAT, call, "save_format= is gone", fix=True):
            self._dropped[call] = place if by_position else None

    def _format(self, use: paths.Use) -> cst.BaseExpression | None:
        """Return the argument save_format, by its name or its position."""
        args = use.call.args
        for index, arg in enumerate(args):
            if arg.star:
                return None
            if arg.keyword is None and self._is_format(use, index):
                return arg.value
        return argument(args, len(args), "save_format")

    def _is_format(self, use: paths.Use, index: int) -> bool:
        """Tell whether a position is save_format, by its value or by the versions of the file."""
        call = use.call
        symbol = self.context.symbol(call.func)
        if index < (2 if symbol is None else 3) or call.args[index].keyword is not None:
            return False
        value = literals.plain(call.args[index].value)
        if not isinstance(value, literals.Unknown):
            return value in _FORMAT_NAMES
        names = self.context.names
        if symbol is not None:
            flavours = {symbol.flavour}
        else:
            flavours = {each.flavour for _, each in names.symbols()}
        method = "save_weights" if use.kind in _WEIGHTS else "save"
        path = symbol.path if symbol is not None else ""
        held = [
            _order(v, path, method) for f in flavours for v in plausible(names, f) or (KERAS_3,)
        ]
        return bool(held) and all(each[index : index + 1] == ("save_format",) for each in held)


@cache
def _order(version: str, path: str, method: str) -> tuple[str, ...]:
    """Return the positions of a function, or of a method of models, in a version."""
    known = source(version)
    found = known.signature(path) if path else known.method(MODEL, method)
    return found.names() if found is not None else ()


def _named(call: cst.Call, place: int, name: str) -> cst.Call:
    """Give a name to an argument by position."""
    args = list(call.args)
    args[place] = args[place].with_changes(
        keyword=cst.Name(name),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    return call.with_changes(args=args)


def _is_right(kind: str, base: str) -> bool:
    """Tell whether Keras 3 takes a name."""
    if kind in _WEIGHTS:
        return base.endswith(".weights.h5")
    return base.endswith((".keras", ".h5")) or (
        kind == paths.WRITE_MODEL and base.endswith(".hdf5")
    )


def _is_name(base: str) -> bool:
    """Tell whether there is more to a file name than fields and a suffix."""
    stem = base.removesuffix(paths.suffix(base))
    return "%" not in stem and re.search(r"[A-Za-z]", re.sub(r"\{[^}]*\}", "", stem)) is not None


def _new_name(base: str, *, weights: bool) -> str:
    """Return a file name like another one that Keras 3 takes."""
    suffix = paths.suffix(base)
    stem = base.removesuffix(suffix) if suffix.lower() in _FORMATS else base
    if weights:
        return f"{stem}.weights.h5"
    return f"{stem}.h5" if suffix.lower() in _HDF5 else f"{stem}.keras"

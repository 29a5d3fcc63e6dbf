"""Imports and references: every Keras name, from every spelling, to the target's one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.flavours import TARGETS, Target
from kerasmigrate.flavours import target as find_target
from kerasmigrate.import_editor import Outcome
from kerasmigrate.imports import Located, Want, is_module, locate
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Statement
from kerasmigrate.transform import Transform

from . import backend_table

IMPORT = Rule(
    "KM101",
    "import",
    "Import Keras names from the chosen flavour and from their public home",
    "Old homes such as keras.layers.core and keras.engine do not exist any more: 81 % of the"
    " repositories that we measured fail on an import. Two flavours in one program do not"
    " understand each other's layers.",
    examples=(
        Example("from keras.layers.core import Dense\n", "from keras.layers import Dense\n"),
        Example(
            "from keras.layers import Dense\n",
            "from tensorflow.keras.layers import Dense\n",
            "tf.keras",
        ),
        Example("import keras\n", "import tf_keras as keras\n", "tf_keras"),
        Example(
            "from keras.engine import Layer, get_source_inputs\n",
            "from keras.layers import Layer\nfrom keras.utils import get_source_inputs\n",
        ),
    ),
    untouched=("Imports of names that the target does not have; they get KM103.",),
)
REFERENCE = Rule(
    "KM102",
    "reference",
    "Spell references as the chosen flavour has them",
    "tf.keras.X and keras.X are two flavours even where one TensorFlow ships both.",
    examples=(
        Example(
            "import tensorflow as tf\n\nlayer = tf.keras.layers.Dense(4)\n",
            "import keras\n\nlayer = keras.layers.Dense(4)\n",
        ),
        Example(
            "import keras\n\nlayer = keras.layers.core.Dense(4)\n",
            "import tf_keras as keras\n\nlayer = keras.layers.Dense(4)\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "A parameter, variable or class that only shares its name with a Keras module.",
        "`import tensorflow as tf`, as long as anything else uses it.",
    ),
)
GONE = Rule(
    "KM103",
    "name-is-gone",
    "Report a name that the target does not have",
    "The import or attribute raises ImportError or AttributeError on the target. What the code"
    " takes from the private part of the target itself, such as keras.src, is only noted: no"
    " release promises that it is there, and none that it is not.",
    Safety.NONE,
    untouched=("Names that the code itself puts there, as in `K.where = where`.",),
)
MODULE_NAME = Rule(
    "KM111",
    "name-of-a-module",
    "Report code that reads the name of a module of another flavour",
    "Code that asks for keras.__name__ tells flavours apart by it, and finds none that it knows:"
    " the name is 'keras' for standalone Keras, 'tf_keras' for tf_keras, and that of a private"
    " place, 'keras._tf_keras.keras', for the tf.keras of Keras 3.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Code of the target's own flavour.",),
)
STAR = Rule(
    "KM104",
    "star-import",
    "Report a star import that has to stay, because other files import from here",
    "What a star brings differs between the versions; names that moved are imported by name.",
    Safety.NONE,
    Severity.INFO,
)
GUARD = Rule(
    "KM106",
    "flavour-guard",
    "Replace a guard between two flavours by the branch that works",
    "After the migration both branches would import the same thing.",
    Safety.REVIEW,
    examples=(
        Example(
            "try:\n    from keras.layers import Dense\nexcept ImportError:\n"
            "    from tensorflow.keras.layers import Dense\n",
            "from keras.layers import Dense\n",
        ),
    ),
    untouched=("Guards that do anything else, such as setting a flag or a stub.",),
)
UNSURE = Rule(
    "KM107",
    "ambiguous-name",
    "Report a name that may mean Keras or something else",
    "The name is bound more than once, and not only by imports of the same thing.",
    Safety.NONE,
    Severity.WARNING,
)
UNUSED = Rule(
    "KM109",
    "unused-import-of-gone-name",
    "Drop an unused import of a name that the target does not have",
    "The import would fail although nothing needs it.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.layers import Dense, Highway\n\nDense(4)\n",
            "from keras.layers import Dense\n\nDense(4)\n",
        ),
    ),
    untouched=("Names in `__init__.py`, in `__all__`, or that another file asks for by name.",),
)


#: What the package calls itself.
_NAMES = {
    "keras": "keras",
    "tf_keras": "tf_keras",
    "tf.keras": "keras._tf_keras.keras",
}


class References(Transform):
    """Rewrites references, and reports on what becomes of the imports."""

    rules = (IMPORT, REFERENCE, GONE, MODULE_NAME, STAR, GUARD, UNSURE, UNUSED)
    order = 10

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._reference(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._reference(original_node, updated_node)

    def _reference(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        imports = self.context.imports
        if original in imports.claimed:
            return updated
        if original in imports.unsure:
            self._unsure(original)
            return updated
        located = imports.homeless.get(original)
        if located is not None:
            self._homeless(original, located)
            return updated
        self._check_name(original)
        new = imports.replacements.get(original)
        if new is None:
            return updated
        old = self.context.module.code_for_node(original)
        self.context.report(REFERENCE, original, f"{old} is now {new}", fix=True)
        expression = cst.parse_expression(new)
        assert isinstance(expression, cst.Name | cst.Attribute)
        return expression.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _check_name(self, node: cst.Name | cst.Attribute) -> None:
        if not isinstance(node, cst.Attribute) or node.attr.value != "__name__":
            return
        symbol = self.context.symbol(node)
        target = self.context.target
        if (
            symbol is not None
            and not target.accepts(symbol.flavour)
            and is_module(symbol.path.rpartition(".")[0])
        ):
            code = self.context.module.code_for_node(node)
            name = _NAMES[target.name] + symbol.path.removeprefix("keras").removesuffix(".__name__")
            self.context.report(
                MODULE_NAME,
                node,
                f"{code} is the name of another module in {target.name}",
                advice=f"ask for {name!r}, or leave out what only another flavour needs",
            )

    def _unsure(self, node: cst.Name | cst.Attribute) -> None:
        name = self.context.names.references[node].name
        self.context.report(
            UNSURE,
            node,
            f"{name!r} is bound to Keras and to something else",
            advice="give the two different names, then run kerasmigrate again",
            confidence=Confidence.UNSURE,
        )

    def _homeless(self, node: cst.Name | cst.Attribute, located: Located) -> None:
        symbol = self.context.symbol(node)
        assert symbol is not None
        if not symbol.attributes and symbol.binding.through in ("import", "star"):
            return  # reported once, where it is imported
        if self.context.imports.foreign(located.known) is not None:
            return  # not a Keras name: its own import is added
        if located.known in self._patched:
            if not self.context.names.references[node].stored:
                return  # the code sees to it that the name is there
            if self._report_patch(node, located.known) or _is_new(located):
                return
        self._report_gone(node, located, self.context.names.origins(node))

    @cached_property
    def _patched(self) -> frozenset[str]:
        """Names that this file, or another of the project, puts into modules of Keras."""
        here = {
            symbol.path
            for reference, symbol in self.context.names.symbols()
            if reference.stored and reference.scope.kind == "module"
        }
        found = self.context.view.project.patched | here
        # What goes into a module that is gone itself, or elsewhere, does not get there.
        modules = {each: each.rpartition(".")[0] for each in found}
        return frozenset(
            each
            for each, module in modules.items()
            if self.context.imports.locate(module).path == module
        )

    def _report_patch(self, node: cst.CSTNode, path: str) -> bool:
        """Report a function of the code that takes the place of one that calls lose here."""
        module, _, name = path.rpartition(".")
        target = self.context.target
        if module != "keras.backend" or name not in backend_table.converted(target.api):
            return False
        self.context.report(
            GONE,
            node,
            f"the code puts its own {name}() into {module}, which converted calls do not see:"
            f" {target.name} has none, and they call what stands for it",
            advice="call the function of the code by its own name where it is meant",
        )
        return True

    def _report_gone(
        self, node: cst.CSTNode, located: Located, origins: Sequence[str | None]
    ) -> None:
        target = self.context.target
        if target == _LEGACY and located.known in _V1 and _below(origins, _V1_ROOT):
            return
        # A tf_keras has never had another meaning; keras.src was that of Keras 2.13 to 2.15, too.
        maybe = target.name == "tf_keras" or located.home.status == "unknown"
        if maybe and _below(origins, f"{target.root}.src."):
            self.context.report(
                GONE,
                node,
                f"{origins[0]} is private: kerasmigrate does not know whether it exists",
                advice="see whether the installed version has it, or take a public name",
                severity=Severity.INFO,
                confidence=Confidence.UNSURE,
            )
            return
        if located.home.status == "gone":
            message = f"{located.known} does not exist in {target.name} (Keras {target.api})"
        elif located.known.rpartition(".")[2].startswith("_"):
            message = f"{located.known} is private to the Keras that this code was written for"
        else:
            message = f"{located.known} is in no version of Keras that kerasmigrate knows"
        self.context.report(GONE, node, message, advice=_advice(located.known, target))

    def decided(self, outcome: Outcome) -> Outcome:
        imports = self.context.imports
        for plan in outcome.gone:
            place = plan.binding.node
            if plan.binding.name == "*":
                place = (plan.stuck or plan.live)[0].node
            origins = [self.context.names.origin(plan.binding)]
            self._report_gone(place, imports.locate(plan.path or ""), origins)
        for plan in outcome.unused:
            self.context.report(
                UNUSED, plan.binding.node, f"unused import of {plan.path}", fix=True
            )
        for binding in outcome.stars:
            self.context.report(
                STAR,
                binding.node,
                f"from {binding.origin} import * stays, because other files may rely on it",
            )
        for guard in outcome.collapsed:
            self.context.report(
                GUARD, guard, "both branches import the same thing in the target", fix=True
            )
        for statement, entries in outcome.entries.items():
            moved = [each for each in entries if not each.kept and each.want is not None]
            if moved:
                added = all(each.alias is None for each in moved) and any(e.kept for e in entries)
                old = _import_text(statement)
                new = " and ".join(dict.fromkeys(_want_text(e.want) for e in moved if e.want))
                message = f"{new} joins {old}" if added else f"{old} is now {new}"
                self.context.report(IMPORT, statement, message, fix=True)
        return outcome


#: tf.keras of TensorFlow up to 2.15, or with TF_USE_LEGACY_KERAS=1: its compat.v1 has more.
_LEGACY = find_target("tf.keras", 2)
_V1_ROOT = "tensorflow.compat.v1.keras."
_V1 = frozenset(("keras.backend.get_session", "keras.backend.set_session"))


def _is_new(located: Located) -> bool:
    """Tell whether a public name is of the code alone: no Keras had one that it could replace."""
    name = located.known.rpartition(".")[2]
    return located.home.status == "unknown" and not name.startswith("_")


def _below(origins: Sequence[str | None], root: str) -> bool:
    return bool(origins) and all(each is not None and each.startswith(root) for each in origins)


def _import_text(statement: Statement) -> str:
    """Return an import statement without the names that it takes from a module."""
    code = cst.Module([]).code_for_node(statement).strip().rstrip("; ")
    return code.partition(" import")[0] if isinstance(statement, cst.ImportFrom) else code


def _want_text(want: Want) -> str:
    if want.module is not None and want.path != "keras":
        return f"from {want.module}"
    start = f"from {want.module} " if want.module is not None else ""
    return f"{start}import {want.path}" + (f" as {want.asname}" if want.asname else "")


@cache
def _advices() -> dict[str, str]:
    text = (files(__package__) / "gone_names.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def _advice(path: str, target: Target) -> str:
    """Say what to do about a name that the target does not have.

    ``path@2`` stands for what holds in a target with the API of Keras 2.
    """
    parts = path.split(".")
    public = ".".join((*parts[:2], parts[-1]))
    known = next(
        (found for key in (f"{path}@{target.api}", path, public) if (found := _advices().get(key))),
        None,
    )
    elsewhere = [
        other.spell(found)
        for other in TARGETS
        if other.inventory != target.inventory
        and other.name != target.name
        and (found := locate(path, other).path) is not None
    ]
    offers = [known] if known else []
    if elsewhere:
        offers.append(f"{elsewhere[0]} still exists")
    return "; ".join(offers) or "write a replacement by hand, or remove what needs it"

"""The table of backend functions: what each of them is in Keras 3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1
from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.homes import home
from kerasmigrate.inventory.signature import parse

#: Inventories of Keras 2, later ones first: the signatures that most code was written for.
_LATER = ("tf.keras-2", "keras-2.3.1")
#: Stands for a reason that several rows share.
_SEED = (
    "an integer seed gives the same numbers at every call now; make a"
    " keras.random.SeedGenerator once and pass that"
)


@dataclass(frozen=True)
class Row:
    """One way to write a backend function in Keras 3.

    Attributes:
        to: Path below ``keras`` of a function that takes the same arguments under other names.
        form: An expression; ``@path`` is a symbol below ``keras``, ``{name}`` an argument. A
            keyword whose argument is not given is left out.
        define: Name of a definition in `backend_definitions` that takes the same arguments.
        condition: Name of a condition in `backend_conditions` that the call has to meet.
        only: Arguments that may be given; all when empty.
        where: Values that arguments must have; a sequence is written as a list.
        rename: Old name to new name.
        write: Defaults, as source, that the new function does not share.
        also: Arguments that are always added.
        drop: Arguments that never had an effect under TensorFlow.
        defaults: Source of what ``form`` puts in for an argument that is not given.
        nonnull: Why an argument that is given, and not as None, keeps the call as it is.
        rejected: By argument and value, why that value keeps the call as it is.
        twice: Arguments that ``form`` evaluates more than once.
        note: What has to hold and is not in the source.
        refuse: Why no row before this one fits.
        advice: What to write then.
    """

    to: str = ""
    form: str = ""
    define: str = ""
    condition: str = ""
    only: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    nonnull: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    twice: tuple[str, ...] = ()
    note: str = ""
    refuse: str = ""
    advice: str = ""


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("backend_functions.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@cache
def rows(name: str, api: int = 3) -> tuple[Row, ...]:
    """Return the ways to write a function, the first that fits being the right one.

    Args:
        name: Of the function.
        api: Major version of the Keras API that it is written for.
    """
    found = _data()["functions" if api >= 3 else "keras_2"].get(name, [])
    return tuple(_row(each) for each in (found if isinstance(found, list) else [found]))


def _row(data: dict[str, Any]) -> Row:
    known = dict(data)
    known["condition"] = known.pop("if", "")
    known["rejected"] = known.pop("not", {})
    known["nonnull"] = {
        name: _SEED if reason == "@seed" else reason
        for name, reason in known.get("nonnull", {}).items()
    }
    for name in ("only", "drop", "twice"):
        known[name] = tuple(known.get(name, ()))
    return Row(**known)


def converted(api: int = 3) -> tuple[str, ...]:
    """Return the names of the functions that have rows for a version of the API, sorted."""
    return tuple(sorted(_data()["functions" if api >= 3 else "keras_2"]))


@cache
def gone() -> dict[str, str]:
    """Return what to do about each function that has no equal."""
    found: dict[str, str] = _data()["gone"]
    return found


def is_phase(name: str) -> bool:
    """Tell whether a function asks whether the model is being trained."""
    return name in _data()["phase"]


def works(name: str) -> bool:
    """Tell whether a function works as ever where the target has it, with no need of a new one."""
    return name in _data()["works"]


def failure(name: str) -> str:
    """Return the message with which a function fails although the target has it, if it does."""
    found: str = _data()["always_fails"].get(name, "")
    return found


@cache
def function(path: str, api: int = 3) -> str | None:
    """Return the name of the backend function that a canonical path means, if it is one.

    Old paths, such as ``keras.backend.tensorflow_backend.sum`` and ``keras.layers.core.K.sum``,
    count. For the API of Keras 2, only functions that it dropped itself do, and those that fail.
    """
    module, _, leaf = path.rpartition(".")
    known = leaf in _data()["functions"] or leaf in gone() or is_phase(leaf)
    if not (known if api >= 3 else leaf in _data()["keras_2"] or failure(leaf)):
        return None
    if module != "keras.backend" and home(module, "tf.keras-2").path != "keras.backend":
        return None
    return leaf


@cache
def signature(name: str, *, keras_1: bool = False) -> Signature | None:
    """Return the signature of a function in Keras 1, or in the latest Keras 2 that has it.

    Functions of the Theano backend alone, which no inventory has, count for Keras 2.
    """
    text = _data()["signatures"].get(name)
    if text is not None:
        return None if keras_1 else parse(text)
    for each in (KERAS_1,) if keras_1 else _LATER:
        found = inventory.load(each).signature(f"keras.backend.{name}")
        if found is not None:
            return found
    return None


@cache
def later_name(function: str, parameter: str) -> str:
    """Return the name that Keras 2 gave to a parameter of Keras 1."""
    known = signature(function)
    if known is not None and known.named(parameter):
        return parameter
    aliases: dict[str, str] = _data()["aliases"]
    new = aliases.get(parameter)
    return new if new is not None and known is not None and known.named(new) else parameter

"""The table of ``tf.layers``: its functions and classes with the arguments that they took."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.signature import parse

_MODULE = re.compile(
    r"(?:python\.)?layers\.(?:(?:core|convolutional|pooling|normalization|layers)\.)?(\w+)"
)
#: Layers without weights.
_BARE = re.compile(r"(?:Max|Average)Pooling|Flatten|Dropout")


@dataclass(frozen=True)
class Entry:
    """A function or class of ``tf.layers``.

    Attributes:
        name: Its name there.
        cls: The Keras layer of the same name, or that the function makes.
        signature: What it accepts.
        is_function: Whether it calls the layer as well.
    """

    name: str
    cls: str
    signature: Signature
    is_function: bool

    @property
    def path(self) -> str:
        """Canonical path of the Keras layer."""
        return f"keras.layers.{self.cls}"

    @property
    def kept(self) -> str:
        """Canonical path of the same function or class in tf_keras, which keeps it privately."""
        module = "convolutional"
        if self.cls in ("Dense", "Dropout", "Flatten"):
            module = "core"
        elif self.cls == "BatchNormalization":
            module = "normalization"
        elif "Pooling" in self.cls:
            module = "pooling"
        return f"keras.legacy_tf_layers.{module}.{self.name}"

    @property
    def has_weights(self) -> bool:
        """Whether the layer makes variables."""
        return _BARE.match(self.cls) is None

    @property
    def asks_training(self) -> bool:
        """Whether its call takes ``training``."""
        return self.cls in ("Dropout", "BatchNormalization")


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("tf_layers.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def entry(name: str | None) -> Entry | None:
    """Return the entry for a path below ``tensorflow``, such as ``layers.dense``."""
    leaf = member(name)
    if leaf is None:
        return None
    function = _data()["functions"].get(leaf)
    if function is not None:
        return Entry(leaf, function["to"], parse(function["call"]), True)
    text = _data()["classes"].get(leaf)
    return Entry(leaf, leaf, parse(text), False) if text is not None else None


def member(name: str | None) -> str | None:
    """Return what a path below ``tensorflow`` names in ``layers``, whether we know it or not."""
    match = _MODULE.fullmatch(name) if name is not None else None
    return match.group(1) if match is not None else None


def entries() -> tuple[Entry, ...]:
    """Return every function and class, functions first."""
    names = [*_data()["functions"], *_data()["classes"]]
    return tuple(each for name in names if (each := entry(f"layers.{name}")) is not None)


@cache
def contrib() -> dict[str, str]:
    """Return what to write for each layer function of ``tf.contrib.layers``."""
    found: dict[str, str] = _data()["contrib"]
    return found

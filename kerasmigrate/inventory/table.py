"""Collecting symbols and writing them as an inventory file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from kerasmigrate.inventory.signature import Signature


@dataclass
class ClassFacts:
    """What an inventory keeps of a class; bases are object ids."""

    bases: list[str]
    call: Signature | None
    methods: dict[str, Signature | None]


@dataclass
class Table:
    """The symbols of one Keras while they are collected.

    An object id is any string that is equal for aliases of one object; `write` replaces it with
    the shortest canonical path of that object.
    """

    name: str
    version: str
    how: str
    modules: dict[str, list[str] | None] = field(default_factory=dict)
    classes: dict[str, ClassFacts] = field(default_factory=dict)
    functions: dict[str, Signature | None] = field(default_factory=dict)
    constants: dict[str, str | None] = field(default_factory=dict)
    #: Those of the modules that are reached only below the private ``src`` of the package.
    private_modules: list[str] = field(default_factory=list)
    #: Canonical path -> object id of a class, function or module.
    symbols: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the inventory, one symbol in one line, sorted."""
        public: dict[str, str] = {}
        for symbol, identity in self.symbols.items():
            known = public.get(identity)
            if known is None or _rank(symbol, identity) < _rank(known, identity):
                public[identity] = symbol
        aliases = {
            symbol: public[identity]
            for symbol, identity in self.symbols.items()
            if public[identity] != symbol
        }
        classes: dict[str, object] = {}
        private: dict[str, object] = {}
        for identity, facts in self.classes.items():
            row = {
                "bases": [public.get(base, f"~{base}") for base in facts.bases],
                "call": _text(facts.call),
                "methods": {name: _text(facts.methods[name]) for name in sorted(facts.methods)},
            }
            if identity in public:
                classes[public[identity]] = row
            else:
                private[f"~{identity}"] = row
        functions = {
            public[identity]: _text(signature) for identity, signature in self.functions.items()
        }
        data: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "how": self.how,
            "modules": {
                module: None if exported is None else sorted(exported)
                for module, exported in self.modules.items()
            },
            "classes": classes,
            "private_bases": private,
            "functions": functions,
            "constants": self.constants,
            "aliases": aliases,
        }
        if self.private_modules:
            data["private_modules"] = sorted(self.private_modules)
        path.write_text(dump(data), encoding="utf-8", newline="\n")


def _rank(symbol: str, identity: str) -> tuple[bool, int, int, str]:
    """Order the paths of one object: where it is defined, then the shortest."""
    return symbol != identity, symbol.count("."), len(symbol), symbol


def _text(signature: Signature | None) -> str | None:
    return None if signature is None else str(signature)


def dump(data: dict[str, object]) -> str:
    """Write two levels of a mapping with one entry in a line, sorted by key, as JSON."""
    sections = []
    for name, section in data.items():
        if isinstance(section, dict):
            rows = [f"{_compact(key)}:{_compact(section[key])}" for key in sorted(section)]
            body = "{\n" + ",\n".join(rows) + "\n}" if rows else "{}"
        else:
            body = _compact(section)
        sections.append(f"{_compact(name)}:{body}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

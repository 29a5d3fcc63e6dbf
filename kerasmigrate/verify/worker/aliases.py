"""Lets one package be imported by the name of another: ``keras`` from 2.4 to 2.15 was tf.keras."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``name`` and all below it where ``real`` has them, or has them among its sources."""

    def __init__(self, name: str, real: str) -> None:
        self.name = name
        self.real = real

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name and not fullname.startswith(self.name + "."):
            return None
        if self._place(fullname) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def _place(self, fullname: str) -> str | None:
        rest = fullname[len(self.name) :]
        for root in (self.real, self.real + ".src"):
            try:
                if importlib.util.find_spec(root + rest) is not None:
                    return root + rest
            except ImportError:  # the module above it is not there, or is no package
                continue
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        place = self._place(spec.name)
        assert place is not None
        module = importlib.import_module(place)
        self.kept = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own specification back: the import system has set the alias'."""
        module.__spec__ = self.kept


def install(name: str, real: str) -> None:
    """Make ``import name`` mean ``import real``, with all submodules."""
    for known in list(sys.modules):
        if known == name or known.startswith(name + "."):
            del sys.modules[known]
    sys.meta_path.insert(0, _Finder(name, real))
    importlib.import_module(name)

"""Making an inventory of an old standalone Keras from its sources, without running them.

Old Keras does not import beside a current TensorFlow as it is, so the facts come from the syntax
trees: star imports are followed, both branches of ``if`` and ``try`` count, and
the backend is TensorFlow. Decorators are ignored: those of Keras (``interfaces.legacy_...``) accept
older spellings, which the signature itself does not name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory.effective import Function, effective
from kerasmigrate.inventory.signature import Signature
from kerasmigrate.inventory.table import ClassFacts, Table

#: Packages of Keras 2.2 and 2.3 that hold code which Keras re-exports.
_PACKAGES = ("keras", "keras_applications", "keras_preprocessing")

_OTHER_BACKENDS = {"theano_backend", "cntk_backend"}

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class _Name:
    """What a global name stands for.

    ``kind`` is class, function, module, constant, foreign, or ``later``: an import of ``name``
    from ``path`` that is followed only when asked, because modules of Keras import each other.
    """

    kind: str
    path: str
    node: Definition | None = None
    name: str = ""


@dataclass
class _Module:
    path: str
    package: str
    tree: ast.Module
    names: dict[str, _Name] = field(default_factory=dict)
    exported: list[str] | None = None
    ready: bool = False


@dataclass(frozen=True)
class _Place:
    module: str
    node: Definition
    owner: str | None
    leaf: str | None


class _Static:
    """The modules of a source tree, with their global names resolved on demand."""

    def __init__(self, folder: Path) -> None:
        self.modules: dict[str, _Module] = {}
        for package in _PACKAGES:
            for path in sorted((folder / package).rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                if path.name == "__init__.py":
                    parts = parts[:-1]
                    home = ".".join(parts)
                else:
                    home = ".".join(parts[:-1])
                tree = ast.parse(path.read_text(encoding="utf-8"))
                dotted = ".".join(parts)
                self.modules[dotted] = _Module(dotted, home, tree)

    def names(self, path: str) -> dict[str, _Name]:
        """Return the global names of a module; some may be imports that are not followed yet."""
        module = self.modules[path]
        if not module.ready:
            module.ready = True
            self._read(module, module.tree.body)
        return module.names

    def _read(self, module: _Module, body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                module.names[node.name] = _Name(kind, f"{module.path}.{node.name}", node)
            elif isinstance(node, ast.Import):
                for each in node.names:
                    target = each.name if each.asname else each.name.partition(".")[0]
                    name = each.asname or target
                    module.names[name] = self._module_name(target)
            elif isinstance(node, ast.ImportFrom):
                self._import(module, node)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                self._assign(module, node)
            else:
                self._branches(module, node)

    def _branches(self, module: _Module, node: ast.stmt) -> None:
        """Read a compound statement; the first branch that binds a name wins."""
        branches: list[list[ast.stmt]] = []
        if isinstance(node, ast.If):
            branches = [node.body, node.orelse]
        elif isinstance(node, ast.Try):
            branches = [node.body, *(each.body for each in node.handlers), node.orelse]
            branches.append(node.finalbody)
        elif isinstance(node, ast.With | ast.For):
            branches = [node.body]
        bound: dict[str, _Name] = {}
        before = module.names
        for branch in branches:
            module.names = dict(before)
            self._read(module, branch)
            for name, value in module.names.items():
                if before.get(name) != value:
                    bound.setdefault(name, value)
        before.update(bound)
        module.names = before

    def _import(self, module: _Module, node: ast.ImportFrom) -> None:
        source = node.module or ""
        if source == "__future__":
            return
        if node.level:
            parts = module.package.split(".")
            parts = parts[: len(parts) - node.level + 1]
            source = ".".join([*parts, *([source] if source else [])])
            first = source[len(module.package) + 1 :].partition(".")[0]
            child = f"{module.package}.{first}"
            inside = module.path == module.package and first not in _OTHER_BACKENDS
            if inside and child in self.modules:
                module.names.setdefault(first, _Name("module", child))
        for each in node.names:
            if each.name != "*":
                module.names[each.asname or each.name] = _Name("later", source, None, each.name)
            elif source in self.modules and source.rpartition(".")[2] not in _OTHER_BACKENDS:
                for name in self.star(source):
                    module.names[name] = self.names(source)[name]

    def lookup(self, source: str, name: str) -> _Name:
        """Say what ``from source import name`` binds."""
        seen: set[tuple[str, str]] = set()
        while source in self.modules and (source, name) not in seen:
            seen.add((source, name))
            found = self.names(source).get(name)
            if found is None:
                break
            if found.kind != "later":
                return found
            source, name = found.path, found.name
        return self._module_name(f"{source}.{name}")

    def follow(self, name: _Name) -> _Name:
        """Follow an import to what it names."""
        return self.lookup(name.path, name.name) if name.kind == "later" else name

    def _module_name(self, path: str) -> _Name:
        return _Name("module" if path in self.modules else "foreign", path)

    def version(self, package: str) -> str:
        """Return the ``__version__`` that a package assigns."""
        for node in self.modules[package].tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
                return str(ast.literal_eval(node.value))
        raise KerasMigrateError(f"{package} has no __version__: give the unpacked source")

    def star(self, path: str) -> list[str]:
        """Return the names that ``from path import *`` binds."""
        found = self.names(path)
        exported = self.modules[path].exported
        if exported is not None:
            return [each for each in exported if each in found]
        return [each for each in found if not each.startswith("_")]

    def _assign(self, module: _Module, node: ast.Assign | ast.AnnAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found = None
        if isinstance(node.value, ast.Name):
            found = module.names.get(node.value.id)
        elif isinstance(node.value, ast.Attribute):
            found = self.value(module.path, node.value)
        for each in targets:
            for name in each.elts if isinstance(each, ast.Tuple) else [each]:
                if isinstance(name, ast.Name):
                    if name.id == "__all__" and isinstance(node.value, ast.List):
                        module.exported = [str(ast.literal_eval(one)) for one in node.value.elts]
                    elif found is not None and name is each:
                        module.names[name.id] = found
                    else:
                        module.names[name.id] = _Name("constant", f"{module.path}.{name.id}")

    def value(self, module: str, node: ast.expr) -> _Name | None:
        """Say what a dotted name in a module refers to; None for any other expression."""
        if isinstance(node, ast.Name):
            found = self.names(module).get(node.id)
            return None if found is None else self.follow(found)
        if isinstance(node, ast.Attribute):
            holder = self.value(module, node.value)
            if holder is not None and holder.kind in {"module", "foreign"}:
                return self.lookup(holder.path, node.attr)
        return None

    def order(self, path: str, node: ast.ClassDef) -> list[tuple[str, ast.ClassDef]]:
        """Return a class and its bases, depth first, which is the order that Keras needs."""
        found = [(path, node)]
        for base in self.bases(path, node):
            assert isinstance(base.node, ast.ClassDef)
            found += [each for each in self.order(base.path, base.node) if each not in found]
        return found

    def bases(self, path: str, node: ast.ClassDef) -> Iterator[_Name]:
        """Yield the bases of a class that are defined in these sources."""
        for each in node.bases:
            found = self.value(path.rpartition(".")[0], each)
            if found is not None and isinstance(found.node, ast.ClassDef):
                yield found

    def initializer(self, path: str, node: ast.ClassDef) -> Function:
        """Describe the constructor of a class."""
        found = self._method(self.order(path, node), "__init__", path)
        if found is not None:
            return found
        return Function(None, 0, path, known=Signature(()))

    def _method(
        self, order: list[tuple[str, ast.ClassDef]], name: str, leaf: str
    ) -> Function | None:
        for path, node in order:
            for each in methods(node):
                if each.name == name:
                    return self.function(each, path.rpartition(".")[0], path, leaf)
        return None

    def function(
        self, node: ast.FunctionDef, module: str, owner: str | None = None, leaf: str | None = None
    ) -> Function:
        """Describe a function or, with ``owner``, a method."""
        decorators = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
        skip = int(owner is not None and "staticmethod" not in decorators)
        return Function(node, skip, _Place(module, node, owner, leaf))

    def definition(self, path: str) -> ast.ClassDef:
        """Return the syntax tree of a class by its path."""
        module, _, leaf = path.rpartition(".")
        node = self.lookup(module, leaf).node
        assert isinstance(node, ast.ClassDef)
        return node

    def resolve(self, function: Function, target: ast.expr) -> Function | None:
        """Find what a call inside ``function`` runs (see `effective.World`)."""
        place = function.key
        if not isinstance(place, _Place):
            return None
        if isinstance(target, ast.Attribute) and place.owner and place.leaf:
            base = target.value
            order = self.order(place.leaf, self.definition(place.leaf))
            if isinstance(base, ast.Call) and getattr(base.func, "id", "") == "super":
                after = [path for path, _ in order].index(place.owner) + 1
                found = self._method(order[after:], target.attr, place.leaf)
                if found is None and target.attr == "__init__":
                    return Function(None, 0, (place.leaf, "object"), known=Signature(()))
                return found
            if isinstance(base, ast.Name) and base.id in {"self", "cls"}:
                return self._method(order, target.attr, place.leaf)
        if isinstance(target, ast.Attribute):
            holder = self.value(place.module, target.value)
            if holder is not None and isinstance(holder.node, ast.ClassDef):
                order = self.order(holder.path, holder.node)
                return self._method(order, target.attr, place.leaf or holder.path)
        found_name = self.value(place.module, target)
        if found_name is None or found_name.node is None:
            return None
        if isinstance(found_name.node, ast.ClassDef):
            return self.initializer(found_name.path, found_name.node)
        return self.function(found_name.node, found_name.path.rpartition(".")[0])


def methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield the methods of a class body, without properties."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not any(
            (isinstance(mark, ast.Name) and mark.id == "property")
            or (isinstance(mark, ast.Attribute) and mark.attr in {"setter", "deleter"})
            for mark in each.decorator_list
        ):
            yield each


def build(name: str, folder: Path, version: str) -> Table:
    """Make a table from the sources of an old Keras.

    Args:
        name: Name of the inventory.
        folder: Folder that holds ``keras`` and, for 2.2 and later, its helper packages.
        version: Version of those sources.

    Raises:
        KerasMigrateError: There are no Keras sources in ``folder``.
    """
    if not (folder / "keras" / "__init__.py").is_file():
        raise KerasMigrateError(f"no keras/__init__.py in {folder}: give the unpacked source")
    world = _Static(folder)
    extra = [f"{each} {world.version(each)}" for each in _PACKAGES[1:] if each in world.modules]
    how = f"static analysis of the sources of Keras {version}"
    table = Table(name, version, how + "".join(f" and {each}" for each in extra))
    for path in world.modules:
        if path == "keras" or path.startswith("keras."):
            world.names(path)
            table.modules[path] = sorted(world.star(path))
            table.symbols[path] = path
            for leaf, found in world.names(path).items():
                if not leaf.startswith("_") or leaf == "__version__":
                    _add(table, world, f"{path}.{leaf}", world.follow(found))
    return table


def _add(table: Table, world: _Static, path: str, found: _Name) -> None:
    if found.kind == "module":
        if found.path.startswith("keras.") or found.path == "keras":
            table.symbols[path] = found.path
        else:
            table.constants[path] = found.path
    elif found.kind == "constant":
        table.constants[path] = None
    elif found.kind == "foreign":
        table.constants[path] = found.path
    elif isinstance(found.node, ast.ClassDef):
        table.symbols[path] = found.path
        _add_class(table, world, found.path, found.node)
    elif isinstance(found.node, ast.FunctionDef):
        table.symbols[path] = found.path
        if found.path not in table.functions:
            function = world.function(found.node, found.path.rpartition(".")[0])
            table.functions[found.path] = effective(function, world)


def _add_class(table: Table, world: _Static, path: str, node: ast.ClassDef) -> None:
    if path in table.classes:
        return
    bases = list(world.bases(path, node))
    facts = ClassFacts([base.path for base in bases], None, {})
    table.classes[path] = facts
    facts.call = effective(world.initializer(path, node), world)
    for base in bases:
        assert isinstance(base.node, ast.ClassDef)
        _add_class(table, world, base.path, base.node)
    for each in methods(node):
        if each.name == "__call__" or not each.name.startswith("_"):
            function = world.function(each, path.rpartition(".")[0], path, path)
            facts.methods[each.name] = effective(function, world)

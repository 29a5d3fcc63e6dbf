"""Names of one module: what every name is bound to, and which Keras symbol a reference means.

The resolver knows scopes, aliases, guarded and star imports, names re-exported by other modules of
the project, and plain assignments such as ``K = keras.backend``. What it cannot prove it does not
resolve: a parameter called ``keras`` is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from kerasmigrate.flavours import canonical
from kerasmigrate.inventory.homes import TARGETS, home
from kerasmigrate.project import ModuleView
from kerasmigrate.scopes import Binding, Collector, Reference, Scope, Statement


@dataclass(frozen=True)
class Symbol:
    """The Keras symbol that a reference means.

    Attributes:
        path: Canonical path, such as ``keras.layers.Dense``.
        flavour: The flavour that the code reached it through.
        name: The local name that the reference starts with.
        attributes: What follows the local name.
        base: Canonical path of the local name itself; None when only ``name`` plus attributes is
            Keras (``tf.keras``).
        bindings: The bindings that the local name may have here; more than one when guarded.
        certain: False when another binding of the name, to something else, may be in force.
    """

    path: str
    flavour: str
    name: str
    attributes: tuple[str, ...]
    base: str | None
    bindings: tuple[Binding, ...]
    certain: bool = True

    @property
    def binding(self) -> Binding:
        """The first of the bindings."""
        return self.bindings[0]


class Names:
    """The resolved names of one module.

    Args:
        module: The parsed module; nodes are identified by identity, so pass the tree itself.
        view: The module's place in its project; resolves relative imports and re-exports.
    """

    def __init__(self, module: cst.Module, view: ModuleView) -> None:
        self.module = module
        self.view = view
        collector = Collector(view)
        collector.visit(module)
        self.module_scope = collector.module_scope
        #: Each whole chain of names; its beginnings are no references of their own.
        self.references: dict[cst.CSTNode, Reference] = collector.references
        self._inner = collector.inner
        self.scope_of: dict[cst.CSTNode, Scope] = collector.scope_of
        self.stars = collector.stars
        self.bound = collector.bound
        self.imports: tuple[Binding, ...] = tuple(collector.imports)
        self.statements: dict[Statement, tuple[Binding, ...]] = {}
        for binding in self.imports:
            assert binding.statement is not None
            known = self.statements.get(binding.statement, ())
            self.statements[binding.statement] = (*known, binding)
        self._symbols: dict[cst.CSTNode, Symbol | None] = {}
        self._resolving: set[Binding] = set()

    def symbol(self, node: cst.CSTNode | None) -> Symbol | None:
        """Return the Keras symbol that an expression of the original tree means, if any."""
        if node is None:
            return None
        if node not in self._symbols:
            reference = self.references.get(node)
            self._symbols[node] = self._resolve(reference) if reference else None
        return self._symbols[node]

    def symbols(self) -> Iterator[tuple[Reference, Symbol]]:
        """Yield every reference that means a Keras symbol, in the order of the code."""
        for node, reference in self.references.items():
            symbol = self.symbol(node)
            if symbol is not None:
                yield reference, symbol

    def reference(self, node: cst.CSTNode) -> Reference | None:
        """Return the reference that a chain of names is or, as ``a.b`` in ``a.b.c``, begins."""
        return self.references.get(node) or self._inner.get(node)

    def bindings(self, node: cst.CSTNode) -> Sequence[Binding]:
        """Return the bindings that the local name of a reference may have; empty if unknown."""
        reference = self.reference(node)
        if reference is None:
            return ()
        found = reference.scope.lookup(reference.name)
        return found[1] if found else ()

    def origins(self, node: cst.CSTNode) -> tuple[str, ...]:
        """Return the absolute dotted paths that a reference may mean, Keras or not."""
        reference = self.references.get(node)
        if reference is None:
            return ()
        found = []
        for binding in self.bindings(node):
            origin = self.origin(binding)
            if origin is not None:
                found.append(".".join((origin, *reference.attributes)))
        return tuple(dict.fromkeys(found))

    def star_origin(self, node: cst.CSTNode) -> str | None:
        """Return the path of a reference that only a star import of the project can mean."""
        reference = self.references.get(node)
        if reference is None or reference.scope.lookup(reference.name) is not None:
            return None
        for _, members in reversed(self.stars):
            if reference.name in members:
                return ".".join((members[reference.name], *reference.attributes))
        return None

    def star_files(self, node: cst.CSTNode) -> Iterator[Path]:
        """Yield the files of the project that may bring a bare name by a star import.

        The last import comes first. One of a module that is neither Keras nor of the project ends
        the list: nobody knows what it brings.
        """
        reference = self.references.get(node)
        if reference is None or reference.attributes:
            return
        if reference.scope.lookup(reference.name) is not None:
            return
        for binding, _ in reversed(self.stars):
            assert isinstance(binding.statement, cst.ImportFrom)
            module, level = binding.origin or "", len(binding.statement.relative)
            if not level and canonical(module):
                continue
            path = self.view.project.locate(self.view.path, module, level)
            if path is None:
                return
            declared = self.view.project.summary(path).declared
            if reference.name in declared or not (declared or reference.name.startswith("_")):
                yield path

    def origin(self, binding: Binding) -> str | None:
        """Return the absolute dotted path of a binding, following aliases."""
        if binding.origin is not None or binding.kind != "alias":
            return binding.origin
        if binding in self._resolving or binding.value is None:
            return None
        self._resolving.add(binding)
        try:
            reference = self.references.get(binding.value)
            if reference is None or reference.name == binding.name:
                return None
            found = self.origins(binding.value)
        finally:
            self._resolving.discard(binding)
        return found[0] if len(found) == 1 else None

    def _resolve(self, reference: Reference) -> Symbol | None:
        found = reference.scope.lookup(reference.name)
        if found is None:
            return self._resolve_star(reference)
        _, bindings = found
        keras: list[tuple[Binding, str, str]] = []
        other: list[Binding] = []
        for binding in bindings:
            origin = self.origin(binding)
            split = canonical(".".join((origin, *reference.attributes))) if origin else None
            if split is not None:
                keras.append((binding, *split))
            elif not is_empty(binding):
                other.append(binding)
        if not keras:
            return None
        paths = {path for _, path, _ in keras}
        if len(paths) > 1 and all(b.kind == "alias" for b in bindings):
            return None  # a variable that holds one class or another
        certain = (
            _one_object(paths)
            and all(_alternative(b, [k[0] for k in keras]) for b in other)
            # An import that has to be added beside such a one would be local to the function.
            and not any(binding.declared for binding, _, _ in keras)
        )
        first, path, flavour = keras[0]
        base = canonical(self.origin(first) or "")
        return Symbol(
            path,
            flavour,
            reference.name,
            reference.attributes,
            base[0] if base else None,
            tuple(binding for binding, _, _ in keras),
            certain,
        )

    def _resolve_star(self, reference: Reference) -> Symbol | None:
        for binding, members in reversed(self.stars):
            if reference.name not in members:
                continue
            origin = members[reference.name]
            split = canonical(".".join((origin, *reference.attributes)))
            if split is None:
                return None
            base = canonical(origin)
            return Symbol(
                split[0],
                split[1],
                reference.name,
                reference.attributes,
                base[0] if base else None,
                (binding,),
            )
        return None


def is_empty(binding: Binding) -> bool:
    """Tell whether a binding is in force only while the name is of no use: deleted or None."""
    value = binding.value
    return binding.kind == "deleted" or (isinstance(value, cst.Name) and value.value == "None")


def _one_object(paths: Set[str]) -> bool:
    """Tell whether canonical paths are old and new places of one object, in every target."""
    if len(paths) == 1:
        return True
    homes = [{home(path, target).path for path in paths} for target in TARGETS]
    return all(len(found) == 1 for found in homes) and homes != [{None}] * len(TARGETS)


def _alternative(binding: Binding, keras: Sequence[Binding]) -> bool:
    """Tell whether ``binding`` stands in another branch of a guard around a Keras binding."""
    mine = dict(binding.guards)
    return any(
        node in mine and mine[node] != branch for each in keras for node, branch in each.guards
    )

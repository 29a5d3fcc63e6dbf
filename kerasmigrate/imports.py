"""The plan for a file's imports: what each local name will mean, and how a symbol is spelt.

The plan is made before the walk, from the resolved names and the homes of their symbols; transforms
ask it how to spell what they need. :mod:`kerasmigrate.import_editor` carries it out afterwards.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.flavours import Target, canonical
from kerasmigrate.import_guards import collapsible
from kerasmigrate.inventory.homes import Home, home
from kerasmigrate.names import Names, Symbol
from kerasmigrate.project import SOURCES, parse_quietly, summarise
from kerasmigrate.scopes import Binding, Reference, Scope, Statement

#: Short names of the third-party modules that old Keras modules import.
_FOREIGN = {"np": "numpy", "tf": "tensorflow", "h5py": "h5py", "six": "six"}
_RESERVED = frozenset(dir(builtins))

#: The rules that stand for the edits planned here: of an import statement, of a reference, of a
#: guard whose branches come to the same, of an unused import that would fail.
IMPORT_CODE = "KM101"
REFERENCE_CODE = "KM102"
GUARD_CODE = "KM106"
UNUSED_CODE = "KM109"


@dataclass(frozen=True)
class Want:
    """One name that an import statement has to bring.

    Attributes:
        module: Absolute dotted module of a ``from`` import; None for ``import path``.
        path: Name in the module, or the absolute dotted path of an ``import path``.
        local: The name that it is bound to.
    """

    module: str | None
    path: str
    local: str

    @property
    def asname(self) -> str | None:
        """The name after ``as``, when one is needed."""
        return None if self.local == self.path else self.local


@dataclass
class Plan:
    """What will become of one imported name.

    Attributes:
        base: Canonical path that the local name will mean; None when it stays as it is.
        local: The local name after the migration.
        path: Canonical path that it means today.
        is_module: Whether the name stands for a module.
        stuck: References that cannot move, so that the old import has to stay.
        moved: References that no longer go through this name.
        live: References that still do.
        frozen: The user wants the statement to stay as it is.
    """

    binding: Binding
    path: str | None
    base: str | None
    local: str
    is_module: bool = False
    stuck: list[Reference] = field(default_factory=list)
    moved: list[Reference] = field(default_factory=list)
    live: list[Reference] = field(default_factory=list)
    frozen: bool = False


@dataclass(frozen=True)
class Located:
    """A canonical path split at the longest part that is known, with that part's home."""

    home: Home
    known: str
    tail: tuple[str, ...]

    @property
    def path(self) -> str | None:
        """The path in the target, attributes included; None when there is none."""
        if self.home.path is None:
            return None
        return ".".join((self.home.path, *self.tail))


@cache
def is_module(path: str) -> bool:
    """Tell whether a canonical path is a module in any version that we know."""
    return any(inventory.load(name).kind(path) == "module" for name in SOURCES)


#: What every module has.
MODULE_ATTRIBUTES = frozenset(
    f"__{each}__" for each in ("dict", "doc", "file", "loader", "name", "package", "path", "spec")
)


@cache
def locate(path: str, target: Target) -> Located:
    """Find the home of a symbol, or of the object that it is an attribute of."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        known = ".".join(parts[:end])
        found = home(known, target.inventory)
        if found.status == "unknown":
            continue
        tail = tuple(parts[end:])
        if tail and (known == "keras" or is_module(known) or is_module(found.path or "")):
            if found.path is not None and tail[0] in MODULE_ATTRIBUTES:
                return Located(found, known, tail)
            if found.path in (None, known):
                break  # an attribute that no version of the module had
            # The module is another one's alias or successor; that one may know the attribute.
            return locate(".".join((str(found.path), *tail)), target)
        return Located(found, known, tail)
    return Located(Home(None, "unknown"), path, ())


def _declared(names: Names) -> frozenset[str]:
    """Return the names that a module lists in its ``__all__``."""
    if "__all__" not in names.module_scope.bindings:
        return frozenset()
    return summarise(parse_quietly(names.module.code)).declared


class Imports:
    """The plan for one file.

    Args:
        names: The resolved names of the file.
        target: The flavour aimed at.
        is_off: Tells whether the user does not want a rule's edit at a node.
    """

    def __init__(
        self,
        names: Names,
        target: Target,
        is_off: Callable[[str, cst.CSTNode], bool] = lambda code, node: False,
    ) -> None:
        self.names = names
        self.target = target
        self.is_off = is_off
        view = names.view
        self._kept = view.kept | _declared(names)
        self._public = view.path is not None and view.path.name == "__init__.py"
        self.plans: dict[Binding, Plan] = {}
        #: Local name of each symbol that a star import brings, by star binding.
        self.star_plans: dict[Binding, dict[str, Plan]] = {}
        #: New expression, as source, for each reference that has to change.
        self.replacements: dict[cst.CSTNode, str] = {}
        #: Symbols without a home in the target, by reference.
        self.homeless: dict[cst.CSTNode, Located] = {}
        #: References that may mean something else than Keras.
        self.unsure: set[cst.CSTNode] = set()
        #: Imports to add next to a statement.
        self.additions: dict[cst.CSTNode, list[Want]] = {}
        #: References that a transform replaces itself.
        self.claimed: set[cst.CSTNode] = set()
        #: Guard to the number of the branch that takes its place.
        self.collapsed: dict[cst.CSTNode, int] = {}
        self._root_local: str | None = None
        self._scopes = tuple(dict.fromkeys((names.module_scope, *names.scope_of.values())))
        self._order = {binding: index for index, binding in enumerate(names.imports)}
        self._plan_bindings()
        dead = self._plan_guards()
        self._plan_references(dead)

    # -- planning ----------------------------------------------------------------------------

    def locate(self, path: str) -> Located:
        """Find the home of a canonical path in this file's target."""
        return locate(path, self.target)

    def _plan_bindings(self) -> None:
        bindings = list(self.names.imports)
        for scope_bindings in self._all_aliases():
            bindings.append(scope_bindings)
        for binding in bindings:
            if binding.name == "*":
                self.star_plans[binding] = {}
                continue
            self.plans[binding] = self._plan_binding(binding, binding.name)

    def _all_aliases(self) -> list[Binding]:
        found: list[Binding] = []
        for scope in self._scopes:
            for bindings in scope.bindings.values():
                found.extend(b for b in bindings if b.kind == "alias")
        return found

    def _plan_binding(self, binding: Binding, local: str, origin: str | None = None) -> Plan:
        origin = origin or self.names.origin(binding)
        split = canonical(origin) if origin else None
        if split is None:
            return Plan(binding, None, None, local)
        path = split[0]
        if binding.statement is not None and self.is_off(IMPORT_CODE, binding.statement):
            return Plan(binding, path, None, local, is_module(path), frozen=True)
        located = self.locate(path)
        return Plan(binding, path, located.path, local, is_module(path))

    def _plan_guards(self) -> set[cst.CSTNode]:
        """Choose between the branches of guards, and return what goes with the others."""
        dead: set[cst.CSTNode] = set()
        for guard, (branch, values) in collapsible(self.names, self.plans).items():
            if not self.is_off(GUARD_CODE, guard):
                self.collapsed[guard] = branch
                dead.update(values)
        return dead

    def _plan_references(self, dead: set[cst.CSTNode]) -> None:
        members: list[tuple[Reference, Symbol, Located]] = []
        for reference, symbol in self.names.symbols():
            if reference.node in dead:
                continue
            located = self.locate(symbol.path)
            if any(self._plan_of(binding, symbol).frozen for binding in symbol.bindings):
                continue
            if reference.stored and located.path != symbol.path and is_module(symbol.path):
                # Another module stands for it, but must not be replaced or deleted for it.
                located = Located(Home(None, "gone"), symbol.path, ())
            pinned = self.is_off(REFERENCE_CODE, reference.node)
            for binding in symbol.bindings:
                plan = self._plan_of(binding, symbol)
                if located.path is None or pinned:
                    plan.stuck.append(reference)
                else:
                    plan.live.append(reference)
            if not symbol.certain:
                if located.path != symbol.path or (
                    symbol.base is None and not self.target.accepts(symbol.flavour)
                ):
                    self.unsure.add(reference.node)
            elif located.path is None:
                self.homeless[reference.node] = located
            elif not pinned:
                members.append((reference, symbol, located))
        self._rename_locals()
        for reference, symbol, located in members:
            assert located.path is not None
            old = ".".join((reference.name, *reference.attributes))
            new = self.spell(located.path, symbol, reference.scope)
            if new != old:
                self.replacements[reference.node] = new
                for binding in symbol.bindings:
                    plan = self._plan_of(binding, symbol)
                    if not self._covers(plan, located.path):
                        plan.live.remove(reference)
                        plan.moved.append(reference)

    def _plan_of(self, binding: Binding, symbol: Symbol) -> Plan:
        if binding.name != "*":
            return self.plans[binding]
        plans = self.star_plans[binding]
        if symbol.name not in plans:
            suffix = "".join(f".{part}" for part in symbol.attributes)
            origin = symbol.path.removesuffix(suffix)
            plans[symbol.name] = self._plan_binding(binding, symbol.name, origin)
        return plans[symbol.name]

    def _rename_locals(self) -> None:
        """Give imported objects whose own name changes the new name, where that is safe."""
        groups: dict[tuple[Scope, str], list[Plan]] = {}
        plans = [p for p in self.plans.values() if p.binding.kind == "import"]
        plans += [p for known in self.star_plans.values() for p in known.values()]
        for plan in plans:
            groups.setdefault((plan.binding.scope, plan.local), []).append(plan)
        used = self._used()
        for (scope, local), group in groups.items():
            bases = {plan.base for plan in group}
            base = group[0].base
            if len(bases) != 1 or base is None or base == "keras":
                continue
            new = base.rpartition(".")[2]
            old = group[0].path or ""
            if new == local or old.rpartition(".")[2] != local:
                continue
            everything = scope.bindings.get(local, [p.binding for p in group])
            if (
                self._public
                or self._kept & {local, "*"}
                or any(plan.is_module and plan.binding.name == "*" for plan in group)
                or any(plan.stuck or plan.binding.through == "re-export" for plan in group)
                or any(binding not in self.plans for binding in everything if binding.name != "*")
                or any(self.plans[b].base != base for b in everything if b in self.plans)
                or not self._is_free(new, base, scope, used)
                or any(
                    node in self.unsure and ref.name == local
                    for node, ref in self.names.references.items()
                )
            ):
                continue
            for plan in group:
                plan.local = new

    def _used(self) -> dict[str, set[str | None]]:
        """Return the names that the file reads, and what those will mean that stars bring."""
        found: dict[str, set[str | None]] = {}
        brought = {
            local: plan.base for known in self.star_plans.values() for local, plan in known.items()
        }
        for reference in self.names.references.values():
            found.setdefault(reference.name, set()).add(brought.get(reference.name))
        return found

    def _is_free(
        self, name: str, base: str, scope: Scope, used: Mapping[str, set[str | None]]
    ) -> bool:
        """Tell whether ``name`` can mean ``base`` in ``scope`` without hiding anything."""
        if name not in self.names.bound:
            return used.get(name, {base}) == {base} and name not in _RESERVED
        here = scope.bindings.get(name, [])
        return (
            bool(here)
            and self._is_bound_only(name, scope)
            and all(
                b in self.plans and self.plans[b].base == base and b.kind == "import" for b in here
            )
        )

    def _is_bound_only(self, name: str, scope: Scope) -> bool:
        """Tell whether no other scope binds a name."""
        return all(each is scope or name not in each.bindings for each in self._scopes)

    # -- spelling ----------------------------------------------------------------------------

    def _covers(self, plan: Plan, path: str) -> bool:
        return self._through(plan, path) is not None

    def _through(self, plan: Plan, path: str) -> str | None:
        """Spell ``path`` through an imported name, if that name leads there."""
        base, local = plan.base, plan.local
        if plan.path is None:
            origin = self.names.origin(plan.binding)
            if (
                self.target.name != "tf.keras"
                or (plan.binding.kind == "import" and plan.binding.through == "re-export")
                or origin not in ("tensorflow", "tensorflow.compat.v2")
            ):
                return None
            base, local = "keras", f"{local}.keras"
        if base is None:
            return None
        rest = self.target.below(base, path)
        return None if rest is None else local + rest

    def spell(self, path: str, near: Symbol, scope: Scope | None = None) -> str:
        """Spell a symbol of the target in the style of the code around it.

        Args:
            path: Canonical path that exists in the target.
            near: The symbol whose place it takes or that it stands next to.
            scope: The scope of the code; the module's when left out.

        Returns:
            An expression; the import that it needs, if any, is planned.
        """
        plans = [self._plan_of(binding, near) for binding in near.bindings]
        direct = [self._through(plan, path) for plan in plans]
        if direct[0] is not None and len(set(direct)) == 1:
            return direct[0]
        known = self._through_another(path, near, scope)
        if known is not None:
            return known
        statements = self._importing(near)
        if (
            not statements
            or plans[0].path is None
            or self.names.statements[statements[0]][0].through == "re-export"
        ):
            return self._root(statements, path)
        module, _, leaf = path.rpartition(".")
        rest = ""
        if near.attributes and module != "keras":
            # Attributes of a module stay attributes of a module.
            module, rest = module.rpartition(".")[0], f".{leaf}"
            leaf = path.rpartition(".")[0].rpartition(".")[2]
        elif module == "keras" and (near.attributes or isinstance(statements[0], cst.Import)):
            return self._root(statements, path)
        return self._bring(module, leaf, statements) + rest

    def bring(self, path: str, near: Symbol) -> str:
        """Plan an import of a module by its name, and return that name.

        For a module that its package does not import itself, so that `spell` would not reach it.

        Args:
            path: Canonical path of the module, which exists in the target.
            near: The symbol whose import it stands next to.
        """
        module, _, leaf = path.rpartition(".")
        statements = self._importing(near) or list(self.names.statements)[:1]
        return self._bring(module, leaf, statements)

    def bring_package(self, package: str, local: str, near: Symbol) -> bool:
        """Plan ``import package as local`` next to the import of a symbol.

        Returns:
            Whether the name is free for it, and the import of the symbol always runs.
        """
        want = Want(None, package, local)
        statements = self._importing(near)
        if not statements or not self.always_runs(near) or not self._can_add(want):
            return False
        self._add(statements, want)
        return True

    def _bring(self, module: str, leaf: str, statements: Sequence[Statement]) -> str:
        """Plan a from-import next to statements, and return the local name."""
        local, number = leaf, 1
        module = self.target.spell(f"{module}.{leaf}").rpartition(".")[0]
        while not self._can_add(Want(module, leaf, local)):
            local = f"keras_{leaf}" if number == 1 else f"keras_{leaf}_{number}"
            number += 1
        self._add(statements, Want(module, leaf, local))
        return local

    def _importing(self, near: Symbol) -> list[Statement]:
        """Return the imports behind a symbol, each of which may be the one in force.

        An alias (``K = keras.backend``) is followed back to its import.
        """
        found: list[Statement] = []
        todo = list(near.bindings)
        for binding in todo:
            if binding.statement is not None:
                if binding.statement not in found:
                    found.append(binding.statement)
            elif binding.value is not None:
                todo += [each for each in self.names.bindings(binding.value) if each not in todo]
        return found

    def _through_another(self, path: str, near: Symbol, scope: Scope | None) -> str | None:
        """Spell ``path`` through another name that is imported for all of the module."""
        best: tuple[int, str] | None = None
        module = self.names.module_scope
        if near.binding.guards or near.binding.scope is not module:
            return None
        for plan in self.plans.values():
            binding = plan.binding
            if (
                binding.scope is not module
                or binding.kind != "import"
                or binding.guards
                or (plan.stuck and plan.base is None)
                or len(module.bindings.get(binding.name, ())) != 1
                or binding.statement is None
            ):
                continue
            spelt = self._through(plan, path)
            if spelt is None or plan.base is None:
                continue
            seen = (scope or module).lookup(binding.name)
            if seen is None or seen[0] is not module:
                continue
            if scope in (None, module) and not self._stands_before(binding, near.binding):
                continue
            if best is None or len(plan.base) > best[0]:
                best = (len(plan.base), spelt)
        return best[1] if best else None

    def _stands_before(self, binding: Binding, other: Binding) -> bool:
        """Tell whether an import stands no later than another one."""
        return self._order.get(binding, 0) <= self._order.get(other, len(self._order))

    def _root(self, statements: Sequence[Statement], path: str) -> str:
        """Spell ``path`` below a root import, adding that import where none fits."""
        rest = self.target.below("keras", path) or ""
        if self._root_local is None:
            self._root_local = self._free_root()
        local = self._root_local
        statements = statements or list(self.names.statements)[:1]
        if not statements:
            raise LookupError("there is no import to stand next to")
        self._add(statements, self.root_want(local))
        return local + rest

    def _free_root(self) -> str:
        candidates = ["keras", *(["tf_keras"] if self.target.name == "tf_keras" else [])]
        candidates += ["keras_api", *(f"keras_api_{n}" for n in range(2, 100))]
        module = self.names.module_scope
        for name in candidates:
            bindings = module.bindings.get(name, [])
            hidden = any(
                (found := reference.scope.lookup(name)) is not None and found[0] is not module
                for reference, _ in self.names.symbols()
            )
            if not hidden and all(
                b in self.plans and self.plans[b].base == "keras" for b in bindings
            ):
                return name
        raise LookupError("no free name for the Keras module")

    def root_want(self, local: str) -> Want:
        """Return the import of the target's root under a local name."""
        if self.target.root == "tensorflow.keras":
            return Want("tensorflow", "keras", local)
        return Want(None, self.target.root, local)

    def _can_add(self, want: Want) -> bool:
        if any(w.local == want.local for wants in self.additions.values() for w in wants):
            return any(w == want for wants in self.additions.values() for w in wants)
        if want.local in _RESERVED and want.module is None:
            return False
        if want.local not in self.names.bound:
            return True
        module = want.module or ""
        split = canonical(f"{module}.{want.path}" if module else want.path)
        module_scope = self.names.module_scope
        bindings = module_scope.bindings.get(want.local, [])
        return (
            split is not None
            and self._is_bound_only(want.local, module_scope)
            and all(
                b in self.plans and self.plans[b].base == split[0] and not b.guards
                for b in bindings
            )
        )

    def _add(self, statements: Sequence[Statement], want: Want) -> None:
        for statement in statements:
            wants = self.additions.setdefault(statement, [])
            if want not in wants:
                wants.append(want)

    @staticmethod
    def foreign(path: str) -> str | None:
        """Return the module behind a name that a star import of old Keras brought along.

        ``from keras.layers import *`` also brought ``np``, because the old modules had no
        ``__all__``.
        """
        name = path.rpartition(".")[2]
        if not any(inventory.load(each).kind(path) == "foreign" for each in SOURCES):
            return None
        return _FOREIGN.get(name, name if name in sys.stdlib_module_names else None)

    def all_plans(self) -> Iterator[Plan]:
        """Yield the plan of every imported name and alias."""
        yield from self.plans.values()
        for plans in self.star_plans.values():
            yield from plans.values()

    def is_kept(self, binding: Binding) -> bool:
        """Tell whether other files may import this name, so that it must stay bound."""
        if binding.scope is not self.names.module_scope:
            return False
        return self.is_named(binding) or "*" in self._kept

    def is_named(self, binding: Binding) -> bool:
        """Tell whether other files may import this name and say so, as no star import does."""
        return binding.scope is self.names.module_scope and (
            self._public or binding.name in self._kept
        )

    # -- for transforms ----------------------------------------------------------------------

    def always_runs(self, symbol: Symbol) -> bool:
        """Tell whether the imports behind a symbol run whenever the module does."""
        return all(
            binding.scope is self.names.module_scope
            and not binding.declared
            and all(guard in self.collapsed for guard, _ in binding.guards)
            for binding in self.behind(symbol)
        )

    def behind(self, symbol: Symbol) -> tuple[Binding, ...]:
        """Return the bindings of a symbol, with those that its aliases lead to."""
        found = list(symbol.bindings)
        for binding in found:
            if binding.statement is None and binding.value is not None:
                more = self.names.bindings(binding.value)
                found += [each for each in more if each not in found]
        return tuple(found)

    def any_symbol(self, base: str = "") -> Symbol | None:
        """Return a symbol whose imports always run, to spell others beside it.

        Args:
            base: Canonical path of the module that it is preferably reached through.
        """
        always = [each for _, each in self.names.symbols() if self.always_runs(each)]
        fitting = (each for each in always if each.base == base)
        return next(fitting, always[0] if always else None)

    def claim(self, node: cst.CSTNode) -> None:
        """Take over a reference: it is neither rewritten nor reported by anybody else.

        Call this from a ``visit_*`` method, before the reference itself is reached.
        """
        self.claimed.add(node)
        self.homeless.pop(node, None)
        reference = self.names.references[node]
        symbol = self.names.symbol(node)
        if symbol is None:
            return
        for binding in symbol.bindings:
            plan = self._plan_of(binding, symbol)
            for list_ in (plan.live, plan.stuck):
                if reference in list_:
                    list_.remove(reference)
            plan.moved.append(reference)

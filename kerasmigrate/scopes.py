"""Scopes, bindings and references of one module, collected in one walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate.project import ModuleView
from kerasmigrate.walking import Reader

Statement = cst.Import | cst.ImportFrom


def dotted(node: cst.BaseExpression | None) -> tuple[str, ...] | None:
    """Return the parts of a pure name chain (``a.b.c``), or None for any other expression."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return tuple(reversed(parts))


@dataclass(eq=False)
class Scope:
    """A region of code with its own names."""

    kind: str  #: module, function, class or comprehension
    parent: Scope | None
    node: cst.CSTNode | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    redirected: dict[str, Scope] = field(default_factory=dict)

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """Find the scope that binds ``name`` for code standing in this one."""
        scope: Scope | None = self
        first = True
        while scope is not None:
            # The body of a class does not show its names to the functions inside it.
            if first or scope.kind != "class":
                if name in scope.redirected:
                    scope = scope.redirected[name]
                    found = scope.bindings.get(name)
                    return (scope, found) if found else None
                found = scope.bindings.get(name)
                if found:
                    return scope, found
            first = first and scope.kind == "comprehension"
            scope = scope.parent
        return None


@dataclass(eq=False)
class Binding:
    """One place that gives a name its value.

    Attributes:
        origin: Absolute dotted path of what an import or an alias brings, else None.
        through: How the origin was reached: ``import``, ``alias``, ``star`` or ``re-export``.
        guards: The enclosing ``if`` and ``try`` statements with the branch taken in each.
        value: Right-hand side of a plain assignment to one name.
        declared: Bound from within another scope, by ``global`` or ``nonlocal``.
    """

    name: str
    kind: str
    scope: Scope
    node: cst.CSTNode
    statement: Statement | None = None
    origin: str | None = None
    through: str = "import"
    guards: tuple[tuple[cst.CSTNode, int], ...] = ()
    value: cst.BaseExpression | None = None
    declared: bool = False


@dataclass(frozen=True, eq=False)
class Reference:
    """One use of a name, with the attributes that follow it."""

    node: cst.BaseExpression
    scope: Scope
    name: str
    attributes: tuple[str, ...]
    stored: bool = False


class Collector(Reader):
    """Collects scopes, bindings and references in one walk.

    Attributes:
        module_scope: The outermost scope.
        references: Every use of a name, by its node.
        scope_of: The scope that a function, class or comprehension opens.
        imports: What import statements bind, in the order of the code.
        stars: Star imports of known modules, with the absolute paths of what they bring.
        bound: Every name that is bound anywhere.
    """

    def __init__(self, view: ModuleView) -> None:
        super().__init__()
        self.view = view
        self.module_scope = Scope("module", None)
        self.scope = self.module_scope
        self.references: dict[cst.CSTNode, Reference] = {}
        self.inner: dict[cst.CSTNode, Reference] = {}
        self.scope_of: dict[cst.CSTNode, Scope] = {}
        self.imports: list[Binding] = []
        self.stars: list[tuple[Binding, dict[str, str]]] = []
        self.bound: set[str] = set()
        self.guards: tuple[tuple[cst.CSTNode, int], ...] = ()

    # -- helpers -----------------------------------------------------------------------------

    def _bind(
        self,
        name: str,
        kind: str,
        node: cst.CSTNode,
        *,
        scope: Scope | None = None,
        statement: Statement | None = None,
        origin: str | None = None,
        through: str = "import",
        value: cst.BaseExpression | None = None,
    ) -> Binding:
        scope = scope or self.scope
        declared = name in scope.redirected
        scope = scope.redirected.get(name, scope)
        binding = Binding(
            name, kind, scope, node, statement, origin, through, self.guards, value, declared
        )
        scope.bindings.setdefault(name, []).append(binding)
        self.bound.add(name)
        return binding

    def _walk(self, *nodes: cst.CSTNode | Sequence[cst.CSTNode] | None) -> None:
        for node in nodes:
            if node is None or isinstance(node, cst.MaybeSentinel):
                continue
            if isinstance(node, cst.CSTNode):
                self.visit(node)
            else:
                for each in node:
                    self.visit(each)

    def _enter(self, kind: str, node: cst.CSTNode) -> Scope:
        self.scope = Scope(kind, self.scope, node)
        self.scope_of[node] = self.scope
        return self.scope

    def _leave(self) -> None:
        assert self.scope.parent is not None
        self.scope = self.scope.parent

    def _target(self, node: cst.BaseExpression, value: cst.BaseExpression | None = None) -> None:
        """Bind the names of an assignment target."""
        if isinstance(node, cst.Name):
            kind = "alias" if value is not None and dotted(value) else "local"
            self._bind(node.value, kind, node, value=value, through="alias")
        elif isinstance(node, cst.Tuple | cst.List):
            for element in node.elements:
                self._target(element.value)
        elif isinstance(node, cst.StarredElement):
            self._target(node.value)
        else:
            self._reference(node, stored=True)

    def _reference(self, node: cst.BaseExpression, *, stored: bool = False) -> None:
        parts = dotted(node)
        if parts is None:
            self.visit(node)
            return
        self.references[node] = Reference(node, self.scope, parts[0], parts[1:], stored)
        for end in range(len(parts) - 1, 0, -1):
            assert isinstance(node, cst.Attribute)
            node = node.value
            self.inner[node] = Reference(node, self.scope, parts[0], parts[1:end])

    # -- references --------------------------------------------------------------------------

    def visit_Name(self, node: cst.Name) -> bool:
        self._reference(node)
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if dotted(node) is not None:
            self._reference(node)
        else:
            self.visit(node.value)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        self.visit(node.value)
        return False

    # -- imports -----------------------------------------------------------------------------

    def visit_Import(self, node: cst.Import) -> bool:
        for alias in node.names:
            parts = dotted(alias.name)
            assert parts is not None
            if alias.asname is not None:
                assert isinstance(alias.asname.name, cst.Name)
                local, origin = alias.asname.name.value, ".".join(parts)
            else:
                local = origin = parts[0]
            self.imports.append(self._bind(local, "import", alias, statement=node, origin=origin))
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        parts = dotted(node.module) if node.module is not None else ()
        assert parts is not None
        level = len(node.relative)
        module = ".".join(parts)
        if isinstance(node.names, cst.ImportStar):
            binding = Binding("*", "import", self.scope, node, node, module, "star", self.guards)
            self.imports.append(binding)
            self.stars.append((binding, self.view.star(module, level)))
            return False
        for alias in node.names:
            assert isinstance(alias.name, cst.Name)
            name = alias.name.value
            local = name
            if alias.asname is not None:
                assert isinstance(alias.asname.name, cst.Name)
                local = alias.asname.name.value
            reexport = self.view.export(module, level, name)
            origin = reexport or (f"{module}.{name}" if not level else None)
            binding = self._bind(
                local,
                "import",
                alias,
                statement=node,
                origin=origin,
                through="re-export" if reexport else "import",
            )
            self.imports.append(binding)
        return False

    # -- bindings ----------------------------------------------------------------------------

    def visit_Assign(self, node: cst.Assign) -> bool:
        self.visit(node.value)
        for target in node.targets:
            self._target(target.target, node.value)
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:
        self._walk(node.annotation, node.value)
        if node.value is not None or not isinstance(node.target, cst.Name):
            self._target(node.target, node.value)
        return False

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:
        self.visit(node.value)
        if isinstance(node.target, cst.Name):
            self._reference(node.target)
        self._target(node.target)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:
        self.visit(node.value)
        if isinstance(node.target, cst.Name):
            scope = self.scope
            while scope.kind == "comprehension" and scope.parent is not None:
                scope = scope.parent
            self._bind(node.target.value, "local", node.target, scope=scope, value=node.value)
        return False

    def visit_For(self, node: cst.For) -> bool:
        self.visit(node.iter)
        self._target(node.target)
        self._walk(node.body, node.orelse)
        return False

    def visit_WithItem(self, node: cst.WithItem) -> bool:
        self.visit(node.item)
        if node.asname is not None:
            self._target(node.asname.name)
        return False

    def visit_ExceptHandler(self, node: cst.ExceptHandler) -> bool:
        self._walk(node.type)
        if node.name is not None:
            self._target(node.name.name)
        self.visit(node.body)
        return False

    def visit_ExceptStarHandler(self, node: cst.ExceptStarHandler) -> bool:
        self.visit(node.type)
        if node.name is not None:
            self._target(node.name.name)
        self.visit(node.body)
        return False

    def visit_Del(self, node: cst.Del) -> bool:
        target = node.target
        if isinstance(target, cst.Tuple | cst.List):
            named = [element.value for element in target.elements]
        else:
            named = [target]
        for each in named:
            if isinstance(each, cst.Name):
                self._bind(each.value, "deleted", each)
            else:
                self._target(each)
        return False

    def visit_Global(self, node: cst.Global) -> bool:
        for item in node.names:
            self.scope.redirected[item.name.value] = self.module_scope
            self.bound.add(item.name.value)
        return False

    def visit_Nonlocal(self, node: cst.Nonlocal) -> bool:
        for item in node.names:
            outer = self.scope.parent.lookup(item.name.value) if self.scope.parent else None
            if outer is not None:
                self.scope.redirected[item.name.value] = outer[0]
        return False

    def visit_MatchAs(self, node: cst.MatchAs) -> bool:
        self._walk(node.pattern)
        if node.name is not None:
            self._bind(node.name.value, "local", node)
        return False

    def visit_MatchStar(self, node: cst.MatchStar) -> bool:
        if node.name is not None:
            self._bind(node.name.value, "local", node)
        return False

    def visit_MatchMapping(self, node: cst.MatchMapping) -> bool:
        self._walk(node.elements)
        if node.rest is not None:
            self._bind(node.rest.value, "local", node)
        return False

    def visit_MatchKeywordElement(self, node: cst.MatchKeywordElement) -> bool:
        self.visit(node.pattern)
        return False

    # -- guards ------------------------------------------------------------------------------

    def _branch(self, guard: cst.CSTNode, index: int, *nodes: cst.CSTNode | None) -> None:
        outer = self.guards
        self.guards = (*outer, (guard, index))
        self._walk(*nodes)
        self.guards = outer

    def visit_If(self, node: cst.If) -> bool:
        self.visit(node.test)
        self._branch(node, 0, node.body)
        self._branch(node, 1, node.orelse)
        return False

    def visit_Try(self, node: cst.Try) -> bool:
        self._branch(node, 0, node.body, node.orelse)
        for index, handler in enumerate(node.handlers, 1):
            self._branch(node, index, handler)
        self._walk(node.finalbody)
        return False

    # -- scopes ------------------------------------------------------------------------------

    def _parameters(self, node: cst.Parameters) -> None:
        for param in _all_parameters(node):
            self._bind(param.name.value, "parameter", param)

    def _parameter_expressions(self, node: cst.Parameters) -> None:
        for param in _all_parameters(node):
            self._walk(param.annotation, param.default)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._walk(node.decorators)
        self._parameter_expressions(node.params)
        self._walk(node.returns)
        self._bind(node.name.value, "function", node)
        guards, self.guards = self.guards, ()
        self._enter("function", node)
        self._parameters(node.params)
        self.visit(node.body)
        self._leave()
        self.guards = guards
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        self._parameter_expressions(node.params)
        self._enter("function", node)
        self._parameters(node.params)
        self.visit(node.body)
        self._leave()
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self._walk(node.decorators, node.bases, node.keywords)
        self._bind(node.name.value, "class", node)
        guards, self.guards = self.guards, ()
        self._enter("class", node)
        self.visit(node.body)
        self._leave()
        self.guards = guards
        return False

    def _comprehension(
        self, node: cst.CSTNode, for_in: cst.CompFor, *results: cst.BaseExpression
    ) -> None:
        self.visit(for_in.iter)  # the first iterable is evaluated outside
        self._enter("comprehension", node)
        clause: cst.CompFor | None = for_in
        while clause is not None:
            if clause is not for_in:
                self.visit(clause.iter)
            self._target(clause.target)
            self._walk(clause.ifs)
            clause = clause.inner_for_in
        self._walk(results)
        self._leave()

    def visit_ListComp(self, node: cst.ListComp) -> bool:
        self._comprehension(node, node.for_in, node.elt)
        return False

    def visit_SetComp(self, node: cst.SetComp) -> bool:
        self._comprehension(node, node.for_in, node.elt)
        return False

    def visit_GeneratorExp(self, node: cst.GeneratorExp) -> bool:
        self._comprehension(node, node.for_in, node.elt)
        return False

    def visit_DictComp(self, node: cst.DictComp) -> bool:
        self._comprehension(node, node.for_in, node.key, node.value)
        return False


def _all_parameters(node: cst.Parameters) -> list[cst.Param]:
    """Return the parameters of every kind, in the order of the code."""
    star = [node.star_arg] if isinstance(node.star_arg, cst.Param) else []
    last = [node.star_kwarg] if node.star_kwarg is not None else []
    return [*node.posonly_params, *node.params, *star, *node.kwonly_params, *last]

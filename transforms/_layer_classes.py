"""What the transforms of custom layers know about the classes of a file and their parents.

A parent is a class of the same file, a class of another file of the project, or a Keras class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.flavours import canonical
from kerasmigrate.inventory.homes import home
from kerasmigrate.project import Wanted
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import Reader

METRIC = "keras.metrics.Metric"


@dataclass(frozen=True, eq=False)
class Foreign:
    """A class that another file of the project defines."""

    path: Path
    node: ast.ClassDef
    lines: tuple[str, ...]

    def method(self, name: str) -> ast.FunctionDef | None:
        """Return a method of the class itself."""
        for each in self.node.body:
            if isinstance(each, ast.FunctionDef) and each.name == name:
                return each
        return None

    def names(self) -> frozenset[str]:
        """Return the methods and attributes that the class itself brings."""
        found = set()
        for each in ast.walk(self.node):
            if isinstance(each, ast.FunctionDef):
                found.add(each.name)
            elif isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Store):
                found.add(each.id if isinstance(each, ast.Name) else each.attr)
        return frozenset(found)


Parent = cst.ClassDef | Foreign | str


class LayerClasses:
    """The classes of one file.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        collector = _collected(context.module)
        self.nodes = tuple(collector.methods)
        self._methods = collector.methods
        self._attributes = collector.attributes
        self._kinds: dict[cst.ClassDef, str | None] = {}
        self._brought: dict[cst.ClassDef, frozenset[str]] = {}

    def kind(self, node: cst.ClassDef) -> str | None:
        """Say whether a class is a ``layer``, a ``model``, a ``metric`` or nothing of the kind.

        Metrics are layers in Keras 2 and are not in Keras 3; here they are never layers.
        """
        if node not in self._kinds:
            values = self.context.values
            kind = None
            if values.derives(node, METRIC):
                kind = "metric"
            elif values.derives(node, MODEL) or values.derives(node, SEQUENTIAL):
                kind = "model"
            elif values.derives(node, LAYER):
                kind = "layer"
            self._kinds[node] = kind
        return self._kinds[node]

    def method(self, node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
        """Return a method that a class itself defines; the last one where there are several."""
        return self._methods[node].get(name)

    def methods(self, node: cst.ClassDef) -> dict[str, cst.FunctionDef]:
        """Return the methods that a class itself defines, by name."""
        return self._methods[node]

    def parents(self, node: cst.ClassDef) -> tuple[Parent | None, ...]:
        """Return the bases of a class, in order; None for each that is not known."""
        return tuple(self.resolve(base.value) for base in node.bases if not base.star)

    def resolve(self, expression: cst.BaseExpression) -> Parent | None:
        """Return the class that an expression means."""
        context = self.context
        symbol = context.symbol(expression)
        if symbol is not None:
            return symbol.path if symbol.certain else None
        found: set[Parent | None] = set()
        for binding in context.names.bindings(expression):
            if isinstance(binding.node, cst.ClassDef):
                found.add(binding.node if isinstance(expression, cst.Name) else None)
            elif isinstance(binding.statement, cst.ImportFrom) and isinstance(
                binding.node, cst.ImportAlias
            ):
                module = ".".join(dotted(binding.statement.module) or ())
                view = context.view
                origin = view.project.locate(view.path, module, len(binding.statement.relative))
                name = binding.node.name.value
                known = isinstance(expression, cst.Name) and origin is not None
                found.add(self._foreign(origin, str(name)) if known and origin else None)
            else:
                found.add(None)
        if not found and isinstance(expression, cst.Name):
            for path in context.names.star_files(expression):
                brought = self._foreign(path, expression.value)
                if brought is not None:
                    return brought
        return found.pop() if len(found) == 1 else None

    def foreign_parents(self, foreign: Foreign) -> Iterator[Parent | None]:
        """Yield the bases of a class of another file, in order."""
        for base in foreign.node.bases:
            chain = ast.unparse(base)
            head, _, rest = chain.partition(".")
            origin = self.context.view.project.origin(foreign.path, head)
            split = canonical(f"{origin}.{rest}" if rest else origin) if origin else None
            if split is not None:
                yield split[0]
            else:
                yield self._foreign(foreign.path, chain)

    def _foreign(
        self, path: Path, name: str, seen: frozenset[tuple[Path, str]] = frozenset()
    ) -> Parent | None:
        if (path, name) in seen or not name.isidentifier():
            return None
        seen |= {(path, name)}
        project = self.context.view.project
        origin = project.origin(path, name)
        if origin is not None:
            split = canonical(origin)
            return split[0] if split else None
        summary = project.summary(path)
        if name in summary.classes:
            return _foreign_class(path, name, path.stat().st_mtime_ns)
        value = summary.names.get(name)
        for wanted in [value] if isinstance(value, Wanted) else summary.stars:
            place = project.locate(path, wanted.module, wanted.level)
            if place is not None:
                actual = wanted.name if wanted.name != "*" else name
                found = self._foreign(place, actual, seen)
                if found is not None:
                    return found
        return None

    def ancestors(self, node: cst.ClassDef) -> tuple[cst.ClassDef, ...]:
        """Return the classes of this file that a class derives from, itself included."""
        found: list[cst.ClassDef] = []
        todo = [node]
        while todo:
            each = todo.pop(0)
            if each not in found:
                found.append(each)
                todo += [p for p in self.parents(each) if isinstance(p, cst.ClassDef)]
        return tuple(found)

    def relatives(self, node: cst.ClassDef) -> tuple[cst.ClassDef, ...]:
        """Return the classes of this file that may share an object with a class, itself first."""
        mine = self.ancestors(node)
        heirs = [c for c in self.nodes if c not in mine and node in self.ancestors(c)]
        return (*mine, *heirs)

    def _outside_keras(self, start: Sequence[Parent]) -> Iterator[cst.ClassDef | Foreign]:
        """Yield classes, and all known parents of theirs that are not of Keras."""
        seen: list[Parent] = []
        todo: list[Parent | None] = list(start)
        while todo:
            each = todo.pop()
            if each is None or isinstance(each, str) or each in seen:
                continue
            seen.append(each)
            yield each
            found = self.foreign_parents(each) if isinstance(each, Foreign) else self.parents(each)
            todo += found

    def defines(self, owner: Parent, name: str) -> bool:
        """Tell whether a class, or a known parent outside Keras, brings an attribute or method."""
        return any(
            name in (each.names() if isinstance(each, Foreign) else own_names(each))
            for each in self._outside_keras([owner])
        )

    def brought(self, node: cst.ClassDef) -> frozenset[str]:
        """Return what a class, a relative of it, or a known parent outside Keras brings."""
        if node not in self._brought:
            found: set[str] = set()
            for each in self._outside_keras(self.relatives(node)):
                if isinstance(each, Foreign):
                    found |= each.names()
                else:
                    found |= own_names(each) | self._attributes[each].keys()
            self._brought[node] = frozenset(found)
        return self._brought[node]

    def attribute(self, node: cst.ClassDef, name: str) -> tuple[cst.BaseExpression | None, ...]:
        """Return every value that ``self.name`` is given; None for what is not a plain value."""
        found: list[cst.BaseExpression | None] = []
        for each in self.relatives(node):
            found.extend(self._attributes[each].get(name, ()))
        return tuple(found)

    def instance(self, node: cst.ClassDef, name: str) -> Parent | None:
        """Return the class of which ``self.name`` is an instance, if every assignment agrees.

        ``None`` may stand beside the instance: ``self.dropout = Dropout(r) if r else None``.
        """
        found: set[Parent | None] = set()
        for value in self.attribute(node, name):
            for each in alternatives(value):
                if isinstance(each, cst.Name) and each.value == "None":
                    continue
                found.add(self.resolve(each.func) if isinstance(each, cst.Call) else None)
        return found.pop() if len(found) == 1 else None

    def makers(self, node: cst.BaseExpression) -> Iterator[Parent | None]:
        """Yield the classes that a value is made from; None for what is not known."""
        if isinstance(node, cst.Call):
            yield self.resolve(node.func)
        elif isinstance(node, cst.Name):
            for each in self.context.names.bindings(node):
                value = each.value
                yield self.resolve(value.func) if isinstance(value, cst.Call) else None
        elif isinstance(node, cst.Attribute):
            for made in self.context.values.attribute(node):
                yield self.resolve(made.func) if isinstance(made, cst.Call) else None

    def signature(self, path: str, method: str) -> inventory.Signature | None:
        """Return a method of a Keras class in the target; None when it is not there."""
        located = self.context.imports.locate(path)
        if located.path is None or located.tail:
            return None
        return self.context.inventory.method(located.path, method)

    def keras_takes_training(self, path: str) -> bool:
        """Tell whether a Keras layer does something with ``training``, in Keras 2 and 3 alike.

        Keras 3 gives ``Dense.call`` the parameter for quantisation only; that does not count.
        """
        signature = self.signature(path, "call")
        if signature is None or not signature.named("training"):
            return False
        before = home(path, "tf.keras-2").path
        older = inventory.load("tf.keras-2").method(before, "call") if before else None
        return older is None or older.named("training")


class InClasses(Transform):
    """Base of transforms that ask which class the code stands in."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: The classes around, the outermost first.
        self._owners: list[cst.ClassDef] = []

    @cached_property
    def _classes(self) -> LayerClasses:
        return self.context.shared(LayerClasses)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._owners.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._owners.pop()
        return updated_node


def receiver(function: cst.FunctionDef) -> str | None:
    """Return the name of a method's first parameter, ``self`` as a rule."""
    params = (*function.params.posonly_params, *function.params.params)
    return params[0].name.value if params else None


def is_super(node: cst.CSTNode) -> bool:
    """Tell whether an expression is ``super()`` or ``super(X, self)``."""
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Name)
        and node.func.value == "super"
    )


def is_keras_instance(path: str | None, *bases: str) -> bool:
    """Tell whether a canonical class is one of ``bases`` or derives from it."""
    return path is not None and any(is_a(path, base) for base in bases)


def alternatives(value: cst.BaseExpression | None) -> Iterator[cst.BaseExpression | None]:
    if isinstance(value, cst.IfExp):
        yield from alternatives(value.body)
        yield from alternatives(value.orelse)
    else:
        yield value


def own_names(owner: cst.ClassDef) -> frozenset[str]:
    """Return the attributes that a class itself sets, and the methods that it defines."""
    found = _Own()
    owner.body.visit(found)
    return frozenset(found.names)


class _Own(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._depth = 0

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.names.add(node.name.value)
        self._depth += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._depth -= 1

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        target = node.target
        if isinstance(target, cst.Name):
            if not self._depth:  # inside of a function it is a local name
                self.names.add(target.value)
        elif (
            isinstance(target, cst.Attribute)
            and isinstance(target.value, cst.Name)
            and target.value.value == "self"
        ):
            self.names.add(target.attr.value)


@lru_cache(maxsize=512)
def _foreign_class(path: Path, name: str, modified: int) -> Foreign | None:
    """Read one class of a file; ``modified`` keeps an answer from outliving the file."""
    data = path.read_bytes()
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            lines = data.decode("utf-8", "replace").splitlines()
            return Foreign(path, node, tuple(lines))
    return None


@lru_cache(maxsize=1)
def _collected(module: cst.Module) -> _Collector:
    """Walk a module once for all transforms that ask."""
    collector = _Collector()
    collector.visit(module)
    return collector


class _Collector(Reader):
    """Collects classes, their methods, and what they assign to attributes of ``self``."""

    def __init__(self) -> None:
        super().__init__()
        self.methods: dict[cst.ClassDef, dict[str, cst.FunctionDef]] = {}
        self.attributes: dict[cst.ClassDef, dict[str, list[cst.BaseExpression | None]]] = {}
        self._stack: list[cst.ClassDef | cst.FunctionDef] = []
        self._owners: list[cst.ClassDef] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.methods[node] = {}
        self.attributes[node] = {}
        self._stack.append(node)
        self._owners.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._stack.pop()
        self._owners.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        if self._stack and isinstance(self._stack[-1], cst.ClassDef):
            self.methods[self._stack[-1]][node.name.value] = node
        self._stack.append(node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._stack.pop()

    def _assigned(self, target: cst.BaseExpression, value: cst.BaseExpression | None) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._assigned(element.value, None)
            return
        chain = dotted(target)
        if self._owners and chain is not None and len(chain) == 2 and chain[0] == "self":
            known = self.attributes[self._owners[-1]]
            known.setdefault(chain[1], []).append(value)

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._assigned(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._assigned(node.target, node.value)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._assigned(node.target, None)

    def visit_For(self, node: cst.For) -> None:
        self._assigned(node.target, None)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._assigned(node.name, None)

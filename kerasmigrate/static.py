"""Steps V0 and V1 of the verification ladder, without TensorFlow.

V0: a text parses and compiles. V1: every name that it reaches in the target exists there, and
every call of such a name binds to the signature that the target has. What exists is read from the
inventories of the real packages.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Confidence, Finding
from kerasmigrate.flavours import Target, canonical
from kerasmigrate.imports import locate
from kerasmigrate.inventory import Inventory, Signature
from kerasmigrate.names import Names
from kerasmigrate.parsing import TOO_DEEP, compile_error, parse
from kerasmigrate.project import SOURCES, ModuleView
from kerasmigrate.rebuilding import Printed
from kerasmigrate.rules import NOT_BOUND, NOT_THERE, SYNTAX, Rule
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.values import MODEL, SEQUENTIAL, Values, is_a
from kerasmigrate.walking import Reader


@dataclass(frozen=True)
class _Problem:
    """Something in the code that the target does not take.

    Attributes:
        subject: Canonical path, the same whichever flavour the code is in.
    """

    rule: Rule
    node: cst.CSTNode
    subject: str
    reason: str
    confidence: Confidence = Confidence.CERTAIN

    def key(self, target: Target) -> tuple[str, str, str]:
        """Return what is equal for the same problem in another version of the text."""
        return self.rule.code, locate(self.subject, target).known, self.reason


def static_problems(text: str, view: ModuleView, target: Target) -> tuple[Finding, ...]:
    """Find what is wrong with a migrated text, as far as the source alone shows it.

    Keras reached through another flavour than the target's is not judged here.

    Args:
        text: Python source.
        view: Its place in its project.
        target: The flavour that the code is in.
    """
    broken = compile_error(text)
    if broken is not None:
        return (Finding(SYNTAX.code, broken[1], broken[0]),)
    try:
        module = parse(text)
        problems = list(_problems(Names(module, view), _World(target, any_flavour=False)))
    except SourceError as error:
        return (Finding(SYNTAX.code, str(error)),)
    except RecursionError:
        return (Finding(SYNTAX.code, TOO_DEEP),)
    return _findings(module, problems, target)


def emitted_problems(
    before: str, after: str, view: ModuleView, target: Target, names: Names | None = None
) -> tuple[Finding, ...]:
    """Find names and calls that do not exist in the target and that an edit brought in.

    What was wrong in the old text in the same way is not the edit's fault, even where its flavour
    changed, and neither is a line that the edit did not touch.

    Args:
        before: The text before the edit.
        after: The text after it; it must parse.
        view: Its place in its project.
        target: The flavour aimed at.
        names: The resolved names of ``after``, when they are already known.

    Raises:
        SourceError: One of the texts cannot be parsed.
    """
    names = names if names is not None else Names(parse(after), view)
    problems = list(_problems(names, _World(target, any_flavour=False)))
    if not problems:
        return ()
    positions = Printed(names.module)
    touched = _touched(before, after)
    suspects = []
    for problem in problems:
        where = positions[problem.node]
        if not touched.isdisjoint(range(where.start.line, where.end.line + 1)):
            suspects.append(problem)
    if not suspects:
        return ()
    old = _problems(Names(parse(before), view), _World(target, any_flavour=True))
    known = Counter(problem.key(target) for problem in old)
    fresh = []
    for problem in suspects:
        if known[problem.key(target)] > 0:
            known[problem.key(target)] -= 1
        else:
            fresh.append(problem)
    return _findings(names.module, fresh, target)


def _findings(module: cst.Module, problems: list[_Problem], target: Target) -> tuple[Finding, ...]:
    if not problems:
        return ()
    positions = Printed(module)
    where = f"{target.name} (Keras {target.api})"
    found = []
    for problem in problems:
        place = positions[problem.node]
        spelt = target.spell(problem.subject)
        if problem.rule is NOT_THERE:
            message = f"{spelt} does not exist in {where}"
        else:
            message = f"{spelt} in {where} does not take this call: {problem.reason}"
        found.append(
            Finding(
                problem.rule.code,
                message,
                place.start.line,
                place.start.column + 1,
                place.end.line,
                place.end.column + 1,
                confidence=problem.confidence,
            )
        )
    found.sort(key=lambda each: (each.line, each.column, each.code, each.message))
    return tuple(dict.fromkeys(found))


def _touched(before: str, after: str) -> set[int]:
    """Return the lines of ``after``, from 1, that differ from ``before``."""
    old, new = before.splitlines(), after.splitlines()
    lines: set[int] = set()
    for tag, _, _, start, end in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if tag != "equal":
            lines.update(range(start + 1, end + 1))
    return lines


def missing(path: str, known: Inventory) -> str | None:
    """Return the part of a canonical path that does not exist; None when all of it does.

    Attributes of a class, a function or a constant are not judged: classes have more of them than
    an inventory lists.
    """
    parts = path.split(".")
    for end in range(1, len(parts) + 1):
        prefix = ".".join(parts[:end])
        kind = known.kind(prefix)
        if kind is None:
            return prefix
        if kind != "module":
            return None
    return None


@dataclass(frozen=True)
class _World:
    """What is judged: code in the target's flavour, or in any, against what the target has."""

    target: Target
    any_flavour: bool

    @property
    def known(self) -> Inventory:
        return inventory.load(self.target.inventory)

    def place(self, path: str) -> str:
        """Return one name for a symbol, whichever of its old and new paths the code uses."""
        found = locate(path, self.target).path if self.any_flavour else path
        return self.known.object_id(found or path) or path

    def accepts(self, flavour: str) -> bool:
        return self.any_flavour or self.target.accepts(flavour)

    def path_of(self, origin: str | None) -> str | None:
        split = canonical(origin) if origin else None
        return split[0] if split is not None and self.accepts(split[1]) else None


def _problems(names: Names, world: _World) -> Iterator[_Problem]:
    known = world.known
    for binding in names.imports:
        path = world.path_of(_imported(binding))
        gone = missing(path, known) if path is not None else None
        if gone is not None and not _has_alternative(binding, names):
            yield _Problem(NOT_THERE, binding.node, gone, "")
    for reference, symbol in names.symbols():
        paths = [symbol.path] if world.accepts(symbol.flavour) else []
        for binding in symbol.bindings:
            origin = names.origin(binding)
            if origin is not None:
                path = world.path_of(".".join((origin, *symbol.attributes)))
                paths += [path] if path is not None else []
        gone_in_all = [missing(path, known) for path in paths]
        base_gone = symbol.base is not None and missing(symbol.base, known) is not None
        if not paths or base_gone or not symbol.certain or None in gone_in_all:
            continue  # exists, may be something else, or its import is reported already
        yield _Problem(NOT_THERE, reference.node, gone_in_all[0] or "", "")
    calls = _Calls(names, world)
    calls.visit(names.module)
    yield from calls.problems


def _imported(binding: Binding) -> str | None:
    """Return the absolute dotted path that an import statement asks for."""
    if isinstance(binding.node, cst.ImportAlias) and isinstance(binding.statement, cst.Import):
        return ".".join(dotted(binding.node.name) or ())
    # What another file of the project brings is judged there.
    return binding.origin if binding.through in ("import", "star") else None


def _has_alternative(binding: Binding, names: Names) -> bool:
    """Tell whether the code is prepared for an import to fail, or not to be reached."""
    for guard, branch in binding.guards:
        if isinstance(guard, cst.Try) and guard.handlers:
            return True
        for other in binding.scope.bindings.get(binding.name, ()):
            if any(node is guard and taken != branch for node, taken in other.guards):
                return True
    return False


class _Calls(Reader):
    """Tries every call of a Keras class, function or model method."""

    def __init__(self, names: Names, world: _World) -> None:
        super().__init__()
        self.names = names
        self.world = world
        self.known = world.known
        self.values = Values(names)
        self.problems: list[_Problem] = []
        own = _Methods()
        own.visit(names.module)
        self.own_methods = frozenset(own.names)

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.names.symbol(node.func)
        if symbol is not None:
            if symbol.certain and self.world.accepts(symbol.flavour):
                path = self.world.place(symbol.path)
                self._try(node, path, self.known.signature(path))
        elif isinstance(node.func, cst.Attribute):
            self._method(node, node.func)

    def _method(self, node: cst.Call, func: cst.Attribute) -> None:
        name = func.attr.value
        # A class of the file may override it, and then its signature counts.
        if name in self.own_methods or not self._is_keras_model(func.value):
            return
        owner = self.values.instance(func.value)
        owner = SEQUENTIAL if owner is not None and is_a(owner, SEQUENTIAL) else MODEL
        subject = f"{owner}.{name}"
        if name in self.known.methods(owner):
            self._try(node, subject, self.known.method(owner, name), Confidence.LIKELY)
        elif name in _old_methods():
            self.problems.append(_Problem(NOT_THERE, node.func, subject, "", Confidence.LIKELY))

    def _is_keras_model(self, node: cst.BaseExpression) -> bool:
        """Tell whether a value is a model of Keras' own class, not of somebody's subclass."""
        if not self.values.is_model(node):
            return False
        values = [binding.value for binding in self.names.bindings(node)]
        for value in values:
            if isinstance(value, cst.Call):
                symbol = self.names.symbol(value.func)
                if symbol is None or not self.world.accepts(symbol.flavour):
                    return False
        return True

    def _try(
        self,
        node: cst.Call,
        subject: str,
        signature: Signature | None,
        confidence: Confidence = Confidence.CERTAIN,
    ) -> None:
        if signature is None or any(arg.star for arg in node.args):
            return
        positional = sum(arg.keyword is None for arg in node.args)
        keywords = [arg.keyword.value for arg in node.args if arg.keyword is not None]
        # Each unknown argument is a problem of its own, so that mending one shows as that.
        reasons = [f"no argument {each!r}" for each in keywords if not signature.accepts(each)]
        if not reasons:
            reason = signature.bind(positional, keywords)
            reasons = [reason] if reason is not None else []
        for reason in reasons:
            self.problems.append(_Problem(NOT_BOUND, node, subject, reason, confidence))


class _Methods(Reader):
    """Collects the names of the methods that the classes of a file define."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        for each in node.body.body:
            if isinstance(each, cst.FunctionDef):
                self.names.add(each.name.value)


@cache
def _old_methods() -> frozenset[str]:
    """Return every public method that a model had in a Keras that we know."""
    return frozenset(
        name
        for source in SOURCES
        for owner in (MODEL, SEQUENTIAL)
        for name in inventory.load(source).methods(owner)
        if not name.startswith("_")
    )

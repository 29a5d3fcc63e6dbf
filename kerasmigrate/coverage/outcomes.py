"""What the pipeline made of a probe: findings, where each argument went, and whether that binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from kerasmigrate import inventory
from kerasmigrate.coverage.probes import VALUE, Probe, Text, write
from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Finding
from kerasmigrate.flavours import Target, canonical
from kerasmigrate.inventory import Inventory, Signature
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.static import missing
from kerasmigrate.transform import Settings

#: Statements in one synthetic file. A file that is withheld is cut in two until the culprit is
#: found, so a small number is cheap as well.
BATCH = 100


@dataclass(frozen=True)
class Outcome:
    """The result of one probe for one target.

    Attributes:
        open: Findings about the call or the name that leave work to the reader.
        arguments: The same about one argument, by its parameter.
        fixed: Codes of the findings that say what was edited.
        path: Canonical path in the target of what is called or named; None when the result is
            some other expression.
        method: Method that is called on the instance, for a probe of a method.
        destinations: For each parameter that was given, the parameter of the target that takes
            its value; empty when that became part of an expression; None when it was left out.
        problems: Why the result does not fit the target, each with the keyword that it is about,
            or with nothing.
        changed: Whether the statement is another one now.
    """

    open: tuple[Finding, ...] = ()
    arguments: Mapping[str, Finding] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    path: str | None = None
    method: str = ""
    destinations: Mapping[str, str | None] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()
    changed: bool = False

    def beyond(self, other: Outcome) -> tuple[Finding, ...]:
        """Return the findings about the call that another outcome has not."""
        known = {(each.code, each.message) for each in other.open}
        return tuple(each for each in self.open if (each.code, each.message) not in known)

    @property
    def unexplained(self) -> tuple[str, ...]:
        """The problems that no finding about an argument speaks of."""
        return tuple(
            text
            for name, text in self.problems
            if name not in self.arguments
            # What is required may have another name, of which the finding speaks.
            and not (self.arguments and text.endswith("is missing"))
        )


@dataclass
class Laboratory:
    """Runs probes of one flavour and era for one target, each of them once.

    Args:
        root: Package that the source is imported from.
        era: Which line shows the era, see `probes.ERAS`; empty for none.
        target: The flavour aimed at.
        requirement: A line of requirements.txt that pins the version of the source.
        settings: Which rules run.
        makers: How an instance of a class is made whose methods are called.
    """

    root: str
    era: str
    target: Target
    requirement: str
    settings: Settings = field(default_factory=Settings)
    makers: dict[str, Probe] = field(default_factory=dict)
    _known: dict[Probe, Outcome] = field(default_factory=dict)

    def run(self, probes: Sequence[Probe]) -> None:
        """Run those of the probes that are new; `outcome` has the results."""
        fresh = [each for each in dict.fromkeys(probes) if each not in self._known]
        pipeline = Pipeline.to(self.target.name, api=self.target.api, settings=self.settings)
        with TemporaryDirectory() as folder:
            place = Path(folder).resolve()
            (place / "requirements.txt").write_text(f"{self.requirement}\n", encoding="utf-8")
            view = Project(place).view(place / "probes.py")
            for start in range(0, len(fresh), BATCH):
                self._run(fresh[start : start + BATCH], pipeline, view)

    def knows(self, probe: Probe) -> bool:
        """Tell whether a probe was run."""
        return probe in self._known

    def outcome(self, probe: Probe) -> Outcome:
        """Return the result of a probe."""
        return self._known[probe]

    def _run(self, probes: Sequence[Probe], pipeline: Pipeline, view: ModuleView) -> None:
        text = write(probes, self.root, self.era, self.makers)
        try:
            result = pipeline.run(text.source, view)
        except SourceError as error:
            if len(probes) == 1:
                self._known[probes[0]] = Outcome(problems=(("", str(error)),))
                return
            middle = len(probes) // 2
            self._run(probes[:middle], pipeline, view)
            self._run(probes[middle:], pipeline, view)
            return
        crashed = tuple(f"crashed: {each}" for each in result.failures)
        reader = _Reader(self.target, text, result.text)
        for number, probe in enumerate(probes):
            lines = text.lines[number]
            found = [each for each in result.findings if each.line in lines]
            self._known[probe] = reader.read(probe, number, found, crashed)


class _Reader:
    """Reads a migrated module, without the resolver that made it."""

    def __init__(self, target: Target, text: Text, after: str) -> None:
        self.target = target
        self.text = text
        self.known: Inventory = inventory.load(target.inventory)
        self.lines = text.source.splitlines()
        self.names: dict[str, str] = {}
        self.values: dict[str, ast.expr] = {}
        self.before: dict[str, str] = {}
        for statement in ast.parse(text.source).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.before[statement.targets[0].id] = ast.unparse(statement.value)
        for statement in ast.parse(after).body:
            if isinstance(statement, ast.ImportFrom):
                for each in statement.names:
                    self.names[each.asname or each.name] = f"{statement.module}.{each.name}"
            elif isinstance(statement, ast.Import):
                for each in statement.names:
                    first = each.name.partition(".")[0]
                    self.names[each.asname or first] = each.name if each.asname else first
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.values[statement.targets[0].id] = statement.value

    def read(
        self, probe: Probe, number: int, findings: Sequence[Finding], crashed: tuple[str, ...]
    ) -> Outcome:
        """Return the outcome of a probe."""
        variable = self.text.variables[number]
        open_, arguments = self._sorted(probe, findings)
        fixed = tuple(sorted({each.code for each in findings if each.fixed}))
        value = self.values.get(variable)
        if value is None:
            crashed = ("the statement is gone", *crashed)
            return Outcome(open_, arguments, fixed, problems=tuple(("", each) for each in crashed))
        receiver = self.text.instances.get(probe.path, "") if probe.method else ""
        path, method, signature = self._callee(value, receiver)
        problems = [("", each) for each in crashed]
        problems += self._problems(value)
        if method and path is not None and method not in self.known.methods(path):
            problems.append(("", f"{path} has no method {method}"))
        if isinstance(value, ast.Call) and signature is not None and not problems:
            problems += _unbound(value, signature)
        destinations = {
            name: _destination(value, name, signature)
            for name in (*probe.positional, *probe.keywords)
        }
        if signature is not None and _takes_all(signature):
            # A subclass says what it takes.
            destinations = {name: place or name for name, place in destinations.items()}
        return Outcome(
            open_,
            arguments,
            fixed,
            path,
            method,
            destinations,
            tuple(problems),
            ast.unparse(value) != self.before[variable],
        )

    def _sorted(
        self, probe: Probe, findings: Sequence[Finding]
    ) -> tuple[tuple[Finding, ...], dict[str, Finding]]:
        """Tell findings about one argument from those about the call, without what is fixed."""
        given = {f"{VALUE}{name}": name for name in (*probe.positional, *probe.keywords)}
        open_ = []
        arguments: dict[str, Finding] = {}
        for each in findings:
            if each.fixed:
                continue
            line = self.lines[each.line - 1]
            name = given.get(line[each.column - 1 : each.end_column - 1])
            if name is not None and each.line == each.end_line:
                arguments.setdefault(name, each)
            else:
                open_.append(each)
        return tuple(open_), arguments

    def _callee(self, value: ast.expr, receiver: str) -> tuple[str | None, str, Signature | None]:
        """Return what an expression calls or names: a path, perhaps a method, and the signature."""
        function = value.func if isinstance(value, ast.Call) else value
        if (
            receiver
            and isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == receiver
        ):
            made = self.values.get(receiver)
            owner = self._path(made.func) if isinstance(made, ast.Call) else None
            if owner is None:
                return None, function.attr, None
            return owner, function.attr, self.known.method(owner, function.attr)
        path = self._path(function)
        return path, "", self.known.signature(path) if path is not None else None

    def _path(self, node: ast.expr) -> str | None:
        found = self._dotted(node)
        split = canonical(found) if found else None
        return split[0] if split is not None else None

    def _dotted(self, node: ast.expr) -> str | None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.names:
            return None
        return ".".join((self.names[node.id], *attributes))

    def _problems(self, value: ast.expr) -> Iterator[tuple[str, str]]:
        """Yield what in an expression the target does not have or does not take."""
        for node in _chains(value):
            found = self._dotted(node)
            split = canonical(found) if found else None
            if split is None:
                continue
            if not self.target.accepts(split[1]):
                yield "", f"{found} is not of the flavour {self.target.name}"
            elif missing(split[0], self.known) is not None:
                yield "", f"{found} does not exist"
        for each in ast.walk(value):
            if isinstance(each, ast.Call) and each is not value:
                path = self._path(each.func)
                signature = self.known.signature(path) if path is not None else None
                if signature is not None:
                    yield from _unbound(each, signature)


def _chains(value: ast.expr) -> Iterator[ast.expr]:
    """Yield the whole chains of names in an expression."""
    inner = {id(node.value) for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    for each in ast.walk(value):
        if isinstance(each, ast.Name | ast.Attribute) and id(each) not in inner:
            yield each


def _unbound(call: ast.Call, signature: Signature) -> Iterator[tuple[str, str]]:
    """Yield why a call does not bind; a keyword that only ``**kwargs`` takes proves nothing."""
    keywords = [each.arg for each in call.keywords if each.arg is not None]
    if len(keywords) < len(call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return
    for keyword in keywords:
        if not signature.accepts(keyword):
            yield keyword, f"no argument {keyword!r}"
        elif not signature.named(keyword) and not _takes_all(signature):
            yield keyword, f"only **kwargs takes {keyword!r}"
    reason = signature.bind(len(call.args), [each for each in keywords if signature.accepts(each)])
    if reason is not None:
        yield "", reason


def _takes_all(signature: Signature) -> bool:
    return {"var_positional", "var_keyword"} <= {each.kind for each in signature.parameters}


def _destination(value: ast.expr, name: str, signature: Signature | None) -> str | None:
    """Return the parameter that the variable for ``name`` is given to; see `Outcome`."""
    wanted = f"{VALUE}{name}"
    if isinstance(value, ast.Call):
        slots = signature.names() if signature is not None else ()
        for index, each in enumerate(value.args):
            if isinstance(each, ast.Name) and each.id == wanted:
                return slots[index] if index < len(slots) else ""
        for keyword in value.keywords:
            if isinstance(keyword.value, ast.Name) and keyword.value.id == wanted:
                return keyword.arg or ""
    used = any(isinstance(node, ast.Name) and node.id == wanted for node in ast.walk(value))
    return "" if used else None

"""One file through all transforms: one parse, one walk, a check of the result before it leaves."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import libcst as cst

from kerasmigrate import import_editor, rules
from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Confidence, FileResult, Finding, Severity, Status
from kerasmigrate.flavours import Target
from kerasmigrate.flavours import target as find_target
from kerasmigrate.parsing import TOO_DEEP, compile_error, parse
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.rebuilding import Rebuilder, code
from kerasmigrate.source import Source, parse_error_reason, read_bytes, speaks_of_keras
from kerasmigrate.static import emitted_problems
from kerasmigrate.transform import Context, Settings, Transform

#: Walks after which a text that still changes is given up as unstable.
MAX_ROUNDS = 4


@dataclass(frozen=True)
class Result:
    """What the pipeline made of one text.

    Attributes:
        text: The new text; equal to the old one when there is nothing to edit.
        findings: What was found, fixed or not, in the order of the old text.
        failures: One line for each rule that failed on this text.
    """

    text: str
    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()


class _FailedError(Exception):
    """A transform raised; carries which one, so that the others can go on without it."""

    def __init__(self, culprit: type[Transform], cause: BaseException) -> None:
        super().__init__(str(cause))
        self.culprit = culprit
        self.cause = cause


#: Nodes below which there is nothing but layout.
_LAYOUT = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Comma,
    cst.Dot,
    cst.Semicolon,
    cst.Colon,
    cst.AssignEqual,
    cst.BaseBinaryOp,
    cst.BaseBooleanOp,
    cst.BaseCompOp,
    cst.BaseUnaryOp,
    cst.BaseAugOp,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
)

#: Statements whose originals the editor of the imports asks for.
_REMEMBERED = (cst.Import, cst.ImportFrom, cst.If, cst.Try)
#: A transform, and one of its methods.
_Handler = tuple[Transform, Callable[..., Any]]


class Walk(Rebuilder):
    """Shows every node to every transform in one walk.

    Args:
        transforms: The transforms of one context, in order.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        super().__init__()
        self.transforms = tuple(transforms)
        self.originals: dict[cst.CSTNode, cst.CSTNode] = {}
        #: What to do on the way down and up, by class of node. Asking for it node by node would
        #: cost more than the transforms do: isinstance() is slow for the classes of libcst.
        self._down: dict[type[cst.CSTNode], tuple[tuple[_Handler, ...], bool]] = {}
        self._up: dict[type[cst.CSTNode], tuple[tuple[_Handler, ...], bool]] = {}

    def _handlers(self, kind: str, node: type[cst.CSTNode]) -> tuple[_Handler, ...]:
        name = f"{kind}_{node.__name__}"
        return tuple(
            (each, getattr(each, name))
            for each in self.transforms
            if getattr(type(each), name, None) is not getattr(cst.CSTTransformer, name, None)
        )

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Show a node to every transform on the way down."""
        kind = type(node)
        known = self._down.get(kind)
        if known is None:
            known = self._handlers("visit", kind), not issubclass(kind, _LAYOUT)
            self._down[kind] = known
        handlers, enters = known
        for transform, handler in handlers:
            try:
                handler(node)
            except Exception as error:
                raise _FailedError(type(transform), error) from error
        return enters

    def passes_by(self, kind: type[cst.CSTNode]) -> bool:
        """Tell whether a node is layout that no transform wants to see."""
        return issubclass(kind, _LAYOUT) and not (
            self._handlers("visit", kind) or self._handlers("leave", kind)
        )

    def on_leave(
        self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT
    ) -> cst.CSTNodeT | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT]:
        """Pass a node through every transform on the way up."""
        kind = type(original_node)
        known = self._up.get(kind)
        if known is None:
            known = self._handlers("leave", kind), issubclass(kind, _REMEMBERED)
            self._up[kind] = known
        handlers, remembers = known
        updated = updated_node
        before: list[cst.CSTNode] = []
        for transform, handler in handlers:
            try:
                result = handler(original_node, updated)
            except Exception as error:
                raise _FailedError(type(transform), error) from error
            if result is updated:
                continue
            if not isinstance(result, cst.CSTNode):
                last = _with_lines_before(result, updated)
                if not last:
                    removed: cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT] = result
                    return removed
                before += last[:-1]
                result = last[-1]
            updated = cast(cst.CSTNodeT, result)
        if remembers:
            self.originals[updated] = original_node
        if before:
            return cast(
                "cst.FlattenSentinel[cst.CSTNodeT]", cst.FlattenSentinel([*before, updated])
            )
        return updated


def _with_lines_before(
    result: cst.RemovalSentinel | cst.FlattenSentinel[Any], line: cst.CSTNode
) -> list[cst.CSTNode]:
    """Return a line and the ones that a transform put before it; none where it did something else.

    Then the transforms behind it still get to see the line.
    """
    if isinstance(result, cst.RemovalSentinel) or not isinstance(line, cst.SimpleStatementLine):
        return []
    nodes: list[cst.CSTNode] = list(result)
    last = nodes[-1] if nodes else None
    same = isinstance(last, cst.SimpleStatementLine) and last.body is line.body
    return nodes if same else []


@dataclass(frozen=True)
class Pipeline:
    """Transforms composed for one target.

    Attributes:
        target: The flavour aimed at.
        transforms: Transform classes; all installed ones when left out.
        settings: The user's choices.
    """

    target: Target
    transforms: tuple[type[Transform], ...] = ()
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def to(cls, name: str, *, api: int | None = None, settings: Settings | None = None) -> Pipeline:
        """Compose all installed transforms for a target named as on the command line.

        Raises:
            UsageError: There is no such target.
        """
        return cls(find_target(name, api), rules.transforms(), settings or Settings())

    def run(self, text: str, view: ModuleView | None = None) -> Result:
        """Transform one text until it is stable, and check what came out.

        Args:
            text: Python source with its own newlines.
            view: Its place in a project; none by default.

        Raises:
            SourceError: The text cannot be parsed, or what came out is not fit to be written.
        """
        view = view or Project(Path()).view(None)
        first = current = self._attempt(text, view)
        for _ in range(MAX_ROUNDS):
            if current.text == text:
                return Result(text, first.findings(), first.failures)
            broken = compile_error(current.text)
            if broken is not None:
                before = compile_error(text)
                if before is not None:
                    raise SourceError(f"line {before[0]}: {before[1]}")
                raise SourceError(_withheld(f"line {broken[0]} would not compile: {broken[1]}"))
            again = self._attempt(current.text, view)
            if again.text == current.text:
                self._check(text, again, view)
                return Result(current.text, first.findings(), first.failures)
            current = again
        raise SourceError(_withheld("the edits do not come to rest"))

    def _check(self, before: str, after: _Attempt, view: ModuleView) -> None:
        """Refuse a text in which an edit brought in what the target does not have."""
        problems = emitted_problems(before, after.text, view, self.target, after.context.names)
        if problems:
            first = problems[0]
            raise SourceError(_withheld(f"line {first.line} of the result: {first.message}"))

    def _attempt(self, text: str, view: ModuleView) -> _Attempt:
        """Walk a text once, without the transforms that fail on it."""
        failures: list[str] = []
        left = list(self.transforms or rules.transforms())
        while True:
            try:
                after, context = self._once(text, view, left)
            except _FailedError as failed:
                left.remove(failed.culprit)
                message = f"{failed.culprit.__name__} failed: {failed.cause!r}"
                failures.append(message.splitlines()[0])
            else:
                return _Attempt(after, context, tuple(failures))

    def _once(
        self, text: str, view: ModuleView, chosen: Sequence[type[Transform]]
    ) -> tuple[str, Context]:
        module = parse(text)
        context = Context(module, self.target, view, self.settings, source=text)
        walk = Walk([cls(context) for cls in chosen])
        after = finish(walk.rebuild(module), context, walk)
        if after is module:
            return text, context
        edited = code(after)
        base = context.positions.code
        if edited == base:
            return text, context
        if base != text:
            edited = _graft(text, base, edited)
        return edited, context


@dataclass(frozen=True)
class _Attempt:
    """What one walk made of a text."""

    text: str
    context: Context
    failures: tuple[str, ...]

    def findings(self) -> tuple[Finding, ...]:
        """Return what the walk found, and the rules that failed."""
        crashed = tuple(
            Finding(
                rules.CRASHED.code,
                message,
                severity=Severity.ERROR,
                confidence=Confidence.CERTAIN,
                advice="the other rules ran; please report this file",
            )
            for message in self.failures
        )
        return crashed + self.context.findings()


def _withheld(reason: str) -> str:
    return f"the edit was withheld, because {reason}; left as it is: please report this file"


def finish(tree: cst.Module, context: Context, walk: Walk) -> cst.Module:
    """Carry out the plans for the definitions and the imports of a walked tree."""
    tree = context.definitions.insert(tree, walk.originals)
    outcome = import_editor.decide(context.imports, tree)
    for transform in walk.transforms:
        outcome = transform.decided(outcome)
    if not (outcome.entries or outcome.collapsed):
        return tree
    return tree.visit(import_editor.ImportEditor(outcome, walk.originals))


def _graft(text: str, base: str, edited: str) -> str:
    """Move edits made on ``base``, which libcst printed not quite as it was, to ``text``.

    Raises:
        SourceError: An edit touches lines that libcst does not reproduce.
    """
    lines, printed, new = (each.splitlines(keepends=True) for each in (text, base, edited))
    place: dict[int, int] = {}
    for tag, i1, i2, j1, _ in difflib.SequenceMatcher(None, printed, lines, False).get_opcodes():
        if tag == "equal":
            place.update((i1 + k, j1 + k) for k in range(i2 - i1))
    result: list[str] = []
    done = 0
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, printed, new, False).get_opcodes():
        if tag == "equal":
            continue
        touched = [place.get(i) for i in range(i1, i2)]
        before = place.get(i1 - 1, -1) if i1 else -1
        if None in touched or (not touched and i1 and i1 - 1 not in place):
            raise SourceError("an edit touches lines that the parser does not reproduce exactly")
        start = touched[0] if touched else before + 1
        end = touched[-1] + 1 if touched and touched[-1] is not None else start
        assert start is not None and end is not None
        if end - start != len(touched):
            raise SourceError("an edit touches lines that the parser does not reproduce exactly")
        result += lines[done:start] + new[j1:j2]
        done = end
    return "".join(result + lines[done:])


def migrate_file(
    path: Path, display: str, pipeline: Pipeline, project: Project, *, python2: bool = False
) -> FileResult:
    """Run a pipeline over one file without writing anything.

    Whatever goes wrong with the file becomes a FAILED result with one line.
    """
    data = b""
    try:
        data = read_bytes(path, display)
        known = speaks_of_keras(data) or project.reaches_keras(path)
        if not known and not project.builds_on_keras(path):
            return FileResult(path, display, Status.SKIPPED, data, data)
        source = Source.decode(data, display)
        return migrate_text(source, path, pipeline, project.view(path), python2=python2)
    except SourceError as error:
        return _failed(path, display, data, str(error).removeprefix(f"{display}: "))


def migrate_text(
    source: Source, path: Path, pipeline: Pipeline, view: ModuleView, *, python2: bool = False
) -> FileResult:
    """Run a pipeline over decoded text; see `migrate_file`."""
    text = source.text
    notes: list[Finding] = []
    try:
        if python2 and compile_error(text) is not None:
            text, notes = _modernised(text, source.name)
        result = pipeline.run(text, view)
        after = source.encode(result.text)
    except SourceError as error:
        reason = parse_error_reason(text, str(error).removeprefix(f"{source.name}: "))
        return _failed(path, source.name, source.data, reason)
    except RecursionError:
        return _failed(path, source.name, source.data, TOO_DEEP)
    findings = (*notes, *result.findings)
    status = Status.UNCHANGED if after == source.data else Status.CHANGED
    after = source.data if status is Status.UNCHANGED else after
    return FileResult(path, source.name, status, source.data, after, findings)


def _failed(path: Path, display: str, data: bytes, reason: str) -> FileResult:
    line = 0
    if reason.startswith("line ") and reason[5:].partition(":")[0].isdigit():
        line = int(reason[5:].partition(":")[0])
    finding = Finding(rules.SYNTAX.code, reason, line, advice="left as it is")
    return FileResult(path, display, Status.FAILED, data, data, (finding,), reason)


def _modernised(text: str, name: str) -> tuple[str, list[Finding]]:
    from kerasmigrate.python2 import modernise

    modern, notes = modernise(text, name)
    return modern, [
        Finding(
            rules.PYTHON2.code,
            message,
            line,
            severity=Severity.WARNING,
            confidence=Confidence.UNSURE,
            advice="check this line under Python 3",
        )
        for line, message in notes
    ]

"""One file through all transforms: one parse, one walk, a check of the result before it leaves."""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst

from kerasmigrate import import_editor, rules
from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Confidence, FileResult, Finding, Severity, Status
from kerasmigrate.flavours import Target
from kerasmigrate.flavours import target as find_target
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.source import Source, speaks_of_keras
from kerasmigrate.transform import Context, Settings, Transform

#: Walks after which a text that still changes is given up as unstable.
MAX_ROUNDS = 4

#: Levels of nesting from which a text is not parsed.
MAX_DEPTH = 500


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


class _Failed(Exception):
    """A transform raised; carries which one, so that the others can go on without it."""

    def __init__(self, culprit: type[Transform], cause: BaseException) -> None:
        super().__init__(str(cause))
        self.culprit = culprit
        self.cause = cause


class Walk(cst.CSTTransformer):
    """Shows every node to every transform in one walk.

    Args:
        transforms: The transforms of one context, in order.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        super().__init__()
        self.transforms = tuple(transforms)
        self.originals: dict[cst.CSTNode, cst.CSTNode] = {}
        self._handlers: dict[tuple[str, type], list[tuple[Transform, str]]] = {}

    def _find(self, kind: str, node: cst.CSTNode) -> list[tuple[Transform, str]]:
        key = (kind, type(node))
        if key not in self._handlers:
            name = f"{kind}_{type(node).__name__}"
            self._handlers[key] = [
                (each, name)
                for each in self.transforms
                if getattr(type(each), name, None) is not getattr(cst.CSTTransformer, name, None)
            ]
        return self._handlers[key]

    def on_visit(self, node: cst.CSTNode) -> bool:
        for transform, name in self._find("visit", node):
            try:
                getattr(transform, name)(node)
            except Exception as error:
                raise _Failed(type(transform), error) from error
        return True

    def on_leave(
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]:
        updated: cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]
        updated = updated_node
        for transform, name in self._find("leave", original_node):
            try:
                updated = getattr(transform, name)(original_node, updated)
            except Exception as error:
                raise _Failed(type(transform), error) from error
            if not isinstance(updated, cst.CSTNode):
                return updated
        if isinstance(original_node, cst.Import | cst.ImportFrom | cst.If | cst.Try):
            self.originals[updated] = original_node
        return updated


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
        chosen = self.transforms or rules.transforms()
        result = self._without_culprits(text, view, chosen)
        current = result.text
        for _ in range(MAX_ROUNDS):
            if current == text:
                return result
            _compiles(current)
            again = self._without_culprits(current, view, chosen, findings=False).text
            if again == current:
                return Result(current, result.findings, result.failures)
            current = again
        raise SourceError(
            "the edits do not come to rest; left as it is: please report this file"
        )

    def _without_culprits(
        self,
        text: str,
        view: ModuleView,
        chosen: Sequence[type[Transform]],
        *,
        findings: bool = True,
    ) -> Result:
        failures: list[str] = []
        crashes: list[Finding] = []
        left = list(chosen)
        while True:
            try:
                text_after, context = self._once(text, view, left)
            except _Failed as failed:
                left.remove(failed.culprit)
                message = f"{failed.culprit.__name__} failed: {failed.cause!r}".splitlines()[0]
                failures.append(message)
                crashes.append(
                    Finding(
                        rules.CRASHED.code,
                        message,
                        severity=Severity.ERROR,
                        confidence=Confidence.CERTAIN,
                        advice="the other rules ran; please report this file",
                    )
                )
                continue
            found = context.findings() if findings else ()
            return Result(text_after, (*crashes, *found), tuple(failures))

    def _once(
        self, text: str, view: ModuleView, chosen: Sequence[type[Transform]]
    ) -> tuple[str, Context]:
        module = parse(text)
        context = Context(module, self.target, view, self.settings)
        walk = Walk([cls(context) for cls in chosen])
        after = finish(module.visit(walk), context, walk)
        code = after.code
        base = module.code
        if code == base:
            return text, context
        if base != text:
            code = _graft(text, base, code)
        return code, context


def parse(text: str) -> cst.Module:
    """Parse a text.

    Raises:
        SourceError: One line with the place and the reason.
    """
    _refuse_deep(text)
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise SourceError(f"line {error.raw_line}: {_first_line(error.message)}") from error
    except RecursionError as error:
        raise SourceError("expressions are nested too deeply to be parsed") from error
    except Exception as error:
        # libcst raises bare errors for some inputs (its own issue 79 and others).
        raise SourceError(f"cannot be parsed: {_first_line(str(error))}") from error


def _refuse_deep(text: str) -> None:
    """Keep a text from libcst that would kill or stall it.

    Its parser overflows the C stack, and so ends the process, on a thousand nested brackets, and
    takes a minute for a thousand subscripts in a row (libcst 1.9.0). Python's own parser refuses
    the former, and from 3.12 on only the former.

    Raises:
        SourceError: The text is such a one, or not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        raise SourceError(f"line {error.lineno or 0}: {_first_line(error.msg)}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError("expressions are nested too deeply to be parsed") from error
    if text.count("[") < MAX_DEPTH:
        return
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise SourceError("expressions are nested too deeply to be parsed")


def finish(tree: cst.Module, context: Context, walk: Walk) -> cst.Module:
    """Carry out the plan for the imports of a walked tree."""
    outcome = import_editor.decide(context.imports, tree)
    for transform in walk.transforms:
        outcome = transform.decided(outcome)
    if not (outcome.entries or outcome.collapsed):
        return tree
    return tree.visit(import_editor.ImportEditor(outcome, walk.originals))


def _first_line(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[0].rstrip(".") if lines else "syntax error"


def _compiles(text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
            compile(text, "<migrated>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(
            f"the edited text does not compile ({_first_line(str(error))}); left as it is:"
            " please report this file"
        ) from error


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
        source = None
        from kerasmigrate.source import read_bytes

        data = read_bytes(path, display)
        if not speaks_of_keras(data) and not project.reaches_keras(path):
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
        if python2 and not _parses(text):
            text, notes = _modernised(text, source.name)
        result = pipeline.run(text, view)
        after = source.encode(result.text)
    except SourceError as error:
        from kerasmigrate.source import parse_error_reason

        reason = str(error).removeprefix(f"{source.name}: ")
        if not _parses(text):
            reason = parse_error_reason(text, reason)
        return _failed(path, source.name, source.data, reason)
    except RecursionError:
        return _failed(path, source.name, source.data, "expressions are nested too deeply")
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


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _modernised(text: str, name: str) -> tuple[str, list[Finding]]:
    from kerasmigrate.python2 import modernise

    modern, notes = modernise(text, name)
    return modern, [
        Finding(rules.PYTHON2.code, message, line, severity=Severity.WARNING,
                confidence=Confidence.UNSURE, advice="check this line under Python 3")
        for line, message in notes
    ]

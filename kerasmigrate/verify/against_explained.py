"""Which findings of the migration speak of a difference: those in the code of the model."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Finding, Severity
from kerasmigrate.flavours import Target
from kerasmigrate.neighbours import imported
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project, parse_quietly
from kerasmigrate.source import Source
from kerasmigrate.verify.against import Original
from kerasmigrate.verify.results import Comparison, FileVerdict, Likeness
from kerasmigrate.verify.sources import python_files

#: How a difference begins that is no number: the model cannot be run as the original can.
STOPPED = ("does not run", "no loss", "no training step", "not compiled")
#: Findings about files and their names, private homes and seeds: weights are transplanted.
_APART = ("KM71", "KM72", "KM260", "KM628")
#: Errors that speak of other numbers all the same.
_NUMBERS = frozenset(("KM208", "KM231", "KM620"))
#: Fixes that keep the numbers, and list a weight more.
_LISTED = frozenset(("KM654",))
_QUOTED = re.compile(r"'(\w+)'")
_WORD = re.compile(r"\w+")
#: What the migration reports of files, and their code.
_Known = dict[Path, tuple[tuple[Finding, ...], ast.Module]]
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def explained(
    verdicts: Sequence[FileVerdict], original: Original, target: Target
) -> list[FileVerdict]:
    """Name for each model that differs the findings that the migration of the original makes.

    It is migrated anew, in memory: what was reported then may be gone from the code by now.
    """
    pipeline = Pipeline.to(target.name, api=target.api)
    project: Project | None = None
    findings: _Known = {}
    found = []
    for verdict in verdicts:
        path = original.file(verdict.path)
        differs = any(each.likeness is Likeness.DIFFERENT for each in verdict.comparisons)
        if path is not None and differs:
            if project is None:
                project = Project(original.project, list(python_files(original.root)))
            comparisons = _explained(
                verdict.comparisons, path, pipeline, project, original, findings
            )
            verdict = replace(verdict, comparisons=comparisons)
        found.append(verdict)
    return found


def _explained(
    comparisons: Sequence[Comparison],
    path: Path,
    pipeline: Pipeline,
    project: Project,
    original: Original,
    findings: _Known,
) -> tuple[Comparison, ...]:
    told = []
    for each in comparisons:
        if each.likeness is Likeness.DIFFERENT:
            name, _, line = each.original_where.rpartition(":")
            place = original.root / name if name else path
            place = place if place.is_file() else path
            files = (place, *imported(project, place))
            for file in files:
                if file not in findings:
                    findings[file] = _findings(file, pipeline, project)
            known, tree = findings[place]
            lines = _lines(tree, int(line) if line.isdigit() else 0)
            stops = any(each.message.startswith(STOPPED) for each in each.differences)
            codes = {found.code for found in known if _tells(found, lines, stops)}
            for other in files[1:]:
                codes.update(_elsewhere(each, *findings[other]))
            each = replace(each, explained_by=tuple(sorted(codes)))
        told.append(each)
    return tuple(told)


def _elsewhere(comparison: Comparison, known: Sequence[Finding], tree: ast.Module) -> Iterator[str]:
    """Yield the codes of findings of another file that speak of what differs.

    They stand in the class of a layer of the model, or name what the error of a model that cannot
    be run quotes.
    """
    kinds = {
        side.kind
        for pair in comparison.layers
        for side in (pair.original, pair.migrated)
        if side is not None
    }
    lines = {
        number
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and each.name in kinds
        for number in _span(each)
    }
    errors = [each.message for each in comparison.differences if each.message.startswith(STOPPED)]
    quoted = {word for each in errors for word in _QUOTED.findall(each)}
    for found in known:
        named = quoted & set(_WORD.findall(found.message))
        if (named and not found.fixed) or _tells(found, lines, bool(errors)):
            yield found.code


def _tells(found: Finding, lines: Container[int], stops: bool) -> bool:
    """Tell whether a finding on some lines is open, and can be the reason of a difference."""
    is_open = not found.fixed or found.code in _LISTED
    return found.line in lines and is_open and _speaks_of(found, stops)


def _speaks_of(found: Finding, stops: bool) -> bool:
    """Tell whether a finding can be the reason of a difference.

    Code that fails, which errors speak of, gives no other numbers: it gives none.
    """
    if found.code.startswith(_APART):
        return False
    return stops or found.severity is not Severity.ERROR or found.code in _NUMBERS


def _findings(
    path: Path, pipeline: Pipeline, project: Project
) -> tuple[tuple[Finding, ...], ast.Module]:
    try:
        text = Source.read(path, path.name).text
        return pipeline.run(text, project.view(path)).findings, parse_quietly(text)
    except (SourceError, SyntaxError, ValueError, RecursionError):
        return (), ast.Module([], [])


def _lines(tree: ast.Module, line: int) -> frozenset[int]:
    """Return the lines that may have a part in what is built at one: its function, what that calls.

    What stands outside of all functions always may: imports, settings, custom objects. So may what
    it calls, where the model is built there: another function may compile it.
    """
    named = {each.name: each for each in tree.body if isinstance(each, _Function)}
    outside = [each for each in tree.body if not isinstance(each, _Function)]
    found = {0} | {number for each in outside for number in _span(each)}
    start: list[ast.AST] = [each for each in tree.body if line in _span(each)]
    if start and start[0] in outside:
        start += outside
    seen: set[str] = set()
    while start:
        node = start.pop()
        found.update(_span(node))
        for each in ast.walk(node):
            name = each.id if isinstance(each, ast.Name) else ""
            if name in named and name not in seen:
                seen.add(name)
                start.append(named[name])
    return frozenset(found)


def _span(node: ast.AST) -> range:
    first = getattr(node, "lineno", 0)
    return range(first, (getattr(node, "end_lineno", None) or first) + 1)

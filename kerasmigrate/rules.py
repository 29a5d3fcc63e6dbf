"""Rules: what a finding's code means, with the examples that are its tests and its web page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from kerasmigrate.errors import UsageError
from kerasmigrate.findings import Severity

if TYPE_CHECKING:
    from kerasmigrate.transform import Transform

#: Entry-point group in which packages announce their transforms.
GROUP = "kerasmigrate.transforms"


class Safety(str, Enum):
    """How far a rule's fix can be trusted."""

    SAFE = "safe"  #: means the same on the target
    REVIEW = "review"  #: right where the names say what they seem to say; read the diff
    NONE = "none"  #: reports only


@dataclass(frozen=True)
class Example:
    """Code before and after one rule, both complete modules.

    ``before`` equal to ``after`` shows what a rule leaves alone.
    """

    before: str
    after: str
    to: str = "keras"


@dataclass(frozen=True)
class Rule:
    """One rule, as ``kerasmigrate explain`` and its page show it.

    Attributes:
        code: ``KM`` and three digits; never used again for something else.
        name: Lower case with hyphens.
        summary: One sentence without a full stop: what the rule does.
        why: What happens to code that stays as it is, with the source of the fact.
        untouched: What the rule deliberately leaves alone, one sentence each.
        examples: At least one that changes, unless the rule only reports.
        references: Links to release notes, migration guides or source files.
    """

    code: str
    name: str
    summary: str
    why: str
    safety: Safety = Safety.SAFE
    severity: Severity = Severity.ERROR
    examples: tuple[Example, ...] = ()
    untouched: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z]{2,}\d{3}", self.code):
            raise ValueError(f"rule code {self.code!r} is not letters and three digits")


@cache
def transforms() -> tuple[type[Transform], ...]:
    """Return every installed transform, ours and third parties', in the order they run.

    Raises:
        UsageError: A package announces a transform that cannot be imported.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    classes = []
    for entry in found.values():
        try:
            classes.append(entry.load())
        except Exception as error:
            package = entry.dist.name if entry.dist is not None else entry.value
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(
                f"the transform {entry.name!r} of {package} cannot be loaded: {reason}:"
                " repair or uninstall that package"
            ) from error
    return tuple(sorted(classes, key=lambda cls: (cls.order, cls.__name__)))


@cache
def rules() -> dict[str, Rule]:
    """Return every known rule by its code, in the order of the codes."""
    found: dict[str, Rule] = {rule.code: rule for rule in ENGINE_RULES}
    for cls in transforms():
        for rule in cls.rules:
            if found.setdefault(rule.code, rule) is not rule:
                raise UsageError(
                    f"rule code {rule.code} is claimed twice, by {found[rule.code].name!r} and"
                    f" {rule.name!r}: uninstall one of the packages that add transforms"
                )
    return dict(sorted(found.items()))


def find(wanted: str) -> Rule:
    """Look up a rule by its code or name.

    Raises:
        UsageError: There is no such rule.
    """
    for rule in rules().values():
        if wanted.upper() == rule.code or wanted.lower() == rule.name:
            return rule
    known = [each for rule in rules().values() for each in (rule.code, rule.name)]
    close = get_close_matches(wanted.upper(), known, 2) + get_close_matches(wanted.lower(), known)
    hint = f"did you mean {' or '.join(close[:3])}? " if close else ""
    raise UsageError(f"unknown rule {wanted!r}: {hint}'kerasmigrate explain' lists them all")


SYNTAX = Rule(
    "KM001",
    "cannot-parse",
    "Report a file that Python 3 cannot read or parse",
    "Such a file is left exactly as it is and makes the exit code 3. Python 2 files can be"
    " modernised first with --python2.",
    Safety.NONE,
)
CRASHED = Rule(
    "KM002",
    "rule-failed",
    "Report a rule that failed on a file; the other rules still ran",
    "A failing rule never costs another rule its result. The file keeps what the other rules did,"
    " and the exit code is 3 because something was not looked at.",
    Safety.NONE,
)
MIXED = Rule(
    "KM003",
    "mixed-flavours",
    "Report files of one project that use different flavours of Keras together",
    "A layer of one flavour does not understand a tensor or model of another: under TensorFlow"
    " 2.21 a tf_keras layer on a Keras 3 tensor fails with \"'tuple' object has no attribute"
    " 'rank'\", and a Keras 3 layer in a tf_keras model can stay silently untrained.",
    Safety.NONE,
)
PYTHON2 = Rule(
    "KM004",
    "python2-modernised",
    "Report what modernising a Python 2 file could not decide",
    "Division of integers and the type of string literals depend on values that the source does"
    " not show.",
    Safety.NONE,
    Severity.WARNING,
)

NOT_THERE = Rule(
    "KM901",
    "no-such-name",
    "Report a name in migrated code that the target does not have",
    "Every name is looked up in an inventory of the real package. One that is missing raises"
    " ImportError or AttributeError as soon as it is reached.",
    Safety.NONE,
)
NOT_BOUND = Rule(
    "KM902",
    "call-does-not-bind",
    "Report a call in migrated code that does not fit the target's signature",
    "Every call of a Keras class, function or model method is bound to the signature that the real"
    " package has. One that does not bind raises TypeError or ValueError as soon as it runs.",
    Safety.NONE,
    untouched=(
        "Calls with * or ** arguments.",
        "Methods that a class of the same file overrides.",
    ),
)

#: Rules that belong to the engine and not to a transform.
ENGINE_RULES = (SYNTAX, CRASHED, MIXED, PYTHON2, NOT_THERE, NOT_BOUND)

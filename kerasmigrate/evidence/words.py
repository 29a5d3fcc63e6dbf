"""What the page calls things: one word, one sign and one sentence for each outcome."""

from __future__ import annotations

from enum import Enum

from kerasmigrate.evidence.markup import Markup, tag
from kerasmigrate.findings import Severity
from kerasmigrate.verify.results import PROOF, Likeness, Verdict


class Level(str, Enum):
    """How good an outcome is; the class that it is shown with."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    PLAIN = "plain"


_SIGNS = {Level.GOOD: "✓", Level.BAD: "✗", Level.WARN: "!", Level.PLAIN: "•"}

VERDICTS = {
    Verdict.PROVED: "imports; every model was built, run, saved and loaded",
    Verdict.IMPORTED: "imports; builds no model",
    Verdict.PARTIAL: "runs, but a claim is left open for a reason that is not Keras'",
    Verdict.KERAS_ERROR: "Keras or TensorFlow refused a name, an argument or a value",
    Verdict.MISSING_PACKAGE: "a third-party package is not installed",
    Verdict.DATA_ERROR: "needs a file, a download or a display",
    Verdict.USER_ERROR: "the code itself failed",
    Verdict.NEEDS_ARGUMENTS: "builds models only with arguments that cannot be guessed",
    Verdict.SYNTAX_ERROR: "is not Python 3",
    Verdict.TIMEOUT: "still ran when its time was up",
    Verdict.CRASHED: "died of a signal, a limit or os._exit",
    Verdict.NOT_RUN: "was not run",
}
_BAD = {Verdict.KERAS_ERROR, Verdict.SYNTAX_ERROR, Verdict.CRASHED, Verdict.USER_ERROR}

LIKENESSES = {
    Likeness.EQUAL: ("computes the same", Level.GOOD),
    Likeness.DIFFERENT: ("differs", Level.BAD),
    Likeness.NOT_COMPARED: ("not compared", Level.WARN),
}

#: What is compared of two models, in that order.
CLAIMS = {
    "layers": "the same layers, connected in the same way",
    "settings": "the same settings of each layer",
    "weights": "weights of the same shapes, which could be carried over",
    "outputs": "the same outputs for the same inputs",
    "loss": "the same loss",
    "gradients": "gradients of the same norm",
    "step": "the same weights after one training step",
}


def level(verdict: Verdict) -> Level:
    """Return how good a verdict is."""
    if verdict in PROOF:
        return Level.GOOD
    return Level.BAD if verdict in _BAD else Level.WARN


def badge(level: Level, words: str) -> Markup:
    """Return a word with its sign, so that nobody has to tell colours apart."""
    return tag(
        "span",
        tag("span", _SIGNS[level], aria_hidden="true"),
        f" {words}",
        class_=f"badge {level.value}",
    )


def verdict_badge(verdict: Verdict) -> Markup:
    """Return the badge of a verdict."""
    return badge(level(verdict), verdict.value)


def likeness_badge(likeness: Likeness, count: int | None = None) -> Markup:
    """Return the badge of a comparison, or of several."""
    words, how = LIKENESSES[likeness]
    return badge(how, words if count is None else f"{count} {likeness.value.replace('-', ' ')}")


def severity_badge(severity: Severity) -> Markup:
    """Return the badge of a finding that is left."""
    how = {Severity.ERROR: Level.BAD, Severity.WARNING: Level.WARN}.get(severity, Level.PLAIN)
    return badge(how, severity.value)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""Text to tree, with one line for whatever stands in the way."""

from __future__ import annotations

import ast
import warnings

import libcst as cst

from kerasmigrate.errors import SourceError

#: What is said of a text that no parser or walk can hold.
TOO_DEEP = "expressions are nested too deeply to be parsed"

#: Levels of nesting from which a text is not parsed.
MAX_DEPTH = 500


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
        raise SourceError(TOO_DEEP) from error
    except Exception as error:
        # libcst raises bare errors for some inputs.
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
        raise SourceError(TOO_DEEP) from error
    if text.count("[") < MAX_DEPTH:
        return
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise SourceError(TOO_DEEP)


def compile_error(text: str) -> tuple[int, str] | None:
    """Say why Python does not take a text: the line (0 when unknown) and the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<text>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 0, error.msg or "invalid syntax"
    except (ValueError, RecursionError, MemoryError) as error:
        return 0, f"cannot be compiled: {error or type(error).__name__}"
    return None


def _first_line(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[0].rstrip(".") if lines else "syntax error"

"""Python 2 source: recognising it, and bringing it to Python 3 before anything else looks at it.

Bowler and fissix, heirs of lib2to3, are what can still read it. They work on text in memory here;
they are imported when they are needed and write nothing, not even their grammar cache.
"""

from __future__ import annotations

import ast
import importlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from kerasmigrate.errors import SourceError

#: The fixers of fissix that keep what the code means. Left out are those of taste (idioms,
#: set_literal, ws_comma), ``future`` and ``import``, which looks at the files around, and
#: ``buffer``, which guesses.
FIXERS = (
    *("apply", "asserts", "basestring", "dict", "except", "exec", "execfile", "exitfunc"),
    *("filter", "funcattrs", "getcwdu", "has_key", "imports", "imports2", "input", "intern"),
    *("isinstance", "itertools", "itertools_imports", "long", "map", "metaclass"),
    *("methodattrs", "ne", "next", "nonzero", "numliterals", "operator", "paren", "print"),
    *("raise", "raw_input", "reduce", "reload", "renames", "repr", "standarderror", "sys_exc"),
    *("throw", "tuple_params", "types", "unicode", "urllib", "xrange", "xreadlines", "zip"),
)

DIVISION = (
    "/ between two integers rounded down in Python 2 and gives a float now; "
    "write // where rounding was meant"
)

COMPARISON = "cmp= is gone; write key=functools.cmp_to_key(...)"

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LOGGED = re.compile(r"Line (\d+): (.*)", re.DOTALL)
_OLD_OCTAL = re.compile(r"0[0-9]*[1-9][0-9]*[lL]?\Z")
_FLOAT = re.compile(r"(?!0[xX])(?:.*\..*|.*[eE].*|.*[jJ])")
_OLD_STRING = re.compile(r"[uU][rR]['\"]")


class Modernised(NamedTuple):
    """The outcome of `modernise`."""

    #: Python 3 source.
    text: str
    #: What a person should look at: line in the original text and message, sorted.
    notes: tuple[tuple[int, str], ...] = ()


def is_python2(text: str) -> tuple[int, str] | None:
    """Tell whether a text is Python 2, and by what.

    Returns:
        The line of the first thing that only Python 2 reads and what it is, for example
        ``(3, "print statement")``; None when Python 3 parses the text or Python 2 does not.
    """
    if _python3_error(text) is None:
        return None
    try:
        parsed = _parse(_flat(text))
        if parsed is None:
            return None
        # fissix accepts more than any Python does. Only what is typical of Python 2 proves it.
        return next(_old_things(parsed.tree), None)
    except RecursionError:
        return None  # nested too deeply to be looked at


def modernise(text: str, name: str) -> Modernised:
    """Rewrite Python 2 source as Python 3 source that does the same.

    Newlines, the missing newline at the end and all that is not Python 2 stay as they are. A text
    that Python 3 parses comes back unchanged. What cannot be known from the source is left alone
    and noted: above all whether ``/`` divides integers.

    Args:
        text: The source.
        name: What to call it in errors.

    Raises:
        SourceError: It is neither Python 3 nor Python 2, or what comes out is not Python 3.
    """
    error = _python3_error(text)
    if error is None:
        return Modernised(text)
    flat = _flat(text)
    parsed = _parse(flat)
    if parsed is None:
        raise SourceError(f"{name}: neither Python 3 nor Python 2: {_one_line(error)}")
    notes = set(_notes(parsed.tree, flat))
    tool = _tool(parsed.print_function)
    logged = len(tool.fixer_log)
    try:
        tree = tool.refactor_string(flat, name)
    except Exception as failure:
        # Whatever goes wrong inside a fixer, it is this file that cannot be converted.
        reason = f"{type(failure).__name__}: {failure}"
        raise SourceError(f"{name}: cannot be brought to Python 3: {_short(reason)}") from failure
    result = str(tree)
    if not text.endswith(("\n", "\r")):
        result = result.removesuffix("\n")
    error = _python3_error(result)
    if error is not None:
        raise SourceError(f"{name}: cannot be brought to Python 3: {_one_line(error)}") from error
    notes.update(_logged_notes(tool.fixer_log[logged:]))
    return Modernised(_with_newlines_of(text, result), tuple(sorted(notes)))


@dataclass(frozen=True)
class _Parsed:
    tree: Any
    print_function: bool


def _python3_error(text: str) -> Exception | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return error
    return None


def _parse(flat: str) -> _Parsed | None:
    """Parse with the grammar of Python 2; with its print statement first, then without it."""
    fissix = _fissix()
    future = "print_function" in _future_features(flat)
    for print_function in (True,) if future else (False, True):
        grammar = fissix.grammars[print_function]
        driver = fissix.driver.Driver(grammar, convert=fissix.pytree.convert)
        try:
            return _Parsed(driver.parse_string(flat), print_function)
        except fissix.errors:
            continue
    return None


def _future_features(flat: str) -> frozenset[str]:
    """Name the ``__future__`` features that a text of either Python asks for."""
    found = re.findall(r"^from\s+__future__\s+import\s+(\([^)]*\)|[^\n;#]*)", flat, re.MULTILINE)
    return frozenset(word for names in found for word in re.findall(r"\w+", names))


@dataclass(frozen=True)
class _Fissix:
    driver: Any
    pytree: Any
    refactor: Any
    symbols: Any
    token: Any
    #: Grammars by whether ``print`` is a function.
    grammars: dict[bool, Any]
    errors: tuple[type[Exception], ...]


@lru_cache(maxsize=1)
def _fissix() -> _Fissix:
    """Import fissix without letting it write its grammar tables into site-packages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        driver = importlib.import_module("fissix.pgen2.driver")
        original = driver.load_grammar
        driver.__dict__["load_grammar"] = lambda path: original(path, save=False)
        try:
            pygram = importlib.import_module("fissix.pygram")
        finally:
            driver.__dict__["load_grammar"] = original
        return _Fissix(
            driver=driver,
            pytree=importlib.import_module("fissix.pytree"),
            refactor=importlib.import_module("fissix.refactor"),
            symbols=pygram.python_symbols,
            token=importlib.import_module("fissix.pgen2.token"),
            grammars={
                False: pygram.python_grammar,
                True: pygram.python_grammar_no_print_statement,
            },
            errors=(
                importlib.import_module("fissix.pgen2.parse").ParseError,
                importlib.import_module("fissix.pgen2.tokenize").TokenError,
                SyntaxError,
                RecursionError,
            ),
        )


@lru_cache(maxsize=2)
def _tool(print_function: bool) -> Any:
    _fissix()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool = importlib.import_module("bowler.tool").BowlerTool
        fixers = []
        for name in FIXERS:
            module = importlib.import_module(f"fissix.fixes.fix_{name}")
            fixers.append(getattr(module, "Fix" + name.title().replace("_", "")))
    # Bowler takes the classes in the order given, where fissix would sort them itself.
    fixers.sort(key=lambda fixer: fixer.run_order)
    try:
        return tool(
            fixers,
            interactive=False,
            write=False,
            silent=True,
            options={"print_function": print_function},
        )
    except (OSError, ImportError) as error:
        # Bowler sets up semaphores that it does not use here; some sandboxes have none.
        raise SourceError(f"Bowler cannot start on this machine: {error}") from error


def _old_things(tree: Any) -> Iterator[tuple[int, str]]:
    """Yield what only Python 2 can read, in the order of the text."""
    fissix = _fissix()
    syms, token = fissix.symbols, fissix.token
    for node in tree.pre_order():
        what = ""
        if node.type == syms.print_stmt:
            # print (x) is read by both.
            only = node.children[1] if len(node.children) == 2 else None
            if not (only is not None and str(only).strip().startswith("(")):
                what = "print statement"
        elif node.type == syms.exec_stmt:
            if len(node.children) > 2 or not str(node.children[1]).strip().startswith("("):
                what = "exec statement"
        elif node.type == syms.except_clause:
            if any(child.type == token.COMMA for child in node.children):
                what = "except clause with a comma"
        elif node.type == syms.raise_stmt:
            if any(child.type == token.COMMA for child in node.children):
                what = "raise statement with a comma"
        elif node.type in (syms.tfpdef, syms.tfplist, syms.vfpdef, syms.vfplist):
            what = "tuple parameter"
        elif node.type == token.BACKQUOTE:
            what = "backticks"
        elif node.type == token.NOTEQUAL and node.value == "<>":
            what = "<> operator"
        elif node.type == token.NUMBER:
            if _OLD_OCTAL.match(node.value):
                what = "octal literal"
            elif node.value[-1] in "lL":
                what = "long literal"
        elif node.type == token.STRING and _OLD_STRING.match(node.value):
            what = "ur'' string"
        if what:
            yield node.get_lineno(), what


def _logged_notes(log: list[str]) -> Iterator[tuple[int, str]]:
    for entry, following in pairwise([*log, ""]):
        found = _LOGGED.match(entry)
        if found is None:
            continue
        # A fixer that gives a reason logs it by itself, without a line.
        reason = "" if _LOGGED.match(following) or following.startswith("###") else following
        yield int(found[1]), _short(f"{found[2]}: {reason}" if reason else found[2])


def _notes(tree: Any, flat: str) -> Iterator[tuple[int, str]]:
    """Yield what no fixer can decide."""
    fissix = _fissix()
    divides = "division" not in _future_features(flat)
    for leaf in tree.leaves():
        if leaf.type in (fissix.token.SLASH, fissix.token.SLASHEQUAL) and divides:
            siblings = leaf.parent.children
            at = siblings.index(leaf)
            if not any(_is_float(side) for side in siblings[: at + 2]):
                yield leaf.get_lineno(), DIVISION
        elif leaf.value == "cmp" and _is_keyword(leaf):
            yield leaf.get_lineno(), COMPARISON


def _is_keyword(leaf: Any) -> bool:
    parent = leaf.parent
    return bool(parent.type == _fissix().symbols.argument and leaf is parent.children[0])


def _is_float(node: Any) -> bool:
    """Tell whether an expression is a float for certain."""
    fissix = _fissix()
    syms, token = fissix.symbols, fissix.token
    if node.type == token.NUMBER:
        return _FLOAT.fullmatch(node.value) is not None
    if node.type == syms.power:
        return str(node.children[0]).strip() == "float" and len(node.children) == 2
    if node.type == syms.atom and str(node.children[0]).strip() != "(":
        return False
    arithmetic = (syms.term, syms.arith_expr, syms.factor, syms.atom)
    return node.type in arithmetic and any(_is_float(child) for child in node.children)


def _flat(text: str) -> str:
    r"""Return the text with ``\n`` newlines and one at the end, as fissix needs it."""
    flat = _NEWLINE.sub("\n", text)
    return flat if flat.endswith("\n") else flat + "\n"


def _with_newlines_of(original: str, result: str) -> str:
    """Give each line of the result the newline that the line had in the original."""
    newlines = _NEWLINE.findall(original)
    usual = max(dict.fromkeys(newlines), key=newlines.count, default="\n")
    lines = result.split("\n")
    if len(set(newlines)) <= 1:
        return usual.join(lines)
    old = _NEWLINE.split(original)
    endings = [usual] * len(lines)
    newlines.append(usual)  # so that the last line has one, too
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, lines, autojunk=False).get_opcodes():
        if kind != "delete" and i2 - i1 <= j2 - j1:
            # Fixers add lines (imports) before the ones that they change.
            endings[j2 - (i2 - i1) : j2] = newlines[i1:i2]
    return "".join(map("".join, zip(lines, [*endings[:-1], ""], strict=True)))


def _one_line(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    message = _short(getattr(error, "msg", None) or str(error) or type(error).__name__)
    return f"line {line}: {message}" if line else message


def _short(message: str) -> str:
    joined = " ".join(message.split())
    return joined if len(joined) <= 200 else joined[:197] + "..."

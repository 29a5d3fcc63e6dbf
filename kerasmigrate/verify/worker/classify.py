"""Whose failure an exception is: Keras', a package's, the data's or the user's own."""

from __future__ import annotations

import errno
import linecache
import os
import re
import sys
import traceback
import types
from typing import Any, NamedTuple

from . import cage, worlds

KERAS = "keras-error"
PACKAGE = "missing-package"
DATA = "data-error"
USER = "user-error"
ARGUMENTS = "needs-arguments"
SYNTAX = "syntax-error"
CRASHED = "crashed"

HERE = os.path.dirname(os.path.abspath(__file__)) + "/"
#: A cause is cut to this many characters.
CAUSE_LIMIT = 300

#: Exceptions of other packages that mean a missing or unreadable input, by class name.
DATA_CLASSES = frozenset(
    {
        "BadZipFile",
        "EmptyDataError",
        "JSONDecodeError",
        "NotFoundError",
        "ReadError",
        "TclError",
        "UnpicklingError",
        "LookupError",
    }
)
#: Messages of Keras and of readers that mean the same.
DATA_MESSAGE = re.compile(
    r"File not found: filepath=|URL fetch failure|No file or directory found"
    r"|Could not find directory|No images found|Unable to (?:synchronously )?open file"
    r"|No such file|does not exist|Cannot load file containing pickled data"
)
#: Calls whose parameters do not bind. Python 3.9 leaves the class out of the name.
BINDING = re.compile(
    r"(?P<callee>[\w.<>]+)\(\) (?:got (?:an unexpected|multiple|some positional)|takes |missing )"
)
#: How Keras refuses a keyword that it collected in ``**kwargs``.
KEYWORD_MESSAGE = re.compile(
    r"[Uu]nrecognized keyword|not recognized|[Kk]eyword argument not understood|Invalid keyword"
    r"|unexpected keyword"
)
NO_ATTRIBUTE = re.compile(
    r"(?:partially initialized )?module '(?P<module>[\w.]+)'.* has no attribute"
)
NEEDED_PACKAGE = re.compile(r"(?:install|import) `?(?:PIL|(?P<name>\w+))\b")
#: The file that Python names after a failed ``from ... import``.
FILE_NAMED = re.compile(r" \([^()]*\.(?:py|so)\)$| \(unknown location\)$")
PLAIN_NAMES = frozenset({"keras", "tf_keras", "tf", "tensorflow", "K"})


class Failure(NamedTuple):
    """One exception, explained."""

    verdict: str
    cause: str
    where: str
    #: The code asks for something that the target does not have, whatever the data: an argument
    #: that was guessed cannot have caused it.
    api: bool


class HistoryKeyError(KeyError):
    """``history['acc']`` where this Keras wrote another name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Source:
    """The user's tree: which files are his, and how to show them."""

    def __init__(self, tree: str) -> None:
        self.tree = tree.rstrip("/") + "/"

    def holds(self, filename: str) -> bool:
        """Tell whether a file is the user's."""
        return filename.startswith(self.tree)

    def wrote(self, filename: str) -> bool:
        """Tell whether a file's code is the user's, AutoGraph's translation of it included."""
        return self.holds(filename) or "__autograph_generated_file" in filename

    def show(self, filename: str, line: int) -> str:
        """Return ``file:line`` as the user knows it."""
        return f"{filename[len(self.tree) :]}:{line}"

    def has_module(self, name: str) -> bool:
        """Tell whether a top-level module or package of that name lies in the tree."""
        for folder in sys.path:
            if self.holds(folder.rstrip("/") + "/"):
                path = os.path.join(folder, name)
                if os.path.isdir(path) or os.path.exists(path + ".py"):
                    return True
        return False


def one_line(text: str) -> str:
    """Put a message on one line, without colour codes, and cut it."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return text if len(text) <= CAUSE_LIMIT else text[: CAUSE_LIMIT - 3] + "..."


def innermost(error: BaseException) -> BaseException:
    """Return the exception that Keras or AutoGraph has wrapped, or the exception itself.

    Only wrappers are opened: the context of any other exception is a different story, such as the
    first branch of a ``try: import``.
    """
    while True:
        text = str(error)
        inner = error.__cause__ or error.__context__
        wrapped = (
            text.startswith(("Could not automatically infer", "Exception encountered when calling"))
            or hasattr(error, "ag_error_metadata")
            or "in user code:" in text[:40]
        )
        if inner is None or not wrapped:
            return error
        error = inner


def _message(error: BaseException) -> str:
    text = str(error)
    if "in user code:" in text[:40]:  # AutoGraph's report; the exception itself is its last line
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        match = re.match(r"\w+(?:Error|Exception): (.*)", lines[-1])
        text = match.group(1) if match else lines[-1]
    inner = re.search(r"(?:Error encountered:\n\n|Exception encountered: )(.*)", text, re.S)
    return inner.group(1) if inner else text


def explain(error: BaseException, source: Source) -> Failure:
    """Say whose failure an exception is.

    Args:
        error: What the user's code, or Keras on its behalf, raised.
        source: The user's tree.
    """
    inner = innermost(error)
    frames = list(traceback.walk_tb(error.__traceback__))
    if inner is not error:
        frames += list(traceback.walk_tb(inner.__traceback__))
    mine = [(f, line) for f, line in frames if source.holds(f.f_code.co_filename)]
    where = _named_place(error, source)
    if mine and not where:
        where = source.show(mine[-1][0].f_code.co_filename, mine[-1][1])
    text = _message(inner)
    name = "KeyError" if isinstance(inner, HistoryKeyError) else type(inner).__name__
    if isinstance(inner, ImportError):
        text = FILE_NAMED.sub("", text)
    cause = one_line(f"{name}: {text}" if text else name)
    verdict, api, better = _judge(inner, text, frames, source)
    if isinstance(inner, SyntaxError) and inner.filename and source.holds(inner.filename):
        where = source.show(inner.filename, inner.lineno or 0)
        cause = one_line(f"{type(inner).__name__}: {inner.msg}")
    return Failure(verdict, one_line(better) if better else cause, where, api)


def _named_place(error: BaseException, source: Source) -> str:
    """Return the user's line that AutoGraph names: its own frames are of generated code."""
    if "in user code:" not in str(error):
        return ""
    places = re.findall(r'File "([^"]+)", line (\d+)', str(error))
    mine = [source.show(name, int(line)) for name, line in places if source.holds(name)]
    return mine[-1] if mine else ""


def _judge(
    error: BaseException, text: str, frames: list[tuple[Any, int]], source: Source
) -> tuple[str, bool, str]:
    """Return the verdict, whether it is the API's fault, and a better cause or nothing."""
    if isinstance(error, SyntaxError):
        return SYNTAX, False, ""
    if isinstance(error, MemoryError):
        return CRASHED, False, f"out of memory: the limit is {MEMORY_LIMIT[0]} MB"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return CRASHED, False, f"file too large: the limit is {cage.FILE_LIMIT >> 20} MB"
    if isinstance(error, BlockingIOError):
        return CRASHED, False, "process limit reached: " + str(error)
    if isinstance(error, ImportError):
        return _judge_import(error, text, frames, source)
    if isinstance(error, HistoryKeyError):
        return KERAS, True, ""
    if _raised_here(frames, source):
        return USER, False, ""
    if isinstance(error, AttributeError):
        api = _lacks_attribute(error, text, frames, source)
        if api:
            return KERAS, True, ""
    if isinstance(error, NameError):
        name = getattr(error, "name", None) or _quoted(text)
        if _in_library(frames, source):  # an optional import of its own that had failed
            return PACKAGE, False, f"package {name} is not installed"
        api = _keras_name(name)
        return (KERAS if api else USER), api, ""
    if isinstance(error, TypeError):
        match = BINDING.search(text)
        if match and _is_keras_callee(match.group("callee"), source):
            return KERAS, True, ""
    if _asks_for_arguments(error, frames, source):
        return ARGUMENTS, False, "reads its arguments from sys.argv"
    in_keras = _in_library(frames, source)
    # What a class of the user's does not take back from its own configuration is not the API.
    unknown = KEYWORD_MESSAGE.search(text) or "KerasTensor" in text
    if in_keras and unknown and "deserialize" not in str(error):
        return KERAS, True, ""
    if isinstance(error, PermissionError) and error.filename is None:
        return USER, False, ""  # it is not about a file: a signal, a privilege
    if (
        isinstance(error, (OSError, EOFError))
        or type(error).__name__ in DATA_CLASSES
        or DATA_MESSAGE.search(text)
        or (type(error).__module__ == "cv2" and type(error).__name__ == "error")
        or _read_nothing(text, frames, source)
    ):
        return DATA, False, ""
    if in_keras or "KerasTensor" in text:
        return KERAS, False, ""
    return USER, False, ""


#: Set once in the child, for the message.
MEMORY_LIMIT = [0]


def _judge_import(
    error: ImportError, text: str, frames: list[tuple[Any, int]], source: Source
) -> tuple[str, bool, str]:
    name = error.name or _quoted(text)
    top = name.split(".")[0]
    if isinstance(error, ModuleNotFoundError) or "cannot import name" in text:
        outsider = _outsider(frames, source)
        if worlds.is_ours(name) and not outsider:
            return KERAS, True, ""
        if outsider:
            return PACKAGE, False, f"{outsider} does not work here: {text}"
        if top and source.has_module(top):
            return USER, False, ""
        if isinstance(error, ModuleNotFoundError):
            return PACKAGE, False, f"package {top} is not installed"
        return PACKAGE, False, f"package {top}: {text}"
    if _in_library(frames, source):
        match = NEEDED_PACKAGE.search(text)
        wanted = (match.group("name") or "pillow") if match else ""
        return PACKAGE, False, (f"package {wanted} is not installed") if wanted else ""
    if "attempted relative import" in text:
        return USER, False, ""
    return PACKAGE, False, ""


def _outsider(frames: list[tuple[Any, int]], source: Source) -> str:
    """Name the installed third-party package that the import statement stands in, or return ''."""
    for frame, _ in reversed(frames):
        filename = frame.f_code.co_filename
        if filename.startswith(("<", HERE)):
            continue
        if source.holds(filename) or worlds.is_library_file(filename):
            return ""
        module = str(frame.f_globals.get("__name__", "")).split(".")[0]
        if module == "importlib":
            continue
        return module
    return ""


def _quoted(text: str) -> str:
    match = re.search(r"'([\w.]+)'", text)
    return match.group(1) if match else ""


def _raised_here(frames: list[tuple[Any, int]], source: Source) -> bool:
    """Tell whether a ``raise`` or ``assert`` of the user's own is what raised."""
    if not frames:
        return False
    frame, line = frames[-1]
    filename = frame.f_code.co_filename
    statement = linecache.getline(filename, line).lstrip()
    return source.wrote(filename) and statement.startswith(("raise", "assert"))


def _in_library(frames: list[tuple[Any, int]], source: Source) -> bool:
    """Tell whether Keras or TensorFlow raised it, or what they had called (NumPy, h5py).

    Going outward from the innermost frame, theirs comes before one of the user's.
    """
    for frame, _ in reversed(frames):
        filename = frame.f_code.co_filename
        if source.wrote(filename):
            return False
        if worlds.is_library_file(filename) or filename.startswith(HERE):
            return True
    return False


def _lacks_attribute(
    error: AttributeError, text: str, frames: list[tuple[Any, int]], source: Source
) -> bool:
    thing = getattr(error, "obj", None)
    match = NO_ATTRIBUTE.match(text)
    if match:
        return worlds.is_ours(match.group("module")) and not source.has_module(
            match.group("module").split(".")[0]
        )
    name = getattr(error, "name", None) or (re.findall(r"'([\w]+)'", text) or [""])[-1]
    if isinstance(thing, type):
        return worlds.is_ours(thing.__module__)
    if thing is None or isinstance(thing, (int, tuple)):
        # x.shape[1].value: TensorFlow 1's Dimension, where there is an int or None today.
        line = linecache.getline(frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else ""
        return "shape" in line and name in ("value", "as_list", "ndims", "dims")
    kinds = [kind for kind in type(thing).__mro__ if worlds.is_ours(kind.__module__)]
    if not kinds:
        return False
    if kinds[0] is type(thing):
        return True
    # A subclass of the user's: the attribute may be his own, set in a branch that did not run.
    return not _assigned_by_user(name, type(thing), source)


def _assigned_by_user(name: str, kind: type, source: Source) -> bool:
    pattern = re.compile(rf"\b\w+\.{re.escape(name)}\s*(?:,[^=\n]*)?=[^=]")
    for each in kind.__mro__:
        module = sys.modules.get(each.__module__)
        filename = str(getattr(module, "__file__", "") or "")
        if source.holds(filename) and pattern.search("".join(linecache.getlines(filename))):
            return True
    return False


def _keras_name(name: str) -> bool:
    """Tell whether an undefined name is one that an import of Keras would have defined.

    It can only have come from an import that is no longer there, and imports are what a migration
    edits.
    """
    if name in PLAIN_NAMES:
        return True
    api = worlds.target().api
    parts = ("layers", "models", "optimizers", "callbacks", "regularizers", "initializers")
    if name in parts or not name[:1].isupper():
        return name in parts
    return any(hasattr(getattr(api, part, None), name) for part in parts)


def _is_keras_callee(callee: str, source: Source) -> bool:
    """Tell whether the callable that refused its arguments is Keras' and not the user's."""
    parts = [part for part in callee.split(".") if part != "<locals>"]
    owner = parts[-2] if len(parts) > 1 else parts[-1]
    if owner in ("__init__", "__new__", "__call__"):
        return False
    for module in list(sys.modules.values()):
        filename = str(getattr(module, "__file__", None) or "")
        if isinstance(module, types.ModuleType) and source.holds(filename):
            own = vars(module).get(owner)
            if getattr(own, "__module__", None) == module.__name__:
                return False
    found = [vars(w.model).get(owner) for w in worlds.every()]
    for world in worlds.every():
        found.append(getattr(world.api, owner, None))
        for part in vars(world.api).values():
            if isinstance(part, types.ModuleType) and worlds.is_ours(part.__name__):
                found.append(vars(part).get(owner))
    if owner.endswith("Trainer") and len(parts) > 1:  # Keras 3: TensorFlowTrainer.fit()
        return True
    return any(worlds.is_ours(str(getattr(each, "__module__", "") or "")) for each in found)


def _asks_for_arguments(
    error: BaseException, frames: list[tuple[Any, int]], source: Source
) -> bool:
    if not isinstance(error, IndexError) or not frames:
        return False
    frame, line = frames[-1]
    filename = frame.f_code.co_filename
    return source.holds(filename) and "argv" in linecache.getline(filename, line)


def _read_nothing(text: str, frames: list[tuple[Any, int]], source: Source) -> bool:
    """Tell whether a value is None because ``cv2.imread`` found no file: it does not raise."""
    if "NoneType" not in text or not frames:
        return False
    filename = frames[-1][0].f_code.co_filename
    return source.holds(filename) and "imread(" in "".join(linecache.getlines(filename))

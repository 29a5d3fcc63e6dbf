"""Which files to run, and where the tree that they belong to begins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerasmigrate.errors import VerifyError

#: A file that may use Keras: an import line that names it, or an attribute of TensorFlow's.
USES_KERAS = re.compile(
    rb"^\s*(?:from|import)\s[^#\n]*keras|\b(?:tf|tensorflow)\.(?:\w+\.)*keras\b|import_module\(.*keras",
    re.MULTILINE,
)
#: Folders that hold no code of the project's own.
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})
#: Files and folders that mark the top of a project.
MARKS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg")


def absolute(path: Path) -> Path:
    """Return a path without ``..``, with its links as they are: they are how the user names it."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow the links)


def is_skipped(folder: Path) -> bool:
    """Tell whether a folder is hidden, a cache or a virtual environment."""
    name = folder.name
    return name.startswith(".") or name in SKIPPED_FOLDERS or (folder / "pyvenv.cfg").is_file()


def python_files(folder: Path) -> Iterator[Path]:
    """Yield the Python files below a folder, in order."""
    for current, folders, files in os.walk(folder):
        here = Path(current)
        folders[:] = sorted(name for name in folders if not is_skipped(here / name))
        for name in sorted(files):
            if name.endswith(".py") and not (here / name).is_symlink():
                yield here / name


def select(paths: Sequence[Path]) -> list[Path]:
    """Return the files to run: those named, and those below a named folder that use Keras.

    Raises:
        VerifyError: A path does not exist or is not Python.
    """
    found: dict[Path, None] = {}
    for path in paths:
        named = absolute(path)
        if named.is_dir():
            for file in python_files(named):
                if USES_KERAS.search(file.read_bytes()):
                    found[file] = None
        elif named.suffix == ".py" and named.is_file():
            found[named] = None
        elif named.exists():
            raise VerifyError(f"{path} is not a Python file: name .py files or folders")
        else:
            raise VerifyError(f"{path} does not exist: name .py files or folders")
    return list(found)


def find_root(paths: Sequence[Path]) -> Path:
    """Return the folder that the code sees as its project: the named one, or the files' own.

    For single files it is the nearest folder above that is marked as a project.
    """
    folders = [
        path if path.is_dir() else path.parent for path in (absolute(each) for each in paths)
    ]
    common = Path(os.path.commonpath(folders))
    if any(Path(path).is_dir() for path in paths):
        return common
    for folder in (common, *common.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    top = common
    while (top / "__init__.py").is_file():
        top = top.parent
    return top

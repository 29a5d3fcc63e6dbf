"""Settings that a project keeps in its ``pyproject.toml``.

``[tool.kerasmigrate]`` holds what the options of the same name would say; an option that is given
on the command line wins. The nearest ``pyproject.toml`` with such a table counts, searched from
the path that was named upwards.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasmigrate.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"
TABLE = "tool.kerasmigrate"

#: What the time of one file may be, in seconds: the kernel counts no longer times everywhere.
MOST_SECONDS = 1_000_000.0
#: What the memory of one file may be, in MiB; with less, no model is built.
LEAST_MEMORY, MOST_MEMORY = 64, 1 << 30


@dataclass(frozen=True)
class VerifyConfig:
    """The table ``[tool.kerasmigrate.verify]``.

    Attributes:
        python: Interpreter that has TensorFlow; a path, or a command on ``PATH``.
        builds: Calls that build models which need arguments, as ``module:function(arguments)``.
        timeout: Seconds that one file may take; None leaves the default.
        jobs: Files that run at once; None leaves the default.
        memory: MiB that one file may take; None leaves the default.
        cache: Take what earlier runs have shown, and keep what this one does.
    """

    python: str | None = None
    builds: tuple[str, ...] = ()
    timeout: float | None = None
    jobs: int | None = None
    memory: int | None = None
    cache: bool = True


@dataclass(frozen=True)
class Config:
    """The table ``[tool.kerasmigrate]``; None and empty mean "not set".

    Attributes:
        path: The file that it came from; None when there is none.
    """

    to: str | None = None
    api: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    training: str | None = None
    python2: bool | None = None
    modern_defaults: bool | None = None
    jobs: int | None = None
    verify: VerifyConfig = field(default_factory=VerifyConfig)
    path: Path | None = None


def load(start: Path) -> Config:
    """Read the settings that hold for a file or folder.

    Args:
        start: Where the search upwards begins; need not exist.

    Raises:
        UsageError: The file cannot be read, or holds a key or value that is not known.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            table = _table(path)
            if table is not None:
                return _config(table, path)
    return Config()


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path}: cannot be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path}: not valid TOML: {reason}; correct the file") from error
    tool = data.get("tool")
    if not isinstance(tool, dict) or "kerasmigrate" not in tool:
        return None
    table = tool["kerasmigrate"]
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {TABLE} must be a table, written [{TABLE}]")
    return table


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _seconds(value: Any) -> float | None:
    number = type(value) in (int, float) and 0 < value <= MOST_SECONDS
    return float(value) if number else None


def _mebibytes(value: Any) -> int | None:
    return value if type(value) is int and LEAST_MEMORY <= value <= MOST_MEMORY else None


def _one_of(*allowed: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return next((each for each in allowed if type(value) is type(each) and value == each), None)

    return read


_Reader = tuple[Callable[[Any], Any], str]

_KEYS: Mapping[str, _Reader] = {
    "to": (_one_of("keras", "tf.keras", "tf_keras"), '"keras", "tf.keras" or "tf_keras"'),
    "api": (_one_of(2, 3), "2 or 3"),
    "include": (_texts, "a list of strings"),
    "exclude": (_texts, "a list of strings"),
    "select": (_texts, "a list of strings"),
    "ignore": (_texts, "a list of strings"),
    "training": (_one_of("all", "needed"), '"all" or "needed"'),
    "python2": (_truth, "true or false"),
    "modern_defaults": (_truth, "true or false"),
    "jobs": (_count, "a whole number above 0"),
}

_VERIFY_KEYS: Mapping[str, _Reader] = {
    "python": (_text, "a string"),
    "builds": (_texts, "a list of strings"),
    "timeout": (_seconds, "a number of seconds above 0"),
    "cache": (_truth, "true or false"),
    "memory": (_mebibytes, f"a whole number of MiB, at least {LEAST_MEMORY}"),
    "jobs": (_count, "a whole number above 0"),
}


def _config(table: Mapping[str, Any], path: Path) -> Config:
    rest = {key: value for key, value in table.items() if key != "verify"}
    values = _read(rest, _KEYS, path, TABLE, ("verify",))
    verify = table.get("verify", {})
    if not isinstance(verify, dict):
        raise UsageError(f"{path}: {TABLE}.verify must be a table, written [{TABLE}.verify]")
    nested = VerifyConfig(**_read(verify, _VERIFY_KEYS, path, f"{TABLE}.verify"))
    return Config(**values, verify=nested, path=path)


def _read(
    table: Mapping[str, Any],
    keys: Mapping[str, _Reader],
    path: Path,
    name: str,
    more: Sequence[str] = (),
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in keys:
            known = ", ".join(sorted((*keys, *more)))
            raise UsageError(f"{path}: unknown key {name}.{key}: known are {known}")
        read, wanted = keys[key]
        values[key] = read(value)
        if values[key] is None:
            raise UsageError(f"{path}: {name}.{key} must be {wanted}, not {_shown(value)}")
    return values


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""What earlier runs have shown, kept in the user's cache folder.

A verdict is found again only when everything that it may have come from is the same: the file, what
of its tree it can reach (``reach.py``), the options, the interpreter with all that is installed for
it (``worker/probe.py``), and our own code. Verdicts that the machine of the moment has a part in
are not kept.

An entry is a file of its own that is written whole or not at all, so that several runs can share
the folder; one that cannot be read, or that is not what was written, does not exist.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import platformdirs

import kerasmigrate
from kerasmigrate.flavours import Target
from kerasmigrate.verify.client import WORKER, environment
from kerasmigrate.verify.reach import Tree
from kerasmigrate.verify.results import Environment, FileVerdict, Verdict

FORMAT = 1
#: The cache is cut back to four fifths of this, in bytes and entries, the oldest first.
MOST_BYTES = 128 << 20
MOST_ENTRIES = 20_000
#: Seconds after which a file that somebody was writing is rubbish.
STALE = 3600.0
#: Verdicts that the same code always gets. The others depend on what is on the machine besides.
KEPT = frozenset(
    {
        Verdict.PROVED,
        Verdict.IMPORTED,
        Verdict.PARTIAL,
        Verdict.KERAS_ERROR,
        Verdict.USER_ERROR,
        Verdict.NEEDS_ARGUMENTS,
        Verdict.SYNTAX_ERROR,
    }
)
#: Share of the time limit. What took longer may have been cut short by it.
IN_TIME = 0.5


@dataclass(frozen=True)
class Key:
    """Everything that a verdict may come from.

    Attributes:
        file: The file, relative to the root.
        reach: The Python files that it can reach, each with the hash of its text.
        tree: Digest of all other files of the tree.
        places: Absolute paths that it names, each with what is there.
        run: What all files of a run share: options, versions, our own code.
        extra: What else the verdict comes from, as values that JSON has; for a comparison, the
            hash of the original and the Keras that it runs on.
    """

    file: str
    reach: Sequence[tuple[str, str]]
    tree: str
    places: Sequence[tuple[str, str]]
    run: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The name that it is kept by."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Known:
    """What the cache knows of a file: the verdict, and where it was reached."""

    verdict: FileVerdict
    environment: Environment


class Cache:
    """A folder of verdicts.

    Args:
        folder: By default one of the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or (
            Path(platformdirs.user_cache_dir("kerasmigrate", appauthor=False)) / "verify"
        )

    def _place(self, key: Key) -> Path:
        return self.folder / key.digest[:2] / key.digest

    def find(self, key: Key, path: Path) -> Known | None:
        """Return what is known of a file; None when there is nothing."""
        place = self._place(key)
        try:
            check, _, body = place.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != check:
                return None
            data = json.loads(body)
            data["verdict"].update(path=str(path), cached=True)
            known = Known(
                _decode(FileVerdict, data["verdict"]), _decode(Environment, data["environment"])
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None
        with contextlib.suppress(OSError):
            os.utime(place)  # the oldest go first
        return known

    def keep(self, key: Key, known: Known) -> None:
        """Write an entry; where that is impossible there is none."""
        data = {"verdict": asdict(known.verdict), "environment": asdict(known.environment)}
        del data["verdict"]["path"], data["verdict"]["cached"]
        body = json.dumps(data).encode()
        place = self._place(key)
        with contextlib.suppress(OSError):
            for folder in (self.folder, place.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", dir=place.parent)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                Path(name).replace(place)
            except OSError:
                Path(name).unlink()

    def prune(self) -> None:
        """Remove the oldest entries when there are too many, and what was never finished."""
        found: list[tuple[float, int, Path]] = []
        now = time.time()
        for place in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = place.stat()
                if not place.name.startswith("."):
                    found.append((status.st_mtime, status.st_size, place))
                elif status.st_mtime < now - STALE:
                    place.unlink()
        total = sum(size for _, size, _ in found)
        if total <= MOST_BYTES and len(found) <= MOST_ENTRIES:
            return
        count = len(found)
        for _, size, place in sorted(found):
            if total <= MOST_BYTES * 0.8 and count <= MOST_ENTRIES * 0.8:
                break
            with contextlib.suppress(OSError):
                place.unlink()
            total, count = total - size, count - 1


class Recall:
    """The cache in one run: what is known of its files, and what is new.

    Args:
        cache: None for a run without.
        root: The tree that is run.
        options: All that can change a verdict: target, interpreter, limits.
        builds: What is evaluated in each file.
        extra: For each file, what else its verdict comes from; see ``Key``.
    """

    def __init__(
        self,
        cache: Cache | None,
        root: Path,
        target: Target,
        python: Path,
        options: Mapping[str, Any],
        builds: Mapping[Path, Sequence[str]],
        extra: Mapping[Path, Mapping[str, Any]] | None = None,
    ) -> None:
        self.cache = cache
        self.root = root
        self.target = target
        self.python = python
        self.options = options
        self.builds = builds
        self.extra = extra or {}
        self.keys: dict[Path, Key] = {}

    def find(self, files: Sequence[Path]) -> dict[Path, Known]:
        """Return what is known of some files."""
        if self.cache is None:
            return {}
        self.keys = self._keys(files)
        found = {path: self.cache.find(key, path) for path, key in self.keys.items()}
        return {path: known for path, known in found.items() if known is not None}

    def keep(self, verdicts: Sequence[FileVerdict], environment: Environment) -> None:
        """Keep what was found out, of files that have not changed meanwhile."""
        if self.cache is None:
            return
        lasting = [each for each in verdicts if self.lasts(each) and each.path in self.keys]
        now = self._keys([each.path for each in lasting])
        for verdict in lasting:
            key = self.keys[verdict.path]
            if now.get(verdict.path) == key:
                self.cache.keep(key, Known(verdict, environment))
        self.cache.prune()

    def lasts(self, verdict: FileVerdict) -> bool:
        """Tell whether the same code would get this verdict again."""
        if verdict.verdict not in KEPT or verdict.seconds > self.options["timeout"] * IN_TIME:
            return False
        kind = getattr(builtins, verdict.cause.partition(":")[0].partition(" ")[0], None)
        # What the system refuses, it may allow another time.
        return not (isinstance(kind, type) and issubclass(kind, (OSError, MemoryError)))

    def _keys(self, files: Sequence[Path]) -> dict[Path, Key]:
        """Return the keys of the files that have one."""
        machine = probe(self.python, self.target)
        if machine is None or machine["loose"] is None:
            return {}
        try:
            tree = Tree(self.root, frozenset(machine.pop("names")))
        except OSError:
            return {}
        shared = {
            "format": FORMAT,
            "version": kerasmigrate.__version__,
            "code": _own_code(),
            "python": str(self.python),
            "machine": machine,
            "target": asdict(self.target),
            "options": dict(self.options),
            "environment": environment(self.target, Path("home")),
            "root": self.root.name,
            "user": os.geteuid(),
        }
        run = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()
        keys = {}
        for path in files:
            name = path.relative_to(self.root).as_posix()
            extra = {**self.extra.get(path, {}), "builds": list(self.builds.get(path, ()))}
            with contextlib.suppress(OSError, KeyError):
                key = self._key(tree, name, run, extra)
                if key is not None:
                    keys[path] = key
        return keys

    @staticmethod
    def _key(tree: Tree, name: str, run: str, extra: Mapping[str, Any]) -> Key | None:
        opaque = any("import" in each for each in extra["builds"])
        reach = sorted(tree.python if opaque else tree.reach(name))
        if name not in tree.python or tree.uses_us(reach):
            return None
        texts = [(each, tree.python[each]) for each in reach]
        return Key(name, texts, tree.data, tree.places(reach), run, extra)


def probe(python: Path, target: Target) -> dict[str, Any] | None:
    """Return what an interpreter has installed, as ``worker/probe.py`` says; None if it cannot."""
    with tempfile.TemporaryDirectory(prefix="kerasmigrate-probe-") as home:
        try:
            done = subprocess.run(
                [python, WORKER / "probe.py"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=home,
                env=environment(target, Path(home)),
                timeout=60,
                check=True,
            )
            data: dict[str, Any] = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
    return data


def _own_code() -> str:
    """Return a digest of all that takes part in a verification."""
    digest = hashlib.sha256()
    for place in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(place.name.encode() + b"\0" + place.read_bytes())
    return digest.hexdigest()


def _decode(kind: Any, value: Any) -> Any:
    """Make a dataclass, and all in it, from what JSON has kept of it.

    Raises:
        TypeError: It is not what such a thing is made of.
        ValueError: It is no member of an enumeration.
        KeyError: A field is missing.
    """
    if get_origin(kind) is UnionType:
        if value is None and NoneType in get_args(kind):
            return None
        (kind,) = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind), value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is Path:
        return Path(value)
    if hasattr(kind, "__dataclass_fields__"):
        types = get_type_hints(kind)
        return kind(**{name: _decode(types[name], value[name]) for name in types})
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind}")
    return value


def _decode_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if type(value) is not list:
        raise TypeError(f"{value!r} is not a list")
    if kinds[-1] is Ellipsis:
        return tuple(_decode(kinds[0], each) for each in value)
    return tuple(_decode(kind, each) for kind, each in zip(kinds, value, strict=True))

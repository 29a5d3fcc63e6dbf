"""The journal: what a run is about to write, kept so that it can be finished or taken back.

A journal is a folder with one folder for each run. A run holds the old and the new bytes of every
file (``blobs``), a list of the files (``manifest.json``; a run exists from the moment it is there)
and, once nothing is left to do, an empty file ``finished``. How far an interrupted run came is not
recorded but seen: a file with the new bytes is done, one with the old bytes is not.

It lives in the git folder of the repository, where no commit and no search finds it, and else in
the state folder of the user.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kerasmigrate import git
from kerasmigrate.errors import WriteError

#: Runs that are kept; older ones are forgotten.
KEPT_RUNS = 10

_FORMAT = 1
_MANIFEST, _BLOBS, _FINISHED, _LOCK = "manifest.json", "blobs", "finished", "lock"


@dataclass(frozen=True)
class Entry:
    """One file of a run.

    Attributes:
        path: Relative to the tree where possible, so that the tree may be moved.
        before: SHA-256 of the old bytes.
        after: SHA-256 of the new bytes.
        mode: Permission bits.
        offset: Where the old bytes start in the blobs; the new ones follow them.
        sizes: Lengths of the old and of the new bytes.
    """

    path: str
    before: str
    after: str
    mode: int
    offset: int
    sizes: tuple[int, int]


@dataclass(frozen=True)
class Run:
    """One run, as it stands in the journal."""

    folder: Path
    note: str
    created: str
    entries: tuple[Entry, ...] = field(repr=False)

    @property
    def id(self) -> str:
        """Name of the run; names sort by age."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """False after an interruption."""
        return (self.folder / _FINISHED).exists()

    def finish(self) -> None:
        """Record that nothing is left to do.

        Raises:
            OSError: The journal cannot be written.
        """
        _write(self.folder / _FINISHED, b"")
        sync_folder(self.folder)

    def contents(self, entry: Entry) -> tuple[bytes, bytes]:
        """Return the old and the new bytes of a file.

        Raises:
            WriteError: The journal is damaged.
        """
        old_size, new_size = entry.sizes
        try:
            with (self.folder / _BLOBS).open("rb") as blobs:
                blobs.seek(entry.offset)
                old, new = blobs.read(old_size), blobs.read(new_size)
        except OSError as error:
            raise WriteError(f"{self.folder}: cannot be read: {error.strerror}") from error
        if (digest(old), digest(new)) != (entry.before, entry.after):
            raise WriteError(f"{self.folder}: the journal is damaged; remove this folder")
        return old, new

    def forget(self) -> None:
        """Remove the run from the journal.

        Raises:
            WriteError: The journal cannot be written.
        """
        try:
            # Without its manifest it is no run any more, wherever we are stopped.
            (self.folder / _MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self.folder)
        except OSError as error:
            raise WriteError(f"{self.folder}: cannot be removed: {error.strerror}") from error


@dataclass(frozen=True)
class NewEntry:
    """What `Journal.begin` is told about a file; ``path`` as in `Entry`."""

    path: str
    before: bytes
    after: bytes
    mode: int


class Journal:
    """The journal of one tree."""

    def __init__(self, tree: Path) -> None:
        self.tree = Path(os.path.realpath(tree))
        self.places = _places(self.tree)

    def runs(self) -> tuple[Run, ...]:
        """Return all runs, the oldest first.

        Raises:
            WriteError: The journal is damaged or cannot be read.
        """
        found = [run for place in self.places for run in _runs(place)]
        return tuple(sorted(found, key=lambda run: run.id))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs away from the tree.

        The operating system frees the lock when its owner ends, however it ends.

        Raises:
            WriteError: Another run is going on, or there is no place for a journal.
        """
        place = self._writable_place()
        try:
            descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise WriteError(f"{place}: cannot be locked: {error.strerror}") from error
        try:
            if not _try_lock(descriptor):
                owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
                raise WriteError(
                    f"{self.tree}: another kerasmigrate is writing here (process {owner}); "
                    "wait until it is done"
                )
            os.truncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
            yield
        finally:
            os.close(descriptor)

    def begin(self, entries: Sequence[NewEntry], note: str) -> Run:
        """Write down a new run; to be called under the lock. It is safely on disk afterwards.

        Raises:
            WriteError: It cannot be written; nothing of it is left.
        """
        place = self._writable_place()
        _sweep(place)
        runs = self.runs()
        number = int(runs[-1].id.partition("-")[0]) + 1 if runs else 1
        for old in runs[: 1 - KEPT_RUNS]:
            old.forget()
        now = datetime.now(timezone.utc)
        folder = place / f"{number:06d}-{now:%Y%m%dT%H%M%SZ}"
        try:
            folder.mkdir(mode=0o700)
            run = _record(folder, entries, note, now.isoformat(timespec="seconds"))
            sync_folder(place)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise WriteError(
                f"{folder}: the journal cannot be written: {error.strerror}; nothing was changed"
            ) from error
        except BaseException:
            if not (folder / _MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return run

    def _writable_place(self) -> Path:
        reasons = []
        for place in self.places:
            try:
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                with (place / _LOCK).open("ab"):
                    return place
            except OSError as error:
                reasons.append(f"{place}: {error.strerror}")
        raise WriteError(f"no place for the journal: {'; '.join(reasons)}; nothing was changed")


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure, where the file system can do that.

    Raises:
        OSError: It can, and it failed.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _places(tree: Path) -> tuple[Path, ...]:
    import platformdirs

    name = digest(os.fsencode(tree))[:32]
    state = Path(platformdirs.user_state_dir("kerasmigrate", appauthor=False)) / name
    folder = git.git_dir(tree)
    return (state,) if folder is None else (folder / "kerasmigrate", state)


def _runs(place: Path) -> Iterator[Run]:
    if not place.is_dir():
        return
    for folder in place.iterdir():
        try:
            content = (folder / _MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue  # the lock, or what is left of a run that never began
        except OSError as error:
            raise WriteError(f"{folder}: cannot be read: {error.strerror}") from error
        try:
            yield _from_json(folder, json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            raise WriteError(f"{folder}: the journal is damaged; remove this folder") from error


def _from_json(folder: Path, data: dict[str, Any]) -> Run:
    if data["format"] != _FORMAT:
        raise WriteError(f"{folder}: written by another version of kerasmigrate; use that one")
    entries = tuple(
        Entry(**{**entry, "sizes": (int(entry["sizes"][0]), int(entry["sizes"][1]))})
        for entry in data["entries"]
    )
    return Run(folder, str(data["note"]), str(data["created"]), entries)


def _record(folder: Path, new: Sequence[NewEntry], note: str, created: str) -> Run:
    entries = []
    offset = 0
    for each in new:
        sizes = (len(each.before), len(each.after))
        before, after = digest(each.before), digest(each.after)
        entries.append(Entry(each.path, before, after, each.mode, offset, sizes))
        offset += sum(sizes)
    _write(folder / _BLOBS, b"".join(part for each in new for part in (each.before, each.after)))
    manifest = {
        "format": _FORMAT,
        "note": note,
        "created": created,
        "entries": [asdict(entry) for entry in entries],
    }
    # The default ASCII output keeps names that are no valid text, too.
    draft = folder / (_MANIFEST + ".new")
    _write(draft, json.dumps(manifest, indent=1).encode("ascii"))
    draft.replace(folder / _MANIFEST)
    sync_folder(folder)
    return Run(folder, note, created, tuple(entries))


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sweep(place: Path) -> None:
    """Remove what interrupted runs left that never began or were being forgotten."""
    for folder in place.iterdir():
        if folder.is_dir() and not (folder / _MANIFEST).exists():
            shutil.rmtree(folder, ignore_errors=True)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # Beyond the end of the file, so that others can still read who it is.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

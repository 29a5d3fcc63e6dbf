"""Writing many files so that each is either old or new, whatever happens on the way.

Everything goes into the journal first. Then each file is replaced in one step by a finished copy
beside it. After an interruption `pending` finds the run, `resume` finishes it and `undo` takes it
back; `undo` also takes back finished runs, the last one first.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate.errors import WriteError
from kerasmigrate.journal import Entry, Journal, NewEntry, Run, digest, sync_folder

CHANGED_MEANWHILE = "was changed by somebody else meanwhile; left as it is"
NOT_OURS = "is not as kerasmigrate wrote it; left as it is"


@dataclass(frozen=True)
class Change:
    """New content for one file.

    Attributes:
        path: The file; when it is a symbolic link, what it points to is written.
        before: The bytes that were read; nothing is written when the file has others by now.
        after: The bytes to write.
    """

    path: Path
    before: bytes
    after: bytes


@dataclass(frozen=True)
class WriteOutcome:
    """What `write_all` or `resume` did.

    Attributes:
        run: Name of the run in the journal; empty when there was nothing to write.
        written: Files that have their new content.
        failed: Files that keep their old content, each with a one-line reason; also folders whose
            new state the disk may not hold yet.
    """

    run: str = ""
    written: tuple[Path, ...] = ()
    failed: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True)
class UndoOutcome:
    """What `undo` did.

    Attributes:
        run: Name of the run; empty when there was none to take back.
        note: What the run was.
        restored: Files that have their old content again.
        unchanged: Files that had it all the time.
        left: Files that were left as they are, each with a one-line reason. While there are any,
            the run stays in the journal.
    """

    run: str = ""
    note: str = ""
    restored: tuple[Path, ...] = ()
    unchanged: tuple[Path, ...] = ()
    left: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True)
class Pending:
    """A run that was interrupted.

    Attributes:
        run: Name of the run.
        note: What it was.
        created: When it began, in ISO 8601, UTC.
        done: Files that have their new content.
        todo: Files that do not.
    """

    run: str
    note: str
    created: str
    done: tuple[Path, ...]
    todo: tuple[Path, ...]


def write_all(changes: Sequence[Change], *, journal_for: Path, note: str) -> WriteOutcome:
    """Write new contents, atomically file by file, with a journal.

    A file that cannot be written keeps its old content and is reported; the others go on. Mode
    bits stay, and the owner where the system lets us.

    Args:
        changes: At most one for each file.
        journal_for: Root of the tree; its journal takes the run.
        note: What the run is, for those who look at the journal later.

    Raises:
        WriteError: The journal cannot be written, or another run is writing; nothing was changed.
    """
    journal = Journal(journal_for)
    with journal.locked():
        failed: list[tuple[Path, str]] = []
        entries: dict[Path, NewEntry] = {}
        for change in changes:
            path = Path(os.path.realpath(change.path))
            if change.before == change.after:
                continue
            if path in entries:
                raise WriteError(f"{path}: two different changes of one file; nothing was changed")
            try:
                mode = _check(path, change.before)
            except OSError as error:
                failed.append((path, _reason(error)))
                continue
            name = _name_in_journal(path, journal.tree)
            entries[path] = NewEntry(name, change.before, change.after, mode)
        if not entries:
            return WriteOutcome(failed=tuple(failed))
        run = journal.begin(tuple(entries.values()), note)
        outcome = _carry_out(run, journal.tree)
    return WriteOutcome(run.id, outcome.written, (*failed, *outcome.failed))


def resume(journal_for: Path) -> WriteOutcome:
    """Finish the last run that was interrupted.

    Files that have been changed since by somebody else stay as they are and are reported.

    Raises:
        WriteError: The journal cannot be read or written, or another run is writing.
    """
    journal = Journal(journal_for)
    if _last_pending(journal) is None:
        return WriteOutcome()
    with journal.locked():
        run = _last_pending(journal)  # another process may have finished it meanwhile
        return WriteOutcome() if run is None else _carry_out(run, journal.tree)


def pending(journal_for: Path) -> Pending | None:
    """Return the last run that was interrupted, if there is one.

    Raises:
        WriteError: The journal cannot be read.
    """
    journal = Journal(journal_for)
    run = _last_pending(journal)
    if run is None:
        return None
    done: list[Path] = []
    todo: list[Path] = []
    for entry in run.entries:
        path = _path_of(entry, journal.tree)
        (done if _digest_of(path) == entry.after else todo).append(path)
    return Pending(run.id, run.note, run.created, tuple(done), tuple(todo))


def undo(journal_for: Path, *, force: bool = False) -> UndoOutcome:
    """Take back the last run, whether it was finished or not.

    Args:
        journal_for: Root of the tree.
        force: Restore files, too, that were changed or removed after the run.

    Raises:
        WriteError: The journal cannot be read or written, or another run is writing.
    """
    journal = Journal(journal_for)
    if not journal.runs():
        return UndoOutcome()
    with journal.locked():
        runs = journal.runs()
        if not runs:  # another process was quicker
            return UndoOutcome()
        run = runs[-1]
        restored: list[Path] = []
        unchanged: list[Path] = []
        left: list[tuple[Path, str]] = []
        for entry in run.entries:
            path = _path_of(entry, journal.tree)
            temporary = _temporary(run, path, entry)
            before, _ = run.contents(entry)
            try:
                _remove_draft(temporary)
                current = _current(path)
                if current == before:
                    unchanged.append(path)
                elif not force and (current is None or digest(current) != entry.after):
                    left.append((path, NOT_OURS if current is not None else "is gone"))
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    mode = entry.mode if current is None else _check(path, current)
                    _replace(path, current, before, mode, temporary)
                    restored.append(path)
            except OSError as error:
                left.append((path, _reason(error)))
        left += _unsynchronised(restored)
        if not left:
            run.forget()
    return UndoOutcome(run.id, run.note, tuple(restored), tuple(unchanged), tuple(left))


def _carry_out(run: Run, tree: Path) -> WriteOutcome:
    """Write the files of a run that do not have their new content yet."""
    written: list[Path] = []
    failed: list[tuple[Path, str]] = []
    for entry in run.entries:
        path = _path_of(entry, tree)
        temporary = _temporary(run, path, entry)
        before, after = run.contents(entry)
        try:
            _remove_draft(temporary)
            if _current(path) != after:
                mode = _check(path, before)
                _replace(path, before, after, mode, temporary)
            written.append(path)
        except OSError as error:
            failed.append((path, _reason(error)))
    failed += _unsynchronised(written)
    try:
        run.finish()
    except OSError as error:
        failed.append((run.folder, f"cannot be marked as finished: {_reason(error)}"))
    return WriteOutcome(run.id, tuple(written), tuple(failed))


def _remove_draft(temporary: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        temporary.unlink()


def _last_pending(journal: Journal) -> Run | None:
    return next((run for run in reversed(journal.runs()) if not run.finished), None)


def _check(path: Path, before: bytes) -> int:
    """Return the mode bits of a file that we may write.

    Raises:
        OSError: It is gone, changed, read-only or no regular file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("is not a regular file")
    if path.read_bytes() != before:
        raise OSError(CHANGED_MEANWHILE)
    # Replacing needs no write permission on the file itself, but its absence is a wish.
    if not os.access(path, os.W_OK):
        raise OSError("is read-only; left as it is")
    return stat.S_IMODE(status.st_mode)


def _current(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest_of(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""  # a file that cannot be read does not have its new content


def _replace(path: Path, expected: bytes | None, data: bytes, mode: int, temporary: Path) -> None:
    """Give a file new content in one step.

    Args:
        path: The file, without links.
        expected: What it holds now; None when it does not exist.
        data: The new content.
        mode: Permission bits of the new file.
        temporary: Where the new content is prepared, in the same folder.

    Raises:
        OSError: The file has its old content still.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            _keep_owner(path, temporary)
            temporary.chmod(mode)  # after the owner: a new owner resets some bits
            os.fsync(stream.fileno())
        if _current(path) != expected:
            raise OSError(CHANGED_MEANWHILE)
        temporary.replace(path)
    except BaseException:
        _remove_draft(temporary)
        raise


def _keep_owner(path: Path, temporary: Path) -> None:
    if not hasattr(os, "chown") or not path.exists():
        return
    old, new = path.stat(), temporary.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        # Only root may give files away; for others the file becomes theirs, as with any editor.
        with contextlib.suppress(PermissionError):
            os.chown(temporary, old.st_uid, old.st_gid)


def _unsynchronised(files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Synchronise the folders of some files; return those where that fails."""
    failed = []
    for folder in sorted({file.parent for file in files}):
        try:
            sync_folder(folder)
        except OSError as error:
            failed.append((folder, f"may not survive a power failure: {_reason(error)}"))
    return failed


def _temporary(run: Run, path: Path, entry: Entry) -> Path:
    """Name the draft of a file so that a later process finds what a killed one left."""
    return path.with_name(f".kerasmigrate-{run.id}-{digest(os.fsencode(entry.path))[:12]}.tmp")


def _name_in_journal(path: Path, tree: Path) -> str:
    return path.relative_to(tree).as_posix() if path.is_relative_to(tree) else str(path)


def _path_of(entry: Entry, tree: Path) -> Path:
    return Path(os.path.realpath(tree / entry.path))


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is gone"
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]

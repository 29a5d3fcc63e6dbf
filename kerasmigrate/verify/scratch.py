"""The copies of the user's tree that the code runs in."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from kerasmigrate.errors import VerifyError
from kerasmigrate.verify.sources import is_skipped

#: Larger files are left out, in bytes: data and weights, which no model needs to be built.
LARGEST_FILE = 50 << 20
#: A tree with more than this is not a project but a home directory, in bytes and files.
LARGEST_TREE = 4 << 30
MOST_FILES = 100_000
NOBODY = 65534

#: What tells that a file is still the one that was copied: size, inode, type, time of last change.
#: (The time of modification would not do: code can set it back.)
_State = tuple[int, int, int, int]


class Scratch:
    """One copy of the tree, mended after each run.

    Attributes:
        tree: Where the copy's files count as the user's.
        project: The copy of the root; ``tree`` itself, or below it when the root is a package.
        home: An empty folder, the HOME of the code that runs.
    """

    def __init__(self, root: Path, place: Path) -> None:
        self.root = root
        self.tree = place / "tree"
        self.home = place / "home"
        # A root that is itself a package is imported by its own name, from the folder above.
        is_package = (root / "__init__.py").is_file()
        self.project = self.tree / root.name if is_package else self.tree
        self._copied: dict[str, _State] = {}
        place.mkdir(mode=0o755)
        self._copy_all()

    def _give(self, path: Path) -> None:
        """From root, let the children, who run as nobody, write here."""
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def _copy_all(self) -> None:
        self.tree.mkdir(mode=0o755)
        self._give(self.tree)
        if self.project != self.tree:
            self.project.mkdir(mode=0o755)
            self._give(self.project)
        self._renew_home()
        total = count = 0
        for current, folders, files in os.walk(self.root):
            here = Path(current)
            folders[:] = [
                name
                for name in folders
                if not is_skipped(here / name) and not (here / name).is_symlink()
            ]
            target = self.project / here.relative_to(self.root)
            for name in folders:
                (target / name).mkdir(mode=0o755)
                self._give(target / name)
            for name in files:
                size = self._copy(here / name, target / name)
                total, count = total + size, count + 1
            if total > LARGEST_TREE or count > MOST_FILES:
                raise VerifyError(
                    f"{self.root} is too large to copy ({count} files, {total >> 20} MB so far): "
                    "name the project's own folder as the root"
                )
        self._copied = self._scan()

    def _copy(self, source: Path, target: Path) -> int:
        """Copy one file; returns its size, 0 when it is left out."""
        try:
            real = source.resolve(strict=True)
            if source.is_symlink() and not real.is_relative_to(self.root.resolve()):
                return 0
            status = real.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
                return 0
            shutil.copyfile(real, target)
        except OSError as error:
            # Code that needs it will say so; a broken link must not end the whole run.
            if isinstance(error, (FileNotFoundError, PermissionError)):
                return 0
            raise VerifyError(f"cannot copy {source}: {error.strerror}: free some space") from error
        target.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)
        self._give(target)
        return status.st_size

    def _scan(self) -> dict[str, _State]:
        found: dict[str, _State] = {}
        pending = [str(self.tree)]
        while pending:
            folder = pending.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        found[entry.path] = (0, status.st_ino, status.st_mode, 0)
                        pending.append(entry.path)
                    else:
                        found[entry.path] = (
                            status.st_size,
                            status.st_ino,
                            status.st_mode,
                            status.st_ctime_ns,
                        )
        return found

    def holds(self, file: Path) -> bool:
        """Tell whether a file of the user's tree has been copied."""
        return (self.project / file.relative_to(self.root)).is_file()

    def renew(self) -> None:
        """Undo what a run has done to the copy, and empty its home."""
        self._renew_home()
        try:
            intact = not self.tree.is_symlink() and self._scan() == self._copied
        except OSError:  # a folder that is gone, or that its owner has closed
            intact = False
        if not intact:
            remove(self.tree)
            self._copy_all()

    def _renew_home(self) -> None:
        if self.home.is_dir() and not self.home.is_symlink() and not any(self.home.iterdir()):
            return
        remove(self.home)
        self.home.mkdir(mode=0o755)
        self._give(self.home)


def remove(folder: Path) -> None:
    """Remove a folder and all below it, also where its modes forbid it."""
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.exists():
        return
    for current, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(current, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder)

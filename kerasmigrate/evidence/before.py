"""The migration of the code as it was, made once more: what changed since, and by which rules."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate.api import Paths, migrate
from kerasmigrate.findings import Report
from kerasmigrate.progress import Progress
from kerasmigrate.transform import Settings
from kerasmigrate.verify.against import find
from kerasmigrate.verify.results import VerifyReport
from kerasmigrate.verify.sources import absolute


@dataclass(frozen=True)
class Before:
    """A migration of the original tree.

    Attributes:
        tree: The root of the original tree, which was a copy and is gone.
        base: The folder of the verified tree that it is the original of.
    """

    report: Report
    tree: Path
    base: Path


def before(
    against: str,
    proof: VerifyReport,
    paths: Paths,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    settings: Settings | None = None,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> Before:
    """Migrate the originals of what was verified to the same target, in memory.

    Args:
        against: As for `kerasmigrate.verify_paths`.
        proof: What that returned.
        paths: The paths that it was given.
        include: This and what follows: as for `kerasmigrate.migrate`.

    Raises:
        UsageError: There is no such folder, revision or journal.
        VerifyError: It is there, and cannot be had.
    """
    named = [absolute(Path(path)) for path in paths]
    with tempfile.TemporaryDirectory(prefix="kerasmigrate-before-") as place:
        original = find(against, proof.root, named, Path(place), modernised=False)
        wanted = [
            original.root / path.relative_to(original.base)
            for path in named
            if path.is_relative_to(original.base)
        ]
        report = migrate(
            [path for path in wanted if path.exists()],
            proof.target,
            api=proof.api,
            include=include,
            exclude=exclude,
            settings=settings,
            python2=True,
            jobs=jobs,
            progress=progress,
        )
        return Before(report, original.root, original.base)

"""What the commands of the command line do.

The standard output has results alone (a diff, a migrated text, a report); everything said to the
person who waits goes to the error stream.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmigrate import config, git, report, rules
from kerasmigrate.errors import UsageError
from kerasmigrate.files import discover, printable
from kerasmigrate.findings import Report, Severity
from kerasmigrate.progress import Bar

if TYPE_CHECKING:
    from kerasmigrate.api import CheckReport
    from kerasmigrate.evidence import Before
    from kerasmigrate.pipeline import Pipeline
    from kerasmigrate.transform import Settings
    from kerasmigrate.verify.results import VerifyReport

#: Stands for the standard input among the paths.
STDIN = "-"
#: What the standard input is called in messages.
STDIN_NAME = "stdin"


@dataclass(frozen=True)
class Options:
    """The options of a command as they were given; None and empty mean "not given"."""

    paths: Sequence[str] = ()
    to: str | None = None
    api: int | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    training: str | None = None
    python2: bool | None = None
    modern_defaults: bool | None = None
    jobs: int | None = None
    force: bool = False
    resume: bool = False
    verify: bool = False
    against: str | None = None
    original: str | None = None
    python: str | None = None
    build: Sequence[str] = ()
    timeout: float | None = None
    memory: int | None = None
    cache: bool | None = None
    format: str = "text"
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    rule: str | None = None
    html: str | None = None
    versions: Sequence[str] = ()
    configured: config.Config = field(default_factory=config.Config)

    def with_config(self) -> Options:
        """Fill in what was not given from the nearest ``pyproject.toml``."""
        first = next((path for path in self.paths if path != STDIN), ".")
        found = config.load(Path(os.path.realpath(first)))
        return replace(
            self,
            to=self.to or found.to,
            # An API that is configured belongs to the target that is configured.
            api=self.api if self.api is not None or self.to is not None else found.api,
            include=self.include or found.include,
            exclude=self.exclude or found.exclude,
            select=self.select or found.select,
            ignore=self.ignore or found.ignore,
            training=self.training or found.training,
            python2=self.python2 if self.python2 is not None else found.python2,
            modern_defaults=self.modern_defaults
            if self.modern_defaults is not None
            else found.modern_defaults,
            build=self.build or found.verify.builds,
            timeout=self.timeout or found.verify.timeout,
            memory=self.memory or found.verify.memory,
            cache=self.cache if self.cache is not None else found.verify.cache,
            configured=found,
        )

    @property
    def target(self) -> str:
        """The flavour to move to."""
        return self.to or "keras"

    @property
    def settings(self) -> Settings:
        """How the rules work.

        Raises:
            UsageError: A code that no rule has.
        """
        from kerasmigrate.transform import Settings

        return Settings(
            self.training or "all",
            _codes(self.select),
            _codes(self.ignore),
            bool(self.modern_defaults),
        )

    @property
    def pipeline(self) -> Pipeline:
        """All rules, composed for the target."""
        from kerasmigrate.pipeline import Pipeline

        return Pipeline.to(self.target, api=self.api, settings=self.settings)

    @property
    def processes(self) -> int | None:
        """Processes for reading; None chooses by the number of files."""
        return self.jobs or self.configured.jobs

    @property
    def interpreter(self) -> Path | None:
        """The interpreter that runs the code; None is our own.

        Raises:
            UsageError: There is no such program.
        """
        named = self.python or self.configured.verify.python
        if named is None:
            return None
        place = Path(named)
        if self.python is None and self.configured.path is not None and len(place.parts) > 1:
            place = self.configured.path.parent / place
        found = shutil.which(place)
        if found is None:
            raise UsageError(f"no interpreter {named!r}: give --python the path of one")
        # Not resolved: the name is what makes an interpreter that of a virtual environment.
        return Path(os.path.abspath(found))  # noqa: PTH100

    @property
    def page(self) -> Path | None:
        """Where the page of evidence goes.

        Raises:
            UsageError: It cannot be written there.
        """
        if self.html is None:
            return None
        place = Path(self.html)
        if place.is_dir():
            raise UsageError(f"--html {printable(self.html)} is a folder: name a file in it")
        if not place.absolute().parent.is_dir():
            raise UsageError(f"--html {printable(self.html)}: there is no such folder: make it")
        return place

    @property
    def reads_stdin(self) -> bool:
        """Whether the standard input is the only file.

        Raises:
            UsageError: It is one of several.
        """
        if STDIN not in self.paths:
            return False
        if len(self.paths) > 1:
            raise UsageError("- cannot be combined with other paths: run them one by one")
        return True


def _codes(given: Sequence[str]) -> frozenset[str]:
    codes = frozenset(code.strip().upper() for each in given for code in each.split(","))
    for code in sorted(codes):
        if not code or not any(known.startswith(code) for known in rules.rules()):
            raise UsageError(f"no rule begins with {code!r}: 'kerasmigrate explain' lists them all")
    return codes


def _say(options: Options, text: str) -> None:
    if not options.quiet:
        sys.stderr.write(text)
        sys.stderr.flush()


def _finish(options: Options, outcome: Report, *, written: bool) -> None:
    """Say what came out: every finding if wanted, and the summary."""
    if options.verbose:
        _say(options, report.text(outcome, written=written))
    _say(options, report.summary(outcome, written=written, listed=not options.verbose))


def _from_stdin(options: Options) -> Report:
    from kerasmigrate.api import migrate_bytes

    data = sys.stdin.buffer.read()
    result = migrate_bytes(data, STDIN_NAME, options.pipeline, python2=bool(options.python2))
    return Report(options.target, (result,))


def _migrate(options: Options, *, write: bool) -> Report:
    from kerasmigrate.api import migrate

    with Bar("migrating" if write else "reading", wanted=not options.quiet) as bar:
        return migrate(
            options.paths,
            options.target,
            api=options.api,
            include=options.include,
            exclude=options.exclude,
            settings=options.settings,
            python2=bool(options.python2),
            write=write,
            force=options.force,
            jobs=options.processes,
            progress=bar,
        )


def diff(options: Options) -> int:
    """Print a unified diff of what ``apply`` would change."""
    from kerasmigrate.diff import colour, unified

    options = options.with_config()
    if options.reads_stdin:
        outcome = _from_stdin(options)
    else:
        _warn_of_pending(options)
        outcome = _migrate(options, write=False)
    coloured = _wants_colour(options.color)
    for file in outcome.changed:
        text = unified(file.before, file.after, file.display)
        if coloured:
            text = colour(text).encode("utf-8", "backslashreplace")
        sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    _finish(options, outcome, written=False)
    return outcome.exit_code


def _wants_colour(when: str) -> bool:
    if when != "auto":
        return when == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def apply(options: Options) -> int:
    """Write the changes in place, or print the migrated standard input."""
    options = options.with_config()
    if options.resume:
        return _resume(options)
    if options.reads_stdin:
        if options.verify:
            raise UsageError("--verify needs files: standard input has no project around it")
        outcome = _from_stdin(options)
        sys.stdout.buffer.write(outcome.files[0].after)
        sys.stdout.buffer.flush()
        _finish(options, outcome, written=True)
        return _applied(outcome)
    if options.html and not options.verify:
        raise UsageError("--html shows what a verification found: add --verify")
    interpreter = options.interpreter
    _ = options.page  # what is wrong with it is said before anything is written
    outcome = _migrate(options, write=True)
    _finish(options, outcome, written=True)
    if outcome.changed:
        shown = " ".join(printable(path) for path in options.paths)
        _say(options, f"take it back with: kerasmigrate undo {shown}\n")
    if not options.verify:
        return _applied(outcome)
    proof = _verify(options, interpreter, outcome)
    if proof.interrupted:
        return proof.exit_code
    if outcome.incomplete:
        return 3
    broken = any(
        finding.severity is Severity.ERROR
        for file in outcome.files
        for finding in file.open_findings
    )
    return 1 if broken else proof.exit_code


def _applied(outcome: Report) -> int:
    """Return the exit code of a run that wrote what it could."""
    if outcome.incomplete:
        return 3
    return 1 if any(file.open_findings for file in outcome.files) else 0


def _roots(paths: Sequence[str]) -> list[Path]:
    """Return the roots whose journals the paths belong to, as `discover` finds them."""
    roots: set[Path] = set()
    for path in paths:
        place = Path(os.path.realpath(path))
        if place.is_file():
            roots.update(file.root for file in discover([place]).files)
        elif place.is_dir():
            roots.add(git.root(place) or place)
        else:
            raise UsageError(f"{printable(path)}: does not exist: name a file or folder")
    return sorted(roots)


def _warn_of_pending(options: Options) -> None:
    from kerasmigrate.api import refuse_pending

    present = [path for path in options.paths if Path(path).exists()]
    try:
        refuse_pending(set(_roots(present)))
    except UsageError as error:
        _say(options, f"kerasmigrate: warning: {error}\n")


def _resume(options: Options) -> int:
    from kerasmigrate.writing import resume

    failed = 0
    for root in _roots(options.paths):
        outcome = resume(root)
        if not outcome.run:
            _say(options, f"{root}: no interrupted run\n")
            continue
        failed += len(outcome.failed)
        _say(options, f"{root}: finished, {len(outcome.written)} files written\n")
        for path, reason in outcome.failed:
            _say(options, f"  {printable(str(path))}: {reason}\n")
    return 3 if failed else 0


def undo(options: Options) -> int:
    """Take back the last run below each path."""
    from kerasmigrate.writing import undo as take_back

    left = 0
    for root in _roots(options.paths or ["."]):
        outcome = take_back(root, force=options.force)
        if not outcome.run:
            _say(options, f"{root}: nothing to undo\n")
            continue
        left += len(outcome.left)
        numbers = [
            f"{len(outcome.restored)} restored",
            f"{len(outcome.unchanged)} not written",
            f"{len(outcome.left)} left",
        ]
        _say(options, f"{root}: {', '.join(numbers)}\n")
        for path, reason in outcome.left:
            _say(options, f"  {printable(str(path))}: {reason}\n")
        if outcome.left:
            _say(options, "  restore these, too, with: kerasmigrate undo --force\n")
    return 3 if left else 0


def check(options: Options) -> int:
    """Report what is left to migrate and which files mix flavours."""
    from kerasmigrate.api import check as check_paths

    options = options.with_config()
    if STDIN in options.paths:
        raise UsageError("check reads files: name a file or folder instead of -")
    with Bar("checking", wanted=not options.quiet) as bar:
        outcome = check_paths(
            options.paths,
            options.to,
            api=options.api,
            include=options.include,
            exclude=options.exclude,
            settings=options.settings,
            python2=bool(options.python2),
            jobs=options.processes,
            progress=bar,
        )
    sys.stdout.write(_formatted(outcome, options.format))
    sys.stdout.flush()
    if outcome.chosen:
        _say(options, f"judged for {outcome.target}, {outcome.chosen}; choose with --to\n")
    limit = None if options.verbose else report.LISTED
    listed = options.format != "text"
    _say(options, report.summary(outcome, written=False, limit=limit, listed=listed))
    return outcome.exit_code


def _formatted(outcome: CheckReport, wanted: str) -> str:
    from kerasmigrate import sarif

    formats = {
        "text": lambda: report.text(outcome, written=False),
        "json": lambda: report.to_json(outcome),
        "sarif": lambda: sarif.to_sarif_json(outcome),
        "github": lambda: sarif.to_github(outcome),
    }
    return formats[wanted]()


def verify(options: Options) -> int:
    """Run migrated code under TensorFlow."""
    options = options.with_config()
    if STDIN in options.paths:
        raise UsageError("verify runs files: name a file or folder instead of -")
    return _verify(options, options.interpreter).exit_code


def _verify(
    options: Options, interpreter: Path | None, migration: Report | None = None
) -> VerifyReport:
    from kerasmigrate.api import verify_paths
    from kerasmigrate.verify import MEMORY, Cache, render_text

    page = options.page
    with Bar("verifying", wanted=not options.quiet) as bar:
        proof = verify_paths(
            options.paths,
            options.target,
            api=options.api,
            python=interpreter,
            builds=options.build,
            jobs=options.jobs or options.configured.verify.jobs or 1,
            timeout=options.timeout or 60.0,
            memory_mb=options.memory or MEMORY,
            cache=Cache() if options.cache else None,
            progress=bar,
            against=options.against,
            original=options.original,
            announce=lambda line: _say(options, f"kerasmigrate: {line}\n"),
        )
    if options.format == "json":
        text = json.dumps(proof.to_dict(), indent=2) + "\n"
    else:
        text = render_text(proof, details=options.verbose)
    sys.stdout.write(text)
    sys.stdout.flush()
    if page is not None:
        from kerasmigrate.evidence import write_html

        write_html(page, proof, migration or _before(options, proof))
        _say(options, f"evidence: {printable(str(page))}\n")
    if proof.interrupted:
        _say(options, "kerasmigrate: interrupted\n")
    return proof


def _before(options: Options, proof: VerifyReport) -> Before | None:
    """Migrate the code as it was once more, for the diffs of the page."""
    from kerasmigrate.evidence import before

    if options.against is None:
        return None
    with Bar("reading", wanted=not options.quiet) as bar:
        return before(
            options.against,
            proof,
            options.paths,
            include=options.include,
            exclude=options.exclude,
            settings=options.settings,
            jobs=options.processes,
            progress=bar,
        )


def explain(options: Options) -> int:
    """Print one rule, or a list of all."""
    from kerasmigrate import pages

    wanted = options.rule
    sys.stdout.write(pages.listing() if wanted is None else pages.page(rules.find(wanted)))
    return 0


def originals_install(options: Options) -> int:
    """Put old versions of Keras into the cache folder."""
    from kerasmigrate.verify import originals

    for version in options.versions:
        place = originals.install(version)
        _say(options, f"keras {version} is in {place}\n")
    return 0


def originals_list(options: Options) -> int:
    """Print the old versions of Keras, and where each is kept."""
    from kerasmigrate.verify import originals

    for version in originals.VERSIONS:
        print(f"{version}  {originals.find(version) or 'not installed'}")
    return 0


def originals_remove(options: Options) -> int:
    """Take old versions of Keras out of the cache folder."""
    from kerasmigrate.verify import originals

    for version in options.versions:
        was_there = originals.remove(version)
        _say(options, f"keras {version} {'is removed' if was_there else 'was not installed'}\n")
    return 0

"""The command line: options, errors and exit codes; :mod:`kerasmigrate.commands` does the work.

Only what ``--help`` needs is imported here.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from kerasmigrate.config import LEAST_MEMORY, MOST_MEMORY, MOST_SECONDS
from kerasmigrate.errors import KerasMigrateError, VerifyError

app = typer.Typer(
    name="kerasmigrate",
    help="Move a Keras repository to one flavour, and prove that the result works.",
    epilog="Exit codes: 0 nothing to do, or all done and proved; 1 changes or open findings;"
    " 2 usage or internal error; 3 some files could not be processed.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

#: Shows the traceback of an error when it is set to something.
DEBUG = "KERASMIGRATE_DEBUG"

#: What the option parser raises: the "usage error" of click, be it typer's own copy or not.
_ParserError: Any = typer.BadParameter.__mro__[1]

INTERRUPTED = 130
BROKEN_PIPE = 141


class To(str, Enum):
    """The flavours that a migration can aim at."""

    KERAS = "keras"
    TF_KERAS = "tf.keras"
    LEGACY = "tf_keras"


class Training(str, Enum):
    """Where ``training=None`` is added."""

    ALL = "all"
    NEEDED = "needed"


class Format(str, Enum):
    """The formats of a report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class VerifyFormat(str, Enum):
    """The formats of a verification."""

    TEXT = "text"
    JSON = "json"


class Color(str, Enum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def _finite(value: float | None) -> float | None:
    if value is not None and not value <= MOST_SECONDS:  # not a number is not, either
        raise typer.BadParameter(f"Input should be at most {MOST_SECONDS:.0f}")
    return value


Paths = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Files and folders; - is standard input.")
]
PlainPaths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders.")]
ToOption = Annotated[
    To | None, typer.Option("--to", help="Flavour to move to (keras, unless configured).")
]
CheckTo = Annotated[
    To | None, typer.Option("--to", help="Flavour to judge for (that of most of the files).")
]
Api = Annotated[
    int | None,
    typer.Option(min=2, max=3, help="Keras API of tf.keras: 3, or 2 up to TensorFlow 2.15."),
]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Only such files, as in .gitignore; repeatable."),
]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="PATTERN", help="Leave such files out; repeatable.")
]
Select = Annotated[
    list[str] | None,
    typer.Option(metavar="CODE", help="Only these rules or families (KM1); repeatable."),
]
Ignore = Annotated[
    list[str] | None, typer.Option(metavar="CODE", help="Not these rules; repeatable.")
]
TrainingOption = Annotated[
    Training | None,
    typer.Option("--training", help="Add training=None to every call(), or where needed."),
]
ModernDefaults = Annotated[
    bool | None,
    typer.Option("--modern-defaults", help="Keep to the target's defaults; write no old ones out."),
]
Python2 = Annotated[bool | None, typer.Option("--python2", help="Modernise Python 2 files first.")]
Jobs = Annotated[int | None, typer.Option(min=1, metavar="N", help="Processes to use.")]
Python = Annotated[
    str | None, typer.Option(metavar="PATH", help="Interpreter that has TensorFlow.")
]
Build = Annotated[
    list[str] | None,
    typer.Option(metavar="CALL", help="Call that builds a model: module:function(32); repeatable."),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.1, callback=_finite, metavar="SECONDS", help="Time for one file."),
]
Memory = Annotated[
    int | None,
    typer.Option(
        min=LEAST_MEMORY,
        max=MOST_MEMORY,
        metavar="MIB",
        help="Memory for one file, beyond what TensorFlow takes.",
    ),
]
Cache = Annotated[
    bool | None,
    typer.Option("--cache/--no-cache", help="Take what earlier runs of the same code have shown."),
]
Html = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write a page with all evidence, too.")
]
ColorOption = Annotated[Color, typer.Option("--color", help="When to colour the diff.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on the error stream.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List every finding.")]


def _run(command: str, values: Mapping[str, Any]) -> int:
    """Run a command with the options that were given; the others keep their defaults.

    Everything that it raises is dealt with here, before the option parser has its own way.
    """
    given = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in values.items()
        if value is not None
    }
    try:
        from kerasmigrate import commands

        code: int = getattr(commands, command)(commands.Options(**given))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _fail("interrupted", INTERRUPTED, label="")
        runner = sys.modules.get("kerasmigrate.runner")
        if runner is not None and runner.abandoned:
            os._exit(code)  # Python would wait for the threads of the pool
        return code
    except BrokenPipeError:
        # Nobody reads any more. Python would complain when it flushes the stream at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KerasMigrateError as error:
        return _fail(str(error), 3 if isinstance(error, VerifyError) else 2)
    except Exception as error:
        reason = _line(f"{type(error).__name__}: {error}")
        advice = f"please report it, with the traceback that {DEBUG}=1 shows"
        return _fail(f"internal error: {reason}: {advice}", 2)
    return code


def _version(wanted: bool) -> None:
    if wanted:
        from kerasmigrate import __version__

        typer.echo(f"kerasmigrate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that come before a command."""


@app.command()
def diff(
    paths: Paths,
    to: ToOption = None,
    api: Api = None,
    include: Include = None,
    exclude: Exclude = None,
    select: Select = None,
    ignore: Ignore = None,
    training: TrainingOption = None,
    python2: Python2 = None,
    modern_defaults: ModernDefaults = None,
    jobs: Jobs = None,
    color: ColorOption = Color.AUTO,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show as a diff what apply would change."""
    return _run("diff", locals())


@app.command()
def apply(
    paths: Paths,
    to: ToOption = None,
    api: Api = None,
    include: Include = None,
    exclude: Exclude = None,
    select: Select = None,
    ignore: Ignore = None,
    training: TrainingOption = None,
    python2: Python2 = None,
    modern_defaults: ModernDefaults = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over uncommitted changes, too.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only finish a run that was interrupted.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove the result afterwards, as verify does.")
    ] = False,
    python: Python = None,
    build: Build = None,
    timeout: Timeout = None,
    memory: Memory = None,
    cache: Cache = None,
    html: Html = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write the changes in place."""
    return _run("apply", locals())


@app.command()
def undo(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH...]", help="What was given to apply; here by default."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Restore files that were edited since, too.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Take back the last apply, finished or not."""
    return _run("undo", locals())


@app.command()
def check(
    paths: Paths,
    to: CheckTo = None,
    api: Api = None,
    include: Include = None,
    exclude: Exclude = None,
    select: Select = None,
    ignore: Ignore = None,
    training: TrainingOption = None,
    python2: Python2 = None,
    modern_defaults: ModernDefaults = None,
    format: Annotated[Format, typer.Option(help="Format of the report.")] = Format.TEXT,
    jobs: Jobs = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Report what is left to migrate, and mixed flavours."""
    return _run("check", locals())


@app.command()
def verify(
    paths: PlainPaths,
    to: ToOption = None,
    api: Api = None,
    python: Python = None,
    build: Build = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REV|DIR|last",
            help="Compare with the code as it was: at a git revision, in a folder, before the last"
            " apply.",
        ),
    ] = None,
    original: Annotated[
        str | None,
        typer.Option(
            metavar="KERAS",
            help="What to run that code on: keras==1.2.2, keras, tf_keras (what it was written"
            " for).",
        ),
    ] = None,
    timeout: Timeout = None,
    memory: Memory = None,
    cache: Cache = None,
    format: Annotated[VerifyFormat, typer.Option(help="Format of the report.")] = VerifyFormat.TEXT,
    html: Html = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Run migrated code under TensorFlow, compare its models."""
    return _run("verify", locals())


@app.command()
def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="Code or name; lists all without.")
    ] = None,
) -> int:
    """Say what a rule does, and why."""
    return _run("explain", locals())


_originals = typer.Typer(
    help="Keep old versions of Keras, to compare migrated code with. They are downloaded through"
    " pip into the cache folder, and installed nowhere.",
)
app.add_typer(_originals, name="originals")
Versions = Annotated[
    list[str], typer.Argument(metavar="VERSION...", help="Such as 1.2.2: see originals list.")
]


@_originals.command("install")
def _originals_install(versions: Versions, quiet: Quiet = False) -> int:
    """Download old versions, unless they are there."""
    return _run("originals_install", locals())


@_originals.command("list")
def _originals_list() -> int:
    """List the versions that there are, and where they are kept."""
    return _run("originals_list", locals())


@_originals.command("remove")
def _originals_remove(versions: Versions, quiet: Quiet = False) -> int:
    """Remove old versions from the cache folder."""
    return _run("originals_remove", locals())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; errors are one line on the error stream.

    Args:
        arguments: Without the program's name; those of the process by default.
    """
    try:
        code = app(
            list(arguments) if arguments is not None else None,
            prog_name="kerasmigrate",
            standalone_mode=False,
        )
    except _ParserError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "kerasmigrate"
        return _fail(f"{_line(error.format_message())}: see '{command} --help'", 2)
    return int(code or 0)


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _fail(message: str, code: int, label: str = "error: ") -> int:
    if os.environ.get(DEBUG) and sys.exc_info()[0] is not None:
        traceback.print_exc()
    print(f"kerasmigrate: {label}{message}", file=sys.stderr)
    return code

"""What a child does: run one file, then exercise every model that it has built."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
import tokenize
import types
from collections.abc import Iterator
from typing import Any

from . import builders, classify, data, formats, proving, recorder, standins, worlds
from .classify import Failure, Source, explain
from .exercise import Shown, exercise, user_objects
from .standins import OutOfTime, Stop

PARTIAL = "partial"
#: Which failure decides the verdict of a file that has several: the tool's own business first.
ORDER = (
    classify.KERAS,
    classify.SYNTAX,
    classify.CRASHED,
    classify.PACKAGE,
    classify.DATA,
    classify.USER,
    "timeout",
    classify.ARGUMENTS,
    PARTIAL,
)
#: Share of the time limit after which the user's code is interrupted, so that what it has built so
#: far can still be exercised.
SOFT_LIMIT = 0.7
#: Share after which no further model is begun.
HARD_LIMIT = 0.85
#: Share after which a comparison is given up.
LAST_LIMIT = 0.95


def prepare() -> None:
    """Install, once and before any fork, what all children share."""
    for world in worlds.every():
        config = getattr(world.api, "config", None)
        if config is not None:
            config.disable_traceback_filtering()
    # The parts of NumPy that load on first use are loaded before the child is confined.
    importlib.import_module("numpy.random")
    importlib.import_module("tensorflow").debugging.disable_traceback_filtering()
    recorder.install()
    standins.install()
    data.install()
    if not any(world.old for world in worlds.every()):  # those see to it themselves
        formats.install()


class Run:
    """One file."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.path = str(job["path"])
        self.tree = str(job["tree"])
        self.source = Source(self.tree)
        self.started = time.monotonic()
        self.failures: list[Failure] = []
        self.needs: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.syntax: ast.Module | None = None
        self.executed: set[types.CodeType] = set()
        #: The file's own code ran to its end.
        self.imported = False
        #: ``original`` leaves portraits of its models, ``migrated`` compares its own with them.
        self.role = str(job.get("role", ""))
        self.keeper = proving.Keeper(str(job.get("portraits", "")))
        self.taken = 0
        self.comparisons: list[dict[str, Any]] = []

    # -- running the file ---------------------------------------------------------------------

    def place(self) -> str:
        """Set sys.path as the file expects it; returns its dotted name, or '' for a script."""
        folder = os.path.dirname(self.path)
        stem = os.path.basename(self.path)[: -len(".py")]
        parts = [] if stem == "__init__" else [stem]
        top = folder
        while os.path.exists(os.path.join(top, "__init__.py")) and top.startswith(self.tree):
            parts.insert(0, os.path.basename(top))
            top = os.path.dirname(top)
        if top == folder and self.syntax is not None and _relative(self.syntax):
            # No __init__.py, but relative imports: a namespace package below the root.
            relative = os.path.relpath(folder, self.tree)
            parts = [each for each in relative.split(os.sep) if each != "."] + parts
            top = self.tree
        dotted = ".".join(parts) if top != folder else ""
        if not all(part.isidentifier() for part in parts):
            dotted = ""
        project = str(self.job["project"])
        wanted = [top if dotted else folder, project, os.path.join(project, "src")]
        sys.path[:0] = [each for each in dict.fromkeys(wanted) if os.path.isdir(each)]
        return dotted

    def read(self) -> bool:
        """Parse the file; returns False, with the failure noted, when it is not Python 3."""
        try:
            with tokenize.open(self.path) as stream:
                self.text = stream.read()
            self.syntax = ast.parse(self.text, self.path)
        except (SyntaxError, UnicodeDecodeError, ValueError) as error:
            where = self.source.show(self.path, getattr(error, "lineno", None) or 1)
            message = getattr(error, "msg", None) or str(error)
            cause = classify.one_line(f"{type(error).__name__}: {message}")
            self.failures.append(Failure(classify.SYNTAX, cause, where, False))
            return False
        return True

    def execute(self, dotted: str, name: str) -> None:
        """Run the file under a module name."""
        if dotted and name == dotted:
            self.namespace = vars(importlib.import_module(dotted))
            return
        module = types.ModuleType(name)
        module.__file__ = self.path
        if dotted:
            module.__package__ = dotted.rpartition(".")[0]
        if name == "__main__" or name not in sys.modules:
            sys.modules[name] = module
        self.namespace = vars(module)
        exec(compile(self.text, self.path, "exec"), self.namespace)

    def attempt(self, action: Any, *args: Any) -> Failure | None:
        """Call something of the user's; returns its failure, or None when it came to an end."""
        try:
            action(*args)
        except (Stop, SystemExit, OutOfTime) as end:
            return self.ended_early(end)
        except BaseException as error:
            if type(error).__name__ in ("SkipTest", "Skipped"):  # unittest's and pytest's
                return None
            failure = explain(error, self.source)
            asserted = failure.verdict == classify.USER and isinstance(error, AssertionError)
            if asserted and recorder.recorder.stood_in:
                cause = failure.cause + " (the results of training are made up here)"
                return failure._replace(verdict=PARTIAL, cause=cause)
            return failure
        return None

    def ended_early(self, end: BaseException) -> Failure | None:
        """Judge a run that did not come to its own end."""
        frames = []
        step = end.__traceback__
        while step is not None:
            if self.source.holds(step.tb_frame.f_code.co_filename):
                frames.append((step.tb_frame.f_code, step.tb_lineno))
            step = step.tb_next
        where = self.source.show(frames[-1][0].co_filename, frames[-1][1]) if frames else ""
        if isinstance(end, OutOfTime):
            limit = self.job["timeout"]
            return Failure(
                "timeout", f"not done within the time limit of {limit:g} s", where, False
            )
        if isinstance(end, Stop):
            recorder.recorder.note(
                f"stopped in its training loop ({end}) after {standins.CALLS_PER_LINE} steps"
            )
            what = "stopped in its training loop"
        else:
            code = end.code if isinstance(end, SystemExit) else None
            if code not in (None, 0):
                return self.left(code, end, where)
            what = "ended by sys.exit()"
        rest = self.unreached(frames, loops=isinstance(end, Stop))
        if rest:
            return Failure(PARTIAL, f"{what}; not run: {rest}", where, False)
        return None

    def left(self, code: object, end: BaseException, where: str) -> Failure:
        """Judge an exit that says that something went wrong."""
        step = end.__traceback__
        message = ""
        while step is not None:
            if step.tb_frame.f_code.co_filename.endswith("argparse.py"):
                message = str(step.tb_frame.f_locals.get("message", "") or message)
            step = step.tb_next
        if message:
            cause = "its command line: " + message.strip().rpartition(" error: ")[2]
            return Failure(classify.ARGUMENTS, classify.one_line(cause), where, False)
        cause = classify.one_line(f"ended by sys.exit({code!r})")
        argv = "sys.argv" in self.text or "argparse" in self.text
        return Failure(classify.ARGUMENTS if argv else classify.USER, cause, where, False)

    def unreached(self, frames: list[tuple[types.CodeType, int]], loops: bool) -> str:
        """Name the first statement of this file that the end kept from running; '' if none.

        Args:
            loops: The end came from a loop whose body has run many times.
        """
        if self.syntax is None:
            return ""
        for code, line in reversed(frames):
            if code.co_filename != self.path:
                continue
            body = _body_of(self.syntax, code)
            follows = _following(body, line, loops)
            if follows:
                return self.source.show(self.path, follows)
        return ""

    # -- the whole -----------------------------------------------------------------------------

    def work(self) -> list[Shown]:
        """Run the file and all its builders, and exercise the models."""
        if not self.read():
            return []
        dotted = self.place()
        stem = os.path.basename(self.path)[: -len(".py")]
        os.chdir(os.path.dirname(self.path))
        sys.argv = [self.path]
        failure = self.attempt(self.execute, dotted, dotted or stem)
        self.imported = failure is None or failure.verdict == PARTIAL
        if failure is not None:
            self.failures.append(failure)
        if self.imported and self.syntax is not None:
            module = self.namespace
            if not self.models() and builders.main_block(self.syntax):
                failure = self.attempt(self.execute, dotted, "__main__")
                if failure is not None:
                    self.main_failed(failure)
                self.namespace = module if failure is not None else self.namespace
            self.build(self.syntax)
        if self.role == "original":
            return self.take_down()
        shown = self.exercise()
        if self.role == "migrated":
            self.compare()
        return shown

    def models(self) -> list[recorder.Record]:
        """Return the models that count."""
        return [each for each in recorder.recorder.records.values() if each.by_user]

    def main_failed(self, failure: Failure) -> None:
        """The ``__main__`` block is not needed for an import: only what is Keras' counts."""
        if failure.verdict in (classify.KERAS, "timeout", classify.CRASHED) or self.models():
            self.failures.append(failure)
        else:
            recorder.recorder.note("the __main__ block did not run: " + failure.cause)
            self.failures.append(Failure(PARTIAL, failure.cause, failure.where, False))

    def build(self, syntax: ast.Module) -> None:
        """Run the user's ``builds``, then whatever else builds models."""
        module = os.path.relpath(self.path, self.job["project"])
        for expression in self.job["builds"]:
            failure = self.attempt(self.evaluate, expression)
            if failure is not None:
                self.failures.append(failure)
        if self.job["builds"]:
            asked = {each.partition("(")[0].strip() for each in self.job["builds"]}
        else:
            asked = set()
        self.note_executed()
        kinds = {type(each.model) for each in recorder.recorder.records.values()}
        found, out_of_reach = builders.find(syntax, self.namespace, self.executed, kinds)
        for need in out_of_reach:
            if need.partition("(")[0] not in asked:
                self.needs.append(f"{module}:{need}")
        for builder in found:
            if builder.spelling not in asked:
                self.call(builder, module)

    def evaluate(self, expression: str) -> None:
        """Evaluate one of the user's ``builds``."""
        eval(compile(expression, "<build>", "eval"), self.namespace)

    def call(self, builder: builders.Builder, module: str) -> None:
        """Call one builder, with guessed arguments if it requires some."""
        self.note_executed()
        if getattr(builder.call, "__code__", None) in self.executed:
            return
        if any(type(each.model) is builder.call for each in recorder.recorder.records.values()):
            return
        where = self.source.show(self.path, builder.line)
        place = (where.rpartition(":")[0], builder.spelling)
        recorder.recorder.forced = recorder.Frames(where, set(), place)
        attempts = builder.attempts()
        sure = not builder.required
        for arguments in attempts:
            before = set(recorder.recorder.records)
            failure = self.attempt(lambda chosen=arguments: builder.call(**chosen))
            if failure is None:
                return
            if not sure and not failure.api:
                self.forget(before)
            if sure or failure.api or failure.verdict == "timeout":
                self.failures.append(failure)
                return
        self.needs.append(f"{module}:{builder.need}")

    def forget(self, before: set[int]) -> None:
        """Leave out what a wrong guess has begun to build."""
        for key, record in recorder.recorder.records.items():
            if key not in before:
                record.by_user = False

    def note_executed(self) -> None:
        """Remember which functions have built a model by now."""
        for record in recorder.recorder.records.values():
            self.executed |= record.codes

    def exercise(self) -> list[Shown]:
        """Exercise the models; what the user's code raises there is judged as well."""
        chosen, notes, left = recorder.recorder.chosen()
        for note in notes:
            recorder.recorder.note(note)
        objects = user_objects(self.source)
        shown: list[Shown] = []
        for position, record in enumerate(chosen):
            if time.monotonic() - self.started > self.job["timeout"] * HARD_LIMIT:
                left += len(chosen) - position
                break
            holder: list[Shown] = []
            failure = self.attempt(lambda r=record, h=holder: h.append(exercise(r, objects)))
            if failure is not None:
                self.failures.append(failure)
            shown += holder
        if left:
            cause = f"{left} of its models were not exercised"
            self.failures.append(Failure(PARTIAL, cause, "", False))
        return shown

    def take_down(self) -> list[Shown]:
        """Leave portraits of the models of an original for the migrated file's run."""
        chosen, notes, _ = recorder.recorder.chosen()
        for note in notes:
            recorder.recorder.note(note)
        with self.last_limit() as until, contextlib.suppress(OutOfTime):
            self.keeper.keep(chosen, until)
        self.taken = self.keeper.close(chosen, self._ended_by())
        return []

    def _ended_by(self) -> str:
        """Return what has ended the file's run early, if something has."""
        return next((each.cause for each in self.failures if each.verdict != PARTIAL), "")

    def before_clearing(self) -> None:
        """Take down what would be gone with the graph of an old Keras."""
        if self.role == "original":
            chosen, _, _ = recorder.recorder.chosen()
            until = self.started + float(self.job["timeout"]) * SOFT_LIMIT
            self.keeper.keep(chosen, until)

    def compare(self) -> None:
        """Compare the models with the portraits of the original's."""
        chosen, _, _ = recorder.recorder.chosen()
        failed = self._ended_by()
        with self.last_limit() as until:
            self.comparisons = proving.compare_all(chosen, self.job["portraits"], until, failed)

    @contextlib.contextmanager
    def last_limit(self) -> Iterator[float]:
        """Have ``OutOfTime`` raised a little before the end; yields when to begin nothing more."""
        limit = float(self.job["timeout"])
        until = self.started + limit * LAST_LIMIT
        signal.setitimer(signal.ITIMER_REAL, max(0.001, until - time.monotonic()))
        yield until - limit * (LAST_LIMIT - HARD_LIMIT)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def result(self, shown: list[Shown]) -> dict[str, Any]:
        """Put everything into one verdict."""
        failures = list(self.failures)
        for each in shown:
            failures += each.failures
        for package in recorder.tampered():
            cause = f"it replaces {package}'s Model.__new__, so that its models cannot be watched"
            failures.append(Failure(PARTIAL, cause, "", False))
        if self.needs:
            cause = "give arguments: --build {}".format(
                "; --build ".join(f"'{need}'" for need in self.needs)
            )
            failures.append(Failure(classify.ARGUMENTS, classify.one_line(cause), "", False))
        failures.sort(key=lambda failure: ORDER.index(failure.verdict))
        if failures:
            verdict, cause, where, _ = failures[0]
        else:
            verdict, cause, where = ("proved" if shown or self.taken else "imported"), "", ""
        return {
            "verdict": verdict,
            "cause": cause,
            "where": where,
            "models": [each.data for each in shown],
            "needs": self.needs,
            "notes": recorder.recorder.notes,
            "taken": self.taken,
            "comparisons": self.comparisons,
        }


def _relative(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


def _body_of(tree: ast.Module, code: types.CodeType) -> list[ast.stmt]:
    """Return the statements of the function that a code object was compiled from."""
    if code.co_name == "<module>":
        return tree.body
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if node.name == code.co_name and code.co_firstlineno in (first, node.lineno):
                return node.body
    return []


def _following(body: list[ast.stmt], line: int, loops: bool) -> int:
    """Return the line of the first statement after the one at ``line``; 0 if there is none.

    Within a loop that has run many times, what follows inside it has run too.
    """
    for position, statement in enumerate(body):
        if not statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            continue
        looping = isinstance(statement, (ast.For, ast.While, ast.AsyncFor))
        if not (loops and looping):
            for name in ("body", "orelse", "finalbody"):
                inner = getattr(statement, name, None)
                if isinstance(inner, list):
                    found = _following(inner, line, loops)
                    if found:
                        return found
        for later in body[position + 1 :]:
            if not isinstance(later, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
                return later.lineno
        return 0
    return 0


def run(job: dict[str, Any], token: bytes, answer: int, isolation: dict[str, str]) -> None:
    """Run a job and write its result; ends the process.

    Args:
        token: Marks the result as ours.
        answer: Where it is written to.
    """
    me = os.getpid()
    classify.MEMORY_LIMIT[0] = job["memory_mb"]
    tempfile.tempdir = job["home"]
    recorder.recorder.source = Source(job["tree"])
    flow = importlib.import_module("tensorflow")
    flow.config.threading.set_intra_op_parallelism_threads(1)
    flow.config.threading.set_inter_op_parallelism_threads(1)
    # One step does not pay for the optimisation of its graph.
    flow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    data.install_in_child()
    data.seed()
    if job.get("role") == "original":
        standins.without_training()

    def interrupt(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, job["timeout"] * SOFT_LIMIT)
    each = Run(job)
    data.clearing.append(each.before_clearing)
    shown: list[Shown] = []
    try:
        shown = each.work()
    except OutOfTime as end:  # it came in between two calls of the user's code
        failure = each.ended_early(end)
        each.failures += [failure] if failure is not None else []
    signal.setitimer(signal.ITIMER_REAL, 0)
    if os.getpid() != me:  # a copy that the user's code has forked
        os._exit(0)
    result = each.result(shown)
    result["isolation"] = isolation
    # A line of its own, whatever the user's code has written there.
    payload = b"\n" + token + json.dumps(result).encode() + b"\n"
    while payload:
        payload = payload[os.write(answer, payload) :]
    # No clean-up of the user's: exit handlers may wait for threads or write files.
    os._exit(0)

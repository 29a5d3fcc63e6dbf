from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kerasmigrate import __version__, api, cli, commands
from kerasmigrate.errors import VerifyError
from kerasmigrate.journal import Journal, NewEntry
from kerasmigrate.verify import Cache, Environment, FileVerdict, Verdict, VerifyReport

OLD = b"from keras.layers.core import Dense\n"
NEW = b"from keras.layers import Dense\n"
DIFF = (
    b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n"
    b"-from keras.layers.core import Dense\n+from keras.layers import Dense\n"
)


class Ran(NamedTuple):
    code: int
    out: bytes
    err: str


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def here(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Work in an empty folder, with a journal of our own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("KERASMIGRATE_DEBUG", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Run]:
    def call(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = cli.main(arguments)
        out, err = capsysbinary.readouterr()
        return Ran(code, out, err.decode())

    yield call


def plant(**files: bytes) -> None:
    for name, data in files.items():
        Path(f"{name}.py").write_bytes(data)


def data(name: str) -> bytes:
    return Path(f"{name}.py").read_bytes()


# -- diff ------------------------------------------------------------------------------------


def test_diff(run: Run) -> None:
    plant(a=OLD, b=NEW, c=b"x = 1\n")
    ran = run("diff", ".")
    assert ran == Ran(
        1,
        DIFF,
        "3 files read for keras: 1 would change, 2 untouched, 0 failed\n"
        "  KM101 import                       1 fixable\n",
    )
    assert data("a") == OLD
    assert run("diff", ".", "--quiet") == Ran(1, DIFF, "")
    assert run("diff", "b.py", "-q") == Ran(0, b"", "")


def test_diff_goes_into_git_apply(here: Path, run: Run) -> None:
    plant(a=OLD + b"# \xe9\n# -*-\n", b=b"\xef\xbb\xbf" + OLD.replace(b"\n", b"\r\n"))
    (here / "a.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + data("a"))
    ran = run("diff", ".", "-q")
    subprocess.run(["git", "apply", "-"], input=ran.out, cwd=here, check=True)
    assert data("a") == b"# -*- coding: latin-1 -*-\n" + NEW + b"# \xe9\n# -*-\n"
    assert data("b") == b"\xef\xbb\xbf" + NEW.replace(b"\n", b"\r\n")


def test_verbose_lists_what_is_fixed(run: Run) -> None:
    plant(a=OLD)
    ran = run("diff", "a.py", "-v")
    first, *rest = ran.err.splitlines()
    assert first.startswith("a.py:1:1: KM101 ") and first.endswith(" [fixable]")
    assert len(rest) == 2


def test_what_is_left_is_listed(run: Run) -> None:
    plant(a=b"from keras.layers import Recurrent\n\nRecurrent()\n")
    ran = run("diff", "a.py")
    assert (ran.code, ran.out) == (1, b"")
    assert "left for you (1):\n  a.py:1: KM103 " in ran.err
    assert " -> " in ran.err


def test_colour(run: Run) -> None:
    plant(a=OLD)
    ran = run("diff", "a.py", "--color", "always", "-q")
    assert ran.out.startswith(b"\x1b[1m--- a/a.py\x1b[0m\n")
    assert run("diff", "a.py", "--color", "never", "-q").out == DIFF


def test_colour_needs_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert commands._wants_colour("auto")
    monkeypatch.setenv("TERM", "dumb")
    assert not commands._wants_colour("auto")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not commands._wants_colour("auto")
    assert commands._wants_colour("always")


def test_targets(run: Run) -> None:
    plant(a=NEW)
    assert (
        b"+from tensorflow.keras.layers import Dense\n"
        in run("diff", "a.py", "--to", "tf.keras", "-q").out
    )
    assert (
        b"+from tf_keras.layers import Dense\n" in run("diff", "a.py", "--to", "tf_keras", "-q").out
    )
    ran = run("diff", "a.py", "--to", "tf.keras", "--api", "2")
    assert ran.err.startswith("1 file read for tf.keras: 1 would change")


def test_choice_of_rules(run: Run) -> None:
    plant(a=OLD)
    assert run("diff", "a.py", "-q", "--select", "KM2,KM3") == Ran(0, b"", "")
    assert run("diff", "a.py", "-q", "--ignore", "km101") == Ran(0, b"", "")
    assert run("diff", "a.py", "-q", "--select", "KM1", "--select", "KM2") == Ran(1, DIFF, "")


def test_choice_of_files(run: Run) -> None:
    plant(a=OLD, b=OLD)
    Path("old").mkdir()
    Path("old/c.py").write_bytes(OLD)
    assert run("diff", ".", "-q", "--exclude", "old/", "--exclude", "b.py").out == DIFF
    assert b"old/c.py" in run("diff", ".", "-q", "--include", "old/").out


def test_python2(run: Run) -> None:
    plant(a=OLD + b"print 'x'\n")
    ran = run("diff", "a.py")
    assert (ran.code, ran.out) == (3, b"")
    assert "a.py: line 2: Python 2 print statement; rerun with --python2" in ran.err
    ran = run("diff", "a.py", "--python2", "-q")
    assert ran.out.endswith(b"-print 'x'\n+from keras.layers import Dense\n+print('x')\n")


# -- apply and undo --------------------------------------------------------------------------


def test_apply_undo_apply(run: Run) -> None:
    plant(a=OLD, b=NEW)
    assert run("apply", ".") == Ran(
        0,
        b"",
        "2 files read for keras: 1 changed, 1 untouched, 0 failed\n"
        "  KM101 import                       1 fixed\n"
        "take it back with: kerasmigrate undo .\n",
    )
    assert data("a") == NEW
    second = run("apply", ".")
    assert second == Ran(0, b"", "2 files read for keras: 0 changed, 2 untouched, 0 failed\n")
    here = Path.cwd()
    assert run("undo") == Ran(0, b"", f"{here}: 1 restored, 0 not written, 0 left\n")
    assert data("a") == OLD
    assert run("undo", ".") == Ran(0, b"", f"{here}: nothing to undo\n")


def test_apply_equals_diff(here: Path, run: Run) -> None:
    plant(a=OLD + b"x = 1", b=OLD.replace(b"\n", b"\r\n") + b"\f\nimport keras\n")
    patch = run("diff", ".", "-q").out
    before = {name: data(name) for name in "ab"}
    run("apply", ".", "-q")
    applied = {name: data(name) for name in "ab"}
    plant(**before)
    subprocess.run(["git", "apply", "-"], input=patch, cwd=here, check=True)
    assert {name: data(name) for name in "ab"} == applied


def test_apply_with_something_left(run: Run) -> None:
    plant(a=OLD + b"from keras.layers import Recurrent\n\nRecurrent()\n")
    assert run("apply", "a.py", "-q").code == 1
    assert data("a") == b"from keras.layers import Dense, Recurrent\n\nRecurrent()\n"


def test_undo_keeps_what_was_edited_since(run: Run) -> None:
    plant(a=OLD)
    run("apply", ".", "-q")
    plant(a=b"# edited\n")
    here = Path.cwd()
    assert run("undo") == Ran(
        3,
        b"",
        f"{here}: 0 restored, 0 not written, 1 left\n"
        f"  {here}/a.py: is not as kerasmigrate wrote it; left as it is\n"
        "  restore these, too, with: kerasmigrate undo --force\n",
    )
    assert run("undo", "--force", "-q") == Ran(0, b"", "")
    assert data("a") == OLD


def test_undo_of_what_is_not_there(run: Run) -> None:
    assert run("undo", "gone") == Ran(
        2, b"", "kerasmigrate: error: gone: does not exist: name a file or folder\n"
    )


def test_a_dirty_tree_is_refused(here: Path, run: Run) -> None:
    plant(a=OLD)
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=here, check=True)
    assert run("apply", ".") == Ran(
        2,
        b"",
        f"kerasmigrate: error: {here}: uncommitted changes in a.py, nothing was written: commit"
        " or stash them, or use --force\n",
    )
    assert data("a") == OLD
    assert run("apply", ".", "--force", "-q").code == 0
    assert data("a") == NEW


def interrupted(here: Path) -> None:
    """Leave the journal of a run that was stopped between two files."""
    plant(a=NEW, b=OLD)
    entries = [NewEntry(f"{name}.py", OLD, NEW, 0o644) for name in "ab"]
    journal = Journal(here)
    with journal.locked():
        journal.begin(entries, "apply --to keras")


def test_an_interrupted_run_is_announced_and_finished(here: Path, run: Run) -> None:
    interrupted(here)
    message = (
        f"{here}: an earlier run was interrupted, 1 of 2 files are written: finish it with"
        " 'kerasmigrate apply --resume' or take it back with 'kerasmigrate undo'\n"
    )
    assert run("apply", ".") == Ran(2, b"", f"kerasmigrate: error: {message}")
    assert run("diff", "a.py").err.startswith(f"kerasmigrate: warning: {message}")
    ran = run("apply", ".", "--resume")
    assert ran == Ran(0, b"", f"{here}: finished, 2 files written\n")
    assert (data("a"), data("b")) == (NEW, NEW)
    assert run("apply", ".", "--resume") == Ran(0, b"", f"{here}: no interrupted run\n")
    assert run("apply", ".", "-q").code == 0


def test_an_interrupted_run_is_taken_back(here: Path, run: Run) -> None:
    interrupted(here)
    assert run("undo", ".") == Ran(0, b"", f"{here}: 1 restored, 1 not written, 0 left\n")
    assert (data("a"), data("b")) == (OLD, OLD)


# -- standard input --------------------------------------------------------------------------


def test_stdin(run: Run) -> None:
    ran = run("apply", "-", stdin=OLD)
    assert (ran.code, ran.out) == (0, NEW)
    ran = run("diff", "-", stdin=OLD)
    assert (ran.code, ran.out) == (
        1,
        DIFF.replace(b"a/a.py", b"a/stdin").replace(b"b/a.py", b"b/stdin"),
    )
    assert run("apply", "-", "-q", stdin=b"") == Ran(0, b"", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"import keras\nx = (\n", "stdin: line 2: '(' was never closed"),
        (b"import keras\0\n", "stdin: line 1: NUL byte; Python source cannot hold one"),
        (
            b"import keras # \xe9\n",
            "stdin: line 1: byte 0xE9 is not UTF-8; declare the encoding"
            " (# -*- coding: latin-1 -*-) or save it as UTF-8",
        ),
    ],
)
def test_stdin_that_cannot_be_processed_comes_back(run: Run, text: bytes, reason: str) -> None:
    ran = run("apply", "-", stdin=text)
    assert (ran.code, ran.out) == (3, text)
    assert ran.err.splitlines()[-1] == f"  {reason}"


def test_stdin_is_alone(run: Run) -> None:
    error = "kerasmigrate: error: "
    assert run("diff", "-", "a.py") == Ran(
        2, b"", f"{error}- cannot be combined with other paths: run them one by one\n"
    )
    assert run("check", "-") == Ran(
        2, b"", f"{error}check reads files: name a file or folder instead of -\n"
    )
    assert run("verify", "-") == Ran(
        2, b"", f"{error}verify runs files: name a file or folder instead of -\n"
    )
    assert run("apply", "-", "--verify") == Ran(
        2, b"", f"{error}--verify needs files: standard input has no project around it\n"
    )


# -- check -----------------------------------------------------------------------------------


def seed() -> None:
    plant(
        create_model=b"from keras.models import Sequential\n\n\ndef create():\n"
        b"    return Sequential()\n",
        extend_model=b"from tensorflow.keras.layers import Dense\nfrom create_model import create"
        b"\n\ncreate().add(Dense(2))\n",
    )


def test_check_of_the_seed_case(run: Run) -> None:
    seed()
    ran = run("check", ".")
    assert ran.code == 1
    first, second = ran.out.decode().splitlines()
    assert first.startswith("extend_model.py:1:1: KM101 ") and first.endswith(" [fixable]")
    assert second == (
        "extend_model.py:2:1: KM003 'from create_model import create': this file uses tf.keras,"
        " but create_model.py uses keras -> move both files to one flavour"
    )
    assert ran.err == (
        "judged for keras, the flavour of 1 of 2 files that use Keras; choose with --to\n"
        "2 files read for keras: 1 would change, 1 untouched, 0 failed\n"
        "  KM003 mixed-flavours               1 open\n"
        "  KM101 import                       1 fixable\n"
    )
    assert run("check", ".", "--to", "keras", "-q").out == ran.out
    run("apply", ".", "-q")
    assert run("check", ".") == Ran(
        0,
        b"",
        "judged for keras, the flavour of 2 of 2 files that use Keras; choose with --to\n"
        "2 files read for keras: 0 would change, 2 untouched, 0 failed\n",
    )


def test_check_in_other_formats(run: Run) -> None:
    seed()
    whole = json.loads(run("check", ".", "--format", "json").out)
    assert [finding["code"] for finding in whole["project"]] == ["KM003"]
    sarif = json.loads(run("check", ".", "--format", "sarif").out)
    assert [each["ruleId"] for each in sarif["runs"][0]["results"]] == ["KM101", "KM003"]
    github = run("check", ".", "--format", "github").out.decode().splitlines()
    assert [row.partition(" ")[0] for row in github] == ["::error", "::error"]
    assert "title=KM003::" in github[1]


# -- verify ----------------------------------------------------------------------------------


def proof(*verdicts: Verdict) -> VerifyReport:
    environment = Environment("python", "3.11.0", "2.21.0", "3.15.1", "2.21.0")
    files = tuple(FileVerdict(Path(f"/{v.value}"), v.value, v) for v in verdicts)
    return VerifyReport("keras", 3, Path("/"), environment, files)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Stand in for TensorFlow: note what is asked for, and say that everything is proved."""
    asked: list[dict[str, object]] = []

    def verify(paths: object, to: str, **named: object) -> VerifyReport:
        named.pop("progress")
        named.pop("announce")
        cache = named.pop("cache")
        named["cache"] = isinstance(cache, Cache)
        asked.append({"paths": paths, "to": to, **named})
        return proof(Verdict.PROVED)

    monkeypatch.setattr(api, "verify_paths", verify)
    return asked


def test_verify(run: Run, verified: list[dict[str, object]]) -> None:
    options = ("--build", "a:f(1)", "--timeout", "5", "--jobs", "2", "--memory", "512")
    ran = run("verify", ".", "--to", "tf_keras", *options)
    assert ran.code == 0
    assert b"\nproved           proved\n" in ran.out
    assert verified == [
        {
            "paths": ["."],
            "to": "tf_keras",
            "api": None,
            "python": None,
            "builds": ["a:f(1)"],
            "jobs": 2,
            "timeout": 5.0,
            "memory_mb": 512,
            "cache": True,
            "against": None,
            "original": None,
        }
    ]
    run("verify", ".", "--against", "HEAD~1", "--original", "keras==1.2.2")
    assert (verified[-1]["against"], verified[-1]["original"]) == ("HEAD~1", "keras==1.2.2")
    run("verify", ".", "--no-cache")
    assert verified[-1]["cache"] is False
    data = json.loads(run("verify", ".", "--format", "json").out)
    assert (data["proved"], data["exit_code"]) == (True, 0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--timeout", "0"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--timeout", "1e300"),
        ("--timeout", "soon"),
        ("--memory", "0"),
        ("--memory", "63"),
        ("--memory", "99999999999"),
        ("--memory", "1.5"),
        ("--jobs", "0"),
        ("--jobs", "many"),
    ],
)
def test_limits_that_are_none(run: Run, option: str, value: str) -> None:
    ran = run("verify", ".", option, value)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith(f"kerasmigrate: error: Invalid value for '{option}': ")
    assert ran.err.endswith(": see 'kerasmigrate verify --help'\n")
    assert ran.err.count("\n") == 1


def test_the_interpreter(
    here: Path, run: Run, verified: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("verify", ".", "--python", "no/such/python") == Ran(
        2,
        b"",
        "kerasmigrate: error: no interpreter 'no/such/python': give --python the path of one\n",
    )
    for name in ("bin/tool", "proj/venv/python"):
        (here / name).parent.mkdir(parents=True)
        (here / name).touch(mode=0o755)
    run("verify", ".", "--python", "bin/tool")
    monkeypatch.setenv("PATH", str(here / "bin"))
    run("verify", ".", "--python", "tool")
    # A configured path starts where it is written.
    (here / "proj" / "pyproject.toml").write_text(
        '[tool.kerasmigrate.verify]\npython = "venv/python"\ncache = false\n', encoding="utf-8"
    )
    run("verify", "proj")
    assert [each["python"] for each in verified] == [
        here / "bin" / "tool",
        here / "bin" / "tool",
        here / "proj" / "venv" / "python",
    ]
    assert [each["cache"] for each in verified] == [True, True, False]


def test_apply_with_verify(
    run: Run, verified: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(a=OLD)
    assert run("apply", ".", "--verify", "-q").code == 0
    assert data("a") == NEW
    assert len(verified) == 1
    monkeypatch.setattr(api, "verify_paths", lambda *a, **k: proof(Verdict.KERAS_ERROR))
    assert run("apply", ".", "--verify", "-q").code == 1
    monkeypatch.setattr(api, "verify_paths", lambda *a, **k: proof(Verdict.PROVED))
    plant(b=b"from keras.layers import Recurrent\n\nRecurrent()\n")
    assert run("apply", ".", "--verify", "-q").code == 1
    plant(b=b"import keras\nx = (\n")
    assert run("apply", ".", "--verify", "-q").code == 3


def test_a_missing_interpreter_stops_before_anything_is_written(run: Run) -> None:
    plant(a=OLD)
    assert run("apply", ".", "--verify", "--python", "./nope").code == 2
    assert data("a") == OLD


def test_verification_that_cannot_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*arguments: object, **named: object) -> VerifyReport:
        raise VerifyError("no TensorFlow: install it")

    monkeypatch.setattr(api, "verify_paths", verify)
    assert run("verify", ".") == Ran(3, b"", "kerasmigrate: error: no TensorFlow: install it\n")


@pytest.mark.tensorflow
def test_apply_and_prove(run: Run) -> None:
    plant(
        model=b"from keras.models import Sequential\nfrom keras.layers.core import Dense\n\n"
        b"model = Sequential()\nmodel.add(Dense(3, input_dim=4, init='uniform'))\n"
        b"model.compile('sgd', 'mse')\n"
    )
    ran = run("apply", ".", "--verify")
    assert (ran.code, b"proved           model.py (1 model)" in ran.out) == (0, True)
    assert b"kernel_initializer=" in data("model")


# -- explain ---------------------------------------------------------------------------------


def test_explain(run: Run) -> None:
    ran = run("explain", "import")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(b"# KM101 import\n\n")
    assert run("explain", "km101").out == ran.out
    rows = run("explain").out.decode().splitlines()
    assert rows[0].split()[:2] == ["KM001", "cannot-parse"]
    assert [row.split()[0] for row in rows] == sorted(row.split()[0] for row in rows)
    assert run("explain", "imports") == Ran(
        2,
        b"",
        "kerasmigrate: error: unknown rule 'imports': did you mean import or star-import?"
        " 'kerasmigrate explain' lists them all\n",
    )


# -- configuration ---------------------------------------------------------------------------


def test_configuration(here: Path, run: Run) -> None:
    plant(a=NEW, b=NEW)
    (here / "pyproject.toml").write_text(
        '[tool.kerasmigrate]\nto = "tf.keras"\napi = 2\nexclude = ["b.py"]\n', encoding="utf-8"
    )
    ran = run("diff", ".")
    assert ran.err.startswith("1 file read for tf.keras: 1 would change")
    # The API goes with the target that is configured, not with another one.
    assert run("diff", ".", "--to", "tf_keras").err.startswith("1 file read for tf_keras: 1 would")
    assert run("diff", ".", "--exclude", "a.py", "--to", "keras", "-q") == Ran(0, b"", "")
    (here / "pyproject.toml").write_text("[tool.kerasmigrate]\nx = 1\n", encoding="utf-8")
    ran = run("diff", ".")
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith(
        f"kerasmigrate: error: {here}/pyproject.toml: unknown key tool.kerasmigrate.x: known are"
    )
    assert ran.err.count("\n") == 1


# -- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["diff", ".", "--to", "keras", "--api", "2"],
            "keras has no Keras 2 API: leave --api out or choose another target",
        ),
        (
            ["diff", ".", "--select", "KX9"],
            "no rule begins with 'KX9': 'kerasmigrate explain' lists them all",
        ),
        (
            ["diff", ".", "--exclude", ""],
            "the pattern '' cannot match anything: write it as in a .gitignore file",
        ),
    ],
)
def test_usage_errors(run: Run, arguments: list[str], message: str) -> None:
    assert run(*arguments) == Ran(2, b"", f"kerasmigrate: error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "command", "words"),
    [
        (["bogus"], "", ["bogus"]),
        ([], "", ["command"]),
        (["diff"], "diff ", ["PATH..."]),
        (["diff", ".", "--nope"], "diff ", ["--nope"]),
        (["diff", ".", "--to", "torch"], "diff ", ["--to", "torch", "tf_keras"]),
        (["diff", ".", "--api", "4"], "diff ", ["--api"]),
        (["check", ".", "--format", "xml"], "check ", ["--format", "xml", "sarif"]),
    ],
)
def test_errors_of_the_option_parser(
    run: Run, arguments: list[str], command: str, words: list[str]
) -> None:
    # The wording is that of the option parser, and so differs between its versions.
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith("kerasmigrate: error: ")
    assert ran.err.endswith(f": see 'kerasmigrate {command}--help'\n")
    assert ran.err.count("\n") == 1
    assert [word for word in words if word not in ran.err] == []


def test_an_internal_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options: object) -> int:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(commands, "diff", broken)
    line = (
        "kerasmigrate: error: internal error: ZeroDivisionError: by zero: please report it, with"
        " the traceback that KERASMIGRATE_DEBUG=1 shows\n"
    )
    assert run("diff", ".") == Ran(2, b"", line)
    monkeypatch.setenv("KERASMIGRATE_DEBUG", "1")
    ran = run("diff", ".")
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.endswith(line)


def test_interruption(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "diff", interrupt)
    assert run("diff", ".") == Ran(130, b"", "kerasmigrate: interrupted\n")


def test_version_and_help(run: Run) -> None:
    assert run("--version") == Ran(0, f"kerasmigrate {__version__}\n".encode(), "")
    ran = run("--help")
    assert (ran.code, ran.err) == (0, "")
    for command in ("diff", "apply", "undo", "check", "verify", "explain"):
        assert f"\n  {command} ".encode() in ran.out
        assert run(command, "--help").code == 0
    assert b"...\n" not in ran.out.partition(b"Commands:")[2]  # no summary is cut off


# -- hostile input ---------------------------------------------------------------------------


def test_a_path_that_does_not_exist(run: Run) -> None:
    for command in ("diff", "apply", "check"):
        ran = run(command, "gone.py")
        assert (ran.code, ran.out.replace(b"gone.py: does not exist\n", b"")) == (3, b"")
        assert ran.err.endswith("not processed (1), left as they are:\n  gone.py: does not exist\n")


def test_an_empty_folder(run: Run) -> None:
    for command, verb in (("diff", "would change"), ("apply", "changed")):
        assert run(command, ".") == Ran(
            0, b"", f"0 files read for keras: 0 {verb}, 0 untouched, 0 failed\n"
        )
    assert run("check", ".").code == 0


HOSTILE = [
    ("syntax", OLD + b"x = (\n", "line 2: '(' was never closed"),
    ("nul", OLD + b"\0\n", "line 2: NUL byte; Python source cannot hold one"),
    (
        "latin",
        OLD + b"# caf\xe9\n",
        "line 2: byte 0xE9 is not UTF-8; declare the encoding (# -*- coding: latin-1 -*-) or"
        " save it as UTF-8",
    ),
    (
        "python2",
        OLD + b"print 'x'\n",
        "line 2: Python 2 print statement; rerun with --python2 to modernise it first",
    ),
    (
        "large",
        OLD + b"x = 1\n" * 900_000,
        "too large: 5.4 MB, the limit is 2 MB; left as it is",
    ),
]


@pytest.mark.parametrize(
    ("content", "reason"), [each[1:] for each in HOSTILE], ids=[each[0] for each in HOSTILE]
)
def test_a_file_that_cannot_be_processed(run: Run, content: bytes, reason: str) -> None:
    plant(a=OLD, bad=content)
    for command, verb in (("diff", "would change"), ("apply", "changed")):
        ran = run(command, ".")
        assert (ran.code, ran.out) == (3, DIFF if command == "diff" else b"")
        assert ran.err.startswith(f"2 files read for keras: 1 {verb}, 0 untouched, 1 failed\n")
        assert f"not processed (1), left as they are:\n  bad.py: {reason}\n" in ran.err
    assert data("bad") == content
    assert data("a") == NEW


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + OLD,
        b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + OLD,
        OLD.replace(b"\n", b"\r\n"),
        OLD.rstrip(),
        b"\f" + OLD,
    ],
    ids=["bom", "latin-1", "crlf", "no-newline", "form-feed"],
)
def test_bytes_outside_the_edit_stay(run: Run, content: bytes) -> None:
    plant(a=content)
    assert run("apply", "a.py", "-q").code == 0
    assert data("a") == content.replace(b"keras.layers.core", b"keras.layers")


DEEP = {
    "sum": "x = " + "+".join(["a"] * 3000),
    "brackets": "x = " + "[" * 3000 + "]" * 3000,
    "parentheses": "x = " + "(" * 3000 + "a" + ")" * 3000,
    "calls": "x = " + "f(" * 3000 + ")" * 3000,
    "subscripts": "x = a" + "[0]" * 3000,
    "signs": "x = " + "-" * 3000 + "a",
    "conditions": "x = " + "a if b else " * 3000 + "a",
    "branches": "if a:\n    pass\n" + "elif a:\n    pass\n" * 3000,
}


def test_deep_nesting_does_not_end_the_process(here: Path) -> None:
    # A process of its own, as the danger is a crash of the interpreter.
    for name, text in DEEP.items():
        (here / f"{name}.py").write_bytes(OLD + text.encode() + b"\n")
    plant(fine=OLD)
    done = subprocess.run(
        [sys.executable, "-m", "kerasmigrate", "apply", ".", "--jobs", "1"],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert lines[0] == (
        f"{len(DEEP) + 1} files read for keras: 1 changed, 0 untouched, {len(DEEP)} failed"
    )
    listed = dict(line.strip().split(": ", 1) for line in lines if ".py: " in line)
    assert list(listed) == sorted(f"{name}.py" for name in DEEP)
    assert set(listed.values()) == {
        "expressions are nested too deeply to be parsed",
        "line 2: too many nested parentheses",
    }
    assert data("fine") == NEW
    for name, text in DEEP.items():
        assert data(name) == OLD + text.encode() + b"\n"


def test_links_in_a_circle(here: Path, run: Run) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "up").symlink_to(here, target_is_directory=True)
    (here / "self.py").symlink_to("self.py")
    (here / "alias.py").symlink_to("a.py")
    plant(a=OLD)
    ran = run("apply", ".")
    assert ran.code == 0
    assert ran.err.startswith("1 file read for keras: 1 changed")
    assert (here / "alias.py").is_symlink()
    assert data("a") == NEW


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Give up the rights of root, which permissions do not bind, for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, run: Run
) -> Path:
    """A folder that everybody may enter; everything is imported before rights are given up."""
    folder = tmp_path_factory.mktemp("shared")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to("/tmp/pytest-of-root"):
            parent.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "state").chmod(0o777)
    (folder / "tree").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.chdir(folder / "tree")
    plant(warm=OLD)
    run("apply", ".", "-q")
    run("undo", ".", "-q")
    Path("warm.py").unlink()
    for place in (folder / "state").rglob("*"):
        place.chmod(0o777)
    return folder / "tree"


def test_an_unreadable_file(shared: Path, run: Run, request: pytest.FixtureRequest) -> None:
    plant(a=OLD, secret=OLD)
    Path("secret.py").chmod(0o200)
    request.getfixturevalue("unprivileged")
    ran = run("diff", ".")
    assert (ran.code, ran.out) == (3, DIFF)
    assert ran.err.endswith(
        "not processed (1), left as they are:\n  secret.py: permission denied; left as it is\n"
    )


def test_a_read_only_tree(shared: Path, run: Run, request: pytest.FixtureRequest) -> None:
    plant(a=OLD)
    shared.chmod(0o555)
    request.getfixturevalue("unprivileged")
    ran = run("apply", ".")
    assert (ran.code, ran.out) == (3, b"")
    assert ran.err.startswith("1 file read for keras: 0 changed, 0 untouched, 1 failed\n")
    assert "not processed (1), left as they are:\n  a.py: " in ran.err
    assert ran.err.count("Permission denied") + ran.err.count("permission denied") == 1
    assert data("a") == OLD


# -- the process -----------------------------------------------------------------------------


def test_a_reader_that_leaves_early(here: Path) -> None:
    for number in range(20):
        (here / f"f{number}.py").write_bytes(OLD * 400)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "kerasmigrate", "diff", ".", "--jobs", "1"],
        cwd=here,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from kerasmigrate.cli import main; main(['--help']);"
        "print([n for n in ('libcst', 'rich', 'bowler', 'pathspec', 'kerasmigrate.inventory',"
        " 'kerasmigrate.pipeline', 'multiprocessing') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"

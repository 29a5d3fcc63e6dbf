from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kerasmigrate
from kerasmigrate import api, pipeline, runner
from kerasmigrate.errors import SourceError, UsageError
from kerasmigrate.files import Candidate
from kerasmigrate.findings import FileResult, Status
from kerasmigrate.project import Project
from kerasmigrate.writing import undo

OLD = "from keras.layers.core import Dense\n"
NEW = "from keras.layers import Dense\n"
TF = "from tensorflow.keras.layers import Dense\n"


@pytest.fixture(autouse=True)
def journal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the journals of trees without git out of the home folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


def plant(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", *arguments]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


def read(folder: Path, name: str) -> str:
    return (folder / f"{name}.py").read_text(encoding="utf-8")


def test_every_public_name_is_there() -> None:
    for name in kerasmigrate.__all__:
        assert getattr(kerasmigrate, name).__doc__
        assert name in dir(kerasmigrate)
    assert sorted(kerasmigrate.__all__) == list(kerasmigrate.__all__)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'kerasmigrate' has no attribute 'nope'"):
        kerasmigrate.nope  # noqa: B018 - the access is the test


def test_the_import_is_light() -> None:
    code = "import sys, kerasmigrate; print([n for n in sys.modules if n.startswith('kerasm')])"
    done = subprocess.run(
        [sys.executable, "-c", code + "; print('libcst' in sys.modules, 'rich' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['kerasmigrate']\nFalse False\n"


def test_migrate_source() -> None:
    assert kerasmigrate.migrate_source(OLD).text == NEW
    assert kerasmigrate.migrate_source(OLD, to="tf.keras").text == TF
    result = kerasmigrate.migrate_source("x = 1\n")
    assert (result.text, result.findings, result.failures) == ("x = 1\n", (), ())


def test_migrate_source_in_its_place(tmp_path: Path) -> None:
    plant(tmp_path, backend="from tensorflow import keras\n")
    text = "from backend import keras\n\nkeras.layers.experimental.preprocessing.Rescaling(2)\n"
    assert kerasmigrate.migrate_source(text, path=tmp_path / "model.py").text == (
        "from backend import keras\n\nkeras.layers.Rescaling(2)\n"
    )


def test_settings_choose_the_rules() -> None:
    settings = kerasmigrate.Settings(ignore=frozenset({"KM1"}))
    assert kerasmigrate.migrate_source(OLD, settings=settings).text == OLD


def test_migrate_source_refuses() -> None:
    with pytest.raises(SourceError, match="line 1: "):
        kerasmigrate.migrate_source("def f(:\n")
    with pytest.raises(UsageError, match="unknown target 'torch'"):
        kerasmigrate.migrate_source(OLD, to="torch")


def test_migrate_proposes(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD, b=NEW, c="x = 1\n", d="import keras\nprint 1\n")
    report = kerasmigrate.migrate([tmp_path])
    assert [(file.display, file.status) for file in report.files] == [
        ("a.py", Status.CHANGED),
        ("b.py", Status.UNCHANGED),
        ("c.py", Status.SKIPPED),
        ("d.py", Status.FAILED),
    ]
    assert report.files[0].after == NEW.encode()
    assert report.target == "keras"
    assert report.exit_code == 3
    assert read(tmp_path, "a") == OLD


def test_paths_that_are_not_there_are_problems(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD)
    report = kerasmigrate.migrate([tmp_path / "a.py", str(tmp_path / "b.py")])
    assert [file.status for file in report.files] == [Status.CHANGED]
    assert report.problems == (((tmp_path / "b.py").as_posix(), "does not exist"),)


def test_migrate_writes_and_undo_restores(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD, b=NEW)
    report = kerasmigrate.migrate([tmp_path], write=True)
    assert [file.display for file in report.changed] == ["a.py"]
    assert read(tmp_path, "a") == NEW
    assert kerasmigrate.migrate([tmp_path], write=True).changed == ()
    assert undo(tmp_path).restored == (tmp_path / "a.py",)
    assert read(tmp_path, "a") == OLD


def test_include_and_exclude(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    plant(tmp_path, a=OLD)
    plant(tmp_path / "src", b=OLD, c=OLD)
    report = kerasmigrate.migrate([tmp_path], include=["src/"], exclude=["c.py"])
    assert [file.display for file in report.files] == ["src/b.py"]


def test_uncommitted_changes_stop_a_write(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD, b=OLD, c=OLD, d=OLD, e=NEW)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    for name in "abcde":
        plant(tmp_path, **{name: read(tmp_path, name) + "# new\n"})
    with pytest.raises(UsageError) as caught:
        kerasmigrate.migrate([tmp_path], write=True)
    assert str(caught.value) == (
        f"{tmp_path}: uncommitted changes in a.py, b.py, c.py and 1 more, nothing was written:"
        " commit or stash them, or use --force"
    )
    assert read(tmp_path, "a") == OLD + "# new\n"
    kerasmigrate.migrate([tmp_path], write=True, force=True)
    assert read(tmp_path, "a") == NEW + "# new\n"


def test_other_files_may_be_dirty(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD, e=NEW)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    plant(tmp_path, e=NEW + "# new\n", untracked=OLD)
    kerasmigrate.migrate([tmp_path], write=True)
    assert [read(tmp_path, name) for name in ("a", "untracked")] == [NEW, NEW]


def test_the_whole_repository_is_looked_at_for_one_file(tmp_path: Path) -> None:
    # b.py takes a name from a.py that a.py itself does not use.
    plant(
        tmp_path,
        a="import tensorflow as tf\n\ntf.keras.Model\n",
        b="from a import tf\n\ntf.nn.relu(1)\n",
    )
    git(tmp_path, "init", "-q")
    (file,) = kerasmigrate.migrate([tmp_path / "a.py"]).files
    assert b"import tensorflow as tf\n" in file.after
    assert file.after.endswith(b"\nkeras.Model\n")


def test_an_unforeseen_error_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, a=OLD, b=OLD)

    def broken(path: Path, *arguments: Any, **named: Any) -> FileResult:
        if path.name == "a.py":
            raise ZeroDivisionError("by\nzero")
        return pipeline.migrate_file(path, *arguments, **named)

    monkeypatch.setattr(runner, "migrate_file", broken)
    first, second = kerasmigrate.migrate([tmp_path]).files
    assert (first.status, first.error) == (
        Status.FAILED,
        "ZeroDivisionError: by zero; please report this file",
    )
    assert [finding.code for finding in first.findings] == ["KM002"]
    assert second.status is Status.CHANGED


def test_several_processes_give_the_same(tmp_path: Path) -> None:
    texts = {f"f{number}": OLD * (number % 3) + "import keras\n" for number in range(20)}
    texts["bad"] = "import keras\nprint 1\n"
    plant(tmp_path, **texts)
    seen: list[tuple[int, int, str]] = []
    one = kerasmigrate.migrate([tmp_path], progress=lambda *each: seen.append(each))
    assert len(one.changed) == 13
    assert kerasmigrate.migrate([tmp_path], jobs=2) == one
    assert [each[:2] for each in seen] == [(number, 21) for number in range(1, 22)]
    assert [each[2] for each in seen] == [file.display for file in one.files]


def test_a_process_that_dies_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, a=OLD, b=OLD, c=OLD, d=OLD)
    parent = os.getpid()

    def deadly(path: Path, *arguments: Any, **named: Any) -> FileResult:
        if path.name == "b.py":
            assert os.getpid() != parent
            os._exit(9)
        return pipeline.migrate_file(path, *arguments, **named)

    monkeypatch.setattr(runner, "migrate_file", deadly)
    monkeypatch.setattr(runner, "_context", lambda: multiprocessing.get_context("fork"))
    files = kerasmigrate.migrate([tmp_path], jobs=2).files
    assert [file.display for file in files] == ["a.py", "b.py", "c.py", "d.py"]
    assert [file.status for file in files] == [
        *(Status.CHANGED, Status.FAILED, Status.CHANGED, Status.CHANGED)
    ]
    assert files[1].error == "the process that read this file died; please report this file"


def test_processes_by_the_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def parallel(files: Any, task: Any, jobs: int) -> Any:
        asked.append(jobs)
        return (runner.do(task, file) for file in files)

    monkeypatch.setattr(runner, "_parallel", parallel)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    files = [Candidate(tmp_path / f"{n}.py", f"{n}.py", tmp_path) for n in range(50)]
    task = runner.Task({tmp_path: Project(tmp_path)})
    runner.run(files[:49], task, None, None)
    assert asked == []
    runner.run(files, task, None, None)
    runner.run(files, task, 3, None)
    assert asked == [8, 3]


def test_a_file_that_cannot_be_written_is_failed(tmp_path: Path) -> None:
    plant(tmp_path, a=OLD, b=OLD)
    report = kerasmigrate.migrate([tmp_path])
    plant(tmp_path, a="# somebody was faster\n")
    found = api.discover([tmp_path])
    written = api._written(report, found, force=False)
    first, second = written.files
    assert (first.status, second.status) == (Status.FAILED, Status.CHANGED)
    assert first.error == "was changed by somebody else meanwhile; left as it is"
    assert first.after == first.before
    assert [finding.fixed for finding in first.findings] == [False]
    assert written.exit_code == 3
    assert read(tmp_path, "b") == NEW


def test_check(tmp_path: Path) -> None:
    plant(tmp_path, a="import keras\n", b="import a\n" + TF, c=TF)
    report = kerasmigrate.check([tmp_path])
    assert (report.target, report.chosen) == (
        "tf.keras",
        "the flavour of 2 of 3 files that use Keras",
    )
    assert [file.display for file in report.changed] == ["a.py"]
    assert [(display, finding.code) for display, finding in report.project_findings] == [
        ("b.py", "KM003")
    ]
    assert report.exit_code == 1
    told = kerasmigrate.check([tmp_path], "keras")
    assert (told.target, told.chosen) == ("keras", "")
    assert [file.display for file in told.changed] == ["b.py", "c.py"]
    assert read(tmp_path, "c") == TF


def test_check_of_what_is_done(tmp_path: Path) -> None:
    plant(tmp_path, a="import keras\n", b="import a\n" + NEW, c="import os\n")
    report = kerasmigrate.check([tmp_path])
    assert report.exit_code == 0
    assert report.project_findings == ()
    nothing = kerasmigrate.check([tmp_path / "c.py"])
    assert (nothing.target, nothing.chosen) == ("keras", "the default, as no file uses Keras")
    assert nothing.exit_code == 0


def test_check_heeds_the_choice_of_rules(tmp_path: Path) -> None:
    plant(tmp_path, a="import keras\nimport tf_keras\n")
    settings = kerasmigrate.Settings(ignore=frozenset({"KM003"}))
    assert len(kerasmigrate.check([tmp_path], "keras").project_findings) == 1
    assert kerasmigrate.check([tmp_path], "keras", settings=settings).project_findings == ()


def test_static_check(tmp_path: Path) -> None:
    plant(tmp_path, a="import keras\n\nkeras.Gone()\n", b="x = (\n")
    problems = api.static_check("keras")
    assert problems(tmp_path / "a.py") == ["line 3: keras.Gone does not exist in keras (Keras 3)"]
    assert problems(tmp_path / "b.py") == ["line 1: '(' was never closed"]
    (tmp_path / "c.py").write_bytes(b"\0")
    assert problems(tmp_path / "c.py") == ["c.py: line 1: NUL byte; Python source cannot hold one"]

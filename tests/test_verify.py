"""The part of verify that runs in our own process: no TensorFlow is needed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmigrate.errors import UsageError, VerifyError
from kerasmigrate.flavours import target
from kerasmigrate.verify import (
    Environment,
    FileVerdict,
    ModelEvidence,
    Verdict,
    VerifyReport,
    render_text,
    run,
    verify,
)
from kerasmigrate.verify.client import environment
from kerasmigrate.verify.scratch import Scratch, remove
from kerasmigrate.verify.sources import find_root, select


def write(path: Path, text: str = "import keras\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# -- which files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "import keras\n",
        "from keras.layers import Dense\n",
        "import tf_keras as keras\n",
        "from tensorflow import keras\n",
        "import tensorflow as tf\nx = tf.keras.layers.Dense(1)\n",
        "import tensorflow as tf\nx = tf.compat.v1.keras.layers.Dense(1)\n",
        "def f():\n    from keras import backend as K\n",
    ],
)
def test_a_file_that_uses_keras_is_selected(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "a.py", text)
    assert select([tmp_path]) == [file]


@pytest.mark.parametrize(
    "text",
    [
        "import numpy\n",
        "# import keras\n",
        "setup(install_requires=['keras'])\n",
        "import tensorflow as tf\nx = tf.zeros(3)\n",
    ],
)
def test_a_file_that_does_not_is_left_out_of_a_folder(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "a.py", text)
    assert select([tmp_path]) == []
    assert select([file]) == [file]


def test_caches_environments_and_hidden_folders_are_skipped(tmp_path: Path) -> None:
    for folder in (".git", "__pycache__", "node_modules", "venv/lib"):
        write(tmp_path / folder / "a.py")
    write(tmp_path / "venv" / "pyvenv.cfg", "home = /usr/bin\n")
    file = write(tmp_path / "pkg" / "b.py")
    assert select([tmp_path]) == [file]


def test_a_path_that_is_not_there_or_not_python(tmp_path: Path) -> None:
    missing, other = tmp_path / "no.py", write(tmp_path / "notes.txt")
    with pytest.raises(VerifyError) as error:
        select([missing])
    assert str(error.value) == f"{missing} does not exist: name .py files or folders"
    with pytest.raises(VerifyError) as error:
        select([other])
    assert str(error.value) == f"{other} is not a Python file: name .py files or folders"


def test_the_root_is_the_named_folder_or_the_files_project(tmp_path: Path) -> None:
    file = write(tmp_path / "project" / "pkg" / "sub" / "a.py")
    assert find_root([tmp_path]) == tmp_path
    write(tmp_path / "project" / "pkg" / "__init__.py", "")
    write(tmp_path / "project" / "pkg" / "sub" / "__init__.py", "")
    write(tmp_path / "project" / "pyproject.toml", "")
    assert find_root([file]) == tmp_path / "project"


# -- builds ---------------------------------------------------------------------------------------


def test_builds_go_to_their_files(tmp_path: Path) -> None:
    first = write(tmp_path / "src" / "nets" / "unet.py", "")
    second = write(tmp_path / "tool.py", "")
    files: list[Path] = []
    builds = run.assign_builds(["nets.unet:build(1)", "tool.py:Net().build()"], tmp_path, files)
    assert builds == {first: ["build(1)"], second: ["Net().build()"]}
    assert files == [first, second]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("build(1)", "--build 'build(1)' is not MODULE:EXPRESSION, such as "),
        ("tool:build(", "--build 'tool:build(': 'build(' is not a Python expression: "),
        ("lost:build()", "--build 'lost:build()': there is no module lost below "),
    ],
)
def test_builds_that_name_nothing(tmp_path: Path, entry: str, message: str) -> None:
    write(tmp_path / "tool.py", "")
    with pytest.raises(VerifyError) as error:
        run.assign_builds([entry], tmp_path, [])
    assert str(error.value).startswith(message)


# -- the scratch copy -----------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_copy_leaves_out_links_that_lead_away_and_what_is_skipped(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root / "a.py", "a\n")
    write(root / "sub" / "b.txt", "b\n")
    write(root / ".git" / "config", "c\n")
    write(tmp_path / "secret.txt", "d\n")
    (root / "inside.txt").symlink_to("sub/b.txt")
    (root / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (root / "broken.txt").symlink_to("nowhere")
    scratch = Scratch(root, tmp_path / "slot")
    assert contents(scratch.tree) == {"a.py": b"a\n", "inside.txt": b"b\n", "sub/b.txt": b"b\n"}


def test_what_a_run_has_done_to_the_copy_is_undone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root / "a.py", "one\n")
    write(root / "sub" / "b.py", "two\n")
    scratch = Scratch(root, tmp_path / "slot")
    before = contents(scratch.tree)
    status = (scratch.tree / "a.py").stat()
    (scratch.tree / "a.py").write_text("ONE\n", encoding="utf-8")
    # The same size, and the time of modification set back: only the time of change tells.
    os.utime(scratch.tree / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    write(scratch.home / "left.txt")
    scratch.renew()
    assert contents(scratch.tree) == before
    assert list(scratch.home.iterdir()) == []
    remove(scratch.tree / "sub")
    scratch.renew()
    assert contents(scratch.tree) == before


def test_an_untouched_copy_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root / "a.py")
    scratch = Scratch(root, tmp_path / "slot")
    inode = (scratch.tree / "a.py").stat().st_ino
    scratch.renew()
    assert (scratch.tree / "a.py").stat().st_ino == inode


def test_a_root_that_is_a_package_keeps_its_name(tmp_path: Path) -> None:
    root = tmp_path / "nets"
    write(root / "__init__.py", "")
    scratch = Scratch(root, tmp_path / "slot")
    assert scratch.project == tmp_path / "slot" / "tree" / "nets"
    assert contents(scratch.tree) == {"nets/__init__.py": b""}


# -- errors before anything runs ------------------------------------------------------------------


def test_an_interpreter_without_tensorflow(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py")
    python = tmp_path / "bare" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    with pytest.raises(VerifyError) as error:
        verify([file], target="keras", python=python, root=tmp_path)
    assert str(error.value) == (
        f"{python} has no tensorflow: install it there with {python} -m pip, "
        "or name another interpreter by --python"
    )


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py")
    with pytest.raises(VerifyError) as error:
        verify([file], target="keras", python=tmp_path / "python", root=tmp_path)
    assert str(error.value) == (
        f"cannot run {tmp_path / 'python'}: No such file or directory: "
        "name a Python with TensorFlow by --python"
    )


def test_a_root_that_does_not_hold_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py")
    (tmp_path / "other").mkdir()
    with pytest.raises(VerifyError) as error:
        verify([file], target="keras", root=tmp_path / "other")
    assert str(error.value) == (
        f"{file} does not lie below the root {tmp_path / 'other'}: choose a root above it"
    )


def test_an_unknown_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        verify([write(tmp_path / "a.py")], target="jax")


def test_credentials_do_not_reach_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    seen = environment(target("keras"), tmp_path)
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert "TF_USE_LEGACY_KERAS" not in seen
    assert seen["HOME"] == str(tmp_path)
    assert environment(target("tf.keras", 2), tmp_path)["TF_USE_LEGACY_KERAS"] == "1"


# -- the report -----------------------------------------------------------------------------------


def report(*files: FileVerdict) -> VerifyReport:
    where = Environment("/usr/bin/python3", "3.11.7", "2.21.0", "3.15.1", "", "namespace")
    return VerifyReport("keras", 3, Path("/project"), where, files, 1.5)


PROVED = FileVerdict(
    Path("/project/a.py"),
    "a.py",
    Verdict.PROVED,
    models=(
        ModelEvidence(
            "net",
            "a.py:3",
            "keras",
            "Sequential",
            layers=(("dense", "Dense"),),
            parameters=1234,
            built=True,
            forward=True,
            trained=True,
            saved=True,
            saved_as=".keras",
        ),
    ),
)
FAILED = FileVerdict(
    Path("/project/b.py"),
    "b.py",
    Verdict.KERAS_ERROR,
    "ImportError: cannot import name 'merge' from 'keras.layers'",
    "b.py:1",
)
NEEDING = FileVerdict(
    Path("/project/c.py"), "c.py", Verdict.NEEDS_ARGUMENTS, needs=("c.py:build(config)",)
)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_proved_and_imported_are_proof(verdict: Verdict) -> None:
    one = report(FileVerdict(Path("/project/a.py"), "a.py", verdict))
    assert one.proved is (verdict in (Verdict.PROVED, Verdict.IMPORTED))
    assert one.exit_code == (0 if one.proved else 1)


def test_a_report_is_json() -> None:
    data = json.loads(json.dumps(report(PROVED, FAILED).to_dict()))
    assert data["proved"] is False
    assert data["exit_code"] == 1
    assert data["root"] == "/project"
    assert [file["verdict"] for file in data["files"]] == ["proved", "keras-error"]
    assert data["files"][0]["path"] == "/project/a.py"
    assert data["files"][0]["models"][0]["layers"] == [["dense", "Dense"]]


def test_a_report_as_text() -> None:
    assert render_text(report(PROVED, FAILED, NEEDING)) == (
        "target keras (Keras 3), TensorFlow 2.21.0, keras 3.15.1, Python 3.11.7\n"
        "\n"
        "proved           a.py (1 model)\n"
        "keras-error      b.py\n"
        "    b.py:1: ImportError: cannot import name 'merge' from 'keras.layers'\n"
        "needs-arguments  c.py\n"
        "    needs --build 'c.py:build(config)'\n"
        "\n"
        "Not proved: 3 files (1 proved, 1 keras-error, 1 needs-arguments), "
        "1 of 1 models built, run and saved, in 1.5 s\n"
    )
    assert (
        "    model net (Sequential, a.py:3): 1 layer, 1,234 parameters; "
        "built, forward, one training step, saved as .keras\n"
    ) in render_text(report(PROVED), details=True)
    assert render_text(report(PROVED)).endswith(
        "Proved: 1 file (1 proved), 1 of 1 models built, run and saved, in 1.5 s\n"
    )


def test_importing_verify_does_not_import_tensorflow() -> None:
    heavy = {"tensorflow", "keras", "numpy", "libcst"}
    code = f"import sys, kerasmigrate.verify; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

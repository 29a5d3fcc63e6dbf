"""Whole projects: each tree before, and exactly the tree and the findings of every target.

A project is a folder below ``fixtures/projects`` with the tree ``before``, a tree
``after-<target>`` and the findings as ``findings-<target>.txt`` for each target; ``mixes.txt`` has
what ``check`` says about flavours.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from targets import each_target

from kerasmigrate import Settings, check, migrate, report
from kerasmigrate.api import verify_paths
from kerasmigrate.cli import main
from kerasmigrate.findings import Status
from kerasmigrate.rules import MIXED
from kerasmigrate.verify import VerifyReport

PROJECTS = Path(__file__).parent / "fixtures" / "projects"
NAMES = sorted(folder.name for folder in PROJECTS.iterdir())
#: A file that does not parse is in this project, and nowhere else.
BROKEN = "old_arguments"

each_project = pytest.mark.parametrize("name", NAMES)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, but for git's own, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def git(tree: Path, *arguments: str, data: bytes = b"") -> None:
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(("git", *identity, *arguments), cwd=tree, input=data, check=True)


@pytest.fixture
def tree(name: str, tmp_path: Path) -> Path:
    """The project before, committed to a repository of its own."""
    place = tmp_path / name
    shutil.copytree(PROJECTS / name / "before", place)
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "before")
    return place


def expected(name: str, to: str) -> dict[str, bytes]:
    return contents(PROJECTS / name / f"after-{to}")


def read(name: str, file: str) -> str:
    return (PROJECTS / name / file).read_text(encoding="utf-8")


def test_the_projects_are_those_of_the_five_situations() -> None:
    assert NAMES == ["applications", "callbacks", "keras2_script", "old_arguments", "shared_model"]


@each_target
@each_project
def test_library(name: str, to: str, tree: Path) -> None:
    before = contents(tree)
    result = migrate([tree], to=to)
    assert {file.display: file.after for file in result.files} == expected(name, to)
    assert report.text(result, written=False) == read(name, f"findings-{to}.txt")
    assert [file.display for file in result.failed] == (["unfinished.py"] if name == BROKEN else [])
    assert result.exit_code == (3 if name == BROKEN else 1)
    assert contents(tree) == before


@each_target
@each_project
def test_diff_applied_by_git_equals_apply_and_undo_brings_all_back(
    name: str, to: str, tree: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = contents(tree)
    code = main(["diff", str(tree), "--to", to, "--quiet"])
    assert code == (3 if name == BROKEN else 1)
    patch = capfdbinary.readouterr().out
    assert contents(tree) == before
    git(tree, "apply", "-", data=patch)
    assert contents(tree) == expected(name, to)
    git(tree, "checkout", "-q", ".")

    code = main(["apply", str(tree), "--to", to, "--quiet"])
    assert code == (3 if name == BROKEN else 0)
    assert contents(tree) == expected(name, to)
    assert main(["undo", str(tree), "--quiet"]) == 0
    assert contents(tree) == before
    assert capfdbinary.readouterr() == (b"", b"")


@each_target
@each_project
def test_second_run_is_empty(name: str, to: str) -> None:
    result = migrate([PROJECTS / name / f"after-{to}"], to=to)
    assert result.changed == ()
    assert [file for file in result.files if file.status is Status.FAILED] == list(result.failed)
    assert all(finding.code == "KM001" for file in result.files for finding in file.findings)


@each_project
def test_check_says_who_mixes_with_whom(name: str, tree: Path) -> None:
    result = check([tree])
    mixed = [
        report.line(display, finding)
        for display, finding in result.project_findings
        if finding.code == MIXED.code
    ]
    assert "".join(f"{row}\n" for row in mixed) == read(name, "mixes.txt")


@each_target
@pytest.mark.parametrize("name", [name for name in NAMES if name != BROKEN])
def test_nothing_is_mixed_afterwards(name: str, to: str) -> None:
    result = check([PROJECTS / name / f"after-{to}"], to=to)
    assert (result.project_findings, result.exit_code) == ((), 0)


# -- under TensorFlow -----------------------------------------------------------------------------

#: Files that use Keras, and what running them after the migration shows.
VERDICTS = {
    "applications": {"classify.py": "proved", "zoo/backbone.py": "proved"},
    "callbacks": {"history.py": "imported", "scores.py": "imported", "train.py": "proved"},
    "keras2_script": {"data.py": "imported", "train.py": "proved"},
    "old_arguments": {
        "network.py": "proved",
        "scaling.py": "proved",
        "snippet.py": "user-error",
        "unfinished.py": "syntax-error",
    },
    "shared_model": {"build.py": "proved", "extend.py": "proved", "functional.py": "proved"},
}


@cache
def proof(tree: Path, to: str) -> VerifyReport:
    return verify_paths([tree], to, timeout=300)


def verdicts(found: VerifyReport) -> dict[str, str]:
    return {file.display: file.verdict.value for file in found.files}


@pytest.mark.tensorflow
@each_target
@each_project
def test_tensorflow_builds_what_came_out(name: str, to: str) -> None:
    found = proof(PROJECTS / name / f"after-{to}", to)
    assert verdicts(found) == VERDICTS[name]
    assert found.exit_code == (1 if name == BROKEN else 0)


@pytest.mark.tensorflow
@each_target
def test_the_shared_model_is_of_one_flavour(to: str) -> None:
    found = proof(PROJECTS / "shared_model" / f"after-{to}", to)
    assert found.flavours == ("tf_keras" if to == "tf_keras" else "keras",)
    files = {file.display: file for file in found.files}
    shapes = [(model.input_shapes, model.output_shapes) for model in files["extend.py"].models]
    assert (((None, 6),), ((None, 4),)) in shapes


@pytest.mark.tensorflow
@each_target
def test_a_fragment_is_no_fault_of_keras(to: str) -> None:
    found = proof(PROJECTS / "old_arguments" / f"after-{to}", to)
    causes = {file.display: (file.where, file.cause) for file in found.files}
    assert causes["snippet.py"] == ("snippet.py:4", "NameError: name 'model' is not defined")


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    """The shared model with nothing but its imports and references migrated to Keras 3."""
    place = tmp_path / "unified"
    shutil.copytree(PROJECTS / "shared_model" / "before", place)
    settings = Settings(select=frozenset({"KM1"}))
    assert migrate([place], settings=settings, write=True).exit_code == 1
    return place


@pytest.mark.tensorflow
def test_one_flavour_alone_does_not_make_a_shared_model_work(unified: Path) -> None:
    found = verify_paths([unified], timeout=300)
    assert verdicts(found) == VERDICTS["shared_model"] | {"extend.py": "keras-error"}


# -- files that say nothing of Keras --------------------------------------------------------------


def test_a_file_that_only_uses_a_builder_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "build.py").write_text(
        "from keras.models import Sequential\n\n\ndef make():\n    return Sequential()\n",
        encoding="utf-8",
    )
    (tmp_path / "use.py").write_text(
        "from build import make\n\nnet = make()\nfirst = net.input\nnet.name = 'x'\n",
        encoding="utf-8",
    )
    (tmp_path / "other.py").write_text("from use import net\n\nnet.name = 'y'\n", encoding="utf-8")
    for to, after in (
        (
            "keras",
            b"from build import make\n\nnet = make()\nfirst = net.inputs[0]\nnet.name = 'x'\n",
        ),
        (
            "tf_keras",
            b"from build import make\n\nnet = make()\nfirst = net.input\nnet._name = 'x'\n",
        ),
    ):
        found = {file.display: file for file in migrate([tmp_path], to=to).files}
        assert found["use.py"].after == after
        assert found["other.py"].status is Status.SKIPPED


def test_a_file_that_extends_a_class_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "import keras\n\n\nclass Base(keras.layers.Layer):\n    pass\n", encoding="utf-8"
    )
    (tmp_path / "scale.py").write_text(
        "from base import Base\n\n\nclass Scale(Base):\n    def call(self, x):\n        return x\n",
        encoding="utf-8",
    )
    found = {file.display: file.after for file in migrate([tmp_path]).files}
    assert found["scale.py"] == (
        b"from base import Base\n\n\nclass Scale(Base):\n    def call(self, x, training=None):\n"
        b"        return x\n"
    )

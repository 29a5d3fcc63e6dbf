"""Where the original comes from, which Keras it is run on, and which model is paired with which."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from kerasmigrate.api import migrate
from kerasmigrate.errors import KerasMigrateError, UsageError, VerifyError
from kerasmigrate.project import parse_quietly
from kerasmigrate.verify import against_explained, render_text
from kerasmigrate.verify.against import Original, find
from kerasmigrate.verify.against_keras import INSTALLED, LEGACY, OldKeras, choose, parse_option
from kerasmigrate.verify.results import (
    Comparison,
    Difference,
    Environment,
    FileVerdict,
    Likeness,
    OriginalKeras,
    OriginalRun,
    Verdict,
    VerifyReport,
)
from kerasmigrate.verify.worker.pairing import Known, pair

KERAS_1 = "from keras.layers import Dense\n\nlayer = Dense(output_dim=4)\n"
PYTHON_2 = "from keras.layers import Dense\n\nprint 'layer'\n"

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _own_journal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(path: Path, text: str = KERAS_1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def committed(folder: Path, message: str = "first") -> None:
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git/" not in path.as_posix()
    }


# -- a git revision -------------------------------------------------------------------------------


def test_a_revision(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py")
    write(tree / "data" / "words.txt", "words\n")
    committed(tree)
    write(tree / "a.py", "changed\n")
    committed(tree, "second")
    write(tree / "a.py", "not committed\n")
    before = contents(tree)
    original = find("HEAD~1", tree, [tree], tmp_path / "place")
    assert contents(original.root) == {"a.py": KERAS_1, "data/words.txt": "words\n"}
    assert original.base == tree
    assert original.root.name == tree.name  # a package is imported by the name of its folder
    assert original.against.startswith("HEAD~1 (")
    assert original.file(tree / "a.py") == original.root / "a.py"
    assert original.file(tree / "b.py") is None
    assert contents(tree) == before


def test_a_revision_of_a_folder_in_a_repository(tree: Path, tmp_path: Path) -> None:
    write(tree / "requirements.txt", "keras==2.2.4\n")
    write(tree / "other.py")
    inner = write(tree / "code" / "nets" / "a.py").parent
    committed(tree)
    original = find("HEAD", inner, [inner], tmp_path / "place")
    assert contents(original.project) == {
        "code/nets/a.py": KERAS_1,
        "requirements.txt": "keras==2.2.4\n",
    }
    assert original.root == original.project / "code" / "nets"


def test_what_archives_leave_out_belongs_to_a_revision(tree: Path, tmp_path: Path) -> None:
    write(tree / ".gitattributes", "a.py export-ignore\nb.py export-subst\n")
    write(tree / "a.py")
    write(tree / "b.py", "# $Format:%H$\n")
    committed(tree)
    original = find("HEAD", tree, [tree], tmp_path / "place")
    assert contents(original.root)["a.py"] == KERAS_1
    assert contents(original.root)["b.py"] == "# $Format:%H$\n"


def test_links_of_a_revision(tree: Path, tmp_path: Path) -> None:
    write(tmp_path / "secret.py", "secret\n")
    write(tree / "a.py")
    (tree / "same.py").symlink_to("a.py")
    (tree / "away.py").symlink_to("../secret.py")
    committed(tree)
    original = find("HEAD", tree, [tree], tmp_path / "place")
    assert contents(original.root) == {"a.py": KERAS_1, "same.py": KERAS_1}
    assert not any(path.is_symlink() for path in original.root.rglob("*"))


def test_modes_of_a_revision(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py").chmod(0o755)
    write(tree / "b.py")
    committed(tree)
    original = find("HEAD", tree, [tree], tmp_path / "place")
    assert os.access(original.root / "a.py", os.X_OK)
    assert not os.access(original.root / "b.py", os.X_OK)


def refused(against: str, top: Path, place: Path) -> str:
    with pytest.raises(KerasMigrateError) as error:
        find(against, top, [top], place)
    assert isinstance(error.value, (UsageError, VerifyError))
    text = str(error.value)
    assert "\n" not in text
    return text


def test_no_such_revision(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py")
    committed(tree)
    message = f"--against lost: no revision 'lost' in {tree}"
    assert refused("lost", tree, tmp_path / "place") == message
    message = "--against --exec=id is neither a folder nor a git revision"
    assert refused("--exec=id", tree, tmp_path / "place") == message


def test_a_revision_without_the_folder(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py")
    committed(tree)
    write(tree / "nets" / "b.py")
    message = "--against HEAD: there was no nets in it"
    assert refused("HEAD", tree / "nets", tmp_path / "place") == message


def test_no_repository(tree: Path, tmp_path: Path) -> None:
    message = f"--against HEAD~1: there is no such folder, and {tree} is in no git repository"
    assert refused("HEAD~1", tree, tmp_path / "place") == message


def test_no_git(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tree / "a.py")
    committed(tree)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = "--against HEAD: there is no git to ask: install it, or name a folder"
    assert refused("HEAD", tree, tmp_path / "place") == message


# -- a folder -------------------------------------------------------------------------------------


def test_a_folder(tree: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    write(old / "a.py")
    write(old / "pkg" / "b.py")
    write(old / ".git" / "config", "")
    write(old / "venv" / "pyvenv.cfg", "")
    write(old / "venv" / "c.py")
    write(tmp_path / "secret.py", "secret\n")
    (old / "away.py").symlink_to(tmp_path / "secret.py")
    write(tree / "a.py")
    original = find(str(old), tree, [tree], tmp_path / "place")
    assert contents(original.root) == {"a.py": KERAS_1, "pkg/b.py": KERAS_1}
    assert (original.against, original.base) == (str(old), tree)
    assert original.root.name == tree.name


def test_a_folder_that_stands_for_that_of_single_files(tree: Path, tmp_path: Path) -> None:
    file = write(tree / "code" / "a.py", "new\n")
    write(tmp_path / "whole" / "code" / "a.py")
    original = find(str(tmp_path / "whole"), tree, [file], tmp_path / "one")
    assert original.file(file) == original.root / "code" / "a.py"
    write(tmp_path / "part" / "a.py")
    original = find(str(tmp_path / "part"), tree, [file], tmp_path / "two")
    assert original.base == tree / "code"
    assert original.file(file) == original.root / "a.py"


def test_a_folder_without_the_file(tree: Path, tmp_path: Path) -> None:
    file = write(tree / "a.py")
    old = write(tmp_path / "old" / "b.py").parent
    with pytest.raises(UsageError) as error:
        find(str(old), tree, [file], tmp_path / "place")
    assert str(error.value) == f"--against {old}: there is no a.py in it"
    with pytest.raises(UsageError) as error:
        find(str(file), tree, [file], tmp_path / "place")
    assert str(error.value) == f"--against {file} is a file: name the folder that it lies in"


# -- the journal ----------------------------------------------------------------------------------


def test_the_last_apply(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py")
    write(tree / "b.py", "import os\n")
    migrate([tree], "tf_keras", write=True)
    assert "units=4" in (tree / "a.py").read_text(encoding="utf-8")
    after = contents(tree)
    original = find("last", tree, [tree], tmp_path / "place")
    assert contents(original.root) == {"a.py": KERAS_1, "b.py": "import os\n"}
    assert original.against == "the last apply"
    assert contents(tree) == after


def test_the_last_apply_in_a_repository(tree: Path, tmp_path: Path) -> None:
    write(tree / "requirements.txt", "keras==2.0.8\n")
    file = write(tree / "code" / "a.py")
    committed(tree)
    migrate([file], "tf_keras", write=True)
    original = find("last", tree / "code", [file], tmp_path / "place")
    assert contents(original.project) == {
        "code/a.py": KERAS_1,
        "requirements.txt": "keras==2.0.8\n",
    }


def test_the_last_apply_of_more_than_is_verified(tree: Path, tmp_path: Path) -> None:
    part = write(tree / "part" / "a.py")
    other = write(tree / "b.py")
    migrate([tree], "tf_keras", write=True)
    before = {"b.py": KERAS_1, "part/a.py": KERAS_1}
    original = find("last", tree, [part.parent, other], tmp_path / "both")
    assert contents(original.root) == before
    original = find("last", part.parent, [part], tmp_path / "one")
    assert contents(original.root) == {"a.py": KERAS_1}


def test_no_apply(tree: Path, tmp_path: Path) -> None:
    write(tree / "a.py")
    message = f"no apply is on record for {tree}: name a git revision or a folder by --against"
    assert refused("last", tree, tmp_path / "place") == message


# -- Python 2 -------------------------------------------------------------------------------------


def test_python_2_is_brought_to_python_3(tree: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    write(old / "a.py", PYTHON_2)
    write(old / "b.py")
    write(old / "c.py", "neither ( of them\n")
    original = find(str(old), tree, [tree], tmp_path / "place")
    assert contents(original.root)["a.py"] == PYTHON_2.replace("print 'layer'", "print('layer')")
    assert original.python2 == {PurePosixPath("a.py")}
    assert contents(old)["a.py"] == PYTHON_2


# -- which Keras ----------------------------------------------------------------------------------


def chosen(tree: Path, files: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """Return what a tree is run on, why, and what each of its files is run on."""
    for name, text in files.items():
        write(tree / name, text)
    original = Original("old", tree, tree, tree)
    main, each = choose(original, sorted(tree.rglob("*.py")))
    found = {path.name: str(choice.keras) for path, choice in each.items()}
    return str(main.keras), main.because, found


WORDS = (
    (KERAS_1, "keras 1.2.2", "the code is in the words of Keras 1"),
    (
        "from keras.layers import Dense\nlayer = Dense(4)\n",
        "keras 2.2.4",
        "the code fits Keras 2.2.4, and does not say which version it is for",
    ),
    (
        "from keras.layers import ReLU, CuDNNGRU\nlayer = ReLU(threshold=1.0)\n",
        "keras 2.2.4",
        "the code fits Keras 2.2.4, and does not say which version it is for",
    ),
    (
        "from keras import ops\nx = ops.ones(3)\n",
        "keras",
        "the code uses what only Keras 3 has",
    ),
    (
        "from keras.metrics import AUC\nfrom keras.utils import multi_gpu_model\n"
        "model = multi_gpu_model(AUC())\n",
        "keras 2.3.1",
        "the code fits Keras 2.3.1, and does not say which version it is for",
    ),
    (
        "from keras.layers.experimental.preprocessing import Resizing\nlayer = Resizing(8, 8)\n",
        "tf_keras",
        "of all versions only Keras 2.4 to 2.15 has what the code uses",
    ),
    (
        "from tensorflow.keras.layers import Dense\nlayer = Dense(4)\n",
        "tf_keras",
        "the code is for the tf.keras of Keras 2",
    ),
    (
        "import tensorflow as tf\nx = tf.keras.ops.ones(3)\n",
        "keras",
        "the code uses what only Keras 3 has",
    ),
    (
        "from tensorflow.python.keras.layers import Dense\nlayer = Dense(4)\n",
        "tf_keras",
        "the code is for the Keras 2 that TensorFlow had",
    ),
    (
        "from tf_keras.layers import Dense\nlayer = Dense(4)\n",
        "tf_keras",
        "the code is for the Keras 2 that TensorFlow had",
    ),
    ("import os\n", "keras", "no file says what it was written for"),
    ("import keras (\n", "keras", "no file says what it was written for"),
)


@pytest.mark.parametrize(("code", "keras", "because"), WORDS)
def test_the_words_of_the_code_choose(tree: Path, code: str, keras: str, because: str) -> None:
    assert chosen(tree, {"a.py": code}) == (keras, because, {"a.py": keras})


@pytest.mark.parametrize(
    ("line", "keras"),
    [
        ("keras==1.0.3", "keras 1.2.2"),
        ("Keras==1.2.2", "keras 1.2.2"),
        ("keras==2.0.2", "keras 2.0.9"),
        ("keras==2.1.3", "keras 2.1.6"),
        ("keras==2.2.0", "keras 2.2.4"),
        ("keras==2.3.0", "keras 2.3.1"),
        ("keras==2.4.3", "tf_keras"),
        ("keras==2.15.0", "tf_keras"),
        ("keras==3.1.0", "keras"),
    ],
)
def test_a_pin_decides(tree: Path, line: str, keras: str) -> None:
    code = "from keras.layers import Dense\nlayer = Dense(4)\n"
    found = chosen(tree, {"requirements.txt": line + "\n", "a.py": code})
    version = line.partition("==")[2]
    assert found == (keras, f"requirements.txt asks for keras=={version}", {"a.py": keras})


@pytest.mark.parametrize("line", ["keras", "keras>=2.0", "keras==2.*", "keras==2.0.8\nkeras==2.1"])
def test_what_is_no_pin(tree: Path, line: str) -> None:
    assert chosen(tree, {"requirements.txt": line, "a.py": KERAS_1})[0] != "keras 2.1.6"


def test_each_file_has_its_own(tree: Path) -> None:
    files = {
        "a.py": KERAS_1,
        "b.py": "from keras.layers import Convolution2D\nlayer = Convolution2D(4, 3, 3)\n",
        "c.py": "from tensorflow.keras.layers import Dense\nlayer = Dense(4)\n",
        "d.py": "from a import layer\n",
        "e.py": "from keras.layers import Dense\nlayer = Dense(3)\n",
    }
    assert chosen(tree, files) == (
        "keras 1.2.2",
        "the code is in the words of Keras 1",
        {
            "a.py": "keras 1.2.2",
            "b.py": "keras 1.2.2",
            "c.py": "tf_keras",
            "d.py": "keras 1.2.2",
            "e.py": "keras 1.2.2",
        },
    )


def test_the_option() -> None:
    assert parse_option("keras==1.2.2").keras == OldKeras("keras", "1.2.2")
    assert parse_option("keras").keras == INSTALLED
    assert parse_option(" tf_keras ").keras == LEGACY
    with pytest.raises(UsageError) as error:
        parse_option("theano")
    assert str(error.value) == "--original 'theano': write keras==1.2.2, keras or tf_keras"
    for text in ("keras==1.1.0", "tf_keras==2.15"):
        with pytest.raises(UsageError) as error:
            parse_option(text)
        assert str(error.value) == (
            f"--original {text!r}: choose keras==1.2.2|2.0.9|2.1.6|2.2.4|2.3.1, keras or tf_keras"
        )


# -- pairs ----------------------------------------------------------------------------------------


def known(function: str, name: str = "", *layers: tuple[str, int]) -> Known:
    return Known(("a.py", function), name, "Sequential", layers)


def test_models_are_paired_by_their_place_and_turn() -> None:
    originals = [known("build", "sequential_1"), known("build", "sequential_2"), known("main")]
    migrated = [known("main"), known("build", "sequential"), known("build", "sequential_1")]
    assert pair(originals, migrated) == [(0, 1, "place"), (1, 2, "place"), (2, 0, "place")]


def test_turns_do_not_count_where_one_side_has_more() -> None:
    one, other = ("Dense", 8), ("Conv2D", 9)
    originals = [known("build", "", one), known("build", "", other)]
    migrated = [known("build", "", other), known("build", "", one), known("build", "", one, one)]
    assert pair(originals, migrated) == [(0, 1, "place"), (1, 0, "place")]
    assert pair(originals, migrated[:1]) == [(1, 0, "place")]


def test_then_by_name_and_by_structure() -> None:
    layer = ("Dense", 8)
    originals = [known("f", "judge"), known("g", "", layer), known("h", "lost")]
    migrated = [known("x", "", layer), known("y", "judge"), known("z", "new")]
    assert pair(originals, migrated) == [(0, 1, "name"), (1, 0, "structure")]


def test_models_without_anything_in_common_are_not_paired() -> None:
    assert pair([known("f")], [known("g")]) == []
    assert pair([], [known("g")]) == []
    assert pair([known("f", "", ("Dense", 1))], [known("f", "", ("Dense", 2))]) == [(0, 0, "place")]


# -- what explains a difference -------------------------------------------------------------------

EXPLAINED = """\
from keras.layers import GRU, LSTM
from keras.models import Sequential

SIZE = 4


def layer():
    return LSTM(SIZE, consume_less='cpu')


def build():
    model = Sequential()
    model.add(layer())
    return model


def other():
    return GRU(4, dropout_W=0.5, unroll=lost)
"""


def test_lines_that_have_a_part_in_a_model() -> None:
    tree = parse_quietly(EXPLAINED)
    lines = against_explained._lines(tree, 12)
    assert lines == {0, 1, 2, 4, 7, 8, 11, 12, 13, 14}
    assert against_explained._lines(tree, 0) == {0, 1, 2, 4}


# -- the report -----------------------------------------------------------------------------------


def report(*files: FileVerdict, original: bool = True) -> VerifyReport:
    environment = Environment("python", "3.11.0", "2.21.0", "3.15.1", "2.21.0")
    ran_on = OriginalKeras("HEAD~1", "keras", "1.2.2", "a reason", environment)
    return VerifyReport(
        "keras", 3, Path("/"), environment, files, original=ran_on if original else None
    )


def verdict(*comparisons: Comparison, run: OriginalRun | None = None) -> FileVerdict:
    original = run or OriginalRun("a.py", Verdict.PROVED, models=1)
    return FileVerdict(
        Path("/a.py"), "a.py", Verdict.PROVED, original=original, comparisons=comparisons
    )


EQUAL = Comparison(
    Likeness.EQUAL, name="m", where="a.py:3", claims=("layers", "outputs"), largest=1.5e-7
)
DIFFERENT = Comparison(
    Likeness.DIFFERENT,
    name="m",
    where="a.py:3",
    differences=(
        Difference("settings", "dense", "dense: rate is 1"),
        Difference("outputs", "dense", "outputs differ"),
    ),
    explained_by=("KM310",),
)
MISSING = Comparison(
    Likeness.NOT_COMPARED, "no such model", original_name="m_1", original_where="a.py:5"
)


def test_exit_codes() -> None:
    assert report(verdict(EQUAL)).exit_code == 0
    assert report(verdict()).exit_code == 0
    assert report(verdict(EQUAL, DIFFERENT)).exit_code == 1
    assert report(verdict(EQUAL, MISSING)).exit_code == 1
    assert report(verdict(DIFFERENT), original=False).exit_code == 0
    lost = OriginalRun("a.py", Verdict.USER_ERROR, "it failed")
    assert report(verdict(run=lost)).exit_code == 1


def test_the_report_as_text() -> None:
    lost = OriginalRun("a.py", Verdict.USER_ERROR, "it failed", "a.py:9")
    found = report(verdict(EQUAL, DIFFERENT, MISSING), verdict(run=lost))
    assert render_text(found).splitlines()[1:] == [
        "original HEAD~1, run on keras 1.2.2: a reason",
        "",
        "proved           a.py",
        "    different: m (a.py:3): settings: dense: rate is 1",
        "      1 more difference with -v",
        "      the migration had said so: KM310",
        "    not compared: m_1 (a.py:5): no such model",
        "proved           a.py",
        "    original: user-error: a.py:9: it failed",
        "",
        "Not proved: 2 files (2 proved), 0 of 0 models built, run and saved, in 0.0 s",
        "Models compared with the original: 1 equal, 1 different, 1 not compared",
    ]
    details = render_text(report(verdict(EQUAL)), details=True).splitlines()
    assert details[-4:] == [
        "    equal: m (a.py:3): outputs differ by 1.5e-07 at most; compared: layers, outputs",
        "",
        "Proved: 1 file (1 proved), 0 of 0 models built, run and saved, in 0.0 s",
        "Models compared with the original: 1 equal; outputs differ by 1.5e-07 at most",
    ]


def test_a_comparison_goes_through_json() -> None:
    import json

    data = report(verdict(EQUAL, DIFFERENT, MISSING)).to_dict()
    back = [
        Comparison.from_dict(each)
        for each in json.loads(json.dumps(data["files"][0]))["comparisons"]
    ]
    assert back == [EQUAL, DIFFERENT, MISSING]

"""What a verification keeps, what it takes for known, and what it runs again."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kerasmigrate
from kerasmigrate.flavours import target
from kerasmigrate.verify import (
    Cache,
    Environment,
    FileVerdict,
    ModelEvidence,
    Verdict,
    VerifyReport,
    cache,
    render_text,
    verify,
)
from kerasmigrate.verify.cache import Key, Known, Recall, probe
from kerasmigrate.verify.client import Server
from kerasmigrate.verify.reach import Tree
from kerasmigrate.verify.results import (
    Comparison,
    Difference,
    Layer,
    LayerPair,
    Likeness,
    OriginalRun,
)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


# -- what a file can reach ------------------------------------------------------------------------


def reach(root: Path, name: str, shadowed: Sequence[str] = ()) -> list[str]:
    return sorted(Tree(root, frozenset(shadowed)).reach(name))


LIBRARY = {
    "lib/__init__.py": "",
    "lib/a.py": "from .b import f\n",
    "lib/b.py": "import keras\n",
    "lib/c.py": "",
    "other.py": "",
    "data.csv": "1\n",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import keras\n", []),
        ("import lib.a\n", ["lib/__init__.py", "lib/a.py", "lib/b.py"]),
        ("from lib.a import f as g\n", ["lib/__init__.py", "lib/a.py", "lib/b.py"]),
        ("from lib import c\n", ["lib/__init__.py", "lib/c.py"]),
        ("from lib import *\n", ["lib/__init__.py"]),
        ("def f():\n    import other\n", ["other.py"]),
        ("try:\n    import other\nexcept ImportError:\n    pass\n", ["other.py"]),
        # Found by way of sys.path, and taken for relative imports.
        ("import b\n", ["lib/__init__.py", "lib/b.py"]),
        ("from .lib import b\n", ["lib/__init__.py", "lib/b.py"]),
        # Nothing of the tree is named; the words stand in a text for people, or mean other things.
        ('"""Like other.py, see pickle."""\nimport keras\n', []),
        ("from keras import backend as K\nK.eval(K.zeros(3))\n", []),
        ("x = 1\ndef f():\n    global x\n", []),
    ],
)
def test_a_file_reaches_what_it_imports(tmp_path: Path, text: str, found: list[str]) -> None:
    write(tmp_path, LIBRARY | {"main.py": text})
    assert reach(tmp_path, "main.py") == sorted(["main.py", *found])


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module(input())\n",
        "from importlib import import_module as load\n",
        "__import__(name)\n",
        "exec(code)\n",
        "eval(code)\n",
        "import os\nos.system('x')\n",
        "import os\nos.listdir('.')\n",
        "import subprocess\n",
        "import pickle\n",
        "import numpy as np\nnp.load('x', allow_pickle=True)\n",
        "import pandas as pd\npd.read_pickle('x')\n",
        "open('other.py')\n",
        "import glob\n",
        "import yaml\n",
        "import sys\nsys.modules['a']\n",
        "print 'Python 2'\n",
        "x = 'no utf-8: \udcff'\n",
        "import lib.d\n",
    ],
)
def test_a_file_that_does_not_tell_reaches_everything(tmp_path: Path, text: str) -> None:
    write(tmp_path, LIBRARY | {"lib/d.py": "import runpy\n"})
    (tmp_path / "main.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    everything = {name for name in LIBRARY if name.endswith(".py")} | {"main.py", "lib/d.py"}
    assert reach(tmp_path, "main.py") == sorted(everything)


def test_a_module_that_hides_an_installed_one_is_reached_by_all(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "", "queue.py": "", "sub/numpy/__init__.py": "", "x.py": ""})
    found = reach(tmp_path, "main.py", ["numpy", "queue", "x2"])
    assert found == ["main.py", "queue.py", "sub/numpy/__init__.py"]


def test_a_package_is_reached_by_its_own_name(tmp_path: Path) -> None:
    root = write(tmp_path / "nets", {"__init__.py": "", "a.py": "import nets.b\n", "b.py": ""})
    assert reach(root, "a.py") == ["__init__.py", "a.py", "b.py"]


def test_a_ring_of_imports_ends(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import b\n", "b.py": "import a\n"})
    assert reach(tmp_path, "a.py") == ["a.py", "b.py"]


def test_data_counts_by_name_and_content(tmp_path: Path) -> None:
    def digest() -> str:
        return Tree(tmp_path, frozenset()).data

    write(tmp_path, {"a.py": "", "data.csv": "1\n", ".git/x": "1\n"})
    seen = [digest()]
    write(tmp_path, {"a.py": "1\n", ".git/x": "2\n"})
    assert digest() == seen[0]
    for name, text in {"data.csv": "2\n", "new.json": "{}", "sub/new.json": ""}.items():
        write(tmp_path, {name: text})
        seen.append(digest())
    with (tmp_path / "large.bin").open("wb") as stream:
        stream.truncate(2 << 20)
    seen.append(digest())
    with (tmp_path / "large.bin").open("r+b") as stream:
        stream.write(b"x")
    seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_absolute_paths_count_by_what_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    root = write(tmp_path / "root", {"a.py": f"read({str(data)!r})\nread('/tmp')\n"})

    def places() -> list[tuple[str, str]]:
        return Tree(root, frozenset()).places(["a.py"])

    assert places() == [("/tmp", "folder"), (str(data), "none")]
    data.write_text("1\n", encoding="utf-8")
    first = places()
    data.write_text("23\n", encoding="utf-8")
    assert places() != first


# -- entries --------------------------------------------------------------------------------------

WHERE = Environment("/usr/bin/python3", "3.11.7", "2.21.0", "3.15.1", "", "namespace", "x", "y")
MODEL = ModelEvidence(
    "net",
    "a.py:3",
    "keras",
    "Sequential",
    layers=(("dense", "Dense"),),
    parameters=12,
    input_shapes=((None, 3),),
    trained=None,
    errors=(("saved", "why"),),
)
WHOLE = FileVerdict(
    Path("/project/a.py"),
    "a.py",
    Verdict.PARTIAL,
    "a cause",
    "a.py:3",
    models=(MODEL,),
    needs=("a.py:f(x)",),
    notes=("a note",),
    output="printed \udcff",
    seconds=1.0,
    original=OriginalRun("a.py", Verdict.PROVED, models=1, seconds=2.0),
    comparisons=(
        Comparison(
            Likeness.DIFFERENT,
            claims=("layers",),
            differences=(Difference("layers", "dense", "1 and 2"),),
            largest=float("inf"),
            parameters=(1, 2),
            loss=(0.5, 1.0),
            layers=(
                LayerPair(Layer("dense", "Dense", (None, 3), 12, ("x",), (("u", "3"),)), None),
            ),
        ),
    ),
)
KEY = Key("a.py", [("a.py", "0" * 64)], "1" * 64, [("/data", "none")], "2" * 64)


def test_what_is_kept_is_found_as_it_was(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache")
    assert kept.find(KEY, WHOLE.path) is None
    kept.keep(KEY, Known(WHOLE, WHERE))
    found = Cache(tmp_path / "cache").find(KEY, Path("/moved/a.py"))
    assert found == Known(replace(WHOLE, path=Path("/moved/a.py"), cached=True), WHERE)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "other",
    [
        {"file": "b.py"},
        {"reach": [("a.py", "3" * 64)]},
        {"reach": [("a.py", "0" * 64), ("b.py", "0" * 64)]},
        {"tree": "3" * 64},
        {"places": [("/data", "1 2 3 4")]},
        {"run": "3" * 64},
        {"extra": {"original": "2.2.4"}},
    ],
)
def test_everything_in_a_key_counts(tmp_path: Path, other: dict[str, Any]) -> None:
    kept = Cache(tmp_path)
    kept.keep(KEY, Known(WHOLE, WHERE))
    assert kept.find(replace(KEY, **other), WHOLE.path) is None


def entry(folder: Path) -> Path:
    (found,) = [path for path in folder.rglob("*") if path.is_file()]
    return found


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"partial"', b'"proved"'),
        lambda data: b"\0" * len(data),
        lambda data: b"\xff" + data,
    ],
)
def test_a_damaged_entry_does_not_exist(tmp_path: Path, damage: Any) -> None:
    kept = Cache(tmp_path)
    kept.keep(KEY, Known(WHOLE, WHERE))
    place = entry(tmp_path)
    place.write_bytes(damage(place.read_bytes()))
    assert kept.find(KEY, WHOLE.path) is None
    kept.keep(KEY, Known(WHOLE, WHERE))
    assert kept.find(KEY, WHOLE.path) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda verdict: verdict.pop("display"),
        lambda verdict: verdict.update(verdict="splendid"),
        lambda verdict: verdict.update(seconds="long"),
        lambda verdict: verdict.update(models={}),
        lambda verdict: verdict.update(models=[{}]),
        lambda verdict: verdict.update(needs=[3]),
        lambda verdict: verdict["comparisons"][0].update(loss=[1.0]),
    ],
)
def test_an_entry_of_another_shape_does_not_exist(tmp_path: Path, change: Any) -> None:
    kept = Cache(tmp_path)
    kept.keep(KEY, Known(WHOLE, WHERE))
    place = entry(tmp_path)
    data = json.loads(place.read_bytes().partition(b"\n")[2])
    change(data["verdict"])
    body = json.dumps(data).encode()
    place.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert kept.find(KEY, WHOLE.path) is None


def test_the_oldest_go_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Cache(tmp_path)
    keys = [replace(KEY, file=f"{number}.py") for number in range(10)]
    for age, key in enumerate(keys):
        kept.keep(key, Known(WHOLE, WHERE))
        place = tmp_path / key.digest[:2] / key.digest
        os.utime(place, (1e9 - age, 1e9 - age))
    assert kept.find(keys[9], WHOLE.path) is not None  # and so it is the newest
    kept.prune()
    assert sum(kept.find(key, WHOLE.path) is not None for key in keys) == 10
    for age, key in enumerate(keys[:9]):
        place = tmp_path / key.digest[:2] / key.digest
        os.utime(place, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(cache, "MOST_ENTRIES", 5)
    kept.prune()
    left = [number for number in range(10) if kept.find(keys[number], WHOLE.path) is not None]
    assert left == [0, 1, 2, 9]
    monkeypatch.setattr(cache, "MOST_BYTES", 10)
    kept.prune()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_was_never_finished_is_removed(tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    kept.keep(KEY, Known(WHOLE, WHERE))
    old, new = (entry(tmp_path).with_name(name) for name in (".old", ".new"))
    for place in (old, new):
        place.write_bytes(b"half")
    os.utime(old, (1e9, 1e9))
    kept.prune()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.skipif(sys.platform != "linux", reason="a folder below a file")
def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Cache(tmp_path / "file" / "cache")
    kept.keep(KEY, Known(WHOLE, WHERE))
    kept.prune()
    assert kept.find(KEY, WHOLE.path) is None


def write_and_read(folder: Path, number: int) -> None:
    kept = Cache(folder)
    for turn in range(50):
        verdict = replace(WHOLE, cause=str(turn) * 1000)
        kept.keep(KEY, Known(verdict, WHERE))
        found = kept.find(KEY, WHOLE.path)
        assert found is not None and len(set(found.verdict.cause)) <= 2
        if number == 0:
            kept.prune()


def test_several_runs_share_a_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=write_and_read, args=(tmp_path, number)) for number in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0, 0]


# -- what is kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_depends_on_the_machine_is_not_kept(tmp_path: Path, verdict: Verdict) -> None:
    never = {
        Verdict.TIMEOUT,
        Verdict.CRASHED,
        Verdict.NOT_RUN,
        Verdict.MISSING_PACKAGE,
        Verdict.DATA_ERROR,
    }
    recall = Recall(None, tmp_path, target("keras"), Path("python"), {"timeout": 10.0}, {})
    assert recall.lasts(replace(WHOLE, verdict=verdict)) is (verdict not in never)


def test_what_took_long_or_was_refused_is_not_kept(tmp_path: Path) -> None:
    recall = Recall(None, tmp_path, target("keras"), Path("python"), {"timeout": 10.0}, {})
    assert recall.lasts(replace(WHOLE, seconds=5.0))
    assert not recall.lasts(replace(WHOLE, seconds=5.1))
    assert recall.lasts(replace(WHOLE, verdict=Verdict.USER_ERROR, cause="NameError: a"))
    for cause in ("PermissionError: [Errno 1]", "OSError: no", "MemoryError"):
        assert not recall.lasts(replace(WHOLE, verdict=Verdict.USER_ERROR, cause=cause))


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter that says the same, whatever is installed or edited meanwhile."""
    answer = probe(Path(sys.executable), target("keras"))
    assert answer is not None
    monkeypatch.setattr(cache, "probe", lambda *_: dict(answer))
    monkeypatch.setattr(cache, "_own_code", lambda: "the same")
    return Path(sys.executable)


def keys(root: Path, python: Path, *names: str, **changed: Any) -> list[str]:
    given: dict[str, Any] = {
        "target": target("keras"),
        "options": {"timeout": 10.0},
        "builds": {},
        **changed,
    }
    recall = Recall(Cache(root.parent / "cache"), root, python=python, **given)
    recall.find([root / name for name in names])
    return [recall.keys[root / name].digest for name in names if root / name in recall.keys]


def test_the_options_and_versions_are_part_of_the_key(
    tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "root", {"a.py": "import keras\n"})
    path = root / "a.py"
    found = keys(root, python, "a.py")
    assert keys(root, python, "a.py") == found
    found += keys(root, python, "a.py", target=target("tf_keras"))
    found += keys(root, python, "a.py", target=target("tf.keras", 2))
    found += keys(root, python, "a.py", options={"timeout": 11.0})
    found += keys(root, python, "a.py", builds={path: ["f(1)"]})
    found += keys(root, python, "a.py", extra={path: {"original": "1"}})
    monkeypatch.setenv("LANG", "tlh")
    found += keys(root, python, "a.py")
    monkeypatch.setattr(kerasmigrate, "__version__", "9")
    found += keys(root, python, "a.py")
    monkeypatch.setattr(cache, "_own_code", lambda: "other")
    found += keys(root, python, "a.py")
    assert len(set(found)) == 9


def test_no_key_where_not_all_can_be_told(
    tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.py": "import kerasmigrate\n", "b.py": "", ".hidden/c.py": ""}
    root = write(tmp_path / "root", files)
    assert len(keys(root, python, "a.py", "b.py", ".hidden/c.py")) == 1
    assert keys(root, python / "no", "b.py") != []  # the fixture answers
    monkeypatch.setattr(cache, "probe", lambda *_: None)
    assert keys(root, python, "b.py") == []


def test_an_interpreter_tells_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = write(tmp_path / "loose", {"mine.py": "", "sub/more.py": "", "data.txt": ""})
    monkeypatch.setenv("PYTHONPATH", str(loose))
    found = probe(Path(sys.executable), target("keras"))
    assert found is not None
    assert [Path(each[0]).name for each in found["loose"]] == ["mine.py", "more.py"]
    assert {"mine", "numpy", "queue", "libcst"} <= set(found["names"])
    versions = [name for _, name, *_ in found["installed"] if name.startswith("libcst-")]
    assert len(versions) == 1
    monkeypatch.delenv("PYTHONPATH")
    other = probe(Path(sys.executable), target("keras"))
    assert other is not None and other["loose"] == []
    assert probe(tmp_path / "python", target("keras")) is None


def test_the_text_counts_what_was_known() -> None:
    known = replace(WHOLE, verdict=Verdict.PROVED, cached=True)
    report = VerifyReport("keras", 3, Path("/project"), WHERE, (known, WHOLE, known), 1.5)
    assert render_text(report).endswith(", in 1.5 s, 2 known from an earlier run\n")
    data = json.loads(json.dumps(report.to_dict()))
    assert [file["cached"] for file in data["files"]] == [True, False, True]


# -- the whole ------------------------------------------------------------------------------------

NETWORK = "import keras\n\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
PROJECT = {
    "alone.py": NETWORK,
    "broken.py": "import keras\n\nkeras.layers.Merge()\n",
    "layers.py": "import keras\n\nUNITS = 3\n",
    "uses.py": "from layers import UNITS\n" + NETWORK.replace("Dense(2)", "Dense(UNITS)"),
    "wants.py": "import keras\nimport no_such_package\n",
}


@pytest.mark.tensorflow
def test_only_what_has_changed_is_run_again(
    tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    servers: list[object] = []
    send, start = Server.send, Server.__init__

    def counted(self: Server, message: dict[str, Any]) -> None:
        asked.extend([Path(message["path"]).name] if "path" in message else [])
        send(self, message)

    def started(self: Server, *given: Any) -> None:
        servers.append(self)
        start(self, *given)

    monkeypatch.setattr(Server, "send", counted)
    monkeypatch.setattr(Server, "__init__", started)
    root = write(tmp_path / "root", PROJECT)
    kept = Cache(tmp_path / "cache")

    def run(**options: Any) -> tuple[list[str], VerifyReport]:
        asked.clear()
        report = verify([root], target="keras", **{"cache": kept, **options})
        return sorted(asked), report

    ran, first = run()
    assert ran == sorted(PROJECT)
    verdicts = [file.verdict.value for file in first.files]
    assert verdicts == ["proved", "keras-error", "imported", "proved", "missing-package"]
    assert not any(file.cached for file in first.files)

    ran, second = run()
    assert ran == ["wants.py"]
    assert [file.cached for file in second.files] == [True, True, True, True, False]
    assert second.environment == first.environment
    for one, other in list(zip(first.files, second.files, strict=True))[:4]:
        assert replace(one, cached=True) == other

    (root / "wants.py").unlink()
    servers.clear()
    ran, third = run()
    assert (ran, servers) == ([], [])
    assert third.environment == first.environment
    assert third.flavours == first.flavours == ("keras",)

    write(root, {"layers.py": PROJECT["layers.py"].replace("3", "5")})
    ran, fourth = run()
    assert ran == ["layers.py", "uses.py"]
    assert [model.parameters for model in fourth.models] == [10, 25]
    assert [model.parameters for model in first.models] == [10, 15]

    write(root, {"alone.py": NETWORK.replace("2", "6")})
    assert run()[0] == ["alone.py"]
    write(root, {"alone.py": NETWORK})
    assert run()[0] == []
    assert run(cache=None)[0] == ["alone.py", "broken.py", "layers.py", "uses.py"]

    # What step V1 says is asked each time.
    ran, last = run(static=lambda path: ["no such name"] if path.name == "alone.py" else [])
    assert ran == []
    assert [file.verdict.value for file in last.files][:1] == ["keras-error"]
    assert run()[1].files[0].verdict is Verdict.PROVED

    (root / "data.csv").write_text("1\n", encoding="utf-8")
    assert run()[0] == ["alone.py", "broken.py", "layers.py", "uses.py"]


@pytest.mark.tensorflow
def test_a_file_that_changes_meanwhile_is_not_kept(tmp_path: Path, python: Path) -> None:
    root = write(tmp_path / "root", {"a.py": NETWORK, "b.py": NETWORK})
    kept = Cache(tmp_path / "cache")

    def change(done: int, total: int, display: str) -> None:
        if display == "b.py":
            write(root, {"b.py": NETWORK + "\n"})
            time.sleep(0.01)

    verify([root], target="keras", cache=kept, progress=change)
    assert len([path for path in kept.folder.rglob("*") if path.is_file()]) == 1

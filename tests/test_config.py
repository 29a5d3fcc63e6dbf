from __future__ import annotations

from pathlib import Path

import pytest

from kerasmigrate.config import Config, VerifyConfig, load
from kerasmigrate.errors import UsageError


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [project]
        name = "x"
        [tool.kerasmigrate]
        to = "tf.keras"
        api = 2
        include = ["src/"]
        exclude = ["old/", "*_pb2.py"]
        select = ["KM1"]
        ignore = ["KM104"]
        training = "needed"
        python2 = true
        modern_defaults = true
        jobs = 3
        [tool.kerasmigrate.verify]
        python = ".venv/bin/python"
        builds = ["model:build(3)"]
        timeout = 30
        jobs = 2
        memory = 512
        cache = false
        """,
    )
    assert load(tmp_path) == Config(
        to="tf.keras",
        api=2,
        include=("src/",),
        exclude=("old/", "*_pb2.py"),
        select=("KM1",),
        ignore=("KM104",),
        training="needed",
        python2=True,
        modern_defaults=True,
        jobs=3,
        verify=VerifyConfig(".venv/bin/python", ("model:build(3)",), 30.0, 2, 512, False),
        path=path,
    )


def test_an_empty_table_sets_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.kerasmigrate]\n")
    assert load(tmp_path) == Config(path=path)


def test_found_from_a_file_and_from_below(tmp_path: Path) -> None:
    path = write(tmp_path, '[tool.kerasmigrate]\nto = "tf_keras"\n')
    for start in (tmp_path / "a.py", tmp_path / "b" / "c", tmp_path / "not" / "there.py"):
        assert load(start) == Config(to="tf_keras", path=path)


def test_the_nearest_file_with_the_table_counts(tmp_path: Path) -> None:
    outer = write(tmp_path, '[tool.kerasmigrate]\nto = "tf_keras"\n')
    inner = write(tmp_path / "a", "[tool.kerasmigrate]\napi = 3\n")
    write(tmp_path / "b", "[tool.ruff]\n")
    assert load(tmp_path / "a" / "x.py") == Config(api=3, path=inner)
    assert load(tmp_path / "b" / "x.py") == Config(to="tf_keras", path=outer)


def test_nothing(tmp_path: Path) -> None:
    write(tmp_path, "[tool.ruff]\n")
    # Above the temporary folder nobody keeps a file for us.
    assert load(tmp_path) == Config()


KEYS = "api, exclude, ignore, include, jobs, modern_defaults, python2, select, to, training, verify"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.kerasmigrate]\ntarget = 1",
            f"unknown key tool.kerasmigrate.target: known are {KEYS}",
        ),
        (
            "[tool.kerasmigrate.verify]\nbuild = []",
            "unknown key tool.kerasmigrate.verify.build: known are builds, cache, jobs, memory, "
            "python, timeout",
        ),
        (
            '[tool.kerasmigrate]\nto = "torch"',
            'tool.kerasmigrate.to must be "keras", "tf.keras" or "tf_keras", not \'torch\'',
        ),
        ("[tool.kerasmigrate]\napi = true", "tool.kerasmigrate.api must be 2 or 3, not True"),
        ("[tool.kerasmigrate]\napi = 4", "tool.kerasmigrate.api must be 2 or 3, not 4"),
        (
            '[tool.kerasmigrate]\ninclude = "src"',
            "tool.kerasmigrate.include must be a list of strings, not 'src'",
        ),
        (
            "[tool.kerasmigrate]\nselect = [1]",
            "tool.kerasmigrate.select must be a list of strings, not [1]",
        ),
        (
            "[tool.kerasmigrate]\npython2 = 1",
            "tool.kerasmigrate.python2 must be true or false, not 1",
        ),
        (
            "[tool.kerasmigrate]\njobs = 0",
            "tool.kerasmigrate.jobs must be a whole number above 0, not 0",
        ),
        (
            "[tool.kerasmigrate.verify]\ntimeout = -1",
            "tool.kerasmigrate.verify.timeout must be a number of seconds above 0, not -1",
        ),
        (
            "[tool.kerasmigrate.verify]\ntimeout = inf",
            "tool.kerasmigrate.verify.timeout must be a number of seconds above 0, not inf",
        ),
        (
            "[tool.kerasmigrate.verify]\nmemory = 1",
            "tool.kerasmigrate.verify.memory must be a whole number of MiB, at least 64, not 1",
        ),
        (
            "[tool]\nkerasmigrate = 3",
            "tool.kerasmigrate must be a table, written [tool.kerasmigrate]",
        ),
        (
            "[tool.kerasmigrate]\nverify = 3",
            "tool.kerasmigrate.verify must be a table, written [tool.kerasmigrate.verify]",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{path}: {message}"


def test_not_toml(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool\n")
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not valid TOML: ")
    assert message.endswith("; correct the file")
    assert "\n" not in message


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b'[tool.kerasmigrate]\nto = "\xe9"\n')
    with pytest.raises(UsageError, match="not valid TOML: 'utf-8' codec") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "fixtures" / "third_party"
SOURCE = "from keras.layers.core import Dense\n\nDense(4, activation='swish')\n"


def run(folder: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kerasmigrate", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example package as a user would, into a folder of its own."""
    folder = tmp_path_factory.mktemp("third_party")
    # pip builds in the source folder, which must stay clean.
    package = shutil.copytree(PACKAGE, folder / "package")
    target = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    done = subprocess.run([*command, str(package)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def announce(folder: Path, code: str, entry: str) -> Path:
    """Make a package that announces a transform, without installing it."""
    folder.mkdir()
    (folder / "broken_plugin.py").write_text(code, encoding="utf-8")
    info = folder / "broken_plugin-1.0.dist-info"
    info.mkdir()
    metadata = "Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entries = f"[kerasmigrate.transforms]\nbroken = {entry}\n"
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    return folder


def test_explain_knows_the_rule(installed: Path, tree: Path) -> None:
    done = run(tree, "explain", "XX001", path=installed)
    assert done.returncode == 0
    assert done.stdout.startswith("# XX001 swish-to-silu\n\nCall the swish activation silu.\n")
    listed = run(tree, "explain", path=installed)
    assert listed.stdout.splitlines()[-1].split() == [
        *("XX001", "swish-to-silu", "Call", "the", "swish", "activation", "silu")
    ]


def test_diff_uses_it_together_with_our_own(installed: Path, tree: Path) -> None:
    done = run(tree, "diff", "model.py", path=installed)
    assert done.returncode == 1
    assert done.stdout == (
        "--- a/model.py\n+++ b/model.py\n@@ -1,3 +1,3 @@\n"
        "-from keras.layers.core import Dense\n"
        "+from keras.layers import Dense\n"
        " \n"
        "-Dense(4, activation='swish')\n"
        "+Dense(4, activation='silu')\n"
    )
    assert "  XX001 swish-to-silu                1 fixable\n" in done.stderr


def test_it_can_be_ignored(installed: Path, tree: Path) -> None:
    done = run(tree, "diff", "model.py", "--ignore", "XX001", path=installed)
    assert "silu" not in done.stdout
    done = run(tree, "diff", "model.py", "--select", "XX", path=installed)
    assert done.stdout == (
        "--- a/model.py\n+++ b/model.py\n@@ -1,3 +1,3 @@\n"
        " from keras.layers.core import Dense\n"
        " \n"
        "-Dense(4, activation='swish')\n"
        "+Dense(4, activation='silu')\n"
    )


CRASHING = """
from kerasmigrate import Transform

class Crashing(Transform):
    "Fails."

    def visit_Call(self, node):
        raise KeyError("oops")
"""


def test_a_crash_costs_the_others_nothing(tmp_path: Path, tree: Path) -> None:
    plugin = announce(tmp_path / "plugin", CRASHING, "broken_plugin:Crashing")
    done = run(tree, "apply", "model.py", path=plugin)
    assert done.returncode == 3
    assert (tree / "model.py").read_text(encoding="utf-8") == (
        "from keras.layers import Dense\n\nDense(4, activation='swish')\n"
    )
    assert done.stderr == (
        "1 file read for keras: 1 changed, 0 untouched, 0 failed\n"
        "  KM002 rule-failed                  1 open\n"
        "  KM101 import                       1 fixed\n"
        "left for you (1):\n"
        "  model.py:1: KM002 Crashing failed: KeyError('oops') -> the other rules ran;"
        " please report this file\n"
        "take it back with: kerasmigrate undo model.py\n"
    )


def test_one_that_cannot_be_loaded_is_named(tmp_path: Path, tree: Path) -> None:
    plugin = announce(tmp_path / "plugin", "import not_there\n", "broken_plugin:Crashing")
    done = run(tree, "diff", "model.py", path=plugin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "kerasmigrate: error: the transform 'broken' of broken-plugin cannot be loaded:"
        " ModuleNotFoundError: No module named 'not_there': repair or uninstall that package\n"
    )


TWICE = """
from kerasmigrate import Rule, Transform

class Twice(Transform):
    "Claims a code that is taken."

    rules = (Rule("KM101", "mine", "Do mine", "So."),)
"""


def test_a_code_that_is_claimed_twice(tmp_path: Path, tree: Path) -> None:
    plugin = announce(tmp_path / "plugin", TWICE, "broken_plugin:Twice")
    done = run(tree, "explain", path=plugin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "kerasmigrate: error: rule code KM101 is claimed twice, by 'import' and 'mine':"
        " uninstall one of the packages that add transforms\n"
    )

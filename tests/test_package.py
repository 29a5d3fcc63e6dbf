"""The package: what a wheel holds, that its entry points resolve, and that cheap commands are."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from kerasmigrate.transform import Transform

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: What belongs to TensorFlow, and must not be imported outside the worker of verify.
TENSORFLOW = {"keras", "tensorflow", "tf_keras"}


def sources(folder: str, installed_as: str) -> set[str]:
    """Return the names in a wheel that the files of a folder of ours have."""
    return {
        f"{installed_as}/{path.relative_to(ROOT / folder).as_posix()}"
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".css", ".js", ".json", ".py", ".toml", ".typed")
        and path.name != "ruff.toml"
        and "__pycache__" not in path.parts
        and path.parent != ROOT / "kerasmigrate" / "transforms"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a source distribution, and a wheel from that, without a network."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("kerasmigrate", "transforms"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", clone / "dist", clone],
        check=True,
        capture_output=True,
    )
    (built,) = (clone / "dist").glob("*.whl")
    return built


def test_a_wheel_holds_every_module_and_every_fact(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = sources("kerasmigrate", "kerasmigrate")
    assert held == wanted | sources("transforms", "kerasmigrate/transforms")
    assert {
        "kerasmigrate/evidence/style.css",
        "kerasmigrate/py.typed",
        "kerasmigrate/inventory/data/homes.json",
        "kerasmigrate/inventory/data/keras-1.2.2.json",
        "kerasmigrate/inventory/data/renames.toml",
        "kerasmigrate/transforms/legacy_arguments.json",
        "kerasmigrate/transforms/references.py",
        "kerasmigrate/verify/worker/__main__.py",
    } <= held


def test_a_wheel_alone_migrates(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (tmp_path / "old.py").write_text("from keras.layers.core import Dense\n", encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-m", "kerasmigrate", "diff", "--quiet", "old.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert finished.stdout == (
        "--- a/old.py\n+++ b/old.py\n@@ -1 +1 @@\n"
        "-from keras.layers.core import Dense\n+from keras.layers import Dense\n"
    )
    assert finished.stderr == ""
    assert finished.returncode == 1


def test_a_wheel_asks_for_no_tensorflow(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode("utf-8").splitlines()
    required = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    core = {each for each in required if "extra ==" not in each}
    assert {each.partition(">")[0] for each in core} == {
        "bowler",
        "libcst",
        "platformdirs",
        "rich",
        "tomli",
        "typer",
    }


@pytest.mark.parametrize("group", ["kerasmigrate.transforms", "console_scripts"])
def test_entry_points_resolve(group: str) -> None:
    declared = PROJECT["scripts"] if group == "console_scripts" else PROJECT["entry-points"][group]
    installed = {entry.name: entry for entry in entry_points(group=group)}
    for name, value in declared.items():
        assert installed[name].value == value
        assert callable(installed[name].load())


def test_every_transform_is_announced() -> None:
    announced = set(PROJECT["entry-points"]["kerasmigrate.transforms"].values())
    found = set()
    for path in (ROOT / "transforms").glob("[!_]*.py"):
        module = import_module(f"kerasmigrate.transforms.{path.stem}")
        found |= {
            f"{module.__name__}:{name}"
            for name, each in vars(module).items()
            if isinstance(each, type)
            and issubclass(each, Transform)
            and each.__module__ == module.__name__
        }
    assert found == announced


def test_the_version_is_the_installed_one() -> None:
    import kerasmigrate

    assert kerasmigrate.__version__ == version("kerasmigrate") == PROJECT["version"]


def loaded(code: str) -> set[str]:
    """Return the names of all modules that a piece of code loads."""
    script = f"import json, sys\n{code}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(json.loads(finished.stdout.splitlines()[-1]))


def heavy(modules: set[str]) -> set[str]:
    """Return the packages among modules that take long to load."""
    packages = {"bowler", "fissix", "libcst", "pathspec", "rich", *TENSORFLOW}
    own = {"kerasmigrate.inventory", "kerasmigrate.pipeline", "kerasmigrate.transforms"}
    return {name for name in modules if name.partition(".")[0] in packages or name in own}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["apply", "--help"], ["verify", "--help"], ["apply", "--nonsense"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert heavy(loaded(f"from kerasmigrate.cli import main\nmain({arguments})")) == set()


def test_importing_the_library_loads_nothing_heavy() -> None:
    assert heavy(loaded("import kerasmigrate")) == set()


def test_a_migration_loads_no_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("from keras.layers.core import Dense\n", encoding="utf-8")
    modules = loaded(
        "from kerasmigrate.cli import main\n"
        f"main(['diff', {str(tmp_path)!r}])\nmain(['check', {str(tmp_path)!r}])\n"
        "import kerasmigrate.verify, kerasmigrate.python2, kerasmigrate.writing, kerasmigrate.sarif"
    )
    assert "kerasmigrate.transforms.references" in modules
    assert {name for name in modules if name.partition(".")[0] in TENSORFLOW} == set()


def test_only_the_worker_imports_tensorflow() -> None:
    worker = ROOT / "kerasmigrate" / "verify" / "worker"
    importers = set()
    for path in [*(ROOT / "kerasmigrate").rglob("*.py"), *(ROOT / "transforms").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if {name.partition(".")[0] for name in names} & TENSORFLOW:
                importers.add(path)
    assert {path for path in importers if worker not in path.parents} == set()


def test_transforms_are_found_and_never_imported_by_the_engine() -> None:
    for path in (ROOT / "kerasmigrate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("kerasmigrate.transforms"), path


@pytest.mark.parametrize("path", ["scripts/demo", "scripts/check", "scripts/test", ".ci/run"])
def test_scripts_can_be_run(path: str) -> None:
    script = ROOT / path
    assert script.stat().st_mode & 0o111 == 0o111
    shell = script.read_text(encoding="utf-8").splitlines()[0].rpartition("/")[2].split()[-1]
    subprocess.run([shell, "-n", script], check=True)

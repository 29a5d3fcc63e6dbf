"""Real packages, fetched from the package index, migrated, and run under TensorFlow.

They are downloaded once for a test run, into a temporary folder, and never kept. The tests are
skipped when the index cannot be reached, and fail when it can be but does not have a package.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasmigrate.api import migrate, verify_paths
from kerasmigrate.cli import main
from kerasmigrate.verify import FileVerdict

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

#: What pip says when the network or the index is the reason.
UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError"
    r"|SSLError|ConnectionResetError|Max retries exceeded|Connection to .* timed out"
)

#: Of the environment: what those who run our tests want to see is none of a package's.
ALONE = {"CUDA_VISIBLE_DEVICES": "", "PYTEST_ADDOPTS": ""}

Fetch = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def fetch(tmp_path_factory: pytest.TempPathFactory) -> Fetch:
    """Return a function that gives the unpacked source distribution of a package."""
    cache = tmp_path_factory.mktemp("packages")
    missing: list[str] = []

    def get(name: str, version: str) -> Path:
        place = cache / f"{name}-{version}"
        if place.exists():
            return place
        if missing:
            pytest.skip("the package index cannot be reached")
        wanted = f"{name}=={version}"
        options = ("--no-deps", "--no-binary", ":all:", "--retries", "1", "--timeout", "20")
        done = subprocess.run(
            (sys.executable, "-m", "pip", "download", *options, "-d", str(place), wanted),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode and UNREACHABLE.search(done.stdout + done.stderr):
            missing.append(name)
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, f"pip cannot download {wanted}"
        (archive,) = place.iterdir()
        shutil.unpack_archive(archive, place, filter="data")
        archive.unlink()
        return place

    return get


@pytest.fixture
def migrated(
    fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str, str], Path]:
    """Return a function that gives the tree of a package after ``apply``."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def make(name: str, version: str, to: str) -> Path:
        (folder,) = fetch(name, version).iterdir()
        tree = tmp_path / "tree"
        shutil.copytree(folder, tree)
        assert main(["apply", str(tree), "--to", to, "--quiet"]) in (0, 1)
        assert migrate([tree], to=to).changed == ()
        return tree

    return make


def proof(file: Path, to: str, *builds: str) -> FileVerdict:
    (verdict,) = verify_paths([file], to, builds=builds, timeout=600).files
    return verdict


@pytest.mark.parametrize(
    ("version", "to", "count"),
    [("0.41.0", "tf_keras", 17), ("0.51.0", "tf_keras", 19), ("0.51.0", "keras", 19)],
)
def test_self_attention_passes_its_own_tests(
    migrated: Callable[[str, str, str], Path], version: str, to: str, count: int
) -> None:
    tree = migrated("keras-self-attention", version, to)
    done = subprocess.run(
        (sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."),
        cwd=tree,
        env={**os.environ, **ALONE, "PYTHONPATH": str(tree)},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    ran = re.search(r"^Ran (\d+) tests in [\d.]+s\n\n(.*)$", done.stderr, re.MULTILINE)
    assert ran is not None and ran.groups() == (str(count), "OK")
    assert done.returncode == 0


#: Tests of keras-rl that fail after the migration, with the line that fails.
RL_FAILS = {
    # Its optimizer computes updates in get_updates(), which nothing calls any more.
    "test_ddpg.py::test_single_ddpg_input": "rl/util.py:89: in __init__",
    "test_ddpg.py::test_multi_ddpg_input": "rl/util.py:89: in __init__",
    # Since 1.24 NumPy makes no array of lists that have different lengths. The second of the two
    # above would get there next, by way of rl/agents/ddpg.py:191.
    "test_cem.py::test_multi_cem_input": "rl/agents/cem.py:88: in select_action",
    "test_dqn.py::test_multi_dqn_input": "rl/agents/dqn.py:57: in process_state_batch",
    "test_dqn.py::test_multi_continuous_dqn_input": "rl/agents/dqn.py:57: in process_state_batch",
}
#: What keeps the agent with that optimizer from working, line by line.
RL_FINDINGS = {
    ("rl/agents/ddpg.py", 80, "KM405"),
    ("rl/agents/ddpg.py", 139, "KM265"),
    ("rl/agents/ddpg.py", 144, "KM813"),
    ("rl/agents/ddpg.py", 148, "KM816"),
    ("rl/agents/ddpg.py", 149, "KM512"),
    ("rl/agents/ddpg.py", 153, "KM512"),
    ("rl/util.py", 87, "KM232"),
    ("rl/util.py", 89, "KM216"),
}


def test_rl_passes_the_tests_that_keras_decides(
    fetch: Fetch, migrated: Callable[[str, str, str], Path]
) -> None:
    (before,) = fetch("keras-rl", "0.4.2").iterdir()
    findings = {
        (file.display, finding.line, finding.code)
        for file in migrate([before], to="tf_keras").files
        for finding in file.open_findings
    }
    assert findings >= RL_FINDINGS
    tree = migrated("keras-rl", "0.4.2", "tf_keras")
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "tests", "-q", "--tb=short", "-p", "no:cacheprovider"),
        cwd=tree,
        env={**os.environ, **ALONE, "PYTHONPATH": str(tree)},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    failed = re.findall(r"^FAILED tests/rl/agents/(\S+)", done.stdout, re.MULTILINE)
    assert sorted(failed) == sorted(RL_FAILS)
    for where in RL_FAILS.values():
        assert where in done.stdout
    assert re.search(r"^5 failed, 18 passed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("to", ["tf_keras", "keras"])
def test_image_classifiers_builds_a_network(
    migrated: Callable[[str, str, str], Path], to: str
) -> None:
    tree = migrated("image-classifiers", "0.2.2", to)
    file = tree / "classification_models" / "resnet" / "models.py"
    found = proof(file, to, "classification_models/resnet/models.py:ResNet18((64, 64, 3))")
    assert (found.verdict.value, found.cause) == ("proved", "")
    (model,) = found.models
    assert (model.name, model.parameters, model.flavour) == ("resnet18", 11_699_889, to)
    assert model.output_shapes == ((None, 1000),)


@pytest.mark.parametrize("to", ["tf_keras", "keras"])
def test_tcn_builds_its_model(migrated: Callable[[str, str, str], Path], to: str) -> None:
    tree = migrated("keras-tcn", "2.8.3", to)
    build = "tcn/tcn.py:compiled_tcn(4, 3, 8, 2, [1, 2, 4], 1, 16)"
    (model,) = proof(tree / "tcn" / "tcn.py", to, build).models
    assert (model.proved, model.parameters, model.flavour) == (True, 1027, to)
    assert (model.input_shapes, model.output_shapes) == (((None, 16, 4),), ((None, 16, 3),))


def test_deepctr_is_no_proof(migrated: Callable[[str, str, str], Path]) -> None:
    """Its layers say what shape they give, so that Keras 3 builds the model without running it."""
    tree = migrated("deepctr", "0.2.0", "keras")
    build = 'deepctr/models/deepfm.py:DeepFM({"sparse": {"a": 4, "b": 3}, "dense": ["c"]})'
    found = proof(tree / "deepctr" / "models" / "deepfm.py", "keras", build)
    assert found.verdict.value == "keras-error"
    (model,) = found.models
    assert (model.built, model.forward, model.saved, model.proved) == (True, False, False, False)
    assert [step for step, _ in model.errors] == ["forward"]


def test_deepctr_does_not_build_in_tf_keras(migrated: Callable[[str, str, str], Path]) -> None:
    tree = migrated("deepctr", "0.2.0", "tf_keras")
    build = 'deepctr/models/deepfm.py:DeepFM({"sparse": {"a": 4, "b": 3}, "dense": ["c"]})'
    found = proof(tree / "deepctr" / "models" / "deepfm.py", "tf_keras", build)
    assert (found.verdict.value, found.models) == ("keras-error", ())
    # keep_dims= is converted; tf.nn.dropout takes what to drop now, and took what to keep.
    assert "`rate` must be a scalar tensor or a float in the range [0, 1)" in found.cause

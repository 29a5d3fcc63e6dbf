"""What holds the code that is verified, as the users and on the systems that there are.

``test_verify_hostile.py`` has the many ways to do harm; here the code knows where the tree and the
home of the user lie, and verify is run as another user, and where no namespaces are to be had.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces and capabilities of Linux"),
]

NOBODY = 65534
PR_CAPBSET_DROP, CAP_SYS_ADMIN = 24, 21
NETWORK = "import keras\n\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"

#: Tries everything against the places that it is told, and fails if one thing succeeds.
ATTACK = """\
import ctypes
import os
import shutil
import keras

done = []

def attempt(action, *given):
    try:
        action(*given)
    except OSError:
        return
    done.append((action.__name__, given))

libc = ctypes.CDLL(None, use_errno=True)
for place in PLACES:
    # Rights over mounts would give back the right to write.
    libc.umount2(place.encode(), 2)
    libc.mount(b"none", place.encode(), None, 4096 | 32, None)
    libc.mount(b"none", b"/", None, 4096 | 32, None)
    attempt(os.mkdir, os.path.join(place, "new"))
    attempt(os.mkdir, place)
    attempt(open, os.path.join(place, "new.py"), "w")
    attempt(os.symlink, "/etc/passwd", os.path.join(place, "link.py"))
    attempt(os.chmod, place, 0o777)
    for name in os.listdir(place) if os.path.exists(place) else ():
        attempt(open, os.path.join(place, name), "a")
        attempt(os.utime, os.path.join(place, name), (1, 1))
        attempt(os.remove, os.path.join(place, name))
        attempt(os.rename, os.path.join(place, name), os.path.join(place, "other.py"))
    attempt(os.rename, place, place + "-gone")
    if os.path.isdir(place):
        shutil.rmtree(place, ignore_errors=True)
for name in ("/tmp/kerasmigrate-left-behind", "/dev/shm/kerasmigrate-left-behind"):
    open(name, "w").close()
assert not done, done
print(keras)
"""
SECRETS = """\
import os
import keras

for entry in os.listdir("/proc"):
    if entry.isdigit():
        try:
            with open("/proc/" + entry + "/environ", "rb") as stream:
                assert b"KERASMIGRATE_TEST_SECRET" not in stream.read(), entry
        except OSError:
            pass
assert os.path.expanduser("~") != HOME
assert os.listdir(os.path.expanduser("~")) == []
assert "KERASMIGRATE_TEST_SECRET" not in os.environ
with open("/proc/self/status") as stream:
    status = dict(line.split(":", 1) for line in stream)
assert status["NoNewPrivs"].strip() == "1"
# At most the right to read every file, which root needs where its Python is not for all.
assert int(status["CapEff"], 16) & ~4 == 0
print(keras)
"""


@pytest.fixture(params=["in a home", "in /tmp"])
def project(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A tree and a home, where the code sees such things and where it does not."""
    above = platformdirs.user_cache_dir() if request.param == "in a home" else "/tmp"
    Path(above).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="kerasmigrate-test-", dir=above))
    folder.chmod(0o755)
    for name in ("tree", "home"):
        (folder / name).mkdir()
    places = [str(folder / "tree"), str(folder / "home")]
    files = {
        "tree/attacks.py": f"PLACES = {places!r}\n{ATTACK}",
        "tree/innocent.py": NETWORK,
        "tree/looks_around.py": f"HOME = {places[1]!r}\n{SECRETS}",
        "tree/data.txt": "1\n",
        "home/.bashrc": "echo\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for part in ("tree", "home")
        for path in sorted([folder / part, *(folder / part).rglob("*")])
    }


def verified(project: Path, before: Callable[[], None] | None = None) -> dict[str, Any]:
    """Run the command line; returns its report."""
    seen = contents(project)
    done = subprocess.run(
        (sys.executable, "-m", "kerasmigrate", "verify", "tree", "--no-cache", "--format", "json"),
        cwd=project,
        env={
            **os.environ,
            "HOME": str(project / "home"),
            "KERASMIGRATE_TEST_SECRET": "do not tell",
        },
        preexec_fn=before,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    assert contents(project) == seen
    left = [Path(f"/{each}/kerasmigrate-left-behind") for each in ("tmp", "dev/shm")]
    written = [path for path in left if path.exists()]
    for path in written:
        path.unlink()
    data: dict[str, Any] = json.loads(done.stdout)
    assert written == ([] if data["environment"]["network"] == "namespace" else left)
    return data


def check(report: dict[str, Any], environment: dict[str, str]) -> None:
    found = {file["display"]: (file["verdict"], file["cause"]) for file in report["files"]}
    assert found == {
        "attacks.py": ("imported", ""),
        "innocent.py": ("proved", ""),
        "looks_around.py": ("imported", ""),
    }
    assert {name: report["environment"][name] for name in environment} == environment


def without_namespaces() -> None:
    """Give up the right to make namespaces, as most containers do."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0)


def is_open_to_all(path: Path) -> bool:
    """Tell whether every user may reach a file or folder."""
    path = path.resolve()
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))


def has_namespaces() -> bool:
    flags = () if os.geteuid() == 0 else ("--map-root-user",)
    tool = shutil.which("unshare")
    return (
        tool is not None
        and not subprocess.run(
            (tool, *flags, "--net", "--mount", "--pid", "--fork", "true"), check=False
        ).returncode
    )


def test_here(project: Path) -> None:
    if not has_namespaces():
        pytest.skip("no namespaces here")
    # Also where the modes would let the code write.
    for folder in ("tree", "home"):
        for path in (project / folder, *(project / folder).iterdir()):
            path.chmod(0o777)
    check(verified(project), {"network": "namespace", "files": "read-only"})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_root_without_namespaces(project: Path) -> None:
    report = verified(project, before=without_namespaces)
    assert report["environment"]["user"].startswith("nobody")
    check(report, {"network": "sockets", "files": "scratch copy"})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("project", ["in /tmp"], indirect=True)
def test_as_another_user(project: Path) -> None:
    place = Path(sys.executable)
    if not has_namespaces() or not is_open_to_all(place) or not is_open_to_all(Path(os.__file__)):
        pytest.skip("nobody may run this Python")

    def become_nobody() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    for path in (project, *project.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    report = verified(project, before=become_nobody)
    check(report, {"network": "namespace", "files": "read-only", "user": f"uid {NOBODY}"})

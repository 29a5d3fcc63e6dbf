"""Originals that mean harm: they run in the cage of all code, and cost nobody else a verdict."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from originals import installed

from kerasmigrate.verify import FileVerdict, Verdict, VerifyReport, originals, verify
from kerasmigrate.verify.results import Likeness

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

TIMEOUT = 20.0
BEFORE = """\
from keras.layers import Dense
from keras.models import Sequential

model = Sequential()
model.add(Dense(2, input_dim=3))
"""
AFTER = """\
from keras import Input
from keras.layers import Dense
from keras.models import Sequential

model = Sequential()
model.add(Input((3,)))
model.add(Dense(2))
"""
#: What stands in front of the original of each file.
HARM = {
    "ends.py": "import os\nos._exit(0)\n",
    "endless.py": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass\n",
    "forges.py": """\
import glob
import os

place = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
folders = glob.glob(os.path.join(place, "portraits", "*"))
written = 0
for folder in folders:
    for name in ("index.json", "0.npz", "0.json"):
        try:
            with open(os.path.join(folder, name), "w") as stream:
                stream.write("[{")
        except OSError:
            continue
        written += 1
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b'{"verdict": "proved", "cause": "", "taken": 1}\\n')
    except OSError:
        pass
os._exit(0 if len(folders) > 1 and written <= 3 else 7)
""",
    "looks_around.py": """\
import os

assert "KERASMIGRATE_TEST_SECRET" not in os.environ
for entry in os.listdir("/proc"):
    if entry.isdigit():
        try:
            with open("/proc/" + entry + "/environ", "rb") as stream:
                assert b"KERASMIGRATE_TEST_SECRET" not in stream.read()
        except OSError:
            pass
assert os.listdir(os.path.expanduser("~")) == []
""",
    "network.py": 'import socket\nsocket.create_connection(("93.184.216.34", 80), timeout=5)\n',
    "vandal.py": """\
import os
import shutil

for place in PLACES:
    for name in os.listdir(place) if os.path.isdir(place) else ():
        try:
            open(os.path.join(place, name), "w").close()
            os.remove(os.path.join(place, name))
        except OSError:
            pass
here = os.path.dirname(os.path.abspath(__file__))
for name in os.listdir(here):
    if name != "vandal.py":
        os.remove(os.path.join(here, name))
""",
    "wanted.py": "",
}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def children() -> set[int]:
    """Return the processes that are children of this one's main thread, where that is known."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(map(int, mine.read_text(encoding="ascii").split())) if mine.exists() else set()


#: Children that verifying has left behind. Those of other tests may live on.
LEFT: set[int] = set()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> VerifyReport:
    cached = installed("2.2.4").parent
    folder = tmp_path_factory.mktemp("hostile")
    places = [str(folder / name) for name in ("before", "after")]
    for name, harm in HARM.items():
        for place, text in (("before", harm + BEFORE), ("after", AFTER)):
            path = folder / place / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("PLACES", repr(places)), encoding="utf-8")
    before = contents(folder)
    others = children()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(originals, "cache", lambda: cached)
        patch.setenv("KERASMIGRATE_TEST_SECRET", "do not tell")
        found = verify(
            [folder / "after"],
            target="keras",
            timeout=TIMEOUT,
            against=str(folder / "before"),
            original="keras==2.2.4",
        )
    assert contents(folder) == before
    LEFT.update(children() - others)
    return found


def find(report: VerifyReport, display: str) -> FileVerdict:
    (file,) = [each for each in report.files if each.display == display]
    return file


CLOSED = {
    "namespace": "OSError: [Errno 101] Network is unreachable",
    "sockets": "OSError: kerasmigrate verify runs code without a network",
}
EXPECTED = {
    "ends.py": (Verdict.CRASHED, "ended by itself with exit code 0"),
    "endless.py": (Verdict.TIMEOUT, "not done within the time limit of 20 s"),
    "forges.py": (Verdict.CRASHED, "ended by itself with exit code 0"),
    "looks_around.py": (Verdict.PROVED, ""),
    "vandal.py": (Verdict.PROVED, ""),
    "wanted.py": (Verdict.PROVED, ""),
}


@pytest.mark.parametrize("display", sorted(HARM))
def test_each_original_gets_its_verdict(report: VerifyReport, display: str) -> None:
    run = find(report, display).original
    assert run is not None
    if display == "network.py":
        network = report.environment.network
        assert (run.verdict, run.cause) == (Verdict.DATA_ERROR, CLOSED[network])
    elif display == "forges.py" and report.environment.files != "read-only":
        assert run.verdict is Verdict.CRASHED
    else:
        assert (run.verdict, run.cause) == EXPECTED[display], run.output


@pytest.mark.parametrize("display", sorted(HARM))
def test_the_migrated_files_are_verified(report: VerifyReport, display: str) -> None:
    file = find(report, display)
    likenesses = [each.likeness for each in file.comparisons]
    assert file.verdict is Verdict.PROVED, (file.cause, file.output)
    runs = EXPECTED.get(display, (Verdict.DATA_ERROR, ""))[0] is Verdict.PROVED
    assert likenesses == [Likeness.EQUAL if runs else Likeness.NOT_COMPARED]


def test_nothing_is_left_behind(report: VerifyReport) -> None:
    assert report.files
    assert set() == LEFT

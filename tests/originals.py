"""Real old Kerases, for tests: run a snippet on Keras 1.2.2 to 2.3.1 and get its numbers back.

Usage::

    from originals import run_original, run_originals

    pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

    got = run_original(
        "1.2.2",
        '''
        from keras.layers import Dense
        from keras.models import Sequential
        model = Sequential([Dense(2, input_dim=3, init="one", bias=False)])
        results["out"] = model.predict(data)
        ''',
        data=np.ones((2, 3), "float32"),
    )
    assert got["out"].tolist() == [[3, 3], [3, 3]]

``run_original(version, code, **names)`` runs one snippet, and ``run_originals(version, codes)``
several. A snippet is a whole module: it imports what it needs, and finds ``results`` (an
empty dict), ``np``, and the values given as keywords. It puts into ``results`` whatever should come
back: arrays, numbers, strings, lists, anything that pickles without Keras. Indentation common to
all of its lines is taken off. Modules of ``kerasmigrate/verify/worker`` are in the package
``kerasmigrate_verify_worker`` there. The versions are ``kerasmigrate.verify.originals.VERSIONS``.

Each snippet starts in a fresh copy of a process that has just imported that Keras (its graph is
empty, layers are counted from 1, the random numbers begin at the same seed), so snippets cannot
disturb each other. The first of a version costs about 8 s, any other 0.1 s and what it does itself;
one that runs for more than ``timeout`` seconds (300) is ended. An exception of a snippet raises
``SnippetError``: its text is the traceback, its ``kind`` and ``message`` are the last line.

The old Kerases come from the user's cache where they are there (``kerasmigrate originals install
1.2.2``), else they are downloaded once for the test run into a temporary folder. Without the
package index the test is skipped.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kerasmigrate.verify import originals

WORKER = Path(originals.__file__).parent / "worker"
#: Read at import: tests move XDG_CACHE_HOME.
CACHE = originals.cache()

#: What runs beside the old Keras: imports it, then forks a child for each snippet it is sent. A
#: message is its length in eight bytes and a pickle.
SERVER = r"""
import importlib.util, os, pickle, random, struct, sys, traceback
channel = os.dup(0), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
worker, folder = sys.argv[1:]
place = importlib.util.spec_from_file_location(
    "kerasmigrate_verify_worker", worker + "/__init__.py", submodule_search_locations=[worker]
)
sys.modules[place.name] = importlib.util.module_from_spec(place)
from kerasmigrate_verify_worker import oldkeras
oldkeras.load(folder)
import numpy
import tensorflow

def read(size):
    data = b""
    while len(data) < size:
        more = os.read(channel[0], size - len(data))
        if not more:
            os._exit(0)
        data += more
    return data

def write(data):
    data = struct.pack("<Q", len(data)) + data
    while data:
        data = data[os.write(channel[1], data):]

def run(code, names):
    results = {}
    random.seed(0)
    numpy.random.seed(0)
    tensorflow.set_random_seed(0)
    space = dict(names, __name__="snippet", results=results, np=numpy)
    try:
        exec(compile(code, "snippet", "exec"), space)
        return pickle.dumps((results, None))
    except BaseException as error:
        return pickle.dumps((None, (type(error).__name__, str(error), traceback.format_exc())))

write(pickle.dumps("ready"))
while True:
    code, names = pickle.loads(read(*struct.unpack("<Q", read(8))))
    wait, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(wait, 1)
        write(run(code, names))
        os._exit(0)
    write(pickle.dumps(pid))
    os.write(go, b".")
    status = os.waitpid(pid, 0)[1]
    write(pickle.dumps(status))
    os.close(wait)
    os.close(go)
"""


class SnippetError(Exception):
    """What a snippet raised; the text is the traceback."""

    def __init__(self, kind: str, message: str, traceback: str) -> None:
        super().__init__(traceback)
        self.kind = kind
        self.message = message


@cache
def installed(version: str) -> Path:
    """Return the folder of an old Keras; skips the test when it cannot be downloaded."""
    found = originals.find(version, CACHE)
    if found is not None:
        return found
    try:
        return originals.install(version, _temporary())
    except originals.UnreachableError as error:
        pytest.skip(str(error))


@cache
def _temporary() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="kerasmigrate-originals-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


class _Process:
    """One old Keras that waits for snippets."""

    def __init__(self, version: str) -> None:
        home = _temporary() / f"home-{version}"
        home.mkdir(exist_ok=True)
        silent = {
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "OMP_NUM_THREADS": "1",
        }
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as we do)
        self.process = subprocess.Popen(
            (sys.executable, "-c", SERVER, str(WORKER), str(installed(version))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=home,
            env={**os.environ, **silent, "HOME": str(home)},
        )
        atexit.register(self.close)
        assert self.receive(time.monotonic() + 300) == "ready"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def send(self, message: object) -> None:
        data = pickle.dumps(message)
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("<Q", len(data)) + data)
        self.process.stdin.flush()

    def receive(self, until: float) -> Any:
        (size,) = struct.unpack("<Q", self.read(8, until))
        return pickle.loads(self.read(size, until))

    def read(self, size: int, until: float) -> bytes:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        data = b""
        while len(data) < size:
            if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            more = os.read(descriptor, size - len(data))
            if not more:
                raise RuntimeError(f"the old Keras ended by itself:\n{self.printed()}")
            data += more
        return data

    def printed(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")[-4000:]

    def run(self, code: str, names: dict[str, Any], timeout: float) -> dict[str, Any]:
        until = time.monotonic() + timeout
        self.send((textwrap.dedent(code), names))
        pid = self.receive(until + 60)
        try:
            answer = self.receive(until)
            if isinstance(answer, int):
                raise RuntimeError(f"a snippet ended with status {answer}:\n{self.printed()}")
            self.receive(until + 60)  # its status
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self.close()
            raise TimeoutError(f"a snippet ran for more than {timeout:g} s") from None
        results, error = answer
        if error is not None:
            raise SnippetError(*error)
        assert isinstance(results, dict)
        return results


_processes: dict[str, _Process] = {}


def kept() -> set[int]:
    """Return the processes that wait here for snippets."""
    return {each.process.pid for each in _processes.values()}


def _process(version: str) -> _Process:
    if version not in _processes or _processes[version].process.poll() is not None:
        _processes[version] = _Process(version)
    return _processes[version]


def run_original(
    version: str, code: str, *, timeout: float = 300.0, **names: Any
) -> dict[str, Any]:
    """Run one snippet on an old Keras, and return its ``results``.

    Raises:
        SnippetError: It raised.
        TimeoutError: It took too long.
    """
    return _process(version).run(code, names, timeout)


def run_originals(
    version: str, codes: Sequence[str], *, timeout: float = 300.0, **names: Any
) -> list[dict[str, Any]]:
    """Run several snippets, each by itself, and return the ``results`` of each."""
    return [run_original(version, code, timeout=timeout, **names) for code in codes]

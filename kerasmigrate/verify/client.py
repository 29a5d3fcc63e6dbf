"""Talks to the server process: one interpreter with TensorFlow, one child for each file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from kerasmigrate.errors import VerifyError
from kerasmigrate.flavours import Target

WORKER = Path(__file__).parent / "worker"

#: Environment variables that the code may see; credentials live in all the others.
ALLOWED = frozenset(
    {
        "CONDA_PREFIX",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "TZ",
        "VIRTUAL_ENV",
    }
)

#: What ``tf.keras`` is to originals: that of Keras 2.
LEGACY = {"TF_USE_LEGACY_KERAS": "1"}


class ServerDiedError(Exception):
    """The server process ended by itself; ``message`` is the end of what it had printed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def environment(target: Target, home: Path) -> dict[str, str]:
    """Return the environment variables of the server and its children."""
    chosen = {name: value for name, value in os.environ.items() if name in ALLOWED}
    chosen.update(
        KERAS_BACKEND="tensorflow",
        TF_CPP_MIN_LOG_LEVEL="3",
        TF_ENABLE_ONEDNN_OPTS="0",
        CUDA_VISIBLE_DEVICES="-1",
        MPLBACKEND="Agg",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        PYTHONHASHSEED="0",
        PYTHONUNBUFFERED="1",
        PYTHONUSERBASE=os.environ.get("PYTHONUSERBASE", str(Path("~/.local").expanduser())),
        HOME=str(home),
        TMPDIR=str(home),
    )
    if target.name == "tf.keras" and target.api == 2:
        chosen["TF_USE_LEGACY_KERAS"] = "1"
    return chosen


class Server:
    """The server process.

    Args:
        python: The interpreter that has TensorFlow.
        target: What the code has been migrated to.
        home: An empty folder.
        memory_mb: Memory limit of a child, in MiB, beyond what TensorFlow itself takes.
        original: What else to tell a server that runs originals (see ``worker/worlds.py``).

    Raises:
        VerifyError: The interpreter cannot be started, or lacks TensorFlow or the target.
    """

    def __init__(
        self,
        python: Path,
        target: Target,
        home: Path,
        memory_mb: int,
        original: Mapping[str, object] | None = None,
    ) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        try:
            self.process = subprocess.Popen(
                [str(python), str(WORKER / "__main__.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                cwd=home,
                env=environment(target, home) | ({} if original is None else LEGACY),
                start_new_session=True,
            )
        except OSError as error:
            self.log.close()
            raise VerifyError(
                f"cannot run {python}: {error.strerror}: name a Python with TensorFlow by --python"
            ) from error
        setup: dict[str, Any] = {"root_package": target.root, "memory_mb": memory_mb}
        try:
            self.send({**setup, **(original or {})})
            self.hello = self.receive()
        except KeyboardInterrupt:
            self.close()
            raise
        except ServerDiedError as error:
            self.close()
            last = error.message.strip().splitlines()[-1:] or ["it printed nothing"]
            raise VerifyError(
                f"{python} cannot import TensorFlow: {last[0]}: repair it or choose another Python"
            ) from error
        if "failed" in self.hello:
            self.close()
            raise VerifyError(missing(python, str(self.hello["missing"] or self.hello["failed"])))

    def send(self, message: dict[str, Any]) -> None:
        """Send one request.

        Raises:
            ServerDiedError: There is nobody to read it.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ServerDiedError(self.printed()) from None

    def receive(self) -> dict[str, Any]:
        """Wait for one answer.

        Raises:
            ServerDiedError: None will come.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise ServerDiedError(self.printed())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def printed(self) -> str:
        """Return the end of what the server has printed."""
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - 4096))
        return self.log.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End the process, and with it the files that it runs."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def missing(python: Path, package: str) -> str:
    """Say that a package is not installed, and what to do."""
    same = Path.absolute(python) == Path(sys.executable)
    way = (
        "run pip install 'kerasmigrate[verify]'"
        if same
        else f"install it there with {python} -m pip"
    )
    return f"{python} has no {package}: {way}, or name another interpreter by --python"

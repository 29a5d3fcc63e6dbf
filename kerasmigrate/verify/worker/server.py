"""The process that has TensorFlow imported, and forks one child for each file.

It reads requests and writes answers, one JSON object a line, on the pipes that were its standard
input and output. It runs no TensorFlow operation itself: the threads that one would start do not
survive a fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import secrets
import select
import signal
import stat
import sys
import time
import traceback
from typing import Any

from . import cage, worlds

#: How much of what a child prints is kept, in bytes; its end matters most.
OUTPUT_LIMIT = 16384
#: How much a child may answer, in bytes.
ANSWER_LIMIT = 16 << 20
POLL = 0.02
NICE = 5


class Child:
    """One forked child, and what has come from it."""

    def __init__(
        self, pid: int, job: dict[str, Any], token: bytes, answer: int, output: int
    ) -> None:
        self.pid = pid
        self.job = job
        self.token = token
        self.answer = answer
        self.output = output
        self.started = time.monotonic()
        self.timed_out = False
        self.received = bytearray()
        self.printed = bytearray()

    def drain(self) -> None:
        """Take what the pipes hold at this moment."""
        # Bounded, so that a child that prints without end does not keep us here.
        for _ in range(64):
            if not self._read(self.output, self.printed):
                break
            del self.printed[:-OUTPUT_LIMIT]
        while len(self.received) <= ANSWER_LIMIT and self._read(self.answer, self.received):
            pass

    @staticmethod
    def _read(descriptor: int, buffer: bytearray) -> bool:
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        buffer += data
        return bool(data)

    def close(self) -> None:
        """Close the pipes."""
        os.close(self.answer)
        os.close(self.output)


def _reachable_by_others(path: str) -> bool:
    """Whether any user may read what lies at that path."""
    path = os.path.realpath(path)
    while True:
        mode = os.stat(path).st_mode
        if not mode & (stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH):
            return False
        if path == os.path.dirname(path):
            return True
        path = os.path.dirname(path)


class Server:
    """The loop over requests and children."""

    def __init__(self, setup: dict[str, Any], requests: int, answers: int) -> None:
        self.setup = setup
        self.requests = requests
        self.answers = answers
        self.children: dict[int, Child] = {}
        self.pending = b""
        places = [sys.executable, sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)]
        self.keep_reading = not all(_reachable_by_others(place) for place in places)

    def send(self, message: dict[str, Any]) -> None:
        """Write one answer."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.answers, data) :]

    def loop(self) -> None:
        """Serve until the requests end."""
        open_requests = True
        while open_requests or self.children:
            watched = [self.requests] if open_requests else []
            for child in self.children.values():
                watched += [child.answer, child.output]
            ready = select.select(watched, [], [], POLL if self.children else None)[0]
            if self.requests in ready:
                data = os.read(self.requests, 1 << 20)
                open_requests = bool(data)
                *lines, self.pending = (self.pending + data).split(b"\n")
                for line in lines:
                    self.start(json.loads(line))
            if not open_requests:
                self.abandon()
            for child in list(self.children.values()):
                self.look_after(child)
            if self.children:
                # A closed pipe is always "ready"; without a pause that would be a busy loop.
                time.sleep(POLL / 4)

    def start(self, job: dict[str, Any]) -> None:
        """Fork a child for a job."""
        token = secrets.token_hex().encode()
        answer, answer_end = os.pipe()
        output, output_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                for descriptor in (self.requests, self.answers, answer, output):
                    os.close(descriptor)
                for other in self.children.values():
                    other.close()
                self.child(job, token, answer_end, output_end)
            except BaseException as error:
                # It is not the user's code that failed: ``child`` judges all that comes from there.
                traceback.print_exc()
                cause = f"internal error: {type(error).__name__}: {error}"
                failed = {"verdict": "not-run", "cause": " ".join(cause.split())}
                os.write(answer_end, token + json.dumps(failed).encode() + b"\n")
            finally:
                os._exit(1)
        os.close(answer_end)
        os.close(output_end)
        os.set_blocking(answer, False)
        os.set_blocking(output, False)
        self.children[pid] = Child(pid, job, token, answer, output)

    def child(self, job: dict[str, Any], token: bytes, answer: int, output: int) -> None:
        """Go into the cage and run the job; never returns normally."""
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.close(null)
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write("1000")
        # Whatever the code does, the server has the time to end it.
        os.nice(NICE)
        uid = cage.NOBODY if os.getuid() == 0 else os.getuid()
        cage.limit(self.setup["memory_mb"], job["timeout"], uid)
        network = cage.close_network()
        files = "scratch copy"
        if network == "namespace":
            cage.hide_processes()
            writable = [job["tree"], job["home"]]
            writable += [job["portraits"]] if job.get("role") == "original" else []
            files = cage.protect(job["root"], writable)
        isolation = {
            "network": network,
            "files": files,
            "user": cage.drop_privileges(self.keep_reading),
        }
        cage.bind_to_parent()
        os.environ.update(HOME=job["home"], TMPDIR=job["home"])
        from . import child

        child.run(job, token, answer, isolation)

    def abandon(self) -> None:
        """End the children of whoever has gone without waiting for them."""
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)

    def look_after(self, child: Child) -> None:
        """Read from a child; end it when its time is up; answer when it has ended."""
        child.drain()
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid == 0:
            if time.monotonic() - child.started <= child.job["timeout"]:
                return
            child.timed_out = True
            os.kill(child.pid, signal.SIGKILL)
            pid, status, usage = os.wait4(child.pid, 0)
        del self.children[child.pid]
        self.sweep(child)
        child.drain()
        child.close()
        self.report(child, status, usage)

    def report(self, child: Child, status: int, usage: resource.struct_rusage) -> None:
        """Write the answer for a child that has ended."""
        # The user's code may have written to this pipe, too: what is not marked is not ours.
        *lines, _ = bytes(child.received).split(b"\n")
        ours = [line for line in lines if line.startswith(child.token)]
        try:
            result = json.loads(ours[0][len(child.token) :]) if ours else None
        except ValueError:
            result = None
        self.send(
            {
                "id": child.job["id"],
                "result": result,
                "timed_out": child.timed_out,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
                "output": bytes(child.printed).decode("utf-8", "replace"),
                "seconds": round(time.monotonic() - child.started, 3),
                "peak_mb": usage.ru_maxrss >> 10,
            }
        )

    def sweep(self, child: Child) -> None:
        """End everything that the child has left behind, its own sessions included.

        Its group goes first. What had moved to another group became our child when its parent
        died (we are the subreaper), and is stopped before it is killed, so that it cannot breed.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        while True:
            parents = _parents()
            mine = os.getpid()
            orphans = [p for p, parent in parents.items() if parent == mine]
            orphans = [p for p in orphans if p not in self.children]
            if not orphans:
                return
            tree = set(orphans)
            while True:
                grown = tree | {p for p, parent in parents.items() if parent in tree}
                if grown == tree:
                    break
                tree = grown
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in tree:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            for pid in orphans:
                os.waitpid(pid, 0)


def _parents() -> dict[int, int]:
    """Return the parent of every process there is."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/" + entry + "/stat", "rb") as stream:
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        found[int(entry)] = int(fields[1])
    return found


def _version(name: str) -> str:
    module = sys.modules.get(name)
    return str(getattr(module, "__version__", "")) if module is not None else ""


def main() -> None:
    """Read the set-up, import TensorFlow, say what there is, and serve."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(requests, 1)
        if not byte:
            return
        line += byte
    setup = json.loads(line)
    sys.dont_write_bytecode = True
    server = Server(setup, requests, answers)
    try:
        worlds.load(setup["root_package"], setup.get("old", ""), bool(setup.get("legacy")))
    except ImportError as error:
        server.send({"failed": str(error), "missing": error.name or ""})
        return
    from . import child

    child.prepare()
    cage.become_subreaper()
    server.send(
        {
            "python_version": platform.python_version(),
            "tensorflow": _version("tensorflow"),
            "keras": _version("keras"),
            "tf_keras": _version("tf_keras"),
            "target": worlds.target().package,
            "target_version": worlds.target().version,
            "major": worlds.target().major,
        }
    )
    server.loop()

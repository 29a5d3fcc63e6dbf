"""The limits that a child puts on itself before it runs a line of the user's code."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
from typing import Any

NOBODY = 65534
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
#: Flags of a mounted file system, as statvfs and as mount spell them.
LOCKED_FLAGS = (
    (os.ST_NOSUID, 2),
    (os.ST_NODEV, 4),
    (os.ST_NOEXEC, 8),
    (os.ST_NOATIME, 1024),
    (os.ST_NODIRATIME, 2048),
    (os.ST_RELATIME, 1 << 21),
)
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

#: Largest file that a child may write, in bytes.
FILE_LIMIT = 1 << 30
#: Processes and threads that a child may have beyond those its user has already.
PROCESS_LIMIT = 64


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Let orphans of the children come to this process, which can then end them."""
    _libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _data_size() -> int:
    """Private writable memory of this process, in bytes: what RLIMIT_DATA counts."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[5]) * resource.getpagesize()


def _tasks_of(uid: int) -> int:
    """Number of threads of all processes of a user."""
    tasks = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.stat("/proc/" + entry).st_uid == uid:
                    tasks += len(os.listdir("/proc/" + entry + "/task"))
            except OSError:  # it has ended meanwhile
                continue
    return tasks


def limit(memory_mb: int, seconds: float, uid: int) -> None:
    """Set the resource limits.

    RLIMIT_DATA, not RLIMIT_AS: TensorFlow maps much more address space than it uses.
    """
    room = _data_size() + (memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (room, room))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # CPU time counts all threads; the wall clock is the real limit, this one is for the strays.
    cpu = int(seconds * 4) + 10
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    tasks = _tasks_of(uid) + PROCESS_LIMIT
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if hard == resource.RLIM_INFINITY or tasks <= hard:
        resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))


def _write(path: str, text: str) -> None:
    with open(path, "w") as stream:
        stream.write(text)


def close_network() -> str:
    """Take the network away; returns how: ``namespace`` or ``sockets``.

    Without privileges this needs a user namespace, which some systems refuse. The mount namespace
    comes along for ``protect``.
    """
    libc = _libc()
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET | CLONE_NEWNS | (0 if uid == 0 else CLONE_NEWUSER)
    if libc.unshare(flags) == 0:
        if uid != 0:
            # Without a mapping of its own id the process could create no file.
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} {uid} 1")
            _write("/proc/self/gid_map", f"{gid} {gid} 1")
        return "namespace"
    return _close_sockets()


def _close_sockets() -> str:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError("kerasmigrate verify runs code without a network")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo"):
        setattr(socket, name, refuse)
    return "sockets"


def protect(folder: str) -> str:
    """Make the user's own tree read-only; ``close_network`` has given the mounts to this process.

    Returns:
        ``read-only``, or ``scratch copy`` when the kernel does not let us, and only the fact that
        the code runs in a copy protects the tree.
    """
    libc = _libc()

    def mount(source: str, target: str, flags: int) -> bool:
        result: int = libc.mount(source.encode(), target.encode(), None, flags, None)
        return result == 0

    name = os.path.realpath(folder)
    if not mount("none", "/", MS_REC | MS_PRIVATE) or not mount(name, name, MS_BIND | MS_REC):
        return "scratch copy"
    status = os.statvfs(name).f_flag
    # In a user namespace a remount must repeat the flags that the mount is locked with.
    kept = sum(flag for bit, flag in LOCKED_FLAGS if status & bit)
    remounted = mount("none", name, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)
    return "read-only" if remounted else "scratch copy"


def bind_to_parent() -> None:
    """End with the server; gain no privileges. Comes last: a change of user undoes the first."""
    libc = _libc()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_privileges(keep_reading: bool) -> str:
    """From root become nobody; returns who the process is now.

    Args:
        keep_reading: The interpreter lies where nobody may not read, so the right to read any file
            has to stay; the rights to write and everything else go.
    """
    if os.getuid() != 0:
        return f"uid {os.getuid()}"
    libc = _libc()
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << CAP_DAC_READ_SEARCH if keep_reading else 0
    data = (ctypes.c_uint32 * 6)(bit, bit, 0, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return "nobody, who may read all files" if keep_reading else "nobody"

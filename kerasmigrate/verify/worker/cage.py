"""The limits that a child puts on itself before it runs a line of the user's code."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from typing import Any

NOBODY = 65534
CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
#: The same number on all architectures.
SYS_MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
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

    Without privileges this needs a user namespace, which some systems refuse. The other namespaces
    come along for ``hide_processes`` and ``protect``: of processes, mounts and shared memory.
    """
    libc = _libc()
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC
    if libc.unshare(flags | (0 if uid == 0 else CLONE_NEWUSER)) == 0:
        if uid != 0:
            # Without a mapping of its own id the process could create no file.
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} {uid} 1")
            _write("/proc/self/gid_map", f"{gid} {gid} 1")
        return "namespace"
    return _close_sockets()


def hide_processes() -> None:
    """Go on in a child that sees, and can signal, no process but its own descendants.

    It is the first process of the namespace that ``close_network`` has made, so that the kernel
    ends all of its descendants with it. This process waits, and ends as the child does.
    """
    _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        return
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _close_sockets() -> str:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError("kerasmigrate verify runs code without a network")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo"):
        setattr(socket, name, refuse)
    return "sockets"


def protect(tree: str, writable: list[str]) -> str:
    """Let this process write nowhere but to some folders; ``close_network`` gave it the mounts.

    Args:
        tree: The user's own tree.
        writable: The folders of this run, which lie in one folder of the whole verification.

    Returns:
        ``read-only``; ``tree read-only`` where an old kernel can do no more; ``scratch copy`` when
        it lets us do nothing, and only the fact that the code runs in a copy protects the tree.
    """
    tree = os.path.realpath(tree)
    if not _mount("none", "/", MS_REC | MS_PRIVATE):
        return "scratch copy"
    run = [os.path.realpath(each) for each in writable]
    whole = os.path.dirname(os.path.dirname(run[0]))
    shared = [each for each in ("/tmp", "/var/tmp") if _make_private(each, whole)]
    # The later ones lie in the earlier ones; a tree in /tmp is not to be seen any more.
    for each in (tree, whole, *run):
        if os.path.isdir(each) and not _mount(each, each, MS_BIND | MS_REC):
            return "scratch copy"
    if not _set_read_only("/", True):
        if not os.path.isdir(tree):
            return "tree read-only"
        status = os.statvfs(tree).f_flag
        # In a user namespace a remount must repeat the flags that the mount is locked with.
        kept = sum(flag for bit, flag in LOCKED_FLAGS if status & bit)
        remounted = _mount("none", tree, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)
        return "tree read-only" if remounted else "scratch copy"
    for each in (*shared, *run):
        if not _set_read_only(each, False):
            raise OSError(ctypes.get_errno(), "mount_setattr " + each)
    _mount("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "tmpfs", "size=256m,mode=1777")
    _mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "proc")
    # Sockets of services that act for whoever asks: they are files, which no namespace closes.
    needed = (tree, *run, sys.prefix, sys.base_prefix)
    if not any(os.path.realpath(each).startswith("/run/") for each in needed):
        _mount("tmpfs", "/run", MS_NOSUID | MS_NODEV, "tmpfs", "size=16m,mode=755")
    return "read-only"


def _make_private(folder: str, whole: str) -> bool:
    """Put an empty folder in the place of one that everybody writes to.

    What the code needs of it is shown there again: the folder of the verification, and the
    interpreter with its packages.

    Returns:
        Whether it is done; without the right to, the folder stays what it is.
    """
    needed = (whole, sys.prefix, sys.base_prefix, os.path.dirname(__file__), *sys.path)
    kept = {}
    for each in dict.fromkeys(os.path.realpath(each) for each in needed):
        if each.startswith(folder + "/") and os.path.isdir(each):
            kept[each] = os.open(each, os.O_PATH | os.O_DIRECTORY)
    if os.path.realpath(folder) != folder or not _mount(
        "tmpfs", folder, MS_NOSUID | MS_NODEV, "tmpfs", "size=512m,mode=1777"
    ):
        return False
    for each, descriptor in sorted(kept.items()):
        os.makedirs(each, exist_ok=True)
        if not _mount(f"/proc/self/fd/{descriptor}", each, MS_BIND | MS_REC):
            raise OSError(ctypes.get_errno(), "mount " + each)
        os.close(descriptor)
    return True


def _mount(source: str, target: str, flags: int, kind: str = "", options: str = "") -> bool:
    result: int = _libc().mount(
        source.encode(), target.encode(), kind.encode() or None, flags, options.encode() or None
    )
    return result == 0


def _set_read_only(target: str, value: bool) -> bool:
    """Change one mount, or all below ``/``; needs Linux 5.12."""
    attributes = (ctypes.c_uint64 * 4)(int(value), int(not value), 0, 0)
    recursive = AT_RECURSIVE if target == "/" else 0
    result: int = _libc().syscall(
        SYS_MOUNT_SETATTR,
        AT_FDCWD,
        target.encode(),
        recursive,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    return result == 0


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
    libc = _libc()
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 0
    if os.getuid() == 0:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        bit = 1 << CAP_DAC_READ_SEARCH if keep_reading else 0
        name = "nobody, who may read all files" if keep_reading else "nobody"
    else:
        # In a user namespace of its own it may still do everything to its mounts.
        name = f"uid {os.getuid()}"
    data = (ctypes.c_uint32 * 6)(bit, bit, 0, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return name

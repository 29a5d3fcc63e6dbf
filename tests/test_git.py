from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kerasmigrate import git
from kerasmigrate.git import Dirty, dirty

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def run(folder: Path, *arguments: str) -> None:
    options = ("-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always")
    subprocess.run(
        ["git", *options, *arguments], cwd=folder, env=ENV, check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    (top / "pkg").mkdir(parents=True)
    for name in ("a.py", "b.py", "pkg/c.py", "é \n.py"):
        (top / name).write_bytes(b"old\n")
    run(top, "init", "-q")
    run(top, "add", ".")
    run(top, "commit", "-q", "-m", "first")
    return top


def everything(top: Path) -> list[Path]:
    return [path for path in top.rglob("*.py") if ".git" not in path.parts]


def test_root(repository: Path, tmp_path: Path) -> None:
    for inside in ("", "a.py", "pkg", "pkg/c.py", "pkg/not/there.py"):
        assert git.root(repository / inside) == repository
    (tmp_path / "link").symlink_to(repository / "pkg")
    assert git.root(tmp_path / "link") == repository
    assert git.root(tmp_path) is None


def test_things_called_git_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a/.git").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/.git").write_bytes(b"hello")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/.git").write_bytes(b"gitdir: ../nowhere\n")
    assert [git.root(tmp_path / name) for name in "abc"] == [None, None, None]


def test_bare_repository_has_no_root(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q", "--bare", "bare.git")
    assert git.root(tmp_path / "bare.git/hooks") is None
    assert git.git_dir(tmp_path / "bare.git") is None


def test_environment_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "a.py").write_bytes(b"new\n")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert git.root(repository / "a.py") == repository
    assert git.git_dir(repository) == repository / ".git"
    assert dirty(repository, everything(repository)) == Dirty(("a.py",))


def test_clean_and_dirty(repository: Path) -> None:
    files = everything(repository)
    assert dirty(repository, files) == Dirty()
    assert not dirty(repository, files)
    (repository / "a.py").write_bytes(b"new\n")
    (repository / "pkg/c.py").write_bytes(b"new\n")
    (repository / "é \n.py").write_bytes(b"new\n")
    run(repository, "add", "pkg/c.py")
    (repository / "untracked.py").write_bytes(b"new\n")
    files = everything(repository)
    assert dirty(repository, files) == Dirty(("a.py", "pkg/c.py", "é \n.py"))
    assert dirty(repository, files)
    # Only the given files count.
    assert dirty(repository, [repository / "b.py", repository / "untracked.py"]) == Dirty()
    assert dirty(repository, []) == Dirty()


def test_added_renamed_and_conflicting_files_are_dirty(repository: Path) -> None:
    (repository / "added.py").write_bytes(b"added\n")
    run(repository, "add", "added.py")
    run(repository, "mv", "b.py", "renamed.py")
    assert dirty(repository, everything(repository)) == Dirty(("added.py", "renamed.py"))
    run(repository, "reset", "-q", "--hard")
    run(repository, "checkout", "-q", "-b", "other")
    (repository / "a.py").write_bytes(b"theirs\n")
    run(repository, "commit", "-q", "-a", "-m", "theirs")
    run(repository, "checkout", "-q", "-")
    (repository / "a.py").write_bytes(b"ours\n")
    run(repository, "commit", "-q", "-a", "-m", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        run(repository, "merge", "other")
    assert dirty(repository, everything(repository)) == Dirty(("a.py",))


def test_repository_without_a_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_bytes(b"x")
    assert dirty(tmp_path, [tmp_path / "a.py"]) == Dirty()
    run(tmp_path, "add", "a.py")
    assert dirty(tmp_path, [tmp_path / "a.py"]) == Dirty(("a.py",))


def test_linked_work_tree(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", "../linked")
    linked = tmp_path / "linked"
    assert git.root(linked / "pkg/c.py") == linked
    assert git.git_dir(linked) == repository / ".git/worktrees/linked"
    assert git.common_dir(linked) == repository / ".git"
    (linked / "a.py").write_bytes(b"new\n")
    assert dirty(linked, everything(linked)) == Dirty(("a.py",))
    assert dirty(repository, everything(repository)) == Dirty()


def test_submodule(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    run(outer, "init", "-q")
    run(outer, "submodule", "add", "-q", str(repository), "sub")
    run(outer, "commit", "-q", "-m", "first")
    assert git.root(outer / "sub/a.py") == outer / "sub"
    assert git.git_dir(outer / "sub") == outer / ".git/modules/sub"
    (outer / "sub/a.py").write_bytes(b"new\n")
    assert dirty(outer, everything(outer)) == Dirty(("sub/a.py",))


def test_two_repositories_and_a_file_in_none(repository: Path, tmp_path: Path) -> None:
    other = shutil.copytree(repository, tmp_path / "other")
    (other / "a.py").write_bytes(b"new\n")
    (tmp_path / "loose.py").write_bytes(b"x")
    files = [*everything(repository), *everything(other), tmp_path / "loose.py"]
    assert dirty(repository, files) == Dirty(("../other/a.py",))


def test_a_repository_that_git_cannot_read_is_not_clean(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"broken")
    found = dirty(repository, everything(repository))
    assert found
    assert found.paths == ()
    assert found.reason.startswith(f"{repository}: ")
    assert "\n" not in found.reason


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_a_repository_of_somebody_else_is_not_clean(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("SUDO_UID", raising=False)
    for path in (repository, repository / ".git"):
        os.chown(path, 1234, 1234)
    found = dirty(repository, [repository / "a.py"])
    assert found == Dirty(
        (), f"{repository}: detected dubious ownership in repository at '{repository}'"
    )
    # Declared safe, also through the environment, it is like any other.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert dirty(repository, [repository / "a.py"]) == Dirty()


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (repository / "a.py").write_bytes(b"new\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert git.root(repository / "a.py") == repository
    assert dirty(repository, [repository / "a.py"]) == Dirty()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'fatal: no luck' >&2; echo more >&2; exit 128", "no luck"),
        ("exit 3", "git ended with 3"),
        ("sleep 20", "git did not answer within 0 s"),
    ],
)
def test_a_git_that_gives_no_answer(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/git"
    fake.write_bytes(f"#!/bin/sh\n{script}\n".encode())
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent) + os.pathsep + os.environ["PATH"])
    if "sleep" in script:
        monkeypatch.setattr(git, "TIMEOUT", 0.3)
    assert dirty(repository, [repository / "a.py"]) == Dirty((), f"{repository}: {reason}")


def test_configured_programs_are_not_run(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hook = tmp_path / "hook"
    hook.write_bytes(f"#!/bin/sh\ntouch '{mark}'\n".encode())
    hook.chmod(0o755)
    run(repository, "config", "core.fsmonitor", str(hook))
    assert dirty(repository, everything(repository)) == Dirty()
    assert not mark.exists()

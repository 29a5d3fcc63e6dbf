from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from kerasmigrate.errors import UsageError
from kerasmigrate.files import Candidate, Discovery, discover, printable

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=ENV, check=True, capture_output=True
    ).stdout


def plant(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"import keras\n")
    return root


def names(found: Discovery) -> list[str]:
    assert found.problems == ()
    return [each.display for each in found.files]


def search(*paths: Path, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[str]:
    return names(discover(paths, include=tuple(include), exclude=tuple(exclude)))


def test_python_files_of_a_folder(tmp_path: Path) -> None:
    plant(tmp_path, "b.py", "a/c.py", "a/d.pyi", "a/e.txt", "Makefile", "a/b.pyc", "ab.py")
    assert discover([tmp_path]) == Discovery(
        tuple(Candidate(tmp_path / name, name, tmp_path) for name in ("a/c.py", "ab.py", "b.py"))
    )


def test_empty_folder_and_nothing(tmp_path: Path) -> None:
    assert discover([tmp_path]) == Discovery()
    assert discover([]) == Discovery()


def test_named_twice_or_through_its_folder_is_one_file(tmp_path: Path) -> None:
    plant(tmp_path, "a/x.py")
    found = discover([tmp_path / "a" / "x.py", tmp_path, tmp_path / "a", tmp_path / "a/../a/x.py"])
    assert [each.path for each in found.files] == [tmp_path / "a" / "x.py"]


def test_named_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    git(plant(tmp_path, "tool", "venv/pyvenv.cfg", "venv/x.py", "out/y.py"), "init", "-q")
    (tmp_path / ".gitignore").write_bytes(b"out/\n")
    named = [tmp_path / "tool", tmp_path / "venv/x.py", tmp_path / "out/y.py"]
    assert search(tmp_path) == []
    assert search(*named) == ["out/y.py", "tool", "venv/x.py"]


def test_display_is_relative_to_the_git_root(tmp_path: Path) -> None:
    git(plant(tmp_path, "src/pkg/x.py"), "init", "-q")
    for named in ("src/pkg/x.py", "src/pkg", "src", "."):
        assert discover([tmp_path / named]).files == (
            Candidate(tmp_path / "src/pkg/x.py", "src/pkg/x.py", tmp_path),
        )


def test_display_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = plant(tmp_path, "src/pkg/x.py") / "src/pkg/x.py"
    assert discover([tmp_path / "src"]).files == (Candidate(file, "pkg/x.py", tmp_path / "src"),)
    monkeypatch.chdir(tmp_path)
    assert discover([Path("src/pkg/x.py")]).files == (Candidate(file, "src/pkg/x.py", tmp_path),)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert discover([file]).files == (Candidate(file, "x.py", file.parent),)


def test_skipped_folders(tmp_path: Path) -> None:
    plant(tmp_path, "keep.py", "build/kept_when_not_ignored.py", "venv_like/x.py")
    for folder in (
        *(".git", ".hg", ".svn", "__pycache__", "node_modules", "lib/site-packages"),
        *(".tox", ".nox", ".eggs"),
    ):
        plant(tmp_path, f"{folder}/x.py", f"deep/{folder}/y/z.py")
    plant(tmp_path, "any name/pyvenv.cfg", "any name/bin/activate_this.py")
    (tmp_path / "conda/conda-meta").mkdir(parents=True)
    plant(tmp_path, "conda/lib/y.py")
    assert search(tmp_path) == ["build/kept_when_not_ignored.py", "keep.py", "venv_like/x.py"]


def test_a_skipped_folder_is_searched_when_it_is_named(tmp_path: Path) -> None:
    plant(tmp_path, "venv/pyvenv.cfg", "venv/lib/x.py", "a/node_modules/y.py")
    assert search(tmp_path / "venv") == ["lib/x.py"]
    assert search(tmp_path / "a/node_modules") == ["y.py"]


def test_gitignore_nested_and_negated(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    plant(tmp_path, "a.py", "build/b.py", "pkg/gen_1.py", "pkg/gen_2.py", "pkg/sub/gen_3.py")
    plant(tmp_path, "pkg/build/c.py", "pkg/deep/only.py", "pkg/deep/not.py", "local.py")
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbf/build/\r\ngen_*.py\n# comment\n\n")
    (tmp_path / "pkg/.gitignore").write_bytes(b"!gen_2.py\ndeep/*\n!deep/only.py\n")
    (tmp_path / ".git/info/exclude").write_bytes(b"local.py\n")
    wanted = ["a.py", "pkg/build/c.py", "pkg/deep/only.py", "pkg/gen_2.py"]
    assert search(tmp_path) == wanted
    # The rules of the folders above hold, too.
    assert search(tmp_path / "pkg") == wanted[1:]
    assert search(tmp_path / "pkg/deep") == ["pkg/deep/only.py"]
    # Naming an ignored folder overrules what ignores it.
    assert search(tmp_path / "build") == ["build/b.py"]


def test_gitignore_without_a_repository(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_bytes(b"b.py\n")
    assert search(tmp_path) == ["a.py"]


def test_nested_repository_has_its_own_rules(tmp_path: Path) -> None:
    git(plant(tmp_path, "gen.py", "x.py", "third/gen.py", "third/x.py"), "init", "-q")
    git(tmp_path / "third", "init", "-q")
    (tmp_path / ".gitignore").write_bytes(b"gen.py\n")
    (tmp_path / "third/.git/info/exclude").write_bytes(b"/x.py\n")
    assert search(tmp_path) == ["third/gen.py", "x.py"]


def test_linked_work_tree_reads_the_shared_exclude_file(tmp_path: Path) -> None:
    main = plant(tmp_path / "main", "a.py", "secret.py")
    git(main, "init", "-q")
    git(main, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "m")
    git(main, "worktree", "add", "-q", "../linked")
    (main / ".git/info/exclude").write_bytes(b"secret.py\n")
    assert search(plant(tmp_path / "linked", "a.py", "secret.py")) == ["a.py"]


def test_meaningless_line_in_an_ignore_file_ignores_nothing(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_bytes(b"!\nb.py\n\xff\xfe\n[\n")
    assert search(tmp_path) == ["a.py"]


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_git(tmp_path: Path, seed: int) -> None:
    """Random trees with random ignore files: the same files as ``git ls-files --others``."""
    rng = random.Random(seed)
    git(tmp_path, "init", "-q")
    words = ["a", "b", "c", "ab"]
    for _ in range(60):
        depth = rng.randrange(4)
        plant(tmp_path, "/".join([*rng.choices(words, k=depth), rng.choice(words) + ".py"]))
    pieces = ["a", "b", "c", "ab", "*", "**", "a*", "?", "[ab]", "a.py", "*.py", "b.py", "[!a].py"]
    pieces += [
        "***",
        "[",
        "[]a]",
        "[a-c]",
        "[[:alpha:]]*",
        "\\a",
        "\\",
        "[^[:lower:]]",
        "#a",
    ]
    folders = [tmp_path, *sorted(path for path in tmp_path.rglob("[abc]*") if path.is_dir())]
    for folder in [tmp_path, *rng.sample(folders, min(4, len(folders)))]:
        lines = []
        for _ in range(rng.randrange(1, 5)):
            body = "/".join(rng.choices(pieces, k=rng.choice([1, 1, 2])))
            start, end = (
                rng.choice(["", "", "!", "/", "!/"]),
                rng.choice(["", "", "/", " ", "\\ ", "\r"]),
            )
            lines.append(start + body + end)
        (folder / ".gitignore").write_bytes("".join(f"{line}\n" for line in lines).encode())
    theirs = git(tmp_path, "ls-files", "-z", "--others", "--exclude-standard").decode().split("\0")
    rules = {str(path): path.read_bytes() for path in tmp_path.rglob(".gitignore")}
    assert (search(tmp_path), rules) == (
        sorted((name for name in theirs if name.endswith(".py")), key=lambda n: n.split("/")),
        rules,
    )


def test_include_and_exclude(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "src/b.py", "src/c.pyi", "src/old/d.py", "docs/e.ipynb", "src/f.txt")
    assert search(tmp_path, include=["src/"]) == ["src/b.py", "src/old/d.py"]
    assert search(tmp_path, include=["*.py", "*.pyi"]) == [
        *("a.py", "src/b.py", "src/c.pyi", "src/old/d.py")
    ]
    assert search(tmp_path, include=["*.ipynb"]) == ["docs/e.ipynb"]
    assert search(tmp_path, exclude=["old", "/a.py"]) == ["src/b.py"]
    assert search(tmp_path, include=["src/"], exclude=["*", "!b.py", "!*/"]) == ["src/b.py"]
    assert search(tmp_path / "src/b.py", tmp_path / "src/f.txt", include=["old"]) == [
        *("b.py", "f.txt")
    ]


def test_exclude_holds_for_named_files(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "test_a.py")
    assert search(tmp_path / "a.py", tmp_path / "test_a.py", exclude=["test_*"]) == ["a.py"]


def test_pattern_that_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        discover([tmp_path], exclude=["!"])
    assert str(caught.value) == (
        "the pattern '!' cannot match anything: write it as in a .gitignore file"
    )


def test_links_to_folders_are_never_entered(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", "pkg/a.py")
    plant(tmp_path / "outside", "b.py")
    (tree / "again").symlink_to("pkg")
    (tree / "loop").symlink_to(".")
    (tree / "pkg/up").symlink_to("..")
    (tree / "out").symlink_to("../outside")
    assert search(tree) == ["pkg/a.py"]


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    plant(tmp_path / "tree", "pkg/a.py")
    (tmp_path / "link").symlink_to("tree/pkg")
    (tmp_path / "link.py").symlink_to("tree/pkg/a.py")
    found = discover([tmp_path / "link", tmp_path / "link.py"])
    assert found.files == (Candidate(tmp_path / "tree/pkg/a.py", "a.py", tmp_path / "tree/pkg"),)


def test_links_to_files(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", "a.py", "bin/tool", "env/pyvenv.cfg", "env/lib.py", "gen.py")
    plant(tmp_path / "outside", "b.py")
    (tree / ".gitignore").write_bytes(b"/gen.py\n")
    for link, target in {
        "same.py": "a.py",
        "tool.py": "bin/tool",
        "out.py": "../outside/b.py",
        "env_lib.py": "env/lib.py",
        "gen_link.py": "gen.py",
        "nowhere.py": "missing.py",
        "self.py": "self.py",
        "folder.py": "bin",
    }.items():
        (tree / link).symlink_to(target)
    assert search(tree) == ["a.py", "bin/tool"]


def test_problems_with_named_paths(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    plant(tmp_path, "file")
    paths = [tmp_path / name for name in ("missing.py", "loop", "fifo", "file/x.py", "x" * 300)]
    assert discover([*paths, Path("nul\0.py")]) == Discovery(
        (),
        tuple(
            sorted(
                [
                    (str(paths[0]), "does not exist"),
                    (str(paths[1]), "too many levels of symbolic links"),
                    (str(paths[2]), "not a regular file"),
                    (str(paths[3]), "not a directory"),
                    (str(paths[4]), "file name too long"),
                    ("nul\0.py", "not a valid file name"),
                ]
            )
        ),
    )


def test_strange_files_in_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "pkg/a.py")
    os.mkfifo(tmp_path / "pkg/pipe.py")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.py")
        found = discover([tmp_path])
    assert [each.display for each in found.files] == ["pkg/a.py"]
    assert found.problems == (
        ("pkg/pipe.py", "not a regular file"),
        ("s.py", "not a regular file"),
    )


SEARCH_AS_NOBODY = """
import os, sys
from pathlib import Path
from kerasmigrate.files import discover
import pathspec
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
found = discover([Path(name) for name in sys.argv[1:]])
print([each.display for each in found.files], found.problems)
"""


def test_folder_that_may_not_be_read() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name))
        plant(root, "a.py", "closed/b.py")
        root.chmod(0o755)
        closed = root / "closed"
        closed.chmod(0o000)
        try:
            done = subprocess.run(
                [sys.executable, "-c", SEARCH_AS_NOBODY, str(root), str(closed / "b.py")],
                cwd=Path(__file__).parent.parent,
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
        finally:
            closed.chmod(0o755)
        assert (done.stderr, done.stdout) == (
            "",
            f"['a.py'] (('{closed}/b.py', 'permission denied'), ('closed', 'permission denied'))\n",
        )


def test_odd_names(tmp_path: Path) -> None:
    odd = ["a b.py", "é.py", "new\nline.py", os.fsdecode(b"\xe9\xff.py"), "-x.py", "[a].py"]
    plant(tmp_path, *odd)
    found = search(tmp_path)
    assert sorted(found) == sorted(odd)
    assert sorted(printable(name) for name in found) == sorted(
        ["a b.py", "é.py", "new\\nline.py", "\\xe9\\xff.py", "-x.py", "[a].py"]
    )


def test_five_thousand_files_are_found_in_half_a_second(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for number in range(100):
        folder = tmp_path / f"package_{number % 10}" / f"module_{number}"
        folder.mkdir(parents=True)
        for file in range(50):
            (folder / f"file_{file}.py").touch()
    patterns = [f"/build_{n}/\n*.ext{n}\n" for n in range(20)]
    (tmp_path / ".gitignore").write_bytes("".join(patterns).encode())
    times = []
    for _ in range(3):
        start = time.process_time()
        found = discover([tmp_path])
        times.append(time.process_time() - start)
    assert len(found.files) == 5000
    assert min(times) < 0.5

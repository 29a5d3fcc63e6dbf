from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasmigrate import diff

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C.UTF-8",
}


def run(folder: Path, *command: str, data: bytes = b"") -> None:
    done = subprocess.run(command, cwd=folder, input=data, env=ENV, capture_output=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr, data)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "git", "init", "-q")
    yield folder


def check_applies(folder: Path, before: bytes, after: bytes, name: str = "m.py") -> bytes:
    """Both tools turn ``before`` into ``after``, and back."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = diff.unified(before, after, name)
    tools = [
        ["git", "apply", "--whitespace=nowarn"],
        ["patch", "-p1", "-s", "--binary", "--no-backup-if-mismatch"],
    ]
    for tool in tools:
        for command, old, new in ((tool, before, after), ([*tool, "-R"], after, before)):
            file.write_bytes(old)
            run(folder, *command, data=text)
            assert (command, file.read_bytes()) == (command, new)
    return text


def test_exact_text() -> None:
    before = b"".join(b"%d\n" % n for n in range(1, 21))
    after = before.replace(b"\n2\n", b"\ntwo\n").replace(b"\n19\n20\n", b"\n19\n20\n21\n")
    assert diff.unified(before, after, "pkg/m.py") == (
        b"--- a/pkg/m.py\n+++ b/pkg/m.py\n"
        b"@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n"
        b"@@ -18,3 +18,4 @@\n 18\n 19\n 20\n+21\n"
    )


def test_changes_six_lines_apart_share_a_hunk_and_seven_do_not() -> None:
    def hunks(apart: int) -> int:
        lines = [b"%d\n" % n for n in range(30)]
        new = list(lines)
        new[5] = b"x\n"
        new[5 + apart + 1] = b"y\n"
        return diff.unified(b"".join(lines), b"".join(new), "m.py").count(b"\n@@ ")

    assert (hunks(6), hunks(7)) == (1, 2)


def test_equal_contents_have_no_diff() -> None:
    assert diff.unified(b"a\n", b"a\n", "m.py") == b""
    assert diff.unified(b"", b"", "m.py") == b""


def test_missing_newline_at_the_end() -> None:
    assert diff.unified(b"a\nb", b"a\nc", "m.py") == (
        b"--- a/m.py\n+++ b/m.py\n@@ -1,2 +1,2 @@\n a\n"
        b"-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
    )
    assert diff.unified(b"a", b"a\n", "m.py") == (
        b"--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"
    )


def test_empty_to_something_and_back() -> None:
    assert diff.unified(b"", b"a\n", "m.py") == (b"--- a/m.py\n+++ b/m.py\n@@ -0,0 +1 @@\n+a\n")
    assert diff.unified(b"a\nb\n", b"", "m.py") == (
        b"--- a/m.py\n+++ b/m.py\n@@ -1,2 +0,0 @@\n-a\n-b\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n", id="crlf"),
        pytest.param(b"a\r\nb\nc\r\n", b"a\r\nB\nc\r\n", id="mixed newlines"),
        pytest.param(b"a\rb\rc\r", b"a\rB\rc\r", id="cr only"),
        pytest.param(b"a\r\nb", b"a\r\nB", id="crlf without newline at the end"),
        pytest.param(b"a\nb", b"a\nb\n", id="newline added at the end"),
        pytest.param(b"a\nb\n", b"a\nb", id="newline removed at the end"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfA\nb\n", id="bom"),
        pytest.param(b"\xe9\nb\xe8\n", b"\xe9\nB\xe8\n", id="latin-1"),
        pytest.param(b"a\x0cb\nc\n", b"a\x0cb\nC\n", id="form feed"),
        pytest.param(
            b"a\xe2\x80\xa8b\nc\x0bd\x1ce\x85\n", b"A\xe2\x80\xa8b\nc\x0bd\x1ce\x85\n", id="u2028"
        ),
        pytest.param(b"", b"a\nb\n", id="empty before"),
        pytest.param(b"a\nb", b"", id="empty after"),
        pytest.param(b"- a\n-- b\n--- c\n", b"+++ c\n-- b\n@@ -1 +1 @@\n", id="looks like a diff"),
        pytest.param(b"\\ No newline at end of file\n", b"\\ No\n", id="looks like a marker"),
        pytest.param(b"\n\n\n", b"\n\n", id="blank lines"),
    ],
)
def test_git_and_patch_apply_it(repository: Path, before: bytes, after: bytes) -> None:
    check_applies(repository, before, after)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.py", b"--- a/a b.py\t\n+++ b/a b.py\t\n"),
        ("dir with/é.py", b'--- "a/dir with/\\303\\251.py"\n+++ "b/dir with/\\303\\251.py"\n'),
        ('q"\\t.py', b'--- "a/q\\"\\\\t.py"\n+++ "b/q\\"\\\\t.py"\n'),
        ("tab\there\nthere.py", b'--- "a/tab\\there\\nthere.py"\n+++ "b/tab\\there\\nthere.py"\n'),
        (os.fsdecode(b"\xe9.py"), b'--- "a/\\351.py"\n+++ "b/\\351.py"\n'),
        ("-x.py", b"--- a/-x.py\n+++ b/-x.py\n"),
        ("x .py ", b'--- "a/x .py "\n+++ "b/x .py "\n'),
    ],
)
def test_file_names(repository: Path, name: str, header: bytes) -> None:
    text = check_applies(repository, b"a\nb\n", b"a\nc\n", name)
    assert text == header + b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_names_are_quoted_as_git_quotes_them(repository: Path) -> None:
    odd = [bytes([byte]) for byte in range(1, 256) if byte != ord("/")]
    for number, part in enumerate(odd):
        (repository / os.fsdecode(b"%03d" % number + part + b".py")).write_bytes(b"a\n")
    run(repository, "git", "add", ".")
    for file in repository.glob("*.py"):
        file.write_bytes(b"b\n")
    command = ["git", "-c", "core.quotePath=true", "diff"]
    output = subprocess.run(command, cwd=repository, env=ENV, capture_output=True).stdout
    theirs = sorted(line for line in output.split(b"\n") if line.startswith(b"+++ "))
    ours = sorted(
        diff.unified(b"a\n", b"b\n", file.name).split(b"\n")[1] for file in repository.glob("*.py")
    )
    assert len(ours) == len(odd)
    assert ours == theirs


def mutate(rng: random.Random, lines: list[bytes], alphabet: list[bytes]) -> list[bytes]:
    out = []
    for line in lines:
        chance = rng.random()
        if chance < 0.1:
            continue
        if chance < 0.2:
            out.append(rng.choice(alphabet))
        out.append(rng.choice(alphabet) if chance > 0.9 else line)
    return out


def test_random_contents_apply_exactly(tmp_path: Path) -> None:
    """One patch over 150 files: git and patch must each arrive at the same bytes."""
    rng = random.Random(20)
    alphabet = [
        b"",
        b"a",
        b"b\r",
        b"\xe9",
        b"- x",
        b"+",
        b" ",
        b"\t\x0c",
        b"@@",
        b"\\",
        b"\xef\xbb\xbf",
    ]
    folder = tmp_path / "tree"
    folder.mkdir()
    run(folder, "git", "init", "-q")
    patch, wanted = b"", {}
    for number in range(150):
        lines = [rng.choice(alphabet) for _ in range(rng.randrange(1, 40))]
        before = b"\n".join(lines) + rng.choice([b"", b"\n"])
        after = b"\n".join(mutate(rng, lines, alphabet)) + rng.choice([b"", b"\n"])
        name = f"{number}.py"
        (folder / name).write_bytes(before)
        patch += diff.unified(before, after, name)
        wanted[name] = after
    twin = shutil.copytree(folder, tmp_path / "twin")
    run(folder, "git", "apply", "--whitespace=nowarn", "-", data=patch)
    run(twin, "patch", "-p1", "-s", "--binary", data=patch)
    for tree in (folder, twin):
        found = {name: (tree / name).read_bytes() for name in wanted}
        assert found == wanted


def test_random_long_contents_apply_exactly(tmp_path: Path) -> None:
    """Long enough for anchors, for the shortest script and for the coarse comparison."""
    rng = random.Random(7)
    run(tmp_path, "git", "init", "-q")
    patch, wanted = b"", {}
    for number, (kinds, changes) in enumerate(
        (kinds, changes) for kinds in (3, 40, 100_000) for changes in (2, 100, 1500)
    ):
        old = [b"%d\n" % rng.randrange(kinds) for _ in range(2500)]
        new = list(old)
        for _ in range(changes):
            at = rng.randrange(len(new))
            new[at : at + rng.randrange(2)] = [b"%d\n" % rng.randrange(kinds)]
        new = [b"first\n", *new, b"last\n"]
        name = f"{number}.py"
        (tmp_path / name).write_bytes(b"".join(old))
        patch += diff.unified(b"".join(old), b"".join(new), name)
        wanted[name] = b"".join(new)
    run(tmp_path, "git", "apply", "-", data=patch)
    assert {name: (tmp_path / name).read_bytes() for name in wanted} == wanted


@pytest.mark.parametrize("kinds", [50, 1_000_000])
def test_long_file_with_few_changes_is_quick_and_short(kinds: int) -> None:
    rng = random.Random(3)
    old = [
        b"\n" if rng.random() < 0.3 else b"x = %d\n" % rng.randrange(kinds) for _ in range(20_000)
    ]
    new = list(old)
    changed = [0, 5_000, 10_000, 15_000, 19_999]
    for at in changed:
        new[at] = b"changed\n"
    start = time.process_time()
    text = diff.unified(b"".join(old), b"".join(new), "m.py")
    assert time.process_time() - start < 3
    assert [line for line in text.split(b"\n") if line.startswith(b"+c")] == [b"+changed"] * 5
    assert text.count(b"\n-") == 5


def test_colour_is_for_eyes_and_cannot_steer_a_terminal() -> None:
    before = b"a\r\n\x1b[2Jx\xe9\n"
    shown = diff.colour(diff.unified(before, b"b\r\n\x1b[2Jx\xe9\n--- q\n", "m.py"))
    assert shown == (
        "\x1b[1m--- a/m.py\x1b[0m\n"
        "\x1b[1m+++ b/m.py\x1b[0m\n"
        "\x1b[36m@@ -1,2 +1,3 @@\x1b[0m\n"
        "\x1b[31m-a^M\x1b[0m\n"
        "\x1b[32m+b^M\x1b[0m\n"
        " ^[[2Jx\\xe9\n"
        "\x1b[32m+--- q\x1b[0m\n"
    )


def test_colour_of_two_files_marks_both_headers() -> None:
    text = diff.unified(b"a\n", b"b\n", "a.py") + diff.unified(b"-- a\n", b"b\n", "b.py")
    assert diff.colour(text).count("\x1b[1m") == 4
    assert "\x1b[31m--- a\x1b[0m" in diff.colour(text)

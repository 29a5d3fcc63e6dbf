"""The pages for people: what they show is run, and has to come out as it is printed.

A comment in front of a fenced block says what it is:

``<!-- file: PATH -->``
    a file, written into the folder that the page works in.
``<!-- run -->``
    ``console``: commands behind ``$``, each followed by what it prints, both streams together, and
    by ``(exit N)`` when it does not end with 0. A line ``...`` stands for any lines, and ``...`` in
    a line for anything. ``python``: a script; all of a page share their variables.
``<!-- output -->``
    what the script in front of it prints.
``<!-- shows: PATH -->``
    a part of a file of this repository.
``<!-- not run: REASON -->``
    neither.

``<!-- add: PATH: LINE -->``
    lines that belong behind a line of a file. Added to ``pyproject.toml``, they are installed.

The folder of each page begins with ``project``, a copy of ``examples/keras1-digits``. With
``UPDATE_DOCS=1`` in the environment, outputs that have changed are written into the pages.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import kerasmigrate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "keras1-digits"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *EXAMPLE.glob("*.md")])
UPDATE = bool(os.environ.get("UPDATE_DOCS"))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment in front of it."""

    mark: str
    language: str
    text: str
    start: int


def blocks(page: Path) -> list[Block]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(each["mark"] or "", each["language"], each["text"], each.start("text"))
        for each in found
    ]


def needs_tensorflow(page: Path) -> bool:
    wanted = re.compile(r"kerasmigrate verify|--verify|verify_paths|scripts/demo|--from-package")
    return any(block.mark == "run" and wanted.search(block.text) for block in blocks(page))


def page_parameters() -> list[object]:
    found: list[object] = []
    for page in PAGES:
        marks = []
        if needs_tensorflow(page):
            missing = find_spec("tensorflow") is None
            marks = [
                pytest.mark.tensorflow,
                pytest.mark.skipif(missing, reason="TensorFlow is not installed"),
            ]
        name = page.relative_to(ROOT).as_posix()
        found.append(pytest.param(page, id=name, marks=marks))
    return found


def matches(expected: str, actual: str) -> bool:
    """Tell whether an output is the expected one, in which ``...`` stands for anything."""
    parts = re.split(r"(^\.\.\.\n|\.\.\.)", expected, flags=re.M)
    pattern = "".join(
        "(?:.*\n)*?" if part == "...\n" else ".*?" if part == "..." else re.escape(part)
        for part in parts
    )
    return re.fullmatch(pattern, actual) is not None


def dotted(expected: str, actual: str) -> str:
    """Return a new output with the dots that the old one had in lines that still match."""
    lines = expected.splitlines(keepends=True)
    patterns = [line for line in lines if "..." in line and line != "...\n"]
    return "".join(
        next((each for each in patterns if matches(each, line)), line)
        for line in actual.splitlines(keepends=True)
    )


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\nb\nc\n", True),
        ("a\n...\n", "a\n", True),
        ("in ... s\n", "in 3.1 s\n", True),
        ("in ... s\n", "in 3.1\ns\n", False),
        ("...\nz\n", "a\ny\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_anything(expected: str, actual: str, same: bool) -> None:
    assert matches(expected, actual) is same


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Page:
    """Runs the blocks of one page in a folder of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.variables: dict[str, object] = {"__name__": "__main__"}
        self.printed = ""
        self.changes: list[tuple[Block, str]] = []
        self.copy("examples/keras1-digits", "project")
        if page.parent == ROOT:
            self.check_out()

    def copy(self, path: str, to: str = "") -> None:
        source, goal = ROOT / path, self.folder / (to or path)
        goal.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, goal, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, goal)

    def check_out(self) -> None:
        """Put into the folder what a contributor has in it, installed as a contributor does."""
        for path in ("kerasmigrate", "transforms", "examples", "scripts", "pyproject.toml"):
            self.copy(path)
        self.copy("tests/migrating.py")
        (self.folder / "kerasmigrate" / "transforms").symlink_to("../transforms")
        self.install()

    def install(self) -> None:
        """Write what installing writes about the entry points."""
        text = (self.folder / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        entries = project["entry-points"]["kerasmigrate.transforms"]
        folder = self.folder / f"kerasmigrate-{project['version']}.dist-info"
        folder.mkdir(exist_ok=True)
        lines = [f"{name} = {value}\n" for name, value in entries.items()]
        written = "[kerasmigrate.transforms]\n" + "".join(lines)
        (folder / "entry_points.txt").write_text(written, encoding="utf-8")
        head = f"Metadata-Version: 2.1\nName: kerasmigrate\nVersion: {project['version']}\n"
        (folder / "METADATA").write_text(head, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        passed_on = ("LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in passed_on if name in os.environ},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder.parent / "home"),
            "COLUMNS": "100",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.invalid",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.invalid",
            "KERASMIGRATE_ENV": str(Path(sys.executable).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(self.folder),
        }

    def run(self) -> None:
        for block in blocks(self.page):
            if not block.mark:
                continue  # a drawing; another test makes sure of that
            kind, _, value = block.mark.partition(": ")
            if kind == "file":
                path = self.folder / value
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif kind == "add":
                self.add(*value.split(": ", 1), block.text)
            elif kind == "shows":
                assert block.text in (ROOT / value).read_text(encoding="utf-8"), value
            elif kind == "run" and block.language == "console":
                self.compare(block, self.console(block.text))
            elif kind == "run" and block.language == "python":
                self.printed = self.script(block.text)
            elif kind == "output":
                self.compare(block, self.printed)
            else:
                assert kind == "not run", f"{self.page}: unknown mark {block.mark!r}"
        self.update()

    def add(self, name: str, line: str, text: str) -> None:
        path = self.folder / name
        before = path.read_text(encoding="utf-8")
        assert before.count(f"{line}\n") == 1
        path.write_text(before.replace(f"{line}\n", f"{line}\n{text}"), encoding="utf-8")
        if name == "pyproject.toml":
            self.install()

    def compare(self, block: Block, actual: str) -> None:
        if matches(block.text, actual):
            return
        if UPDATE:
            self.changes.append((block, dotted(block.text, actual)))
        else:
            assert actual == block.text

    def update(self) -> None:
        text = self.page.read_text(encoding="utf-8")
        for block, actual in reversed(self.changes):
            text = text[: block.start] + actual + text[block.start + len(block.text) :]
        if self.changes:
            self.page.write_text(text, encoding="utf-8")

    def console(self, transcript: str) -> str:
        """Run the commands of a transcript; return it with what they really print."""
        shown = ""
        for part in re.findall(r"^\$ .*\n(?:> .*\n)*|^(?!\$ ).*\n", transcript, re.M):
            if not part.startswith("$ "):
                continue
            command = re.sub(r"^[$>] ", "", part, flags=re.M)
            finished = subprocess.run(
                ["sh", "-c", command],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                timeout=600,
            )
            output = finished.stdout.replace(str(self.folder), "/home/you")
            if output and not output.endswith("\n"):
                output += "\n"
            code = f"(exit {finished.returncode})\n" if finished.returncode else ""
            shown += part + output + code
        return shown

    def script(self, code: str) -> str:
        printed = io.StringIO()
        with working_in(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(code, str(self.page), "exec"), self.variables)
        return printed.getvalue()


@pytest.mark.parametrize("page", page_parameters())
def test_a_page_shows_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "work"
    folder.mkdir()
    Page(page, folder).run()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_is_run_or_says_why_not(page: Path) -> None:
    unmarked = [
        block.text
        for block in blocks(page)
        if block.language in ("console", "python", "sh", "toml", "yaml") and not block.mark
    ]
    assert unmarked == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in _LINK.findall(text):
        target, _, anchor = link.partition("#")
        if target.startswith(("https://", "http://")):
            continue
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.M)
            assert anchor in {slug(heading) for heading in headings}, link


def slug(heading: str) -> str:
    """Return the anchor that a heading of Markdown gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_the_example_migrates_completely(to: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    report = kerasmigrate.migrate([project], to=to)
    changed = {file.display for file in report.changed}
    stays = {"keras": set(), "tf.keras": {"finetune.py"}, "tf_keras": set()}[to]
    files = {"digits/data.py", "digits/layers.py", "digits/network.py", "finetune.py", "train.py"}
    assert changed == files - stays
    assert [finding for file in report.files for finding in file.open_findings] == []
    for file in report.changed:
        file.path.write_bytes(file.after)
    assert kerasmigrate.migrate([project], to=to).exit_code == 0
    assert kerasmigrate.check([project], to=to).exit_code == 0


def test_the_version_stands_on_top_of_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == project["version"]


def test_the_index_lists_every_guide() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    guides = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    assert sorted(name for name in guides if f"({name})" not in index) == []

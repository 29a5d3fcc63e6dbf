"""Which Keras an original is run on: the one that it was written for, as far as that can be told.

A version that the requirements ask for decides. Otherwise it is what the words of the code leave:
names and arguments that a version does not have rule it out. Each file can have its own; a file
that says nothing goes with its tree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate import versions
from kerasmigrate.eras import KERAS_1, is_keras_3
from kerasmigrate.errors import SourceError, UsageError
from kerasmigrate.names import Names
from kerasmigrate.parsing import parse
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.requirements import exact
from kerasmigrate.source import Source
from kerasmigrate.verify import originals
from kerasmigrate.verify.against import Original
from kerasmigrate.verify.sources import python_files

KERAS, TF_KERAS = "keras", "tf_keras"


@dataclass(frozen=True)
class OldKeras:
    """A Keras to run originals on.

    Attributes:
        package: ``keras`` or ``tf_keras``.
        version: One of ``originals.VERSIONS``; empty for what is installed.
    """

    package: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.package} {self.version}".strip()


INSTALLED, LEGACY = OldKeras(KERAS), OldKeras(TF_KERAS)
#: What stands for each version of ``versions``, the one to be preferred first: Keras 2.2 was the
#: last for years that all code was written for.
STANDALONE = (
    (versions.KERAS_2_2, OldKeras(KERAS, "2.2.4")),
    (versions.KERAS_2_3, OldKeras(KERAS, "2.3.1")),
    (versions.KERAS_2_0, OldKeras(KERAS, "2.0.9")),
    (KERAS_1, OldKeras(KERAS, "1.2.2")),
    ("keras-1.1.2", OldKeras(KERAS, "1.2.2")),
    ("keras-1.0.0", OldKeras(KERAS, "1.2.2")),
    (versions.LATE, LEGACY),
    (versions.KERAS_3, INSTALLED),
)
#: First numbers of versions of ``keras`` -> what stands for them.
PINS = (
    ((1,), OldKeras(KERAS, "1.2.2")),
    ((2, 0), OldKeras(KERAS, "2.0.9")),
    ((2, 1), OldKeras(KERAS, "2.1.6")),
    ((2, 2), OldKeras(KERAS, "2.2.4")),
    ((2, 3), OldKeras(KERAS, "2.3.1")),
    ((2,), LEGACY),
    ((3,), INSTALLED),
)


@dataclass(frozen=True)
class Choice:
    """A Keras, and why it is that one, in one line."""

    keras: OldKeras
    because: str


def parse_option(text: str) -> Choice:
    """Return what ``--original`` asks for.

    Raises:
        UsageError: There is no such Keras to run anything on.
    """
    match = re.fullmatch(r"(keras|tf_keras)(?:\s*==\s*([\w.]+))?", text.strip())
    if match is None:
        raise UsageError(f"--original {text!r}: write keras==1.2.2, keras or tf_keras")
    package, version = match.groups()
    if version is not None and (package != KERAS or version not in originals.VERSIONS):
        raise UsageError(
            f"--original {text!r}: choose keras=={'|'.join(originals.VERSIONS)}, keras or tf_keras"
        )
    return Choice(OldKeras(package, version or ""), "asked for by --original")


def choose(original: Original, files: Iterable[Path]) -> tuple[Choice, dict[Path, Choice]]:
    """Choose a Keras for a tree, and for each of its files.

    Args:
        original: The original tree.
        files: The original files that are run.

    Returns:
        What most of the files are run on, and for each file its own.
    """
    project = Project(original.project, list(python_files(original.root)))
    found: dict[Path, Choice | None] = {}
    left: dict[Path, frozenset[str]] = {}
    for file in files:
        names = _names(file, project)
        found[file], left[file] = (None, frozenset()) if names is None else _of_file(names)
    tree = _of_tree(left.values())
    chosen = {
        file: known or _in_tree(left[file], tree) or Choice(INSTALLED, "the file does not say")
        for file, known in found.items()
    }
    votes = Counter(each.keras for each in found.values() if each is not None)
    votes.update(_in_tree(each, tree).keras for each in left.values() if each)
    if not votes:
        return tree or Choice(INSTALLED, "no file says what it was written for"), chosen
    most = votes.most_common(1)[0][0]
    main = next(each for each in chosen.values() if each.keras == most)
    silent = [file for file in chosen if found[file] is None and not left[file]]
    for file in silent:
        chosen[file] = main
    return main, chosen


def _names(file: Path, project: Project) -> Names | None:
    try:
        source = Source.read(file, file.name)
        return Names(parse(source.text), project.view(file))
    except SourceError:
        return None


def _of_file(names: Names) -> tuple[Choice | None, frozenset[str]]:
    """Return what a file has to be run on, or else the versions of ``keras`` that it may be for."""
    flavours = {symbol.flavour for _, symbol in names.symbols()}
    if is_keras_3(names):
        return Choice(INSTALLED, "the code uses what only Keras 3 has"), frozenset()
    if "keras" in flavours:
        pinned = _pinned(names.view)
        if pinned is not None:
            return pinned, frozenset()
        return None, versions.candidates(names, "keras") or frozenset((versions.KERAS_2_2,))
    if flavours & {"tf_keras", "tensorflow.python.keras", "tf.compat.v1.keras", "tf.contrib.keras"}:
        return Choice(LEGACY, "the code is for the Keras 2 that TensorFlow had"), frozenset()
    if "tf.keras" in flavours:
        if versions.candidates(names, "tf.keras") == {versions.KERAS_3}:
            return Choice(INSTALLED, "the code fits the tf.keras of Keras 3 alone"), frozenset()
        return Choice(LEGACY, "the code is for the tf.keras of Keras 2"), frozenset()
    if "keras_core" in flavours:
        return Choice(INSTALLED, "the code is for keras_core"), frozenset()
    return None, frozenset()


def _pinned(view: ModuleView) -> Choice | None:
    pin = exact(view, "keras")
    if pin is None:
        return None
    version, path = pin
    numbers = tuple(int(each) for each in re.findall(r"\d+", version))
    for first, keras in PINS:
        if numbers[: len(first)] == first:
            return Choice(keras, f"{path.name} asks for keras=={version}")
    return None


def _of_tree(left: Iterable[frozenset[str]]) -> Choice | None:
    """Return what most files of ``keras`` can be run on; None without any."""
    votes: Counter[str] = Counter()
    for each in left:
        votes.update(each)
    if not votes:
        return None
    most = max(votes.values())
    return _preferred({version for version, count in votes.items() if count == most})


def _in_tree(left: frozenset[str], tree: Choice | None) -> Choice:
    """Return what a file is run on that may be for several versions."""
    fits = {keras for version, keras in STANDALONE if version in left}
    if tree is not None and (not left or tree.keras in fits):
        return tree
    return _preferred(set(left))


def _preferred(left: set[str]) -> Choice:
    for version, keras in STANDALONE:
        if version in left:
            return Choice(keras, _because(version, left))
    return Choice(INSTALLED, "the code does not say what it was written for")


def _because(version: str, left: set[str]) -> str:
    if version.startswith("keras-1."):
        return "the code is in the words of Keras 1"
    if len(left) == 1:
        return f"of all versions only {_spelt(version)} has what the code uses"
    return f"the code fits {_spelt(version)}, and does not say which version it is for"


def _spelt(version: str) -> str:
    names: Mapping[str, str] = {versions.LATE: "Keras 2.4 to 2.15", versions.KERAS_3: "Keras 3"}
    return names.get(version, version.replace("keras-", "Keras "))

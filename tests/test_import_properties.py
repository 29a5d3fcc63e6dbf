"""What holds for every text: for generated ways to import Keras, and for texts without Keras."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path

import libcst as cst
import pytest
from targets import each_target

from kerasmigrate import Pipeline, SourceError, Status, inventory, migrate, pipeline
from kerasmigrate.flavours import ROOTS, canonical, target
from kerasmigrate.imports import locate
from kerasmigrate.names import Names
from kerasmigrate.project import SOURCES, Project
from kerasmigrate.static import static_problems

VIEW = Project(Path()).view(None)

# -- generated imports ----------------------------------------------------------------------------

#: Import roots that a text may name, without those that only TensorFlow's own code does.
WRITTEN = [root for root, _ in ROOTS if ".api." not in root and "_api" not in root]
SEEDS = range(60)


@cache
def members() -> tuple[tuple[str, str], ...]:
    """Return modules and names that some Keras had and that every target has, somewhere."""
    found = set()
    for source in SOURCES:
        known = inventory.load(source)
        for module in known.paths():
            for name in known.members(module) if known.kind(module) == "module" else ():
                path = f"{module}.{name}"
                if known.kind(path) in ("class", "function") and name[0].isalpha():
                    found.add((module, name))
    targets = [target(name) for name in ("keras", "tf.keras", "tf_keras")]
    return tuple(
        (module, name)
        for module, name in sorted(found)
        if module.startswith("keras.")
        and all(locate(f"{module}.{name}", each).path for each in targets)
    )


def spelling(chance: random.Random) -> list[str]:
    """Return lines that import a name in some way, and use it."""
    path, name = chance.choice(members())
    root = chance.choice(WRITTEN)
    module = root + path[len("keras") :]
    parent, _, leaf = module.rpartition(".")
    alias = f"{chance.choice('abcdefgh')}{chance.randrange(1000)}"
    other = chance.choice(WRITTEN) + path[len("keras") :]
    ways: list[Callable[[], list[str]]] = [
        lambda: [f"import {module}", f"{module}.{name}"],
        lambda: [f"import {module} as {alias}", f"{alias}.{name}"],
        lambda: [f"import {root} as {alias}", f"{alias}{module[len(root) :]}.{name}"],
        lambda: [f"from {module} import {name}", name],
        lambda: [f"from {module} import {name} as {alias}", alias],
        lambda: [f"from {module} import ({name} as {alias},  # why", ")", alias],
        lambda: [f"from {parent} import {leaf}", f"{leaf}.{name}"],
        lambda: [f"from {parent} import {leaf} as {alias}", f"{alias}.{name}"],
        lambda: [f"import os; from {module} import {name} as {alias}; {alias}"],
        lambda: [f"def {alias}():", f"    from {module} import {name}", f"    return {name}"],
        lambda: [f"class {alias.upper()}:", f"    from {module} import {name} as it", "    x = it"],
        lambda: [f"if {alias}: from {module} import {name} as {alias}_", f"{alias}_"],
        lambda: [
            "try:",
            f"    from {module} import {name} as {alias}",
            "except ImportError:",
            f"    from {other} import {name} as {alias}",
            alias,
        ],
        lambda: ["import tensorflow as tf", f"tf.keras{path[len('keras') :]}.{name}"],
        lambda: ["from tensorflow import keras as tk", f"tk{path[len('keras') :]}.{name}"],
        lambda: [f"import {root} as {alias}", f"{alias}_ = {alias}.layers", f"{alias}_.Dense"],
    ]
    return chance.choice(ways)()


def text(seed: int) -> str:
    chance = random.Random(seed)
    return "".join(f"{line}\n" for _ in range(chance.randint(1, 5)) for line in spelling(chance))


def meanings(code: str) -> list[tuple[str, str]]:
    """Return the path and flavour of every whole reference to a class or function of Keras."""
    names = Names(cst.parse_module(code), VIEW)
    return [(symbol.path, symbol.flavour) for _, symbol in names.symbols()]


@each_target
@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_to_import(seed: int, to: str) -> None:
    before = text(seed)
    chosen = target(to)
    runner = Pipeline.to(to)
    result = runner.run(before)
    assert result.failures == ()
    compile(result.text, "<after>", "exec", dont_inherit=True)
    assert runner.run(result.text).text == result.text
    assert static_problems(result.text, VIEW, chosen) == ()
    expected = [locate(path, chosen).path for path, _ in meanings(before)]
    assert [path for path, _ in meanings(result.text)] == expected
    assert {flavour for _, flavour in meanings(result.text)} <= {to}
    imported = Names(cst.parse_module(result.text), VIEW).imports
    splits = [canonical(binding.origin or "") for binding in imported]
    assert {split[1] for split in splits if split is not None} <= {to}


# -- texts without Keras --------------------------------------------------------------------------


def standard_library() -> list[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in folder.iterdir() if path.suffix == ".py")
    return sorted(random.Random(0).sample(files, 60))


def test_files_without_keras_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> cst.Module:
        raise AssertionError("parsed")

    monkeypatch.setattr(pipeline, "parse", refuse)
    files = standard_library()
    report = migrate(files, to="tf_keras")
    assert [file.path for file in report.files] == files
    assert {file.status for file in report.files} == {Status.SKIPPED}
    for file in report.files:
        assert file.after is file.before
        assert file.before == file.path.read_bytes()
    assert (report.exit_code, report.problems) == (0, ())


def test_other_files_beside_an_import_of_keras_are_kept() -> None:
    """The same files with one line in front: all but that line stays."""
    old, new = "from keras.layers.core import Dense\n", "from tf_keras.layers import Dense\n"
    runner = Pipeline.to("tf_keras")
    for file in standard_library()[:12]:
        code = file.read_text(encoding="utf-8")
        if "\nfrom __future__" in code:
            continue
        assert runner.run(old + code).text == new + code


# -- what the parser does not reproduce ------------------------------------------------------------

BESIDE = [
    "try:\n    x\nexcept E :\n    pass\n",
    "x = 1\n   \n  ",
    "x = 1\n\n\n \n",
    "x = 1\t\n\n # the end",
    "def f():\n    x = 1\n\n        # deeper\n  # less",
    "x\n\n # c\n",
]


@pytest.mark.parametrize("rest", BESIDE)
def test_lines_that_the_parser_does_not_reproduce_are_kept(rest: str) -> None:
    before = "from keras.layers.core import Dense\nDense(output_dim=3)\n"
    after = "from keras.layers import Dense\nDense(units=3)\n"
    assert Pipeline.to("keras").run(before + rest).text == after + rest


@pytest.mark.parametrize("rest", BESIDE)
def test_lines_that_the_parser_does_not_reproduce_make_no_diff(rest: str) -> None:
    code = "from keras.layers import Dense\nDense(3)\n" + rest
    result = Pipeline.to("keras").run(code)
    assert (result.text, result.findings) == (code, ())


def test_the_cases_are_such_lines() -> None:
    """With a parser that reproduces them all, these tests say nothing: then find new ones."""
    assert any(cst.parse_module(rest).code != rest for rest in BESIDE)


@pytest.mark.parametrize(
    "code",
    [
        "import keras\ntry:\n    x\nexcept keras.layers.core.Dense :\n    pass\n",
        "try:\n    import keras\nexcept ImportError :\n    from tensorflow import keras\n",
    ],
)
def test_an_edit_of_such_a_line_is_refused(code: str) -> None:
    with pytest.raises(SourceError) as caught:
        Pipeline.to("keras").run(code)
    assert str(caught.value) == "an edit touches lines that the parser does not reproduce exactly"

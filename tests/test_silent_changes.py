"""What runs on without an error and means something else: nothing of it passes in silence.

Each row is one such change. For every target in which it is silent, its code is converted so that
the meaning stays, or there is a finding. Where a row names an old Keras, its code is run there, and
migrated under TensorFlow, and the numbers are compared with each other and with those of the page.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from originals import run_original
from silent_rows import ROWS, Row, cell, left_alone, run
from targets import TARGETS

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "silent-changes.md"


def _findings(row: Row, to: str) -> tuple[str, list[Finding]]:
    result = row.migrated(to)
    assert result.failures == ()
    return result.text, [each for each in result.findings if each.code in row.codes]


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_passes_in_silence(row: Row, to: str) -> None:
    text, found = _findings(row, to)
    if to not in row.targets:
        assert row.line not in {each.line for each in found}
        return
    assert row.line in {each.line for each in found}
    if row.says:
        assert any(each.fixed for each in found if each.line == row.line)
        assert row.says in text
    elif not any(each.fixed for each in found):
        assert all(each.advice for each in found if each.line == row.line)


@cache
def _listed() -> dict[str, list[str]]:
    """Return the cells of the page, by the name of the row."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if "](rules/KM" in line]
    return {cells[0]: cells for cells in rows}


def test_the_page_lists_the_rows() -> None:
    """And every other test that it names is there."""
    assert list(_listed()) == [row.name for row in ROWS]
    for row in ROWS:
        rules, ran = _listed()[row.name][1:3]
        assert all(f"](rules/{code}-" in rules for code in row.codes)
        assert ran == (row.ran or "-")
        for name in row.also:
            file, _, function = name.partition("::")
            tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
            assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("row", [each for each in ROWS if each.ran], ids=lambda row: row.name)
def test_the_numbers_stay(row: Row) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("tf_keras")
    before = row.before()
    assert before
    shown = _listed()[row.name][3:]
    if not row.chance:
        assert cell(before) == shown[0]
    for place, to in enumerate(("tf_keras", "keras")):
        alone = left_alone(row, to)
        if not row.chance:
            assert cell(alone) == shown[1 + place]
        if to not in row.targets:
            continue
        after = run(row.migrated(to).text)
        assert set(after) == set(before)
        same = all(
            np.shape(before[name]) == np.shape(after[name])
            and np.allclose(before[name], after[name], rtol=1e-4, atol=1e-5)
            for name in before
        )
        assert same is not row.differs, (to, before, after)
        if not row.chance:
            assert cell(after) == shown[3 + place]


CATEGORICAL = """
from keras.layers import Dense
from keras.models import Sequential
from keras.utils.np_utils import to_categorical

labels = to_categorical(np.array([0, 2, 1]), 3)
model = Sequential([Dense({units}=3, input_dim=2, {init}="one", activation="softmax")])
model.compile("sgd", "categorical_crossentropy")
data = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]])
losses = []
for each in "float32", "float64":
    losses.append(float(model.evaluate(data, labels.astype(each), verbose=0)))
results["type"], results["losses"] = str(labels.dtype), losses
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_what_the_page_has_no_row_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The type of to_categorical, on which no loss depends, and the progress of predict."""
    first = CATEGORICAL.format(units="output_dim", init="init")
    second = CATEGORICAL.format(units="units", init="kernel_initializer")
    found = {}
    for version in ("1.2.2", "2.0.9", "2.2.4", "2.3.1"):
        found[version] = run_original(version, first if version == "1.2.2" else second)
    for to in ("tf_keras", "keras"):
        capsys.readouterr()
        found[to] = run(Pipeline.to(to).run(second + "model.predict(data)\n").text)
        assert "1/1" in capsys.readouterr().out
    assert [each["type"] for each in found.values()] == [
        *("float64", "float64", "float32", "float32", "float32", "float64")
    ]
    for each in found.values():
        assert np.allclose(each["losses"], found["1.2.2"]["losses"][0])

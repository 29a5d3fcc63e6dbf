"""What the other files of a project tell about the version that a file was written for."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from kerasmigrate.names import Names
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.versions import (
    KERAS_2_0,
    KERAS_2_2,
    KERAS_2_3,
    KERAS_3,
    LATE,
    candidates,
    plausible,
)

SILENT = "from keras.layers import LSTM\n\nlayer = LSTM(3)\n"
OLD = {KERAS_2_0, KERAS_2_2, KERAS_2_3}


def told(code: str, root: Path, flavour: str = "keras", **others: str) -> set[str]:
    """Return the versions that a file may be for, beside others."""
    files = {name: root / f"{name}.py" for name in ("own", *others)}
    for name, path in files.items():
        path.write_text(others.get(name, code), encoding="utf-8")
    view = Project(root, files.values()).view(files["own"])
    return set(candidates(Names(cst.parse_module(code), view), flavour))


def test_alone_a_file_may_be_for_any(tmp_path: Path) -> None:
    assert OLD | {LATE, KERAS_3} <= told(SILENT, tmp_path)
    assert OLD | {LATE, KERAS_3} <= told(SILENT, tmp_path, other="x = 1\n")


@pytest.mark.parametrize(
    ("other", "gone"),
    [
        ("model.fit_generator(x)", {KERAS_3}),
        ("K.dot(x, y)", {KERAS_3}),
        ("K.tf_or_not()", set()),
        ("keras.layers.Dense(3, kernel_initializer='one')", set()),
        ("keras.layers.CuDNNLSTM(3)", {KERAS_3, LATE}),
        ("keras.utils.multi_gpu_model(m, 2)", {KERAS_3}),  # gone between 2.4 and 2.15
        ("keras.ops.dot(x, y)", OLD | {LATE}),
        # Other libraries have it, too.
        ("model.predict_proba(x)", set()),
        # What a file only tries.
        ("try:\n    K.dot(x, y)\nexcept AttributeError:\n    pass", set()),
        # Names that may be something else.
        ("def f(K):\n    K.dot(x, y)", set()),
        ("K = mine\nK.dot(x, y)", set()),
        ("from mine import K\nK.dot(x, y)", set()),
        ("from . import K\nmine.dot(x, y)", set()),
    ],
)
def test_what_one_file_needs_holds_for_all(other: str, gone: set[str], tmp_path: Path) -> None:
    head = "import keras\nfrom keras import backend as K\n"
    found = told(SILENT, tmp_path, other=f"{head}{other}\n")
    alone = told(SILENT, tmp_path / ".")
    assert OLD | {LATE, KERAS_3} <= alone
    assert gone & found == set() and (OLD | {LATE, KERAS_3}) - gone <= found


def test_arguments_tell_as_well(tmp_path: Path) -> None:
    other = "from keras.layers import Dense\n\nDense(3, init='one')\n"
    assert KERAS_3 not in told(SILENT, tmp_path, other=other)


def test_files_for_different_versions_tell_nothing(tmp_path: Path) -> None:
    old = "import keras\n\nkeras.backend.dot(x, y)\n"
    new = "import keras\n\nkeras.ops.dot(x, y)\n"
    assert OLD | {KERAS_3} <= told(SILENT, tmp_path, old=old, new=new)
    # But what a file runs together with does.
    beside = "import old\n" + SILENT
    assert KERAS_3 not in told(beside, tmp_path, old=old, new=new)
    assert KERAS_3 in told("import new\n" + beside, tmp_path, old=old, new=new)
    assert KERAS_3 in told(SILENT, tmp_path, old="import own\n" + old, new="import own\n" + new)
    assert KERAS_3 not in told(SILENT, tmp_path, old="import own\n" + old, new=new)


def test_what_a_file_says_itself_comes_first(tmp_path: Path) -> None:
    old = "import keras\n\nkeras.backend.dot(x, y)\n"
    new = SILENT + "\nfrom keras import ops\n\nops.dot(x, y)\n"
    assert KERAS_3 in told(new, tmp_path, old=old)
    late = SILENT + "\nfrom keras.utils import multi_gpu_model\n\nmulti_gpu_model(m, 2)\n"
    only_3 = "import keras\n\nkeras.ops.dot(x, y)\n"
    assert told(late, tmp_path, other=only_3) >= OLD


def test_each_flavour_has_its_own_versions(tmp_path: Path) -> None:
    code = "from tensorflow.keras.layers import LSTM\n\nlayer = LSTM(3)\n"
    old = "import keras\n\nkeras.backend.dot(x, y)\n"
    assert told(code, tmp_path, "tf.keras", other=old) == {LATE, KERAS_3}
    old = "import tensorflow as tf\n\ntf.keras.layers.experimental.EinsumDense('ab,bc->ac', 3)\n"
    assert told(code, tmp_path, "tf.keras", other=old) == {LATE}


def test_defaults_are_written_out_beside_old_code(tmp_path: Path) -> None:
    old = "import keras\n\nkeras.utils.multi_gpu_model(m, 2)\n"
    (tmp_path / "old.py").write_text(old, encoding="utf-8")
    own = tmp_path / "own.py"
    own.write_text(SILENT, encoding="utf-8")
    view = Project(tmp_path, [own, tmp_path / "old.py"]).view(own)
    assert not plausible(Names(cst.parse_module(SILENT), Project(tmp_path).view(own)), "keras")
    result = Pipeline.to("tf_keras").run(SILENT, view)
    assert 'LSTM(3, recurrent_activation="hard_sigmoid")' not in result.text  # 2.3 had sigmoid
    assert "KM601" in {each.code for each in result.findings}
    alone = Pipeline.to("keras").run(SILENT, Project(tmp_path, [own]).view(own))
    assert (alone.text, alone.findings) == (SILENT, ())

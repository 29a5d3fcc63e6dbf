"""KM710 to KM715: where models and weights are saved, and where they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.project import Project

HEAD = {
    "keras": "from keras import callbacks, models\n",
    "tf.keras": "from tensorflow.keras import callbacks, models\n",
    "tf_keras": "from tf_keras import callbacks, models\n",
}
MODEL = "\nmodel = models.Sequential()\n"
KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def changes(before: str, after: str, *codes: str, to: str = "keras") -> None:
    head = HEAD[to] + MODEL
    check(head + before, head + after, to=to, codes=codes)


def stays(code: str, *codes: str, to: str = "keras") -> tuple[str, str]:
    found = untouched(HEAD[to] + MODEL + code, to=to, codes=codes)
    return (found[0].message, found[0].advice) if found else ("", "")


@KERAS_3
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("w.h5", "w.weights.h5"),
        ("w.hdf5", "w.weights.h5"),
        ("best.weights", "best.weights.h5"),
        ("w", "w.weights.h5"),
        ("w.ckpt", "w.weights.h5"),
        ("out/v1.2/w.h5", "out/v1.2/w.weights.h5"),
        ("net_v2.final", "net_v2.final.weights.h5"),
    ],
)
def test_weights_are_written_and_read_under_the_new_name(old: str, new: str, to: str) -> None:
    code = "model.save_weights({0!r})\nmodel.load_weights({0!r})  # {1}\n"
    changes(code.format(old, old), code.format(new, old), "KM710", "KM710", to=to)


@pytest.mark.parametrize(
    "code",
    [
        'model.save_weights(  # here\n    "{}w{}",\n    overwrite=True,\n)\n',
        "PATH = '{}w{}'\nmodel.save_weights(PATH)\nmodel.load_weights(PATH)\n",
        "model.save_weights(os.path.join(d, '{}w{}'))\n",
        "model.save_weights(folder + '{}w{}')\n",
        "c = callbacks.ModelCheckpoint('{}w{}', save_weights_only=True)\n",
        "c = callbacks.ModelCheckpoint('{}w{}', 'loss', 0, True, True)\n",
        "c = callbacks.ModelCheckpoint(r'{}w.{{epoch:02d}}{}', save_weights_only=True)\n",
    ],
)
def test_where_the_name_may_stand(code: str) -> None:
    text = "import os\n" + HEAD["keras"] + MODEL + code
    check(text.format("a/", ".h5"), text.format("a/", ".weights.h5"), to="keras", codes=["KM710"])


def test_a_question_about_the_file_follows() -> None:
    code = (
        "import os\n"
        + HEAD["keras"]
        + MODEL
        + "if os.path.exists('w{0}'):\n    model.load_weights('w{0}')\n"
        + "model.fit(x, y)\nmodel.save_weights('w{0}')\n"
    )
    check(code.format(".h5"), code.format(".weights.h5"), to="keras", codes=["KM710"] * 3)


@KERAS_3
@pytest.mark.parametrize(
    ("old", "new"),
    [("m.hdf5", "m.h5"), ("m", "m.keras"), ("m.tf", "m.keras"), ("m.H5", "m.h5")],
)
def test_checkpoints_of_models(old: str, new: str, to: str) -> None:
    code = "c = callbacks.ModelCheckpoint({0!r})\nm = models.load_model({0!r})\n"
    code += "model.load_weights({0!r})\n"
    changes(code.format(old), code.format(new), *["KM711"] * 3, to=to)


def test_models_without_a_suffix() -> None:
    code = "model.save({0!r})\nmodels.save_model(model, {0!r})\nm = models.load_model({0!r})\n"
    changes(code.format("a/m"), code.format("a/m.keras"), *["KM711"] * 3)


@pytest.mark.parametrize(
    "code",
    [
        "model.save_weights('w.weights.h5')\nmodel.load_weights('w.weights.h5')\n",
        "model.load_weights('vgg.h5')\nmodel.load_weights('vgg.hdf5', by_name=True)\n",
        "model.save('m.keras')\nmodel.save('m.h5')\nmodel.save('m.hdf5')\n",
        "m = models.load_model('m.keras')\nm = models.load_model('m.h5')\n",
        "c = callbacks.ModelCheckpoint('m.keras')\nc = callbacks.ModelCheckpoint('m.h5')\n",
        "c = callbacks.ModelCheckpoint('m.{epoch}.weights.h5', save_weights_only=True)\n",
        "c = callbacks.ModelCheckpoint(path)\nmodel.save(path)\nm = models.load_model(path)\n",
        "model.save_weights(f'{d}.weights.h5')\nmodel.save_weights(d + '.weights.h5')\n",
        "model.save_weights('w.weights.h5')\nmodel.save_weights(path)\n",
        "model.load_weights(path)\n",
        "image.save('x.png')\nnp.save('x', y)\nagent.save_weights('w.h5f')\n",
        "from mine import Agent\n\nmodel = Agent()\nmodel.save_weights('w.h5')\n",
        "from mine import load_model\n\nload_model('m')\n",
        "def save_weights(path):\n    pass\n\n\nsave_weights('w.h5')\n",
    ],
)
def test_what_is_right_stays(code: str) -> None:
    stays(code)


@pytest.mark.parametrize(
    "code",
    [
        "model.save_weights('w.h5')\nmodel.load_weights('w.h5')\nmodel.save('m')\n",
        "c = callbacks.ModelCheckpoint('w.hdf5', period=2)\n",
        "model.save('m', save_format='tf')\nmodel.save_weights('w', save_format='tf')\n",
        "m = models.load_model('m')\n",
    ],
)
def test_keras_2_keeps_its_names(code: str) -> None:
    stays(code, to="tf_keras")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("f = h5py.File('w.h5')\n", "the name is used in other ways as well"),
        ("print('saved to w.h5')\n", "the name is used in other ways as well"),
        ("m = models.load_model('w.h5')\n", "load_model uses the name as well"),
        ("model.save('w.h5')\n", "whole models are saved under the name as well"),
        ("x = 'w.weights.h5'\n", "the project has a w.weights.h5 already"),
    ],
)
def test_names_with_other_uses_are_reported(more: str, reason: str) -> None:
    code = HEAD["keras"] + MODEL + "model.save_weights('w.h5')\n" + more
    finding = untouched(code, to="keras", codes=["KM712"])[0]
    assert finding.message == (
        "save_weights() takes only names that end in .weights.h5: 'w.h5'; " + reason
    )
    assert finding.advice == "write 'w.weights.h5', here and wherever the file is read"


def test_by_name_reads_only_old_files() -> None:
    message, _ = stays("model.save_weights('w.h5')\nmodel.load_weights('w.h5', True)\n", "KM712")
    assert message.endswith("load_weights(by_name=True) uses the name as well")


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("'w_{}.h5'.format(n)", "write 'w_{}.weights.h5'.format(n)"),
        ("'w_%d.h5' % n", "write 'w_%d.weights.h5' % n"),
        ("f'{n}_w.h5'", "write f'{n}_w.weights.h5'"),
        ("name + '.h5'", "write name + '.weights.h5'"),
    ],
)
def test_computed_names_are_reported(path: str, written: str) -> None:
    message, advice = stays(f"model.save_weights({path})\n", "KM712")
    assert message.endswith(f"{path}; the name is put together at run time")
    assert advice == f"{written}, here and wherever the file is read"


def test_a_name_from_elsewhere_is_reported() -> None:
    message, advice = stays("model.save_weights(path)\n", "KM712")
    assert message.endswith("path; the source does not show the name")
    assert advice == "let it end in .weights.h5, here and wherever the file is read"


@pytest.mark.parametrize(
    "code",
    [
        "PATH = 'w.h5'\nmodel.save_weights(PATH)\ncopy(PATH)\n",
        "PATH = 'w.h5'\nmodel.save_weights(os.path.join(d, PATH))\n",
        "PATH = 'w.h5'\nmodel.save_weights(''.join([d, PATH]))\n",
    ],
)
def test_a_constant_with_other_uses_is_reported(code: str) -> None:
    untouched("import os\n" + HEAD["keras"] + MODEL + code, to="keras", codes=["KM712"])


def test_models_that_keras_3_does_not_load() -> None:
    message, advice = stays("m = models.load_model('saved/m')\n", "KM714")
    assert message == "load_model() reads only .keras, .h5 and .hdf5: 'saved/m'"
    assert "keras.layers.TFSMLayer('saved/m', call_endpoint='serving_default')" in advice


def test_weights_that_keras_3_does_not_load() -> None:
    message, _ = stays("model.load_weights('best.weights')\n", "KM714")
    assert message.startswith("load_weights() reads only .weights.h5")


def test_a_saved_model_is_exported() -> None:
    stays("model.save('m', True, 'tf')\n", "KM714")
    message, advice = stays("model.save('m', save_format='tf')\n", "KM714")
    assert message == "save() does not write the SavedModel format any more"
    assert advice.startswith("write .export('m') for serving")


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("model.save('m.h5', save_format='h5')\n", "model.save('m.h5')\n", ["KM713"]),
        ("model.save('m.h5', True, 'h5')\n", "model.save('m.h5', True)\n", ["KM713"]),
        (
            "model.save(\n    'm.h5',\n    True,  # over it\n    'h5',\n    zipped=z,\n)\n",
            "model.save(\n    'm.h5',\n    True,  # over it\n    zipped=z,\n)\n",
            ["KM713"],
        ),
        (
            "models.save_model(model, 'm.h5', True, 'h5')\n",
            "models.save_model(model, 'm.h5', True)\n",
            ["KM713"],
        ),
        (
            "model.save_weights('w.weights.h5', True, 'h5')\n",
            "model.save_weights('w.weights.h5', True)\n",
            ["KM713"],
        ),
        (
            "model.save('m.h5', True, False, 'h5')\n",
            "model.save('m.h5', True, include_optimizer=False)\n",
            ["KM713", "KM713"],
        ),
        (
            "model.save_weights('w', save_format='tf')\n",
            "model.save_weights('w.weights.h5')\n",
            ["KM713", "KM710"],
        ),
        (
            "model.save('m.h5', True, False)\n",
            "model.save('m.h5', True, include_optimizer=False)\n",
            ["KM713"],
        ),
    ],
)
def test_arguments_of_save(before: str, after: str, codes: list[str]) -> None:
    changes(before, after, *codes)


def test_include_optimizer_has_another_position_in_keras_2_too() -> None:
    changes(
        "model.save('m.h5', True, False)\n",
        "model.save('m.h5', True, include_optimizer=False)\n",
        "KM713",
        to="tf_keras",
    )


@pytest.mark.parametrize(
    "code",
    [
        "model.save('m.h5', True)\n",
        "model.save('m.h5', True, zipped)\n",
        "model.save('m.h5', overwrite=True, include_optimizer=False)\n",
        "table.save('m.h5', True, False)\n",
        "model.save('m.h5', *options)\n",
    ],
)
def test_other_arguments_stay(code: str) -> None:
    stays(code)


def test_a_format_that_does_not_show_is_reported() -> None:
    stays("model.save('m.h5', save_format=wanted)\n", "KM713")
    stays("model.save('m.h5', True, 'h5', signatures)\n", "KM713")


@KERAS_3
def test_a_position_is_the_format_where_every_version_of_the_file_says_so(
    tmp_path: Path, to: str
) -> None:
    (tmp_path / "requirements.txt").write_text("tensorflow==2.15.0\n", encoding="utf-8")
    view = Project(tmp_path).view(tmp_path / "use.py")
    code = (
        "from {}.models import Sequential, save_model\n\nmodel = Sequential()\n"
        "model.save('m.h5', True, wanted)\nsave_model(model, 'm.h5', True, wanted)\n"
        "model.save_weights('w.weights.h5', True, wanted)\n"
    )
    home = {"keras": "keras", "tf.keras": "tensorflow.keras"}[to]
    codes = ["KM713", "KM713", "KM713"]
    if to == "keras":
        codes.insert(0, "KM101")
    check(code.format("tensorflow.keras"), code.format(home), to=to, codes=codes, view=view)
    untouched(code.format("keras"), to="keras", codes=[])


def test_positions_of_save_for_tf_keras() -> None:
    changes(
        "model.save('m.h5', True, False, 'h5')\n",
        "model.save('m.h5', True, include_optimizer=False, save_format='h5')\n",
        "KM713",
        to="tf_keras",
    )
    stays("model.save('m.h5', True, 'h5')\nmodel.save('m', True, wanted)\n", to="tf_keras")


# -- projects --------------------------------------------------------------------------------

WRITER = HEAD["keras"] + MODEL + "model.save_weights('out/w.h5')\n"
READER = HEAD["keras"] + MODEL + "model.load_weights('w.h5')\n"


def _project(root: Path, **files: str) -> Project:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return Project(root, sorted(root.glob("*.py")))


def test_both_ends_change_in_different_files(tmp_path: Path) -> None:
    known = _project(tmp_path, writer=WRITER, reader=READER)
    for name, text in (("writer", WRITER), ("reader", READER)):
        view = known.view(tmp_path / f"{name}.py")
        check(text, text.replace(".h5", ".weights.h5"), to="keras", codes=["KM710"], view=view)


@pytest.mark.parametrize(
    "other",
    [
        "import keras\n\nf = h5py.File('w.h5')\n",
        "import keras\n\nrun('cp out/w.h5 save')\n",
        "model.load_weights('w.h5')\n",  # says nothing of Keras, so it is not migrated
        "print 'w.h5'\n",
        HEAD["keras"] + MODEL + "model.load_weights('w.h5', by_name=True)\n",
        HEAD["keras"] + "\nm = models.load_model('w.h5')\n",
        HEAD["keras"] + MODEL + "model.load_weights('w.weights.h5')\n",
    ],
)
def test_one_end_alone_does_not_change(tmp_path: Path, other: str) -> None:
    known = _project(tmp_path, writer=WRITER, reader=READER, other=other)
    untouched(WRITER, to="keras", codes=["KM712"], view=known.view(tmp_path / "writer.py"))
    untouched(READER, to="keras", codes=[], view=known.view(tmp_path / "reader.py"))


def test_a_file_that_is_there_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_text("")
    known = _project(tmp_path, writer=WRITER, reader=READER)
    (finding,) = untouched(
        WRITER, to="keras", codes=["KM712"], view=known.view(tmp_path / "writer.py")
    )
    assert "a file of that name exists" in finding.message
    untouched(READER, to="keras", codes=[], view=known.view(tmp_path / "reader.py"))


def test_comments_and_other_names_do_not_count(tmp_path: Path) -> None:
    other = '"""Reads w.h5."""\nimport keras\n\nx = "my_w.h5"  # not w.h5\n'
    known = _project(tmp_path, writer=WRITER, other=other)
    check(
        WRITER,
        WRITER.replace(".h5", ".weights.h5"),
        to="keras",
        codes=["KM710"],
        view=known.view(tmp_path / "writer.py"),
    )

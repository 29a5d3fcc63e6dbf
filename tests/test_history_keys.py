"""KM700 to KM702: keys of logs and histories."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project

HEAD = {
    "keras": "from keras import callbacks, models\n",
    "tf.keras": "from tensorflow.keras import callbacks, models\n",
    "tf_keras": "from tf_keras import callbacks, models\n",
}
MODEL = "\nmodel = models.Sequential()\n"


def project(root: Path, **files: str) -> Project:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return Project(root, sorted(root.glob("*.py")))


def compiled(metrics: str, to: str = "keras") -> str:
    return f"{HEAD[to]}{MODEL}model.compile('sgd', 'mse', metrics={metrics})\n"


@each_target
def test_every_kind_of_read_follows(to: str) -> None:
    head = compiled("['accuracy']", to)
    check(
        head + "h = model.fit(x, y, callbacks=[\n"
        "    callbacks.EarlyStopping(monitor='val_acc'),\n"
        "    callbacks.ReduceLROnPlateau('val_acc'),  # once\n"
        '    callbacks.ModelCheckpoint("a-{epoch:02d}-{val_acc:.2f}.keras", "val_acc"),\n'
        "])\n"
        "plot(h.history['acc'], label='acc')\n",
        head + "h = model.fit(x, y, callbacks=[\n"
        "    callbacks.EarlyStopping(monitor='val_accuracy'),\n"
        "    callbacks.ReduceLROnPlateau('val_accuracy'),  # once\n"
        '    callbacks.ModelCheckpoint("a-{epoch:02d}-{val_accuracy:.2f}.keras", "val_accuracy"),\n'
        "])\n"
        "plot(h.history['accuracy'], label='acc')\n",
        to=to,
        codes=["KM700"] * 5,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(model.fit(x, y).history['acc'])\n", "print(model.fit(x, y).history['accuracy'])\n"),
        (
            "d = r.history\nprint(d['val_acc'])\n",
            "d = r.history\nprint(d['val_accuracy'])\n",
        ),
        ("print(r.history.get('acc', 0))\n", "print(r.history.get('accuracy', 0))\n"),
        (
            "frame = pd.DataFrame(r.history)\nframe[['acc']].plot()\n",
            "frame = pd.DataFrame(r.history)\nframe[['accuracy']].plot()\n",
        ),
        (
            "which = 'val_acc'\nstop = callbacks.EarlyStopping(monitor=which)\n",
            "which = 'val_accuracy'\nstop = callbacks.EarlyStopping(monitor=which)\n",
        ),
        (
            "path = 'w/' + '{val_acc:.2f}.keras'\nsave = callbacks.ModelCheckpoint(path)\n",
            "path = 'w/' + '{val_accuracy:.2f}.keras'\nsave = callbacks.ModelCheckpoint(path)\n",
        ),
        (
            "save = callbacks.ModelCheckpoint(f'{d}/{{val_acc:.2f}}.keras')\n",
            "save = callbacks.ModelCheckpoint(f'{d}/{{val_accuracy:.2f}}.keras')\n",
        ),
        (
            "class C(callbacks.Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n        print(logs['acc'])\n",
            "class C(callbacks.Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n        print(logs['accuracy'])\n",
        ),
        (
            "say = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: print(logs.get('acc')))\n",
            "say = callbacks.LambdaCallback("
            "on_epoch_end=lambda e, logs: print(logs.get('accuracy')))\n",
        ),
    ],
)
def test_one_read(before: str, after: str) -> None:
    head = compiled("['accuracy']")
    check(head + before, head + after, to="keras", codes=["KM700"])


def test_other_metrics_have_one_key_in_old_keras_too() -> None:
    head = compiled("['mae', 'mse']")
    check(
        head + "h = model.fit(x, y)\nprint(h.history['val_mean_absolute_error'])\n",
        head + "h = model.fit(x, y)\nprint(h.history['val_mae'])\n",
        to="keras",
        codes=["KM700"],
    )


def test_an_output_stands_before_its_metric() -> None:
    head = compiled("['accuracy']") + "out = layer(name='digit')\n"
    check(
        head + "print(r.history['val_digit_acc'], r.history['my_acc'])\n",
        head + "print(r.history['val_digit_accuracy'], r.history['my_acc'])\n",
        to="keras",
        codes=["KM700"],
    )


@pytest.mark.parametrize(
    "metrics",
    [
        "['acc']",
        "['mae', acc]",
        "{'digit': 'acc'}",
        "[metrics.BinaryAccuracy(name='acc')]",
        "['acc'] + more()",
    ],
)
@each_target
def test_a_metric_that_is_called_acc_keeps_its_key(metrics: str, to: str) -> None:
    code = f"{HEAD[to]}\n\ndef acc(a, b):\n    return a\n\n{MODEL}"
    code += f"model.compile('sgd', 'mse', metrics={metrics})\n"
    code += "print(model.fit(x, y).history['acc'])\n"
    code += "stop = callbacks.EarlyStopping(monitor='val_acc')\n"
    untouched(code, to=to, codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "print(r.history['acc' if 'acc' in r.history else 'accuracy'])\n",
        "key = 'acc' if 'acc' in r.history else 'accuracy'\nprint(r.history[key])\n",
        "if 'acc' in r.history:\n    print(r.history['acc'])\n",
        "try:\n    print(r.history['acc'])\nexcept KeyError:\n    print(r.history['accuracy'])\n",
        "print(r.history.get('acc') or r.history.get('accuracy'))\n",
        "print(r.history.get('acc', r.history.get('accuracy')))\n",
        "if old:\n    print(r.history['acc'])\nelse:\n    print(r.history['accuracy'])\n",
        "print(table['acc'], 'acc', {'acc': 1}['acc'])\n",
        "print(self.history['acc'])\n",
        "print('{val_acc:.2f}'.format(val_acc=1))\n",
        "save = callbacks.ModelCheckpoint('{val_acc:.2f}.keras'.format(val_acc=1))\n",
        "from mine import EarlyStopping\n\nstop = EarlyStopping(monitor='val_acc')\n",
        "from mine import history\n\nprint(history.history['acc'])\n",
        "def on_batch(logs):\n    print(logs['acc'])\n",
        "r.history['acc'] = []\n",
        "print(r.history['accuracy'], r.history['val_accuracy'])\n",
        "print(r.history['mean_squared_error'])\n",
    ],
)
def test_other_strings_stay(code: str) -> None:
    untouched(compiled("['accuracy']") + code, to="keras", codes=[])


def test_each_model_has_keys_of_its_own() -> None:
    before = compiled("['accuracy']") + (
        "other = models.Sequential()\nother.compile('sgd', 'mse', metrics=['acc'])\n"
        "a = model.fit(x, y)\nb = other.fit(x, y)\nprint(a.history['acc'], b.history['acc'])\n"
    )
    after = before.replace("a.history['acc']", "a.history['accuracy']")
    check(before, after, to="keras", codes=["KM700"])


def test_each_function_has_keys_of_its_own() -> None:
    def function(name: str, metric: str, key: str) -> str:
        return (
            f"\n\ndef {name}(model):\n    model.compile('sgd', 'mse', metrics=['{metric}'])\n"
            f"    return model.fit(x, y, callbacks=[callbacks.EarlyStopping('{key}')])\n"
        )

    right = function("second", "acc", "acc")
    check(
        HEAD["keras"] + function("first", "accuracy", "acc") + right,
        HEAD["keras"] + function("first", "accuracy", "accuracy") + right,
        to="keras",
        codes=["KM700"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "stop = callbacks.EarlyStopping(monitor='val_acc')\n",
        "model.compile('sgd', 'mse', metrics=wanted)\nprint(r.history['acc'])\n",
        "model.compile('sgd', 'mse', metrics=['accuracy', *more])\nprint(r.history['acc'])\n",
        "model.compile('sgd', 'mse', **options)\nprint(r.history['acc'])\n",
        "a.compile('sgd', 'mse', metrics=['acc'])\nb.compile('sgd', 'mse', metrics=['accuracy'])\n"
        "print(r.history['acc'])\n",
    ],
)
def test_what_cannot_be_tied_is_reported(code: str) -> None:
    (finding,) = untouched(HEAD["keras"] + MODEL + code, to="keras", codes=["KM701"])
    assert "metrics=['acc']" in finding.message
    assert finding.advice.endswith("where metrics=['accuracy'] is given")


def test_a_name_that_other_files_import_is_not_followed(tmp_path: Path) -> None:
    text = compiled("['accuracy']") + "MONITOR = 'val_acc'\ns = callbacks.EarlyStopping(MONITOR)\n"
    known = project(tmp_path, a=text, b="from a import MONITOR\n")
    untouched(text, to="keras", codes=[], view=known.view(tmp_path / "a.py"))


PLOT = "import keras\n\n\ndef plot(result):\n    print(result.history['acc'])\n"


def _view(root: Path, *metrics: str) -> ModuleView:
    files = {"plots": PLOT}
    for index, each in enumerate(metrics):
        files[f"train{index}"] = "from plots import plot\n" + compiled(each)
    return project(root, **files).view(root / "plots.py")


def test_files_that_import_each_other_agree(tmp_path: Path) -> None:
    view = _view(tmp_path, "['accuracy']", "['accuracy', 'mae']")
    check(PLOT, PLOT.replace("'acc'", "'accuracy'"), to="keras", codes=["KM700"], view=view)


def test_files_that_do_not_agree_are_reported(tmp_path: Path) -> None:
    view = _view(tmp_path, "['accuracy']", "['acc']")
    untouched(PLOT, to="keras", codes=["KM701"], view=view)


def test_files_that_are_right_are_left_alone(tmp_path: Path) -> None:
    untouched(PLOT, to="keras", codes=[], view=_view(tmp_path, "['acc']"))


def test_files_that_are_not_connected_do_not_count(tmp_path: Path) -> None:
    known = project(tmp_path, plots=PLOT, train=compiled("['accuracy']"))
    untouched(PLOT, to="keras", codes=["KM701"], view=known.view(tmp_path / "plots.py"))


def test_a_script_goes_with_its_own_model(tmp_path: Path) -> None:
    script = compiled("['accuracy']") + "from helpers import x\n\nprint(r.history['acc'])\n"
    other = "from helpers import x\n" + compiled("['acc']")
    known = project(tmp_path, script=script, other=other, helpers="x = 1\n")
    check(
        script,
        script.replace("['acc']", "['accuracy']"),
        to="keras",
        codes=["KM700"],
        view=known.view(tmp_path / "script.py"),
    )


@pytest.mark.parametrize(
    "code",
    [
        "class M(models.Model):\n    def train_step(self, data):\n        return {'acc': 1}\n",
        "class C(callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n        logs['val_acc'] = 1\n",
        "class C(callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n        logs.update({'acc': 1})\n",
        "stop.on_epoch_end(0, logs={'val_acc': 1})\n",
    ],
)
def test_keys_that_the_code_itself_produces_stay(code: str) -> None:
    head = compiled("['accuracy']")
    untouched(f"{head}\n\n{code}\n\nprint(r.history['acc'])\n", to="keras", codes=[])


def test_a_copy_for_somebody_else_does_not_produce_a_key() -> None:
    head = compiled("['accuracy']") + "\n\nclass C(callbacks.Callback):\n"
    before = "    def on_epoch_end(self, epoch, logs=None):\n        log({'acc': logs['acc']})\n"
    after = before.replace("logs['acc']", "logs['accuracy']")
    check(head + before, head + after, to="keras", codes=["KM700"])


RATE = (
    "fit = model.fit(x, y, callbacks=[callbacks.ReduceLROnPlateau()])\nprint(fit.history['lr'])\n"
)


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_the_learning_rate_has_a_new_key(to: str) -> None:
    head = HEAD[to] + MODEL
    check(head + RATE, head + RATE.replace("'lr'", "'learning_rate'"), to=to, codes=["KM702"])


@pytest.mark.parametrize(
    "code",
    [
        RATE.replace("ReduceLROnPlateau", "EarlyStopping"),
        RATE + "\n\nclass C(callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n        logs['lr'] = 1\n",
        RATE.replace("fit.history['lr']", "options['lr']"),
    ],
)
def test_another_lr_stays(code: str) -> None:
    untouched(HEAD["keras"] + MODEL + code, to="keras", codes=[])


def test_keras_2_calls_it_lr() -> None:
    untouched(HEAD["tf_keras"] + MODEL + RATE, to="tf_keras", codes=[])


def test_a_comment_switches_it_off() -> None:
    head = compiled("['accuracy']")
    untouched(
        head + "print(r.history['acc'])  # kerasmigrate: ignore[KM700]\n", to="keras", codes=[]
    )


def test_a_text_that_does_not_speak_of_it_is_not_walked() -> None:
    assert Pipeline.to("keras").run("import keras\n").findings == ()

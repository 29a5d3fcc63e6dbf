"""Migrated trees beside their originals, each run on its own Keras: the verdicts, exactly."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from originals import installed

from kerasmigrate import cli
from kerasmigrate.api import migrate, verify_paths
from kerasmigrate.verify import VerifyReport, originals
from kerasmigrate.verify.results import Comparison, FileVerdict
from kerasmigrate.verify.worker.comparing import _fits

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

#: Keras 1, and what a right migration makes of it.
PICTURES = (
    "from keras.models import Sequential\n"
    "from keras.layers import Activation, Convolution2D, Dense, Dropout, Flatten\n"
    "\n\n"
    "def build():\n"
    "    model = Sequential()\n"
    "    model.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(8, 8, 3)))\n"
    "    model.add(Activation('relu'))\n"
    "    model.add(Flatten())\n"
    "    model.add(Dense(output_dim=3, activation='softmax'))\n"
    "    model.compile(loss='categorical_crossentropy', optimizer='sgd')\n"
    "    return model\n"
)
#: It trains, looks at its history, predicts and saves in the way of Keras 1.
SCRIPT = (
    "import numpy as np\n"
    "from keras.callbacks import Callback\n"
    "from keras.datasets import mnist\n"
    "from keras.layers import Dense\n"
    "from keras.models import Sequential, load_model\n"
    "from keras.utils import np_utils\n"
    "\n\n"
    "class Losses(Callback):\n"
    "    def on_train_begin(self, logs={}):\n"
    "        self.losses = []\n"
    "\n"
    "    def on_batch_end(self, batch, logs={}):\n"
    "        self.losses.append(logs.get('loss'))\n"
    "\n\n"
    "(x, y), (x_test, y_test) = mnist.load_data()\n"
    "x = x.reshape(60000, 784).astype('float32') / 255\n"
    "y = np_utils.to_categorical(y, 10)\n"
    "model = Sequential()\n"
    "model.add(Dense(output_dim=10, input_dim=784, activation='softmax'))\n"
    "model.compile(loss='mse', optimizer='sgd', metrics=['accuracy'])\n"
    "losses = Losses()\n"
    "kept = model.fit(x, y, nb_epoch=2, validation_split=0.1, callbacks=[losses])\n"
    "print(kept.history['acc'][-1], kept.history['val_acc'], losses.losses[0])\n"
    "print(model.evaluate(x, y)[1], model.predict(x).shape)\n"
    "model.save('kept.h5')\n"
    "again = load_model('kept.h5')\n"
    "print(again.predict(x).shape)\n"
)
TWO = (
    "from keras.layers import Dense\n"
    "from keras.models import Sequential\n"
    "\n\n"
    "def small():\n"
    "    return Sequential([Dense(2, input_dim=3)])\n"
    "\n\n"
    "def large():\n"
    "    return Sequential([Dense(2, input_dim=3), Dense(1, init='zero')])\n"
)
FAILING = "from keras.layers import Dense\n\nlayer = Dense(output_dim=undefined)\n"


class Project(NamedTuple):
    """An original tree, and a copy that is migrated."""

    before: Path
    after: Path


@pytest.fixture(autouse=True)
def _cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the old Kerases that all tests share, wherever a test puts its own cache."""
    (folder,) = {installed(version).parent for version in ("1.2.2", "2.2.4", "2.3.1")}
    monkeypatch.setattr(originals, "cache", lambda: folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "before", tmp_path / "after")


def migrated(project: Project, files: dict[str, str], to: str) -> None:
    for name, text in files.items():
        path = project.before / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(project.before, project.after)
    migrate([project.after], to, write=True)


def change(path: Path, right: str, wrong: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")


def proof(project: Project, to: str, **options: object) -> VerifyReport:
    return verify_paths([project.after], to, against=project.before, **options)  # type: ignore[arg-type]


def by_name(report: VerifyReport) -> dict[str, FileVerdict]:
    return {file.display: file for file in report.files}


def told(found: Comparison) -> tuple[object, ...]:
    """Return what a comparison says, but for the numbers."""
    return (
        found.likeness.value,
        found.name,
        found.where,
        found.original_name,
        found.original_where,
        found.paired_by,
        [(each.claim, each.layer) for each in found.differences],
    )


def test_keras_1(project: Project) -> None:
    files = {"pictures.py": PICTURES, "script.py": SCRIPT, "two.py": TWO, "wrong.py": PICTURES}
    migrated(project, {**files, "failing.py": FAILING}, "keras")
    change(project.after / "wrong.py", "'relu'", "'tanh'")
    change(project.after / "wrong.py", "padding='same', ", "")
    change(project.after / "two.py", "def small", "def tiny")
    (project.after / "new.py").write_text(
        "from keras import Sequential, layers\n\n"
        "model = Sequential([layers.Input((3,)), layers.Dense(1)])\n",
        encoding="utf-8",
    )
    report = proof(project, "keras", jobs=2)
    assert report.original is not None
    assert (report.original.package, report.original.version) == ("keras", "1.2.2")
    assert report.original.chosen_because == "the code is in the words of Keras 1"
    assert report.exit_code == 1
    found = by_name(report)

    (pictures,) = found["pictures.py"].comparisons
    assert told(pictures) == (
        *("equal", "sequential", "pictures.py:6", "sequential_1", "pictures.py:6", "place"),
        [],
    )
    assert pictures.largest == 0.0
    assert pictures.claims == (
        *("layers", "settings", "weights", "outputs", "loss", "gradients", "step"),
    )
    assert pictures.parameters == (883, 883)
    assert pictures.cause == "" and pictures.dtype == "float32"
    run = found["pictures.py"].original
    assert run is not None and (run.verdict.value, run.models, run.cause) == ("proved", 1, "")

    assert [each.likeness.value for each in found["script.py"].comparisons] == ["equal"] * 2
    assert found["script.py"].verdict.value == "proved", found["script.py"].cause

    (wrong,) = found["wrong.py"].comparisons
    assert wrong.likeness.value == "different"
    assert ("settings", "conv2d") in [(each.claim, each.layer) for each in wrong.differences]
    assert ("settings", "activation") in [(each.claim, each.layer) for each in wrong.differences]
    assert found["wrong.py"].verdict.value == "proved"  # it runs: only the numbers show it

    small, large = found["two.py"].comparisons
    assert told(small)[:2] == ("equal", "sequential")
    assert small.paired_by == "structure"
    assert large.paired_by == "place"
    assert large.likeness.value == "equal"

    (new,) = found["new.py"].comparisons
    assert (new.likeness.value, new.cause) == (
        "not-compared",
        "there is no original of this file",
    )
    assert found["new.py"].original is None
    failing = found["failing.py"].original
    assert failing is not None
    assert (failing.verdict.value, failing.where) == ("user-error", "failing.py:3")
    assert failing.cause == "NameError: name 'undefined' is not defined"


MEMORY = (
    "from keras.layers import CuDNNGRU, Dense, GRU, Input\n"
    "from keras.models import Model\n"
    "from keras.optimizers import RMSprop\n"
    "\n\n"
    "def build():\n"
    "    words = Input(shape=(5, 3))\n"
    "    state = GRU(4, return_sequences=False)(words)\n"
    "    model = Model(inputs=words, outputs=Dense(2)(state))\n"
    "    model.compile(RMSprop(lr=0.01), 'mse')\n"
    "    return model\n"
)
MODERN = (
    "import tensorflow as tf\n"
    "\n\n"
    "class Net(tf.keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.one = tf.keras.layers.Dense(4, activation='tanh')\n"
    "        self.two = tf.keras.layers.Dense(2)\n"
    "\n"
    "    def call(self, x):\n"
    "        return self.two(self.one(x))\n"
    "\n\n"
    "def build():\n"
    "    model = tf.keras.models.Sequential([tf.keras.layers.Dense(4, input_shape=(3,))])\n"
    "    model.compile('adam', 'mse')\n"
    "    return model\n"
    "\n\n"
    "net = Net()\n"
    "net(tf.zeros((2, 3)))\n"
)


def test_each_file_on_its_own_keras(project: Project) -> None:
    requirements = {"requirements.txt": "keras==2.2.4\n"}
    migrated(project, {**requirements, "memory.py": MEMORY, "modern.py": MODERN}, "tf_keras")
    report = proof(project, "tf_keras")
    assert report.original is not None
    assert (report.original.package, report.original.version) == ("keras", "2.2.4")
    assert report.original.chosen_because == "requirements.txt asks for keras==2.2.4"
    found = by_name(report)
    (memory,) = found["memory.py"].comparisons
    assert memory.likeness.value == "equal", memory
    for each in found["modern.py"].comparisons:
        assert each.likeness.value == "equal", each
    note = "the original was run on tf_keras: the code is for the tf.keras of Keras 2"
    assert note in found["modern.py"].notes
    assert report.exit_code == 0, [each.cause for each in report.files]


def test_a_python_2_original(project: Project) -> None:
    text = PICTURES + "\n\nprint 'built', build().count_params()\n"
    (project.before).mkdir()
    (project.before / "a.py").write_text(text, encoding="utf-8")
    shutil.copytree(project.before, project.after)
    migrate([project.after], "tf_keras", write=True, python2=True)
    report = proof(project, "tf_keras")
    (found,) = report.comparisons
    assert found.likeness.value == "equal", found
    assert "the original is Python 2: its translation was run" in report.files[0].notes


def test_the_command(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(project.before.parent / "state"))
    folder = project.before
    folder.mkdir()
    (folder / "a.py").write_text(PICTURES, encoding="utf-8")
    monkeypatch.chdir(folder)
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    for arguments in (("init", "-q"), ("add", "a.py"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)
    assert cli.main(["apply", ".", "--to", "tf_keras", "-q"]) == 0
    after = (folder / "a.py").read_bytes()
    assert cli.main(["verify", ".", "--to", "tf_keras", "--against", "last", "-v"]) == 0
    out = capsys.readouterr().out
    assert "\noriginal the last apply, run on keras 1.2.2: the code is in the words of" in out
    assert (
        "\n    equal: sequential (a.py:6): outputs differ by 0 at most; compared: layers, " in out
    )
    assert out.endswith(
        "\nModels compared with the original: 1 equal; outputs differ by 0 at most\n"
    )

    change(folder / "a.py", "'relu'", "'tanh'")
    options = ["--to", "tf_keras", "--against", "HEAD", "--original", "keras==1.2.2"]
    assert cli.main(["verify", "a.py", *options, "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["original"]["chosen_because"] == "asked for by --original"
    assert data["original"]["against"].startswith("HEAD (")
    (found,) = data["files"][0]["comparisons"]
    assert found["likeness"] == "different"
    assert found["differences"][0]["layer"] == "activation"
    change(folder / "a.py", "'tanh'", "'relu'")
    assert (folder / "a.py").read_bytes() == after


def test_errors_of_the_command(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.before.mkdir()
    (project.before / "a.py").write_text(PICTURES, encoding="utf-8")
    monkeypatch.chdir(project.before)
    assert cli.main(["verify", ".", "--original", "keras"]) == 2
    assert cli.main(["verify", ".", "--against", "HEAD", "--original", "torch"]) == 2
    assert cli.main(["verify", ".", "--against", "HEAD"]) == 2
    assert cli.main(["verify", ".", "--against", "a.py"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        "kerasmigrate: error: --original is of no use without --against: name the code as it was",
        "kerasmigrate: error: --original 'torch': write keras==1.2.2, keras or tf_keras",
        f"kerasmigrate: error: --against HEAD: there is no such folder, and {project.before} is in"
        " no git repository",
        "kerasmigrate: error: --against a.py is a file: name the folder that it lies in",
    ]


def test_an_old_keras_that_cannot_be_had(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    migrated(project, {"a.py": PICTURES}, "keras")
    monkeypatch.setattr(originals, "cache", lambda: tmp_path / "empty")
    monkeypatch.setattr(originals, "_download", _unreachable)
    said: list[str] = []
    with pytest.raises(originals.UnreachableError):
        proof(project, "keras", announce=said.append)
    assert said == [
        f"downloading keras 1.2.2, which the original was written for, into {tmp_path / 'empty'}"
    ]


def _unreachable(*_: object) -> None:
    raise originals.UnreachableError("no network")


CHANNELS_FIRST = (
    "from keras import backend as K\n"
    "from keras.layers import BatchNormalization, Convolution2D, GlobalAveragePooling2D\n"
    "from keras.layers import MaxPooling2D\n"
    "from keras.models import Sequential\n"
    "\n"
    "K.set_image_dim_ordering('th')\n"
    "\n\n"
    "def build(filters):\n"
    "    K.clear_session()\n"
    "    model = Sequential()\n"
    "    model.add(Convolution2D(filters, 3, 3, border_mode='same', input_shape=(3, 8, 6)))\n"
    "    model.add(MaxPooling2D((2, 2)))\n"
    "    model.add(BatchNormalization(axis=1))\n"
    "    model.add(GlobalAveragePooling2D())\n"
    "    model.compile('adam', 'mse')\n"
    "    return model\n"
    "\n\n"
    "small, large = build(2), build(3)\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_channels_first_and_graphs_that_are_cleared(project: Project, to: str) -> None:
    migrated(project, {"a.py": CHANNELS_FIRST}, to)
    report = proof(project, to)
    assert [each.likeness.value for each in report.comparisons] == ["equal"] * 2, report.comparisons
    assert [each.parameters for each in report.comparisons] == [(64, 64), (96, 96)]
    note = "channels_first is computed by transposing: this CPU has no kernels for it"
    assert note in report.files[0].notes
    assert report.exit_code == 0


DERIVED = (
    "from keras import backend as K\n"
    "from keras.layers import Convolution2D, Dense, Flatten\n"
    "from keras.models import Sequential\n"
    "\n\n"
    "class Scaled(Dense):\n"
    "    def __init__(self, output_dim, factor=2.0, **kwargs):\n"
    "        self.factor = factor\n"
    "        super(Scaled, self).__init__(output_dim, **kwargs)\n"
    "\n"
    "    def call(self, x, mask=None):\n"
    "        output = K.dot(x, self.W) * self.factor\n"
    "        if self.bias:\n"
    "            output = output + self.b\n"
    "        return self.activation(output) / self.output_dim\n"
    "\n\n"
    "class Grid(Convolution2D):\n"
    "    pass\n"
    "\n\n"
    "model = Sequential()\n"
    "model.add(Grid(4, 3, 2, border_mode='same', init='he_normal', input_shape=(6, 5, 2)))\n"
    "model.add(Flatten())\n"
    "model.add(Scaled(5, factor=0.5, init='normal', activation='tanh', W_regularizer='l2'))\n"
    "model.add(Scaled(3, bias=False))\n"
    "model.compile('sgd', 'mse')\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_classes_that_derive_from_layers(project: Project, to: str) -> None:
    migrated(project, {"requirements.txt": "keras==1.2.2\n", "a.py": DERIVED}, to)
    report = proof(project, to)
    (model,) = report.comparisons
    assert model.likeness.value == "equal", model
    assert model.largest is not None and model.largest < 1e-6
    assert "step" in model.claims


DEFERRED = (
    "import numpy as np\n"
    "from tensorflow.keras.layers import Dense, Embedding, LSTM\n"
    "from tensorflow.keras.models import Sequential\n"
    "\n"
    "model = Sequential([Embedding(9, 3, input_length=5), *[LSTM(2)], Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(np.ones((8, 5)), np.ones((8, 1)), batch_size=4)\n"
)


def test_a_model_that_only_data_build(project: Project) -> None:
    """Its shapes have the number of samples in Keras 3, where input_length builds nothing."""
    migrated(project, {"a.py": DEFERRED}, "keras")
    report = proof(project, "keras")
    (model,) = report.comparisons
    assert model.likeness.value == "equal", model.differences


TURNS = (
    "import numpy as np\n"
    "from keras.layers import Dense\n"
    "from keras.models import Sequential\n"
    "\n\n"
    "class Duel:\n"
    "    def __init__(self):\n"
    "        self.judge = Sequential([Dense(4, input_dim=3), Dense(1, activation='sigmoid')])\n"
    "        self.judge.compile('sgd', 'mse')\n"
    "        self.painter = Sequential([Dense(3, input_dim=2)])\n"
    "        self.judge.trainable = False\n"
    "        self.both = Sequential([self.painter, self.judge])\n"
    "        self.both.compile('sgd', 'mse')\n"
    "\n"
    "    def train(self, epochs):\n"
    "        for _ in range(epochs):\n"
    "            noise = np.zeros((4, 2))\n"
    "            self.judge.train_on_batch(self.painter.predict(noise), np.zeros((4, 1)))\n"
    "            self.both.train_on_batch(noise, np.ones((4, 1)))\n"
    "\n\n"
    "if __name__ == '__main__':\n"
    "    Duel().train(epochs=3)\n"
)


def test_models_that_take_turns(project: Project) -> None:
    migrated(project, {"requirements.txt": "keras==2.2.4\n", "a.py": TURNS}, "keras")
    report = proof(project, "keras")
    assert [each.likeness.value for each in report.comparisons] == ["equal"] * 3, report.comparisons
    trained = [each for each in report.comparisons if "step" in each.claims]
    assert len(trained) == 2 and all(each.step is not None for each in trained)


def test_models_that_would_take_turns(project: Project) -> None:
    """The code that trains them says what learns, and is not reached."""
    absent = "    Duel().train(epochs=len(np.load('absent.npy')))\n"
    text = TURNS.replace("    Duel().train(epochs=3)\n", absent)
    assert text != TURNS
    migrated(project, {"requirements.txt": "keras==2.2.4\n", "a.py": text}, "keras")
    report = proof(project, "keras")
    assert [each.likeness.value for each in report.comparisons] == ["equal"] * 3, report.comparisons
    judge = report.comparisons[0]
    assert judge.not_compared[-1] == (
        "gradients, step: the code says what learns right before it trains, and it has not come to"
        " that"
    )


def test_a_model_that_no_code_lets_learn_again(project: Project) -> None:
    text = TURNS.replace("            self.judge.train_on_batch", "            print")
    migrated(project, {"requirements.txt": "keras==2.2.4\n", "a.py": text}, "keras")
    report = proof(project, "keras")
    likenesses = [each.likeness.value for each in report.comparisons]
    assert likenesses == ["different", "equal", "equal"], report.comparisons
    assert report.comparisons[0].differences[0].claim == "gradients"


SHARED = (
    "from keras.layers import Dense, Input\n"
    "from keras.models import Model, Sequential\n"
    "\n"
    "x = Input((3,))\n"
    "core = Sequential([Dense(4, input_dim=3)])\n"
    "one, other = Model(x, Dense(2)(core(x))), Model(x, Dense(2)(core(x)))\n"
    "one.trainable = False\n"
    "both = Model(x, [one(x), other(x)])\n"
    "both.compile('sgd', 'mse')\n"
)


def test_a_difference_that_the_migration_announces(project: Project) -> None:
    migrated(project, {"requirements.txt": "keras==2.2.4\n", "a.py": SHARED}, "keras")
    report = proof(project, "keras")
    (different,) = [each for each in report.comparisons if each.likeness.value == "different"]
    assert different.original_where == "a.py:8"
    assert different.differences[0].claim == "gradients"
    assert different.explained_by == ("KM650",)


#: Nothing is left of a small picture, nor of a short text; and training is watched by TensorBoard.
FREE = (
    "from keras.callbacks import TensorBoard\n"
    "from keras.layers import Conv1D, Conv2D, Input, UpSampling2D\n"
    "from keras.models import Model, Sequential\n"
    "\n\n"
    "def pictures():\n"
    "    picture = Input(shape=(None, None, 3))\n"
    "    x = picture\n"
    "    for filters in (2, 3, 4, 5):\n"
    "        x = Conv2D(filters, 3, strides=2)(x)\n"
    "    return Model(picture, UpSampling2D(2)(x))\n"
    "\n\n"
    "def texts():\n"
    "    model = Sequential()\n"
    "    model.add(Conv1D(2, 9, input_shape=(None, 4)))\n"
    "    return model\n"
    "\n\n"
    "kept = TensorBoard(log_dir='logs')\n"
    "picture_model, text_model = pictures(), texts()\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_free_dimensions_are_made_large_enough(project: Project, to: str) -> None:
    migrated(project, {"free.py": FREE}, to)
    (file,) = proof(project, to, original="keras==2.2.4").files
    assert file.original is not None
    assert (file.original.verdict.value, file.original.cause) == ("proved", "")
    found = [(each.original_where, each.likeness.value, each.cause) for each in file.comparisons]
    assert found == [("free.py:11", "equal", ""), ("free.py:15", "equal", "")]


#: Keras 2.3 finds the layers that are attributes, and lists their weights in the order in which
#: they became that; today those in the list come first.
LISTED = (
    "from keras.layers import Conv1D, Dense, Input, Layer\n"
    "from keras.models import Model\n"
    "\n\n"
    "class Block(Layer):\n"
    "    def build(self, input_shape):\n"
    "        self.stack = [Conv1D(4, 3, padding='same', name='conv_%d' % n) for n in range(2)]\n"
    "        shape = input_shape\n"
    "        for layer in self.stack:\n"
    "            layer.build(shape)\n"
    "            shape = layer.compute_output_shape(shape)\n"
    "        self.last = Conv1D(4, 3, padding='same')\n"
    "        self.last.build(shape)\n"
    "        for layer in self.stack:\n"
    "            setattr(self, layer.name, layer)\n"
    "        super(Block, self).build(input_shape)\n"
    "\n"
    "    def call(self, inputs):\n"
    "        x = inputs\n"
    "        for layer in self.stack:\n"
    "            x = layer(x)\n"
    "        return self.last(x)\n"
    "\n"
    "    def compute_output_shape(self, input_shape):\n"
    "        return input_shape[:-1] + (4,)\n"
    "\n\n"
    "series = Input((8, 4))\n"
    "model = Model(series, Dense(1)(Block()(series)))\n"
    "model.compile('sgd', 'mse')\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_weights_that_are_listed_in_another_order(project: Project, to: str) -> None:
    migrated(project, {"listed.py": LISTED}, to)
    (file,) = proof(project, to, original="keras==2.3.1").files
    (found,) = file.comparisons
    assert (found.likeness.value, found.cause, found.differences) == ("equal", "", ())
    assert found.claims == (
        "layers",
        "settings",
        "weights",
        "outputs",
        "loss",
        "gradients",
        "step",
    )


#: It asks a tensor whether it is a list of them, as code of TensorFlow 1 did.
ENDING = (
    "from keras.layers import Dense\n"
    "from keras.models import Sequential\n\n"
    "model = Sequential()\n"
    "model.add(Dense(1, input_dim=2))\n"
    "if hasattr(model.output, '__len__') and len(model.output) > 1:\n"
    "    raise ValueError('one output')\n"
    "check = 3 / 1\n"
    "model.compile('sgd', 'mse')\n"
)


@pytest.mark.parametrize("original", [True, False])
def test_a_run_that_ends_before_the_model_is_compiled(project: Project, original: bool) -> None:
    migrated(project, {"ending.py": ENDING}, "tf_keras")
    side = project.before if original else project.after
    change(side / "ending.py", "3 / 1", "3 / 0")
    (file,) = proof(project, "tf_keras", original="keras==2.2.4").files
    (found,) = file.comparisons
    assert (found.likeness.value, found.differences) == ("equal", ())
    assert found.claims == ("layers", "settings", "weights", "outputs")
    who = "the original" if original else "the code"
    assert found.not_compared == (
        f"loss: {who} fails before it compiles it: ZeroDivisionError: division by zero",
    )


def test_a_model_that_the_original_has_only_the_start_of(project: Project) -> None:
    broken = ENDING.replace("if hasattr", "model.add(Dense(2))\nif hasattr")
    migrated(project, {"ending.py": broken}, "tf_keras")
    change(project.before / "ending.py", "model.add(Dense(2))", "model.add(3 / 0)")
    (file,) = proof(project, "tf_keras", original="keras==2.2.4").files
    (found,) = file.comparisons
    assert (found.likeness.value, found.differences) == ("not-compared", ())
    assert found.cause == (
        "the original fails while it builds it: ZeroDivisionError: division by zero"
    )
    change(project.before / "ending.py", "model.add(3 / 0)", "pass")
    (file,) = proof(project, "tf_keras", original="keras==2.2.4").files
    assert file.comparisons[0].likeness.value == "different"


def test_a_model_that_is_never_compiled(project: Project) -> None:
    migrated(project, {"ending.py": ENDING}, "tf_keras")
    change(project.after / "ending.py", "model.compile('sgd', 'mse')\n", "")
    (file,) = proof(project, "tf_keras", original="keras==2.2.4").files
    (found,) = file.comparisons
    assert [each.message for each in found.differences] == [
        "not compiled; the original is",
        "no loss: not compiled; the original has one",
    ]


#: Keras 3 compiles what the JSON of a compiled model describes; a file says it in any Keras.
LOADED = (
    "import numpy as np\n"
    "from tensorflow.keras.layers import Dense\n"
    "from tensorflow.keras.models import Sequential, load_model, model_from_json\n\n"
    "x = np.ones((4, 2))\n"
    "model = Sequential([Dense(1, input_shape=(2,))])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(x, x[:, :1])\n"
    "again = model_from_json(model.to_json())\n"
    "again.predict(x)\n"
    "model.save('model.keras')\n"
    "load_model('model.keras').predict(x)\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_model_that_is_compiled_when_it_is_loaded(project: Project, to: str) -> None:
    migrated(project, {"loaded.py": LOADED}, to)
    (file,) = proof(project, to).files
    trained = ("layers", "settings", "weights", "outputs", "loss", "gradients", "step")
    assert [(each.likeness.value, each.claims) for each in file.comparisons] == [
        ("equal", trained),
        ("equal", trained[:4]),
        ("equal", trained),
    ]
    missing = ("loss: the original does not compile it",) if to == "keras" else ()
    assert [each.not_compared for each in file.comparisons] == [(), missing, ()]


#: Keras 3 has no word of the shape; made-up data give it one.
OPEN = (
    "import numpy as np\n"
    "from keras.layers import Dense, Embedding, GlobalMaxPooling1D\n"
    "from keras.models import Sequential\n\n"
    "model = Sequential([Embedding(9, 4), GlobalMaxPooling1D(), Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(np.ones((8, 5)), np.ones((8, 1)))\n"
)


def test_a_shape_that_only_data_gives(project: Project) -> None:
    migrated(project, {"open.py": OPEN}, "keras")
    (file,) = proof(project, "keras", original="keras==2.2.4").files
    (found,) = file.comparisons
    assert (found.likeness.value, found.differences) == ("equal", ())


@pytest.mark.parametrize(
    ("shape", "data", "fits"),
    [
        ([None, 3], [None, 3], True),
        ([None, None], [2, 5], True),
        ([None, 5], [2, 5], True),
        ([None, None], [None, 5], False),
        ([None, 3], [2, 5], False),
        ([None, None], [2, 5, 1], False),
        ([4, None], [2, 5], False),
        (None, None, True),
        (None, [2, 5], False),
    ],
)
def test_which_shapes_data_give(shape: object, data: object, fits: bool) -> None:
    assert _fits(shape, data) is fits


#: Another function than the one that builds the model compiles it.
ELSEWHERE = (
    "from keras.layers import Dense\n"
    "from keras.models import Sequential\n"
    "from keras.optimizers import Adadelta\n\n\n"
    "def train(model):\n"
    "    model.compile(Adadelta(), 'mse')\n\n\n"
    "model = Sequential([Dense(1, input_shape=(3,))])\n"
    "train(model)\n"
)


def test_a_function_that_the_file_calls_may_explain(project: Project) -> None:
    old = "import keras\n\nkeras.backend.dot(x, y)\n"
    migrated(project, {"elsewhere.py": ELSEWHERE, "old.py": old}, "keras")
    file = by_name(proof(project, "keras", original="keras==2.2.4"))["elsewhere.py"]
    (found,) = file.comparisons
    assert found.likeness.value == "different"
    assert found.explained_by == ("KM601",)


STEEP = (
    "from keras import backend as K\n"
    "from keras.layers import Layer\n\n\n"
    "def slope(x):\n    return K.gradients(K.sum(x * x), x)[0]\n\n\n"
    "class Steep(Layer):\n"
    "    def call(self, x):\n        return x + slope(x)\n\n"
    "    def compute_output_shape(self, input_shape):\n        return input_shape\n\n\n"
    "class Other(Layer):\n"
    "    def call(self, x):\n        return K.local_conv1d(x, x, 1, 1)\n"
)


def test_a_finding_in_a_file_that_is_imported_explains(project: Project) -> None:
    use = (
        "from keras.layers import Dense\nfrom keras.models import Sequential\n"
        "from steep import Steep\n\n"
        "model = Sequential([Dense(2, input_shape=(3,)), Steep()])\n"
    )
    files = {"steep.py": STEEP, "use.py": use}
    migrated(project, files, "keras")
    file = by_name(proof(project, "keras", original="keras==2.2.4"))["use.py"]
    (found,) = file.comparisons
    assert found.differences[0].message.startswith("does not run")
    assert found.explained_by == ("KM503",)


#: Its probabilities come close to 1, where a float32 has few digits left for what is missing.
SURE = (
    "from keras.layers import Dense\n"
    "from keras.initializers import Constant\n"
    "from keras.models import Sequential\n\n"
    "model = Sequential()\n"
    "model.add(Dense(1, activation='sigmoid', bias_initializer=Constant(12.0), input_shape=(3,)))\n"
    "model.compile('sgd', 'binary_crossentropy')\n"
)


def test_a_loss_of_probabilities_next_to_1(project: Project) -> None:
    migrated(project, {"sure.py": SURE}, "tf_keras")
    (file,) = proof(project, "tf_keras", original="keras==2.2.4").files
    (found,) = file.comparisons
    assert (found.likeness.value, found.differences) == ("equal", ())
    assert found.loss is not None
    assert 1e-5 < abs(found.loss[0] - found.loss[1]) < 1e-2

"""What stands for a name that is gone, under the real packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kerasmigrate.pipeline import Pipeline

pytestmark = pytest.mark.tensorflow

LAYERS = """
import numpy as np
import keras
from keras.layers import Dense, Highway, MaxoutDense, ParametricSoftplus, SReLU

rng = np.random.default_rng(0)
x = rng.normal(size=(4, 3)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def highway(x, w, b, w_gate, b_gate):
    gate = sigmoid(x @ w_gate + b_gate)
    return gate * np.tanh(x @ w + b) + (1 - gate) * x


def maxout(x, w, b):
    return (np.einsum("ni,kio->nko", x, w) + b).max(axis=1)


def srelu(x, t_left, a_left, t_right, a_right):
    t_right = t_left + abs(t_right)
    right, left = t_right + a_right * (x - t_right), t_left + a_left * (x - t_left)
    return np.where(x >= t_right, right, np.where(x <= t_left, left, x))


def softplus(x, alpha, beta):
    return alpha * np.log1p(np.exp(beta * x))


for layer, formula in [
    (Highway(activation="tanh", W_regularizer="l2", input_dim=3), highway),
    (MaxoutDense(5, nb_feature=2, W_regularizer="l2", input_dim=3), maxout),
    (SReLU(t_left_init="zero", input_shape=(3,)), srelu),
    (ParametricSoftplus(input_shape=(3,)), softplus),
]:
    model = keras.models.Sequential([keras.layers.Input((3,)), layer])
    if formula is softplus:
        assert [each.tolist() for each in model.get_weights()] == [
            [np.float32(0.2)] * 3, [5.0] * 3]
    weights = [rng.normal(size=each.shape).astype("float32") for each in model.get_weights()]
    model.set_weights(weights)
    expected = formula(x, *weights)
    assert np.allclose(model.predict(x, verbose=0), expected, atol=1e-5), layer.name
    model.compile("sgd", "mse")
    model.fit(x, expected, verbose=0)
    model.save("model.keras")
    again = keras.models.load_model("model.keras")
    assert np.allclose(again.predict(x, verbose=0), model.predict(x, verbose=0)), layer.name
Dense(1)
"""

KERNELS = """
import numpy as np
import keras
from keras.layers import Conv2D
from keras.utils.layer_utils import convert_all_kernels_in_model
from keras.utils.test_utils import keras_test

model = keras.models.Sequential([keras.layers.Input((4, 4, 1)), Conv2D(2, 3), Conv2D(2, 2)])
before = model.get_weights()


@keras_test
def run():
    convert_all_kernels_in_model(model)


run()
after = model.get_weights()
assert np.array_equal(after[0], before[0][::-1, ::-1]) and np.array_equal(after[1], before[1])
assert np.array_equal(after[2], before[2][::-1, ::-1])
"""

CONFIGS = """
import numpy as np
import keras
from keras.models import Model, Sequential, model_from_config


class Mine(keras.layers.Layer):
    def call(self, x):
        return 2 * x


i = keras.layers.Input((3,))
models = [
    Sequential([keras.layers.Input((3,)), keras.layers.Dense(2), Mine()]),
    Model(i, keras.layers.Dense(2)(i)),
]
for model in models:
    config = {"class_name": model.__class__.__name__, "config": model.get_config()}
    copy = model_from_config(config, custom_objects={"Mine": Mine})
    copy.set_weights(model.get_weights())
    x = np.ones((2, 3), "float32")
    assert type(copy) is type(model) and copy.layers[0].name == model.layers[0].name
    assert np.array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
"""

PREPROCESSING = """
import numpy as np
import keras
from keras.preprocessing import sequence
from keras.preprocessing.image import ImageDataGenerator
from keras.preprocessing.sequence import TimeseriesGenerator
from keras.preprocessing.text import Tokenizer

x = np.random.default_rng(0).normal(size=(8, 6, 6, 3)).astype("float32")
y = np.arange(8.0)
generator = ImageDataGenerator(horizontal_flip=True, vertical_flip=True, rescale=0.5,
                               featurewise_center=True)
generator.fit(x)
flow = generator.flow(x, y, batch_size=4, seed=1)
model = keras.models.Sequential(
    [keras.layers.Flatten(input_shape=(6, 6, 3)), keras.layers.Dense(1)]
)
model.compile("sgd", "mse")
model.fit(flow, epochs=2, verbose=0, validation_data=generator.flow(x, y))
images, targets = generator.flow(x, y, batch_size=8, seed=3)[0]
tokenizer = Tokenizer(num_words=4)
tokenizer.fit_on_texts(["a b b c c c", "c d"])
series = TimeseriesGenerator(np.arange(20.0).reshape(10, 2), np.arange(10), length=3, batch_size=4)
small = keras.models.Sequential([keras.layers.Flatten(input_shape=(3, 2)), keras.layers.Dense(1)])
small.compile("sgd", "mse")
small.fit(series, verbose=0)
np.savez(
    "result.npz",
    images=images,
    targets=targets,
    texts=tokenizer.texts_to_matrix(["b c d"]),
    series=series[1][0],
    pairs=np.array(sequence.skipgrams([1, 2, 3, 4], 9, negative_samples=0.0, seed=4)[0]),
    table=sequence.make_sampling_table(9),
)
"""

RECURRENT = """
import numpy as np
import keras
from keras.layers import CuDNNGRU, CuDNNLSTM


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, u, b):
    h = c = np.zeros((len(x), 4))
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w + h @ u + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(x, w, u, b):
    h = np.zeros((len(x), 4))
    for step in range(x.shape[1]):
        z, r, n = np.split(x[:, step] @ w + b[0], 3, axis=1)
        z2, r2, n2 = np.split(h @ u + b[1], 3, axis=1)
        z, n = sigmoid(z + z2), np.tanh(n + sigmoid(r + r2) * n2)
        h = z * h + (1 - z) * n
    return h


rng = np.random.default_rng(0)
x = rng.normal(size=(2, 5, 3)).astype("float32")
for layer, formula in [(CuDNNLSTM(4, input_shape=(5, 3)), lstm), (CuDNNGRU(4), gru)]:
    model = keras.models.Sequential([keras.layers.Input((5, 3)), layer])
    weights = [rng.normal(size=each.shape).astype("float32") for each in model.get_weights()]
    model.set_weights(weights)
    assert np.allclose(model.predict(x, verbose=0), formula(x, *weights), atol=1e-5), formula
"""


LAYER_TEST = """
import numpy as np
from keras.layers import LSTM, Dense, Dropout, Embedding, Layer
from keras.utils.test_utils import layer_test


class Times(Layer):
    def __init__(self, by=2, **options):
        super().__init__(**options)
        self.by = by

    def call(self, x):
        return x * self.by

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return dict(super().get_config(), by=self.by)


class Wider(Times):
    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)


assert layer_test(Dense, kwargs={"units": 3}, input_shape=(2, 4)).shape == (2, 3)
layer_test(Dense, {"units": 3}, (None, 4))
layer_test(LSTM, {"units": 3, "stateful": True}, (2, 4, 5), fixed_batch_size=True)
layer_test(Dropout, {"rate": 0.5}, (2, 4))
layer_test(Embedding, {"input_dim": 10, "output_dim": 3}, (2, 4), "int32",
           expected_output_dtype="float32")
x = np.ones((2, 3), "float32")
assert (layer_test(Times, {"by": 3}, input_data=x, expected_output=3 * x) == 3).all()
for layer, options in [
    (Times, {"expected_output": 3 * x}), (Wider, {}), (Times, {"expected_output_dtype": "int32"})
]:
    try:
        layer_test(layer, input_data=x, **options)
    except AssertionError:
        continue
    raise SystemExit(f"nothing wrong with {layer} {options}")
"""


def _run(code: str, to: str, folder: Path, before: str = "") -> None:
    result = Pipeline.to(to).run(code)
    assert not [each for each in result.findings if each.code == "KM103"]
    folder.mkdir(exist_ok=True)
    (folder / "program.py").write_text(before + result.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, result.text + done.stderr[-3000:]


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_layers_kernels_and_cudnn(to: str, tmp_path: Path) -> None:
    for number, code in enumerate((LAYERS, KERNELS, RECURRENT, CONFIGS)):
        _run(code, to, tmp_path / str(number))


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_test_of_layers_finds_what_is_wrong(to: str, tmp_path: Path) -> None:
    _run(LAYER_TEST, to, tmp_path)


def test_preprocessing_gives_the_same_numbers(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    _run(PREPROCESSING, "keras", tmp_path / "keras")
    # Without scipy tf_keras fails on flips, too, which do not need it.
    scipy = "import tf_keras.src.preprocessing.image as code\n\ncode.scipy = object()\n"
    _run(PREPROCESSING, "tf_keras", tmp_path / "tf_keras", before=scipy)
    new, old = (np.load(tmp_path / to / "result.npz") for to in ("keras", "tf_keras"))
    for name in old.files:
        assert np.allclose(new[name], old[name]), name

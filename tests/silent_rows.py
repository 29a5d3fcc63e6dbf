"""What runs on without an error and means something else, with code that shows it by numbers."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from originals import run_original
from targets import TARGETS

from kerasmigrate.pipeline import Pipeline, Result
from kerasmigrate.project import Project

KERAS_3 = ("keras", "tf.keras")
FIRST = "from keras.layers.core import Dense\nfrom keras.models import Sequential\n\n"
MODEL = (
    FIRST + "model = Sequential([Dense(1, input_dim=2, init='one', bias=False)])\n"
    "x = np.array([[1.0, 2.0], [3.0, 1.0], [2.0, 2.0], [0.0, 1.0]])\n"
    "y = np.array([[1.0], [0.0], [2.0], [4.0]])\n"
)
AVERAGES = (
    "from keras.layers import BatchNormalization\nfrom keras.models import Sequential\n\n"
    "model = Sequential([BatchNormalization(input_shape=(2,))])\nmodel.compile('sgd', 'mse')\n"
    "x = np.array([[1.0, 2.0], [5.0, 6.0]])\nmodel.train_on_batch(x, x)\n"
    "results['mean'], results['variance'] = (each[0] for each in model.get_weights()[2:])\n"
)
AVERAGES_OF_IMAGES = (
    "from keras.layers import BatchNormalization\nfrom keras.models import Sequential\n\n"
    "model = Sequential([BatchNormalization(axis=1, mode=0, input_shape=(2, 1, 1))])\n"
    "model.compile('sgd', 'mse')\n"
    "x = np.array([[1.0, 2.0], [5.0, 6.0]]).reshape(2, 2, 1, 1)\nmodel.train_on_batch(x, x)\n"
    "results['mean'], results['variance'] = (each[0] for each in model.get_weights()[2:])\n"
)
VARIABLE = (
    "from keras import backend as K\nfrom keras.engine.topology import Layer\n"
    "from keras.layers import Dense\nfrom keras.models import Sequential\n\n\n"
    "class Own(Layer):\n"
    "    def build(self, input_shape):\n        self.x = K.variable(np.ones((3,)))\n"
    "        super(Own, self).build(input_shape)\n\n"
    "    def call(self, inputs, mask=None, training=None):\n"
    "        return inputs * self.x\n\n\n"
    "model = Sequential([Own(input_shape=(3,)), Dense(output_dim=1, init='one')])\n"
    "model.compile('sgd', 'mse')\n"
    "model.train_on_batch(np.ones((2, 3)), np.zeros((2, 1)))\n"
    "results['x'] = [float(each) for each in K.get_value(model.layers[-2].x)]\n"
)
BATCH_DOT = (
    "from keras import backend as K\n\n"
    "x = K.variable(np.arange(24.0).reshape(2, 3, 4))\n"
    "y = K.variable(np.arange(120.0).reshape(2, 3, 4, 5))\n"
    "found = K.batch_dot(x, y, axes=[2, 2])\n"
    "results['shape'] = list(K.int_shape(found))\n"
    "results['sum'] = float(K.eval(K.sum(found)))\n"
)
RNN_MASK = (
    "from keras import backend as K\n\n"
    "x = K.variable(np.ones((1, 3, 2)))\n"
    "start, mask = [K.variable(np.zeros((1, 2)))], K.variable(np.array([[1.0, 0.0, 0.0]]))\n\n\n"
    "def step(now, states):\n    return 10 * now + states[0], [now + states[0]]\n\n\n"
    "last = K.rnn(step, x, start, mask=mask)[0]\n"
    "results['last'] = K.eval(last)\n"
)


@dataclass(frozen=True)
class Row:
    """One silent change.

    Attributes:
        name: What it is about.
        code: Code that it concerns; a whole module, which puts numbers into ``results`` if it is
            run.
        codes: Rules of which each target has to have a finding, fixed or not.
        line: The line of the finding, from 1.
        targets: Those in which the change is silent or at work; in the others the code stays.
        says: What the converted code says; empty where the rule only reports.
        ran: The old Keras in which the code is run for comparison; empty where it is not.
        differs: Whether the numbers differ all the same, because the rule only reports.
        pins: Requirement that tells the version, where the code does not.
        chance: Whether the numbers come out otherwise each time.
        also: Other tests that compare numbers, as file and function.
    """

    name: str
    code: str
    codes: tuple[str, ...]
    line: int
    targets: tuple[str, ...] = TARGETS
    says: str = ""
    ran: str = ""
    differs: bool = False
    pins: str = ""
    chance: bool = False
    also: tuple[str, ...] = ()

    def migrated(self, to: str) -> Result:
        """Migrate the code."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "requirements.txt").write_text(self.pins + "\n", encoding="utf-8")
            view = Project(place, ()).view(place / "row.py")
            return Pipeline.to(to).run(self.code, view)

    def before(self) -> dict[str, Any]:
        """Return the results of the Keras that the code is for."""
        if self.ran == "tf_keras":
            return run(self.migrated("tf_keras").text)
        return run_original(self.ran, self.code)


def run(code: str) -> dict[str, Any]:
    """Run code of today here, and return its results."""
    names: dict[str, Any] = {"np": np, "results": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "<row>", "exec"), names)
    results: dict[str, Any] = names["results"]
    return results


def left_alone(row: Row, to: str) -> dict[str, Any] | None:
    """Return the results of code whose line these rules leave as it is; None if it fails."""
    lines = row.code.split("\n")
    lines[row.line - 1] += f"  # kerasmigrate: ignore[{', '.join(row.codes)}]"
    try:
        return run(replace(row, code="\n".join(lines)).migrated(to).text)
    except Exception:
        return None


def cell(results: dict[str, Any] | None) -> str:
    """Write results for the page: a few numbers, to three digits each."""
    if results is None:
        return "fails"
    parts = []
    for value in results.values():
        flat = np.ravel(value).tolist()
        texts = [f"{each:.3g}" if isinstance(each, float) else str(each) for each in flat[:4]]
        texts = ["0" if text == "-0" else text for text in texts]
        parts.append(", ".join(texts) + (", ..." if len(flat) > 4 else ""))
    return "; ".join(parts)


ROWS = (
    Row(
        "two numbers of Convolution2D are a kernel",
        "from keras.layers import Convolution2D\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(Convolution2D(2, 3, 3, input_shape=(12, 12, 1)))\n"
        "results['shape'] = model.predict(np.ones((1, 12, 12, 1))).shape\n",
        ("KM202",),
        5,
        says="Conv2D(2, (3, 3),",
        ran="1.2.2",
    ),
    Row(
        "and of nobody knows which Conv2D",
        "from keras.layers import Conv2D\n\nlayer = Conv2D(64, 3, 3)\n",
        ("KM204",),
        3,
    ),
    Row(
        "two numbers of SeparableConvolution2D are a kernel",
        "from keras.layers import SeparableConvolution2D\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(SeparableConvolution2D(2, 3, 3, input_shape=(8, 8, 2)))\n"
        "results['shape'] = model.predict(np.ones((1, 8, 8, 2))).shape\n",
        ("KM202",),
        5,
        says="SeparableConv2D(2, (3, 3),",
        ran="1.2.2",
    ),
    Row(
        "and of ConvLSTM2D",
        FIRST + "from keras.layers import ConvLSTM2D\nDense(output_dim=2)\n"
        "layer = ConvLSTM2D(8, 3, 3)\n",
        ("KM202",),
        6,
        says="ConvLSTM2D(8, (3, 3)",
        also=("test_arguments_real.py::test_settings",),
    ),
    Row(
        "numbers of BatchNormalization",
        "from keras.layers import BatchNormalization\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(BatchNormalization(0.5, 0, 1, input_shape=(3, 4)))\n"
        "results['axis'] = int(np.ravel(model.layers[0].axis)[0])\n"
        "results['out'] = model.predict(np.ones((2, 3, 4)))\n",
        ("KM201",),
        5,
        says="BatchNormalization(epsilon=0.5, axis=1,",
        ran="1.2.2",
    ),
    Row(
        "arguments of LSTM that Keras 1 ignored",
        "from keras.layers import LSTM\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(LSTM(2, init='one', inner_init='one', U_regularizer='l2', consume_less='cpu',"
        " input_shape=(3, 2)))\n"
        "model.compile('sgd', 'mse')\n"
        "data = np.linspace(-1, 0.5, 12).reshape((2, 3, 2))\n"
        "results['loss'] = float(model.evaluate(data, np.ones((2, 2)), verbose=0))\n",
        ("KM605",),
        5,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "gates of LSTM",
        "from keras.layers import LSTM\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(LSTM(2, init='one', inner_init='one', input_shape=(3, 2)))\n"
        "results['out'] = model.predict(np.linspace(-1, 0.5, 12).reshape((2, 3, 2)))\n",
        ("KM600",),
        5,
        says="recurrent_activation=",
        ran="1.2.2",
    ),
    Row(
        "penalty of an activity regularizer",
        "from keras.layers import Dense\nfrom keras.models import Sequential\n"
        "from keras.regularizers import activity_l2\n\n"
        "model = Sequential()\n"
        "model.add(Dense(1, input_dim=1, init='one', activity_regularizer=activity_l2(1.0)))\n"
        "model.compile('sgd', 'mse')\n"
        "results['loss'] = float(model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0))\n",
        ("KM629",),
        6,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "number of epochs",
        MODEL + "model.compile('sgd', 'mse')\n"
        "results['epochs'] = len(model.fit(x, y, verbose=0).epoch)\n",
        ("KM603",),
        8,
        says="epochs=10",
        ran="1.2.2",
    ),
    Row(
        "number of epochs of a functional model",
        FIRST.replace("Sequential", "Model") + "from keras.layers import Input\n\n"
        "a = Input((2,))\nmodel = Model(input=a, output=Dense(1, init='one')(a))\n"
        "model.compile('sgd', 'mse')\n"
        "results['epochs'] = len(model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).epoch)\n",
        ("KM603",),
        9,
        says="epochs=10",
        ran="1.2.2",
    ),
    Row(
        "weights of train_on_batch",
        MODEL + "model.compile('sgd', 'mse')\n"
        "results['loss'] = float(model.train_on_batch(x, y, None, np.full(4, 3.0)))\n",
        ("KM213", "KM214"),
        8,
        ran="1.2.2",
    ),
    Row(
        "order of a history",
        MODEL + "model.compile('sgd', 'mse', metrics=['mae'])\n"
        "history = model.fit(x, y, nb_epoch=1, verbose=0, validation_data=(x, y))\n"
        "first = list(history.history)[0]\n"
        "results['first'] = history.history[first]\n",
        ("KM627",),
        9,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "metrics of Keras 1",
        MODEL + "model.compile('sgd', 'mse', metrics=['precision', 'fmeasure'])\n",
        ("KM633",),
        7,
    ),
    Row(
        "loss of a train_step",
        "import keras\n\n\nclass Net(keras.Model):\n    def train_step(self, data):\n"
        "        loss = keras.backend.mean(data[0])\n        return {'loss': loss}\n\n"
        "    def call(self, x, training=None):\n        return x\n\n\n"
        "net = Net()\nnet.compile('sgd')\n"
        "results['loss'] = net.fit(np.ones((4, 1)), verbose=0).history['loss']\n",
        ("KM624",),
        7,
        KERAS_3,
        ran="tf_keras",
        differs=True,
        also=("test_silent_classes.py::test_what_keras_3_passes_over",),
    ),
    Row(
        "reset_states of a metric",
        "import keras\n\n\nclass Last(keras.metrics.MeanMetricWrapper):\n"
        "    def reset_states(self):\n        self.total.assign(6.0)\n"
        "        self.count.assign(1.0)\n\n\n"
        "model = keras.Sequential([keras.layers.Dense(1, kernel_initializer='zeros')])\n"
        "last = Last(keras.losses.mean_squared_error, name='last')\n"
        "model.compile('sgd', 'mse', metrics=[last])\n"
        "model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)\n"
        "model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0)\n"
        "results['count'] = float(last.count)\n",
        ("KM623",),
        5,
        KERAS_3,
        says="def reset_state(self)",
        ran="tf_keras",
        also=("test_silent_classes.py::test_what_keras_3_passes_over",),
    ),
    Row(
        "lr of an optimizer",
        MODEL + "from keras.optimizers import Adam\n\n"
        "model.compile(Adam(lr=0.25), 'mse')\nmodel.train_on_batch(x, y)\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM201",),
        9,
        says="learning_rate=0.25",
        ran="1.2.2",
    ),
    Row(
        "numbers of SGD",
        MODEL + "from keras.optimizers import SGD\n\n"
        "model.compile(SGD(0.01, 0.9, 0.5, True), 'mse')\n"
        "for _ in range(3):\n    model.train_on_batch(x, y)\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM208", "KM201"),
        9,
        ran="1.2.2",
    ),
    Row(
        "assignment to lr",
        MODEL + "from keras.optimizers import SGD\n\nsgd = SGD()\nsgd.lr = 0.5\n"
        "model.compile(sgd, 'mse')\nmodel.train_on_batch(x, y)\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM229",),
        10,
        KERAS_3,
        says="sgd.learning_rate = 0.5",
        ran="1.2.2",
    ),
    Row(
        "epsilon of ReduceLROnPlateau",
        MODEL + "from keras.callbacks import ReduceLROnPlateau\n"
        "from keras.optimizers import SGD\n\n"
        "callback = ReduceLROnPlateau(monitor='loss', patience=0, epsilon=0.5)\n"
        "model.compile(SGD(lr=0.001), 'mse')\n"
        "model.fit(x, y, nb_epoch=3, verbose=0, callbacks=[callback])\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM201",),
        10,
        says="min_delta=0.5",
        ran="1.2.2",
    ),
    Row(
        "order of a crossentropy",
        MODEL + "from keras import backend as K\n\n\ndef loss(y_true, y_pred):\n"
        "    return K.mean(K.binary_crossentropy(y_pred, y_true), axis=-1)\n\n\n"
        "model.compile('sgd', loss)\n"
        "results['loss'] = float(model.evaluate(x / 8, y / 4, verbose=0))\n",
        ("KM201", "KM501"),
        11,
        says="(output=y_pred, target=y_true)",
        ran="1.2.2",
    ),
    Row(
        "order of a crossentropy in a file that does not tell",
        "from keras import backend as K\n\n\ndef loss(y_true, y_pred):\n"
        "    return K.categorical_crossentropy(y_pred, y_true)\n",
        ("KM631",),
        5,
    ),
    Row(
        "slope of hard_sigmoid",
        MODEL + "from keras.layers import Activation\n\n"
        "model.add(Activation('hard_sigmoid'))\n"
        "results['out'] = model.predict(x / 4 - 1)\n",
        ("KM610",),
        9,
        KERAS_3,
        ran="1.2.2",
    ),
    Row(
        "slope of the backend's hard_sigmoid",
        "from keras import backend as K\n\n\ndef f(x):\n    return K.hard_sigmoid(x)\n",
        ("KM501",),
        5,
        KERAS_3,
        says="ops.clip(0.2 * x + 0.5, 0.0, 1.0)",
        also=("test_backend_real.py::test_old_and_new_give_the_same_numbers",),
    ),
    Row(
        "seed",
        "import numpy\n" + FIRST + "drawn = []\nfor _ in range(2):\n"
        "    numpy.random.seed(7)\n    model = Sequential([Dense(4, input_dim=3)])\n"
        "    model.compile('sgd', 'mse')\n    drawn.append(model.get_weights()[0])\n"
        "model.fit(np.ones((2, 3)), np.ones((2, 4)), nb_epoch=1, verbose=0)\n"
        "results['same'] = np.array_equal(drawn[0], drawn[1])\n",
        ("KM628",),
        7,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "l1_l2 without arguments",
        "from keras.layers import Dense\nfrom keras.models import Sequential\n"
        "from keras.regularizers import l1l2\n\n"
        "model = Sequential()\n"
        "model.add(Dense(1, input_dim=1, init='one', W_regularizer=l1l2()))\n"
        "model.compile('sgd', 'mse')\n"
        "results['loss'] = float(model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0))\n",
        ("KM600",),
        6,
        KERAS_3,
        says="l1_l2(l1=0.01, l2=0.01)",
        ran="1.2.2",
    ),
    Row(
        "reset_after of GRU",
        "from keras.layers import GRU\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(GRU(2, kernel_initializer='ones', recurrent_initializer='ones',"
        " input_shape=(3, 2)))\n"
        "results['bias'] = model.get_weights()[2].shape\n"
        "results['out'] = model.predict(np.linspace(-1, 0.5, 12).reshape((2, 3, 2)))\n",
        ("KM600",),
        5,
        says="reset_after=False",
        ran="2.3.1",
        pins="keras==2.3.1",
    ),
    Row(
        "gates of ConvLSTM2D",
        "from keras.layers import ConvLSTM2D\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(ConvLSTM2D(1, (1, 1), kernel_initializer='ones',"
        " recurrent_initializer='ones', input_shape=(3, 1, 2, 1)))\n"
        "results['out'] = model.predict(np.linspace(-1, 0.5, 12).reshape((2, 3, 1, 2, 1)))\n",
        ("KM600",),
        5,
        KERAS_3,
        says="recurrent_activation=",
        ran="2.3.1",
        pins="keras==2.3.1",
    ),
    *(
        Row(
            f"rate of {name}",
            MODEL + f"model.compile('{name.lower()}', 'mse')\n"
            "for _ in range(5):\n    model.train_on_batch(x, y)\n"
            "results['weights'] = model.get_weights()[0]\n",
            ("KM604",),
            7,
            says=f"{name}(learning_rate={rate}",
            ran="1.2.2",
            also=("test_defaults_real.py::test_old_defaults_give_the_old_numbers",),
        )
        for name, rate in (("Adadelta", "1.0"), ("Adagrad", "0.01"), ("Adamax", "0.002"))
    ),
    Row(
        "epsilon of RMSprop",
        FIRST + "from keras import optimizers\n\n"
        "model = Sequential([Dense(1, input_dim=1, init='one', bias=False)])\n"
        "model.compile(optimizers.RMSprop(lr=0.01), lambda y_true, y_pred: y_pred)\n"
        "for _ in range(5):\n"
        "    model.train_on_batch(np.full((4, 1), 1e-4), np.zeros((4, 1)))\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM600",),
        7,
        says="epsilon=1e-8**2",
        ran="1.2.2",
        also=("test_silent_formulas.py::test_the_steps_of_old",),
    ),
    Row(
        "a given epsilon of RMSprop",
        FIRST + "from keras import optimizers\n\n"
        "model = Sequential([Dense(1, input_dim=1, init='one', bias=False)])\n"
        "model.compile(optimizers.RMSprop(lr=0.01, epsilon=1e-6), lambda y_true, y_pred: y_pred)\n"
        "for _ in range(5):\n"
        "    model.train_on_batch(np.full((4, 1), 1e-2), np.zeros((4, 1)))\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM637",),
        7,
        says="epsilon=1e-6**2",
        ran="1.2.2",
        also=("test_silent_formulas.py::test_the_steps_of_old",),
    ),
    Row(
        "an optimizer that is named elsewhere",
        MODEL + "for name in ['adagrad']:\n    model.compile(name, 'mse')\n"
        "    model.train_on_batch(x, y)\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM604",),
        7,
        ran="1.2.2",
        differs=True,
        also=("test_passed_names.py::test_the_advice_gives_the_old_numbers",),
    ),
    Row(
        "a frozen BatchNormalization",
        FIRST + "from keras.layers import BatchNormalization\n\n"
        "base = Sequential([BatchNormalization(input_shape=(3,))])\nbase.trainable = False\n"
        "model = Sequential([base, Dense(1, init='one')])\nmodel.compile('sgd', 'mse')\n"
        "results['loss'] = float(model.train_on_batch(np.full((8, 3), 5.0), np.zeros((8, 1))))\n",
        ("KM635",),
        7,
        ran="1.2.2",
        differs=True,
        also=("test_silent_training.py::test_the_numbers_of_a_frozen_batch_normalization",),
    ),
    Row(
        "penalty of frozen weights",
        FIRST + "layer = Dense(1, input_dim=2, init='one', W_regularizer='l2')\n"
        "layer.trainable = False\nmodel = Sequential([layer, Dense(1, init='zero')])\n"
        "model.compile('sgd', 'mse')\n"
        "results['loss'] = float(model.evaluate(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0))\n",
        ("KM653",),
        5,
        ("keras", "tf.keras"),
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "start of moving averages",
        AVERAGES,
        ("KM642",),
        4,
        ran="2.2.4",
        pins="keras==2.2.4",
        differs=True,
    ),
    Row(
        "moving variance of images",
        AVERAGES_OF_IMAGES,
        ("KM642",),
        4,
        ("tf_keras",),
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "moving variance",
        AVERAGES,
        ("KM642",),
        4,
        ran="2.3.1",
        pins="keras==2.3.1",
        differs=True,
    ),
    Row(
        "order of Flatten",
        FIRST + "from keras import backend as K\nfrom keras.layers import Flatten\n\n"
        "Dense(output_dim=1)\nK.set_image_dim_ordering('th')\n"
        "model = Sequential([Flatten(input_shape=(2, 2, 2))])\n"
        "results['out'] = model.predict(np.arange(8.0).reshape((1, 2, 2, 2)))\n"
        "K.set_image_dim_ordering('tf')\n",
        ("KM641",),
        9,
        says="data_format='channels_last'",
        ran="1.2.2",
        also=("test_flatten_order.py::test_the_numbers",),
    ),
    Row(
        "metrics of several outputs",
        FIRST + "from keras.layers import Input\nfrom keras.models import Model\n\n"
        "a = Input((2,))\n"
        "model = Model(input=a, output=[Dense(1, init='one')(a), Dense(1, init='one')(a)])\n"
        "model.compile('sgd', 'mse', metrics=['mae', 'mse'])\n"
        "out = model.evaluate(np.ones((4, 2)), [np.ones((4, 1)), np.ones((4, 1))], verbose=0)\n"
        "results['all'] = len(out)\n",
        ("KM705",),
        9,
        KERAS_3,
        says="[['mae', 'mse']] * 2",
        ran="1.2.2",
        also=("test_metric_lists.py::test_the_numbers_of_every_output",),
    ),
    Row(
        "key of accuracy",
        MODEL + "model.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n"
        "history = model.fit(x, y / 4, nb_epoch=1, verbose=0).history\n"
        "results['keys'] = len(history.get('acc', []))\n",
        ("KM700",),
        9,
        says="history.get('accuracy', [])",
        ran="1.2.2",
    ),
    # -- silent though spelt as before ---------------------------------------------------------
    Row(
        "what is trainable at compile",
        MODEL + "from keras.layers import Input\nfrom keras.models import Model\n"
        "model.compile('sgd', 'mse')\nmodel.trainable = False\n"
        "a = Input((2,))\nboth = Model(input=a, output=Dense(1, bias=False)(model(a)))\n"
        "both.compile('sgd', 'mse')\n"
        "model.train_on_batch(x, y)\nboth.train_on_batch(x, y)\n"
        "results['weights'] = model.get_weights()[0]\n",
        ("KM620",),
        14,
        KERAS_3,
        says="model.trainable = True\nmodel.train_on_batch",
        ran="1.2.2",
    ),
    Row(
        "trainable of a model that shares layers",
        FIRST + "from keras.layers import Input\nfrom keras.models import Model\n"
        "x = Input((2,))\ncore = Sequential([Dense(3, input_dim=2)])\n"
        "one = Model(input=x, output=Dense(1)(core(x)))\n"
        "other = Model(input=x, output=Dense(1)(core(x)))\n"
        "one.trainable = False\n"
        "both = Model(input=x, output=[one(x), other(x)])\nboth.compile('sgd', 'mse')\n"
        "results['weights'] = len(both.trainable_weights)\n",
        ("KM650",),
        10,
        ran="1.2.2",
        differs=True,
        also=("test_trainable_models.py::test_old_keras_froze_a_model_as_a_whole",),
    ),
    Row(
        "a fixed phase",
        "from keras.layers import CuDNNLSTM, Dropout, Input\nfrom keras.models import Model\n\n"
        "x = Input((1000,))\ny = Dropout(0.5)(x, training=True)\n"
        "results['share'] = float((Model(x, y).predict(np.ones((20, 1000))) == 0).mean() > 0.4)\n",
        ("KM622",),
        5,
        KERAS_3,
        says="ActiveDropout(0.5)(x)",
        ran="2.3.1",
        also=("test_silent_layers.py::test_the_phase_is_that_of_keras_2",),
    ),
    Row(
        "a model without training",
        "import keras\n\n\nclass Net(keras.Model):\n    def __init__(self):\n"
        "        super().__init__()\n        self.norm = keras.layers.BatchNormalization()\n\n"
        "    def call(self, x):\n        return self.norm(x)\n\n\n"
        "net = Net()\nnet.compile('sgd', 'mse')\n"
        "net.fit(np.full((4, 1), 3.0), np.ones((4, 1)), verbose=0)\n"
        "results['mean'] = float(np.ravel(net.get_weights()[2])[0])\n",
        ("KM301",),
        9,
        says="def call(self, x, training=None):",
        ran="tf_keras",
    ),
    Row(
        "a variable of TensorFlow",
        "import keras\nimport tensorflow as tf\n\n\nclass Scale(keras.layers.Layer):\n"
        "    def build(self, input_shape):\n        self.scale = tf.Variable(1.0)\n\n"
        "    def call(self, x):\n        return x * self.scale\n\n\n"
        "layer = Scale()\nlayer(np.ones((1, 2), 'float32'))\n"
        "results['weights'] = len(layer.trainable_weights)\n",
        ("KM625",),
        7,
        KERAS_3,
        ran="tf_keras",
        differs=True,
        also=("test_silent_classes.py::test_what_keras_3_passes_over",),
    ),
    Row(
        "accuracy of several outputs",
        FIRST + "model = Sequential()\n"
        "model.add(Dense(3, input_dim=2, init='one', activation='sigmoid'))\n"
        "model.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n"
        "y = np.array([[0, 1, 0], [0, 1, 1]])\n"
        "results['accuracy'] = float(model.evaluate(np.ones((2, 2)), y, verbose=0)[1])\n",
        ("KM626",),
        6,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "accuracy of a regression",
        MODEL + "model.compile('sgd', 'mse', metrics=['accuracy'])\n"
        "y = np.array([[3.0], [4.0], [4.0], [1.0]])\n"
        "results['accuracy'] = float(model.evaluate(x, y, verbose=0)[1])\n",
        ("KM626",),
        7,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "a variable of a layer",
        VARIABLE,
        ("KM654",),
        9,
        also=("test_tracked_variables.py::test_a_step_of_today",),
    ),
    Row(
        "names of metrics",
        MODEL + "model.compile('sgd', 'mse', metrics=['mae'])\n"
        "model.train_on_batch(x, y)\n"
        "results['last'] = str(model.metrics_names[-1])[:4] == 'mean'\n",
        ("KM632",),
        9,
        KERAS_3,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "a shared initializer",
        "from keras.initializers import RandomNormal\nfrom keras.layers import CuDNNLSTM, Dense\n"
        "\nnormal = RandomNormal()\na = Dense(3, kernel_initializer=normal)\n"
        "b = Dense(3, kernel_initializer=normal)\nc = CuDNNLSTM(3)\n"
        "a.build((None, 4))\nb.build((None, 4))\n"
        "results['same'] = np.array_equal(a.get_weights()[0], b.get_weights()[0])\n",
        ("KM630",),
        6,
        ran="2.2.4",
        differs=True,
    ),
    Row(
        "gain of orthogonal",
        FIRST + "model = Sequential()\nmodel.add(Dense(4, input_dim=6, init='orthogonal'))\n"
        "results['norm'] = np.linalg.norm(model.get_weights()[0], axis=0)\n",
        ("KM634",),
        5,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "tails of he_normal",
        FIRST + "model = Sequential()\n"
        "model.add(Dense(300, input_dim=300, init='he_normal'))\n"
        "results['widest'] = np.abs(model.get_weights()[0]).max() / np.sqrt(2 / 300)\n",
        ("KM634",),
        5,
        ran="1.2.2",
        differs=True,
        chance=True,
    ),
    Row(
        "weights of zero",
        FIRST + "model = Sequential([Dense(1, input_dim=2, init='one', bias=False)])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])\n"
        "weights = np.array([1.0, 1.0, 0.0, 0.0])\n"
        "results['loss'] = float(model.evaluate(\n"
        "    x, np.zeros((4, 1)), verbose=0, sample_weight=weights))\n",
        ("KM636",),
        9,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "sum of a cosine loss",
        FIRST + "model = Sequential([Dense(3, input_dim=2, init='one')])\n"
        "model.compile('sgd', loss='cosine_proximity')\n"
        "y = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 2.0]])\n"
        "results['loss'] = float(model.evaluate(np.ones((2, 2)), y, verbose=0))\n",
        ("KM634",),
        5,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "labels of a hinge loss",
        FIRST + "model = Sequential()\n"
        "model.add(Dense(1, input_dim=2, init='one', activation='sigmoid'))\n"
        "model.compile('sgd', loss='hinge')\n"
        "results['loss'] = float(model.evaluate(np.ones((2, 2)), np.array([[0], [1]]),"
        " verbose=0))\n",
        ("KM634",),
        6,
        ran="1.2.2",
        differs=True,
    ),
    Row(
        "order of load_weights",
        FIRST + "model = Sequential([Dense(output_dim=2, input_dim=2)])\n"
        "model.load_weights('file.h5', True)\n",
        ("KM725",),
        5,
        also=("test_loading.py::test_weights_are_read_by_name",),
    ),
    Row(
        "false friends of the backend",
        "from keras import backend as K\n\n\ndef f(x, n):\n"
        "    return K.argmax(x), K.cumsum(x), K.gather(x, n), K.repeat(x, 3), K.switch(n, x, x)\n",
        ("KM501",),
        5,
        KERAS_3,
        says="ops.argmax(x, axis=-1), ops.cumsum(x, axis=0), ops.take(x, n, axis=0),"
        " ops.repeat(ops.expand_dims(x, 1), 3, axis=1), ops.where(n, x, x)",
        also=("test_backend_real.py::test_old_and_new_give_the_same_numbers",),
    ),
    Row(
        "batch_dot of four dimensions",
        BATCH_DOT,
        ("KM651",),
        5,
        ("tf_keras",),
        ran="2.2.4",
        differs=True,
        also=("test_backend_definitions.py::test_the_numbers_are_those_of_the_keras_before_2_3",),
    ),
    Row(
        "and where the backend is gone",
        BATCH_DOT,
        ("KM501",),
        5,
        KERAS_3,
        says="batch_dot(x, y, axes=[2, 2])",
        ran="2.2.4",
        also=("test_backend_definitions.py::test_the_numbers_are_those_of_the_keras_before_2_3",),
    ),
    Row(
        "a masked step of K.rnn",
        RNN_MASK,
        ("KM514",),
        11,
        ("tf.keras", "tf_keras"),
        ran="2.2.4",
        differs=True,
        pins="keras==2.2.4",
        also=("test_backend_rnn.py::test_the_numbers_are_those_of_the_keras_of_the_code",),
    ),
    Row(
        "and where K.rnn is gone",
        RNN_MASK,
        ("KM501",),
        11,
        ("keras",),
        says="rnn(step, x, start, mask=mask)",
        ran="2.2.4",
        pins="keras==2.2.4",
        also=("test_backend_rnn.py::test_the_numbers_are_those_of_the_keras_of_the_code",),
    ),
    Row(
        "an array for Constant",
        "from keras.initializers import Constant\nfrom keras.layers import Dense\n"
        "from keras.models import Sequential\n\nmodel = Sequential()\n"
        "layer = Dense(1, use_bias=False, kernel_initializer=Constant([-1.0, 1.0]))\n"
        "model.add(layer)\nmodel.build((None, 2))\n"
        "results['kernel'] = model.get_weights()[0]\n",
        ("KM652",),
        6,
        KERAS_3,
        ran="2.2.4",
        differs=True,
        also=("test_constant_arrays.py::test_the_numbers_are_those_of_the_page",),
    ),
)

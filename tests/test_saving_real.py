"""Migrated callbacks, histories and savings run under TensorFlow; as they were they fail."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from targets import TARGETS

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings

pytestmark = pytest.mark.tensorflow

HEAD = """\
import os
import numpy as np
from keras import callbacks, layers, models, utils

x = np.ones((8, 3), "float32")
y = np.ones((8, 1), "float32")
model = models.Sequential([layers.Dense(1, input_shape=(3,))])
model.compile("sgd", "mse", metrics=["accuracy", "mse"])


def train(*used):
    return model.fit(x, y, epochs=2, verbose=0, validation_split=0.5, callbacks=list(used))


"""
WEIGHTS = """\
train()
model.save_weights("out.h5")
before = model.predict(x, verbose=0)
model.set_weights([w * 0 for w in model.get_weights()])
if os.path.exists("out.h5"):
    model.load_weights("out.h5")
assert np.allclose(before, model.predict(x, verbose=0))
"""
TENSOR = "inputs = layers.Input((3,))\n"
TWO = "two = models.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])\n"

#: A name, the program, and what it says without the rules where it fails there: first on targets
#: with the Keras 3 API, then on Keras 2. An empty word says that it runs.
PROGRAMS = {
    "history": (
        "h = train()\nassert len(h.history['acc']) == 2\n"
        "assert len(h.history['val_mean_squared_error']) == 2\n",
        "KeyError: 'acc'",
        "KeyError: 'acc'",
    ),
    "early": (
        "train(callbacks.EarlyStopping(monitor='val_acc'))\n",
        "EarlyStopping callback received monitor=val_acc",
        "",
    ),
    "pattern": (
        "train(callbacks.ModelCheckpoint('m-{epoch}-{val_acc:.2f}.h5'))\n"
        "assert len(os.listdir('.')) == 2\n",
        "Failed to format this callback filepath",
        "Failed to format this callback filepath",
    ),
    "logs": (
        "class C(callbacks.Callback):\n    def on_epoch_end(self, epoch, logs):\n"
        "        self.seen = logs['acc']\n\n\nc = C()\ntrain(c)\nc.seen\n",
        "KeyError: 'acc'",
        "KeyError: 'acc'",
    ),
    "rate": (
        "h = train(callbacks.ReduceLROnPlateau(epsilon=0.3))\nassert len(h.history['lr']) == 2\n",
        "KeyError: 'lr'",
        "",
    ),
    "outputs": (
        TENSOR + TWO + "two.compile('sgd', 'mse', metrics=['mae'])\n"
        "h = two.fit(x, [y, y], verbose=0)\n"
        "assert sum(key.endswith('_mae') for key in h.history) == 2\n",
        "tuple arity mismatch",
        "",
    ),
    "weights": (WEIGHTS, "The filename must end in `.weights.h5`", ""),
    "weights of an old suffix": (
        WEIGHTS.replace("out.h5", "out/best.hdf5").replace("train()", "os.mkdir('out')"),
        "The filename must end in `.weights.h5`",
        "",
    ),
    "checkpoint of weights": (
        "c = callbacks.ModelCheckpoint('w.{epoch}.h5', save_weights_only=True, period=1)\n"
        "train(c)\nassert len(os.listdir('.')) == 2\n",
        "unexpected keyword argument 'period'",
        "",
    ),
    "checkpoint of models": (
        "c = callbacks.ModelCheckpoint('best.hdf5')\ntrain(c)\n"
        "best = models.load_model('best.hdf5', compile=False)\n"
        "assert best.predict(x, verbose=0).shape == (8, 1)\n"
        "model.load_weights('best.hdf5')\n",
        "The filepath provided must end in `.keras`",
        "",
    ),
    "model": (
        "model.save('m')\nassert models.load_model('m').count_params() == 4\n",
        "Invalid filepath extension for saving",
        "",
    ),
    "arguments of save": (
        "model.save('a.h5', True, False)\nmodel.save('b.h5', save_format='h5')\n"
        "model.save_weights('c', save_format='tf')\nmodel.load_weights('c')\n"
        "assert os.path.isfile('a.h5') and os.path.isfile('b.h5')\n",
        "unexpected keyword argument 'save_format'",
        "",
    ),
    "parameter": (
        "class C(callbacks.Callback):\n    def on_batch_end(self, b, l):\n"
        "        self.seen = l['loss']\n\n\nc = C()\ntrain(c)\nc.seen\n",
        "unexpected keyword argument 'logs'",
        "unexpected keyword argument 'logs'",
    ),
    "lambda": (
        "seen = []\n"
        "train(callbacks.LambdaCallback(on_train_batch_end=lambda b, l: seen.append(l)))\n"
        "assert seen\n",
        "unexpected keyword argument 'logs'",
        "",
    ),
    "model of a callback": (
        "class C(callbacks.ModelCheckpoint):\n    def set_model(self, m):\n"
        "        self.model = m\n\n\nc = C('m.h5')\ntrain(c)\n"
        "assert c.model is model and os.path.exists('m.h5')\n",
        "property 'model' of 'C' object has no setter",
        "",
    ),
    "params": (
        "class C(callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n"
        "        self.last = epoch + 1 == self.params['nb_epoch']\n\n\n"
        "c = C()\ntrain(c)\nassert c.last\n",
        "KeyError: 'nb_epoch'",
        "KeyError: 'nb_epoch'",
    ),
    "tensorboard": (
        "c = callbacks.TensorBoard('log', batch_size=4, write_grads=False)\n",
        "unexpected keyword argument",
        "",
    ),
}

WORKER = r"""
import json, os, sys, tempfile
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import warnings
warnings.simplefilter("ignore")
import tensorflow

answers = []
for code in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(compile(code, "program", "exec"), {"__name__": "program"})
            answers.append("")
        except Exception as error:
            answers.append(f"{type(error).__name__}: {error}")
        os.chdir(os.path.dirname(folder))
print("ANSWERS" + json.dumps(answers))
"""


def test_programs_run_on_every_target() -> None:
    cases = []
    for to in TARGETS:
        whole = Pipeline.to(to)
        imports = Pipeline.to(to, settings=Settings(select=frozenset({"KM1"})))
        for name, (body, *expected) in PROGRAMS.items():
            code = HEAD + body
            cases.append((to, name, "", whole.run(code).text))
            cases.append((to, name, expected[to == "tf_keras"], imports.run(code).text))
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps([code for *_, code in cases]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    answers = json.loads(done.stdout.rpartition("ANSWERS")[2])
    wrong = [
        (to, name, expected, answer[:300])
        for (to, name, expected, _), answer in zip(cases, answers, strict=True)
        if (expected not in answer if expected else answer != "")
    ]
    assert wrong == []

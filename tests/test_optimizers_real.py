"""Converted optimizers take the very steps of the old ones, under the real packages."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.pipeline import Pipeline

pytestmark = pytest.mark.tensorflow

OPTIMIZERS = (
    "SGD(lr=0.1, decay=0.5)",
    "SGD(lr=0.1, decay=0.01, momentum=0.9, nesterov=True)",
    "SGD(0.1, 0.9, 0.25, True)",
    "SGD(decay=0.5)",
    "RMSprop(lr=0.1, decay=0.5)",
    "Adam(lr=0.1, decay=0.5, epsilon=None)",
    "Adam(0.1, 0.8, 0.9, 1e-7, 0.5)",
    "Adagrad(lr=0.1, decay=0.5, initial_accumulator_value=0.1)",
    "Adadelta(lr=1.0, decay=0.5)",
    "Adamax(lr=0.1, decay=0.5)",
)
#: How the optimizers of Keras 2 want what they took by position before 2.3.
OLD = {
    "SGD(0.1, 0.9, 0.25, True)": "SGD(lr=0.1, momentum=0.9, decay=0.25, nesterov=True)",
    "Adam(0.1, 0.8, 0.9, 1e-7, 0.5)": "Adam(lr=0.1, beta_1=0.8, beta_2=0.9, decay=0.5)",
}
STEPS = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np

def weights(package, optimizer):
    layers = package.layers
    model = package.Sequential([layers.Input((3,)), layers.Dense(1, use_bias=False)])
    model.compile(optimizer, "mse")
    model.layers[-1].set_weights([np.array([[0.3], [-0.2], [0.1]])])
    x = np.random.RandomState(0).rand(32, 3)
    found = []
    for _ in range(6):
        model.train_on_batch(x, x.sum(1))
        found.append(model.layers[-1].get_weights()[0].ravel().tolist())
    return found

def old(calls):
    import tf_keras
    from tf_keras.optimizers import legacy
    made = [eval("legacy." + call, {"legacy": legacy}) for call in calls]
    return [weights(tf_keras, optimizer) for optimizer in made]

def new(name, text):
    package = __import__(name)
    made = {}
    exec(text, made)
    return [weights(package, optimizer) for optimizer in made["made"]]

calls, texts = json.loads(sys.argv[1])
found = {"old": old(calls)} | {name: new(name, text) for name, text in texts.items()}
print("RESULT" + json.dumps(found))
"""
Weights = list[list[list[float]]]


@pytest.fixture(scope="module")
def weights() -> dict[str, Weights]:
    """The weights, step by step, with the optimizers of Keras 2 and with the converted ones."""
    names = sorted({call.partition("(")[0] for call in OPTIMIZERS})
    text = f"from keras.optimizers import {', '.join(names)}\n\nmade = [{', '.join(OPTIMIZERS)}]\n"
    texts = {to: Pipeline.to(to).run(text).text for to in ("keras", "tf_keras")}
    assert all("InverseTimeDecay" in each and " decay=" not in each for each in texts.values())
    calls = [OLD.get(call, call) for call in OPTIMIZERS]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STEPS, json.dumps([calls, texts])],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert "RESULT" in done.stdout, done.stderr
    found: dict[str, Weights] = json.loads(done.stdout.rpartition("RESULT")[2])
    return found


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_schedule_takes_the_steps_that_decay_took(to: str, weights: dict[str, Weights]) -> None:
    for call, before, after in zip(OPTIMIZERS, weights["old"], weights[to], strict=True):
        for one, other in zip(before, after, strict=True):
            assert one == pytest.approx(other, abs=5e-6), call
    # The decay does matter, so that equal weights say something.
    assert weights["old"][0][-1] != pytest.approx(weights["old"][3][-1], abs=1e-3)


RATES = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json
import numpy as np
from keras import backend as K
from keras.callbacks import Callback
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD

found = []

class Halve(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if hasattr(self.model.optimizer, 'lr'):
            K.set_value(self.model.optimizer.lr, K.get_value(self.model.optimizer.lr) / 2)
        found.append(float(K.get_value(self.model.optimizer.lr)))

model = Sequential([Dense(1, use_bias=False)])
sgd = SGD(lr=0.5)
model.compile(sgd, 'mse')
x, y = np.ones((1, 1)), np.zeros((1, 1))
model.fit(x, y, nb_epoch=2, verbose=0, callbacks=[Halve()])
sgd.lr = 0.25
found.append(float(K.get_value(model.optimizer.lr)))
model.set_weights([np.ones((1, 1))])
model.train_on_batch(x, y)
found.append(float(model.get_weights()[0][0, 0]))
print("RESULT" + json.dumps(found))
"""


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_the_rate_that_is_set_is_the_rate_of_the_next_step(to: str) -> None:
    migrated = Pipeline.to(to).run(RATES).text
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", migrated],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "RESULT" in done.stdout, done.stderr
    # The gradient of (w - 0) ** 2 at 1 is 2, so that a rate of 0.25 goes from 1 to 0.5.
    assert json.loads(done.stdout.rpartition("RESULT")[2]) == [0.25, 0.125, 0.25, 0.5]


#: Optimizers of Keras 2 whose rate decays, and is set on the way, too.
SET = (
    "SGD(lr=0.1, decay=0.5)",
    "SGD(lr=0.1, momentum=0.9, decay=0.01, nesterov=True)",
    "Adadelta(lr=1.0, decay=0.5)",
    "RMSprop(lr=0.1, decay=0.5)",
    "Adam(lr=0.1, decay=0.5)",
    "Adamax(lr=0.1, decay=0.5)",
    "Nadam(lr=0.1, schedule_decay=0.004)",
    "Nadam(lr=0.1, schedule_decay=0.5)",
)
PROGRAM = """
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD, Adadelta, RMSprop, Adam, Adamax, Nadam

made = [{}]
found = []
x = np.random.RandomState(0).rand(32, 3)
for optimizer in made:
    model = Sequential([Dense(1, use_bias=False, input_shape=(3,))])
    model.compile(optimizer, "mse")
    model.set_weights([np.array([[0.3], [-0.2], [0.1]])])
    steps = []
    for step in range(6):
        if step == 3:
            K.set_value(model.optimizer.lr, 0.5 * K.get_value(model.optimizer.lr))
        model.train_on_batch(x, x.sum(1))
        steps.append(model.get_weights()[0].ravel().tolist())
    found.append(steps)
"""


@pytest.mark.pypi
def test_old_optimizers_of_tf_keras_step_as_those_of_keras_2() -> None:
    """KM209: with a decay, and a rate that is set, the steps of Keras 2.3.1 are made."""
    program = PROGRAM.format(", ".join(SET))
    old = run_original("2.3.1", program + "results['found'] = found\n")["found"]
    text = Pipeline.to("tf_keras").run(program).text
    assert text.count("legacy.") == len(SET)
    done = subprocess.run(
        (sys.executable, "-c", text + "import json\nprint(json.dumps(found))\n"),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    new = json.loads(done.stdout.splitlines()[-1])
    for call, first, second in zip(SET, old, new, strict=True):
        assert np.abs(np.subtract(first, second)).max() < 2e-6, call


#: A custom optimizer as Keras 2.2 wanted it, and as the advice of KM232 says it for today's.
OWN = {
    "2.2.4": """
from keras import backend as K
from keras.optimizers import Optimizer

class Heavy(Optimizer):
    def __init__(self, learning_rate=0.1, **kwargs):
        super(Heavy, self).__init__(**kwargs)
        self.learning_rate = K.variable(learning_rate)

    def get_updates(self, loss, params):
        slots = [K.zeros(K.int_shape(each)) for each in params]
        self.updates = []
        for variable, gradient, slot in zip(params, self.get_gradients(loss, params), slots):
            moved = 0.9 * slot + gradient
            self.updates.append(K.update(slot, moved))
            self.updates.append(K.update(variable, variable - self.learning_rate * moved))
        return self.updates
""",
    "tf_keras": """
class Heavy(package.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, name="heavy", **kwargs):
        super().__init__(name=name, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)

    def build(self, var_list):
        super().build(var_list)
        if hasattr(self, "slots"):
            return
        self.slots = [self.add_variable_from_reference(each, "slot") for each in var_list]

    def update_step(self, gradient, variable):
        slot = self.slots[self._index_dict[self._var_key(variable)]]
        slot.assign(0.9 * slot + gradient)
        variable.assign_sub(self.learning_rate * slot)
""",
    "keras": """
class Heavy(package.optimizers.Optimizer):
    def build(self, variables):
        super().build(variables)
        self.slots = [self.add_variable_from_reference(each, "slot") for each in variables]

    def update_step(self, gradient, variable, learning_rate):
        slot = self.slots[self._get_variable_index(variable)]
        slot.assign(0.9 * slot + gradient)
        variable.assign_sub(learning_rate * slot)
""",
}


@pytest.mark.pypi
def test_an_optimizer_of_ones_own_takes_the_steps_of_the_old_one() -> None:
    train = STEPS[STEPS.index("def weights") : STEPS.index("def old")]
    old = run_original(
        "2.2.4",
        OWN["2.2.4"]
        + train.replace("layers.Input((3,)), layers.Dense(1,", "layers.Dense(1, input_dim=3,")
        + "\nimport keras\nresults['steps'] = weights(keras, Heavy(0.1))\n",
    )["steps"]
    for package in ("tf_keras", "keras"):
        head = STEPS[: STEPS.index("def old")]
        code = head + f"import {package} as package\n" + OWN[package]
        done = subprocess.run(
            (sys.executable, "-c", code + "\nprint(json.dumps(weights(package, Heavy(0.1))))"),
            capture_output=True,
            text=True,
        )
        assert done.stdout, done.stderr
        np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), old, rtol=1e-5)

"""KM511: K.function between tensors of a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original
from targets import ROOT

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms.backend_function import COMPUTE

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
LOADED = "model = keras.models.load_model('m.keras')\n"
DEFINED = COMPUTE.source.replace("$name", "keras_function").replace("$", "keras.")


def before(code: str, to: str = "keras") -> str:
    statement, package = ROOT[to]
    return (
        f"{statement}\nfrom {package} import backend as K\nfrom {package}.layers import Dense,"
        f" Input\n\n{LOADED}a = Input((3,))\n{code}"
    )


def after(code: str, to: str = "keras") -> str:
    statement, package = ROOT[to]
    return (
        f"{statement}\nfrom {package}.layers import Dense, Input\n\n{DEFINED}\n\n"
        f"{LOADED}a = Input((3,))\n{code}"
    )


@KERAS_3
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "f = K.function([model.input], [model.output])\n",
            "f = keras_function([model.input], [model.output])\n",
        ),
        (
            "f = K.function(model.inputs, model.layers[3].output)\n",
            "f = keras_function(model.inputs, model.layers[3].output)\n",
        ),
        (
            "f = K.function([model.layers[0].input, K.learning_phase()],"
            " [model.get_layer('a').output])\nf([x, 1])\n",
            "f = keras_function([model.inputs[0]],"
            " [model.get_layer('a').output], phase=True)\nf([x, 1])\n",
        ),
        (
            "f = K.function((model.input, K.learning_phase(),), (model.output,))  # two\n",
            "f = keras_function((model.input,), (model.output,), phase=True)  # two\n",
        ),
        (
            "f = K.function(\n    [\n        model.input,\n        K.learning_phase(),\n    ],\n"
            "    [model.output],\n)\n",
            "f = keras_function(\n    [\n        model.input,\n    ],\n    [model.output],\n"
            "    phase=True,\n)\n",
        ),
        (
            "f = K.function(model.inputs + [K.learning_phase()], [model.output])\n",
            "f = keras_function(model.inputs, [model.output], phase=True)\n",
        ),
        (
            "inp = model.input\nouts = [each.output for each in model.layers]\n"
            "fs = [K.function([inp, K.learning_phase()], [out]) for out in outs]\n",
            "inp = model.input\nouts = [each.output for each in model.layers]\n"
            "fs = [keras_function([inp], [out], phase=True) for out in outs]\n",
        ),
        (
            "for each in model.layers:\n    f = K.function([model.input], [each.output])\n",
            "for each in model.layers:\n    f = keras_function([model.input], [each.output])\n",
        ),
        (
            "f = K.function(outputs=[Dense(2)(a)], inputs=[a])\n",
            "f = keras_function(outputs=[Dense(2)(a)], inputs=[a])\n",
        ),
    ],
)
def test_a_function_between_tensors_of_a_model(old: str, new: str, to: str) -> None:
    check(before(old, to), after(new, to), to=to)


def test_what_is_said() -> None:
    code = "f = K.function([model.input, K.learning_phase()], [model.output])\n"
    findings = Pipeline.to("keras").run(before(code)).findings
    assert [(each.code, each.fixed) for each in findings] == [("KM511", True)]


@KERAS_3
@pytest.mark.parametrize(
    "code",
    [
        "f = K.function([model.input], [loss])\n",
        "f = K.function([self.image], [model.output])\n",
        "f = K.function([model.input], [model.output], updates=changes)\n",
        "f = K.function([model.input], [model.output], name='f')\n",
        "f = K.function(*tensors)\n",
        "f = K.function([model.input], [])\n",
        "f = K.function([*tensors], [model.output])\n",
        "def f(x):\n    return K.function([x], [model.output])\n",
        "f = K.function([a], [mine(a)])\n",
        "g = K.function\n",
    ],
)
def test_other_functions_are_reported(code: str, to: str) -> None:
    untouched(before(code, to), to=to, codes=["KM503"])


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        (
            "loss = K.gradients(model.output, a)[0]\nf = K.function([a], [loss])\n",
            ["KM503", "KM503"],
        ),
        (
            "f = K.function([model.input, K.learning_phase()], [loss])\n",
            ["KM503", "KM505"],
        ),
        (
            "b = dict(stateful=True)\nf = K.function([a], [model.output])\n",
            ["KM503"],
        ),
    ],
)
def test_what_is_no_tensor_of_a_model(code: str, codes: list[str]) -> None:
    untouched(before(code), to="keras", codes=codes)


@pytest.mark.parametrize(
    "code",
    [
        "f = mine.function([model.input], [model.output])\n",
        "from mine import function\n\nf = function([model.input], [model.output])\n",
        "import tensorflow as tf\n\nf = tf.function(step)\n",
    ],
)
def test_other_libraries(code: str) -> None:
    untouched(before(f"{code}K.epsilon()\n"), to="keras", codes=[])


def test_keras_2_has_it() -> None:
    code = before("f = K.function([model.input], [model.output])\n", "tf_keras")
    untouched(code, to="tf_keras", codes=[])


PROGRAM = """\
import numpy as np
from keras import backend as K
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model

a = Input((3,))
b = Dense(4, activation='tanh')(a)
c = BatchNormalization()(b)
d = Dense(2)(c)
model = Model(a, d)
numbers = np.random.RandomState(1)
model.set_weights([numbers.rand(*each.shape) + 0.5 for each in model.get_weights()])
x = numbers.rand(5, 3)
f = K.function([model.layers[0].input, K.learning_phase()],
               [model.layers[2].output, model.output])
g = K.function([model.layers[2].output], [model.output])
y = numbers.rand(5, 4)
results['test'] = f([x, 0])
results['train'] = f([x, 1.])
results['again'] = f([x, 0])
results['inner'] = g([y])
results['kinds'] = [type(f([x, 0])).__name__, type(g([y])[0]).__name__]
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize("version", ["2.0.9", "2.3.1"])
def test_it_computes_what_old_keras_did(tmp_path: Path, version: str) -> None:
    old = run_original(version, PROGRAM)
    new = Pipeline.to("keras").run(PROGRAM).text
    assert "keras_function([model.layers[2].output], [model.output])" in new
    listed = "print(json.dumps(results, default=lambda each: each.tolist()))\n"
    (tmp_path / "run.py").write_text(f"import json\n\nresults = {{}}\n{new}{listed}")
    done = subprocess.run(
        (sys.executable, "run.py"),
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got.pop("kinds") == old["kinds"] == ["list", "ndarray"]
    for name, values in got.items():
        for one, other in zip(values, old[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert got["test"] == got["again"] != got["train"]

"""predict_classes and predict_proba."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.findings import Confidence
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
HEAD = (
    "from {0}.layers import Activation, Dense, Dropout, Flatten, TimeDistributed\n"
    "from {0}.models import Sequential, load_model\n\n"
)
ONE = '(model.predict(x) > 0.5).astype("int32")'
MANY = "model.predict(x).argmax(axis=-1)"
HELPER = (
    "\ndef to_classes(probabilities):\n    if probabilities.shape[-1] > 1:\n"
    "        return probabilities.argmax(axis=-1)\n"
    '    return (probabilities > 0.5).astype("int32")\n\n\n'
)

VISIBLE = [
    ("model = Sequential([Dense(1, activation='sigmoid')])\n", ONE),
    ("model = Sequential([Dense(units=10)])\n", MANY),
    ("n = 1\nmodel = Sequential([Dense(n)])\n", ONE),
    ("model = Sequential([Dense(len(names), activation='softmax')])\n", MANY),
    ("model = Sequential()\nmodel.add(Flatten())\nmodel.add(Dense(1))\n", ONE),
    (
        "model = Sequential([Dense(8)])\nmodel.add(Dense(n))\nmodel.add(Activation('softmax'))\n",
        MANY,
    ),
    ("model = Sequential([Dense(1), Activation('sigmoid'), Dropout(0.5)])\n", ONE),
    ("model = Sequential([TimeDistributed(Dense(n, activation='softmax'))])\n", MANY),
    (
        "def build():\n    m = Sequential()\n    m.add(Dense(1))\n    return m\n\n\n"
        "model = build()\n",
        ONE,
    ),
    (
        "if main:\n    model = Sequential()\n    for n in (8, 9):\n        model.add(Dense(n))\n"
        "    model.add(Dense(1))\n",
        ONE,
    ),
]


@each_target
@pytest.mark.parametrize(("model", "made"), VISIBLE)
def test_the_last_layer_tells(model: str, made: str, to: str) -> None:
    head = HEAD.format(PACKAGE[to]) + model
    check(
        f"{head}labels = model.predict_classes(x)\n",
        f"{head}labels = {made}\n",
        to=to,
        codes=["KM233"],
    )


HIDDEN = [
    "model = load_model(path)\n",
    "model = Sequential([Dense(n)])\n",
    "model = Sequential(layers)\n",
    "model = Sequential([Dense(1), mystery()])\n",
    "model = Sequential()\nif binary:\n    model.add(Dense(1))\nelse:\n    model.add(Dense(9))\n",
    "model = Sequential([Dense(1)])\nfor n in sizes:\n    model.add(Dense(9))\n",
    "model = Sequential([Dense(1)])\nmodel.pop()\n",
    "if a:\n    model = Sequential([Dense(1)])\nelse:\n    model = Sequential([Dense(2)])\n",
    "n = 1\nn = 2\nmodel = Sequential([Dense(n)])\n",
]


@each_target
@pytest.mark.parametrize("model", HIDDEN)
def test_the_array_tells_where_no_layer_does(model: str, to: str) -> None:
    head = HEAD.format(PACKAGE[to])
    check(
        f"{head}{model}a = model.predict_classes(x)\nb = model.predict_classes(y)\n",
        f"{head}{HELPER}{model}a = to_classes(model.predict(x))\n"
        "b = to_classes(model.predict(y))\n",
        to=to,
        codes=["KM233", "KM233"],
    )


FORMS = [
    (
        "print(  model.predict_classes(\n    x,  # all\n    batch_size=8, verbose=0\n))\n",
        "print(  model.predict(\n    x,  # all\n    batch_size=8, verbose=0\n).argmax(axis=-1))\n",
    ),
    ("(model.predict_classes(x))[0]\n", "(model.predict(x).argmax(axis=-1))[0]\n"),
    ("model . predict_classes(x)\n", "model . predict(x).argmax(axis=-1)\n"),
    ("model.predict_classes(x)[0]\n", "model.predict(x).argmax(axis=-1)[0]\n"),
    ("p = model.predict_proba(x, 32, 1)\n", "p = model.predict(x, 32, 1)\n"),
    (
        "class A:\n    def __init__(self):\n        self.m = Sequential([Dense(1)])\n\n"
        "    def f(self):\n        return self.m.predict_classes(x)\n",
        "class A:\n    def __init__(self):\n        self.m = Sequential([Dense(1)])\n\n"
        '    def f(self):\n        return (self.m.predict(x) > 0.5).astype("int32")\n',
    ),
]


@pytest.mark.parametrize(("before", "after"), FORMS)
def test_forms(before: str, after: str) -> None:
    head = HEAD.format("keras") + "model = Sequential([Dense(9)])\n"
    check(head + before, head + after, to="keras")


@pytest.mark.parametrize(
    "text",
    [
        "from sklearn.svm import SVC\n\np = SVC().predict_proba(x)\n",
        "def f(clf):\n    return clf.predict_proba(x)\n",
        "class A:\n    def predict_classes(self, x):\n        return x\n\n\n"
        "A().predict_classes(x)\n",
        "class A(Sequential):\n    def predict_classes(self, x):\n        return x\n\n\n"
        "a = A()\na.predict_classes(x)\n",
        "from mine import predict_classes\n\npredict_classes(model, x)\n",
        "from keras.layers import Dense as clf\n\nd = Dense(3)\nd.predict_classes(x)\n",
    ],
)
def test_other_things(text: str) -> None:
    untouched(HEAD.format("keras") + text, to="keras", codes=[])


def test_what_may_be_a_model() -> None:
    (finding,) = untouched(
        HEAD.format("keras") + "def f(net):\n    return net.predict_classes(x, verbose=0)\n",
        to="keras",
        codes=["KM234"],
    )
    assert finding.confidence is Confidence.UNSURE
    assert finding.advice == (
        'if it is one, write (net.predict(x, verbose=0) > 0.5).astype("int32") for a last layer of'
        " one unit, and net.predict(x, verbose=0).argmax(axis=-1) for more"
    )


def test_a_wrapper_that_hands_on() -> None:
    untouched(
        HEAD.format("keras") + "class Net:\n    def predict_classes(self, x):\n"
        "        return self.inner.predict_classes(x)\n\n"
        "    def evaluate(self, x, other):\n"
        "        return self.predict_classes(x), other.predict_classes(x)\n",
        to="keras",
        codes=["KM234"],
    )


def test_a_method_that_is_not_called() -> None:
    (finding,) = untouched(
        HEAD.format("keras") + "model = Sequential()\nf = model.predict_classes\n",
        to="keras",
        codes=["KM233"],
    )
    assert not finding.fixed


def test_a_project_with_such_a_method_of_its_own(tmp_path: Path) -> None:
    """A class of another file may bring the method; a model of Keras itself cannot."""
    (tmp_path / "mine.py").write_text(
        "from keras.models import Sequential\n\n\nclass Mine(Sequential):\n"
        "    def predict_classes(self, x):\n        return x\n"
    )
    use = tmp_path / "use.py"
    use.write_text("")
    view = Project(tmp_path, [tmp_path / "mine.py", use]).view(use)
    untouched(
        "import keras\nfrom mine import Mine\n\nkeras.Input(())\na = Mine()\n"
        "a.predict_classes(x)\n",
        to="keras",
        view=view,
        codes=[],
    )
    untouched(
        "import keras\nfrom mine import make\n\nkeras.Input(())\na = make()\n"
        "a.predict_classes(x)\n",
        to="keras",
        view=view,
        codes=[],
    )
    head = HEAD.format("keras") + "model = Sequential([Dense(9)])\n"
    check(f"{head}model.predict_classes(x)\n", f"{head}{MANY}\n", to="keras", view=view)


# -- under the real packages -----------------------------------------------------------------------

RUN = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

x = np.array([[0.25, 0.875, 0.0], [0.875, 0.5, 0.25], [0.25, 0.375, 0.5]])
found = []
for n in (1, 3):
    model = Sequential([Dense(n, use_bias=False)])
    model.predict(x)
    model.set_weights([np.eye(3)[:, :n]])
    found.append(model.predict_classes(x).tolist())
    found.append(model.predict_proba(x).tolist())
one = Sequential([Dense(1, use_bias=False)])
one.predict(x)
one.set_weights([np.eye(3)[:, :1]])
found.append(one.predict_classes(x).tolist())
three = Sequential([Dense(3, use_bias=False)])
three.predict(x)
three.set_weights([np.eye(3)])
found.append(three.predict_classes(x).tolist())
print("RESULT" + json.dumps(found))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_the_classes_are_those_that_keras_gave(to: str) -> None:
    migrated = Pipeline.to(to).run(RUN).text
    assert "predict_classes" not in migrated
    assert "to_classes(model.predict(x))" in migrated
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", migrated],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "RESULT" in done.stdout, done.stderr
    one, many = [[0], [1], [0]], [1, 0, 2]
    x = [[0.25, 0.875, 0.0], [0.875, 0.5, 0.25], [0.25, 0.375, 0.5]]
    expected = [one, [row[:1] for row in x], many, x, one, many]
    assert json.loads(done.stdout.rpartition("RESULT")[2]) == expected

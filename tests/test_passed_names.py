"""KM604, KM610, KM637: names of optimizers and activations that get to a model by variables."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from originals import run_original
from targets import each_target

from kerasmigrate.findings import Finding, Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings

HEAD = (
    "from keras.models import Sequential\nfrom keras.layers import Activation, Dense, LSTM\n"
    "Dense(output_dim=3)\n"
)
NET = (
    "def net(o):\n    model = Sequential()\n    model.compile(optimizer=o, loss='mse')\n"
    "    return model\n"
)
#: A model that is compiled with ``o``.
MADE = "model = Sequential()\nmodel.compile(optimizer=o, loss='mse')\n"


def found(code: str, to: str, **options: Any) -> list[Finding]:
    result = Pipeline.to(to, **options).run(code)
    assert result.failures == ()
    return [each for each in result.findings if each.code in ("KM604", "KM610", "KM637")]


@each_target
@pytest.mark.parametrize(
    ("code", "names"),
    [
        (f"{NET}net('adadelta')\n", ["adadelta"]),
        (f"{NET}net(o='Adamax')\n", ["Adamax"]),
        (f"{NET}net(**dict(o='adagrad'))\n", ["adagrad"]),
        (f"{NET}for n in ('sgd', 'adamax'):\n    net(n)\n", ["adamax"]),
        (f"{NET}[net(n) for n in sorted(['adagrad', 'adadelta'])]\n", ["adagrad", "adadelta"]),
        (
            f"opts = ['adagrad', 'sgd']\nfor o in opts:\n    {MADE.splitlines()[0]}\n"
            f"    {MADE.splitlines()[1]}\n",
            ["adagrad"],
        ),
        (NET.replace("o):", "o='adagrad'):"), ["adagrad"]),
        (f"o = 'adagrad' if fast else 'sgd'\n{MADE}", ["adagrad"]),
        (f"o = given or 'nadam'\n{MADE}", ["nadam"]),
        (f"if fast:\n    o = 'adagrad'\nelse:\n    o = 'adamax'\n{MADE}", ["adagrad", "adamax"]),
        (f"o, n = 'adagrad', 3\n{MADE}", ["adagrad"]),
        (f"for n, o in [('a', 'adagrad'), ('b', 'sgd')]:\n    pass\n{MADE}", ["adagrad"]),
        (f"for i, o in enumerate(['adagrad']):\n    pass\n{MADE}", ["adagrad"]),
        (f"for n, o in zip(range(3), ['adagrad']):\n    pass\n{MADE}", ["adagrad"]),
        (f"for n, o in {{'adamax': 'adagrad'}}.items():\n    pass\n{MADE}", ["adagrad"]),
        (f"P = {{'o': 'nadam', 'x': 'adagrad'}}\no = P['o'].lower()\n{MADE}", ["nadam"]),
        (f"P = {{'o': ['nadam', 'sgd']}}\nfor o in P['o']:\n    pass\n{MADE}", ["nadam"]),
        (f"o = P.get('o', 'adamax')\n{MADE}", ["adamax"]),
        (f"o = random.choice(['sgd', 'adamax'])\n{MADE}", ["adamax"]),
        (
            "import argparse\np = argparse.ArgumentParser()\n"
            "p.add_argument('-o', '--opt-name', default='adadelta', choices=['sgd', 'adagrad'])\n"
            f"o = p.parse_args().opt_name\n{MADE}",
            ["adadelta", "adagrad"],
        ),
        (
            f"flags.DEFINE_string('opt', 'adadelta', 'which')\no = flags.FLAGS.opt\n{MADE}",
            ["adadelta"],
        ),
        (
            "class A:\n    def __init__(self, o='adagrad'):\n        self.o = o\n"
            "    def go(self):\n        model = Sequential()\n"
            "        model.compile(self.o, 'mse')\nA('nadam')\n",
            ["adagrad", "nadam"],
        ),
        (
            f"{NET}from keras.wrappers.scikit_learn import KerasClassifier\n"
            "m = KerasClassifier(build_fn=net, o='adadelta')\n"
            "grid = dict(o=['SGD', 'Adagrad'])\n",
            ["adadelta", "Adagrad"],
        ),
        ("from keras import optimizers\noptimizers.get('adagrad')\n", ["adagrad"]),
        (
            "from keras import optimizers\nn = 'adagrad'\noptimizers.get(n)\n",
            ["adagrad"],
        ),
    ],
)
def test_names_of_optimizers(code: str, names: list[str], to: str) -> None:
    codes = found(HEAD + code, to)
    assert sorted(each.message.split("'")[1] for each in codes) == sorted(names)
    assert all(each.code == "KM604" and not each.fixed for each in codes)
    assert all(each.severity is Severity.WARNING for each in codes)
    lines = (HEAD + code).splitlines()
    for each in codes:
        assert lines[each.line - 1][each.column :].startswith(each.message.split("'")[1])
    assert found(HEAD + code, to, settings=Settings(modern_defaults=True)) == []


@each_target
def test_a_name_that_the_file_asks_for_may_have_been_taken_care_of(to: str) -> None:
    code = f"o = 'adagrad'\nif o == 'adagrad':\n    o = make()\n{MADE}"
    (one,) = found(HEAD + code, to)
    assert one.severity is Severity.INFO


@each_target
def test_the_epsilon_of_rmsprop(to: str) -> None:
    (one,) = found(f"{HEAD}{NET}net('rmsprop')\n", to)
    assert (one.code, one.line) == ("KM637", 8)


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
@pytest.mark.parametrize(
    "code",
    [
        "for n in ['hard_sigmoid', 'relu']:\n    Dense(3, activation=n)\n    Activation(n)\n",
        "def block(x, act='relu'):\n    return Activation(act)(x)\nblock(x, act='hard_sigmoid')\n",
        "def block(x, act='hard_sigmoid'):\n    return LSTM(3, inner_activation=act)(x)\n",
        "o = {'act': 'hard_sigmoid'}\nDense(3, activation=o['act'])\n",
    ],
)
def test_names_of_activations(code: str, to: str) -> None:
    (one,) = found(HEAD + code, to)
    assert (one.code, one.fixed) == ("KM610", False)
    line = (HEAD + code).splitlines()[one.line - 1]
    assert line[one.column :].startswith("hard_sigmoid")
    assert found(HEAD + code, "tf_keras") == []


@each_target
@pytest.mark.parametrize(
    "code",
    [
        f"{NET}net('sgd')\nlabel = 'adagrad'\n",
        f"{NET}net(o)\nnames = ['adagrad', 'adamax']\nfor n in names:\n    print(n)\n",
        f"{NET}other('adagrad')\nsome.net('adagrad')\n",
        "def net(o):\n    thing.compile(o)\nnet('adagrad')\n",
        f"P = {{'o': 'sgd', 'x': 'adagrad'}}\no = P['o']\n{MADE}",
        f"from keras.optimizers import SGD\no = SGD()\nlabel = 'adagrad'\n{MADE}",
        f"o = o\n{MADE}",
        "for n in ['hard_sigmoid']:\n    print(n)\nDense(3, activation=m)\n",
        f"for o in {{'sgd': 'adagrad'}}:\n    pass\n{MADE}",
    ],
)
def test_names_that_get_to_no_model(code: str, to: str) -> None:
    assert found(HEAD + code, to) == []


@each_target
def test_code_of_today(to: str) -> None:
    head = "import keras\nfrom keras.models import Sequential\nfrom keras.layers import Dense\n"
    code = f"{NET}net('adagrad')\nfor n in ['hard_sigmoid']:\n    Dense(3, activation=n)\n"
    assert found(head + code, to) == []


OLD = """
from keras.layers import Dense
from keras.models import Sequential

def net(o):
    model = Sequential([Dense(output_dim=1, input_dim=2, init="one")])
    model.compile(optimizer=o, loss="mse")
    model.fit(data, data[:, :1], nb_epoch=3, batch_size=4, shuffle=False, verbose=0)
    return model.get_weights()[0].tolist()

results["out"] = [net(n) for n in ("adagrad", "adadelta", "adamax")]
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_the_advice_gives_the_old_numbers() -> None:
    data = np.random.RandomState(0).normal(0, 1, (8, 2)).astype("float32")
    old = run_original("1.2.2", OLD, data=data)["out"]
    for to in ("keras", "tf_keras"):
        result = Pipeline.to(to).run(OLD)
        told = [each for each in result.findings if each.code == "KM604"]
        assert len(told) == 3
        keras: Any = importlib.import_module(to)
        outs = []
        advised = result.text
        for each in told:
            made = each.advice.removeprefix("give the object ").partition(" in its place")[0]
            advised = advised.replace(f'"{each.message.split(chr(39))[1]}"', f"optimizers.{made}")
        for text in (advised, result.text):
            space: dict[str, Any] = {"results": {}, "data": data, "optimizers": keras.optimizers}
            exec(text, space)
            outs.append(np.abs(np.array(space["results"]["out"]) - old).max(axis=(1, 2)))
        assert outs[0].max() < 1e-5
        assert outs[1].min() > 1e-3

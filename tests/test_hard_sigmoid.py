"""KM610: hard_sigmoid with its old slope."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import ROOT

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings
from kerasmigrate.transforms.hard_sigmoid import DEFINITION

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def defined(package: str, register: str = "register_keras_serializable", ops: str = "ops") -> str:
    """Return the function, behind the imports that it needs."""
    source = DEFINITION.source.strip().replace("$register", register).replace("$ops", ops)
    source = source.replace("$name", "old_hard_sigmoid")
    imports = f"from {package}.saving import {register}\nfrom {package} import {ops}\n"
    return f"{'' if '.' in register else imports}\n\n{source}\n\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("layer = Activation('hard_sigmoid')", "layer = Activation(old_hard_sigmoid)"),
        ("Activation(activation='hard_sigmoid')", "Activation(activation=old_hard_sigmoid)"),
        ("Dense(4, activation='hard_sigmoid')", "Dense(4, activation=old_hard_sigmoid)"),
        (
            "Dense(4, activation=('hard_sigmoid'),\n      name='hard_sigmoid')",
            "Dense(4, activation=(old_hard_sigmoid),\n      name='hard_sigmoid')",
        ),
        (
            "Dense(4, activation='relu' if deep else 'hard_sigmoid')",
            "Dense(4, activation='relu' if deep else old_hard_sigmoid)",
        ),
        (
            "LSTM(4, activation='hard_sigmoid', recurrent_activation='hard_sigmoid')",
            "LSTM(4, activation=old_hard_sigmoid, recurrent_activation=old_hard_sigmoid)",
        ),
        (
            "Bidirectional(LSTM(4, recurrent_activation='hard_sigmoid'))",
            "Bidirectional(LSTM(4, recurrent_activation=old_hard_sigmoid))",
        ),
        (
            "class Mine(Dense):\n    def __init__(self, **kwargs):\n"
            "        super().__init__(4, activation='hard_sigmoid', **kwargs)",
            "class Mine(Dense):\n    def __init__(self, **kwargs):\n"
            "        super().__init__(4, activation=old_hard_sigmoid, **kwargs)",
        ),
    ],
)
@KERAS_3
def test_a_string_in_a_layer(before: str, after: str, to: str) -> None:
    names = [each for each in ("Activation", "Bidirectional", "Dense", "LSTM") if each in before]
    head = f"from {{}}.layers import {', '.join(names)}\n"
    package = ROOT[to][1]
    check(
        f"{head.format('tf_keras')}\n{before}\n",
        f"{head.format(package)}{defined(package)}{after}\n",
        to=to,
        codes=["KM101", *["KM610"] * after.count("old_hard_sigmoid")],
    )
    untouched(f"{head.format('tf_keras')}\n{before}\n", to="tf_keras", codes=[])


@KERAS_3
def test_the_words_of_keras_1(to: str) -> None:
    package = ROOT[to][1]
    check(
        "from keras.layers import LSTM\n\nLSTM(output_dim=4, inner_activation='hard_sigmoid')\n",
        f"from {package}.layers import LSTM\n{defined(package)}"
        "LSTM(units=4, recurrent_activation=old_hard_sigmoid)\n",
        to=to,
        codes=["KM101", "KM201", "KM610"],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import tf_keras as keras\n\nf = keras.activations.hard_sigmoid\n",
            "import keras\n"
            + defined("", "keras.saving.register_keras_serializable", "keras.ops")
            + "f = old_hard_sigmoid\n",
        ),
        (
            "from tf_keras.activations import hard_sigmoid\n\ny = hard_sigmoid(x)\n",
            "from keras.saving import register_keras_serializable\nfrom keras import ops\n"
            + defined("keras").partition("ops\n")[2]
            + "y = old_hard_sigmoid(x)\n",
        ),
        (
            "from tf_keras import activations\n\nf = activations.get('hard_sigmoid')\n",
            "from keras import activations, saving\nimport keras\n"
            + defined("", "saving.register_keras_serializable", "keras.ops")
            + "f = activations.get(old_hard_sigmoid)\n",
        ),
    ],
)
def test_the_function(before: str, after: str) -> None:
    check(before, after, to="keras")


@pytest.mark.parametrize(
    "code",
    [
        "from {0}.layers import Dense\n\nDense(4, activation='hard_sigmoid')\n",
        "from {0} import activations\n\nf = activations.hard_sigmoid\n",
        "import {0}\n\n{0}.ops.abs(x)\nf = {0}.activations.get('hard_sigmoid')\n",
        "from {0}.layers import Activation\nfrom mine import Cell\n\n"
        "Cell(activation='hard_sigmoid')\nActivation('relu')\n",
    ],
)
def test_code_that_keras_3_runs_is_left_alone(code: str) -> None:
    untouched(code.format("keras"), to="keras", codes=[])


@pytest.mark.parametrize(
    "call",
    [
        "Cell(activation='hard_sigmoid')",
        "Dense(4, name='hard_sigmoid')",
        "Dense(4, activation='sigmoid')",
        "Dense('hard_sigmoid'.find('a'))",
        "print('hard_sigmoid')",
        "Dense(4, activation='hard_sigmoid')  # kerasmigrate: ignore[KM610]",
    ],
)
def test_other_strings(call: str) -> None:
    code = f"from {{}}.layers import Dense\nfrom mine import Cell\n\n{call}\n"
    check(code.format("tf_keras"), code.format("keras"), to="keras", codes=["KM101"])


def test_a_variable_is_reported() -> None:
    code = "from {}.layers import Dense\n\nact = 'hard_sigmoid'\nDense(4, activation=act)\n"
    found = check(code.format("tf_keras"), code.format("keras"), to="keras")
    assert [(each.code, each.line, each.fixed) for each in found] == [
        ("KM101", 1, True),
        ("KM610", 4, False),
    ]
    assert "keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)" in found[1].advice


def test_an_import_in_a_function_is_reported() -> None:
    code = "def f():\n    from {}.layers import Dense\n    Dense(4, activation='hard_sigmoid')\n"
    found = check(code.format("tf_keras"), code.format("keras"), to="keras")
    assert [(each.code, each.fixed) for each in found] == [("KM101", True), ("KM610", False)]


def test_modern_defaults_are_about_what_is_left_out() -> None:
    code = "from tf_keras.layers import Dense\n\nDense(4, activation='hard_sigmoid')\n"
    result = Pipeline.to("keras", settings=Settings(modern_defaults=True)).run(code)
    assert "activation=old_hard_sigmoid" in result.text


@pytest.mark.tensorflow
def test_the_slope_and_the_names_under_tensorflow(tmp_path: object) -> None:
    pytest.importorskip("tensorflow")
    import numpy as np

    code = (
        "from tf_keras.layers import Bidirectional, LSTM, TimeDistributed, Activation\n"
        "from tf_keras.models import Sequential\n\n"
        "model = Sequential([\n"
        "    Bidirectional(LSTM(3, recurrent_activation='hard_sigmoid', return_sequences=True)),\n"
        "    TimeDistributed(Activation('hard_sigmoid')),\n])\n"
    )
    names: dict[str, object] = {}
    exec(compile(Pipeline.to("keras").run(code).text, "<after>", "exec"), names)
    function = names["old_hard_sigmoid"]
    assert callable(function)
    values = np.array([-3.0, -1.0, 0.0, 1.0, 3.0], "float32")
    assert np.allclose(function(values), [0.0, 0.3, 0.5, 0.7, 1.0])
    import keras

    model = names["model"]
    assert isinstance(model, keras.Model)
    data = np.random.RandomState(0).normal(size=(2, 4, 3)).astype("float32")
    out = model.predict(data, verbose=0)
    path = f"{tmp_path}/model.keras"
    model.save(path)
    assert np.allclose(keras.saving.load_model(path).predict(data, verbose=0), out)

"""KM342 to KM345: classes that derive from recurrent layers."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original
from targets import ROOT, each_target

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

CODES = ("KM342", "KM343", "KM344", "KM345")
HEAD = (
    "from keras import backend as K\nfrom keras.engine.topology import Layer\n"
    "from keras.layers import GRU, LSTM, ConvLSTM2D, Dense, Recurrent, SimpleRNN\n"
    "from keras.layers.recurrent import LSTM as Long\n\n\n"
)
STEP = "    def step(self, x, states):\n        return x, [x]\n"


def own(base: str, body: str) -> str:
    return f"{HEAD}class Own({base}):\n{body}"


def found(code: str, to: str) -> list[Finding]:
    result = Pipeline.to(to).run(code)
    assert result.failures == ()
    again = Pipeline.to(to).run(result.text)
    assert again.text == result.text
    return [each for each in result.findings if each.code in CODES]


@each_target
@pytest.mark.parametrize("base", ["LSTM", "GRU", "SimpleRNN", "ConvLSTM2D", "Long"])
@pytest.mark.parametrize(
    ("body", "names"),
    [
        (STEP, "step"),
        ("    def get_constants(self, x):\n        return []\n", "get_constants"),
        (
            "    def preprocess_input(self, x, training=None):\n        return x\n",
            "preprocess_input",
        ),
        ("    def get_initial_states(self, x):\n        return [x]\n", "get_initial_states"),
        (
            STEP
            + "\n    def get_constants(self, x, training=None):\n        return self.step(x, [])\n",
            "step and get_constants",
        ),
        (
            STEP + "\n    def get_config(self):\n        return super().get_config()\n",
            "step",
        ),
    ],
)
def test_methods_that_the_layer_no_longer_calls(base: str, body: str, names: str, to: str) -> None:
    (one,) = found(own(base, body), to)
    called = "LSTM" if base == "Long" else base
    assert one.code == "KM342"
    assert one.message == (
        f"Own derives from {called}: nobody calls {names} of a layer any more, its cell does the"
        " step"
    )
    assert "keras.layers.RNN" in one.advice
    # It is as wrong when the file is migrated.
    assert [each.code for each in found(Pipeline.to(to).run(own(base, body)).text, to)] == ["KM342"]


BUILD = (
    "    def build(self, input_shape):\n"
    "        self.kernel = self.add_weight(shape=(3, 4), name='kernel')\n"
    "        self.built = True\n"
)


@each_target
def test_weights_that_are_not_those_of_the_cell(to: str) -> None:
    (one,) = found(own("LSTM", BUILD), to)
    assert one.message == (
        "Own derives from LSTM: its build() does not build the cell: \"'LSTMCell' object has no"
        " attribute 'kernel'\""
    )
    (one,) = found(own("LSTM", BUILD + "\n" + STEP), to)
    assert "; its build()" in one.message and "nobody calls step" in one.message


@each_target
@pytest.mark.parametrize(
    ("base", "body"),
    [
        # The class calls them itself.
        (
            "LSTM",
            STEP + "\n    def build(self, s):\n        super().build(s)\n"
            "\n    def call(self, sequences, initial_state=None, training=None):\n"
            "        return K.rnn(self.step, sequences, [])[0]\n",
        ),
        (
            "GRU",
            BUILD
            + "\n"
            + STEP
            + "\n    def run(self, x):\n        return K.rnn(self.step, x, [])\n"
            "\n    def call(self, sequences, initial_state=None, training=None):\n"
            "        return self.run(sequences)[0]\n",
        ),
        # Methods that mean something else.
        ("LSTM", "    def step(self):\n        return 1\n"),
        ("LSTM", "    def step(self, a, b, c):\n        return 1\n"),
        ("LSTM", "    @staticmethod\n    def step(x, states):\n        return 1\n"),
        # What still works.
        ("LSTM", "    def __init__(self, units, **kwargs):\n        super().__init__(units)\n"),
        ("LSTM", "    def get_config(self):\n        return super().get_config()\n"),
        (
            "LSTM",
            "    def build(self, input_shape):\n        super(Own, self).build(input_shape)\n"
            "        self.gain = self.add_weight(shape=(3,), name='gain')\n",
        ),
        (
            "LSTM",
            "    def build(self, input_shape):\n        LSTM.build(self, input_shape)\n"
            "        self.gain = self.add_weight(shape=(3,), name='gain')\n",
        ),
        (
            "LSTM",
            "    def build(self, input_shape):\n        self.cell.build(input_shape[0])\n"
            "        self.kernel = self.cell.kernel\n",
        ),
        ("LSTM", "    def build(self, input_shape):\n        self.built = True\n"),
        # Other classes.
        ("Layer", STEP),
        ("Dense", STEP),
        ("object", STEP),
        ("Recurrent", STEP),
    ],
)
def test_classes_that_are_right(base: str, body: str, to: str) -> None:
    assert found(own(base, body), to) == []


@each_target
def test_weights_of_the_cell(to: str) -> None:
    body = (
        "    def build(self, s):\n        super().build(s)\n        self.bias = 1\n\n"
        "    def size(self):\n        return self.kernel, self.recurrent_kernel_i, self.bias\n"
    )
    assert [(each.code, each.message) for each in found(own("GRU", body), to)] == [
        ("KM343", "self.kernel: a GRU has no such attribute, its cell has"),
        ("KM343", "self.recurrent_kernel_i: a GRU has no such attribute, its cell has"),
    ]
    assert found(own("GRU", body.replace("self.", "self.cell.")), to) == []
    assert found(own("Dense", body), to) == []
    # A step() that nobody calls is told of once.
    step = STEP.replace("return x", "return x * self.kernel")
    assert [each.code for each in found(own("GRU", step), to)] == ["KM342"]


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_initial_states(to: str) -> None:
    body = "    def get_initial_state(self, {}):\n        return [0]\n"
    code = own("LSTM", body.format("inputs"))
    (one,) = found(code, to)
    assert (one.code, one.fixed) == ("KM344", False)
    assert found(code, "tf_keras") == []
    for params in ("batch_size", "batch_size=None", "inputs=None, batch_size=None", "**options"):
        assert found(own("LSTM", body.format(params)), to) == []
    assert found(own("Layer", body.format("inputs")), to) == []


CALL = """\
from {root}.layers import GRU, RNN


class Own(GRU):
    def call(self, {params}):
        # x is a sequence
        other = [f.x for f in self.x({name})]
        return super().call({name}, mask=mask, training=training) * len(other)
"""
BEFORE = {"params": "x, mask=None, training=None", "name": "x"}
AFTER = {
    "params": "sequences, mask=None, training=None, initial_state=None",
    "name": "sequences",
}


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_the_parameters_of_call(to: str) -> None:
    root = ROOT[to][1]
    before, after = CALL.format(root=root, **BEFORE), CALL.format(root=root, **AFTER)
    check(before, after, to=to, codes=["KM345"])
    check(before.replace("GRU", "RNN"), after.replace("GRU", "RNN"), to=to, codes=["KM345"])
    untouched(after, to=to, codes=[])
    untouched(CALL.format(root="tf_keras", **BEFORE), to="tf_keras", codes=[])
    # One of the two may be there.
    started = {"params": "x, initial_state=None, mask=None, training=None", "name": "x"}
    wanted = {"params": "sequences, " + started["params"][3:], "name": "sequences"}
    check(CALL.format(root=root, **started), CALL.format(root=root, **wanted), to=to)
    named = {"params": "sequences, mask=None, training=None", "name": "sequences"}
    check(CALL.format(root=root, **named), after, to=to, codes=["KM345"])


@pytest.mark.parametrize(
    "body",
    [
        "    def call(self, x, mask=None, training=None):\n"
        "        sequences = [x]\n        return super().call(sequences[0], mask, training)\n",
        "    def call(self, x, mask=None, training=None):\n"
        "        return super().call(x=x, mask=mask, training=training)\n",
        "    def call(self, x, mask=None, training=None):\n"
        "        f = lambda x: x\n        return f(super().call(x, mask, training))\n",
        "    def call(self, x, mask=None, training=None):\n"
        "        y = super().call(x, mask, training)\n        return [x for x in y]\n",
        "    def call(self, *args, training=None):\n        return args[0]\n",
        "    def call(self, sequences, training=None, **kwargs):\n"
        "        return super().call(sequences, training=training, **kwargs)\n",
    ],
)
def test_calls_that_are_reported(body: str) -> None:
    code = f"from keras.layers import GRU\n\n\nclass Own(GRU):\n{body}"
    result = Pipeline.to("keras").run(code)
    (one,) = (each for each in result.findings if each.code == "KM345")
    assert not one.fixed and "initial_state" in one.advice
    assert "initial_state" not in result.text


@pytest.mark.parametrize(
    "code",
    [
        "from keras.layers import GRU\n\n\nclass Own(GRU):\n"
        "    def build(self, s):\n        super().build(s)\n\n"
        "    def compute_output_shape(self, s):\n        return s\n\n"
        "    def call(self, x, mask=None, training=None):\n        return x\n",
        "from keras.layers import GRU\n\n\nclass Own(GRU):\n"
        "    def call(self, sequences, initial_state=None, mask=None, training=None):\n"
        "        return sequences\n",
        "from keras.layers import GRUCell\n\n\nclass Own(GRUCell):\n"
        "    def call(self, inputs, states, training=None):\n        return inputs, states\n",
        "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
        "    def call(self, x, training=None):\n        return x\n",
    ],
)
def test_calls_that_are_right(code: str) -> None:
    untouched(code, to="keras", codes=[])


# -- the real packages ----------------------------------------------------------------------------

RUN = """
from {root}.layers import SimpleRNN
from {root}.models import Sequential

class Own(SimpleRNN):
    def step(self, x, states):
        return 7 + 0 * states[0], [states[0]]

model = Sequential([Own(2, input_shape=(3, 2))])
results["out"] = model.predict(np.ones((1, 3, 2)))
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
def test_a_step_counted_in_keras_1_alone() -> None:
    assert run_original("1.2.2", RUN.format(root="keras"))["out"].tolist() == [[7, 7]]
    assert np.all(np.abs(run_original("2.2.4", RUN.format(root="keras"))["out"]) <= 1)
    for root in ("keras", "tf_keras"):
        space: dict[str, Any] = {"np": np, "results": {}}
        exec(RUN.format(root=root), space)
        assert np.all(np.abs(space["results"]["out"]) <= 1)


@pytest.mark.tensorflow
def test_what_the_targets_say() -> None:
    for root in ("keras", "tf_keras"):
        layers = importlib.import_module(f"{root}.layers")
        x = np.ones((1, 3, 2), "float32")

        class Built(layers.LSTM):  # type: ignore[misc,name-defined]
            def build(self, input_shape: Any) -> None:
                self.kernel = self.add_weight(shape=(2, 8), name="kernel")
                self.built = True

        with pytest.raises(AttributeError, match="'LSTMCell' object has no attribute 'kernel'"):
            Built(2)(x)

        class Named(layers.GRU):  # type: ignore[misc,name-defined]
            def call(self, x: Any, mask: Any = None, training: Any = None) -> Any:
                return super().call(x, mask=mask, training=training)

        class Started(layers.GRU):  # type: ignore[misc,name-defined]
            def get_initial_state(self, inputs: Any) -> Any:
                return [inputs[:, 0]]

        if root == "tf_keras":
            Named(2)(x)
            Started(2)(x)
            continue
        with pytest.raises(ValueError, match="`sequences_shape`, but `call\\(\\)` does not have"):
            Named(2)(x)
        with pytest.raises(TypeError, match="unexpected keyword argument 'batch_size'"):
            Started(2)(x)
        layer = layers.LSTM(2)
        layer(x)
        assert not hasattr(layer, "kernel") and layer.cell.kernel.shape == (2, 8)


@pytest.mark.tensorflow
def test_a_converted_call_works() -> None:
    code = CALL.format(root="keras", **BEFORE).replace("self.x(x)", "[]")
    code = code.replace("len(other)", "2")
    space: dict[str, Any] = {}
    exec(Pipeline.to("keras").run(code).text, space)
    keras = importlib.import_module("keras")
    inputs, x = keras.Input((3, 2)), np.ones((1, 3, 2), "float32")
    layer, plain = space["Own"](2), keras.layers.GRU(2)
    model, other = (keras.Model(inputs, each(inputs)) for each in (layer, plain))
    plain.set_weights(layer.get_weights())
    assert np.allclose(model.predict(x, verbose=0), 2 * other.predict(x, verbose=0))

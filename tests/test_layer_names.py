"""KM324: names of layers and models that hold a slash."""

from __future__ import annotations

import pytest
from migrating import untouched
from targets import ROOT

from kerasmigrate.pipeline import Pipeline

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = "from {0}.layers import Activation, Conv2D, Input, Layer\nfrom {0}.models import Model\n\n"


@KERAS_3
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Conv2D(4, 3, name='conv1/7x7')", "Conv2D takes no name with a slash: 'conv1/7x7'"),
        ("Input((3,), name='a/b')", "Input takes no name with a slash: 'a/b'"),
        ("Model(a, b, name='a/b')", "Model takes no name with a slash: 'a/b'"),
        (
            "Activation('relu', name=start + '/relu')",
            "Activation takes no name with a slash: start + '/relu'",
        ),
        (
            "Activation('relu', name='a/%d' % i)",
            "Activation takes no name with a slash: 'a/%d' % i",
        ),
        (
            "Activation('relu', name='{}/relu'.format(i))",
            "Activation takes no name with a slash: '{}/relu'.format(i)",
        ),
        (
            "Activation('relu', name=f'{i}/relu')",
            "Activation takes no name with a slash: f'{i}/relu'",
        ),
    ],
)
def test_a_slash_in_a_name_is_reported(call: str, message: str, to: str) -> None:
    code = f"{HEAD.format(ROOT[to][1])}x = {call}\n"
    (finding,) = untouched(code, to=to, codes=["KM324"])
    assert finding.message == message
    assert "by_name=True has to be written anew" in finding.advice


def test_a_layer_that_names_itself() -> None:
    code = (
        f"{HEAD.format('keras')}\nclass A(Layer):\n    def __init__(self, **kwargs):\n"
        "        super().__init__(name='a/b', **kwargs)\n"
    )
    untouched(code, to="keras", codes=["KM324"])


@KERAS_3
@pytest.mark.parametrize(
    "call",
    [
        "Conv2D(4, 3, name='conv1_7x7')",
        "Conv2D(4, 3, name=name)",
        "Conv2D(4, 3, name=names['a/b'])",
        "Conv2D(4, 3, name='%s' % path.split('/')[0])",
        "Conv2D(4, 3, name=path.replace('/', '_'))",
        "Conv2D(4, 3, name='{}'.format('a/b'))",
        "tf.Variable(1, name='a/b')",
        "File(name='a/b')",
        "model.load_weights('a/b.h5')",
    ],
)
def test_other_names(call: str, to: str) -> None:
    untouched(f"{HEAD.format(ROOT[to][1])}x = {call}\n", to=to, codes=[])


def test_keras_2_takes_it() -> None:
    code = f"{HEAD.format('tf_keras')}x = Conv2D(4, 3, name='a/b')\n"
    untouched(code, to="tf_keras", codes=[])


@pytest.mark.tensorflow
def test_the_message_is_that_of_keras() -> None:
    import keras

    for make in (
        lambda: keras.layers.Dense(1, name="a/b"),
        lambda: keras.Input((3,), name="a/b"),
        lambda: keras.Sequential(name="a/b"),
    ):
        with pytest.raises(ValueError, match="cannot contain character `/`"):
            make()
    assert Pipeline.to("keras").run("import keras\n\nkeras.Sequential(name='a/b')\n").findings

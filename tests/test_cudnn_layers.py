"""KM263: CuDNNLSTM and CuDNNGRU."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import ROOT, each_target


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CuDNNLSTM(3)", "LSTM(3, recurrent_activation='sigmoid')"),
        (
            "CuDNNLSTM(3, 'he_normal')",
            "LSTM(3, kernel_initializer='he_normal', recurrent_activation='sigmoid')",
        ),
        ("CuDNNGRU(3)", "GRU(3, recurrent_activation='sigmoid', reset_after=True)"),
        (
            "CuDNNGRU(\n    units=3,  # few\n    stateful=True,\n)",
            "GRU(\n    units=3,  # few\n    stateful=True,\n"
            "    recurrent_activation='sigmoid',\n    reset_after=True,\n)",
        ),
        (
            "CuDNNGRU(3, **options)",
            "GRU(3, recurrent_activation='sigmoid', reset_after=True, **options)",
        ),
    ],
)
def test_calls(to: str, before: str, after: str) -> None:
    statement, _ = ROOT[to]
    check(
        f"import keras\n\nx = keras.layers.{before}\n",
        f"{statement}\n\nx = keras.layers.{after}\n",
        to=to,
    )


def test_an_imported_name() -> None:
    check(
        "from keras.layers import CuDNNGRU, Bidirectional\n\nx = Bidirectional(CuDNNGRU(3))\n",
        "from keras.layers import GRU, Bidirectional\n\n"
        "x = Bidirectional(GRU(3, recurrent_activation='sigmoid', reset_after=True))\n",
        to="keras",
        codes=["KM101", "KM102", "KM263"],
    )


def test_a_reference_that_is_not_called() -> None:
    check(
        "from keras.layers import CuDNNLSTM\n\nlayers = {'fast': CuDNNLSTM}\n",
        "from keras.layers import LSTM\n\nlayers = {'fast': LSTM}\n",
        to="keras",
        codes=["KM101", "KM102"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "import keras\n\nx = keras.layers.GRU(3, reset_after=False, recurrent_activation='relu')\n",
        "from mine import CuDNNGRU\nimport keras\n\nx = CuDNNGRU(3)\n",
        "import keras\n\n\ndef f(CuDNNLSTM):\n    return CuDNNLSTM(3)\n",
        "import keras\n\n\nclass CuDNNLSTM:\n    pass\n\n\nx = CuDNNLSTM()\n",
    ],
)
def test_other_code_stays(code: str) -> None:
    untouched(code, to="keras", codes=[])

"""KM201 and KM203 for callbacks: arguments that Keras 3 does not have any more."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import ROOT, each_target

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
OLD = ("batch_size=32", "write_grads=True", "embeddings_layer_names=None", "embeddings_data=x")


def code(call: str, to: str) -> str:
    return f"from {ROOT[to][1]} import callbacks\n\nc = callbacks.{call}\n"


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        *((f"TensorBoard('log', {each})", "TensorBoard('log')") for each in OLD),
        (
            "TensorBoard(\n    'log',\n    batch_size=8,  # small\n    write_graph=True,\n)",
            "TensorBoard(\n    'log',  # small\n    write_graph=True,\n)",
        ),
        ("ModelCheckpoint('m.keras', period=1)", "ModelCheckpoint('m.keras')"),
        (
            "ModelCheckpoint('m.keras', load_weights_on_restart=False, verbose=1)",
            "ModelCheckpoint('m.keras', verbose=1)",
        ),
        ("ReduceLROnPlateau(epsilon=0.3)", "ReduceLROnPlateau(min_delta=0.3)"),
    ],
)
def test_arguments_without_effect_go(before: str, after: str, to: str) -> None:
    check(code(before, to), code(after, to), to=to, codes=["KM201"])


def test_keras_2_ignores_the_old_name_of_min_delta_too() -> None:
    check(
        code("ReduceLROnPlateau(epsilon=0.3)", "tf_keras"),
        code("ReduceLROnPlateau(min_delta=0.3)", "tf_keras"),
        to="tf_keras",
        codes=["KM201"],
    )


@pytest.mark.parametrize("old", OLD)
def test_keras_2_takes_the_others(old: str) -> None:
    untouched(code(f"TensorBoard('log', {old})", "tf_keras"), to="tf_keras", codes=[])
    untouched(code("ModelCheckpoint('m.h5', period=3)", "tf_keras"), to="tf_keras", codes=[])


@pytest.mark.parametrize("old", OLD)
def test_what_tf_keras_ignores_does_not_move_there(old: str) -> None:
    check(
        code(f"TensorBoard('log', {old})", "keras"),
        code("TensorBoard('log')", "tf_keras"),
        to="tf_keras",
        codes=["KM101", "KM201"],
    )


@KERAS_3
@pytest.mark.parametrize("period", ["0", "True", "None", "1.5", "5, **options"])
def test_another_period_is_reported(period: str, to: str) -> None:
    call = f"ModelCheckpoint('m.keras', period={period})"
    (finding,) = untouched(code(call, to), to=to, codes=["KM203"])
    assert "n * the number of batches of an epoch" in finding.advice


@each_target
@pytest.mark.parametrize(
    "call",
    [
        "TensorBoard('log', 1, True, update_freq='batch', embeddings_freq=1)",
        "ModelCheckpoint('m.keras', save_freq=10)",
        "ReduceLROnPlateau(min_delta=0.3)",
        "TensorBoard(**options)",
    ],
)
def test_what_is_right_stays(call: str, to: str) -> None:
    untouched(code(call, to), to=to, codes=[])


def test_other_classes_stay() -> None:
    text = "from mine import TensorBoard\n\nc = TensorBoard(batch_size=1, write_grads=True)\n"
    untouched(text, to="keras", codes=[])

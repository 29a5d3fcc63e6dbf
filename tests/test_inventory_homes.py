from __future__ import annotations

import pytest

from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory import DATA, load, make_homes, names
from kerasmigrate.inventory.homes import TARGETS, Home, home
from kerasmigrate.inventory.table import dump

#: Old path, then its home in keras-3, tf.keras-3, tf.keras-2 and tf_keras-2, all without "keras.";
#: one home stands for four equal ones, "" for gone.
SPOTS = [
    line.split(" ")
    for line in """\
layers.Dense layers.Dense
layers.core.Dense layers.Dense
layers.core.dense.Dense layers.Dense
layers.Convolution1D layers.Conv1D
layers.Convolution2D layers.Conv2D
layers.convolutional.Convolution2D layers.Conv2D
layers.convolutional.Conv2D layers.Conv2D
layers.AtrousConvolution2D layers.Conv2D
layers.Deconvolution2D layers.Conv2DTranspose
layers.SeparableConvolution2D layers.SeparableConv2D
layers.MaxPool2D layers.MaxPool2D
layers.GlobalMaxPool2D layers.GlobalMaxPool2D
layers.CuDNNLSTM layers.LSTM
layers.advanced_activations.LeakyReLU layers.LeakyReLU
layers.normalization.BatchNormalization layers.BatchNormalization
layers.wrappers.TimeDistributed layers.TimeDistributed
layers.merge.add layers.add
layers.merge -
layers.Merge -
layers.core.TimeDistributedDense -
layers.core.MaxoutDense -
layers.Highway -
layers.recurrent.Recurrent -
layers.ThresholdedReLU - layers.ThresholdedReLU layers.ThresholdedReLU layers.ThresholdedReLU
layers.experimental.preprocessing.Rescaling layers.Rescaling
layers.core.K backend
layers.core.np -
engine.Layer layers.Layer
engine.topology.Layer layers.Layer
engine.topology.Input layers.Input
engine.base_layer.InputSpec layers.InputSpec
engine.training.Model models.Model
engine.topology.Container models.Model
engine.network.Network models.Model
engine.topology.get_source_inputs utils.get_source_inputs
models.Model models.Model
models.Sequential models.Sequential
Model Model
Input Input
utils.np_utils.to_categorical utils.to_categorical
utils.data_utils.Sequence utils.Sequence
utils.generic_utils.CustomObjectScope utils.CustomObjectScope
utils.layer_utils.layer_from_config layers.deserialize
utils.visualize_util.plot utils.plot_model
utils.multi_gpu_model -
utils.training_utils.multi_gpu_model -
preprocessing.sequence.pad_sequences preprocessing.sequence.pad_sequences
preprocessing.image.load_img preprocessing.image.load_img
applications.vgg16.preprocess_input applications.vgg16.preprocess_input
backend.tensorflow_backend.dot - backend.dot backend.dot backend.dot
backend.dot - backend.dot backend.dot backend.dot
backend.tensorflow_backend.set_session -
optimizers.adam optimizers.Adam
optimizers.legacy.Adam optimizers.Adam optimizers.Adam optimizers.legacy.Adam optimizers.legacy.Adam
optimizers.legacy.Optimizer - - optimizers.legacy.Optimizer optimizers.legacy.Optimizer
optimizers.experimental.Adam optimizers.Adam
optimizer_v2.adam.Adam optimizers.Adam
experimental.CosineDecay optimizers.schedules.CosineDecay
losses.mse losses.mean_squared_error losses.mse losses.mse losses.mse
losses.MSE losses.mean_squared_error losses.MSE losses.MSE losses.MSE
objectives.mean_squared_error losses.mean_squared_error losses.mse \
losses.mean_squared_error losses.mean_squared_error
losses.cosine_proximity losses.cosine_similarity
metrics.cosine_proximity losses.cosine_similarity
initializations.glorot_normal initializers.GlorotNormal
initializers.normal initializers.random_normal
initializers.zero initializers.zeros
regularizers.l1l2 regularizers.l1_l2
regularizers.activity_l2 regularizers.l2
constraints.maxnorm constraints.max_norm
constraints.MaxNorm constraints.MaxNorm
mixed_precision.experimental.set_policy mixed_precision.set_global_policy
wrappers.scikit_learn.KerasClassifier -
objectives losses
initializations initializers
engine layers
engine.topology layers
engine.training models
layers.core layers
layers.recurrent layers
utils.np_utils utils
legacy.interfaces -
""".splitlines()
]


@pytest.mark.parametrize("row", SPOTS, ids=lambda row: row[0])
def test_important_homes(row: list[str]) -> None:
    old, *places = row
    wanted = places * 4 if len(places) == 1 else places
    found = [home(f"keras.{old}", target) for target in TARGETS]
    assert [(each.path or "keras.-").partition(".")[2] for each in found] == wanted


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("keras", "keras-3", Home("keras", "same")),
        ("keras.layers.Dense", "keras-3", Home("keras.layers.Dense", "same")),
        ("keras.layers.core.Dense", "keras-3", Home("keras.layers.Dense", "moved")),
        ("keras.layers.Convolution2D", "keras-3", Home("keras.layers.Conv2D", "renamed")),
        ("keras.layers.core", "keras-3", Home("keras.layers", "moved")),
        ("keras.objectives", "tf_keras-2", Home("keras.losses", "moved")),
        ("keras.layers.Merge", "keras-3", Home(None, "gone")),
        ("keras.layers.NoSuchLayer", "keras-3", Home(None, "unknown")),
        ("keras.layers.core.NoSuchLayer", "keras-3", Home(None, "unknown")),
        ("keras.nothing.Dense", "keras-3", Home(None, "unknown")),
        ("keras.metrics.deep.Dense", "keras-3", Home(None, "unknown")),
        ("keras.layers.core.K.epsilon", "keras-3", Home("keras.backend.epsilon", "moved")),
        ("keras.layers.core.dense.Dense", "tf_keras-2", Home("keras.layers.Dense", "moved")),
    ],
)
def test_status(path: str, target: str, expected: Home) -> None:
    assert home(path, target) == expected


def test_only_targets_have_homes() -> None:
    with pytest.raises(KerasMigrateError) as caught:
        home("keras.layers.Dense", "keras-1.2.2")
    assert str(caught.value) == (
        "'keras-1.2.2' is no target inventory: choose one of "
        "keras-3, tf.keras-3, tf.keras-2, tf_keras-2"
    )


def test_the_table_is_fresh() -> None:
    assert (DATA / "homes.json").read_text("utf-8") == dump(make_homes.make())


def test_every_known_symbol_has_an_honest_home() -> None:
    history = set(make_homes.rules()["history"])
    known = {path for name in names() for path in load(name).paths()} | history
    for target in TARGETS:
        there = load(target)
        for path in known:
            found = home(path, target)
            assert found.status != "unknown", path
            assert (found.path is None) == (found.status == "gone"), path
            assert found.path is None or found.path in there, path
            assert (found.path == path) == (found.status == "same"), path
            if found.path is not None:
                assert home(found.path, target).status == "same", (path, found)


def test_the_table_holds_known_symbols_only() -> None:
    table = make_homes.make()["homes"]
    assert isinstance(table, dict)
    history = set(make_homes.rules()["history"])
    rows = [f"{module}.{leaf}" for module, leaves in table.items() for leaf in leaves]
    assert len(rows) > 3000
    for path in rows:
        assert path in history or any(path in load(name) for name in names()), path


def _leaves() -> dict[str, set[str]]:
    """Collect the last names of every family that some inventory knows."""
    found: dict[str, set[str]] = {}
    for name in names():
        for path in load(name).paths():
            for family in make_homes.families(path):
                found.setdefault(family, set()).add(path.rpartition(".")[2])
    return found


def test_every_row_of_the_renames_is_used() -> None:
    rules = make_homes.rules()
    leaves = _leaves()
    for table in ("always", "missing"):
        for family, rows in rules[table].items():
            for old, new in rows.items():
                assert old in leaves[family], (family, old)
                for value in new:
                    path = value if "." in value else f"keras.{family}.{value}"
                    assert any(path in load(target) for target in TARGETS), (family, old, value)
    for old, new in rules["paths"].items():
        assert any(old in load(name) for name in names()), old
        assert any(new in load(target) for target in TARGETS), new
    for old, new in rules["history"].items():
        assert not any(old in load(name) for name in names()), old
        assert any(new in load(target) for target in TARGETS), new
    for family in set(rules["gone"]) - {"paths"}:
        for old in rules["gone"][family]:
            assert old in leaves[family], old
    for row in rules["gone"]["paths"]:
        start = row["path"].removesuffix("*")
        assert any(each.startswith(start) for name in names() for each in load(name).paths())

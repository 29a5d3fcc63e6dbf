from __future__ import annotations

import time

import pytest

from kerasmigrate import inventory
from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory import Parameter, Signature, homes, load, names
from kerasmigrate.inventory.signature import parse

OLD = ("keras-1.2.2", "keras-2.0.9", "keras-2.2.4", "keras-2.3.1")
TARGETS = ("keras-3", "tf.keras-3", "tf.keras-2", "tf_keras-2")


def test_parse_keeps_kinds_order_and_default_text() -> None:
    assert parse("(a, /, b, c='x', *rest, d, e=(1, 1), **more)") == Signature(
        (
            Parameter("a", "positional_only", None),
            Parameter("b", "positional", None),
            Parameter("c", "positional", "'x'"),
            Parameter("rest", "var_positional", None),
            Parameter("d", "keyword", None),
            Parameter("e", "keyword", "(1, 1)"),
            Parameter("more", "var_keyword", None),
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "()",
        "(a)",
        "(a, /)",
        "(a, /, b=1, *, c)",
        "(*a, b=None, **c)",
        "(*, a)",
        "(**a)",
        "(a, *, b)",
    ],
)
def test_a_signature_prints_as_it_was_read(text: str) -> None:
    assert str(parse(text)) == text


def test_names_accepts_and_named() -> None:
    closed = parse("(a, /, b, *rest, c=1)")
    assert closed.names() == ("a", "b")
    assert [closed.accepts(each) for each in "abcx"] == [False, True, True, False]
    opened = parse("(b, **more)")
    assert (opened.accepts("x"), opened.named("x"), opened.named("b")) == (True, False, True)


@pytest.mark.parametrize(
    ("text", "positional", "keywords", "reason"),
    [
        ("(units, activation=None)", 1, (), None),
        ("(units, activation=None)", 0, ("units", "activation"), None),
        ("(units, activation=None)", 0, (), "argument 'units' is missing"),
        ("(units, activation=None)", 1, ("init",), "no argument 'init'"),
        ("(units, activation=None)", 1, ("units",), "argument 'units' is given twice"),
        ("(units, activation=None)", 2, ("name", "name"), "no argument 'name'"),
        ("(units, *, name=None)", 2, (), "2 positional arguments, but it takes at most 1"),
        ("(units, *, name)", 1, (), "argument 'name' is missing"),
        ("(*args)", 9, (), None),
        ("(a, **more)", 1, ("x", "y"), None),
        ("(a, **more)", 1, ("x", "x"), "argument 'x' is given twice"),
        ("(a, /, **more)", 1, ("a",), None),
    ],
)
def test_bind(text: str, positional: int, keywords: tuple[str, ...], reason: str | None) -> None:
    assert parse(text).bind(positional, keywords) == reason


def test_names_lists_the_shipped_files() -> None:
    assert set(names()) == {*OLD, *TARGETS, "tensorflow.python.keras"}
    shipped = {path.stem for path in inventory.DATA.glob("*.json")} - {"homes"}
    assert shipped == set(names())
    for name in names():
        assert (load(name).name, load(name) is load(name)) == (name, True)


def test_unknown_name_is_a_one_line_error() -> None:
    with pytest.raises(KerasMigrateError) as caught:
        load("keras-9")
    assert str(caught.value) == f"no inventory 'keras-9': choose one of {', '.join(names())}"


@pytest.mark.parametrize(
    ("name", "path", "kind"),
    [
        ("keras-1.2.2", "keras", "module"),
        ("keras-1.2.2", "keras.layers.core", "module"),
        ("keras-1.2.2", "keras.layers.core.K", "module"),
        ("keras-1.2.2", "keras.layers.core.np", "foreign"),
        ("keras-1.2.2", "keras.layers.core.Dense", "class"),
        ("keras-1.2.2", "keras.layers.merge", "function"),
        ("keras-2.0.9", "keras.layers.merge", "module"),
        ("keras-2.3.1", "keras.utils.np_utils.to_categorical", "function"),
        ("keras-3", "keras.layers.Dense", "class"),
        ("keras-3", "keras.ops.relu", "function"),
        ("keras-3", "keras.__version__", "constant"),
        ("keras-3", "keras.src", None),
        ("keras-3", "keras.backend.dot", None),
        ("tf.keras-3", "keras.backend.dot", "function"),
        ("tf.keras-3", "keras.losses.mean_squared_error", None),
        ("tf.keras-3", "keras.losses.mse", "function"),
        ("keras-3", "keras.losses.mse", None),
        ("tensorflow.python.keras", "keras.engine.base_layer.Layer", "class"),
    ],
)
def test_kind(name: str, path: str, kind: str | None) -> None:
    assert load(name).kind(path) == kind
    assert (path in load(name)) is (kind is not None)


@pytest.mark.parametrize(
    ("name", "positional", "keywords", "reason"),
    [
        ("keras-1.2.2", 1, ("init", "W_regularizer", "input_shape", "name"), None),
        ("keras-1.2.2", 1, ("kernel_initializer",), "no argument 'kernel_initializer'"),
        ("keras-2.0.9", 1, ("input_dim", "weights", "batch_size"), None),
        ("keras-2.3.1", 1, ("init",), "no argument 'init'"),
        ("keras-3", 1, ("name", "dtype", "trainable", "input_shape", "input_dim"), None),
        ("keras-3", 1, ("weights",), "no argument 'weights'"),
        ("keras-3", 1, ("batch_input_shape",), "no argument 'batch_input_shape'"),
        ("keras-3", 1, ("init",), "no argument 'init'"),
        ("tf.keras-3", 1, ("init",), "no argument 'init'"),
        ("tf_keras-2", 1, ("weights", "batch_input_shape", "autocast"), None),
        ("tf_keras-2", 1, ("init",), "no argument 'init'"),
        ("tf.keras-2", 1, ("init",), "no argument 'init'"),
    ],
)
def test_what_dense_accepts(
    name: str, positional: int, keywords: tuple[str, ...], reason: str | None
) -> None:
    signature = load(name).signature("keras.layers.Dense")
    assert signature is not None
    assert signature.bind(positional, keywords) == reason


@pytest.mark.parametrize("name", TARGETS)
def test_no_optimizer_of_a_target_accepts_lr_or_decay(name: str) -> None:
    found = load(name)
    checked = 0
    for path in found.paths():
        if path.startswith("keras.optimizers.legacy.") or path.count(".") != 2:
            continue
        if found.is_subclass(path, "keras.optimizers.Optimizer"):
            signature = found.signature(path)
            assert signature is not None
            assert not signature.accepts("lr"), path
            assert not signature.accepts("decay"), path
            checked += 1
    assert checked >= 9


@pytest.mark.parametrize("name", ["tf.keras-2", "tf_keras-2"])
def test_legacy_optimizers_do_accept_lr_and_decay(name: str) -> None:
    signature = load(name).signature("keras.optimizers.legacy.Adam")
    assert signature is not None
    assert signature.bind(0, ("lr", "decay", "clipnorm")) is None


def test_unknown_signature_is_none_and_no_parameters_is_not() -> None:
    found = load("keras-3")
    assert found.signature("keras.layers") is None
    assert found.signature("keras.nothing") is None
    assert found.signature("keras.backend.clear_session") is not None
    assert found.signature("keras.backend.epsilon") == Signature(())


def test_methods_are_looked_up_through_the_bases() -> None:
    old = load("keras-1.2.2")
    fit = old.method("keras.models.Sequential", "fit")
    assert fit is not None
    assert "nb_epoch" in fit.names()
    inherited = load("keras-3").method("keras.models.Sequential", "fit")
    assert inherited == load("keras-3").method("keras.Model", "fit")
    assert inherited is not None
    assert inherited.names()[:4] == ("x", "y", "batch_size", "epochs")
    assert load("keras-3").method("keras.layers.LSTM", "add_weight") is not None
    assert load("keras-3").method("keras.layers.LSTM", "no_such_method") is None
    assert load("keras-3").method("keras.layers", "fit") is None
    assert "add_weight" in load("keras-3").methods("keras.layers.LSTM")


def test_members_are_what_a_star_import_binds() -> None:
    old = load("keras-1.2.2").members("keras.layers.core")
    assert {"Dense", "K", "Merge", "np"} <= set(old)
    assert load("keras-1.2.2").members("keras.layers.nothing") == ()
    assert not any(each.startswith("_") for each in load("keras-3").members("keras.layers"))
    assert "Dense" in load("keras-3").members("keras.layers")
    assert "layers" in load("keras-3").members("keras")


@pytest.mark.parametrize("name", [*OLD, *TARGETS])
def test_classes_know_their_bases(name: str) -> None:
    found = load(name)
    assert found.is_subclass("keras.layers.LSTM", "keras.layers.Layer")
    assert found.is_subclass("keras.models.Sequential", "keras.models.Model")
    assert found.is_subclass("keras.layers.Layer", "keras.layers.Layer")
    assert not found.is_subclass("keras.layers.Layer", "keras.layers.LSTM")
    assert not found.is_subclass("keras.layers", "keras.layers.Layer")
    assert not found.is_subclass("keras.layers.LSTM", "keras.nothing")


def test_same_object() -> None:
    found = load("keras-3")
    assert found.same_object("keras.layers.Conv2D", "keras.layers.Convolution2D")
    assert found.same_object("keras.Layer", "keras.layers.Layer")
    assert not found.same_object("keras.layers.Conv1D", "keras.layers.Conv2D")
    assert not found.same_object("keras.nothing", "keras.nothing")


@pytest.mark.parametrize("name", names())
def test_every_inventory_is_consistent(name: str) -> None:
    found = load(name)
    assert "keras" in found
    for path in found.paths():
        assert path.split(".")[0] == "keras"
        parent = path.rpartition(".")[0]
        assert not parent or found.kind(parent) == "module", path
        if found.kind(path) in {"class", "function"}:
            found.signature(path)
        if found.kind(path) == "class":
            for method in found.methods(path):
                found.method(path, method)
        if found.kind(path) == "module" and found.object_id(path) == path:
            assert all(f"{path}.{each}" in found for each in found.members(path)), path


def test_loading_everything_is_quick() -> None:
    """A run loads nearly all of them; benchmarks/load.py prints what each costs."""
    costs = []
    for _ in range(5):
        load.cache_clear()
        homes._table.cache_clear()
        start = time.process_time()
        for name in names():
            load(name)
        homes._table()
        costs.append(time.process_time() - start)
    assert min(costs) < 0.03

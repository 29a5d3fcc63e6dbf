"""Every row of the table, against the inventories and against Keras' own conversion tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1, KERAS_2
from kerasmigrate.flavours import TARGETS, Target
from kerasmigrate.imports import locate
from kerasmigrate.inventory import Signature
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms import arguments_table
from kerasmigrate.transforms.arguments import ALL_STEPS
from kerasmigrate.transforms.arguments_table import row_of, rows
from kerasmigrate.transforms.training_calls import _RENAME, _SAMPLES

FIXTURES = Path(__file__).with_name("fixtures")
INTERFACES = json.loads((FIXTURES / "legacy_interfaces.json").read_text(encoding="utf-8"))
#: Old names that no signature lists: they went through ``**kwargs``, or are from before 1.2.2.
UNLISTED = {("keras.layers.Reshape", "dims")}
#: Conversions that Keras shares between classes, for arguments that these classes never had.
NEVER_THERE = {("SimpleRNN", "inner_activation"), ("ConvLSTM2D", "bias")}
#: What a step does instead of a row.
BY_STEP = {"consume_less": "consume_less"}


def signatures(path: str) -> list[Signature]:
    found = [inventory.load(name).signature(path) for name in (KERAS_1, *KERAS_2)]
    return [each for each in found if each is not None]


@pytest.mark.parametrize("path", rows())
def test_old_names_exist_in_a_source(path: str) -> None:
    row = rows()[path]
    known = signatures(path)
    assert known
    old = {*row.rename, *row.kernel, *row.split, *row.drop}
    missing = {name for name in old if not any(each.named(name) for each in known)}
    assert missing == {name for where, name in UNLISTED if where == path}


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.inventory)
@pytest.mark.parametrize("path", rows())
def test_new_names_exist_in_the_target(path: str, target: Target) -> None:
    row = rows()[path]
    place = locate(path, target).path
    signature = inventory.load(target.inventory).signature(place) if place is not None else None
    if signature is None:
        assert inventory.load(target.inventory).kind(path) is None
        return
    new = {*row.rename.values(), *(name for names in row.split.values() for name in names)}
    new |= {"kernel_size"} if row.kernel else set()
    for name in new:
        if (path, name) not in ONLY_IN_KERAS_3 or target.api == 3:
            assert signature.named(name), name


#: Names that Keras 3 introduced; in Keras 2 the old one stays.
ONLY_IN_KERAS_3 = {
    ("keras.activations.relu", "negative_slope"),
    ("keras.layers.LeakyReLU", "negative_slope"),
    ("keras.layers.InputLayer", "shape"),
    ("keras.layers.InputLayer", "batch_shape"),
    ("keras.utils.np_utils.to_categorical", "x"),
    ("keras.callbacks.LambdaCallback", "on_train_batch_begin"),
    ("keras.callbacks.LambdaCallback", "on_train_batch_end"),
}


@pytest.mark.parametrize("path", rows())
def test_every_new_name_is_used_by_some_target(path: str) -> None:
    row = rows()[path]
    for new in row.rename.values():
        known = []
        for target in TARGETS:
            place = locate(path, target).path
            if place is not None:
                known.append(inventory.load(target.inventory).signature(place))
        if any(each is not None for each in known):
            assert any(each is not None and each.named(new) for each in known), new


def test_steps_of_all_rows_exist() -> None:
    used = {step for row in rows().values() for step in row.steps}
    assert used == set(ALL_STEPS)


def layer_path(name: str) -> str:
    return {
        "_GlobalPooling2D": "keras.layers.GlobalMaxPooling2D",
        "_GlobalPooling3D": "keras.layers.GlobalAveragePooling3D",
        "Container": "keras.models.Model",
        "Network": "keras.models.Model",
    }.get(name, f"keras.layers.{name}")


@pytest.mark.parametrize(("name", "method", "table"), INTERFACES["uses"])
def test_conversions_of_keras_itself_are_covered(name: str, method: str, table: str) -> None:
    conversions = INTERFACES["tables"][table]
    if method == "__init__":
        row = row_of(layer_path(name))
        assert row is not None
        for old, new in conversions.items():
            if not any(each.named(old) for each in signatures(row.path)):
                assert (name, old) in NEVER_THERE
            elif old in BY_STEP:
                assert BY_STEP[old] in row.steps
            else:
                assert row.rename[old] == new
    elif method.endswith("_generator"):
        renames = _RENAME | {old: new for old, (new, _) in _SAMPLES.items()}
        assert {old: renames[old] for old in conversions} == conversions
    else:
        assert conversions == {}  # only the order of arguments of methods that users write


def test_the_tables_of_keras_are_all_there() -> None:
    assert len(INTERFACES["tables"]) == 33
    assert sum(map(len, INTERFACES["tables"].values())) == 114


def test_values_are_those_of_keras() -> None:
    assert arguments_table.values() == {
        "dim_ordering": {"tf": "channels_last", "th": "channels_first", "default": None}
    }


def orphans() -> list[tuple[str, str]]:
    lines = (FIXTURES / "keras_1_orphans.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]


@pytest.mark.parametrize(("path", "name"), orphans())
@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.inventory)
def test_no_parameter_of_keras_1_is_passed_over_in_silence(
    path: str, name: str, target: Target
) -> None:
    """A keyword of Keras 1 is renamed, kept where it exists, or reported, but never lost."""
    module, _, leaf = path.rpartition(".")
    signature = inventory.load(KERAS_1).signature(path)
    assert signature is not None
    given = {each.name: "1" for each in signature.parameters if each.required}
    given[name] = "something"
    call = f"{leaf}({', '.join(f'{key}={value}' for key, value in given.items())})"
    text = f"from {module} import {leaf}\n\n{call}\n"
    result = Pipeline(target).run(text)
    assert result.failures == ()
    place = locate(path, target).path
    if "legacy.Nadam(" in result.text:  # tf_keras keeps the old optimizers there
        place = "keras.optimizers.legacy.Nadam"
    new = inventory.load(target.inventory).signature(place) if place is not None else None
    open_findings = [each for each in result.findings if not each.fixed]
    if new is not None and f"{name}=something" in result.text and not open_findings:
        assert new.named(name) or new.accepts(name)
    else:
        assert f"{name}=something" not in result.text or open_findings

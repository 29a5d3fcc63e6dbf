"""Keras' own legacy interface: what Keras 2.0.9 makes of Keras 1 calls, and what we make of them.

Keras 2.0 to 2.3 took calls of Keras 1 through the tables of ``legacy/interfaces.py``. Each call of
``legacy_calls.py`` is evaluated by the real Keras 2.0.9 as it stands, and migrated by tf_keras and
by Keras 3. The configurations of what they build have to be equal.

Each call is migrated as a file of its own, with the imports that user code of the time has, so
that nothing but the call itself and its imports tells what it was written for. The settings are the
default ones: what is checked is what users get, old defaults written out and all.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from legacy_calls import ALL, CALLS, REPORTED, code_of, file_of
from originals import run_original

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1
from kerasmigrate.pipeline import Pipeline, Result

FIXTURES = Path(__file__).with_name("fixtures")
INTERFACES = json.loads((FIXTURES / "legacy_interfaces.json").read_text(encoding="utf-8"))
VERSION = "2.0.9"
TARGETS = ("tf_keras", "keras")

#: What is not converted: the code of the finding that says so, where the target has no equal. Keras
#: 2.0.9 took the dropout of an Embedding, and left it out with a warning.
NOT_CONVERTED = {
    ("tf_keras", "Embedding(9, 4, dropout=0.5)"): "KM203",
    ("keras", "Embedding(9, 4, dropout=0.5)"): "KM203",
    ("keras", "Dense(4, batch_input_shape=(2, 3))"): "KM203",
    ("keras", "LSTM(8, stateful=True, unroll=True, batch_input_shape=(2, 5, 3))"): "KM203",
}

#: Evaluates files, and tells what their ``thing`` is; runs beside each Keras, the old one included.
READER = """
def described(thing):
    if hasattr(thing, "layers"):
        return {
            "class": type(thing).__name__,
            "layers": [described(layer) for layer in thing.layers],
            "inputs": [shape(each) for each in thing.inputs],
            "outputs": [shape(each) for each in thing.outputs],
        }
    if hasattr(thing, "get_config"):
        config = thing.get_config()
        if getattr(thing, "data_format", None) is not None:
            config["data_format"] = thing.data_format
        given = getattr(thing, "_input_shape_arg", None)
        given = None if given is None else [None, *given]
        for name in ("_batch_input_shape", "batch_input_shape"):
            given = given or getattr(thing, name, None)
        return {"class": type(thing).__name__, "config": config, "given": given}
    return thing

def shape(tensor):
    return [getattr(size, "value", size) for size in tensor.shape]

def plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    return getattr(value, "__name__", None) or repr(value)

def read(texts):
    import json, traceback, warnings
    found = []
    for text in texts:
        space = {"__name__": "user"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(text, "<user>", "exec"), space)
            found.append(json.loads(json.dumps(described(space["thing"]), default=plain)))
        except Exception:
            found.append({"error": traceback.format_exc()[-2000:]})
    return found
"""


@cache
def _old() -> list[Any]:
    code = READER + "\nresults['found'] = read(texts)\n"
    found: list[Any] = run_original(VERSION, code, texts=[file_of(each) for each in ALL])["found"]
    return [_normal(each) for each in found]


@cache
def _results(to: str) -> list[Result]:
    pipeline = Pipeline.to(to)
    return [pipeline.run(file_of(each)) for each in ALL]


@cache
def _migrated(to: str) -> list[Any]:
    code = READER + "\nimport json, sys\nprint('FOUND', json.dumps(read(json.load(sys.stdin))))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([each.text for each in _results(to)]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [_normal(each) for each in json.loads(done.stdout.rpartition("FOUND ")[2])]


# -- what counts as equal ------------------------------------------------------------------------

#: Initializers that Keras 2.0 made by functions, as the class that those returned.
SCALED = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "normal"),
}
#: Classes that are written in another way today.
CLASSES = {"Functional": "Model", "L1": "L1L2", "L2": "L1L2"}
#: What configurations say beside what the call says: the types of weights, the code of functions,
#: shapes (compared as ``given``), and which of several ways to compute the same is taken.
ASIDE = {
    "dtype",
    "function",
    "function_type",
    "module",
    "output_shape_type",
    "batch_input_shape",
    "implementation",
}
#: The same of one class. In tf_keras, SeparableConv2D has an initializer for a kernel that it has
#: not; Keras 3 writes down both layers of Bidirectional, of which the second follows the first, and
#: needs no length of the input of Embedding.
ASIDE_OF = {
    "SeparableConv2D": {"kernel_initializer"},
    "Bidirectional": {"backward_layer"},
    "Embedding": {"input_length"},
}
#: What newer layers can do besides, and the value with which they do what the old one did.
NEUTRAL: dict[str, Any] = {
    "trainable": True,
    "dilation_rate": [1, 1],
    "gain": 1.0,
    "groups": 1,
    "keepdims": False,
    "time_major": False,
    "reset_after": False,
    "zero_output_for_mask": False,
    "synchronized": False,
    "renorm": False,
    "renorm_momentum": 0.99,
    "interpolation": "nearest",
    "l1": 0.0,
    "l2": 0.0,
}
#: Keras 3 has another function of this name, so the migrated file brings its own.
FUNCTIONS = {"keras2>old_hard_sigmoid": "hard_sigmoid"}


@cache
def _given_names() -> set[str]:
    """Return the names that calls give; all others are counted, by each Keras in its own way."""
    return {
        str(keyword.value.value)
        for code in map(code_of, ALL)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }


def _normal(value: Any) -> Any:
    """Return a configuration without what is not compared.

    Keys that are None, or neutral, are left out.
    """
    if isinstance(value, list):
        return [_normal(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, str):
        return FUNCTIONS.get(value, value)
    if not isinstance(value, dict):
        return value
    if "class_name" in value:
        return _object(value["class_name"], value["config"])
    if "config" in value:
        made = _object(value["class"], value["config"])
        return made if value["class"] == "InputLayer" else {**made, "given": value["given"]}
    found = {key: _normal(each) for key, each in value.items()}
    if "class" in found:
        found["class"] = CLASSES.get(found["class"], found["class"])
    return found


def _object(name: str, config: Any) -> Any:
    if name == "function":
        return _normal(config)
    name = CLASSES.get(name, name)
    if name in SCALED:
        scale, mode, distribution = SCALED[name]
        name = "VarianceScaling"
        config = {"scale": scale, "mode": mode, "distribution": distribution, **config}
    if name == "InputLayer":
        shape = config.get("batch_shape") or config["batch_input_shape"]
        return {"class": name, "shape": shape, "type": config["dtype"], "name": config["name"]}
    found = {}
    for key, each in config.items():
        each = _normal(each)
        if (
            each is None
            or key in ASIDE
            or key in ASIDE_OF.get(name, ())
            or (key in NEUTRAL and NEUTRAL[key] == each)
            or (key == "name" and each not in _given_names())
            or (key == "data_format" and name.endswith("1D"))
        ):
            continue
        found[key] = each
    return {"class": name, "config": found}


def _failed(made: Any) -> bool:
    return isinstance(made, dict) and "error" in made


def _accepted(to: str, which: str, old: Any) -> Any:
    """Return what the target is to have instead of what Keras 2.0.9 has, if that differs.

    Embeddings of old that were told no length gave themselves an input of variable length, so that
    a Sequential model that began with one had weights at once. Those of Keras 3 leave it to the
    first batch.
    """
    if to == "keras" and which.startswith("Embedding(") and "input_length" not in which:
        return {**old, "given": None}
    return old


# -- the tests -----------------------------------------------------------------------------------

_CASES = [(to, which) for to in TARGETS for which in ALL]


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize(("to", "which"), _CASES)
def test_the_same_configuration(to: str, which: str) -> None:
    pytest.importorskip(to)
    place = ALL.index(which)
    old, new = _old()[place], _migrated(to)[place]
    assert not _failed(old), old
    code = NOT_CONVERTED.get((to, which))
    if to == "keras" and which.startswith("LocallyConnected"):
        # A class in the file; its numbers are in tests/test_local_layers.py.
        assert new["class"] == f"Keras2{old['class']}"
        assert "KM266" in {each.code for each in _results(to)[place].findings}
    elif code is None:
        assert new == _accepted(to, which, old), _results(to)[place].text
    else:
        findings = _results(to)[place].findings
        assert _failed(new)
        found = [each for each in findings if each.code == code and not each.fixed]
        assert found and all(each.advice for each in found)


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_no_gate_of_keras_3_has_its_own_hard_sigmoid() -> None:
    texts = [each.text for each in _results("keras")]
    assert any("recurrent_activation=old_hard_sigmoid" in text for text in texts)
    assert not any("'hard_sigmoid'" in text or '"hard_sigmoid"' in text for text in texts)


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("which", CALLS)
def test_alone_the_call_is_converted_the_same_or_reported(to: str, which: str) -> None:
    """Without a neighbour that tells the era, too, nothing becomes something else."""
    known, alone = _results(to)[ALL.index(which)], Pipeline.to(to).run(file_of(which, ""))
    assert known.failures == alone.failures == ()
    if _thing(known) != _thing(alone):
        open_ = {each.code for each in alone.findings if not each.fixed}
        assert open_ & {"KM103", "KM204", "KM601"}


def _thing(result: Result) -> str:
    return result.text[result.text.index("thing = ") :].replace('"', "'")


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("which", REPORTED)
def test_what_has_no_equal_is_reported(to: str, which: str) -> None:
    text = file_of(which)
    found = Pipeline.to(to).run(text).findings
    line = 1 + next(n for n, each in enumerate(text.splitlines()) if f".{which}(" in each)
    assert any(each.line == line and not each.fixed and each.advice for each in found)


# -- is everything there? ------------------------------------------------------------------------

#: What classes of Keras 2 were called in Keras 1, and what stands for bases that nobody calls.
OLD_NAMES = {
    "Conv1D": ("Convolution1D",),
    "Conv2D": ("Convolution2D",),
    "Conv2DTranspose": ("Deconvolution2D",),
    "Conv3D": ("Convolution3D",),
    "SeparableConv2D": ("SeparableConvolution2D",),
    "_GlobalPooling2D": ("GlobalAveragePooling2D", "GlobalMaxPooling2D"),
    "_GlobalPooling3D": ("GlobalAveragePooling3D", "GlobalMaxPooling3D"),
    "Container": ("Model",),
    "Network": ("Model",),
}

#: What Keras 2 took of its tables for classes that had no such argument in Keras 1.
NEVER_THERE = {("SimpleRNN", "inner_activation"), ("ConvLSTM2D", "bias")}


@cache
def _called() -> dict[str, set[str]]:
    """Return the names that are called, with all keywords that they are given."""
    found: dict[str, set[str]] = {}
    for which in (*ALL, *REPORTED):
        for node in ast.walk(ast.parse(code_of(which))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                name = node.func.id if isinstance(node.func, ast.Name) else name
                found.setdefault(name, set()).update(each.arg or "" for each in node.keywords)
    return found


@pytest.mark.parametrize(("owner", "method", "table"), INTERFACES["uses"])
def test_every_row_and_parameter_is_called(owner: str, method: str, table: str) -> None:
    names = OLD_NAMES.get(owner, (owner,)) if method == "__init__" else (method,)
    used = [_called()[name] for name in names if name in _called()]
    assert used
    for old in INTERFACES["tables"][table]:
        if method != "__init__" and not _takes(method, old):
            continue
        if (owner, old) not in NEVER_THERE:
            assert any(old in each for each in used), old


def _takes(method: str, old: str) -> bool:
    """Tell whether a method of Keras 1 took an argument; three of them share one table."""
    model = inventory.load(KERAS_1).method("keras.engine.training.Model", method)
    return model is None or model.named(old)


def test_every_table_is_used() -> None:
    assert {table for _, _, table in INTERFACES["uses"]} == set(INTERFACES["tables"])
    assert len(INTERFACES["tables"]) == 33

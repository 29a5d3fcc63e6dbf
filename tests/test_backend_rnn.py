"""K.rnn, which Keras 3 has no equal of: a function of the file runs the step, as its Keras did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project

DEFINED = '''

def rnn(
    step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None,
    unroll=False, input_length=None
):
    """Run a step over time, as K.rnn {era} did: last output, all outputs, last states."""
    import tensorflow as tf

    if len(getattr(input_length, "shape", ())) > 0:
        raise ValueError("a length for each sample is not supported: give a mask instead")

    def time_first(x):
        x = tf.transpose(x, [1, 0, *range(2, len(x.shape))])
        return tf.reverse(x, [0]) if go_backwards else x

    def choose(keep, new, old):
        for _ in range(len(new.shape) - len(keep.shape)):
            keep = tf.expand_dims(keep, -1)
        return tf.where(keep, new, old)

    def step(before, given):
        output, states = step_function(given[0], (*before[1:], *(constants or ())))
        after = [tf.convert_to_tensor(each) for each in (output, *states)]
        for old, new in zip(before, after):
            new.set_shape(old.shape)
        if mask is None:
            return after
        return [choose(given[1], *each) for each in zip(after, {masked})]

    given = [time_first(inputs)]
    if mask is not None:
        given.append(time_first(tf.cast(mask, "bool")))
    output, _ = step_function(given[0][0], (*initial_states, *(constants or ())))
    outputs, *states = tf.scan(step, given, [tf.zeros_like(output), *initial_states])
    every = tf.transpose(outputs, [1, 0, *range(2, len(outputs.shape))])
    return outputs[-1], every, tuple(each[-1] for each in states)


'''
LATE = DEFINED.format(era="since Keras 2.3", masked="before")
OLD = DEFINED.format(
    era="before Keras 2.3", masked="[before[0] if unroll else before[1], *before[1:]]"
)
CODE = "from {root} import backend as K\n\nK.epsilon()\n\n\ndef f(x, h, m):\n    return {call}\n"
MASKED = "K.rnn(step, x, [h], mask=m, unroll=True)"


def code(call: str, root: str = "keras") -> str:
    """Return a file that makes a call."""
    return CODE.format(root=root, call=call)


def defined(definition: str, call: str) -> str:
    """Return the same file for Keras 3."""
    before, after = code(call.replace("K.rnn", "rnn")).split("\n\n", 1)
    return before + "\n" + definition + after


def pinned(folder: Path, version: str) -> ModuleView:
    """Return the view of a file beside requirements that pin a Keras."""
    (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
    return Project(folder, ()).view(folder / "layers.py")


# -- what changes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "K.rnn(step, x, [h])",
        "K.rnn(step, x, [h], go_backwards=h, mask=None, constants=[m])",
        "K.rnn(step, x, [h], True, None, [m], True, x.shape[1])",
        "K.rnn(step_function=step, inputs=x, initial_states=[h], unroll=m, input_length=5)",
    ],
)
@pytest.mark.parametrize("root", ["keras", "tf_keras"])
def test_a_call_without_a_mask(call: str, root: str) -> None:
    codes = ["KM501"] if root == "keras" else ["KM101", "KM501"]
    check(code(call, root), defined(LATE, call), to="keras", codes=codes)


@pytest.mark.parametrize("version", ["2.0.9", "2.2.4"])
@pytest.mark.parametrize("call", ["K.rnn(step, x, [h])", MASKED])
def test_a_file_for_an_early_keras(version: str, call: str, tmp_path: Path) -> None:
    check(
        code(call),
        defined(OLD, call),
        to="keras",
        codes=["KM501"],
        view=pinned(tmp_path, version),
    )


@pytest.mark.parametrize("version", ["2.3.1", "2.10.0"])
def test_a_mask_in_a_file_for_a_later_keras(version: str, tmp_path: Path) -> None:
    view = pinned(tmp_path, version)
    check(code(MASKED), defined(LATE, MASKED), to="keras", codes=["KM501"], view=view)


def test_a_mask_in_tf_keras() -> None:
    check(code(MASKED, "tf_keras"), defined(LATE, MASKED), to="keras", codes=["KM101", "KM501"])


def test_the_words_of_keras_1_tell_the_version() -> None:
    dense = "\nfrom keras.layers import Dense\n\nDense(output_dim=3)\n"
    text = Pipeline.to("keras").run(code(MASKED) + dense).text
    assert OLD in text


def test_a_file_that_has_the_function_keeps_one() -> None:
    before = defined(LATE, "K.rnn(step, x, [h])") + "\n\nlast = K.rnn(step, [y], [h])\n"
    text = Pipeline.to("keras").run(before).text
    assert text == before.replace("last = K.rnn", "last = rnn")


# -- what stays --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (MASKED, "it has a mask"),
        ("K.rnn(step, x, [h], False, m)", "it has a mask"),
        ("K.rnn(step, x, [h], time_major=True)", "only the arguments that Keras 2.3 had"),
        ("K.rnn(step, x, [h], zero_output_for_mask=m)", "only the arguments that Keras 2.3 had"),
        ("K.rnn(step, x, [h], return_all_outputs=False)", "only the arguments that Keras 2.3 had"),
        ("K.rnn(step, x, [h], **h)", "starred arguments"),
        ("K.rnn(step, x)", "the required argument initial_states= is missing"),
        ("K.rnn", "its arguments or defaults differ"),
    ],
)
def test_what_is_only_reported(call: str, reason: str) -> None:
    (finding,) = untouched(code(call), to="keras", codes=["KM502"])
    assert reason in finding.message
    assert finding.advice


def test_a_mask_of_tensorflow_1_is_only_reported() -> None:
    text = code(MASKED, "tensorflow.keras") + "\nimport tensorflow as tf\n\ntf.Session()\n"
    found = Pipeline.to("keras").run(text).findings
    assert "KM502" in [each.code for each in found]
    assert "KM501" not in [each.code for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "from mine import backend as K\n\nK.rnn(step, x, [h], mask=m)\n",
        "def f(K):\n    return K.rnn(step, x, [h])\n",
        "from keras import layers\n\nlayers.RNN(cell)\nself.rnn(step, x, [h])\n",
        "import tensorflow as tf\n\ntf.nn.dynamic_rnn(cell, x)\n",
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_what_is_not_of_the_backend(text: str, to: str) -> None:
    result = Pipeline.to(to).run(text)
    assert not {"KM501", "KM502", "KM503", "KM514"} & {each.code for each in result.findings}
    assert "rnn(step, x, [h]" in result.text or "dynamic_rnn" in result.text


@pytest.mark.parametrize(
    ("to", "root"), [("tf.keras", "tensorflow.keras"), ("tf_keras", "tf_keras")]
)
@pytest.mark.parametrize("call", ["K.rnn(step, x, [h])", MASKED, "K.rnn(step, x, [h], **h)"])
def test_targets_that_have_it(to: str, root: str, call: str) -> None:
    untouched(code(call, root), to=to, codes=[])


# -- KM514 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("K.rnn(step, x, [h], mask=m)", True),
        ("K.rnn(step, x, [h], False, m, unroll=h)", True),
        (MASKED, False),
        ("K.rnn(step, x, [h])", False),
        ("K.rnn(step, x, [h], mask=None)", False),
    ],
)
def test_masked_steps_where_it_stays(to: str, call: str, said: bool) -> None:
    result = Pipeline.to(to).run(code(call))
    found = [each for each in result.findings if not each.fixed]
    assert [(each.code, each.line) for each in found] == [("KM514", 7)] * said
    assert f"    return {call}\n" in result.text
    again = Pipeline.to(to).run(result.text)
    assert (again.text, again.findings) == (result.text, ())


@pytest.mark.parametrize("to", ["tf.keras", "tf_keras"])
def test_later_versions_mask_as_today(to: str, tmp_path: Path) -> None:
    view = pinned(tmp_path, "2.3.1")
    found = Pipeline.to(to).run(code("K.rnn(step, x, [h], mask=m)"), view).findings
    assert "KM514" not in [each.code for each in found]


# -- numbers -----------------------------------------------------------------------------------

#: Arguments of each call, and what it is made of: a step that returns its output as a state, and
#: one that does not.
CASES: list[dict[str, Any]] = [
    {"mask": mask, "go_backwards": back, "unroll": unroll, "step": step}
    for mask in (None, 2, 3)
    for back in (False, True)
    for unroll in (False, True)
    for step in ("plain", "other")
]
STEPS = """
from {root} import backend as K

def plain(x, states):
    h = K.tanh(K.dot(x, states[1]) + states[0] * 0.5)
    return h, [h]

def other(x, states):
    h = K.dot(x, states[2]) + states[0] * 0.5
    return 10 * h + states[1], [h, states[1] + 1]

def run(which, x, states, constants, mask, go_backwards, unroll):
    if which == "plain":
        return K.rnn(plain, x, states[:1], go_backwards=go_backwards, mask=mask,
                     constants=constants, unroll=unroll, input_length=4)
    return K.rnn(other, x, states, go_backwards=go_backwards, mask=mask,
                 constants=constants, unroll=unroll)
"""
FIRST = (
    STEPS
    + """
for number, case in enumerate(cases):
    mask = None if case["mask"] is None else K.variable(masks[case["mask"]])
    given = K.variable(x), [K.variable(h), K.variable(0 * h)], [K.variable(w)]
    last, outputs, states = run(case["step"], *given, mask, case["go_backwards"], case["unroll"])
    results[str(number)] = [K.eval(each).tolist() for each in (last, outputs, *states)]
"""
)
TODAY = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, tensorflow as tf

code, cases, x, h, w, masks = json.load(sys.stdin)
names = {}
exec(code, names)
tensors = [tf.constant(each, "float32") for each in (x, h, w)]
answers = []
for case in cases:
    mask = None if case["mask"] is None else tf.constant(masks[str(case["mask"])])

    def called(x, h, w):
        return names["run"](case["step"], x, [h, 0 * h], [w], mask, case["go_backwards"],
                            case["unroll"])

    free = [tf.TensorSpec((None, None, 3)), tf.TensorSpec((None, 2)), tf.TensorSpec((3, 2))]
    graph = tf.function(called, input_signature=free) if not case["unroll"] else called
    for call in (called, graph):
        last, outputs, states = call(*tensors)
        answers.append([np.asarray(each).tolist() for each in (last, outputs, *states)])
print(json.dumps(answers))
"""
X = (np.arange(24.0).reshape(2, 4, 3) / 10).tolist()
H = [[5.0, 6.0], [7.0, 8.0]]
W = (np.arange(6.0).reshape(3, 2) / 10).tolist()
KEPT = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
MASKS = {2: KEPT.tolist(), 3: KEPT[:, :, None].tolist()}


def today(text: str) -> list[Any]:
    """Return what the calls of a migrated file give, two answers for each case."""
    given = json.dumps([text, CASES, X, H, W, MASKS])
    done = subprocess.run(
        (sys.executable, "-c", TODAY), input=given, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert len(answers) == 2 * len(CASES)
    return list(answers)


def same(old: list[Any], new: list[Any]) -> bool:
    """Tell whether last output, outputs and states have the same shapes and numbers."""
    return len(old) == len(new) and all(
        np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-5, atol=1e-5)
        for one, other in zip(old, new, strict=True)
    )


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["1.2.2", "2.0.9", "2.2.4", "2.3.1"])
def test_the_numbers_are_those_of_the_keras_of_the_code(version: str, tmp_path: Path) -> None:
    arrays = {"x": np.array(X), "h": np.array(H), "w": np.array(W)}
    masks = {rank: np.array(mask) for rank, mask in MASKS.items()}
    old = run_original(version, FIRST.format(root="keras"), cases=CASES, masks=masks, **arrays)
    result = Pipeline.to("keras").run(STEPS.format(root="keras"), pinned(tmp_path, version))
    assert "K.rnn(" not in result.text
    new = today(result.text)
    for number, case in enumerate(CASES):
        for answer in new[2 * number : 2 * number + 2]:
            assert same(old[str(number)], answer), case
    # Where KM514 says so, and only there, tf_keras gives others; not for a step that returns its
    # output as the state, unless the first step is masked, as it is where time goes forwards.
    late = today(Pipeline.to("tf_keras").run(STEPS.format(root="keras")).text)
    for number, case in enumerate(CASES):
        differs = case["step"] == "other" or not case["go_backwards"]
        changed = version != "2.3.1" and case["mask"] and not case["unroll"] and differs
        assert same(old[str(number)], late[2 * number]) is not bool(changed), case


LAYER = """
import {root}
from {root} import backend as K

class Steps({root}.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        shape = input_shape[-1] + self.units, self.units
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.built = True

    def step(self, x, states):
        h = K.tanh(K.dot(K.concatenate([x, states[0]]), self.kernel))
        return 2 * h, [h, states[1] + 1.0]

    def call(self, x, mask=None):
        zero = K.zeros_like(x[:, 0, :1])
        start = [K.tile(zero, (1, self.units)), zero]
        return K.rnn(self.step, x, start, mask=mask)[1]
"""
TRAINED = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, keras, tf_keras

texts, lengths = json.load(sys.stdin)
rng = np.random.default_rng(0)
x = rng.normal(size=(6, 5, 3)).astype("float32")
x[:2, 3:] = 0
x[3, 0] = 0
kernel = rng.normal(size=(7, 4)).astype("float32")
dense = rng.normal(size=(4, 1)).astype("float32"), np.zeros(1, "float32")
answers = []
for package, text in ((tf_keras, texts[0]), (keras, texts[1])):
    names = {}
    exec(text, names)
    for length in lengths:
        layers = package.layers
        inputs = layers.Input((length, 3))
        outputs = names["Steps"](4)(layers.Masking()(inputs))
        shape = list(outputs.shape)
        model = package.Model(inputs, layers.Dense(1)(outputs))
        model.set_weights([kernel, *dense])
        optimizer = package.optimizers.SGD(0.1)
        model.compile(optimizer, "mse")
        first = model.predict(x, verbose=0)
        model.fit(x, np.ones((6, 5, 1)), batch_size=3, epochs=2, shuffle=False, verbose=0)
        after = [first, model.predict(x, verbose=0), *model.get_weights()]
        answers.append([shape, [np.asarray(each).tolist() for each in after]])
print(json.dumps(answers))
"""


@pytest.mark.tensorflow
def test_a_layer_trains_as_in_keras_2() -> None:
    """Also with a free number of steps."""
    lengths = [None, 5]
    before = LAYER.format(root="tf_keras")
    after = Pipeline.to("keras").run(before).text
    assert "K.rnn(" not in after
    done = subprocess.run(
        (sys.executable, "-c", TRAINED),
        input=json.dumps([[before, after], lengths]),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    old = answers[:2]
    for number, (shape, numbers) in enumerate(answers):
        wanted = old[number % 2]
        assert shape == wanted[0] == [None, lengths[number % 2], 4]
        for one, other in zip(wanted[1], numbers, strict=True):
            assert np.allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
def test_lengths_of_samples_are_refused_where_it_runs() -> None:
    text = Pipeline.to("keras").run(code("K.rnn(step, x, [h], input_length=m)", "tf_keras")).text
    names: dict[str, Any] = {"step": None}
    exec(text, names)
    with pytest.raises(ValueError, match="give a mask instead"):
        names["f"](np.ones((2, 3, 4)), np.ones((2, 4)), np.array([1, 2]))

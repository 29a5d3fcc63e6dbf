"""KM349: classes that derive from Recurrent, and what they compute."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pytest
from migrating import check
from originals import run_original
from targets import ROOT, TARGETS, each_target

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.transforms._old_recurrent import recurrent

OWN = """
class Own({base}):
    def __init__(self, units, **options):
        super(Own, self).__init__(**options)
        self.units = units

    def step(self, x, states):
        return x + states[0], [x + states[0]]
"""
#: What only Keras 2 has.
HEAD = "from keras import initializers\nfrom keras.layers import Dense, Recurrent\n\n"
HEAD += "start = initializers.get('zeros')\n\n"
STAYS = ("KM103", "KM315")


def found(code: str, to: str, view: ModuleView | None = None) -> list[Finding]:
    result = Pipeline.to(to).run(code, view)
    assert result.failures == ()
    again = Pipeline.to(to).run(result.text, view)
    assert again.text == result.text
    return [each for each in result.findings if each.code in ("KM349", *STAYS)]


def pinned(folder: Path, version: str) -> ModuleView:
    """Return the view of a file beside requirements that pin a Keras."""
    (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
    return Project(folder, ()).view(folder / "layers.py")


# -- what changes ------------------------------------------------------------------------------


@each_target
@pytest.mark.parametrize(
    ("statement", "base"),
    [
        ("from keras.layers import Recurrent", "Recurrent"),
        ("from keras.layers.recurrent import Recurrent as Base", "Base"),
        ("from keras.legacy.layers import Recurrent", "Recurrent"),
        ("import keras.layers", "keras.layers.Recurrent"),
    ],
)
@pytest.mark.parametrize("version", ["2.0.9", "2.2.4", "2.3.1"])
def test_a_base(statement: str, base: str, version: str, to: str, tmp_path: Path) -> None:
    view = pinned(tmp_path, version)
    code = f"{statement}\n{OWN.format(base=base)}"
    (one,) = found(code, to, view)
    assert (one.code, one.fixed, one.advice) == ("KM349", True, "")
    assert one.message == (
        "Recurrent, the base of Own, is gone: the file defines Keras2Recurrent now"
    )
    text = Pipeline.to(to).run(code, view).text
    assert text.endswith(OWN.format(base="Keras2Recurrent"))
    assert text.count("class Keras2Recurrent(") == text.count("def rnn(") == 1
    early = "before[0] if unroll else before[1]" in text
    assert early is (version != "2.3.1")
    again = Pipeline.to(to).run(text, view)
    assert (again.text, again.findings) == (text, ())


@each_target
def test_the_whole_file(to: str, tmp_path: Path) -> None:
    root, api = ROOT[to][1], 2 if to == "tf_keras" else 3
    definition = recurrent(api, early=True)
    names = {"Layer": "Layer", "InputSpec": "InputSpec", "ops": "K" if api == 2 else "ops"}
    function = Template(definition.needs["rnn"].source.strip()).substitute(name="rnn")
    base = Template(definition.source.strip()).substitute(
        name="Keras2Recurrent", rnn="rnn", **names
    )
    imports = "from {} import backend as K\nfrom {}.layers import InputSpec, Layer{}\n"
    uses = "spec = InputSpec, Layer, K.epsilon\n"
    ops = f"from {root} import ops\n" if api > 2 else ""
    check(
        imports.format("keras", "keras", ", Recurrent") + uses + OWN.format(base="Recurrent"),
        imports.format(root, root, "")
        + f"{ops}\n\n{base}\n\n\n{function}\n\n\n{uses}"
        + OWN.format(base="Keras2Recurrent"),
        to=to,
        view=pinned(tmp_path, "2.2.4"),
    )


@each_target
def test_a_base_where_the_version_is_unclear(to: str) -> None:
    (one,) = found(HEAD + OWN.format(base="Recurrent"), to)
    assert (one.code, one.fixed, one.confidence.value) == ("KM349", True, "likely")
    assert one.advice == "masked steps give what they gave before Keras 2.3: the first state"
    assert (
        "before[0] if unroll else before[1]"
        in Pipeline.to(to).run(HEAD + OWN.format(base="Recurrent")).text
    )


@each_target
def test_several_classes_and_super(to: str) -> None:
    more = (
        "\n\nclass Other(Recurrent):\n    units = 3\n\n    def __call__(self, x, **options):\n"
        "        return super(Recurrent, self).__call__(x, **options)\n"
        "\n\nclass Heir(Own):\n    pass\n"
    )
    text = Pipeline.to(to).run(HEAD + OWN.format(base="Recurrent") + more).text
    assert OWN.format(base="Keras2Recurrent") + more.replace("Recurrent", "Keras2Recurrent") in text
    assert text.count("class Keras2Recurrent(") == text.count("def rnn(") == 1
    assert [each.code for each in found(HEAD + OWN.format(base="Recurrent") + more, to)] == [
        "KM349",
        "KM349",
    ]


def test_the_function_is_shared_with_the_backend() -> None:
    """A file that calls K.rnn as well gets one function for both."""
    code = HEAD + "from keras import backend as K\n" + OWN.format(base="Recurrent")
    text = (
        Pipeline.to("keras")
        .run(code + "\n\nlast = K.rnn(f, x, [h])\n\nimport tensorflow as tf\n\ntf.Session()\n")
        .text
    )
    assert "last = rnn(f, x, [h])" in text or "last = keras_rnn(f, x, [h])" in text


# -- what stays --------------------------------------------------------------------------------

TOLD = (
    "\n\nclass Own(Recurrent):\n    units = 3\n\n"
    "    def get_constants(self, x, training=None):\n"
    "        return [K.in_train_phase(K.dropout(x, 0.5), x, training=training)]\n"
    "\n    def call(self, x{training}):\n"
    "        return super(Own, self).call(x{given})\n"
)


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        # Keras 1.
        (HEAD + OWN.format(base="Recurrent").replace("units", "output_dim"), STAYS),
        (
            HEAD
            + OWN.format(base="Recurrent").replace("self.units", "self.units, self.output_dim"),
            STAYS,
        ),
        (HEAD + OWN.format(base="Recurrent").replace("units", "size"), STAYS),
        (
            HEAD
            + OWN.format(base="Recurrent")
            + "\n    def get_initial_states(self, x):\n        return [x]\n",
            STAYS,
        ),
        (
            HEAD
            + OWN.format(base="Recurrent")
            + "\n    def run(self):\n        return self.consume_less\n",
            STAYS,
        ),
        # Other uses of the name.
        (
            HEAD + OWN.format(base="Recurrent") + "\n\nprint(isinstance(x, Recurrent))\n",
            ("KM103", "KM315"),
        ),
        (HEAD + OWN.format(base="Recurrent") + "\n\nlayer = Recurrent()\n", STAYS),
        (HEAD + OWN.format(base="Recurrent, Mixin"), STAYS),
        (HEAD + "class Own(object):\n    base = Recurrent\n", ("KM103",)),
        # An import that does not run with the module.
        (
            "def make():\n    from keras.layers import Recurrent\n\n"
            "    class Own(Recurrent):\n        units = 3\n\n    return Own\n",
            STAYS,
        ),
    ],
)
@each_target
def test_what_is_only_reported(code: str, codes: tuple[str, ...], to: str) -> None:
    mine = found(code, to)
    assert sorted({each.code for each in mine}) == sorted(codes)
    assert not any(each.fixed for each in mine)
    assert "class Keras2Recurrent(" not in Pipeline.to(to).run(code).text


@each_target
def test_requirements_of_keras_1(to: str, tmp_path: Path) -> None:
    view = pinned(tmp_path, "1.2.2")
    codes = [each.code for each in found(HEAD + OWN.format(base="Recurrent"), to, view)]
    assert codes == list(STAYS)


@each_target
def test_a_class_for_keras_2_beside_the_words_of_keras_1(to: str) -> None:
    """As Keras 2.0 ran it."""
    code = HEAD + "Dense(output_dim=3)\n" + OWN.format(base="Recurrent")
    assert [each.code for each in found(code, to)] == ["KM349"]


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    ("training", "given", "fits"),
    [
        (", training=None", ", training=training", True),
        (", training=None", "", False),
        (", training=None", ", training=None", False),
        ("", "", False),
    ],
)
def test_who_tells_of_the_training(training: str, given: str, fits: bool, to: str) -> None:
    code = HEAD + "from keras import backend as K\n" + TOLD.format(training=training, given=given)
    codes = {each.code for each in found(code, to)}
    assert codes == ({"KM349"} if fits or to == "tf_keras" else set(STAYS))


@each_target
def test_a_name_that_other_files_take_from_here(to: str, tmp_path: Path) -> None:
    own, other = tmp_path / "own.py", tmp_path / "other.py"
    own.write_text(HEAD + OWN.format(base="Recurrent"), encoding="utf-8")
    other.write_text("from own import Recurrent\n\nprint(Recurrent)\n", encoding="utf-8")
    view = Project(tmp_path, (own, other)).view(own)
    result = Pipeline.to(to).run(own.read_text(encoding="utf-8"), view)
    assert "KM103" in [each.code for each in result.findings]
    assert "Recurrent" in result.text.partition("class")[0]


@pytest.mark.parametrize(
    "code",
    [
        "from mine import Recurrent\n" + OWN.format(base="Recurrent"),
        "import keras\n\n\nclass Recurrent(keras.layers.Layer):\n    pass\n"
        + OWN.format(base="Recurrent"),
        "from keras.layers import RNN\n" + OWN.format(base="RNN"),
    ],
)
@each_target
def test_other_bases(code: str, to: str) -> None:
    assert found(code, to) == []


# -- numbers -----------------------------------------------------------------------------------

LAYERS = """
import keras
from keras import backend as K
from keras import initializers
from keras.engine import InputSpec
from keras.layers import Recurrent


class Own(Recurrent):
    def __init__(self, units, **options):
        super(Own, self).__init__(**options)
        self.units = units
        self.start = initializers.get("glorot_uniform")
        self.state_spec = [InputSpec(shape=(None, self.units)) for _ in range(2)]

    def build(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        batch = input_shape[0] if self.stateful else None
        self.input_spec[0] = InputSpec(shape=(batch, None, input_shape[2]))
        self.states = [None, None]
        if self.stateful:
            self.reset_states()
        shape = (input_shape[2] + self.units, self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel", initializer=self.start)
        self.built = True

    def preprocess_input(self, inputs, training=None):
        return inputs * 0.5

    def get_constants(self, inputs, training=None):
        return [K.sum(inputs, axis=1)]

    def step(self, inputs, states):
        mixed = K.concatenate([inputs + 0.1 * states[2], states[0]])
        h = K.tanh(K.dot(mixed, self.kernel))
        c = 0.5 * states[1] + h
        return 2 * c, [h, c]

    def get_config(self):
        config = {"units": self.units}
        base = super(Own, self).get_config()
        return dict(list(base.items()) + list(config.items()))


def built(case):
    first = keras.layers.Input(batch_shape=(2 if case.get("stateful") else None, case["steps"], 3))
    options = {key: case[key] for key in case if key not in ("steps", "masked", "started")}
    inputs = keras.layers.Masking()(first) if case["masked"] else first
    layer = Own(4, **options)
    layer = Own.from_config(layer.get_config())
    if case["started"]:
        more = [keras.layers.Input((4,)), keras.layers.Input((4,))]
        outputs = layer(inputs, initial_state=more)
        return keras.models.Model([first] + more, outputs)
    return keras.models.Model(first, layer(inputs))


def numbers(case, x, h, kernel):
    model = built(case)
    model.set_weights([kernel] + model.get_weights()[1:])
    given = [x, h, -h] if case["started"] else x
    answers = []
    for _ in range(2):
        found = model.predict(given, batch_size=2)
        answers += list(found) if isinstance(found, (list, tuple)) else [found]
    assert getattr(model.layers[-1], "supports_jit", False) is False
    shapes = model.output_shape
    if not case.get("return_state"):
        shapes = [shapes]
    # What a mask does to a loss is not what this is about.
    masked = case["masked"] and case["return_sequences"]
    if not masked and not case.get("return_state") and not case.get("stateful"):
        model.compile("sgd", "mse")
        target = 0 * answers[0] + 1
        model.fit(given, target, batch_size=2, epochs=2, shuffle=False, verbose=0)
        answers += model.get_weights()
    return [list(each) for each in shapes], [each.tolist() for each in answers]
"""
FIRST = (
    LAYERS
    + """
for number, case in enumerate(cases):
    results[str(number)] = numbers(case, x, h, kernel)
"""
)
TODAY = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np

code, cases, x, h, kernel = json.load(sys.stdin)
names = {}
exec(code, names)
x, h, kernel = (np.array(each, "float32") for each in (x, h, kernel))
print(json.dumps([names["numbers"](case, x, h, kernel) for case in cases]))
"""
CASES: list[dict[str, Any]] = [
    {"steps": steps, "masked": masked, "started": started, "return_sequences": sequences, **more}
    for masked in (False, True)
    for steps, started, sequences, more in (
        (None, False, False, {}),
        (None, True, True, {}),
        (5, False, True, {"go_backwards": True}),
        (5, True, True, {"unroll": True}),
        (None, True, False, {"return_state": True}),
        (None, False, True, {"stateful": True}),
    )
]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 5, 3)).astype("float32")
X[0, 3:] = X[1, 0] = X[2, 2] = 0
H = RANDOM.normal(size=(4, 4)).astype("float32")
KERNEL = RANDOM.normal(size=(7, 4)).astype("float32")


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["2.0.9", "2.2.4", "2.3.1"])
def test_the_numbers_are_those_of_recurrent(version: str, tmp_path: Path) -> None:
    old = run_original(version, FIRST, cases=CASES, x=X, h=H, kernel=KERNEL)
    for to in TARGETS:
        result = Pipeline.to(to).run(LAYERS, pinned(tmp_path, version))
        assert "KM349" in [each.code for each in result.findings]
        done = subprocess.run(
            (sys.executable, "-c", TODAY),
            input=json.dumps([result.text, CASES, X.tolist(), H.tolist(), KERNEL.tolist()]),
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr[-3000:]
        new = json.loads(done.stdout.splitlines()[-1])
        for number, case in enumerate(CASES):
            (shapes, before), (later, after) = old[str(number)], new[number]
            assert later == shapes, (to, case)
            assert len(before) == len(after), (to, case)
            for one, other in zip(before, after, strict=True):
                assert np.shape(one) == np.shape(other), (to, case)
                assert np.allclose(one, other, rtol=1e-4, atol=1e-5), (to, case)

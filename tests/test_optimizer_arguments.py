"""Arguments of optimizers: the decay of the rate, epsilon, and the two kinds of clipping."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import TARGETS, each_target

from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
BEFORE = "from keras.optimizers import SGD\n\nsgd = SGD({})\n"
AFTER = (
    "from PACKAGE.optimizers import SGD\n"
    "from PACKAGE.optimizers.schedules import InverseTimeDecay\n\n"
    "sgd = SGD({})\n"
)

SCHEDULES = [
    (
        "lr=0.01, decay=1e-6",
        "learning_rate=InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)",
    ),
    (
        "decay=lr / epochs, learning_rate=lr, nesterov=True",
        "learning_rate=InverseTimeDecay(lr, decay_steps=1, decay_rate=lr / epochs), nesterov=True",
    ),
    ("0.1, decay=d", "InverseTimeDecay(0.1, decay_steps=1, decay_rate=d)"),
    (
        "0.01, 0.9, 1e-6, True",
        "InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6), 0.9, True",
    ),
    ("decay=1e-6", "learning_rate=InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)"),
    (
        "lr=a, decay=b, **more",
        "learning_rate=InverseTimeDecay(a, decay_steps=1, decay_rate=b), **more",
    ),
    (
        "\n    lr=args.lr,  # rate\n    decay=args.decay,\n    momentum=0.9,\n",
        "\n    learning_rate=InverseTimeDecay(args.lr, decay_steps=1, decay_rate=args.decay),"
        "  # rate\n    momentum=0.9,\n",
    ),
]


@each_target
@pytest.mark.parametrize(("before", "after"), SCHEDULES)
def test_decay_becomes_a_schedule(before: str, after: str, to: str) -> None:
    package = PACKAGE[to]
    check(BEFORE.format(before), AFTER.format(after).replace("PACKAGE", package), to=to)


@pytest.mark.parametrize(
    ("name", "keras", "tensorflow"),
    [
        ("SGD", "0.01", "0.01"),
        ("RMSprop", "0.001", "0.001"),
        ("Adam", "0.001", "0.001"),
        ("Adagrad", "0.01", "0.001"),
        ("Adadelta", "1.0", "0.001"),
        ("Adamax", "0.002", "0.001"),
    ],
)
def test_a_rate_that_was_left_out_is_the_default_of_its_time(
    name: str, keras: str, tensorflow: str
) -> None:
    for package, rate in (("keras", keras), ("tensorflow.keras", tensorflow)):
        check(
            f"from {package} import optimizers\n\nopt = optimizers.{name}(decay=0.5)\n",
            f"from keras import optimizers\n\nopt = optimizers.{name}(learning_rate="
            f"optimizers.schedules.InverseTimeDecay({rate}, decay_steps=1, decay_rate=0.5))\n",
            to="keras",
            settings=Settings(modern_defaults=True),
        )


def test_a_lower_case_alias() -> None:
    check(
        "import keras\n\nopt = keras.optimizers.adam(lr=0.1, decay=0.5)\n",
        "import keras\n\nopt = keras.optimizers.Adam(learning_rate="
        "keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5))\n",
        to="keras",
    )


def test_a_rule_that_is_off_leaves_decay_and_brings_no_import() -> None:
    text = BEFORE.format("lr=0.01, decay=1e-6")
    settings = Settings(ignore=frozenset(("KM208", "KM203")))
    check(text, text.replace("lr=", "learning_rate="), to="keras", settings=settings)
    check(
        text.replace(")", ")  # kerasmigrate: ignore[KM208]"),
        text.replace("lr=", "learning_rate=").replace(")", ")  # kerasmigrate: ignore[KM208]"),
        to="keras",
    )


SETTERS = [
    (
        "from keras.callbacks import ReduceLROnPlateau\n\nReduceLROnPlateau()\n",
        "ReduceLROnPlateau in this file sets",
    ),
    (
        "from keras.callbacks import LearningRateScheduler as S\n\nS(f)\n",
        "LearningRateScheduler in this file",
    ),
    ("model = Sequential()\nmodel.optimizer.lr = 3\n", "this file uses model.optimizer.lr"),
    ("print(sgd.lr)\n", "this file uses sgd.lr"),
    ("print(sgd.decay)\n", "this file uses sgd.decay"),
    ("class A:\n    def f(self):\n        self.optimizer.lr = 3\n", "uses self.optimizer.lr"),
]


@pytest.mark.parametrize(("more", "why"), SETTERS)
@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_decay_stays_where_somebody_sets_the_rate(more: str, why: str, to: str) -> None:
    home = PACKAGE[to]
    text = (
        "from keras.models import Sequential\nfrom keras.optimizers import SGD\n\n"
        f"sgd = SGD(learning_rate=0.01, decay=1e-6)\n{more}"
    ).replace("from keras", f"from {home}")
    # What else is said about these attributes is none of this test.
    settings = Settings(select=frozenset(("KM208", "KM201")))
    (finding,) = untouched(text, to=to, settings=settings)
    assert not finding.fixed
    assert why in finding.message
    assert "InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)" in finding.advice
    assert "legacy" not in finding.advice


@pytest.mark.parametrize(("more", "why"), SETTERS)
def test_tf_keras_has_old_optimizers_whose_rate_can_be_set(more: str, why: str) -> None:
    text = (
        "from tf_keras.models import Sequential\nfrom tf_keras.optimizers import {}\n\n"
        "sgd = {}SGD(learning_rate=0.01, decay=1e-6)\n{}"
    )
    more = more.replace("from keras", "from tf_keras")
    settings = Settings(select=frozenset(("KM101", "KM209", "KM208", "KM201")))
    findings = check(
        text.format("SGD", "", more),
        text.format("legacy", "legacy.", more),
        to="tf_keras",
        settings=settings,
    )
    assert [each.code for each in findings if each.code != "KM101"] == ["KM209"]


SLOWER = "from tf_keras.callbacks import ReduceLROnPlateau\n{}\n\nReduceLROnPlateau()\nopt = {}\n"


@pytest.mark.parametrize(
    ("imports", "before", "new_imports", "after"),
    [
        (
            "import tf_keras as keras",
            "keras.optimizers.Adadelta(1.0, decay=d)",
            None,
            "keras.optimizers.legacy.Adadelta(1.0, decay=d)",
        ),
        (
            "from tf_keras.optimizers import SGD",
            "SGD(0.01, 0.9, 1e-6, True)",
            "from tf_keras.optimizers import legacy",
            "legacy.SGD(0.01, 0.9, decay=1e-6, nesterov=True)",
        ),
        (
            "from tf_keras import optimizers",
            "(optimizers.RMSprop)(decay=0.5, **more)  # slow",
            None,
            "(optimizers.legacy.RMSprop)(decay=0.5, **more)  # slow",
        ),
        (
            "from tf_keras.optimizers import Nadam",
            "Nadam(0.1, schedule_decay=0.004)",
            "from tf_keras.optimizers import legacy",
            "legacy.Nadam(0.1, schedule_decay=0.004)",
        ),
        (
            "from tf_keras.optimizers import Adam, SGD",
            "Adam(0.1), SGD(0.1, decay=0.5)",
            "from tf_keras.optimizers import Adam, legacy",
            "Adam(0.1), legacy.SGD(0.1, decay=0.5)",
        ),
    ],
)
def test_how_the_old_optimizers_are_spelt(
    imports: str, before: str, new_imports: str | None, after: str
) -> None:
    check(
        SLOWER.format(imports, before)
        .replace("tf_keras as keras", "keras")
        .replace("tf_keras", "keras"),
        SLOWER.format(new_imports or imports, after),
        to="tf_keras",
    )


@pytest.mark.parametrize(
    "call",
    [
        "partial(SGD, decay=0.5)",
        "legacy.SGD(0.1, decay=0.5)",
        "legacy.Nadam(0.1, schedule_decay=0.5)",
        "SGD(0.1, weight_decay=0.5)",
        "mine.SGD(0.1, decay=0.5)",
        "type('S', (SGD,), {})(0.1, decay=0.5)",
    ],
)
def test_where_no_old_optimizer_comes_in(call: str) -> None:
    settings = Settings(select=frozenset(("KM209",)))
    untouched(
        "from functools import partial\n\nimport mine\nfrom tf_keras.callbacks import"
        f" ReduceLROnPlateau\nfrom tf_keras.optimizers import SGD, legacy\n\nopt = {call}\n"
        "ReduceLROnPlateau()\n",
        to="tf_keras",
        settings=settings,
        codes=[],
    )


def test_a_subclass_keeps_its_base() -> None:
    code = (
        "from tf_keras.optimizers import SGD\n\n\nclass Slow(SGD):\n"
        "    def __init__(self):\n        super().__init__(0.1, decay=0.5)\n"
        "        self.lr = self.optimizer.lr\n"
    )
    untouched(code, to="tf_keras", settings=Settings(select=frozenset(("KM209",))), codes=[])


def test_decay_by_position_stays_where_somebody_sets_the_rate() -> None:
    findings = untouched(
        "from keras.callbacks import ReduceLROnPlateau\nfrom keras.optimizers import SGD\n\n"
        "sgd = SGD(0.01, 0.9, 1e-6, True)\nslower = ReduceLROnPlateau()\n",
        to="keras",
        codes=["KM208"],
    )
    assert "its third or later argument is a decay" in findings[0].message


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("Nadam(learning_rate=0.1, decay=0.5)", "a schedule of its own"),
        ("SGD(decay=0.5, **more)", "may be in the starred argument"),
        ("SGD(schedules.ExponentialDecay(1, 2, 3), decay=0.5)", "is a schedule already"),
        ("partial(SGD, decay=0.5)", "may come from elsewhere"),
    ],
)
def test_what_no_schedule_can_take_the_place_of(call: str, why: str) -> None:
    findings = untouched(
        "from functools import partial\n\nfrom keras.optimizers import SGD, Nadam, schedules\n\n"
        f"opt = {call}\n",
        to="keras",
        codes=["KM208"],
    )
    assert why in findings[0].message


def test_decay_in_a_dictionary_of_options() -> None:
    findings = check(
        "from keras.optimizers import SGD\n\noptions = dict(lr=0.1, decay=0.5)\n"
        "sgd = SGD(**options)\n",
        "from keras.optimizers import SGD\n\noptions = dict(learning_rate=0.1, decay=0.5)\n"
        "sgd = SGD(**options)\n",
        to="keras",
    )
    assert [(each.code, each.fixed) for each in findings] == [("KM201", True), ("KM203", False)]


OTHERS = [
    "from torch.optim import SGD\nimport keras\n\nsgd = SGD(p, lr=0.01, decay=1e-6)\n",
    "import keras\n\n\ndef SGD(lr, decay):\n    return lr\n\n\nsgd = SGD(lr=0.01, decay=1e-6)\n",
    "import keras\n\nf = dict(lr=1, decay=2)\n",
]


@pytest.mark.parametrize("text", OTHERS)
def test_other_things_with_a_decay(text: str) -> None:
    untouched(text, to="keras", codes=[])


@pytest.mark.parametrize(
    "more",
    ["print(args.lr)\n", "class A:\n    def f(self):\n        self.lr = self.decay = 3\n"],
)
def test_rates_of_other_things_keep_nothing_out(more: str) -> None:
    check(
        BEFORE.format("lr=0.01, decay=1e-6") + more,
        AFTER.replace("PACKAGE", "keras").format(
            "learning_rate=InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)"
        )
        + more,
        to="keras",
    )


# -- the project -----------------------------------------------------------------------------------

MODEL = BEFORE.format("learning_rate=0.01, decay=1e-6")
DONE = AFTER.replace("PACKAGE", "keras").format(
    "learning_rate=InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)"
)
SETTER = "from keras.callbacks import ReduceLROnPlateau\n\nslower = ReduceLROnPlateau()\n"
PROJECTS = [
    ({"model.py": MODEL, "train.py": "from model import sgd\n" + SETTER}, True),
    ({"model.py": "import steps\n" + MODEL, "steps.py": SETTER}, True),
    ({"model.py": "from . import steps\n" + MODEL, "steps.py": SETTER}, True),
    (
        {"model.py": MODEL, "steps.py": SETTER, "train.py": "import model, steps\n"},
        True,
    ),
    ({"model.py": MODEL, "other.py": SETTER}, False),
    (
        {
            "model.py": "import paths\n" + MODEL,
            "paths.py": "a = 1\n",
            "other.py": "import paths\n" + SETTER,
        },
        False,
    ),
]


@pytest.mark.parametrize(("files", "stays"), PROJECTS)
def test_files_that_run_together(files: dict[str, str], stays: bool, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    project = Project(tmp_path, [tmp_path / name for name in files])
    view = project.view(tmp_path / "model.py")
    before = files["model.py"]
    if stays:
        findings = untouched(before, to="keras", view=view, codes=["KM208"])
        assert "ReduceLROnPlateau in " in findings[0].message
    else:
        check(before, before.replace(MODEL, DONE), to="keras", view=view)


# -- epsilon and clipping --------------------------------------------------------------------------


@each_target
@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam"])
def test_epsilon_none_was_the_default(name: str, to: str) -> None:
    home = PACKAGE[to]
    check(
        f"from {home}.optimizers import {name}\n\nopt = {name}(learning_rate=0.1, epsilon=None)\n",
        f"from {home}.optimizers import {name}\n\nopt = {name}(learning_rate=0.1, epsilon=1e-7)\n",
        to=to,
        codes=["KM201"],
    )


def test_epsilon_that_is_given() -> None:
    untouched(
        "from keras.optimizers import Adam\n\nopt = Adam(epsilon=1e-8)\nelse_ = Adam(epsilon=e)\n",
        to="keras",
        codes=[],
    )


def test_two_clippings() -> None:
    text = "from {}.optimizers import SGD\n\nsgd = SGD(clipnorm=1.0, clipvalue=0.5)\n"
    for to in TARGETS:
        codes = ["KM228"] if to != "tf_keras" else []
        untouched(text.format(PACKAGE[to]), to=to, codes=codes)
    untouched(text.format("keras").replace("0.5", "None"), to="keras", codes=[])

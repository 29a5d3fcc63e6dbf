"""The data of training calls: lists in batches, lists as data, and single batches."""

from __future__ import annotations

import subprocess
import sys

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.findings import Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings

ONLY = Settings(select=frozenset(("KM235", "KM236", "KM237", "KM238")))
PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
BATCHES = (
    "from {}.models import Model\n\n\ndef batches():\n    while True:\n        yield {}\n\n\n"
    "model = Model(a, b)\n{}\n"
)
FIT = "model.fit(batches(), steps_per_epoch=2)"

YIELDS = [
    ("[a, b], y", "(a, b), y"),
    ("([a, b], y)", "((a, b), y)"),
    ("[a[i], f(b)], [c, d.e]", "(a[i], f(b)), (c, d.e)"),
    ("[a], y", "a, y"),
    ("[a + b], y", "a + b, y"),
    ("[*images, a], y, w", "(*images, a), y, w"),
    ("[\n            a,  # one\n            b,\n        ], y", None),
    ("[  # all\n            a\n        ], y", None),
    ("([a, b],)", "((a, b),)"),
    ("{'a': a}, [y, z]", "{'a': a}, (y, z)"),
]


@each_target
@pytest.mark.parametrize(("before", "after"), YIELDS)
def test_lists_that_generators_yield(before: str, after: str | None, to: str) -> None:
    if after is None:
        after = before.replace("[", "(").replace("]", ")")
        after = after.replace("a\n        )", "a,\n        )")
    text = BATCHES.format(PACKAGE[to], before, FIT)
    expected = text if to == "tf_keras" else BATCHES.format(PACKAGE[to], after, FIT)
    check(text, expected, to=to, settings=ONLY)


@pytest.mark.parametrize(
    "call",
    [
        FIT,
        "model.evaluate(batches(), steps=2)",
        "model.fit(x=batches(), steps_per_epoch=2)",
        "model.fit(x, y, validation_data=batches())",
        "data = batches()\nmodel.fit(data, steps_per_epoch=2)",
    ],
)
def test_calls_that_get_a_generator(call: str) -> None:
    check(
        BATCHES.format("keras", "[a, b], y", call),
        BATCHES.format("keras", "(a, b), y", call),
        to="keras",
        codes=["KM235"],
    )


@pytest.mark.parametrize(
    ("yielded", "call"),
    [
        ("(a, b), y", FIT),
        ("a, y", FIT),
        ("a", FIT),
        ("[a, b], y", "other.fit(batches())"),
        ("[a, b], y", "model.predict(batches())"),
        ("[a, b], y", "model.fit(other(batches()))"),
        ("[a, b], y", "list(batches())"),
        ("[a, b], y", "data = batches()\ndata = more()\nmodel.fit(data)"),
        ("f([a, b]), y", FIT),
        ("batch", FIT),
    ],
)
def test_generators_that_are_right_or_unknown(yielded: str, call: str) -> None:
    untouched(BATCHES.format("keras", yielded, call), to="keras", codes=[])


def test_lists_inside_other_functions() -> None:
    text = (
        "from keras.models import Model\n\n\ndef batches():\n    def inner():\n"
        "        yield [a, b], y\n\n    f = lambda: (yield [a, b])\n    yield a, y\n\n\n"
        f"model = Model(a, b)\n{FIT}\n"
    )
    untouched(text, to="keras", codes=[])


@pytest.mark.parametrize(
    ("yielded", "why"),
    [
        ("[a, b]", "a batch has to be a tuple"),
        ("a, [[1], [2]]", "a list in a batch"),
        ("a, [1, 0]", "a list in a batch"),
        ("a, []", "a list in a batch"),
    ],
)
def test_lists_that_are_reported(yielded: str, why: str) -> None:
    (finding,) = untouched(BATCHES.format("keras", yielded, FIT), to="keras", codes=["KM235"])
    assert why in finding.message
    assert not finding.fixed


SEQUENCE = (
    "from {}.utils import Sequence\n\n\nclass Batches(Sequence):\n"
    "    def __getitem__(self, index):\n        return {}\n"
)


@each_target
def test_sequences(to: str) -> None:
    before = SEQUENCE.format(PACKAGE[to], "[self.a, self.b], [self.y]")
    after = SEQUENCE.format(PACKAGE[to], "(self.a, self.b), self.y")
    check(before, before if to == "tf_keras" else after, to=to, settings=ONLY)


@pytest.mark.parametrize("returned", ["[self.x, self.y]", "self.x, self.y", "f([self.x])"])
def test_sequences_that_are_right(returned: str) -> None:
    untouched(SEQUENCE.format("keras", returned), to="keras", codes=[])


def test_classes_that_are_no_sequences() -> None:
    text = SEQUENCE.format("keras", "[self.a, self.b], y")
    untouched(
        text.replace("keras.utils", "collections.abc") + "import keras\n", to="keras", codes=[]
    )


INIT = "from {}.utils import Sequence\n\n\nclass Batches({}):\n    def __init__(self, x):{}\n"


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n        self.x = x", "\n        super().__init__()\n        self.x = x"),
        (
            '\n        """Keep x."""\n        # All of it.\n        self.x = x',
            '\n        """Keep x."""\n        super().__init__()\n'
            "        # All of it.\n        self.x = x",
        ),
        ("\n        pass  # nothing", "\n        super().__init__()\n        pass  # nothing"),
    ],
)
def test_constructors_of_sequences(before: str, after: str, to: str) -> None:
    package = PACKAGE[to]
    text = INIT.format(package, "Sequence", before)
    if to == "tf_keras":
        untouched(text, to=to, codes=[])
    else:
        findings = check(text, INIT.format(package, "Sequence", after), to=to, codes=["KM238"])
        assert findings[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("bases", "body"),
    [
        ("Sequence", "\n        super().__init__()\n        self.x = x"),
        ("Sequence", "\n        super(Batches, self).__init__(workers=2)"),
        ("Sequence", "\n        Sequence.__init__(self)"),
        ("Other, Sequence", "\n        self.x = x"),
        ("Other", "\n        self.x = x"),
        ("Sequence", " self.x = x"),
    ],
)
def test_constructors_that_stay(bases: str, body: str) -> None:
    untouched(INIT.format("keras", bases, body), to="keras", settings=ONLY, codes=[])


def test_a_sequence_without_a_constructor() -> None:
    untouched(SEQUENCE.format("keras", "self.x, self.y"), to="keras", codes=[])


# -- nested lists ----------------------------------------------------------------------------------

MODEL = "from {}.models import Sequential\n\nmodel = Sequential()\n"


@each_target
@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("model.fit([[0, 1], [2, 3]], [1, 0])", 2),
        ("model.fit(x=[[0, 1]], y=y)", 1),
        ("model.predict([[0.5, -1]])", 1),
        ("data = [[0, 1]]\nmodel.evaluate(data, y)", 1),
    ],
)
def test_lists_of_numbers(call: str, count: int, to: str) -> None:
    codes = [] if to == "tf_keras" else ["KM236"] * count
    findings = untouched(MODEL.format(PACKAGE[to]) + call + "\n", to=to, codes=codes)
    assert all("write numpy.array(" in each.advice for each in findings)


@pytest.mark.parametrize(
    "call",
    [
        "model.fit([a, b], [y, z])",
        "model.fit([[a], [b]], y)",
        "model.fit([], y)",
        "model.fit(np.array([[0, 1]]), y)",
        "model.fit(x, y, batch_size=3, class_weight=[1, 2])",
        "other.predict([[0, 1]])",
        "model.predict(x, 32)",
        "data = [[0, 1]]\ndata = np.array(data)\nmodel.predict(data)",
    ],
)
def test_data_that_is_right(call: str) -> None:
    untouched(MODEL.format("keras") + call + "\n", to="keras", codes=[])


# -- single batches --------------------------------------------------------------------------------


@each_target
def test_reset_metrics(to: str) -> None:
    head = MODEL.format(PACKAGE[to])
    before = head + "model.test_on_batch(x, y, reset_metrics=False)\n"
    after = head + "model.test_on_batch(x, y)\n"
    check(before, before if to == "tf_keras" else after, to=to, settings=ONLY)
    true = before.replace("False", "True")
    findings = untouched(true, to=to, settings=ONLY)
    assert [each.code for each in findings] == ([] if to == "tf_keras" else ["KM237"])
    assert all("call model.reset_metrics() before each batch" in f.advice for f in findings)


def test_reset_metrics_of_other_things() -> None:
    text = MODEL.format("keras") + "other.go(x, reset_metrics=False)\nf(reset_metrics=True)\n"
    untouched(text, to="keras", codes=[])


# -- under the real package ------------------------------------------------------------------------

RUN = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from keras.layers import Concatenate, Dense, Input
from keras.models import Model
from keras.utils import Sequence

x, y = np.ones((4, 3)), np.ones((4, 1))

def two():
    while True:
        yield [x, x], y

def one():
    while True:
        yield [x], [y]

class Two(Sequence):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return [x, x], [y]

a, b = Input((3,)), Input((3,))
both = Model([a, b], Dense(1)(Concatenate()([a, b])))
single = Model(a, Dense(1)(a))
both.compile("sgd", "mse")
single.compile("sgd", "mse")
both.fit(two(), steps_per_epoch=2, verbose=0)
both.fit(Two(), verbose=0)
both.evaluate(two(), steps=2, verbose=0)
single.fit(one(), steps_per_epoch=2, verbose=0)
for _ in range(3):
    single.train_on_batch(x, y, reset_metrics=False)
print("DONE")
"""


@pytest.mark.tensorflow
def test_converted_generators_train_under_keras_3() -> None:
    migrated = Pipeline.to("keras").run(RUN).text
    done = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        for text in (RUN, migrated)
    ]
    assert "`output_signature` must contain objects that are subclass of" in done[0].stderr
    assert "DONE" in done[1].stdout, done[1].stderr

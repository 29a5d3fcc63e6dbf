from __future__ import annotations

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings

#: The rules about training have tests of their own.
ALONE = Settings(ignore=frozenset(("KM30",)))
HEAD = """\
from {root} import backend as K
from {root} import initializers
from {root}.layers import Layer


class Mine(Layer):
    def build(self, input_shape):
"""


def layer(body: str, root: str = "keras") -> str:
    lines = "".join(f"        {line}\n" if line else "\n" for line in body.strip("\n").split("\n"))
    head = HEAD.format(root=root)
    if "K." not in body:
        head = head.replace(f"from {root} import backend as K\n", "")
    if "initializers." not in body:
        head = head.replace(f"from {root} import initializers\n", "")
    return head + lines


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("('w', (3, 4))", "(name='w', shape=(3, 4))"),
        ("('w', (3, 4), initializer='zeros')", "(name='w', shape=(3, 4), initializer='zeros')"),
        (
            "('w', (3,), 'float32', 'zeros')",
            "(name='w', shape=(3,), dtype='float32', initializer='zeros')",
        ),
        ("('w', shape=(3, 4))", "(name='w', shape=(3, 4))"),
        ("(self.name + '_w', (3,))", "(name=self.name + '_w', shape=(3,))"),
        ("(f'{self.name}_w', (3,))", "(name=f'{self.name}_w', shape=(3,))"),
        ("('w%d' % 1, [3])", "(name='w%d' % 1, shape=[3])"),
        (
            "((3, 4), 'uniform', '{}_W'.format(self.name))",
            "(shape=(3, 4), initializer='uniform', name='{}_W'.format(self.name))",
        ),
        (
            "(shape, self.init, 'W', True, self.reg)",
            "(shape=shape, initializer=self.init, name='W', trainable=True, regularizer=self.reg)",
        ),
        (
            "('w',\n                        (3, 4),  # two\n"
            "                        trainable=True)",
            "(name='w',\n                        shape=(3, 4),  # two\n"
            "                        trainable=True)",
        ),
    ],
)
def test_arguments_are_named_for_keras_3(before: str, after: str) -> None:
    found = check(
        layer(f"self.w = self.add_weight{before}"),
        layer(f"self.w = self.add_weight{after}"),
        to="keras",
        codes=["KM320"],
        settings=ALONE,
    )
    assert found[0].fixed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("((3, 4), 'uniform')", "(shape=(3, 4), initializer='uniform')"),
        ("((3, 4), 'uniform', 'W')", "(shape=(3, 4), initializer='uniform', name='W')"),
        (
            "((3,) + self.size, initializer=self.init, name='W')",
            "(shape=(3,) + self.size, initializer=self.init, name='W')",
        ),
        ("(input_shape[1:], name='W')", "(shape=input_shape[1:], name='W')"),
        ("((3,), 'zeros', 'float32')", "(shape=(3,), initializer='zeros', dtype='float32')"),
    ],
)
def test_arguments_are_named_for_keras_2(before: str, after: str) -> None:
    check(
        layer(f"self.w = self.add_weight{before}", "tf_keras"),
        layer(f"self.w = self.add_weight{after}", "tf_keras"),
        to="tf_keras",
        codes=["KM320"],
        settings=ALONE,
    )


@pytest.mark.parametrize(
    ("to", "call"),
    [
        ("keras", "self.add_weight((3, 4), 'uniform')"),
        ("keras", "self.add_weight((3, 4), initializer='uniform', name='W')"),
        ("keras", "self.add_weight((3, 4), 'uniform', 'float32')"),
        ("keras", "self.add_weight(name='w', shape=(3,), **self.options)"),
        ("keras", "self.add_weight(*self.arguments)"),
        ("keras", "self.other.add_weight('w', (3,))"),
        ("keras", "add_weight('w', (3,))"),
        ("tf_keras", "self.add_weight('w', (3, 4))"),
        ("tf_keras", "self.add_weight('w', shape=(3, 4))"),
        ("tf_keras", "self.add_weight('a/w', shape=(3, 4))"),
        ("tf_keras", "self.add_weight(name='w', shape=(3,), use_resource=True)"),
    ],
)
def test_calls_that_mean_the_same_stay(to: str, call: str) -> None:
    untouched(layer(f"self.w = {call}", to), to=to, codes=(), settings=ALONE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("self.add_weight(w, s)", "cannot tell what the positional arguments of add_weight are"),
        (
            "self.add_weight((3,), 'zeros', initializer='ones')",
            "cannot tell what the positional arguments of add_weight are",
        ),
        (
            "self.add_weight('w', (3,), use_resource=True)",
            "add_weight of keras (Keras 3) has no argument 'use_resource'",
        ),
    ],
)
def test_calls_that_are_reported(call: str, message: str) -> None:
    (found,) = untouched(layer(f"self.w = {call}"), to="keras", codes=["KM320"], settings=ALONE)
    assert (found.message, found.fixed) == (message, False)


def test_own_add_weight_and_other_classes_stay() -> None:
    own = layer("self.w = self.add_weight('w', (3,))") + (
        "\n    def add_weight(self, name, shape):\n        return None\n"
    )
    untouched(own, to="keras", codes=(), settings=ALONE)
    plain = (
        "import keras\n\n\nclass Graph:\n    def build(self):\n"
        "        self.add_weight('w', keras.ops.shape(1))\n"
    )
    untouched(plain, to="keras", codes=())


def test_metric() -> None:
    text = (
        "import keras\n\n\nclass Hits(keras.metrics.Metric):\n    def __init__(self):\n"
        "        super().__init__(name='hits')\n"
        "        self.hits = self.add_weight({}'hits', initializer='zeros')\n"
    )
    check(text.format(""), text.format("name="), to="keras", codes=["KM320"])


def test_slash_in_a_name() -> None:
    for name in ("'a/w'", "'{}/w'.format(self.name)", "f'{self.name}/w'"):
        code = layer(f"self.w = self.add_weight(shape=(3,), name={name})")
        untouched(code, to="keras", codes=["KM323"], settings=ALONE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "self.W = self.add_weight(shape=(3,), name='W')\nself.trainable_weights = [self.W]",
            "self.W = self.add_weight(shape=(3,), name='W')",
        ),
        ("self.trainable_weights = []", "pass"),
        (
            "self.init = initializers.get('uniform')\n"
            "self.W = self.init((3, 4), name='{}_W'.format(self.name))\n"
            "self.b = K.zeros((4,), name='b')\n"
            "self.g = K.variable(self.init((4,)), name='g')\n"
            "self.trainable_weights = [self.W] + [self.b, self.g]",
            "self.init = initializers.get('uniform')\n"
            "self.W = self.add_weight(shape=(3, 4), initializer=self.init,"
            " name='{}_W'.format(self.name))\n"
            "self.b = self.add_weight(shape=(4,), initializer='zeros', name='b')\n"
            "self.g = self.add_weight(shape=(4,), initializer=self.init, name='g')",
        ),
        (
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "if self.bias:\n"
            "    self.b = self.add_weight(shape=(3,), name='b')\n"
            "    self.trainable_weights = [self.W, self.b]\n"
            "else:\n"
            "    self.trainable_weights = [self.W]\n"
            "self.done = True",
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "if self.bias:\n"
            "    self.b = self.add_weight(shape=(3,), name='b')\n"
            "self.done = True",
        ),
        (
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "if self.bias:\n"
            "    self.b = self.add_weight(shape=(3,), name='b')\n"
            "if self.bias:\n"
            "    self.trainable_weights = [self.W, self.b]\n"
            "else:\n"
            "    self.trainable_weights = [self.W]",
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "if self.bias:\n"
            "    self.b = self.add_weight(shape=(3,), name='b')",
        ),
        (
            "if self.lookup():\n    self.trainable_weights = []\n"
            "elif self.two:\n    self.trainable_weights = []",
            "if self.lookup():\n    pass\nelif self.two:\n    pass",
        ),
        (
            "# what is trained\nself.trainable_weights = []\nself.done = True",
            "# what is trained\nself.done = True",
        ),
        (
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "self.m = self.add_weight(shape=(3,), name='m', trainable=False)\n"
            "self.trainable_weights = [self.W]",
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "self.m = self.add_weight(shape=(3,), name='m', trainable=False)",
        ),
    ],
)
def test_assigned_trainable_weights(before: str, after: str) -> None:
    wanted = layer(after)
    if "K." in before:
        wanted = wanted.replace("from keras import backend as K\n", "")
    found = check(layer(before), wanted, to="keras", settings=ALONE)
    assert {each.code for each in found} - {"KM101"} == {"KM321"}
    assert all(each.fixed for each in found)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("self.trainable_weights = self.cell.trainable_weights", "not a plain list"),
        ("self.trainable_weights = [w]", "not a plain list"),
        ("self.trainable_weights = [self.W]", "self.W is not created in this class"),
        (
            "self.W = make((3,))\nself.trainable_weights = [self.W]",
            "self.W is not created by add_weight",
        ),
        (
            "self.W = self.init((3,), scale=2)\nself.trainable_weights = [self.W]",
            "self.W is not created by add_weight",
        ),
        (
            "self.W = self.add_weight(shape=(3,), name='W')\n"
            "self.V = self.add_weight(shape=(3,), name='V')\n"
            "self.trainable_weights = [self.W]",
            "it leaves out self.V",
        ),
        (
            "self.trainable_weights = []\nself.trainable_weights.append(self.W)",
            "the list is changed in place",
        ),
        ("self.a = 1; self.trainable_weights = []", "line of its own"),
        ("self.a = self.trainable_weights = []", "line of its own"),
        ("if self.a: self.trainable_weights = []", "line of its own"),
        ("self.trainable_weights += [self.W]", "the list is changed in place"),
    ],
)
def test_assigned_trainable_weights_that_are_reported(body: str, why: str) -> None:
    (found,) = untouched(layer(body), to="keras", codes=["KM321"], settings=ALONE)
    assert why in found.message
    assert found.advice.startswith("create each weight by self.add_weight(")


def test_classes_whose_trainable_weights_are_their_own() -> None:
    code = layer("self.trainable_weights = []") + (
        "\n    @property\n    def trainable_weights(self):\n        return []\n"
        "\n    @trainable_weights.setter\n    def trainable_weights(self, value):\n        pass\n"
    )
    untouched(code, to="keras", codes=(), settings=ALONE)
    plain = (
        "import keras\n\n\nclass Optimizer:\n    def build(self):\n"
        "        self.trainable_weights = [keras.ops.zeros(1)]\n        self.updates = [1]\n"
    )
    untouched(plain, to="keras", codes=())


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        ("self.non_trainable_weights = [self.m]", Severity.ERROR),
        ("self.updates = [(self.m, 1)]", Severity.ERROR),
        ("self.regularizers = [self.r]", Severity.WARNING),
        ("self.regularizers = []\nself.regularizers.append(self.r)", Severity.WARNING),
        ("self.constraints = {self.W: self.c}", Severity.WARNING),
        ("self.constraints = {}\nself.constraints[self.W] = self.c", Severity.WARNING),
    ],
)
def test_other_lists_are_reported(body: str, severity: Severity) -> None:
    (found,) = untouched(layer(body), to="keras", codes=["KM322"], settings=ALONE)
    assert found.severity is severity


@pytest.mark.parametrize(
    "body", ["self.regularizers = []", "self.constraints = {}", "self.losses_ = [1]"]
)
def test_other_lists_that_harm_nothing(body: str) -> None:
    untouched(layer(body), to="keras", codes=(), settings=ALONE)


# -- on the real packages --------------------------------------------------------------------

BUILT = """\
import numpy as np
from {root}.layers import Layer
from {root} import initializers


class Mine(Layer):
    def build(self, input_shape):
        self.init = initializers.get('ones')
        self.a = self.add_weight((2, 3), 'ones', 'a')
        self.b = self.add_weight('b', (2, 3))
        self.c = self.add_weight((2, 3), initializer=self.init, name='c')
        self.d = self.init((2, 3), name='d')
        self.trainable_weights = [self.a, self.b, self.c, self.d]

    def call(self, x):
        return x @ (self.a + self.c + self.d)


layer = Mine()
value = float(np.sum(np.asarray(layer(np.ones((1, 2), "float32")))))
names = [weight.name for weight in layer.trainable_weights]
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_converted_weights_are_built(to: str) -> None:
    pytest.importorskip("tensorflow")
    after = Pipeline.to(to).run(BUILT.format(root=to)).text
    assert "self.add_weight(shape=(2, 3), initializer=self.init, name='d')" in after
    names: dict[str, object] = {}
    exec(compile(after, "<layer>", "exec"), names)
    assert names["value"] == 18.0
    built = names["names"]
    assert isinstance(built, list)
    assert [name.rpartition("/")[2].partition(":")[0] for name in built] == ["a", "b", "c", "d"]

"""KM213 to KM216, KM219, and KM203 for what no other rule knows: today's signatures."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate import inventory
from kerasmigrate.inventory.homes import home
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings
from kerasmigrate.transforms import arguments_table, signatures
from kerasmigrate.values import is_a

PREPROCESSING = "from tensorflow.keras.layers.experimental.preprocessing import RandomContrast\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RandomContrast(0.2, 7)", "RandomContrast(0.2, seed=7)"),
        (
            "RandomContrast(0.2,\n    7,  # the seed\n)",
            "RandomContrast(0.2,\n    seed=7,  # the seed\n)",
        ),
        ("RandomContrast(0.2, 7, name='x')", "RandomContrast(0.2, seed=7, name='x')"),
    ],
)
def test_a_position_that_another_parameter_took_is_named(before: str, after: str) -> None:
    check(
        f"{PREPROCESSING}\nx = {before}\n",
        f"from keras.layers import RandomContrast\n\nx = {after}\n",
        to="keras",
        codes=["KM101", "KM213"],
    )


def test_what_the_order_leaves_in_place_stays_positional() -> None:
    check(
        "from tensorflow.python.keras.layers import MultiHeadAttention\n\n"
        "x = MultiHeadAttention(2, 8, None, 0.1)\n",
        "from keras.layers import MultiHeadAttention\n\nx = MultiHeadAttention(2, 8, None, 0.1)\n",
        to="keras",
        codes=["KM101"],
    )


def test_keras_2_keeps_its_order() -> None:
    check(
        f"{PREPROCESSING}\nx = RandomContrast(0.2, 7)\n",
        "from tf_keras.layers.experimental.preprocessing import RandomContrast\n\n"
        "x = RandomContrast(0.2, 7)\n".replace(".experimental.preprocessing", ""),
        to="tf_keras",
        codes=["KM101"],
    )


@pytest.mark.parametrize(
    "code",
    [
        # It may be written for Keras 3: nothing in the file is older.
        "from keras.layers import RandomContrast\n\nx = RandomContrast(0.2, (0, 1))\n",
        "from keras.losses import Loss\n\nx = Loss('mine')\n",
        "from keras.metrics import Metric\n\nx = Metric('float32', 'mine')\n",
        "from keras.optimizers import Adam\n\nx = Adam(0.1, 0.9, 0.999, 1e-7, True)\n",
        "from keras.layers import Dense\n\nx = Dense(4)(values)\n",
        "from keras.layers import Dense\n\nx = Dense(*given)\n",
        "from keras.layers import Dense\n\nx = Dense(4, **options)\n",
        "from keras.models import Model\n\nm = Model(a, b)\nm.fit(x, y, 32, 5, 'auto')\n",
        "import keras\n\nk = keras.ops.pad(x, ((1, 1),), 'constant', 0.0)\n",
        # What another package or this file defines.
        "from mine import Dense\n\nx = Dense(4)\nx.compute_output_signature(0)\n",
        "from keras.layers import Dense\n\n\nclass Mine(Dense):\n"
        "    def compute_output_signature(self, index):\n        return self.output\n\n\n"
        "Mine(4).compute_output_signature(0)\n",
        "from keras.layers import Dense\n\n\ndef f(Dense):\n"
        "    return Dense(4).compute_output_signature(0)\n",
        "from keras.layers import Dense\n\nx = Dense(4) if a else b\n"
        "x.compute_output_signature(0)\n",
        "from keras.layers import Dense\n\nx = Dense(4)\nx = other(x)\n"
        "x.compute_output_signature(0)\n",
    ],
)
def test_code_that_is_right_stays(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_versions_that_disagree_are_reported() -> None:
    findings = check(
        "from keras.layers.convolutional import Conv1D\n\nx = Conv1D(8, 3, 1, 'same', n, f)\n",
        "from keras.layers import Conv1D\n\nx = Conv1D(8, 3, 1, 'same', n, f)\n",
        to="keras",
        codes=["KM101", "KM214"],
    )
    assert findings[1].message == (
        "Conv1D: argument 5 was dilation_rate= or data_format= and is data_format= in keras"
        " (Keras 3)"
    )
    assert findings[1].advice == "give it by name"


def test_another_flavour_that_may_be_old_or_new_is_reported() -> None:
    check(
        "import tensorflow as tf\n\nx = tf.keras.layers.RandomContrast(0.2, 7)\n",
        "import keras\n\nx = keras.layers.RandomContrast(0.2, 7)\n",
        to="keras",
        codes=["KM101", "KM102", "KM214"],
    )


def test_what_came_from_another_flavour_is_not_taken_for_old_by_a_later_run() -> None:
    """Keras 2.0 had RMSprop(lr, rho, epsilon); the name that is gone stays behind."""
    check(
        "from keras.engine.topology import Node\n"
        "from tensorflow.keras.optimizers import RMSprop\n\n"
        "Node()\nx = RMSprop(0.1, 0.9, 0.5)\n",
        "from keras.engine.topology import Node\nfrom keras.optimizers import RMSprop\n\n"
        "Node()\nx = RMSprop(0.1, 0.9, 0.5)\n",
        to="keras",
        codes=["KM103", "KM101"],
    )


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_a_method_that_is_gone(to: str) -> None:
    package = "keras" if to == "keras" else "tensorflow.keras"
    findings = check(
        "from keras.layers import Dense\n\nlayer = Dense(4)\n"
        "y = layer.compute_output_signature(0)\n",
        f"from {package}.layers import Dense\n\nlayer = Dense(4)\n"
        "y = layer.compute_output_signature(0)\n",
        to=to,
    )
    last = findings[-1]
    assert (last.code, last.line, last.fixed) == ("KM215", 4, False)
    assert last.message == f"Dense.compute_output_signature() does not exist in {to} (Keras 3)"
    assert last.advice == "use compute_output_spec(), which takes and returns a keras.KerasTensor"


def test_keras_2_has_the_method() -> None:
    check(
        "from keras.layers import Dense\n\ny = Dense(4).compute_output_signature(0)\n",
        "from tf_keras.layers import Dense\n\ny = Dense(4).compute_output_signature(0)\n",
        to="tf_keras",
        codes=["KM101"],
    )


def test_a_keyword_that_is_gone() -> None:
    findings = untouched(
        "from keras.layers import add\n\ny = add([a, b], weights=w)\n", to="keras", codes=["KM203"]
    )
    assert findings[0].message == "add has no argument weights= in keras (Keras 3)"


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_a_keyword_of_an_older_keras_than_the_code_is_for(to: str) -> None:
    home = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}[to]
    untouched(
        f"from {home}.utils import Progbar\n\nbar = Progbar(9)\n"
        "bar.update(3, values=[], force=True)\n",
        to=to,
        codes=["KM203"],
    )


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_more_positions_than_there_are(to: str) -> None:
    code = (
        "from tensorflow.keras.utils import deserialize_keras_object as load\n\n"
        "load(a, b)\nload(*a)\nload(a, b, c, d)\n"
    )
    (finding,) = [each for each in Pipeline.to(to).run(code).findings if not each.fixed]
    assert (finding.code, finding.line) == ("KM219", 5)
    assert finding.message == "deserialize_keras_object takes 3 arguments by position, not 4"


def test_a_keyword_that_no_keras_had() -> None:
    untouched(
        "from keras.layers import add\n\ny = add([a, b], colour=c)\n", to="keras", codes=["KM219"]
    )


def test_an_argument_that_became_required() -> None:
    findings = check(
        "from tensorflow.keras.utils import custom_object_scope\n\n"
        "with custom_object_scope():\n    pass\n",
        "from keras.utils import custom_object_scope\n\nwith custom_object_scope():\n    pass\n",
        to="keras",
        codes=["KM101", "KM216"],
    )
    assert findings[1].message == (
        "custom_object_scope requires custom_objects= in keras (Keras 3)"
    )
    assert findings[1].advice == "give custom_objects="


def test_a_keyword_that_only_stars_take() -> None:
    check(
        f"{PREPROCESSING}from tensorflow.keras.layers import HashedCrossing\n\n"
        "RandomContrast(0.2)\nx = HashedCrossing(4, trainable=False)\n",
        "from keras.layers import RandomContrast, HashedCrossing\n\n"
        "RandomContrast(0.2)\nx = HashedCrossing(4, trainable=False)\n",
        to="keras",
        codes=["KM101", "KM101", "KM203"],
    )
    untouched(
        "from keras.layers import HashedCrossing\n\nx = HashedCrossing(4, trainable=False)\n",
        to="keras",
        codes=[],
    )


@pytest.mark.parametrize(
    ("requirement", "codes"),
    [
        ("keras==2.2.4", ["KM214"]),
        ("keras==1.1.0", []),
        ("keras==3.5.0", []),
        ("numpy", []),
    ],
)
def test_requirements_tell_the_version(requirement: str, codes: list[str], tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{requirement}\n", encoding="utf-8")
    untouched(
        "from keras.utils import plot_model\n\nplot_model(a, b, False, True)\n",
        to="keras",
        codes=codes,
        view=Project(tmp_path).view(tmp_path / "code.py"),
    )


def test_switched_off_on_a_line() -> None:
    check(
        f"{PREPROCESSING}\nx = RandomContrast(0.2, 7)  # kerasmigrate: ignore[KM213]\n",
        "from keras.layers import RandomContrast\n\n"
        "x = RandomContrast(0.2, 7)  # kerasmigrate: ignore[KM213]\n",
        to="keras",
        codes=["KM101"],
    )


def test_every_advice_is_for_a_method_that_was_and_is_gone() -> None:
    assert signatures.method_advices()
    for path in signatures.method_advices():
        owner, _, name = path.rpartition(".")
        had = [
            known.object_id(each) or each
            for known in map(inventory.load, inventory.names())
            for each in known.paths()
            if known.kind(each) == "class" and name in known.methods(each) and is_a(each, owner)
        ]
        assert had, path
        assert any(
            place is not None and name not in inventory.load(aim).methods(place)
            for aim in ("keras-3", "tf.keras-3", "tf_keras-2")
            for place in (home(each, aim).path for each in had)
        ), path


def test_every_advice_on_an_argument_is_for_one_that_was_and_is_gone() -> None:
    takers: dict[str, set[tuple[str, str]]] = {}
    model = "keras.models.Model"
    for known in map(inventory.load, inventory.names()):
        found = [(path, "", known.signature(path)) for path in known.paths()]
        found += [(model, name, known.method(model, name)) for name in known.methods(model)]
        for path, method, signature in found:
            for each in signature.parameters if signature is not None else ():
                takers.setdefault(each.name, set()).add((path, method))
    for name in arguments_table._data()["advice"]:
        callee, _, leaf = name.rpartition(".")
        if leaf in ("force", "kwargs"):  # of Progbar.update(), and the wrappers for scikit-learn
            continue
        had = [(path, method) for path, method in takers[leaf] if not callee or path == callee]
        assert any(
            place is not None
            and (today := known.method(place, method) if method else known.signature(place))
            is not None
            and not today.named(leaf)
            for known in map(inventory.load, ("keras-3", "tf.keras-3", "tf_keras-2"))
            for path, method in had
            for place in (home(path, known.name).path,)
        ), name


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        (
            "from keras.optimizers import SGD\n\noptimizer = SGD(0.1)\n"
            "weights = optimizer.get_weights()\n",
            ["KM231"],
        ),
        (
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.train_on_batch(x, y, reset_metrics=True)\n",
            ["KM237"],
        ),
    ],
)
def test_one_place_has_one_finding(code: str, codes: list[str]) -> None:
    untouched(code, to="keras", codes=codes)
    comment = code[:-1] + f"  # kerasmigrate: ignore[{codes[0]}]\n"
    untouched(comment, to="keras", codes=[])
    untouched(code, to="keras", codes=[], settings=Settings(ignore=frozenset(codes)))
    untouched(code, to="keras", codes=[], settings=Settings(select=frozenset({"KM203", "KM215"})))


def test_a_comment_about_one_argument_leaves_the_others() -> None:
    untouched(
        "from keras.models import Sequential\n\nmodel = Sequential()\n"
        "model.train_on_batch(\n"
        "    x,\n"
        "    y,\n"
        "    reset_metrics=True,  # kerasmigrate: ignore[KM237]\n"
        "    callbacks=z,\n"
        ")\n"
        "model.save('a.keras', signatures=s)\n",
        to="keras",
        codes=["KM219", "KM203"],
    )


CONV = "Conv2D(4, 3, (1, 1), 'same', 'channels_last', (1, 1), {})\n"


def test_a_value_that_the_target_cannot_take_shows_an_older_order() -> None:
    code = "from keras.layers import Conv2D\n\nlayer = "
    findings = untouched(code + CONV.format("'relu'"), to="keras", codes=["KM214"])
    assert findings[0].message == (
        "Conv2D: argument 7 was activation= and is groups= in keras (Keras 3)"
    )
    home = code.replace("keras", "tensorflow.keras")
    untouched(home + CONV.format("'relu'"), to="tf.keras", codes=["KM214"])


@pytest.mark.parametrize(
    "call",
    [
        CONV.format("2"),
        CONV.format("groups"),
        CONV.format("None"),
        "Conv2D(4, 3, (1, 1), 'same', 'channels_last', (1, 1), 2, 'relu')\n",
        "Conv2D(4, 3, (1, 1), 'same', 'channels_last', (1, 1), activation='relu')\n",
        "Dense(4, 'relu', True, 'zeros')\n",
        "sparse_categorical_crossentropy(a, b, True, -1)\n",
    ],
)
def test_a_value_that_the_target_takes_shows_nothing(call: str) -> None:
    code = "from keras.layers import Conv2D, Dense\n"
    code += "from keras.losses import sparse_categorical_crossentropy\n\nmade = "
    untouched(code + call, to="keras", codes=[])


def test_a_value_tells_versions_apart_in_old_code() -> None:
    """Before 2.3 the fifth argument was dilation_rate; then a text in its place would follow."""
    old, new = "from keras.layers.convolutional import {0}\n\n", "from keras.layers import {0}\n\n"
    check(
        old.format("Conv1D") + "x = Conv1D(8, 3, 1, 'same', 1, 'relu'), Conv1D(8, 3, 1, p, 1, f)\n",
        new.format("Conv1D") + "x = Conv1D(8, 3, 1, 'same', dilation_rate=1, activation='relu'),"
        " Conv1D(8, 3, 1, p, 1, f)\n",
        to="keras",
        codes=["KM101", "KM213", "KM214"],
    )
    check(
        old.format("Conv2D") + CONV.format("'relu'"),
        new.format("Conv2D") + CONV.format("activation='relu'"),
        to="keras",
        codes=["KM101", "KM213"],
    )


def test_a_parameter_that_is_spelt_small_now_kept_its_place() -> None:
    """``flow(X, y)`` of Keras 1 is ``flow(x, y)`` since Keras 2."""
    head = (
        "from {home} import ImageDataGenerator\n\nsource = ImageDataGenerator()\n"
        "source.fit(images)\n"
    )
    old = head.format(home="keras.preprocessing.image")
    new = head.format(home="tf_keras.preprocessing.image")
    for rest in (
        "flow = source.flow(images, labels, batch_size=2)\n",
        "flow = source.flow(a, b, 2)\n",
    ):
        first = "from {} import Dense\nDense({}=2)\n"
        check(
            old + first.format("keras.layers", "output_dim") + rest,
            new + first.format("tf_keras.layers", "units") + rest,
            to="tf_keras",
            codes=["KM101", "KM101", "KM201"],
        )


NEVER = """from keras.layers import Conv1D, Dense
from keras.models import Sequential
from keras.utils import plot_model

model = Sequential()
{call}
"""


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    ("call", "message", "advice"),
    [
        (
            "model.compile('sgd', loss='mse', lr=0.1)",
            "Sequential.compile() has no argument lr=, in no Keras",
            "give it to the optimizer:"
            " compile(optimizer=keras.optimizers.SGD(learning_rate=...), ...)",
        ),
        (
            "model.add(Dense(1), activation='relu')",
            "Sequential.add() has no argument activation=, in no Keras",
            "give it to the layer: add(Dense(1, activation=...))",
        ),
        (
            "plot_model(model, show_shape=True)",
            "plot_model has no argument show_shape=, in no Keras",
            "write show_shapes= if that is meant",
        ),
        (
            "plot_model(model, colour='red')",
            "plot_model has no argument colour=, in no Keras",
            "compare the call with the signature",
        ),
        (
            "layer = Conv1D(80, activation='relu')",
            "Conv1D requires kernel_size=, in every Keras",
            "give kernel_size=",
        ),
    ],
)
def test_a_call_that_never_fitted_is_reported(
    to: str, call: str, message: str, advice: str
) -> None:
    if to == "tf_keras" and "compile" in call:
        pytest.skip("its compile() takes any name")
    code = NEVER.format(call=call)
    root = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}[to]
    moved = code.replace("from keras.", f"from {root}.")
    codes = ["KM219"] if to == "keras" else ["KM101", "KM101", "KM101", "KM219"]
    findings = check(code, moved, to=to, codes=codes)
    assert (findings[-1].message, findings[-1].advice) == (message, advice)


@pytest.mark.parametrize(
    "call",
    [
        "model.compile('sgd', loss='mse', **{'lr': 0.1})",
        "model.compile('sgd', loss='mse')",
        "plot_model(model, show_shapes=True)",
        "layer = Conv1D(*sizes)",
        "layer = Conv1D(80, **sizes)",
        "make = functools.partial(Conv1D, 80)",
        "other.compile('sgd', loss='mse', lr=0.1)",
        "re.compile('x', lr=0.1)",
        "def add(layer, activation):\n    pass\n\n\nadd(Dense(1), activation='relu')",
    ],
)
def test_other_calls_are_not_said_to_never_fit(call: str) -> None:
    head = "import functools\nimport re\n" if "functools" in call or "re." in call else ""
    untouched(head + NEVER.format(call=call), to="keras", codes=[])


def test_a_model_class_with_arguments_of_its_own_is_not_judged() -> None:
    untouched(
        "from keras.models import Sequential\n\n\n"
        "class Net(Sequential):\n    def compile(self, lr):\n        self.lr = lr\n\n\n"
        "model = Net()\nmodel.compile(lr=0.1)\n",
        to="keras",
        codes=[],
    )


def test_what_a_class_keeps_is_judged_as_well() -> None:
    code = (
        "from keras.utils import Progbar\n\n\nclass Log:\n    def __init__(self, n):\n"
        "        self.bar = Progbar(n)\n\n    def step(self, i):\n"
        "        self.bar.update(i, {})\n"
    )
    untouched(code.format("values=[], force=True"), to="keras", codes=["KM203"])
    untouched(code.format("values=[]"), to="keras", codes=[])
    two = code.replace("        self.bar = Progbar(n)\n", "        self.bar = mine(n)\n" * 2)
    untouched(two.format("values=[], force=True"), to="keras", codes=[])
    both = code.replace("Progbar(n)\n", "Progbar(n)\n        self.bar = mine(n)\n")
    untouched(both.format("values=[], force=True"), to="keras", codes=[])


@each_target
def test_a_call_that_an_old_signature_cannot_take_is_not_for_it(to: str) -> None:
    root = {"tf.keras": "tensorflow.keras"}.get(to, to)
    check(
        "from keras.layers import Conv2D, Dense\n\nConv2D(3, (3, 3))\nDense(output_dim=3)\n",
        f"from {root}.layers import Conv2D, Dense\n\nConv2D(3, (3, 3))\nDense(units=3)\n",
        to=to,
        codes=["KM201"] if to == "keras" else ["KM101", "KM201"],
    )

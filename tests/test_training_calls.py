"""Training calls: fit, evaluate, predict, compile and their generator forms."""

from __future__ import annotations

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity

HEAD = "from {}.models import Sequential\n\nmodel = Sequential()\n"


def call(before: str, after: str, *, to: str = "keras", codes: list[str] | None = None, more=""):
    """Check a method call on a model."""
    return check(
        HEAD.format("keras") + more.replace("HOME", "keras") + f"model.{before}\n",
        HEAD.format(to) + more.replace("HOME", to) + f"model.{after}\n",
        to=to,
        codes=codes,
    )


BOTH = [
    ("fit(x, y, nb_epoch=5)", "fit(x, y, epochs=5)"),
    ("fit(x, y, 32, 5, 1)", "fit(x, y, 32, 5, 1)"),
    (
        "fit(\n    x, y,  # data\n    nb_epoch = n,\n)",
        "fit(\n    x, y,  # data\n    epochs = n,\n)",
    ),
    ("fit(x, y, show_accuracy=True, nb_epoch=1)", "fit(x, y, epochs=1)"),
    ("compile('sgd', loss='mse', class_mode='binary')", "compile('sgd', loss='mse')"),
    ("fit(*data, nb_epoch=5)", "fit(*data, epochs=5)"),
    ("fit(nb_epoch=5, **data)", "fit(epochs=5, **data)"),
]


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
@pytest.mark.parametrize(("before", "after"), BOTH)
def test_words(before: str, after: str, to: str) -> None:
    call(before, after, to=to)


KERAS_3 = [
    ("fit_generator(g, 10)", "fit(g, steps_per_epoch=10)"),
    (
        "fit_generator(g, 10, 5, 0, callbacks)",
        "fit(g, steps_per_epoch=10, epochs=5, verbose=0, callbacks=callbacks)",
    ),
    (
        "fit_generator(generator=g, steps_per_epoch=10, epochs=5)",
        "fit(x=g, steps_per_epoch=10, epochs=5)",
    ),
    ("fit_generator(g, 10, workers=1, max_queue_size=10)", "fit(g, steps_per_epoch=10)"),
    ("evaluate_generator(g, 10)", "evaluate(g, steps=10)"),
    ("predict_generator(g, steps=10, verbose=1)", "predict(g, steps=10, verbose=1)"),
    ("fit_generator(g, 10, **more)", "fit(g, steps_per_epoch=10, **more)"),
]


@pytest.mark.parametrize(("before", "after"), KERAS_3)
def test_generator_forms_are_gone_in_keras_3(before: str, after: str) -> None:
    call(before, after)


@pytest.mark.parametrize(("before", "_"), KERAS_3)
def test_generator_forms_stay_in_keras_2(before: str, _: str) -> None:
    call(before, before, to="tf_keras", codes=["KM101"])


def test_the_queue_in_keras_2() -> None:
    call(
        "fit_generator(g, steps_per_epoch=10, max_q_size=5, nb_worker=2, pickle_safe=True)",
        "fit_generator(g, steps_per_epoch=10, max_queue_size=5, workers=2,"
        " use_multiprocessing=True)",
        to="tf_keras",
        codes=["KM101", "KM221"],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fit(g, workers=4)", "fit(g)"),
        ("evaluate(g, use_multiprocessing=True, steps=3)", "evaluate(g, steps=3)"),
        ("predict(g, max_queue_size=n)", "predict(g)"),
    ],
)
def test_the_queue_in_keras_3(before: str, after: str) -> None:
    findings = call(before, after, codes=["KM225"])
    assert findings[0].severity is Severity.WARNING
    assert findings[0].fixed
    assert "PyDataset" in findings[0].advice
    call(before, before, to="tf_keras", codes=["KM101"])


def test_the_advice_names_the_data() -> None:
    (finding,) = call("fit(g, workers=n, max_queue_size=5)", "fit(g)", codes=["KM225"])
    assert finding.advice == (
        "where the data is a PyDataset, write g.max_queue_size = 5; g.workers = n"
    )
    (finding,) = call("fit(make(), workers=4)", "fit(make())", codes=["KM225"])
    assert finding.advice == "where the data is a PyDataset, write data.workers = 4"


def test_show_accuracy_says_what_to_do_instead() -> None:
    findings = call("fit(x, y, show_accuracy=True)", "fit(x, y)", codes=["KM225"])
    assert findings[0].advice == "compile with metrics=['accuracy']"


# -- samples and batches ---------------------------------------------------------------------------

FLOW = (
    "from HOME.preprocessing.image import ImageDataGenerator\n\n"
    "images = ImageDataGenerator()\n"
    "few = images.flow_from_directory('few', batch_size=32)\n"
    "some = images.flow(x, y)\n"
    "size = 16\n"
    "many = images.flow(x, y, batch_size=size)\n"
)

STEPS = [
    (
        "fit_generator(few, samples_per_epoch=2000, nb_epoch=5)",
        "fit_generator(few, steps_per_epoch=63, epochs=5)",
    ),
    (
        "fit_generator(few, samples_per_epoch=2048, nb_epoch=5)",
        "fit_generator(few, steps_per_epoch=64, epochs=5)",
    ),
    (
        "fit_generator(some, samples_per_epoch=len(x), nb_epoch=n)",
        "fit_generator(some, steps_per_epoch=-(-len(x) // 32), epochs=n)",
    ),
    (
        "fit_generator(many, samples_per_epoch=x.shape[0] * 2, nb_epoch=n)",
        "fit_generator(many, steps_per_epoch=-(-(x.shape[0] * 2) // size), epochs=n)",
    ),
    (
        "fit_generator(images.flow(x, y, 8), samples_per_epoch=20, nb_epoch=n)",
        "fit_generator(images.flow(x, y, 8), steps_per_epoch=3, epochs=n)",
    ),
    (
        "fit_generator(few, samples_per_epoch=len(x) * 0.8, nb_epoch=n)",
        "fit_generator(few, steps_per_epoch=int(-(-(len(x) * 0.8) // 32)), epochs=n)",
    ),
    (
        "fit_generator(few, samples_per_epoch=n / 2, nb_epoch=n)",
        "fit_generator(few, steps_per_epoch=int(-(-(n / 2) // 32)), epochs=n)",
    ),
    (
        "fit_generator(few, samples_per_epoch=n // 2, nb_epoch=n)",
        "fit_generator(few, steps_per_epoch=-(-(n // 2) // 32), epochs=n)",
    ),
    (
        "fit_generator(few, samples_per_epoch=64, nb_epoch=1, validation_data=many,"
        " nb_val_samples=800)",
        "fit_generator(few, steps_per_epoch=2, epochs=1, validation_data=many,"
        " validation_steps=-(-800 // size))",
    ),
    (
        "fit_generator(few, samples_per_epoch=64, nb_epoch=1, validation_data=(x, y),"
        " nb_val_samples=9)",
        "fit_generator(few, steps_per_epoch=2, epochs=1, validation_data=(x, y))",
    ),
    ("evaluate_generator(few, val_samples=64)", "evaluate_generator(few, steps=2)"),
    ("predict_generator(few, val_samples=65)", "predict_generator(few, steps=3)"),
    ("fit_generator(few, 64, nb_epoch=1)", "fit_generator(few, 2, epochs=1)"),
]


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_batches_are_counted(before: str, after: str) -> None:
    call(before, after, to="tf_keras", more=FLOW)


def test_a_generator_that_is_handed_over() -> None:
    code = (
        "from {}.models import Sequential\n\n\n"
        "def train(images):\n"
        "    model = Sequential()\n"
        "    model.fit_generator(images.flow(x, y, batch_size=8), {}, {}=1)\n"
    )
    check(
        code.format("keras", "samples_per_epoch=n", "nb_epoch"),
        code.format("tf_keras", "steps_per_epoch=-(-n // 8)", "epochs"),
        to="tf_keras",
    )


def test_the_batch_size_of_another_place_is_asked_for() -> None:
    code = (
        "from {}.models import Sequential\n"
        "from {}.preprocessing.image import ImageDataGenerator\n\n"
        "model = Sequential()\n"
        "images = ImageDataGenerator()\n"
        "size = 1\nsize = 2\n"
        "many = images.flow(x, y, batch_size=size)\n"
        "model.fit_generator(many, {}=n, {}=1)\n"
    )
    check(
        code.format("keras", "keras", "samples_per_epoch", "nb_epoch"),
        code.format("tf_keras", "tf_keras", "steps_per_epoch", "epochs").replace(
            "=n,", "=-(-n // many.batch_size),"
        ),
        to="tf_keras",
    )


@pytest.mark.parametrize(
    ("before", "advice"),
    [
        (
            "fit_generator(mine(), samples_per_epoch=n, nb_epoch=1)",
            "write steps_per_epoch=-(-n // batch_size) in a call of fit(), with the right batch"
            " size",
        ),
        (
            "fit_generator(mine(b, size=3), samples_per_epoch=a + b, nb_epoch=1)",
            "write steps_per_epoch=-(-(a + b) // batch_size) in a call of fit(), with the right"
            " batch size",
        ),
        (
            "evaluate_generator(unknown, val_samples=10)",
            "write steps=-(-10 // batch_size) in a call of evaluate(), with the right batch size",
        ),
    ],
)
def test_a_batch_size_out_of_sight(before: str, advice: str) -> None:
    findings = call(before, before, codes=["KM224"])
    assert findings[0].advice == advice
    assert findings[0].confidence is Confidence.UNSURE


OWN = (
    "from keras.models import Sequential\n\n\ndef mine(x, batch_size, seed=None):\n"
    "    while True:\n        yield x[:batch_size]\n\n\n"
    "def whole(x, batch_size):\n    return x\n\n\n"
    "def main(batch_size, config):\n    other = batch_size\n"
    "    batches = Mine(x, batch_size=batch_size)\n    few = Mine(x, batch_size=other + 1)\n"
    "    model = Sequential()\n    model.{}\n"
)


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        ("mine(x, 4)", "5"),
        ("Mine().flow(x, y, batch_size=3)", "7"),
        ("mine(x, seed=3, batch_size=config.size)", "-(-20 // config.size)"),
        ("mine(x, config.size)", "-(-20 // config.size)"),
        ("Mine(x, batch_size=batch_size)", "-(-20 // batch_size)"),
        ("batches", "-(-20 // batch_size)"),
        ("batches()", "-(-20 // batch_size)"),
    ],
)
def test_what_a_generator_is_told(before: str, steps: str) -> None:
    findings = check(
        OWN.format(f"fit_generator({before}, samples_per_epoch=20, nb_epoch=2)"),
        OWN.format(f"fit({before}, steps_per_epoch={steps}, epochs=2)"),
        to="keras",
    )
    (found,) = [each for each in findings if each.code == "KM223"]
    assert found.confidence is Confidence.LIKELY
    assert found.advice == "the generator is taken to give batches of its batch_size"


@pytest.mark.parametrize(
    "generator",
    [
        "mine(x)",
        "mine(*x, batch_size=3)",
        "whole(x, 4)",
        "few",
        "few()",
        "batches(3)",
        "batches.flow()",
        "other(x, 4)",
        "config.mine(x, 4)",
    ],
)
def test_what_no_generator_is_told(generator: str) -> None:
    untouched(
        OWN.format(f"fit_generator({generator}, samples_per_epoch=20, nb_epoch=2)"),
        to="keras",
        codes=["KM224"],
    )


KERAS_1 = (
    "from {0}.layers import Dense\nfrom {0}.models import Sequential\n\nmodel = Sequential()\n"
    "model.add(Dense(4, {1}='zero'))\n"
)


@pytest.mark.parametrize(
    ("before", "strays", "advice"),
    [
        (
            "fit_generator(g, n, e, 1, [], v, nv, {}, 10, 2, True, 3)",
            "; by position samples_per_epoch= is taken for steps_per_epoch=, nb_val_samples= is"
            " taken for validation_steps=, class_weight= is taken for validation_freq=, max_q_size="
            " is taken for class_weight=, nb_worker= is taken for max_queue_size=, pickle_safe= is"
            " taken for workers=, initial_epoch= is taken for use_multiprocessing=",
            "model.fit_generator(g, steps_per_epoch=-(-n // batch_size), epochs=e, verbose=1,"
            " callbacks=[], validation_data=v, validation_steps=-(-nv // batch_size),"
            " class_weight={}, max_queue_size=10, workers=2, use_multiprocessing=True,"
            " initial_epoch=3)",
        ),
        (
            "evaluate_generator(g, 100)",
            "; by position val_samples= is taken for steps=",
            "model.evaluate_generator(g, steps=-(-100 // batch_size))",
        ),
        (
            "predict_generator(g, n, q)",
            "; by position val_samples= is taken for steps=, max_q_size= is taken for callbacks=",
            "model.predict_generator(g, steps=-(-n // batch_size), max_queue_size=q)",
        ),
        ("predict_generator(g, val_samples=n)", "", "steps=-(-n // batch_size)"),
    ],
)
def test_a_finding_says_what_each_position_is_taken_for(
    before: str, strays: str, advice: str
) -> None:
    code = f"model.{before}\n"
    findings = check(
        KERAS_1.format("keras", "init") + code,
        KERAS_1.format("tf_keras", "kernel_initializer") + code,
        to="tf_keras",
        codes=["KM101", "KM101", "KM201", "KM224"],
    )
    assert findings[-1].message.partition(" has")[2] == strays
    assert findings[-1].advice == f"write {advice}, with the right batch size"


def test_a_call_in_an_advice_has_the_names_of_today() -> None:
    findings = check(
        KERAS_1.format("keras", "init") + "model.fit_generator(g, n, 4, max_q_size=2)\n",
        KERAS_1.format("keras", "kernel_initializer")
        + "model.fit_generator(g, n, 4, max_q_size=2)\n",
        to="keras",
        codes=["KM201", "KM224"],
    )
    assert findings[-1].message.endswith(" has")
    assert findings[-1].advice == (
        "write model.fit(g, steps_per_epoch=-(-n // batch_size), epochs=4), with the right batch"
        " size"
    )


def test_a_second_argument_that_may_count_either() -> None:
    findings = untouched(
        HEAD.format("keras")
        + "model.fit(x, epochs=1)\nother.fit(x, nb_epoch=1)\nmodel.fit_generator(g, 2000, 5)\n",
        to="keras",
    )
    assert [finding.code for finding in findings] == ["KM227", "KM224"]


# -- compile ---------------------------------------------------------------------------------------

TF = "from {}.models import Sequential\n\nmodel = Sequential()\nmodel.compile({})\n"


def test_later_positions_of_compile_are_those_of_the_version() -> None:
    """The fifth was sample_weight_mode before TensorFlow 2.2, and is weighted_metrics since."""
    given = "'sgd', 'mse', ['mae'], None, w, eager"
    check(
        TF.format("tensorflow.keras", given),
        TF.format("tf_keras", given),
        to="tf_keras",
        codes=["KM101"],
    )
    check(
        TF.format("tensorflow.keras", given),
        TF.format(
            "keras",
            "'sgd', 'mse', metrics=['mae'], loss_weights=None, weighted_metrics=w,"
            " run_eagerly=eager",
        ),
        to="keras",
        codes=["KM101", "KM226"],
    )
    check(TF.format("keras", given), TF.format("tf_keras", given), to="tf_keras", codes=["KM101"])
    older = "import tensorflow as tf\n\nsession = tf.Session()\n"
    check(
        older + TF.format("tensorflow.keras", "'sgd', 'mse', ['mae'], None, w"),
        older + TF.format("tf_keras", "'sgd', 'mse', ['mae'], None, sample_weight_mode=w"),
        to="tf_keras",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("compile('sgd', 'mse', ['mae'])", "compile('sgd', 'mse', metrics=['mae'])"),
        (
            "compile('sgd', 'mse', ['mae'], [1, 2])",
            "compile('sgd', 'mse', metrics=['mae'], loss_weights=[1, 2])",
        ),
        ("compile('sgd', 'mse', {'a': 'mae'})", "compile('sgd', 'mse', metrics={'a': 'mae'})"),
    ],
)
def test_the_third_argument_of_compile(before: str, after: str) -> None:
    call(before, after, codes=["KM226"])
    call(before, before, to="tf_keras", codes=["KM101"])


def test_metrics_bound_to_a_name() -> None:
    call(
        "compile('sgd', 'mse', wanted)",
        "compile('sgd', 'mse', metrics=wanted)",
        more="wanted = ['mae']\n",
        codes=["KM226"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "compile('sgd', 'mse', [.5, .5])",
        "compile('sgd', 'mse', {'a': 1})",
        "compile('sgd', 'mse', [])",
        "compile('sgd', 'mse', metrics=['mae'])",
        "compile('sgd', 'mse')",
        "compile(*args)",
    ],
)
def test_compile_left_alone(code: str) -> None:
    call(code, code, codes=[])


def test_a_third_argument_that_the_source_does_not_show() -> None:
    findings = call("compile('sgd', 'mse', m)", "compile('sgd', 'mse', m)", codes=["KM226"])
    assert findings[0].confidence is Confidence.UNSURE
    assert not findings[0].fixed


def test_what_compile_lost() -> None:
    text = "compile('sgd', 'mse', sample_weight_mode='temporal')"
    findings = call(text, text, codes=["KM203"])
    assert findings[0].message == (
        "compile() has no argument sample_weight_mode= in keras (Keras 3)"
    )


# -- the receiver ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "def build():\n    model = Sequential()\n    return model\n\n\nbuild().fit(x, {}=1)\n",
        "model = Sequential()\nagain = model\nagain.fit(x, {}=1)\n",
        "class A:\n    def __init__(self):\n        self.net = Sequential()\n\n"
        "    def go(self):\n        self.net.fit(x, {}=1)\n",
        "class A(Sequential):\n    def go(self):\n        self.fit(x, {}=1)\n",
        "def go(net):\n    net.compile(loss='mse', optimizer='sgd')\n    net.fit(x, {}=1)\n",
        "Sequential([a]).fit(x, {}=1)\n",
    ],
)
def test_receivers(code: str) -> None:
    head = "from keras.models import Sequential\n\n\n"
    check(head + code.format("nb_epoch"), head + code.format("epochs"), to="keras", codes=["KM221"])


@pytest.mark.parametrize(
    "code",
    [
        "class Mine:\n    def fit(self, nb_epoch):\n        pass\n\n\nMine().fit(nb_epoch=1)\n",
        "class Mine:\n    pass\n\n\nmine = Mine()\nmine.fit(x, nb_epoch=1)\n",
        "def fit(x, nb_epoch):\n    pass\n\n\nfit(x, nb_epoch=1)\n",
        "mine.fit(x, epochs=1)\n",
        "mine.score(x, nb_epoch=1)\n",
        "class A(Base):\n    def fit(self, x, nb_epoch):\n        self.go(x, nb_epoch=nb_epoch)\n",
        "class A(keras.Model):\n    def fit(self, x, nb_epoch):\n        pass\n\n\n"
        "A().fit(x, nb_epoch=1)\n",
        "class A(keras.Model):\n    def fit_generator(self, g):\n        pass\n\n"
        "    def go(self):\n        self.fit_generator(g)\n",
    ],
)
def test_left_alone(code: str) -> None:
    untouched(f"import keras\n\n\n{code}", to="keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "def go(model):\n    model.fit(x, nb_epoch=1)\n",
        "from mine import model\n\nmodel.fit(x, nb_epoch=1)\n",
        "class A:\n    def go(self):\n        self.model.fit(x, nb_epoch=1)\n",
    ],
)
def test_what_may_be_a_model_is_reported(code: str) -> None:
    findings = untouched(f"import keras\n\n\n{code}", to="keras", codes=["KM227"])
    assert findings[0].confidence is Confidence.UNSURE
    assert findings[0].advice == "if it is one: nb_epoch= is epochs= now"

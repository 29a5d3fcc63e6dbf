"""KM648: losses that are added to a functional model from outside."""

from __future__ import annotations

from string import Template
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings
from kerasmigrate.transforms._loss_models import LOSS_MODEL

ROOTS = {"keras": "keras", "tf.keras": "tensorflow.keras"}
TARGETS = pytest.mark.parametrize("to", list(ROOTS))
HEAD = """\
import {0} as keras
from {0} import backend as K
from {0}.layers import Dense, Dropout, Input, Lambda
from {0}.losses import mean_squared_error
from {0}.models import Model

"""
GRAPH = """\
x = Input((3,))
h = Dense(2)(x)
y = Dense(3)(h)
model = Model(x, y)
"""


def migrated(code: str, to: str = "keras") -> tuple[str, list[Finding]]:
    result = Pipeline.to(to).run(HEAD.format("keras") + code)
    assert result.failures == ()
    compile(result.text, "<after>", "exec", dont_inherit=True)
    again = Pipeline.to(to).run(result.text)
    assert again.text == result.text
    assert "KM335" not in [each.code for each in again.findings] or "KM335" in [
        each.code for each in result.findings
    ]
    return result.text, [each for each in result.findings if each.code in ("KM335", "KM648")]


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_the_whole_change(to: str) -> None:
    root = ROOTS[to]
    code = """\
import {root} as keras
{definition}
inputs = keras.Input((3,))
vae = {model}(inputs, keras.layers.Dense(3)(inputs), name="vae")
vae.summary()
loss = keras.ops.mean(keras.ops.square(inputs - vae.output))
loss *= 3
vae.add_loss(loss)  # of both
vae.compile("sgd")
"""
    uses = {key: path.replace("keras.", "keras.", 1) for key, path in LOSS_MODEL.uses.items()}
    made = Template(LOSS_MODEL.source.strip()).substitute(uses, name="ModelWithLosses")
    check(
        code.format(root=root, definition="", model="keras.Model"),
        code.format(root=root, definition=f"\n\n{made}\n\n", model="ModelWithLosses"),
        to=to,
        codes=["KM648"],
    )


@TARGETS
@pytest.mark.parametrize(
    "code",
    [
        "model.add_loss(K.mean(K.square(x - y)))\n",
        "model.add_loss(losses=K.mean(h))\n",
        "model.add_loss([K.mean(h), 0.5 * K.sum(y)])\n",
        "model.add_loss(K.mean(h))\nmodel.add_loss(-K.max(y))\n",
        "loss = mean_squared_error(x, y)\nloss = K.mean(loss)\nmodel.add_loss(loss)\n",
        "loss = K.sum(h, axis=-1)\nloss *= -0.5\nloss = K.mean(loss)\nmodel.add_loss(loss)\n",
        "import numpy as np\nmodel.add_loss(np.log(2 * np.pi) * K.mean(h))\n",
        "n, m = 3, 2\nmodel.add_loss(K.mean(K.sum(h, axis=[1]) / (n * m)) + K.epsilon())\n",
        "model.summary()\nkeras.utils.plot_model(model, 'm.png')\nmodel.add_loss(K.mean(h))\n",
        "part = Model(model.input, h)\nmodel.add_loss(K.mean(model.output))\n",
        "if __name__ == '__main__':\n    if x is h:\n        loss = mean_squared_error(x, y)\n"
        "    else:\n        loss = K.binary_crossentropy(x, y)\n    loss *= 3\n"
        "    model.add_loss(K.mean(loss + K.sum(h)))\n    model.compile('sgd')\n",
    ],
)
def test_a_model_with_a_loss_becomes_one_of_the_class(code: str, to: str) -> None:
    text, findings = migrated(GRAPH + code, to)
    assert "\nmodel = ModelWithLosses(x, y)\n" in text
    assert [(each.code, each.fixed) for each in findings] == [("KM648", True)] * code.count(
        "add_loss("
    )
    assert "losses=" not in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Model(x, y, 'm')", "ModelWithLosses(x, y, 'm')"),
        ("Model(inputs=[x], outputs=[y])", "ModelWithLosses(inputs=[x], outputs=[y])"),
        ("Model(input=x, output=y)", "ModelWithLosses(inputs=x, outputs=y)"),
        ("Model(x, outputs=y, name='m')", "ModelWithLosses(x, outputs=y, name='m')"),
    ],
)
def test_the_arguments_of_the_model(before: str, after: str) -> None:
    code = GRAPH.replace("Model(x, y)", before) + "model.add_loss(K.mean(y))\n"
    text, _ = migrated(code)
    assert f"\nmodel = {after}\n" in text


def test_models_in_functions_and_in_attributes() -> None:
    text, findings = migrated(
        "def build(size, beta=1.0):\n"
        "    x = Input((size,))\n    for n in (4, 2):\n        h = Dense(n)(x)\n"
        "    vae = Model(x, Dense(size)(h))\n"
        "    vae.add_loss(beta * K.mean(K.square(h)) / size)\n    return vae\n\n\n"
        "class Builder:\n    def __init__(self, beta):\n        self.beta = beta\n\n"
        "    def build(self):\n        x = Input((2,))\n        self.vae = Model(x, Dense(2)(x))\n"
        "        self.vae.add_loss(self.beta * K.mean(self.vae.output))\n"
    )
    assert "    vae = ModelWithLosses(x, " in text
    assert "        self.vae = ModelWithLosses(x, " in text
    assert [each.fixed for each in findings] == [True, True]


def test_functions_of_tensorflow_count_where_they_become_those_of_keras() -> None:
    text, findings = migrated(
        f"import tensorflow as tf\n{GRAPH}"
        "loss = tf.reduce_mean(tf.square(x - y), name='loss')\nmodel.add_loss(loss)\n"
    )
    assert "loss = keras.ops.mean(keras.ops.square(x - y))\n" in text
    assert [each.fixed for each in findings] == [True]


@pytest.mark.parametrize(
    "code",
    [
        # Not one number, or not known to be.
        "model.add_loss(K.square(h))\n",
        "model.add_loss(K.mean(h, axis=-1))\n",
        "model.add_loss(mean_squared_error(x, y))\n",
        "model.add_loss(K.mean(h) * mean_squared_error(x, y))\n",
        "model.add_loss(own_loss(x, y))\n",
        "loss = K.mean(h)\nif x is y:\n    loss = K.square(h)\nmodel.add_loss(loss)\n",
        "loss = K.mean(h)\nfor each in range(2):\n    loss = loss * h\nmodel.add_loss(loss)\n",
        "model.add_loss([])\n",
        # Weights and functions.
        "model.add_loss(0.1 * K.sum(K.square(model.layers[1].kernel)))\n",
        "w = model.layers[1].kernel\nmodel.add_loss(K.mean(h * w))\n",
        "w = K.variable(2.0)\nmodel.add_loss(w * K.mean(h))\n",
        "model.add_loss(K.mean(K.gradients(y, x)[0]))\n",
        "model.add_loss(lambda: K.mean(h))\n",
        "model.add_loss(3.0)\n",
        # Other ways to call it.
        "model.add_loss(K.mean(h), inputs=[x])\n",
        "model.add_loss(K.mean(h), True)\n",
        "model.add_loss(*[K.mean(h)])\n",
        # Not fresh.
        "model.compile('sgd', 'mse')\nmodel.add_loss(K.mean(h))\n",
        "prepare(model)\nmodel.add_loss(K.mean(h))\n",
        "other = model\nother.compile('sgd', 'mse')\nmodel.add_loss(K.mean(h))\n",
        "models = [model]\nmodel.add_loss(K.mean(h))\n",
        "for part in (h, y):\n    model.add_loss(K.mean(h))\n    model.compile('sgd')\n",
        # Not one model.
        "model = Model(x, h)\nmodel.add_loss(K.mean(h))\n",
        "def add():\n    model.add_loss(K.mean(h))\n\n\nmodel.compile('sgd')\nadd()\n",
        # One that is understood, and one that is not.
        "model.add_loss(K.mean(h))\nmodel.add_loss(K.square(h))\n",
    ],
)
def test_what_is_not_certain_is_reported(code: str) -> None:
    text, findings = migrated(GRAPH + code)
    assert "ModelWithLosses" not in text
    assert {each.code for each in findings} == {"KM335"}
    assert len(findings) == code.count(".add_loss(")


@pytest.mark.parametrize(
    "model",
    [
        "keras.models.load_model('m')",
        "keras.applications.VGG16()",
        "keras.models.Sequential([Dense(3)])",
        "Model(*parts)",
        "Model(x, y, wrong=3)",
    ],
)
def test_other_models_stay(model: str) -> None:
    text, findings = migrated(GRAPH.replace("Model(x, y)", model) + "model.add_loss(K.mean(h))\n")
    assert "ModelWithLosses" not in text
    assert [each.code for each in findings] == ["KM335"]


@pytest.mark.parametrize(
    "code",
    [
        "class Own(Model):\n    def add_loss(self, loss):\n        pass\n\n\n"
        "own = Own()\nown.add_loss(3)\n",
        "def f(thing):\n    thing.add_loss(K.mean(3))\n",
        "class Log:\n    def go(self):\n        self.add_loss(1)\n",
    ],
)
def test_other_methods_of_that_name_are_not_meant(code: str) -> None:
    _, findings = migrated(code)
    assert findings == []


def test_keras_2_keeps_its_models() -> None:
    code = HEAD.format("tf_keras") + GRAPH + "model.add_loss(K.mean(h))\n"
    untouched(code, to="tf_keras", codes=[])


def test_a_rule_that_is_not_selected_leaves_the_other_one() -> None:
    code = HEAD.format("keras") + GRAPH + "model.add_loss(K.mean(h))\n"
    result = Pipeline.to("keras", settings=Settings(ignore=frozenset({"KM648"}))).run(code)
    assert "ModelWithLosses" not in result.text
    assert "KM335" in [each.code for each in result.findings]


def test_an_import_that_does_not_always_run_gives_the_class_no_place() -> None:
    result = Pipeline.to("keras").run(
        "def build():\n    from keras import layers, models, ops\n"
        "    x = layers.Input((3,))\n    model = models.Model(x, layers.Dense(2)(x))\n"
        "    model.add_loss(ops.mean(model.output))\n"
    )
    assert [each.code for each in result.findings] == ["KM335"]


METRIC = "model.add_metric(K.mean(h), name='m', aggregation='mean')\n"


@TARGETS
@pytest.mark.parametrize(
    "code",
    [
        METRIC,
        "model.add_loss(K.mean(h))\n" + METRIC,
        "model.add_metric(K.square(h), 'square')\n",
        "model.add_metric(value=h, name='h')\n",
    ],
)
def test_metrics_take_a_larger_class(code: str, to: str) -> None:
    text, findings = migrated(GRAPH + code, to)
    assert "\nmodel = ModelWithLossesAndMetrics(x, y)\n" in text
    assert [each.fixed for each in findings] == [True] * code.count(".add_")


@pytest.mark.parametrize(
    "metric",
    [
        "model.add_metric(K.mean(h))\n",
        "model.add_metric(K.mean(h), name=name)\n",
        "model.add_metric(K.mean(h), name='m', aggregation=None)\n",
        "model.add_metric(K.mean(h), 'm', 'mean')\n",
        "model.add_metric(keras.metrics.Mean()(h), name='m')\n",
        "model.add_metric(own(x), name='m')\n",
        "model.compile('sgd')\nmodel.add_metric(K.mean(h), name='m')\n",
    ],
)
def test_metrics_that_are_not_certain_are_reported(metric: str) -> None:
    text, findings = migrated(GRAPH + metric)
    assert "ModelWith" not in text
    assert [each.code for each in findings] == ["KM335"]
    text, findings = migrated(GRAPH + "model.add_loss(K.mean(h))\n" + metric)
    assert "\nmodel = ModelWithLosses(x, y)\n" in text
    assert [each.code for each in findings] == ["KM648", "KM335"]


def test_a_metric_does_not_bring_back_a_loss_that_is_not_certain() -> None:
    text, findings = migrated(GRAPH + METRIC + "model.add_loss(K.square(h))\n")
    assert "ModelWith" not in text
    assert [each.code for each in findings] == ["KM335", "KM335"]


NESTED = """\
drop = Dropout(0.5)
x = Input((3,))
h = {layer}(Dense(2)(x))
encoder = Model(x, h)
z = Input((2,))
decoder = Model(z, Dense(3)(z))
y = decoder(encoder(x))
model = Model(x, y)
model.add_loss(K.mean(K.square(x - y)) + K.mean(K.square({of})))
"""


@pytest.mark.parametrize(
    ("layer", "of", "told"),
    [
        ("Dropout(0.5)", "h", True),
        ("drop", "h", True),
        ("Dense(2)", "h", False),
        ("Dropout(0.5)", "y", False),
    ],
)
def test_what_runs_twice_is_told(layer: str, of: str, told: bool) -> None:
    text, findings = migrated(NESTED.format(layer=layer, of=of))
    assert "\nmodel = ModelWithLosses(x, y)\n" in text
    assert [each.message for each in findings if not each.fixed] == [
        "Dropout inside the inner model runs once for the output and once for the loss, as in"
        " TensorFlow 2"
    ] * told


def test_a_file_that_cannot_hold_the_model_is_told() -> None:
    _, findings = migrated(
        GRAPH + "model.add_loss(K.mean(h))\nmodel.save('m.h5')\nmodel.save('m.keras')\n"
    )
    assert [each.fixed for each in findings] == [True, False]
    assert findings[1].message == (
        'load_model() does not find the losses in an .h5 file: "Unknown layer"'
    )


PROGRAM = """\
import keras
import numpy as np
from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy, mse
from keras.models import Model

size, latent = 6, 2
inputs = Input((size,), name="inputs")
noise = Input((latent,), name="noise")
h = Dense(5, activation="relu", kernel_regularizer=keras.regularizers.l2(0.01))(inputs)
z_mean = Dense(latent)(h)
z_log_sigma = Dense(latent)(h)
z = Lambda(lambda t: t[0] + K.exp(t[1]) * t[2])([z_mean, z_log_sigma, noise])
encoder = Model([inputs, noise], [z_mean, z_log_sigma, z], name="encoder")
hidden = Input((latent,))
decoder = Model(hidden, Dense(size, activation="sigmoid")(hidden), name="decoder")
{outputs}
vae = Model([inputs, noise], outputs, name="vae")

reconstruction = {function}(inputs, outputs)
reconstruction *= size
kl = 1 + 2 * z_log_sigma - K.square(z_mean) - K.exp(2 * z_log_sigma)
kl = K.sum(kl, axis=-1)
kl *= -0.5
vae.add_loss(K.mean(reconstruction + kl))
{more}
vae.compile(keras.optimizers.SGD(0.01), {compiled})

shapes = [each.shape for each in vae.get_weights()]
vae.set_weights(given)
results["layers"] = [each.name for each in vae.layers if hasattr(each, "layers")]
results["weights"] = len(shapes)
results["whole"] = vae.evaluate(x, y, batch_size=8, verbose=0)
results["parts"] = vae.evaluate(x, y, batch_size=3, verbose=0)
results["trained"] = [vae.train_on_batch(x, y) for _ in range(3)]
history = vae.fit(
    x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(x, y)
).history
results["history"] = {{key: [float(each) for each in history[key]] for key in history}}
results["predicted"] = vae.predict(x)
results["after"] = [each.tolist() for each in vae.get_weights()]
"""
NEST = "outputs = decoder(encoder([inputs, noise])[2])"
CHAIN = "outputs = decoder(z)"
RNG = np.random.default_rng(0)
SHAPES = ((6, 5), (5,), (5, 2), (2,), (5, 2), (2,), (2, 6), (6,))
GIVEN = [RNG.normal(size=each).astype("float32") / 2 for each in SHAPES]
X = [RNG.uniform(size=(8, 6)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")]
MORE = "vae.add_loss([0.1 * K.mean(h), K.max(outputs)])"


def run_new(code: str, to: str, **names: Any) -> dict[str, Any]:
    """Run the migrated program where the target is installed."""
    result = Pipeline.to(to).run(code)
    assert result.failures == ()
    assert [each for each in result.findings if each.code == "KM335"] == []
    names["results"] = {}
    exec(compile(result.text, "<after>", "exec", dont_inherit=True), names)
    return dict(names["results"])


def near(new: Any, old: Any) -> None:
    assert np.allclose(np.ravel(new), np.ravel(old), rtol=1e-5, atol=1e-6), (new, old)


def losses(results: Any) -> list[float]:
    """Return the loss of each result of train_on_batch(); metrics are another matter."""
    return [float(np.ravel(each)[0]) for each in results]


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize("version", ["2.2.4", "2.3.1"])
@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({"outputs": NEST, "function": "mse", "more": "", "compiled": "loss=None"}, False),
        ({"outputs": CHAIN, "function": "mse", "more": MORE, "compiled": "'mse'"}, True),
        (
            {
                "outputs": CHAIN,
                "function": "binary_crossentropy",
                "more": "vae.summary()",
                "compiled": "'mse', metrics=['mae']",
            },
            True,
        ),
    ],
)
def test_an_autoencoder_computes_and_learns_what_it_did(
    version: str, options: dict[str, str], y: bool
) -> None:
    names = {"given": GIVEN, "x": X, "y": X[0] if y else None}
    code = PROGRAM.format(**options)
    old = run_original(version, code, **names)
    for to in ROOTS:
        new = run_new(code, to, **names)
        assert new["weights"] == old["weights"] == len(GIVEN)
        assert new["layers"] == old["layers"]
        near(new["whole"], old["whole"])
        near(new["parts"], old["parts"])
        near(losses(new["trained"]), losses(old["trained"]))
        for key in ("loss", "val_loss"):
            near(new["history"][key], old["history"][key])
        near(new["predicted"], old["predicted"])
        for mine, other in zip(new["after"], old["after"], strict=True):
            near(mine, other)

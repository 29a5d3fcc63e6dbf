"""KM715 and KM261: models as YAML."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import check, untouched
from originals import run_original
from targets import each_target

from kerasmigrate.pipeline import Pipeline

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
WRITES = '''

def model_to_yaml(model, **kwargs):
    """Return the configuration of a model as YAML."""
    import json

    import yaml

    return yaml.dump(json.loads(model.to_json()), **kwargs)


'''
READS = '''

def keras_model_from_yaml(yaml_string, custom_objects=None):
    """Build a model from its configuration as YAML."""
    import json

    import yaml

    config = yaml.load(yaml_string, Loader=yaml.FullLoader)  # old files hold tuples
    return model_from_json(json.dumps(config), custom_objects=custom_objects)


'''


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.to_yaml()", "model_to_yaml(model)"),
        ("model.to_yaml(indent=2)  # wide", "model_to_yaml(model, indent=2)  # wide"),
        ("model.to_yaml(**options)", "model_to_yaml(model, **options)"),
        ("Sequential().to_yaml()", "model_to_yaml(Sequential())"),
    ],
)
def test_written_by_a_function(before: str, after: str, to: str) -> None:
    start = f"from {PACKAGE[to]}.models import Sequential\n"
    findings = check(
        f"from keras.models import Sequential\n\nmodel = Sequential()\ntext = {before}\n",
        f"{start}{WRITES}model = Sequential()\ntext = {after}\n",
        to=to,
    )
    assert [each.code for each in findings if each.code != "KM101"] == ["KM715"]


@each_target
def test_read_by_a_function(to: str) -> None:
    findings = check(
        "from keras.models import model_from_yaml\n\n\ndef load(text):\n"
        "    return model_from_yaml(text, {'Own': Own})\n",
        f"from {PACKAGE[to]}.models import model_from_json\n{READS}def load(text):\n"
        "    return keras_model_from_yaml(text, {'Own': Own})\n",
        to=to,
    )
    assert {each.code for each in findings} == {"KM101", "KM261"}


@each_target
def test_what_may_be_a_model_is_reported(to: str) -> None:
    code = f"from {PACKAGE[to]} import layers\n\n\ndef f(model):\n    return model.to_yaml()\n"
    untouched(code, to=to, codes=["KM715"])


@each_target
@pytest.mark.parametrize(
    "code",
    [
        "import {}.layers\n\ntext = config.to_yaml()\n",
        "from mine import Sequential\nimport {}\n\nmodel = Sequential()\ntext = model.to_yaml()\n",
        "from mine import model_from_yaml\n\nmodel = model_from_yaml(text)\n",
        "from {}.models import Sequential\n\nmodel = Sequential()\ntext = model.to_json()\n",
    ],
)
def test_other_yaml(code: str, to: str) -> None:
    untouched(code.format(PACKAGE[to]), to=to, codes=[])


PROGRAM = """
from keras.layers import Dense, Dropout
from keras.models import Sequential, model_from_yaml
import numpy as np

model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dropout(0.5), Dense(2)])
text = model.to_yaml()
again = model_from_yaml(text)
again.set_weights(model.get_weights())
x = np.eye(3, dtype="float32")
same = bool(np.allclose(model.predict(x, verbose=0), again.predict(x, verbose=0)))
names = [layer.name for layer in model.layers] == [layer.name for layer in again.layers]
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
def test_a_model_comes_back() -> None:
    """Also one that Keras 2.2.4 has written, with tuples, for tf_keras."""
    writing = PROGRAM.partition("again")[0]  # its reading needs a PyYAML of its time
    old = run_original("2.2.4", writing + "results['text'] = text\n")
    assert "!!python/tuple" in old["text"]
    for to in ("keras", "tf_keras"):
        more = "import json\n"
        if to == "tf_keras":
            more += f"x = keras_model_from_yaml({old['text']!r})\n"
            more += "same = same and len(x.layers) == 3\n"
        more += "print(json.dumps([same, names]))\n"
        code = Pipeline.to(to).run(PROGRAM).text + more
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr[-2000:]
        assert json.loads(done.stdout.splitlines()[-1]) == [True, True]

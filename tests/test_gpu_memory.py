"""KM821: GPU memory grows without a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

START = "import tensorflow as tf\nfrom keras import backend as K\n\n"
AFTER = "import tensorflow as tf\n\n"
LOOP = (
    "for gpu in tf.config.list_physical_devices('GPU'):\n"
    "    tf.config.experimental.set_memory_growth(gpu, True)\n"
)


@pytest.mark.parametrize(
    "code",
    [
        "config = tf.ConfigProto()\nconfig.gpu_options.allow_growth = True\n"
        "K.set_session(tf.Session(config=config))\n",
        "config = tf.compat.v1.ConfigProto()\nconfig.gpu_options.allow_growth = True\n"
        "sess = tf.compat.v1.Session(config=config)\nK.set_session(sess)\n",
        "config = tf.ConfigProto(allow_soft_placement=True)\nconfig.log_device_placement = False\n"
        "config.gpu_options.allow_growth = True\nK.set_session(tf.Session(config=config))\n",
        "options = tf.ConfigProto(gpu_options=tf.GPUOptions(allow_growth=True))\n"
        "K.set_session(tf.Session(config=options))\n",
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_session_for_memory_alone(code: str, to: str) -> None:
    start = START if to == "keras" else START.replace("keras import", "tf_keras import")
    check(start + code, AFTER + LOOP, to=to, codes=["KM821"])


SESSION = (
    "config = tf.ConfigProto(gpu_options=tf.GPUOptions(allow_growth=True))\n"
    "session = tf.Session(config=config)\nK.set_session(session)\n"
)


@pytest.mark.parametrize(
    ("models", "names", "changes"),
    [
        ("import tensorflow as tf\n", "*", True),
        ("import tensorflow as tf\n", "net", False),
        ("from other import tf\n", "*", False),
        ("import tensorflow as tf\n__all__ = ['net']\n", "*", False),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_tensorflow_that_a_star_import_brings(
    tmp_path: Path, models: str, names: str, changes: bool, to: str
) -> None:
    code = f"import keras.backend as K\nfrom models import {names}\n\n{SESSION}net(K.floatx())\n"
    (tmp_path / "models.py").write_text(f"{models}\n\ndef net(x):\n    pass\n", encoding="utf-8")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    project = Project(tmp_path, [tmp_path / "models.py", tmp_path / "train.py"])
    found = Pipeline.to(to).run(code, project.view(tmp_path / "train.py"))
    assert (LOOP in found.text) is changes
    assert ("set_session" in found.text) is not changes


def test_comments_and_blocks_stay() -> None:
    check(
        START + "def setup():\n    # Memory.\n    c = tf.ConfigProto()\n"
        "    c.gpu_options.allow_growth = True\n    # Now.\n"
        "    K.set_session(tf.Session(config=c))\n    return 1\n",
        AFTER + "def setup():\n    # Memory.\n    # Now.\n"
        "    for gpu in tf.config.list_physical_devices('GPU'):\n"
        "        tf.config.experimental.set_memory_growth(gpu, True)\n    return 1\n",
        to="keras",
        codes=["KM821"],
    )


def test_an_import_of_set_session_alone_goes() -> None:
    check(
        "import tensorflow as tf\nfrom keras.backend.tensorflow_backend import set_session\n"
        "from keras.models import Model\n\ngpu = 0\nc = tf.ConfigProto()\n"
        "c.gpu_options.allow_growth = True\nset_session(tf.Session(config=c))\nprint(Model, gpu)\n",
        "import tensorflow as tf\nfrom keras.models import Model\n\ngpu = 0\n"
        + LOOP.replace("gpu in", "device in").replace("gpu,", "device,")
        + "print(Model, gpu)\n",
        to="keras",
        codes=["KM821"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "c = tf.ConfigProto()\nc.gpu_options.per_process_gpu_memory_fraction = 0.3\n"
        "c.gpu_options.allow_growth = True\nK.set_session(tf.Session(config=c))\n",
        "c = tf.ConfigProto()\nc.gpu_options.allow_growth = True\ns = tf.Session(config=c)\n"
        "K.set_session(s)\ns.run(x)\n",
        "c = tf.ConfigProto()\nc.gpu_options.allow_growth = flag\n"
        "K.set_session(tf.Session(config=c))\n",
        "c = tf.ConfigProto()\nif big:\n    c.gpu_options.allow_growth = True\n"
        "K.set_session(tf.Session(config=c))\n",
        "c = tf.ConfigProto(device_count={'GPU': 0})\nc.gpu_options.allow_growth = True\n"
        "K.set_session(tf.Session(config=c))\n",
        "c = make()\nc.gpu_options.allow_growth = True\nK.set_session(tf.Session(config=c))\n",
        "c = tf.ConfigProto()\nc.gpu_options.allow_growth = True\nshow(c)\n"
        "K.set_session(tf.Session(config=c))\n",
        "K.set_session(tf.Session())  # allow_growth\n",
        "c = tf.ConfigProto()\nc.gpu_options.allow_growth = True\ns = tf.Session(config=c)\n",
    ],
)
def test_other_sessions_stay(code: str) -> None:
    result = Pipeline.to("keras").run(START + code)
    assert "KM821" not in {finding.code for finding in result.findings}
    assert result.text == START + code


def test_graphs_that_are_kept() -> None:
    code = (
        "import tensorflow.compat.v1 as tf\nfrom tf_keras import backend as K\n"
        "tf.disable_v2_behavior()\nc = tf.ConfigProto()\nc.gpu_options.allow_growth = True\n"
        "K.set_session(tf.Session(config=c))\n"
    )
    assert Pipeline.to("tf_keras").run(code).text == code


def test_another_object_of_that_name() -> None:
    untouched(
        "import keras\nimport mine as K\n\nK.set_session(K.Session(allow_growth=keras))\n",
        to="keras",
        codes=[],
    )


@pytest.mark.tensorflow
def test_tensorflow_has_what_is_written() -> None:
    tf = pytest.importorskip("tensorflow")
    assert callable(tf.config.experimental.set_memory_growth)
    assert isinstance(tf.config.list_physical_devices("GPU"), list)
    assert not hasattr(tf, "ConfigProto") and not hasattr(tf, "Session")

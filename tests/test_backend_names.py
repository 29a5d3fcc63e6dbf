"""KM506 and KM507: private names of the old backend."""

from __future__ import annotations

import importlib

import pytest
from migrating import check, untouched

from kerasmigrate.transforms import backend_names

ROOTS = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
BOTH = "import tensorflow as tf\nfrom {root} import backend as K\n\n"


@pytest.mark.parametrize("to", ROOTS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(K._BACKEND)", "print(K.backend())"),
        ("print('%s' % (K._BACKEND))", "print('%s' % (K.backend()))"),
        ("if 'theano' == K._BACKEND:  # old\n    pass", None),
        ("name = {K._backend: 1}", "name = {K.backend(): 1}"),
    ],
)
def test_the_setting_is_asked_for(before: str, after: str | None, to: str) -> None:
    after = after or before.replace("K._BACKEND", "K.backend()")
    findings = check(
        f"from keras import backend as K\n\n{before}\n",
        f"from {ROOTS[to]} import backend as K\n\n{after}\n",
        to=to,
    )
    assert [each.message for each in findings if each.code == "KM506"]


def test_through_the_package() -> None:
    check(
        "import keras\n\nprint(keras.backend._BACKEND, keras.backend.epsilon())\n",
        "import keras\n\nprint(keras.backend.backend(), keras.backend.epsilon())\n",
        to="keras",
        codes=["KM506"],
    )


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("from keras import backend as K\n\nK._BACKEND = 'theano'\n", None),
        ("from keras.backend import _BACKEND\n\nprint(_BACKEND)\n", ["KM103"]),
        ("from mine import backend as K\n\nprint(K._BACKEND, K.tf.sqrt(2))\n", []),
        ("def f(K):\n    return K._BACKEND\n", []),
        ("from keras import backend as K\n\nprint(K.backend())\n", []),
    ],
)
def test_other_settings_stay(code: str, codes: list[str] | None) -> None:
    untouched(code, to="keras", codes=codes)


@pytest.mark.parametrize("to", ROOTS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "_, z = K.control_flow_ops.while_loop(more, step, [0, start])",
            "_, z = tf.while_loop(more, step, [0, start])",
        ),
        (
            "z = K.control_flow_ops.while_loop(more, step, loop_vars=(0, start))",
            "z = tf.while_loop(more, step, loop_vars=(0, start))",
        ),
        ("z = 0.5 * x * (1 + K.tf.erf(x))", "z = 0.5 * x * (1 + tf.math.erf(x))"),
        ("z = K.tf.nn.swish(x)", "z = tf.nn.swish(x)"),
        ("z = list(map(K.tf.sqrt, x))", "z = list(map(tf.sqrt, x))"),
    ],
)
def test_functions_of_tensorflow(before: str, after: str, to: str) -> None:
    more = "\nprint(K.epsilon())\n"
    findings = check(
        BOTH.format(root="keras") + before + more,
        BOTH.format(root=ROOTS[to]) + after + more,
        to=to,
    )
    assert [each.code for each in findings if each.code != "KM101"] == ["KM507"]


@pytest.mark.parametrize("to", ROOTS)
def test_tensorflow_is_imported_where_it_is_not(to: str) -> None:
    check(
        "import keras.backend as K\n\nz = K.epsilon() + K.tf.sqrt(x) + K.tf.erf(x)\n",
        f"import {ROOTS[to]}.backend as K\nimport tensorflow as tf\n\n"
        "z = K.epsilon() + tf.sqrt(x) + tf.math.erf(x)\n",
        to=to,
        codes=["KM101", "KM507", "KM507"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "from keras import backend as K\n\ntf = 3\nz = K.tf.sqrt(x)\n",
        "def f(x):\n    from keras import backend as K\n\n    return K.tf.sqrt(x)\n",
        "import tensorflow as tf\nfrom keras import backend as K\n\n"
        "def f(tf, x):\n    return K.tf.sqrt(x)\n",
        BOTH.format(root="keras") + "z = K.tf.placeholder(x)\n",
        BOTH.format(root="keras") + "z = K.control_flow_ops.while_loop(more, step, [x])\n",
        BOTH.format(root="keras") + "z = K.control_flow_ops.while_loop(more, step, start)\n",
        BOTH.format(root="keras") + "z = K.control_flow_ops.while_loop(more, step, [0, *start])\n",
        BOTH.format(root="keras") + "z = K.control_flow_ops.cond(x, f, g)\n",
        "from keras import backend as K\n\nz = K.np.prod(3), K.epsilon()\n",
        "from keras import backend as K\n\nz = K.T.arange(3)\n",
        "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\n"
        "from keras import backend as K\n\nz = K.tf.sqrt(x)\n",
    ],
)
def test_what_is_not_certain_is_reported(code: str) -> None:
    untouched(code, to="keras", codes=["KM508"])


def test_the_finding_says_what_to_write() -> None:
    (finding,) = untouched(
        "from tf_keras import backend as K\n\nz = K.tf.expand_dims(x, 0)\n",
        to="tf_keras",
        codes=["KM508"],
    )
    assert finding.message == "keras.backend has no module tf in tf_keras"
    assert finding.advice == (
        "import tensorflow as tf, and write tf.expand_dims, or what TensorFlow 2 calls it"
    )


@pytest.mark.tensorflow
def test_tensorflow_has_every_function() -> None:
    tensorflow = importlib.import_module("tensorflow")
    for name in backend_names._BORROWED.values():
        found = tensorflow
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found), name

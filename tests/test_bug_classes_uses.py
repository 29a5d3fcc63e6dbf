"""The classes of bugs that tools of this kind have had: how names are used, and switched off.

See ``test_bug_classes.py``.
"""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate import Pipeline, Settings

# -- write access ----------------------------------------------------------------------------------


def test_assignments_to_attributes_of_keras() -> None:
    check(
        """\
import keras
from keras import backend as K
keras.layers.core.Dense = Mine
keras.layers.core = fake
del keras.layers.core
K._IMAGE_DIM_ORDERING = 'th'
K.image_dim_ordering = lambda: 'th'
""",
        """\
import keras
from keras import backend as K
keras.layers.Dense = Mine
keras.layers.core = fake
del keras.layers.core
K._IMAGE_DIM_ORDERING = 'th'
K.image_dim_ordering = lambda: 'th'
""",
        to="keras",
        codes=["KM102", "KM103", "KM103", "KM103", "KM103"],
    )


@each_target
def test_assignments_to_the_tensors_of_a_model(to: str) -> None:
    untouched(
        {
            "keras": "from keras.models import Sequential\n",
            "tf.keras": "from tensorflow.keras.models import Sequential\n",
            "tf_keras": "from tf_keras.models import Sequential\n",
        }[to]
        + "m = Sequential()\nm.input = 3\nm.output = x\nm.output += 1\ndel m.output\n",
        to=to,
        codes=[],
    )


# -- both import styles in one file ----------------------------------------------------------------


def test_both_styles() -> None:
    before = """\
import keras
import keras.layers
from keras import layers
from keras.layers import Dense
import keras.layers.core
from keras.layers.core import Dense as Other
keras.layers.Dense; layers.Dense; Dense; keras.layers.core.Dense; Other
"""
    after = """\
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.layers import Dense, Dense as Other
keras.layers.Dense; layers.Dense; Dense; keras.layers.Dense; Other
"""
    check(before, after, to="tf.keras")
    for to, statement, package in (
        ("keras", "import keras\nimport keras.layers", "keras"),
        ("tf_keras", "import tf_keras as keras", "tf_keras"),
    ):
        fresh = after.replace("from tensorflow import keras", statement)
        check(before, fresh.replace("tensorflow.keras", package), to=to)


def test_several_roots_in_one_file() -> None:
    check(
        """\
import tensorflow as tf
import tensorflow.keras as keras
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.python.keras import layers as L
tf.keras.layers.Dense; keras.layers.Dense; layers.Dense; L.Dense; tf.zeros(3)
""",
        """\
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers, layers as L
keras.layers.Dense; keras.layers.Dense; layers.Dense; L.Dense; tf.zeros(3)
""",
        to="tf_keras",
    )


# -- a setting that other places refer to ----------------------------------------------------------


def test_settings_and_their_readers_change_together() -> None:
    check(
        """\
from keras import backend as K
K.set_image_dim_ordering('th')
assert K.image_dim_ordering() == 'th'
order = K.image_dim_ordering()
if order == 'th':
    pass
if 'tf' == K.image_dim_ordering():
    pass
""",
        """\
from keras import backend as K
K.set_image_data_format('channels_first')
assert K.image_data_format() == 'channels_first'
order = K.image_data_format()
if order == 'channels_first':
    pass
if 'channels_last' == K.image_data_format():
    pass
""",
        to="keras",
    )


def test_a_value_that_others_read_is_left_and_reported() -> None:
    findings = check(
        """\
from keras.layers import Convolution2D
ORDER = 'th'
Convolution2D(4, 3, 3, dim_ordering=ORDER)
print(ORDER)
""",
        """\
from keras.layers import Conv2D
ORDER = 'th'
Conv2D(4, (3, 3), data_format=ORDER)
print(ORDER)
""",
        to="keras",
        codes=["KM101", "KM102", "KM201", "KM202", "KM205"],
    )
    assert [finding.fixed for finding in findings] == [True, True, True, True, False]


# -- a kill switch for each rule -------------------------------------------------------------------

SWITCHED = """\
import tensorflow as tf
from keras.layers.core import Dense, Highway
try:
    from keras.layers import merge
except ImportError:
    from tensorflow.python.keras.layers import merge

class L(tf.keras.layers.Layer):
    def call(self, x):
        return merge([x, Dense(output_dim=4)(x)], mode='sum')
"""
ALL_ON = """\
import keras
from keras.layers import Dense
from keras.layers import add

class L(keras.layers.Layer):
    def call(self, x, training=None):
        return add([x, Dense(units=4)(x)])
"""
GUARDED = """\
try:
    from keras.layers import merge
except ImportError:
    from tensorflow.python.keras.layers import merge
"""

#: Rule -> what is otherwise when it alone is switched off.
OFF = {
    "KM102": (
        ("import keras\nfrom", "import tensorflow as tf\nfrom"),
        ("class L(keras.", "class L(tf.keras."),
    ),
    "KM109": (
        (
            "import Dense\nfrom keras.layers import add",
            "import Dense\nfrom keras.layers.core import Highway\nfrom keras.layers import add",
        ),
    ),
    "KM201": (("units=4", "output_dim=4"),),
    "KM210": (
        ("from keras.layers import add\n", GUARDED),
        ("add([x, Dense(units=4)(x)])", "merge([x, Dense(units=4)(x)], mode='sum')"),
    ),
    "KM302": ((", training=None", ""),),
}


def test_everything_on() -> None:
    check(SWITCHED, ALL_ON, to="keras")


@pytest.mark.parametrize("code", OFF)
def test_one_rule_off(code: str) -> None:
    after = ALL_ON
    for old, new in OFF[code]:
        assert old in after
        after = after.replace(old, new)
    findings = check(SWITCHED, after, to="keras", settings=Settings(ignore=frozenset({code})))
    assert code not in {finding.code for finding in findings}


def test_imports_off() -> None:
    """Import lines stay; what other rules need is still added."""
    after = ALL_ON.replace(
        "from keras.layers import Dense\nfrom keras.layers import add\n",
        """\
from keras.layers.core import Dense, Highway
try:
    from keras.layers import merge, add
except ImportError:
    from tensorflow.python.keras.layers import merge
    from keras.layers import add
""",
    )
    codes = ["KM102", "KM302", "KM316", "KM201", "KM210"]
    findings = Pipeline.to("keras", settings=Settings(ignore=frozenset({"KM101"}))).run(SWITCHED)
    assert findings.text == after
    assert sorted(finding.code for finding in findings.findings) == sorted(codes)


#: Rule -> what it alone changes.
ALONE = {
    "KM101": (("layers.core import Dense, Highway", "layers import Dense"),),
    "KM102": (("import tensorflow as tf", "import keras"), ("L(tf.keras.", "L(keras.")),
    "KM201": (("output_dim", "units"),),
    "KM302": (("call(self, x)", "call(self, x, training=None)"),),
}


@pytest.mark.parametrize("code", ALONE)
def test_one_rule_alone(code: str) -> None:
    after = SWITCHED
    for old, new in ALONE[code]:
        assert old in after
        after = after.replace(old, new)
    if code == "KM101":
        # Nobody may drop what would fail: that is another rule.
        after = after.replace("\ntry", "\nfrom keras.layers.core import Highway\ntry")
    findings = Pipeline.to("keras", settings=Settings(select=frozenset({code}))).run(SWITCHED)
    assert findings.text == after
    assert {finding.code for finding in findings.findings} == {code}


@each_target
def test_comments_that_say_ignore(to: str) -> None:
    package = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}[to]
    check(
        """\
from keras.layers import Convolution2D
from keras.layers.core import Dense  # kerasmigrate: ignore
try:  # kerasmigrate: ignore[KM106]
    from keras.layers import LSTM
except ImportError:
    from tensorflow.keras.layers import LSTM
Convolution2D(4, 3, 3)  # kerasmigrate: ignore
Convolution2D(4, 3, 3, border_mode='same')  # kerasmigrate: ignore[KM202]
Convolution2D(4, 3, 3, border_mode='same')  # kerasmigrate: ignore[KM102]
LSTM(output_dim=3, inner_activation=None)
""",
        f"""\
from {package}.layers import Conv2D as Convolution2D
from keras.layers.core import Dense  # kerasmigrate: ignore
try:  # kerasmigrate: ignore[KM106]
    from {package}.layers import LSTM
except ImportError:
    from {package}.layers import LSTM
Convolution2D(4, 3, 3)  # kerasmigrate: ignore
Convolution2D(4, 3, 3, border_mode='same')  # kerasmigrate: ignore[KM202]
Convolution2D(4, (3, 3), padding='same')  # kerasmigrate: ignore[KM102]
LSTM(units=3, recurrent_activation=None)
""",
        to=to,
    )

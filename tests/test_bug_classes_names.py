"""The classes of bugs that tools of this kind have had: those of names, scopes and whole files.

See ``test_bug_classes.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate import migrate

# -- an aliased import is erased -------------------------------------------------------------------

ALIASES = """\
import keras.layers.core as core, keras.backend as K
import keras as k, os
from keras.layers.core import Dense as D, Dropout
from keras.utils import np_utils as nu
import tensorflow.keras as tfk
import tensorflow.keras.layers as tfl
from tensorflow import keras as tk
core.Dense; K.epsilon(); k.layers.core.Dense; D; Dropout; nu.to_categorical(x); tfk.layers.Dense
tfl.Dense; tk.layers.Dense
"""


def test_aliases_in_keras() -> None:
    check(
        ALIASES,
        """\
import keras.layers as layers, keras.backend as K
import keras as k, os
from keras.layers import Dense as D, Dropout
from keras import utils as nu
import keras as tfk
import keras.layers as tfl
import keras as tk
layers.Dense; K.epsilon(); k.layers.Dense; D; Dropout; nu.to_categorical(x); tfk.layers.Dense
tfl.Dense; tk.layers.Dense
""",
        to="keras",
    )


def test_aliases_in_tf_keras() -> None:
    check(
        ALIASES,
        """\
import tf_keras.layers as layers, tf_keras.backend as K
import tf_keras as k, os
from tf_keras.layers import Dense as D, Dropout
from tf_keras import utils as nu
import tf_keras as tfk
import tf_keras.layers as tfl
import tf_keras as tk
layers.Dense; K.epsilon(); k.layers.Dense; D; Dropout; nu.to_categorical(x); tfk.layers.Dense
tfl.Dense; tk.layers.Dense
""",
        to="tf_keras",
    )


def test_aliases_in_tensorflow() -> None:
    check(
        ALIASES,
        """\
import tensorflow.keras.layers as layers, tensorflow.keras.backend as K
import os
from tensorflow import keras as k
from tensorflow.keras.layers import Dense as D, Dropout
from tensorflow.keras import utils as nu
import tensorflow.keras as tfk
import tensorflow.keras.layers as tfl
from tensorflow import keras as tk
layers.Dense; K.epsilon(); k.layers.Dense; D; Dropout; nu.to_categorical(x); tfk.layers.Dense
tfl.Dense; tk.layers.Dense
""",
        to="tf.keras",
    )


# -- an import goes although bare references remain ------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        "f(tf)",
        "tf.zeros(3)",
        "x = [tf]",
        "def f(x: tf.Tensor): pass",
        'def f(x: "tf.Tensor"): pass',
        "def f(): return tf",
        "lambda: tf",
        "del tf",
        "del x, tf",
        "getattr(tf, 'zeros')",
        "f'{tf}'",
        "__all__ = ['tf']",
        "__all__ = ('f',)\n__all__ += ('tf',)",
    ],
)
def test_tensorflow_stays_while_anything_uses_it(use: str) -> None:
    check(
        f"import tensorflow as tf\nx = tf.keras.layers.Dense(3)\n{use}\n",
        f"import tensorflow as tf\nimport keras\nx = keras.layers.Dense(3)\n{use}\n",
        to="keras",
    )


def test_tensorflow_stays_while_another_file_takes_it_from_here(tmp_path: Path) -> None:
    shared = tmp_path / "shared.py"
    shared.write_text("import tensorflow as tf\nx = tf.keras.layers.Dense(3)\n", encoding="utf-8")
    user = tmp_path / "user.py"
    user.write_text("from shared import tf\nprint(tf.__version__)\n", encoding="utf-8")
    files = {file.path.name: file.after for file in migrate([tmp_path]).files}
    assert files == {
        "shared.py": b"import tensorflow as tf\nimport keras\nx = keras.layers.Dense(3)\n",
        "user.py": b"from shared import tf\nprint(tf.__version__)\n",
    }


def test_tensorflow_goes_when_nothing_uses_it() -> None:
    check(
        "import tensorflow as tf\nx = tf.keras.layers.Dense(3)\nx.tf = other.tf\nf(tf=3)\n",
        "import keras\nx = keras.layers.Dense(3)\nx.tf = other.tf\nf(tf=3)\n",
        to="keras",
    )


def test_modules_used_bare() -> None:
    check(
        """\
from keras.layers import core, convolutional
import keras.layers.core
x = {"a": convolutional, "b": core.Dense}
g = keras.layers.core
g.Dense(3)
""",
        """\
from keras import layers
import keras.layers
x = {"a": layers, "b": layers.Dense}
g = keras.layers
g.Dense(3)
""",
        to="keras",
    )


# -- a file is rewritten in half when a later use cannot be ----------------------------------------


def test_what_cannot_move_stays_importable_as_it_was() -> None:
    check(
        """\
from keras.layers.recurrent import SimpleRNN, Recurrent, time_distributed_dense
SimpleRNN(4), Recurrent(), time_distributed_dense(x, w)
""",
        """\
from keras.layers import SimpleRNN
from keras.layers.recurrent import Recurrent, time_distributed_dense
SimpleRNN(4), Recurrent(), time_distributed_dense(x, w)
""",
        to="keras",
        codes=["KM101", "KM103", "KM103"],
    )


def test_a_reference_that_cannot_move_keeps_its_import() -> None:
    check(
        """\
import tensorflow as tf
x = tf.keras.layers.Dense(4)
y = tf.keras.estimator.model_to_estimator(m)
z = tf.keras.nowhere.Thing
""",
        """\
import tensorflow as tf
import keras
x = keras.layers.Dense(4)
y = tf.keras.estimator.model_to_estimator(m)
z = tf.keras.nowhere.Thing
""",
        to="keras",
        codes=["KM101", "KM102", "KM103", "KM103"],
    )


# -- the wrong scope -------------------------------------------------------------------------------


def test_a_name_that_is_also_none_or_deleted_is_still_what_it_is() -> None:
    check(
        """\
Convolution2D = None
try:
    from keras.layers import Convolution2D
except ImportError:
    pass
Convolution2D(4, 3, 3)
del Convolution2D
""",
        """\
Convolution2D = None
try:
    from keras.layers import Conv2D as Convolution2D
except ImportError:
    pass
Convolution2D(4, (3, 3))
del Convolution2D
""",
        to="keras",
        codes=["KM101", "KM202"],
    )


@pytest.mark.parametrize("other", ["tf = other", "if x:\n    tf = other", "def tf(): pass"])
def test_a_name_that_is_also_something_else_is_reported(other: str) -> None:
    text = f"import tensorflow as tf\n{other}\ny = tf.keras.layers.Dense(3)\n"
    untouched(text, to="keras", codes=["KM107"])


def test_old_and_new_places_of_one_thing_are_no_two_things() -> None:
    check(
        """\
try:
    from keras.layers.convolutional import Convolution2D
except ImportError:
    from tensorflow.keras.layers import Conv2D as Convolution2D
try:
    from keras.utils.generic_utils import CustomObjectScope
except ImportError:
    from keras.utils import CustomObjectScope
with CustomObjectScope({}):
    Convolution2D(3, 3, 3, border_mode='same')
""",
        """\
from keras.layers import Conv2D
from keras.utils import CustomObjectScope
with CustomObjectScope({}):
    Conv2D(3, (3, 3), padding='same')
""",
        to="keras",
        codes=["KM106", "KM101", "KM106", "KM101", "KM102", "KM201", "KM202"],
    )


@each_target
def test_attributes_are_no_names(to: str) -> None:
    untouched(
        """\
class A:
    def __init__(self):
        self.keras = 3
        self.Dense = self.keras.layers.core.Dense
        keras = self.keras
        keras.layers.core.Dense(output_dim=4)
    def Convolution2D(self):
        return self.Convolution2D(4, 3, 3)
""",
        to=to,
        codes=[],
    )


def test_scopes() -> None:
    check(
        """\
import keras
def f(keras):
    return keras.layers.core.Dense(output_dim=4)
def g():
    keras = object()
    return keras.layers.core.Dense(output_dim=4)
def h():
    return keras.layers.core.Dense(output_dim=4)
class K:
    keras = 3
    x = keras.layers.core
    def m(self):
        return keras.layers.core.Dense
[keras.layers.core for keras in x]
[keras.layers.core for y in keras.layers.core.z]
lambda keras: keras.layers.core
""",
        """\
import tf_keras as keras
def f(keras):
    return keras.layers.core.Dense(output_dim=4)
def g():
    keras = object()
    return keras.layers.core.Dense(output_dim=4)
def h():
    return keras.layers.Dense(units=4)
class K:
    keras = 3
    x = keras.layers.core
    def m(self):
        return keras.layers.Dense
[keras.layers.core for keras in x]
[keras.layers for y in keras.layers.core.z]
lambda keras: keras.layers.core
""",
        to="tf_keras",
    )


# -- a name is used before its definition, after hoisting ------------------------------------------


def test_imports_stay_where_they_stand() -> None:
    check(
        """\
import os
def f():
    from keras.engine import Layer, get_source_inputs
    return Layer, get_source_inputs
if x:
    import tensorflow as tf
    y = tf.keras.layers.Dense(4)
print(os)
import tensorflow as tf
z = tf.keras.layers.Dense(4)
def g():
    return late.layers.core.Dense(4)
import keras as late
""",
        """\
import os
def f():
    from keras.layers import Layer
    from keras.utils import get_source_inputs
    return Layer, get_source_inputs
if x:
    import keras
    y = keras.layers.Dense(4)
print(os)
import keras
z = keras.layers.Dense(4)
def g():
    return late.layers.Dense(4)
import keras as late
""",
        to="keras",
    )


def test_every_import_that_may_be_in_force_brings_what_is_needed() -> None:
    check(
        """\
try:
    import tensorflow.compat.v1 as tf
except ImportError:
    import tensorflow as tf
x = tf.keras.layers.Dense(3)
y = tf.Session()
""",
        """\
try:
    import tensorflow.compat.v1 as tf
    import keras
except ImportError:
    import tensorflow as tf
    import keras
x = keras.layers.Dense(3)
y = tf.Session()
""",
        to="keras",
    )


def test_a_merge_in_every_scope_has_its_import_there() -> None:
    check(
        """\
from keras.layers import merge
x = merge([a, b], mode='sum')
def f():
    from keras.layers import merge as join
    return join([a, b], mode='concat')
class L:
    from keras.layers import merge
    y = merge([a, b], mode='mul')
""",
        """\
from keras.layers import add
x = add([a, b])
def f():
    from keras.layers import concatenate
    return concatenate([a, b])
class L:
    from keras.layers import multiply
    y = multiply([a, b])
""",
        to="keras",
    )


def test_a_name_imported_for_the_module_inside_a_function_is_reported() -> None:
    before = """\
K = tf = None
def setup():
    global K, tf
    from keras import backend as K
    import tensorflow as tf
def use():
    return tf.keras.layers.Dense(3), K.epsilon(), K.image_dim_ordering()
"""
    after = before.replace("from keras import", "from tf_keras import")
    check(before, after, to="tf_keras", codes=["KM101", "KM107", "KM107"])


# -- the same name from another module, or of something else ---------------------------------------


@each_target
def test_other_modules_with_the_same_names(to: str) -> None:
    untouched(
        """\
from mylib.layers import Dense, Convolution2D, merge
from otherlib import keras
from mykeras.layers.core import Dropout
import mylib.keras as K
Dense(output_dim=4)
Convolution2D(4, 3, 3, border_mode='same')
merge([a, b], mode='sum')
keras.layers.core.Dense(output_dim=3)
K.layers.core.Dense(output_dim=3)
""",
        to=to,
        codes=[],
    )


def test_a_function_that_takes_the_place_of_a_layer() -> None:
    untouched(
        """\
from keras.layers import Dense
def Dense(output_dim):
    return output_dim
Dense(output_dim=3)
""",
        to="keras",
        codes=[],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from keras.layers import Convolution2D\nfrom mylib import Conv2D\n"
            "Convolution2D(4, 3, 3)\nConv2D(4, 3, 3)\n",
            "from keras.layers import Conv2D as Convolution2D\nfrom mylib import Conv2D\n"
            "Convolution2D(4, (3, 3))\nConv2D(4, 3, 3)\n",
        ),
        (
            "from keras.layers import merge\nadd = 3\nx = merge([a, b], mode='sum')\n",
            "from keras.layers import add as keras_add\nadd = 3\nx = keras_add([a, b])\n",
        ),
        (
            "import tensorflow as tf\ndef keras(): pass\nx = tf.keras.layers.Dense(3)\n",
            "import keras as keras_api\ndef keras(): pass\nx = keras_api.layers.Dense(3)\n",
        ),
        (
            "import tensorflow as tf\nkeras = 3\ndef f(keras_api):\n"
            "    return tf.keras.layers.Dense(3)\n",
            "import keras as keras_api_2\nkeras = 3\ndef f(keras_api):\n"
            "    return keras_api_2.layers.Dense(3)\n",
        ),
    ],
)
def test_new_names_hide_nothing(before: str, after: str) -> None:
    check(before, after, to="keras")

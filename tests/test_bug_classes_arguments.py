"""The classes of bugs that tools of this kind have had: those of arguments and values.

See ``test_bug_classes.py``.
"""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import everywhere

# -- *args and **kwargs may hold the argument ------------------------------------------------------


def test_arguments_that_are_not_seen() -> None:
    check(
        """\
from keras.layers import Dense, Convolution2D
def f(options, size, args):
    Dense(4, **options)
    Dense(output_dim=4, **options)
    Convolution2D(4, 3, 3, **options)
    Convolution2D(4, *size, border_mode='same')
    Convolution2D(*args)
    Dense(*args, init='uniform')
    Convolution2D(4, 3, 3, **{'dim_ordering': 'th'})
    Dense(4, **dict(W_regularizer=r))
""",
        """\
from keras.layers import Dense, Conv2D
def f(options, size, args):
    Dense(4, **options)
    Dense(units=4, **options)
    Conv2D(4, (3, 3), **options)
    Conv2D(4, *size, padding='same')
    Conv2D(*args)
    Dense(*args, kernel_initializer='uniform')
    Conv2D(4, (3, 3), **{'data_format': 'channels_first'})
    Dense(4, **dict(kernel_regularizer=r))
""",
        to="keras",
    )


def test_what_is_not_seen_is_said() -> None:
    text = """\
from keras.layers import Convolution2D
def f(options):
    Convolution2D(4, 3, 3, **options)
"""
    after = text.replace("Convolution2D", "Conv2D").replace("3, 3", "(3, 3)")
    findings = check(text, after, to="keras", codes=["KM101", "KM102", "KM202", "KM204"])
    assert findings[-1].line == 3
    assert findings[-1].message == (
        "Convolution2D: **options may bring Keras 1 arguments that the source does not show"
    )


# -- the argument is there already -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        (
            "Dense(4, init='uniform', kernel_initializer='normal')",
            "KM204",
            "Dense: both init= and kernel_initializer= are given",
        ),
        ("Adam(lr=0.1, learning_rate=0.2)", "KM204", "Adam: both lr= and learning_rate= are given"),
        ("Adam(0.1, lr=0.2)", "KM204", "Adam: both lr= and learning_rate= are given"),
    ],
)
def test_no_keyword_is_given_twice(call: str, code: str, message: str) -> None:
    text = f"from keras.layers import Dense\nfrom keras.optimizers import Adam\n{call}\n"
    (finding,) = untouched(text, to="keras", codes=[code])
    assert (finding.line, finding.message) == (3, message)


def test_no_parameter_is_given_twice() -> None:
    untouched(
        """\
import keras
class A(keras.layers.Layer):
    def call(self, x, training):
        return x
class B(keras.layers.Layer):
    def call(self, x, mask=None, training=False, **kwargs):
        return x
class C(keras.layers.Layer):
    def call(self, x, *, training=None):
        return x
""",
        to="keras",
        codes=[],
    )


# -- the precedence of operators around a rewritten value ------------------------------------------


def test_values_keep_their_place_among_operators() -> None:
    check(
        """\
from keras.layers import merge, Convolution2D, Dense
m = merge([a, b], mode='sum') + c
n = -merge([a, b], mode='mul')
o = merge([a, b], mode=lambda x: x[0] - x[1], output_shape=s) ** 2
p = merge([a, b] if x else [c, d], mode='concat', concat_axis=-1)
q = not merge([a, b], mode='sum') is c
Convolution2D(4, 3 if x else 5, a or b)
Convolution2D(4, lambda: 3, (side := 3))
Dense(output_dim=4 * n)
""",
        """\
from keras.layers import Conv2D, Dense, add, multiply, Lambda, concatenate
m = add([a, b]) + c
n = -multiply([a, b])
o = Lambda(lambda x: x[0] - x[1], output_shape=s)([a, b]) ** 2
p = concatenate([a, b] if x else [c, d], axis=-1)
q = not add([a, b]) is c
Conv2D(4, (3 if x else 5, a or b))
Conv2D(4, (lambda: 3, (side := 3)))
Dense(units=4 * n)
""",
        to="keras",
    )


def test_arithmetic_of_samples() -> None:
    before = """\
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
model = Sequential()
made = ImageDataGenerator()
model.fit_generator(made.flow(x, y, batch_size=a if b else 9), samples_per_epoch=n - m)
model.fit_generator(made.flow(x, y, batch_size=a + b), samples_per_epoch=n or m, nb_epoch=3)
model.fit_generator(made.flow(x, y, batch_size=32), samples_per_epoch=len(x), nb_epoch=n or 3)
"""
    after = """\
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator
model = Sequential()
made = ImageDataGenerator()
model.fit(made.flow(x, y, batch_size=a if b else 9), steps_per_epoch=-(-(n - m) // (a if b else 9)))
model.fit(made.flow(x, y, batch_size=a + b), steps_per_epoch=-(-(n or m) // (a + b)), epochs=3)
model.fit(made.flow(x, y, batch_size=32), steps_per_epoch=-(-len(x) // 32), epochs=n or 3)
"""
    check(before, after, to="tf.keras")


# -- a table read the wrong way round --------------------------------------------------------------

#: Old call and new call.
TABLE = [
    ("Dense(4, init='uniform')", "Dense(4, kernel_initializer='uniform')"),
    ("Dense(4, bias=False)", "Dense(4, use_bias=False)"),
    ("Dropout(p=0.25)", "Dropout(rate=0.25)"),
    ("Convolution2D(4, 3, 5)", "Conv2D(4, (3, 5))"),
    ("Convolution2D(4, 3, 3, border_mode='valid')", "Conv2D(4, (3, 3), padding='valid')"),
    (
        "Convolution2D(4, 3, 3, dim_ordering='th')",
        "Conv2D(4, (3, 3), data_format='channels_first')",
    ),
    (
        "Convolution2D(4, 3, 3, dim_ordering='tf')",
        "Conv2D(4, (3, 3), data_format='channels_last')",
    ),
    ("merge([a, b], mode='sum')", "add([a, b])"),
    ("merge([a, b], mode='mul')", "multiply([a, b])"),
]


@pytest.mark.parametrize(("old", "new"), TABLE)
def test_old_becomes_new_and_new_stays(old: str, new: str) -> None:
    name, fresh = old.partition("(")[0], new.partition("(")[0]
    everywhere(
        f"from keras.layers import {name}\n{old}\n",
        f"from ROOT.layers import {fresh}\n{new}\n",
    )
    untouched(f"from keras.layers import {fresh}\n{new}\n", to="keras", codes=[])


def test_what_is_false_stays_false() -> None:
    everywhere(
        "from keras.layers import Dense\nDense(4, bias=False, name='False')\n",
        "from ROOT.layers import Dense\nDense(4, use_bias=False, name='False')\n",
    )

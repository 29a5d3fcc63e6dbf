"""The classes of bugs that tools of this kind have had: those of syntax and layout.

Each has tests for our own edits: imports, references, arguments, merges, signatures of ``call``.
Those of arguments, of names and of their uses are in files of their own.
"""

from __future__ import annotations

import sys

import pytest
from migrating import check
from targets import everywhere

from kerasmigrate import SourceError, migrate_source

# -- a comma added twice, missing, or inside brackets ----------------------------------------------


def test_commas_of_calls() -> None:
    everywhere(
        """\
from keras.layers import Convolution2D, Dense
Dense(output_dim=4,)
Dense(
    output_dim=4,
    init='uniform',
)
Dense(output_dim=4 ,init='uniform' , )
Dense(4, W_regularizer=f(a, b,), )
Convolution2D(4, 3, 3,)
Convolution2D(4, 3, 3
)
Convolution2D(
    4,
    3,
    3,
)
Convolution2D(4, [3, 3][0], (3, 3)[1], border_mode='same',)
""",
        """\
from ROOT.layers import Conv2D, Dense
Dense(units=4,)
Dense(
    units=4,
    kernel_initializer='uniform',
)
Dense(units=4 ,kernel_initializer='uniform' , )
Dense(4, kernel_regularizer=f(a, b,), )
Conv2D(4, (3, 3),)
Conv2D(4, (3, 3)
)
Conv2D(
    4,
    (3, 3),
)
Conv2D(4, ([3, 3][0], (3, 3)[1]), padding='same',)
""",
    )


def test_commas_of_imports() -> None:
    everywhere(
        """\
from keras.layers.core import (Dense, Dropout,)
from keras.layers.core import (
    Activation,
    Merge,
    Flatten,
)
from keras.engine import Layer, get_source_inputs,\\
    InputSpec
from keras.engine import (Input,
                          get_source_inputs as sources)
Dense, Dropout, Activation, Flatten, Layer, get_source_inputs, InputSpec, Input, sources
""",
        """\
from ROOT.layers import (Dense, Dropout,)
from ROOT.layers import (
    Activation,
    Flatten,
)
from ROOT.layers import Layer, InputSpec
from ROOT.utils import get_source_inputs
from ROOT.layers import (Input)
from ROOT.utils import get_source_inputs as sources
Dense, Dropout, Activation, Flatten, Layer, get_source_inputs, InputSpec, Input, sources
""",
    )


def test_commas_of_signatures() -> None:
    everywhere(
        """\
import keras
class A(keras.layers.Layer):
    def call(self, x,):
        return x
class B(keras.layers.Layer):
    def call(
        self,
        x,
    ):
        return x
class C(keras.layers.Layer):
    def call(self, x, mask=None,
             *args, **kwargs):
        return x
class D(keras.layers.Layer):
    def call(self, x, *, flag=False):
        return x
class E(keras.layers.Layer):
    def call(self, x, /):
        return x
class F(keras.layers.Layer):
    def call(self, x: "a", y: int = 3) -> "b":
        return x
""",
        """\
IMPORT
class A(keras.layers.Layer):
    def call(self, x, training=None,):
        return x
class B(keras.layers.Layer):
    def call(
        self,
        x,
        training=None,
    ):
        return x
class C(keras.layers.Layer):
    def call(self, x, mask=None,
             *args, training=None, **kwargs):
        return x
class D(keras.layers.Layer):
    def call(self, x, training=None, *, flag=False):
        return x
class E(keras.layers.Layer):
    def call(self, x, /, training=None):
        return x
class F(keras.layers.Layer):
    def call(self, x: "a", y: int = 3, training=None) -> "b":
        return x
""",
    )


# -- a comment inside brackets taken for an argument -----------------------------------------------


def test_comments_are_no_arguments() -> None:
    everywhere(
        """\
from keras.layers import Dense, Convolution2D
Dense(  # 4 units
    output_dim=4,  # units, really
    # init='uniform'
    init='normal'  # the weights
)
Convolution2D(
    4,  # filters
    3,  # rows
    3,  # columns
    # border_mode='valid'
    border_mode='same',  # padding
)
Dense(4  # , init='uniform'
      )
Dense(  # output_dim=3
    4)
""",
        """\
from ROOT.layers import Dense, Conv2D
Dense(  # 4 units
    units=4,  # units, really
    # init='uniform'
    kernel_initializer='normal'  # the weights
)
Conv2D(
    4,  # filters
    (3, 3),  # rows
    # columns
    # border_mode='valid'
    padding='same',  # padding
)
Dense(4  # , init='uniform'
      )
Dense(  # output_dim=3
    4)
""",
    )


def test_comments_of_imports_stay_with_their_names() -> None:
    everywhere(
        """\
# about layers
from keras.layers.core import Dense  # dense
# about all
from keras.layers import (  # all
    Highway,  # gone
    LSTM,  # kept
)  # end
from keras.engine import (
    Layer,  # base
    get_source_inputs,  # inputs
    InputSpec,  # spec
    # last
)
# about nothing
from keras.layers import MaxoutDense  # bye

# after
Dense, LSTM, Layer, get_source_inputs, InputSpec
""",
        """\
# about layers
from ROOT.layers import Dense  # dense
# about all
from ROOT.layers import (  # all
    LSTM,  # kept
)  # end
from ROOT.layers import (
    Layer,  # base
    InputSpec,  # spec
    # last
)
from ROOT.utils import get_source_inputs  # inputs
# about nothing

# after
Dense, LSTM, Layer, get_source_inputs, InputSpec
""",
    )


# -- a parenthesised argument becomes a tuple, or a tuple loses its brackets -----------------------


def test_brackets_around_arguments() -> None:
    everywhere(
        """\
from keras.layers import Dense, Convolution2D
Dense((4))
Dense(output_dim=(4), init=('uniform'))
Dense(output_dim=(4 if x else 5))
Convolution2D((4), (3), (3))
Convolution2D(4, (3, 3))
""",
        """\
from ROOT.layers import Dense, Conv2D
Dense((4))
Dense(units=(4), kernel_initializer=('uniform'))
Dense(units=(4 if x else 5))
Conv2D((4), ((3), (3)))
Conv2D(4, (3, 3))
""",
    )


def test_brackets_around_references() -> None:
    everywhere(
        """\
import keras
x = (keras.layers.core.Dense)(3)
y = ((keras).layers
     .core.Dense)
z = (keras.
     layers.core.  # why
     Dense)(4)
""",
        """\
IMPORT
x = (keras.layers.Dense)(3)
y = (keras.layers.Dense)
z = (keras.layers.Dense)(4)
""",
    )


# -- implicit string concatenation cut -------------------------------------------------------------


def test_strings_in_parts() -> None:
    everywhere(
        """\
from keras.layers import Dense, Convolution2D
Dense(4, init='uni' 'form')
Dense(4, init=('he_'
               'normal'), name='a' 'b')
Convolution2D(4, 3, 3, border_mode='sa' 'me', dim_ordering='t' "h")
Convolution2D(4, 3, 3, border_mode="same", dim_ordering="th")
Convolution2D(4, 3, 3, border_mode='''same''', dim_ordering=r'th')
""",
        """\
from ROOT.layers import Dense, Conv2D
Dense(4, kernel_initializer='uni' 'form')
Dense(4, kernel_initializer=('he_'
               'normal'), name='a' 'b')
Conv2D(4, (3, 3), padding='sa' 'me', data_format='channels_first')
Conv2D(4, (3, 3), padding="same", data_format="channels_first")
Conv2D(4, (3, 3), padding='''same''', data_format='channels_first')
""",
    )


# -- f-strings -------------------------------------------------------------------------------------


def test_code_inside_f_strings() -> None:
    before = """\
import tensorflow as tf
import keras.layers.core
print(f"{tf.keras.layers.Dense(4, activation=f'{name!r:>{width}}').name}")
x = f"{tf.keras.backend.epsilon():.3f} {{tf.keras}} {keras.layers.core.Dense(output_dim=4).name}"
y = f'''{
    keras.layers.core.Dense(output_dim=4, init='uniform')
}'''
"""
    after = """\
import keras
import keras.layers
print(f"{keras.layers.Dense(4, activation=f'{name!r:>{width}}').name}")
x = f"{keras.backend.epsilon():.3f} {{tf.keras}} {keras.layers.Dense(units=4).name}"
y = f'''{
    keras.layers.Dense(units=4, kernel_initializer='uniform')
}'''
"""
    check(before, after, to="keras")


def test_the_same_quotes_inside_an_f_string() -> None:
    before = 'from keras.layers import Dense\nf"{Dense(output_dim=3, name="x").name}"\n'
    if sys.version_info >= (3, 12):
        check(before, before.replace("output_dim", "units"), to="keras")
    else:
        with pytest.raises(SourceError, match=r"^line 2: f-string: "):
            migrate_source(before)


# -- statements joined by semicolons ---------------------------------------------------------------


def test_semicolons() -> None:
    everywhere(
        """\
import keras; from keras.layers.core import Dense; x = Dense(output_dim=4); y = keras.layers.core
from keras.engine import Layer, get_source_inputs; import os; os, Layer, get_source_inputs
from keras.layers import Highway; import sys
from keras.layers import Highway;
sys
""",
        """\
IMPORT; from ROOT.layers import Dense; x = Dense(units=4); y = keras.layers
from ROOT.layers import Layer; from ROOT.utils import get_source_inputs; import os; os, Layer, \
get_source_inputs
import sys
sys
""",
    )


# -- suites on one line, and blocks that become empty ----------------------------------------------


def test_suites_on_one_line() -> None:
    everywhere(
        """\
if gpu: from keras.layers.core import Dense, Lambda
else: from keras.layers import Dense, Lambda
try: import keras
except ImportError: from tensorflow import keras
class A: from keras.layers.core import Dense; d = Dense(output_dim=3)
def f(): from keras.engine import Layer, get_source_inputs; return Layer, get_source_inputs
while busy: from keras.layers import Highway
class B(keras.layers.Layer):
    def call(self, x): return x
""",
        """\
from ROOT.layers import Dense, Lambda
IMPORT
class A: from ROOT.layers import Dense; d = Dense(units=3)
def f(): from ROOT.layers import Layer; from ROOT.utils import get_source_inputs; return Layer, \
get_source_inputs
while busy: pass
class B(keras.layers.Layer):
    def call(self, x, training=None): return x
""",
    )


def test_empty_blocks() -> None:
    check(
        """\
if old:
    from keras.layers import Highway
def f():
    from keras.layers import Highway
def g():
    \"\"\"Words.\"\"\"
    from keras.layers import Highway
try:
    from keras.layers import Highway
except ImportError:
    pass
class C:
    # why
    from keras.layers import Highway
    # end
with a: from keras.layers import Highway
""",
        """\
if old:
    pass
def f():
    pass
def g():
    \"\"\"Words.\"\"\"
try:
    pass
except ImportError:
    pass
class C:
    pass
    # why
    # end
with a: pass
""",
        to="keras",
        codes=["KM109"] * 6,
    )

"""The rules about legacy arguments."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

ARGUMENT = Rule(
    "KM201",
    "legacy-argument",
    "Call layers, models and functions with the argument names and values of today",
    "Keras 2 renamed most arguments of Keras 1 and changed the order of some. Until 2.3 a shim"
    ' translated; it is gone. Keras 3 stops with "Unrecognized keyword arguments passed to Conv2D:'
    " {'border_mode': 'same'}\", tf_keras with \"('Keyword argument not understood:',"
    " 'border_mode')\". Where a required argument was renamed, the error names the new one and not"
    " the stale one: \"Dense.__init__() missing 1 required positional argument: 'units'\"."
    " A positional argument can be worse: BatchNormalization(1e-5) meant epsilon, and Keras 3"
    " takes it for the axis without a word. And Embedding(9, 4, input_length=5) gave a Sequential"
    " model its shape: in Keras 3 the argument does nothing, and set_weights() on the new layer"
    ' stops with "the layer was expecting 0 weights".'
    " Names, order and values come from the signatures of"
    " Keras 1.2.2 and from the conversion tables in legacy/interfaces.py of Keras 2.",
    examples=(
        Example(
            "from keras.layers import Dense\n\n"
            "layer = Dense(output_dim=4, init='uniform', W_regularizer='l2')\n",
            "from keras.layers import Dense\n\n"
            "layer = Dense(units=4, kernel_initializer='uniform', kernel_regularizer='l2')\n",
        ),
        Example(
            "from keras.layers import Dense\n\nlayer = Dense(4, 'uniform', 'tanh')\n",
            "from keras.layers import Dense\n\n"
            "layer = Dense(4, kernel_initializer='uniform', activation='tanh')\n",
        ),
        Example(
            "from keras.layers import LSTM\n\n"
            "layer = LSTM(8, forget_bias_init='one', inner_activation='tanh',\n"
            "             consume_less='gpu', input_dim=3, input_length=5)\n",
            "from keras.layers import LSTM\n\n"
            "layer = LSTM(8, unit_forget_bias=True, recurrent_activation='tanh',\n"
            "             input_shape=(5, 3))\n",
        ),
        Example(
            "from keras.models import Model\n\n"
            "def build(a, b):\n    return Model(input=a, output=b)\n",
            "from keras.models import Model\n\n"
            "def build(a, b):\n    return Model(inputs=a, outputs=b)\n",
        ),
        Example(
            "from keras.layers import Embedding\n\n"
            "layer = Embedding(9, 4, init='normal', input_length=5)\n",
            "from keras.layers import Embedding\n\n"
            "layer = Embedding(9, 4, embeddings_initializer='normal', input_shape=(5,))\n",
        ),
        Example(
            "from keras.layers import MaxPooling2D\n\n"
            "options = dict(border_mode='same', dim_ordering='th')\n"
            "layer = MaxPooling2D((2, 2), **options)\n",
            "from keras.layers import MaxPooling2D\n\n"
            "options = dict(padding='same', data_format='channels_first')\n"
            "layer = MaxPooling2D((2, 2), **options)\n",
        ),
        Example(
            "from keras.layers import Dense\n\n\nclass Small(Dense):\n"
            "    def __init__(self, size, **kwargs):\n"
            "        kwargs.setdefault('init', 'uniform')\n"
            "        super().__init__(size, **kwargs)\n",
            "from keras.layers import Dense\n\n\nclass Small(Dense):\n"
            "    def __init__(self, size, **kwargs):\n"
            "        kwargs.setdefault('kernel_initializer', 'uniform')\n"
            "        super().__init__(size, **kwargs)\n",
        ),
    ),
    untouched=(
        "Parameters of your own functions: in `def block(x, border_mode): ...` only the call of"
        " the Keras layer inside changes.",
        "Classes and functions of your own or of other packages that only share a name with Keras.",
        "Dictionaries of options that are used for anything else than such calls; they get KM204.",
        "What a constructor pops from its options, and keeps for itself.",
        "`Embedding(9, 4, input_length=5)(x)`, and in files that may be written for Keras 3.",
    ),
    references=("https://github.com/keras-team/keras/wiki/Keras-2.0-release-notes",),
)
KERNEL = Rule(
    "KM202",
    "kernel-size",
    "Give a convolution its kernel size as one argument",
    "Conv2D(64, 3, 3) of Keras 1 has a 3x3 kernel. Today the same call means kernel 3 and"
    " STRIDE 3: no error, no warning, but on a 12x12 image the output shrinks from 10x10 to 4x4."
    " Conv3D fails instead, with \"'int' object has no attribute 'lower'\".",
    examples=(
        Example(
            "from keras.layers import Convolution2D\n\n"
            "layer = Convolution2D(64, 3, 3, border_mode='same', subsample=(2, 2),\n"
            "                      dim_ordering='th', init='he_normal')\n",
            "from keras.layers import Conv2D\n\n"
            "layer = Conv2D(64, (3, 3), padding='same', strides=(2, 2),\n"
            "                      data_format='channels_first', kernel_initializer='he_normal')\n",
        ),
        Example(
            "import tensorflow as tf\n\nlayer = tf.keras.layers.Conv2D(64, 3, 3)\n",
            "import tensorflow as tf\n\nlayer = tf.keras.layers.Conv2D(64, 3, 3)\n",
            "tf.keras",
        ),
    ),
    untouched=(
        "`Conv2D(64, 3, 3)` of tf.keras, where the last 3 has always been the stride.",
        "`Conv2D(64, 3, 3)` in a file that does not look like Keras 1; it gets KM204.",
    ),
    references=("https://github.com/keras-team/keras/wiki/Keras-2.0-release-notes",),
)
NO_SUCCESSOR = Rule(
    "KM203",
    "argument-is-gone",
    "Report an argument that the target does not have",
    "The call raises: \"Unrecognized keyword arguments passed to Dense: {'weights': [...]}\". The"
    " old layer did something with it that no argument of today does.",
    Safety.NONE,
)
NOT_CONVERTED = Rule(
    "KM204",
    "call-not-converted",
    "Report a call in old style that could not be converted safely",
    "Either the source does not show what the call means, as in Conv2D(32, 3, 3), which is a 3x3"
    " kernel in Keras 1 and kernel 3 with stride 3 in Keras 3, or an argument has no successor.",
    Safety.NONE,
    Severity.WARNING,
)
LAYOUT_VALUE = Rule(
    "KM205",
    "dim-ordering-value",
    "Report a value of dim_ordering that the source does not show",
    "The argument is called data_format now, and its values 'th' and 'tf' are called"
    " 'channels_first' and 'channels_last'. An old value raises \"The `data_format` argument must"
    ' be one of \\"channels_first\\", \\"channels_last\\". Received: th".',
    Safety.NONE,
    Severity.WARNING,
)
DECAY = Rule(
    "KM208",
    "learning-rate-decay",
    "Give a learning rate that decays as a schedule",
    "Until 2.10 every optimizer divided its learning rate by 1 + decay * iterations. Keras 3 only"
    " warns that `decay` is no longer supported and trains with a constant rate; tf_keras raises"
    ' "decay is deprecated in the new TF-Keras optimizer". By position it is worse: in'
    " SGD(0.01, 0.9, 1e-6, True) the decay now switches nesterov on, and the last argument is a"
    " weight decay of 1. InverseTimeDecay with decay_steps=1 computes the same rates. A rate that"
    ' is a schedule cannot be set: "This optimizer was created with a `LearningRateSchedule`'
    " object as its `learning_rate` constructor argument, hence its learning rate is not"
    ' settable". So what sets rates, or reads them, keeps the schedule out, in the file and in'
    " those that run together with it.",
    examples=(
        Example(
            "from keras.optimizers import SGD\n\nsgd = SGD(lr=0.01, decay=1e-6, momentum=0.9)\n",
            "from keras.optimizers import SGD\n"
            "from keras.optimizers.schedules import InverseTimeDecay\n\n"
            "sgd = SGD(learning_rate=InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6),"
            " momentum=0.9)\n",
        ),
    ),
    untouched=(
        "Optimizers where ReduceLROnPlateau, LearningRateScheduler or code of your own sets or"
        " reads the rate: they are reported.",
        "Nadam, whose decay= was something else.",
    ),
)
LEGACY = Rule(
    "KM209",
    "legacy-optimizer",
    "Take the old optimizer of tf_keras where its rate decays and is set as well",
    'The optimizers of tf_keras take no decay: "decay is deprecated in the new TF-Keras'
    ' optimizer". A schedule would do where nothing else touches the rate; but one that a callback'
    " or the code sets cannot be a schedule. tf_keras.optimizers.legacy has the optimizers of"
    " before 2.11, which take decay, schedule_decay and a rate that can be set: they make the steps"
    " of Keras 2, measured on Keras 2.3.1. Nadam of today has 1 where schedule_decay stood, so"
    " that 0.004, the default of old, makes other steps, too.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.callbacks import ReduceLROnPlateau\nfrom keras.optimizers import SGD\n\n"
            "sgd = SGD(lr=0.01, decay=1e-6)\nslower = ReduceLROnPlateau()\n",
            "from tf_keras.callbacks import ReduceLROnPlateau\n"
            "from tf_keras.optimizers import legacy\n\n"
            "sgd = legacy.SGD(learning_rate=0.01, decay=1e-6)\nslower = ReduceLROnPlateau()\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Targets with the API of Keras 3, which have no such optimizers: KM208.",
        "Optimizers whose rate nothing sets: KM208 makes a schedule.",
        "Classes that derive from an optimizer, and partial(SGD, decay=...).",
    ),
)
CLIPPING = Rule(
    "KM228",
    "two-clippings",
    "Report an optimizer that clips gradients in two ways",
    'Keras 3 raises "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set".'
    " tf_keras takes two.",
    Safety.NONE,
)

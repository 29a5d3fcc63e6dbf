"""Legacy arguments of layers, models, optimizers and functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

ROOTS = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}


def layer(before: str, after: str, *, to: str = "keras", codes: list[str] | None = None):
    """Check one call of a layer that has the same name before and after."""
    name = after.partition("(")[0]
    return check(
        f"from keras.layers import {name}\n\nlayer = {before}\n",
        f"from {ROOTS[to]}.layers import {name}\n\nlayer = {after}\n",
        to=to,
        codes=codes,
        settings=Settings(modern_defaults=True),
    )


@pytest.mark.parametrize("to", ROOTS)
def test_the_example_of_everything(to: str) -> None:
    check(
        "from keras.layers import Convolution2D\n\n"
        "layer = Convolution2D(64, 3, 3, border_mode='same', subsample=(2, 2), dim_ordering='th',"
        " init='he_normal')\n",
        f"from {ROOTS[to]}.layers import Conv2D\n\n"
        "layer = Conv2D(64, (3, 3), padding='same', strides=(2, 2), data_format='channels_first',"
        " kernel_initializer='he_normal')\n",
        to=to,
        codes=["KM101", "KM102", "KM201", "KM202", "KM634"],
    )


CALLS = [
    # Dense
    ("Dense(output_dim=4)", "Dense(units=4)"),
    ("Dense(4, 'uniform', 'tanh')", "Dense(4, kernel_initializer='uniform', activation='tanh')"),
    ("Dense(4, init='zero', bias=False)", "Dense(4, kernel_initializer='zero', use_bias=False)"),
    (
        "Dense(4, W_regularizer='l2', b_regularizer='l1', W_constraint='maxnorm')",
        "Dense(4, kernel_regularizer='l2', bias_regularizer='l1', kernel_constraint='max_norm')",
    ),
    ("Dense(4, init='one', input_dim=3)", "Dense(4, kernel_initializer='one', input_dim=3)"),
    ("Dense(4, input_dtype='float32', bias=True)", "Dense(4, dtype='float32', use_bias=True)"),
    ("Dense(4, b_constraint='nonneg')", "Dense(4, bias_constraint='non_neg')"),
    ("Dense(4, kernel_constraint='unitnorm')", "Dense(4, kernel_constraint='unit_norm')"),
    # values and expressions
    ("Dense(4, init=('uni' 'form'))", "Dense(4, kernel_initializer=('uni' 'form'))"),
    ("Dense(output_dim = 4,init = x)", "Dense(units = 4,kernel_initializer = x)"),
    ("Dense(4, init=a if b else c)", "Dense(4, kernel_initializer=a if b else c)"),
    ("Dense(*sizes, init='one')", "Dense(*sizes, kernel_initializer='one')"),
    # dropout and noise
    ("Dropout(p=.5)", "Dropout(rate=.5)"),
    ("GaussianDropout(p=.5)", "GaussianDropout(rate=.5)"),
    ("GaussianNoise(sigma=.1)", "GaussianNoise(stddev=.1)"),
    ("SpatialDropout1D(p=.5)", "SpatialDropout1D(rate=.5)"),
    (
        'SpatialDropout2D(p=.5, dim_ordering="tf")',
        'SpatialDropout2D(rate=.5, data_format="channels_last")',
    ),
    # pooling
    (
        "MaxPooling1D(pool_length=3, stride=2, border_mode='same')",
        "MaxPooling1D(pool_size=3, strides=2, padding='same')",
    ),
    ("AveragePooling1D(pool_length=3)", "AveragePooling1D(pool_size=3)"),
    (
        "MaxPooling2D((2, 2), (2, 2), 'same', 'th')",
        "MaxPooling2D((2, 2), (2, 2), 'same', 'channels_first')",
    ),
    (
        "MaxPooling2D(dim_ordering='default', border_mode='valid')",
        "MaxPooling2D(data_format=None, padding='valid')",
    ),
    (
        "AveragePooling3D((2, 2, 2), border_mode='same')",
        "AveragePooling3D((2, 2, 2), padding='same')",
    ),
    ("GlobalMaxPooling2D('th')", "GlobalMaxPooling2D('channels_first')"),
    ("GlobalMaxPooling2D(dim_ordering='tf')", "GlobalMaxPooling2D(data_format='channels_last')"),
    # resizing
    ("UpSampling1D(length=2)", "UpSampling1D(size=2)"),
    (
        "UpSampling2D((2, 2), dim_ordering='th' if theano else 'tf')",
        "UpSampling2D((2, 2), data_format='channels_first' if theano else 'channels_last')",
    ),
    (
        "Cropping2D(cropping=((1, 1), (1, 1)), dim_ordering='th')",
        "Cropping2D(cropping=((1, 1), (1, 1)), data_format='channels_first')",
    ),
    ("ZeroPadding2D((1, 2, 3, 4))", "ZeroPadding2D(((1, 2), (3, 4)))"),
    ("ZeroPadding2D(padding=[1, 2, 3, n])", "ZeroPadding2D(padding=((1, 2), (3, n)))"),
    (
        "ZeroPadding2D({'top_pad': 1, 'right_pad': f(2)})",
        "ZeroPadding2D(((1, 0), (0, f(2))))",
    ),
    ("ZeroPadding2D(padding=dict(left_pad=1))", "ZeroPadding2D(padding=((0, 0), (1, 0)))"),
    # normalization
    ("BatchNormalization(1e-5, 0, 1)", "BatchNormalization(epsilon=1e-5, axis=1)"),
    ("BatchNormalization(1e-5)", "BatchNormalization(epsilon=1e-5)"),
    ("BatchNormalization(mode=0, axis=1)", "BatchNormalization(axis=1)"),
    ("BatchNormalization(mode=0)", "BatchNormalization()"),
    (
        "BatchNormalization(beta_init='zero', gamma_init='one')",
        "BatchNormalization(beta_initializer='zero', gamma_initializer='one')",
    ),
    # embedding, activations
    (
        "Embedding(9, 4, init='uniform', W_regularizer='l2', W_constraint=c)",
        "Embedding(9, 4, embeddings_initializer='uniform', embeddings_regularizer='l2',"
        " embeddings_constraint=c)",
    ),
    ("Embedding(9, 4, 'uniform')", "Embedding(9, 4, 'uniform')"),
    ("Embedding(9, 4, dropout=0.)", "Embedding(9, 4)"),
    ("PReLU(init='zero')", "PReLU(alpha_initializer='zero')"),
    ("Reshape(dims=(2, 2))", "Reshape(target_shape=(2, 2))"),
    # recurrent
    (
        "LSTM(8, 'glorot_uniform', 'orthogonal', 'one', 'tanh')",
        "LSTM(8, kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal',"
        " unit_forget_bias=True, activation='tanh')",
    ),
    (
        "LSTM(output_dim=8, inner_init='orthogonal', inner_activation='sigmoid', dropout_U=.1)",
        "LSTM(units=8, recurrent_initializer='orthogonal', recurrent_activation='sigmoid',"
        " recurrent_dropout=.1)",
    ),
    ("LSTM(8, forget_bias_init='zero')", "LSTM(8, unit_forget_bias=False)"),
    ("LSTM(8, consume_less='mem', stateful=True)", "LSTM(8, stateful=True)"),
    (
        "GRU(8, W_regularizer='l2', U_regularizer='l2', b_regularizer='l1', dropout_W=.2)",
        "GRU(8, kernel_regularizer='l2', recurrent_regularizer='l2', bias_regularizer='l1',"
        " dropout=.2)",
    ),
    ("SimpleRNN(8, input_dim=3, input_length=5)", "SimpleRNN(8, input_shape=(5, 3))"),
    (
        "SimpleRNN(8, input_length=t, init='one', input_dim=d)",
        "SimpleRNN(8, input_shape=(t, d), kernel_initializer='one')",
    ),
    ("LSTM(8, input_dim=3)", "LSTM(8, input_shape=(None, 3))"),
    (
        "ConvLSTM2D(nb_filter=4, nb_row=3, nb_col=3, forget_bias_init='one', inner_init='one')",
        "ConvLSTM2D(filters=4, kernel_size=(3, 3), unit_forget_bias=True,"
        " recurrent_initializer='one')",
    ),
    # convolutions under their new names
    ("Conv1D(4, 3, border_mode='same')", "Conv1D(4, 3, padding='same')"),
    (
        "Conv1D(nb_filter=4, filter_length=3, subsample_length=2, input_dim=3, input_length=5)",
        "Conv1D(filters=4, kernel_size=3, strides=2, input_shape=(5, 3))",
    ),
    (
        "Conv1D(4, 3, 'uniform', 'relu')",
        "Conv1D(4, 3, kernel_initializer='uniform', activation='relu')",
    ),
    ("Conv2D(4, 3, 3, subsample=(2, 2))", "Conv2D(4, (3, 3), strides=(2, 2))"),
    ("Conv2D(4, (3, 3), border_mode='same')", "Conv2D(4, (3, 3), padding='same')"),
    ("Conv2D(4, 3, border_mode='same')", "Conv2D(4, 3, padding='same')"),
    ("Conv2D(4, 3, nb_col=5)", "Conv2D(4, (3, 5))"),
    ("Conv2D(nb_filter=4, nb_col=5, nb_row=3)", "Conv2D(filters=4, kernel_size=(3, 5))"),
    ("Conv2D(4, rows, cols, bias=False)", "Conv2D(4, (rows, cols), use_bias=False)"),
    ("Conv2D(4, (k), k + 1, init=i)", "Conv2D(4, ((k), k + 1), kernel_initializer=i)"),
    ("Conv3D(4, 1, 2, 3)", "Conv3D(4, (1, 2, 3))"),
    ("Conv3D(4, kernel_dim1=1, kernel_dim2=2, kernel_dim3=3)", "Conv3D(4, kernel_size=(1, 2, 3))"),
    (
        "SeparableConv2D(4, 3, 3, init='uniform', b_constraint=c)",
        "SeparableConv2D(4, (3, 3), depthwise_initializer='uniform',"
        " pointwise_initializer='uniform', bias_constraint=c)",
    ),
]


@pytest.mark.parametrize("to", ROOTS)
@pytest.mark.parametrize(("before", "after"), CALLS)
def test_layers(before: str, after: str, to: str) -> None:
    layer(before, after, to=to)


RENAMED = [
    ("Convolution1D(4, 3, border_mode='same')", "Conv1D(4, 3, padding='same')"),
    ("Convolution2D(64, 3, 3)", "Conv2D(64, (3, 3))"),
    ("Convolution3D(4, 1, 2, 3, 'uniform')", "Conv3D(4, (1, 2, 3), kernel_initializer='uniform')"),
    ("AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2))", "Conv2D(4, (3, 3), dilation_rate=(2, 2))"),
    ("AtrousConvolution1D(4, 3, atrous_rate=2)", "Conv1D(4, 3, dilation_rate=2)"),
    ("SeparableConvolution2D(4, 3, 3, bias=False)", "SeparableConv2D(4, (3, 3), use_bias=False)"),
]


@pytest.mark.parametrize("to", ROOTS)
@pytest.mark.parametrize(("before", "after"), RENAMED)
def test_layers_with_another_name(before: str, after: str, to: str) -> None:
    old, new = before.partition("(")[0], after.partition("(")[0]
    check(
        f"from keras.layers.convolutional import {old}\n\nlayer = {before}\n",
        f"from {ROOTS[to]}.layers import {new}\n\nlayer = {after}\n",
        to=to,
    )


def test_comments_and_layout_stay() -> None:
    check(
        "from keras.layers import Convolution2D\n\n"
        "layer = Convolution2D(\n"
        "    32,  # filters\n"
        "    3, 3,\n"
        "    # the border\n"
        "    border_mode='same',\n"
        "\n"
        "    bias = False,\n"
        ")(x)  # end\n",
        "from keras.layers import Conv2D\n\n"
        "layer = Conv2D(\n"
        "    32,  # filters\n"
        "    (3, 3),\n"
        "    # the border\n"
        "    padding='same',\n"
        "\n"
        "    use_bias = False,\n"
        ")(x)  # end\n",
        to="keras",
    )


def test_nested_calls() -> None:
    check(
        "from keras.layers import Bidirectional, LSTM, TimeDistributed, Dense\n"
        "from keras.regularizers import l2\n\n"
        "a = Bidirectional(LSTM(output_dim=8))(x)\n"
        "b = TimeDistributed(Dense(4, W_regularizer=l2(l=.1)))(Dense(output_dim=3)(a))\n",
        "from keras.layers import Bidirectional, LSTM, TimeDistributed, Dense\n"
        "from keras.regularizers import l2\n\n"
        "a = Bidirectional(LSTM(units=8))(x)\n"
        "b = TimeDistributed(Dense(4, kernel_regularizer=l2(l2=.1)))(Dense(units=3)(a))\n",
        to="keras",
        codes=["KM201"] * 4,
        settings=Settings(modern_defaults=True),
    )


@pytest.mark.parametrize(
    "prelude",
    [
        "import keras\n\nlayer = keras.layers.Dense",
        "import keras as k\n\nlayer = k.layers.Dense",
        "from keras import layers\n\nlayer = layers.Dense",
        "from keras import layers as L\n\nlayer = L.Dense",
        "from keras.layers import Dense as FC\n\nlayer = FC",
        "from keras.layers import *\n\nlayer = Dense",
        "def build():\n    from keras.layers import Dense\n    return Dense",
        "from keras.layers import Dense\n\nFC = Dense\nlayer = FC",
        "try:\n    from keras.layers import Dense\nexcept ImportError:\n    pass\n\nlayer = Dense",
    ],
)
def test_spellings(prelude: str) -> None:
    findings = check(
        f"{prelude}(output_dim=4)\n",
        f"{prelude}(units=4)\n".replace("import *", "import Dense"),
        to="keras",
    )
    assert "KM201" in [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("AveragePooling2D()", "AveragePooling2D(pool_size=(2, 2))"),
        ("AveragePooling2D(strides=(1, 1))", "AveragePooling2D(pool_size=(2, 2), strides=(1, 1))"),
        ("AveragePooling1D()", "AveragePooling1D(pool_size=2)"),
    ],
)
def test_a_default_that_became_required(before: str, after: str) -> None:
    layer(before, after, to="keras", codes=["KM201"])
    layer(before, before, to="tf_keras", codes=["KM101"])


def test_names_that_only_keras_3_has() -> None:
    layer("LeakyReLU(alpha=.1)", "LeakyReLU(negative_slope=.1)")
    layer("LeakyReLU(alpha=.1)", "LeakyReLU(alpha=.1)", to="tf_keras")


# -- models, optimizers, functions ---------------------------------------------------------------

OTHERS = [
    ("models", "Model", "Model(input=a, output=[b, c])", "Model(inputs=a, outputs=[b, c])"),
    ("models", "Model", "Model(a, output=b, name='m')", "Model(a, outputs=b, name='m')"),
    ("optimizers", "SGD", "SGD(lr=.1, momentum=.9)", "SGD(learning_rate=.1, momentum=.9)"),
    ("optimizers", "SGD", "SGD(.1, .9, 0., True)", "SGD(.1, .9, True)"),
    ("optimizers", "Adam", "Adam(lr=.1, decay=0)", "Adam(learning_rate=.1)"),
    ("optimizers", "Adam", "Adam(.1, .9, .999, 1e-8, 0.)", "Adam(.1, .9, .999, 1e-8)"),
    ("optimizers", "RMSprop", "RMSprop(.1, .9, 1e-8)", "RMSprop(.1, .9, epsilon=1e-8)"),
    (
        "callbacks",
        "ReduceLROnPlateau",
        "ReduceLROnPlateau(epsilon=.1)",
        "ReduceLROnPlateau(min_delta=.1)",
    ),
    ("regularizers", "l1", "l1(l=.1)", "l1(l1=.1)"),
    ("regularizers", "l2", "l2(.1)", "l2(.1)"),
    ("constraints", "MaxNorm", "MaxNorm(m=2, axis=0)", "MaxNorm(max_value=2, axis=0)"),
    (
        "constraints",
        "MinMaxNorm",
        "MinMaxNorm(low=0, high=1)",
        "MinMaxNorm(min_value=0, max_value=1)",
    ),
    ("datasets.imdb", "load_data", "load_data(nb_words=9)", "load_data(num_words=9)"),
    (
        "utils",
        "to_categorical",
        "to_categorical(labels, nb_classes=3)",
        "to_categorical(labels, num_classes=3)",
    ),
]


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_the_default_of_schedule_decay_is_dropped(to: str) -> None:
    check(
        "from keras.optimizers import Nadam\n\nopt = Nadam(lr=.1, schedule_decay=.004)\n",
        f"from {ROOTS[to]}.optimizers import Nadam\n\nopt = Nadam(learning_rate=.1)\n",
        to=to,
    )  # for tf_keras see KM209


@pytest.mark.parametrize("to", ROOTS)
@pytest.mark.parametrize(("module", "name", "before", "after"), OTHERS)
def test_other_callables(module: str, name: str, before: str, after: str, to: str) -> None:
    check(
        f"from keras.{module} import {name}\n\nthing = {before}\n",
        f"from {ROOTS[to]}.{module} import {name}\n\nthing = {after}\n",
        to=to,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("np_utils.to_categorical(y, nb_classes=3)", "utils.to_categorical(y, num_classes=3)"),
        ("np_utils.to_categorical(y, 3)", "utils.to_categorical(y, 3)"),
    ],
)
def test_to_categorical_at_its_old_home(before: str, after: str) -> None:
    check(
        f"from keras.utils import np_utils\n\nY = {before}\n",
        f"from keras import utils\n\nY = {after}\n",
        to="keras",
    )


BACKEND = [
    (
        "K.conv2d(x, k, border_mode='same', dim_ordering='th', image_shape=s)",
        "K.conv2d(x, k, padding='same', data_format='channels_first')",
    ),
    ("K.expand_dims(x, dim=1)", "K.expand_dims(x, axis=1)"),
    ("K.random_normal((2,), std=2., mean=1)", "K.random_normal((2,), stddev=2., mean=1)"),
    ("K.random_uniform((2,), low=0, high=1)", "K.random_uniform((2,), minval=0, maxval=1)"),
    ("K.one_hot(x, nb_classes=3)", "K.one_hot(x, num_classes=3)"),
    ("K.pool2d(x, (2, 2), border_mode='same')", "K.pool2d(x, (2, 2), padding='same')"),
    (
        "K.resize_images(X=x, height_factor=2, width_factor=2, dim_ordering='tf')",
        "K.resize_images(x=x, height_factor=2, width_factor=2, data_format='channels_last')",
    ),
]


@pytest.mark.parametrize(("before", "after"), BACKEND)
def test_backend_functions(before: str, after: str) -> None:
    check(
        f"from keras import backend as K\n\ny = {before}\n",
        f"from tf_keras import backend as K\n\ny = {after}\n",
        to="tf_keras",
    )


def test_backend_functions_whose_first_two_arguments_changed_places() -> None:
    check(
        "from keras import backend as K\n\n"
        "loss = K.binary_crossentropy(guess, truth) + K.expand_dims(x, dim=1)\n",
        "from tf_keras import backend as K\n\n"
        "loss = K.binary_crossentropy(output=guess, target=truth) + K.expand_dims(x, axis=1)\n",
        to="tf_keras",
    )
    check(
        "from keras import backend as K\n\nloss = K.binary_crossentropy(actual, predicted)\n",
        "from tf_keras import backend as K\n\nloss = K.binary_crossentropy(actual, predicted)\n",
        to="tf_keras",
    )


def test_images() -> None:
    check(
        "from keras.preprocessing.image import ImageDataGenerator, load_img, img_to_array\n"
        "from keras.preprocessing.text import Tokenizer\n\n"
        "a = ImageDataGenerator(dim_ordering='tf')\n"
        "b = img_to_array(load_img('x', grayscale=True), dim_ordering='th')\n"
        "c = Tokenizer(nb_words=10)\n",
        "from tf_keras.preprocessing.image import ImageDataGenerator, load_img, img_to_array\n"
        "from tf_keras.preprocessing.text import Tokenizer\n\n"
        "a = ImageDataGenerator(data_format='channels_last')\n"
        "b = img_to_array(load_img('x', grayscale=True), data_format='channels_first')\n"
        "c = Tokenizer(num_words=10)\n",
        to="tf_keras",
    )


def test_grayscale_images_in_keras_3() -> None:
    check(
        "from keras.utils import load_img\n\n"
        "a = load_img('x', grayscale=True)\n"
        "b = load_img('x', target_size=(2, 2), grayscale=False)\n",
        "from keras.utils import load_img\n\n"
        "a = load_img('x', color_mode='grayscale')\n"
        "b = load_img('x', target_size=(2, 2))\n",
        to="keras",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Input((3,), None, 'name')", "Input((3,), None, name='name')"),
        ("Input((3,), (2, 3))", "Input((3,), batch_shape=(2, 3))"),
        ("Input(batch_input_shape=(2, 3))", "Input(batch_shape=(2, 3))"),
        ("Input((3,), None, 'float32')", "Input((3,), None, 'float32')"),
        ("Input((3,), 2)", "Input((3,), 2)"),
        ("Input(shape=(3,), name='x')", "Input(shape=(3,), name='x')"),
    ],
)
def test_input(before: str, after: str) -> None:
    layer(before, after, to="keras")


def test_the_name_of_a_sequential_model() -> None:
    text = "from {}.models import Sequential\n\nmodel = Sequential(layers, {}'name')\n"
    check(text.format("keras", ""), text.format("keras", "name="), to="keras")
    check(text.format("keras", ""), text.format("tf_keras", ""), to="tf_keras")


# -- other ways to call --------------------------------------------------------------------------


def test_super_init_of_a_subclass() -> None:
    check(
        "from keras.layers import Convolution2D\n\n\n"
        "class Mine(Convolution2D):\n"
        "    def __init__(self, nb_filter, **kwargs):\n"
        "        super(Mine, self).__init__(nb_filter, 3, 3, border_mode='same', **kwargs)\n",
        "from keras.layers import Conv2D\n\n\n"
        "class Mine(Conv2D):\n"
        "    def __init__(self, nb_filter, **kwargs):\n"
        "        super(Mine, self).__init__(nb_filter, (3, 3), padding='same', **kwargs)\n",
        to="keras",
        codes=["KM101", "KM102", "KM201", "KM202"],
    )


def test_init_of_the_base_by_name() -> None:
    check(
        "from keras.layers import Dense\n\n\n"
        "class Mine(Dense):\n"
        "    def __init__(self):\n"
        "        Dense.__init__(self, output_dim=3, init='one')\n",
        "from keras.layers import Dense\n\n\n"
        "class Mine(Dense):\n"
        "    def __init__(self):\n"
        "        Dense.__init__(self, units=3, kernel_initializer='one')\n",
        to="keras",
    )


def test_super_of_a_class_whose_first_base_is_not_keras() -> None:
    untouched(
        "from keras.layers import Dense\n\n\n"
        "class Mine(Mixin, Dense):\n"
        "    def __init__(self):\n"
        "        super(Mine, self).__init__(output_dim=3)\n",
        to="keras",
        codes=[],
    )


def test_partial() -> None:
    check(
        "from functools import partial\n\n"
        "from keras.layers import Convolution2D\n\n"
        "conv = partial(Convolution2D, border_mode='same', init='one')\n"
        "x = conv(64, 3, 3, subsample=(2, 2))(x)\n",
        "from functools import partial\n\n"
        "from keras.layers import Conv2D\n\n"
        "conv = partial(Conv2D, padding='same', kernel_initializer='one')\n"
        "x = conv(64, (3, 3), strides=(2, 2))(x)\n",
        to="keras",
    )


def test_partial_with_half_a_kernel() -> None:
    findings = check(
        "import functools\n\n"
        "from keras.layers import Convolution2D\n\n"
        "conv = functools.partial(Convolution2D, 64, 3, border_mode='same')\n",
        "import functools\n\n"
        "from keras.layers import Conv2D\n\n"
        "conv = functools.partial(Conv2D, 64, 3, border_mode='same')\n",
        to="keras",
        codes=["KM101", "KM204", "KM102"],
    )
    assert findings[1].message == "Convolution2D: not all of nb_row, nb_col are given"


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "options = dict(border_mode='same', dim_ordering='th')",
            "options = dict(padding='same', data_format='channels_first')",
        ),
        (
            "options = {'border_mode': 'same', \"dim_ordering\": \"tf\"}",
            "options = {'padding': 'same', \"data_format\": \"channels_last\"}",
        ),
        (
            "options = {\n    'border_mode': mode,  # one\n    'name': 'x',\n}",
            "options = {\n    'padding': mode,  # one\n    'name': 'x',\n}",
        ),
    ],
)
def test_options_are_followed(before: str, after: str) -> None:
    text = (
        "from keras.layers import MaxPooling2D, AveragePooling2D\n\n{}\n"
        "a = MaxPooling2D((2, 2), **options)\nb = AveragePooling2D((2, 2), **options)\n"
    )
    check(text.format(before), text.format(after), to="keras", codes=["KM201"])


def test_options_written_in_place() -> None:
    layer("Dense(4, **{'init': 'one'})", "Dense(4, **{'kernel_initializer': 'one'})")
    layer("Dense(4, **dict(init='one'))", "Dense(4, **dict(kernel_initializer='one'))")


def test_options_tell_the_era() -> None:
    check(
        "from keras.layers import Conv2D\n\n"
        "options = dict(border_mode='same')\nlayer = Conv2D(4, 3, 3, **options)\n",
        "from keras.layers import Conv2D\n\n"
        "options = dict(padding='same')\nlayer = Conv2D(4, (3, 3), **options)\n",
        to="keras",
        codes=["KM201", "KM202"],
    )


@pytest.mark.parametrize(
    "lines",
    [
        "options = dict(init='one')\noptions['name'] = 'x'\nDense(4, **options)\n",
        "options = dict(init='one')\noptions.update(more)\nDense(4, **options)\n",
        "options = dict(init='one')\nshow(options)\nDense(4, **options)\n",
        "options = dict(init='one')\noptions = more\nDense(4, **options)\n",
        "options = other = dict(init='one')\nDense(4, **options)\n",
        "options = dict(more, init='one')\nDense(4, **options)\n",
        "options = {'init': 'one', **more}\nDense(4, **options)\n",
        "options = {key: 'one'}\nDense(4, **options)\n",
        "options = dict(init='one')\nDense(4, **options)\nmine(**options)\n",
        "options = dict(init='one', kernel_initializer='two')\nDense(4, **options)\n",
        "options = dict(init='one')\nDense(4, kernel_initializer='two', **options)\n",
        "options = dict(init='one')\nDense(4, **options)\nEmbedding(4, 4, **options)\n",
        "options = dict(consume_less='gpu')\nLSTM(4, **options)\n",
        "def f(options):\n    Dense(4, **options)\n",
        "def f(**options):\n    Dense(4, **options)\n",
    ],
)
def test_options_that_cannot_be_followed(lines: str) -> None:
    text = "from keras.layers import Dense, Embedding, LSTM\n\nDense(3, HERE)\n" + lines
    findings = check(
        text.replace("HERE", "init='one'"),
        text.replace("HERE", "kernel_initializer='one'"),
        to="keras",
    )
    notes = [finding for finding in findings if finding.code == "KM204"]
    assert notes
    for note in notes:
        assert not note.fixed
        assert note.confidence is Confidence.UNSURE
        assert note.severity is Severity.WARNING
        assert "may bring Keras 1 arguments that the source does not show" in note.message


def test_options_handed_through_a_constructor_are_no_finding() -> None:
    check(
        "from keras.layers import Dense\n\n\n"
        "class Mine(Dense):\n"
        "    def __init__(self, **kwargs):\n"
        "        super().__init__(4, init='one', **kwargs)\n",
        "from keras.layers import Dense\n\n\n"
        "class Mine(Dense):\n"
        "    def __init__(self, **kwargs):\n"
        "        super().__init__(4, kernel_initializer='one', **kwargs)\n",
        to="keras",
        codes=["KM201"],
    )


# -- left alone ----------------------------------------------------------------------------------

ALONE = [
    "from keras.layers import Dense\n\nlayer = Dense(4, 'relu')\n",
    "from keras.layers import Dense\n\nlayer = Dense(units=4, kernel_initializer='uniform')\n",
    "from keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, padding='same')\n",
    "from keras.layers import Conv2D\n\nlayer = Conv2D(4, (3, 3), (2, 2), 'same')\n",
    "from keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, 3, padding='same')\n",
    "from keras.layers import Conv2D\n\nlayer = Conv2D(4, (3, 3), 2, activation='relu')\n",
    "from keras.layers import BatchNormalization\n\nlayer = BatchNormalization(-1)\n",
    "from keras.layers import ZeroPadding2D\n\nlayer = ZeroPadding2D(((1, 1), (1, 1)))\n",
    "from keras.layers import ZeroPadding2D\n\nlayer = ZeroPadding2D((1, 1))\n",
    "from keras.layers import Embedding\n\nlayer = Embedding(4, 4, input_length=3)\n",
    "from keras.optimizers import SGD\n\noptimizer = SGD(.1, .9, True)\n",
    "from keras.optimizers import SGD\n\noptimizer = SGD(rate, .9)\n",
    "from keras.models import Model\n\nmodel = Model(a, b)\n",
    "from keras.regularizers import l2\n\nr = l2(.1)\n",
    # not Keras
    "import keras\n\n\ndef Dense(n, init):\n    return n\n\n\nlayer = Dense(4, init='uniform')\n",
    "import keras\nfrom mine import Convolution2D\n\nlayer = Convolution2D(4, 3, 3, init='one')\n",
    "import keras\n\n\nclass Dropout:\n    pass\n\n\nlayer = Dropout(p=.5)\n",
    "import keras\n\nrun(init='uniform', border_mode='same', p=.5, lr=.1, mode='sum')\n",
    "import keras\n\nnet.Dense(output_dim=4)\n",
    "from keras.layers import Dense\n\n\ndef f(Dense):\n    return Dense(output_dim=4)\n",
    "from keras.layers import Dense\n\n\nclass Mine:\n    def Dense(self):\n"
    "        return self.Dense(output_dim=4)\n",
    "from keras.layers import Dense\n\nlayer = Dense(4)(x, mode='sum')\n",
    # words in other places
    "from keras.layers import Dense\n\n# Dense(output_dim=4)\nlayer = 'Dense(output_dim=4)'\n",
    "from keras.layers import Dense\n\noutput_dim = init = 4\nlayer = Dense(output_dim)\n",
]


@pytest.mark.parametrize("code", ALONE)
def test_left_alone(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_parameters_of_a_wrapper_keep_their_names() -> None:
    check(
        "from keras.layers import Convolution2D\n\n\n"
        "def conv_bn(x, nb_filter, border_mode='same', **kwargs):\n"
        "    return Convolution2D(nb_filter, 3, 3, border_mode=border_mode)(x)\n\n\n"
        "y = conv_bn(x, nb_filter=3, border_mode='valid')\n",
        "from keras.layers import Conv2D\n\n\n"
        "def conv_bn(x, nb_filter, border_mode='same', **kwargs):\n"
        "    return Conv2D(nb_filter, (3, 3), padding=border_mode)(x)\n\n\n"
        "y = conv_bn(x, nb_filter=3, border_mode='valid')\n",
        to="keras",
    )


def test_the_stride_of_tf_keras_is_a_stride() -> None:
    untouched(
        "import tensorflow as tf\n\nlayer = tf.keras.layers.Conv2D(4, 3, 3)\n",
        to="tf.keras",
        codes=[],
    )
    check(
        "from tensorflow.keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, 3)\n",
        "from keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, 3)\n",
        to="keras",
        codes=["KM101"],
    )


# -- not converted -------------------------------------------------------------------------------

REFUSED = [
    (
        "Dense(4, init='one', kernel_initializer='two')",
        "Dense: both init= and kernel_initializer= are given",
    ),
    (
        "BatchNormalization(mode=2, axis=1)",
        "BatchNormalization: mode= is not the literal 0; modes 1 (sample-wise) and 2 (no running"
        " averages) have no successor",
    ),
    (
        "BatchNormalization(mode=mode)",
        "BatchNormalization: mode= is not the literal 0; modes 1 (sample-wise) and 2 (no running"
        " averages) have no successor",
    ),
    (
        "LSTM(4, forget_bias_init=f)",
        "LSTM: forget_bias_init= is neither 'one' nor 'zero'; only these have a successor",
    ),
    (
        "ZeroPadding2D({'top': 1})",
        "ZeroPadding2D: padding= has keys other than top_pad, bottom_pad, left_pad, right_pad",
    ),
    (
        "Conv2D(32, 3, 3)",
        "Conv2D: the second and third number are a kernel size in Keras 1, but kernel size and"
        " stride in Keras 2",
    ),
    (
        "Conv2D(32, k, k, activation='relu')",
        "Conv2D: the second and third number are a kernel size in Keras 1, but kernel size and"
        " stride in Keras 2",
    ),
    ("Conv2D(32, nb_col=3, border_mode='same')", "Conv2D: not all of nb_row, nb_col are given"),
    ("LSTM(4, input_dim=3, input_shape=(5, 3))", "LSTM: input_shape= is already given"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_refused(call: str, message: str) -> None:
    name = call.partition("(")[0]
    findings = untouched(
        f"from keras.layers import {name}\n\nlayer = {call}\n", to="keras", codes=["KM204"]
    )
    assert findings[0].message == message
    assert findings[0].severity is Severity.WARNING
    assert findings[0].confidence is Confidence.UNSURE
    assert findings[0].advice


def test_what_the_target_lacks_is_reported_and_the_rest_converted() -> None:
    findings = layer(
        "Dense(4, init='one', batch_input_shape=s)",
        "Dense(4, kernel_initializer='one', batch_input_shape=s)",
        codes=["KM201", "KM203"],
    )
    assert findings[1].message == "Dense has no argument batch_input_shape= in keras (Keras 3)"
    assert findings[1].advice == "start the model with Input(batch_shape=...) instead"
    layer(
        "Dense(4, init='one', batch_input_shape=s)",
        "Dense(4, kernel_initializer='one', batch_input_shape=s)",
        to="tf_keras",
        codes=["KM101", "KM201"],
    )


def test_arguments_that_no_keras_ever_had_are_nobodys_business_here() -> None:
    findings = untouched("from keras.layers import Dense\n\nDense(4, foo=1)\n", to="keras")
    assert "KM203" not in [finding.code for finding in findings]


def test_embedding_dropout_is_reported() -> None:
    findings = layer(
        "Embedding(9, 4, dropout=.2, init='one')",
        "Embedding(9, 4, dropout=.2, embeddings_initializer='one')",
        codes=["KM201", "KM203"],
    )
    assert findings[1].advice == "put a SpatialDropout1D layer behind the embedding"


def test_the_output_shape_of_a_deconvolution() -> None:
    findings = check(
        "from keras.layers import Deconvolution2D\n\n"
        "layer = Deconvolution2D(3, 5, 5, output_shape=(None, 3, 14, 14), subsample=(2, 2))\n",
        "from keras.layers import Conv2DTranspose\n\n"
        "layer = Conv2DTranspose(3, (5, 5), strides=(2, 2))\n",
        to="keras",
        codes=["KM101", "KM102", "KM201", "KM202", "KM204"],
    )
    assert findings[-1].confidence is Confidence.LIKELY
    assert findings[-1].severity is Severity.WARNING


def test_layouts_that_the_source_does_not_show() -> None:
    findings = check(
        "from keras.layers import MaxPooling2D\n\n\n"
        "def pool(dim_ordering='th'):\n"
        "    return MaxPooling2D((2, 2), dim_ordering=dim_ordering)\n",
        "from keras.layers import MaxPooling2D\n\n\n"
        "def pool(dim_ordering='th'):\n"
        "    return MaxPooling2D((2, 2), data_format=dim_ordering)\n",
        to="keras",
        codes=["KM201", "KM205"],
    )
    assert findings[1].severity is Severity.WARNING
    assert findings[1].confidence is Confidence.LIKELY
    assert (findings[1].line, findings[1].column) == (5, 46)


def test_initializers_of_the_old_signature() -> None:
    layer(
        "Dense(4, init=lambda shape, name: zeros(shape))",
        "Dense(4, kernel_initializer=lambda shape, name=None, dtype=None: zeros(shape))",
        codes=["KM201", "KM268"],
    )


@pytest.mark.parametrize(
    ("mode", "hints"),
    [
        ("1", ["LayerNormalization(epsilon=...)"]),
        ("2", ["training=True"]),
        ("mode", ["LayerNormalization(epsilon=...)", "training=True"]),
    ],
)
def test_what_to_do_about_a_mode_of_batch_normalization(mode: str, hints: list[str]) -> None:
    call = f"BatchNormalization(mode={mode})"
    (found,) = layer(call, call, codes=["KM204"])
    every = ("LayerNormalization(epsilon=...)", "training=True")
    assert [each for each in every if each in found.advice] == hints


def test_what_to_do_about_a_bar_that_is_forced() -> None:
    code = "from keras.utils import Progbar\n\nbar = Progbar(9)\nbar.update(3, force=True)\n"
    (found,) = untouched(code, to="keras", codes=["KM203"])
    assert found.line == 4
    assert found.advice == "leave it out; Progbar(..., interval=0) draws at every update"


# -- the rest of the file and of the project ------------------------------------------------------


def test_the_era_of_the_file_decides_about_positions() -> None:
    old = "from keras.layers import Conv2D, Dense\n\nDense(4, {}='one')\nlayer = Conv2D(4, k, k)\n"
    check(
        old.format("init"),
        old.format("kernel_initializer").replace("k, k)", "(k, k))"),
        to="keras",
        codes=["KM201", "KM202"],
    )
    findings = untouched(old.format("kernel_initializer"), to="keras", codes=["KM204"])
    assert findings[0].line == 4


def test_the_project_decides_where_the_file_is_silent(tmp_path: Path) -> None:
    code = "from keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, 3)\n"
    mine = tmp_path / "mine.py"
    other = tmp_path / "other.py"
    mine.write_text(code, encoding="utf-8")
    other.write_text("import keras\n\nf(border_mode='same')\n", encoding="utf-8")
    view = Project(tmp_path, [mine, other]).view(mine)
    check(code, code.replace("3, 3)", "(3, 3))"), to="keras", codes=["KM202"], view=view)
    other.write_text("import keras\n\nf(kernel_size=3)\n", encoding="utf-8")
    view = Project(tmp_path, [mine, other]).view(mine)
    untouched(code, to="keras", codes=["KM204"], view=view)


# -- choosing --------------------------------------------------------------------------------------


def test_an_ignore_comment_keeps_a_call_as_it_is() -> None:
    check(
        "from keras.layers import Dense\n\n"
        "a = Dense(output_dim=4)  # kerasmigrate: ignore[KM201]\n"
        "b = Dense(output_dim=4)\n",
        "from keras.layers import Dense\n\n"
        "a = Dense(output_dim=4)  # kerasmigrate: ignore[KM201]\n"
        "b = Dense(units=4)\n",
        to="keras",
        codes=["KM201"],
    )


def test_a_rule_that_is_not_selected_does_nothing() -> None:
    code = "from keras.layers import Conv2D\n\nlayer = Conv2D(4, 3, 3, border_mode='same')\n"
    untouched(code, to="keras", codes=[], settings=Settings(ignore=frozenset({"KM202"})))
    untouched(code, to="keras", codes=[], settings=Settings(ignore=frozenset({"KM2"})))

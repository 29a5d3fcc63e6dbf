"""Functions of ``tf.layers`` in terms of TensorFlow alone: variables of scopes, found by name."""

from __future__ import annotations

from collections.abc import Mapping

from kerasmigrate import literals
from kerasmigrate.calls import Arguments
from kerasmigrate.definitions import Definition
from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.signature import parse

_DENSE = '''
def $name(
    inputs,
    units,
    activation=None,
    use_bias=True,
    kernel_initializer=None,
    bias_initializer="zeros",
    trainable=True,
    name=None,
    reuse=None,
):
    """Do what tf.layers.dense did: the scope has its variables, and may find them again."""
    import tensorflow.compat.v1 as tf

    inputs = tf.convert_to_tensor(inputs)
    with tf.variable_scope(name or ("dense" if reuse else None), "dense", reuse=reuse):
        kernel = tf.get_variable(
            "kernel",
            [inputs.shape[-1], units],
            inputs.dtype,
            kernel_initializer,
            trainable=trainable,
        )
        wide = inputs.shape.rank > 2
        outputs = tf.tensordot(inputs, kernel, 1) if wide else tf.matmul(inputs, kernel)
        if use_bias:
            if isinstance(bias_initializer, str):
                bias_initializer = tf.zeros_initializer()
            bias = tf.get_variable(
                "bias", [units], inputs.dtype, bias_initializer, trainable=trainable
            )
            outputs = tf.nn.bias_add(outputs, bias)
        return outputs if activation is None else activation(outputs)
'''
_CONV2D = '''
def $name(
    inputs,
    filters,
    kernel_size,
    strides=1,
    padding="valid",
    dilation_rate=1,
    activation=None,
    use_bias=True,
    kernel_initializer=None,
    bias_initializer="zeros",
    trainable=True,
    name=None,
    reuse=None,
):
    """Do what tf.layers.conv2d did: the scope has its variables, and may find them again."""
    import tensorflow.compat.v1 as tf

    def pair(value):
        return list(value) if hasattr(value, "__len__") else [value, value]

    inputs = tf.convert_to_tensor(inputs)
    with tf.variable_scope(name or ("conv2d" if reuse else None), "conv2d", reuse=reuse):
        kernel = tf.get_variable(
            "kernel",
            [*pair(kernel_size), inputs.shape[-1], filters],
            inputs.dtype,
            kernel_initializer,
            trainable=trainable,
        )
        outputs = tf.nn.convolution(
            inputs,
            kernel,
            padding=padding.upper(),
            strides=pair(strides),
            dilation_rate=pair(dilation_rate),
        )
        if use_bias:
            if isinstance(bias_initializer, str):
                bias_initializer = tf.zeros_initializer()
            bias = tf.get_variable(
                "bias", [filters], inputs.dtype, bias_initializer, trainable=trainable
            )
            outputs = tf.nn.bias_add(outputs, bias)
        return outputs if activation is None else activation(outputs)
'''
_DROPOUT = '''
def $name(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """Do what tf.layers.dropout did; training may be a tensor."""
    import tensorflow.compat.v1 as tf

    def drop():
        return tf.nn.dropout(inputs, noise_shape=noise_shape, seed=seed, rate=rate)

    with tf.name_scope(name, "dropout", [inputs]):
        if tf.is_tensor(training):
            return tf.cond(training, drop, lambda: tf.identity(inputs))
        return drop() if training else tf.identity(inputs)
'''
_WEIGHTS = (
    "activation=None, use_bias=True, kernel_initializer=None, bias_initializer=...,"
    " trainable=True, name=None, reuse=None)"
)
#: The functions with their signatures, by their names in ``tf.layers``.
_DEFINED: Mapping[str, tuple[Definition, str]] = {
    "dense": (Definition("scoped_dense", _DENSE), f"(inputs, units, {_WEIGHTS}"),
    "conv2d": (
        Definition("scoped_conv2d", _CONV2D),
        "(inputs, filters, kernel_size, strides=1, padding='valid', dilation_rate=1, " + _WEIGHTS,
    ),
    "dropout": (
        Definition("graph_dropout", _DROPOUT),
        "(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None)",
    ),
}
#: Arguments that only say what is so without them, by value.
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "data_format": ("channels_last",),
    "kernel_regularizer": (None,),
    "bias_regularizer": (None,),
    "activity_regularizer": (None,),
    "kernel_constraint": (None,),
    "bias_constraint": (None,),
}


def definition(name: str) -> tuple[Definition, Signature] | None:
    """Return what stands for a function of ``tf.layers``, with what it accepts."""
    known = _DEFINED.get(name)
    return None if known is None else (known[0], parse(known[1]))


def drop_neutral(args: Arguments) -> None:
    """Leave out arguments that only say what is so without them."""
    for item in args.live:
        if item.name is not None and literals.plain(item.value) in _NEUTRAL.get(item.name, ()):
            args.drop(item)


def is_odd(args: Arguments) -> bool:
    """Tell whether an argument has a form that Keras understood and TensorFlow does not.

    Names of activations and initializers, such as ``activation='relu'``, and ``training=None``.
    """
    named = ("activation", "kernel_initializer", "bias_initializer")
    return any(
        (item.name in named and literals.string(item.value) is not None)
        or (item.name == "training" and literals.plain(item.value) is None)
        for item in args.live
    )


def written(name: str) -> str:
    """Return a definition as a file shows it where its name is free."""
    made = _DEFINED[name][0]
    return made.source.strip("\n").replace("$name", made.name)

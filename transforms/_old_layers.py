"""Layers of Keras 1 that no later Keras has, in words of our own, and how calls of them map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.definitions import Definition
from kerasmigrate.inventory.signature import parse


@dataclass(frozen=True)
class OldLayer:
    """A layer to define.

    Attributes:
        definition: Its text.
        signature: What its constructor takes.
        rename: Old names of arguments to those of the definition.
    """

    definition: Definition
    signature: str
    rename: Mapping[str, str] = field(default_factory=dict)


#: Arguments of every layer that both API levels take.
_COMMON = ("input_shape", "name", "trainable")
_LAST = ", *, input_shape=None, name=None, trainable=True)"
#: Spellings of initializers in Keras 1 that mean something else or nothing today.
_INITIALIZERS = {
    "zero": "zeros",
    "one": "ones",
    "uniform": "random_uniform",
    "normal": "random_normal",
}
_WORKING = (
    "zeros",
    "ones",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "orthogonal",
)
_DENSE = {
    "init": "kernel_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_USES = {
    "register": "keras.utils.register_keras_serializable",
    "Layer": "keras.layers.Layer",
}

_HIGHWAY = '''
@$register(package='keras_1')
class $name($Layer):
    """Highway layer of Keras 1: gate * transform(x) + (1 - gate) * x."""

    def __init__(
        self, activation=None, use_bias=True, kernel_initializer='glorot_uniform',
        kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
        bias_constraint=None, **options
    ):
        super().__init__(**options)
        self.transform_options = {
            'activation': activation,
            'use_bias': use_bias,
            'kernel_initializer': kernel_initializer,
            'kernel_regularizer': kernel_regularizer,
            'bias_regularizer': bias_regularizer,
            'kernel_constraint': kernel_constraint,
            'bias_constraint': bias_constraint,
        }

    def build(self, input_shape):
        units = input_shape[-1]
        options = dict(self.transform_options)
        self.transform = $Dense(units, **options)
        self.gate = $Dense(
            units, activation='sigmoid', use_bias=options['use_bias'],
            kernel_initializer=options['kernel_initializer'], bias_initializer='ones',
        )
        self.transform.build(input_shape)
        self.gate.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        gate = self.gate(inputs)
        return gate * self.transform(inputs) + (1 - gate) * inputs

    def get_config(self):
        return {**super().get_config(), **self.transform_options}
'''
_MAXOUT = '''
@$register(package='keras_1')
class $name($Layer):
    """MaxoutDense layer of Keras 1: the largest of several linear maps."""

    def __init__(
        self, units, pieces=4, use_bias=True, kernel_initializer='glorot_uniform',
        kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
        bias_constraint=None, **options
    ):
        super().__init__(**options)
        self.units = units
        self.pieces = pieces
        self.use_bias = use_bias
        self.kernel_options = {
            'initializer': kernel_initializer,
            'regularizer': kernel_regularizer,
            'constraint': kernel_constraint,
        }
        self.bias_options = {'regularizer': bias_regularizer, 'constraint': bias_constraint}

    def build(self, input_shape):
        shape = (self.pieces, input_shape[-1], self.units)
        self.kernel = self.add_weight(name='kernel', shape=shape, **self.kernel_options)
        if self.use_bias:
            shape = (self.pieces, self.units)
            self.bias = self.add_weight(
                name='bias', shape=shape, initializer='zeros', **self.bias_options
            )
        self.built = True

    def call(self, inputs, training=None):
        outputs = $ops.dot(inputs, self.kernel)
        if self.use_bias:
            outputs = outputs + self.bias
        return $ops.max(outputs, axis=1)

    def get_config(self):
        config = {'units': self.units, 'pieces': self.pieces, 'use_bias': self.use_bias}
        config.update({f'kernel_{key}': value for key, value in self.kernel_options.items()})
        config.update({f'bias_{key}': value for key, value in self.bias_options.items()})
        return {**super().get_config(), **config}
'''
_SRELU = '''
@$register(package='keras_1')
class $name($Layer):
    """S-shaped ReLU of Keras 1: x between two thresholds, and a slope on either side."""

    def __init__(
        self, t_left_initializer='zeros', a_left_initializer='glorot_uniform',
        t_right_initializer='glorot_uniform', a_right_initializer='ones',
        shared_axes=None, **options
    ):
        super().__init__(**options)
        self.supports_masking = True
        self.settings = {
            't_left_initializer': t_left_initializer,
            'a_left_initializer': a_left_initializer,
            't_right_initializer': t_right_initializer,
            'a_right_initializer': a_right_initializer,
            'shared_axes': shared_axes,
        }

    def build(self, input_shape):
        axes = self.settings['shared_axes'] or ()
        axes = axes if isinstance(axes, (list, tuple)) else (axes,)
        sizes = enumerate(input_shape[1:], 1)
        shape = tuple(1 if axis in axes else size for axis, size in sizes)
        for name in ('t_left', 'a_left', 't_right', 'a_right'):
            initializer = self.settings[f'{name}_initializer']
            weight = self.add_weight(name=name, shape=shape, initializer=initializer)
            setattr(self, name, weight)
        self.built = True

    def call(self, inputs, training=None):
        width = $ops.abs(self.t_right)
        above = $ops.maximum(inputs - self.t_left, 0.0)
        below = $ops.maximum(self.t_left - inputs, 0.0)
        beyond = $ops.maximum(inputs - self.t_left - width, 0.0)
        middle = self.t_left + $ops.minimum(above, width)
        return middle - self.a_left * below + self.a_right * beyond

    def get_config(self):
        return {**super().get_config(), **self.settings}
'''
_SOFTPLUS = '''
@$register(package='keras_1')
class $name($Layer):
    """Parametric softplus of Keras 1: alpha * log(1 + exp(beta * x))."""

    def __init__(self, alpha_init=0.2, beta_init=5.0, shared_axes=None, **options):
        super().__init__(**options)
        self.supports_masking = True
        self.settings = {
            'alpha_init': alpha_init,
            'beta_init': beta_init,
            'shared_axes': shared_axes,
        }

    def build(self, input_shape):
        axes = self.settings['shared_axes'] or ()
        axes = axes if isinstance(axes, (list, tuple)) else (axes,)
        sizes = enumerate(input_shape[1:], 1)
        shape = tuple(1 if axis in axes else size for axis, size in sizes)
        self.alphas = self.add_weight(name='alphas', shape=shape, initializer='ones')
        self.betas = self.add_weight(name='betas', shape=shape, initializer='ones')
        self.alphas.assign(self.alphas * self.settings['alpha_init'])
        self.betas.assign(self.betas * self.settings['beta_init'])
        self.built = True

    def call(self, inputs, training=None):
        return $ops.softplus(self.betas * inputs) * self.alphas

    def get_config(self):
        return {**super().get_config(), **self.settings}
'''


def _layers(ops: str) -> dict[str, OldLayer]:
    return {
        "Highway": OldLayer(
            Definition("Keras1Highway", _HIGHWAY, {**_USES, "Dense": "keras.layers.Dense"}),
            "(activation=None, use_bias=True, kernel_initializer='glorot_uniform',"
            " kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,"
            f" bias_constraint=None{_LAST}",
            _DENSE,
        ),
        "MaxoutDense": OldLayer(
            Definition("Keras1MaxoutDense", _MAXOUT, {**_USES, "ops": ops}),
            "(units, pieces=4, use_bias=True, kernel_initializer='glorot_uniform',"
            " kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,"
            f" bias_constraint=None{_LAST}",
            {**_DENSE, "output_dim": "units", "nb_feature": "pieces"},
        ),
        "SReLU": OldLayer(
            Definition("Keras1SReLU", _SRELU, {**_USES, "ops": ops}),
            "(t_left_initializer='zeros', a_left_initializer='glorot_uniform',"
            " t_right_initializer='glorot_uniform', a_right_initializer='ones',"
            f" shared_axes=None{_LAST}",
            {f"{each}_init": f"{each}_initializer" for each in _SRELU_WEIGHTS},
        ),
        "ParametricSoftplus": OldLayer(
            Definition("Keras1ParametricSoftplus", _SOFTPLUS, {**_USES, "ops": ops}),
            f"(alpha_init=0.2, beta_init=5.0, shared_axes=None{_LAST}",
        ),
    }


_SRELU_WEIGHTS = ("t_left", "a_left", "t_right", "a_right")
#: The layers for a target with the API of Keras 3, and for one with that of Keras 2.
LAYERS_3 = _layers("keras.ops")
LAYERS_2 = _layers("keras.backend")


def arguments(layer: OldLayer, args: Arguments) -> Arguments:
    """Change the arguments of an old call for the definition.

    Raises:
        UnbindableError: There is an argument that it does not take.
    """
    if args.starred:
        raise UnbindableError("arguments that the source does not show")
    for old, new in layer.rename.items():
        item = args.get(old)
        if item is not None and new.endswith("initializer"):
            text = literals.string(item.value)
            if text not in _WORKING and text not in _INITIALIZERS:
                raise UnbindableError(f"an initializer {text!r}")
            if text in _INITIALIZERS:
                args.replace(item, literals.write(_INITIALIZERS[text], item.value))
        args.rename(old, new)
    dim = args.get("input_dim")
    if dim is not None:
        shape = cst.Tuple([cst.Element(dim.value, comma=cst.Comma())])
        args.rename("input_dim", "input_shape")
        args.replace(dim, shape)
    bias = args.get("transform_bias")
    if bias is not None:
        args.drop(bias)  # Keras 1.2 ignored it already
    left = args.fit(parse(layer.signature))
    if left:
        raise UnbindableError(f"an argument {left[0]}=")
    return args

"""The locally connected layers of Keras 1 and 2, in words of our own for Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kerasmigrate.definitions import Definition
from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.signature import parse
from kerasmigrate.literals import Plain

_LINES = '''
@$register(package='keras_2')
class $name($Layer):
    """LocallyConnected1D of Keras 2: a convolution with weights of its own at each place."""

    def __init__(
        self, filters, kernel_size, strides=1, activation=None, use_bias=True, **options
    ):
        parts = [key for key in options if key.startswith(('kernel_', 'bias_'))]
        parts = {key: options.pop(key) for key in parts}
        super().__init__(**options)
        self.settings = {
            'filters': filters, 'kernel_size': kernel_size, 'strides': strides,
            'activation': activation, 'use_bias': use_bias, 'bias_initializer': 'zeros', **parts,
        }

    def build(self, input_shape):
        self.size, self.step = (
            each[0] if isinstance(each, (list, tuple)) else each
            for each in (self.settings['kernel_size'], self.settings['strides'])
        )
        places = (input_shape[1] - self.size) // self.step + 1
        filters = self.settings['filters']
        self.weigh('kernel', (places, self.size * input_shape[2], filters))
        if self.settings['use_bias']:
            self.weigh('bias', (places, filters))
        self.built = True

    def weigh(self, name, shape):
        kinds = ('initializer', 'regularizer', 'constraint')
        options = {kind: self.settings.get(f'{name}_{kind}') for kind in kinds}
        setattr(self, name, self.add_weight(name=name, shape=shape, **options))

    def call(self, inputs, training=None):
        inputs, size, step = $ops.expand_dims(inputs, 2), (self.size, 1), (self.step, 1)
        parts = $ops.image.extract_patches(inputs, size, step, data_format='channels_last')
        outputs = $ops.einsum('bpd,pdf->bpf', $ops.squeeze(parts, 2), self.kernel)
        outputs = outputs + self.bias if self.settings['use_bias'] else outputs
        return $activations.get(self.settings['activation'])(outputs)

    def get_config(self):
        return {**super().get_config(), **self.settings}
'''
_PICTURES = '''
@$register(package='keras_2')
class $name($Layer):
    """LocallyConnected2D of Keras 2: a convolution with weights of its own at each place."""

    def __init__(
        self, filters, kernel_size, strides=1, data_format=None, activation=None,
        use_bias=True, **options
    ):
        parts = [key for key in options if key.startswith(('kernel_', 'bias_'))]
        parts = {key: options.pop(key) for key in parts}
        super().__init__(**options)
        self.settings = {
            'filters': filters, 'kernel_size': kernel_size, 'strides': strides,
            'data_format': data_format or $image_data_format(), 'activation': activation,
            'use_bias': use_bias, 'bias_initializer': 'zeros', **parts,
        }

    def build(self, input_shape):
        self.first = self.settings['data_format'] == 'channels_first'
        self.size, self.steps = (
            tuple(each) if isinstance(each, (list, tuple)) else (each, each)
            for each in (self.settings['kernel_size'], self.settings['strides'])
        )
        axes = (2, 3, 1) if self.first else (1, 2, 3)
        *sizes, depth = (input_shape[axis] for axis in axes)
        places = [(n - k) // s + 1 for n, k, s in zip(sizes, self.size, self.steps)]
        depth, filters = depth * self.size[0] * self.size[1], self.settings['filters']
        self.weigh('kernel', (places[0] * places[1], depth, filters))
        if self.settings['use_bias']:
            self.weigh('bias', (*places, filters))
        self.built = True

    def weigh(self, name, shape):
        kinds = ('initializer', 'regularizer', 'constraint')
        options = {kind: self.settings.get(f'{name}_{kind}') for kind in kinds}
        setattr(self, name, self.add_weight(name=name, shape=shape, **options))

    def call(self, inputs, training=None):
        inputs = $ops.moveaxis(inputs, 1, -1) if self.first else inputs
        parts = $ops.image.extract_patches(
            inputs, self.size, self.steps, data_format='channels_last'
        )
        shape = parts.shape[1:]
        if self.first:  # the weights of a channel stand together there
            parts = $ops.reshape(parts, (-1, *shape[:2], *self.size, inputs.shape[-1]))
            parts = $ops.reshape($ops.moveaxis(parts, -1, 3), (-1, *shape))
        kernel = $ops.reshape(self.kernel, (*shape, -1))
        outputs = $ops.einsum('brcd,rcdf->brcf', parts, kernel)
        outputs = $ops.moveaxis(outputs, -1, 1) if self.first else outputs
        if self.settings['use_bias']:
            outputs = outputs + $ops.reshape(self.bias, outputs.shape[1:])
        return $activations.get(self.settings['activation'])(outputs)

    def get_config(self):
        return {**super().get_config(), **self.settings}
'''
_USES = {
    "register": "keras.utils.register_keras_serializable",
    "Layer": "keras.layers.Layer",
    "ops": "keras.ops",
    "activations": "keras.activations",
}
_WEIGHTS = (
    "kernel_initializer='glorot_uniform', bias_initializer='zeros', kernel_regularizer=None,"
    " bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,"
    " bias_constraint=None"
)
_LAYER = "*, input_shape=None, name=None, trainable=True, dtype=None)"


@dataclass(frozen=True)
class LocalLayer:
    """A layer to define.

    Attributes:
        definition: Its text.
        source: What the layer of Keras 2.2.4 and tf.keras took.
        taken: What the definition takes.
        fixed: The values that it stands for, of arguments that it does not take. Other values are
            other computations, or other shapes of weights.
    """

    definition: Definition
    source: Signature
    taken: Signature
    fixed: Mapping[str, tuple[Plain, ...]] = field(default_factory=dict)


def _source(rest: str) -> Signature:
    return parse(
        "(filters, kernel_size, strides=1, padding='valid', data_format=None, activation=None,"
        f" use_bias=True, {_WEIGHTS}, implementation=1, {rest}"
    )


def _taken(layout: str) -> Signature:
    return parse(
        f"(filters, kernel_size, strides=1, {layout}activation=None, use_bias=True, *,"
        f" {_WEIGHTS}, {_LAYER.removeprefix('*, ')}"
    )


LINES = Definition("Keras2LocallyConnected1D", _LINES, _USES)
_FIXED: dict[str, tuple[Plain, ...]] = {"padding": ("valid",), "implementation": (1,)}
#: The layers by the path that Keras 2 gave them.
LOCAL_LAYERS = {
    "keras.layers.LocallyConnected1D": LocalLayer(
        LINES,
        _source(_LAYER),
        _taken(""),
        {**_FIXED, "data_format": (None, "channels_last")},
    ),
    "keras.layers.LocallyConnected2D": LocalLayer(
        Definition(
            "Keras2LocallyConnected2D",
            _PICTURES,
            {**_USES, "image_data_format": "keras.config.image_data_format"},
        ),
        _source(_LAYER),
        _taken("data_format=None, "),
        _FIXED,
    ),
}

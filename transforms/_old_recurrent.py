"""The class Recurrent of Keras 2.0 to 2.3, in words of our own, for the classes that use it.

It calls the methods of a subclass as that of Keras 2.0.9, 2.2.4 and 2.3.1 did;
tests/test_recurrent_bases.py compares the numbers.
"""

from __future__ import annotations

from kerasmigrate.definitions import Definition

from .backend_definitions import RNN, RNN_OF_KERAS_2_2

_RECURRENT = '''
class $name($Layer):
    """Base class of Keras 2.0 for layers that do step(inputs, states) over time."""

    def __init__(
        self, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
        unroll=False, implementation=0, **options
    ):
        super().__init__(**options)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.implementation = implementation
        self.supports_masking = True
        self.input_spec = [$InputSpec(ndim=3)]
        self.state_spec = None
        self.dropout = 0
        self.recurrent_dropout = 0

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        steps = (input_shape[1],) if self.return_sequences else ()
        shape = (input_shape[0], *steps, self.units)
        if self.return_state:
            return [shape] + [(input_shape[0], self.units) for _ in self.states]
        return shape

    def compute_mask(self, inputs, mask=None):
        if isinstance(mask, list):
            mask = mask[0]
        mask = mask if self.return_sequences else None
        return [mask] + [None for _ in self.states] if self.return_state else mask

    def step(self, inputs, states):
        raise NotImplementedError

    def get_constants(self, inputs, training=None):
        return []

    def get_initial_state(self, inputs):
        zeros = $ops.sum($ops.zeros_like(inputs), axis=(1, 2))
        zeros = $ops.tile($ops.expand_dims(zeros, -1), [1, self.units])
        return [zeros for _ in self.states]

    def preprocess_input(self, inputs, training=None):
        return inputs

    def __call__(self, inputs, initial_state=None, **options):
        if initial_state is None and isinstance(inputs, (list, tuple)) and len(inputs) > 1:
            inputs, *initial_state = inputs
        if initial_state is not None:
            several = isinstance(initial_state, (list, tuple))
            options['initial_state'] = list(initial_state) if several else [initial_state]
        return super().__call__(inputs, **options)

    def call(self, inputs, mask=None, training=None, initial_state=None):
        if isinstance(inputs, (list, tuple)):
            inputs, *initial_state = inputs
        elif initial_state is None and self.stateful:
            initial_state = self.states
        elif initial_state is None:
            initial_state = self.get_initial_state(inputs)
        if len(initial_state) != len(self.states):
            count = len(self.states), len(initial_state)
            raise ValueError('Layer has %d states but was passed %d initial states.' % count)
        last_output, outputs, states = $rnn(
            self.step,
            self.preprocess_input(inputs, training=training),
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask[0] if isinstance(mask, list) else mask,
            constants=self.get_constants(inputs, training=training),
            unroll=self.unroll,
        )
        if self.stateful:
            for variable, state in zip(self.states, states):
                variable.assign(state)
        output = outputs if self.return_sequences else last_output
        return [output, *states] if self.return_state else output

    def reset_states(self, states=None):
        if not self.stateful:
            raise AttributeError('Layer must be stateful.')
        shape = (self.input_spec[0].shape[0], self.units)
        if not shape[0]:
            raise ValueError('A stateful layer needs the size of its batches.')
        if self.states[0] is None:
            self.states = [
                self.add_weight(
                    name='state_%d' % number, shape=shape, initializer='zeros', trainable=False
                )
                for number, _ in enumerate(self.states)
            ]
            return
        if states is not None and not isinstance(states, (list, tuple)):
            states = [states]
        for number, variable in enumerate(self.states):
            value = 0 * variable if states is None else states[number]
            variable.assign(value)

    def get_config(self):
        return {
            **super().get_config(),
            'return_sequences': self.return_sequences,
            'return_state': self.return_state,
            'go_backwards': self.go_backwards,
            'stateful': self.stateful,
            'unroll': self.unroll,
            'implementation': self.implementation,
        }
'''
#: What __init__() ends with. Keras 3 turns XLA on where there is a GPU, if all layers agree.
_MADE = "        self.recurrent_dropout = 0\n"
_NO_XLA = "        self.supports_jit = False  # XLA cannot compile the gradients of every step\n"
#: What __call__() ends with. Keras 3 hands a mask to call() only where there is one tensor alone.
_STARTED = "list(initial_state) if several else [initial_state]\n"
_MASK = """\
            import inspect

            mask = getattr(inputs, '_keras_mask', None)
            if mask is not None and 'mask' in inspect.signature(self.call).parameters:
                options.setdefault('mask', mask)
"""


def recurrent(api: int, early: bool) -> Definition:
    """Return the definition of the class.

    Args:
        api: Of the target, 2 or 3.
        early: Whether masked steps give what they gave before Keras 2.3.
    """
    uses = {
        "Layer": "keras.layers.Layer",
        "InputSpec": "keras.layers.InputSpec",
        "ops": "keras.ops" if api > 2 else "keras.backend",
    }
    source = _RECURRENT
    if api > 2:
        source = source.replace(_STARTED, _STARTED + _MASK).replace(_MADE, _MADE + _NO_XLA)
    needs = {"rnn": RNN_OF_KERAS_2_2 if early else RNN}
    return Definition("Keras2Recurrent", source, uses, needs)

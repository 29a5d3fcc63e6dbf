"""Functions of the old backend that take a few lines of keras.ops to say.

What they do is what tf_keras does, or an older Keras where the name says so; the tests compare the
numbers.
"""

from __future__ import annotations

from kerasmigrate.definitions import Definition

BATCH_DOT = Definition(
    "batch_dot",
    '''
def $name(x, y, axes=None):
    """Multiply the samples of two batches along one axis of each, as Keras 2 did."""
    rank_x, rank_y = len(x.shape), len(y.shape)
    if axes is None:
        axes = (rank_x - 1, max(rank_y - 2, 1))
    elif isinstance(axes, int):
        axes = (axes, axes)
    left, right = list("abcdefgh"[:rank_x]), list("aijklmno"[:rank_y])
    shared = left[axes[0]]
    right[axes[1]] = shared
    kept = "".join(each for each in left + right[1:] if each != shared)
    product = $ops.einsum("".join(left) + "," + "".join(right) + "->" + kept, x, y)
    return product if len(kept) > 1 else $ops.expand_dims(product, -1)
''',
    {"ops": "keras.ops"},
)
BATCH_DOT_OF_KERAS_2_2 = Definition(
    "batch_dot",
    '''
def $name(x, y, axes=None):
    """Multiply two batches along an axis of each; axes between are matched, as before Keras 2.3."""
    rank_x, rank_y = len(x.shape), len(y.shape)
    rank = max(rank_x, rank_y)
    if axes is None:
        axes = (rank_x - 1, max(rank_y - 2, 1))
    elif isinstance(axes, int):
        axes = (axes, axes)
    if rank == 2:
        return $ops.sum(x * y, axis=1, keepdims=True)
    for _ in range(rank - rank_x):
        x = $ops.expand_dims(x, -1)
    for _ in range(rank - rank_y):
        y = $ops.expand_dims(y, -1)
    x = x if axes[0] == rank - 1 else $ops.swapaxes(x, -1, -2)
    y = $ops.swapaxes(y, -1, -2) if axes[1] == rank - 1 else y
    product = $ops.matmul(x, y)
    if rank_x == rank_y:
        return product
    added = rank_x - 1 if rank_x < rank_y else rank_x + rank_y - 3
    return $ops.squeeze(product, tuple(range(added, added + abs(rank_x - rank_y))))
''',
    {"ops": "keras.ops"},
)
BIAS_ADD = Definition(
    "bias_add",
    '''
def $name(x, bias, data_format=None):
    """Add a bias to the channels of x, wherever those are, as Keras 2 did."""
    if (data_format or $backend.image_data_format()) == "channels_first" and len(x.shape) > 2:
        rest = tuple(bias.shape[:-1]) or (1,) * (len(x.shape) - 2)
        bias = $ops.reshape(bias, (bias.shape[-1], *rest))
        # keras.ops.add takes a column for a row where the last dimension has the same size.
        return $ops.subtract(x, $ops.negative(bias))
    return $ops.add(x, bias)
''',
    {"backend": "keras.backend", "ops": "keras.ops"},
)
CTC_BATCH_COST = Definition(
    "ctc_batch_cost",
    '''
def $name(y_true, y_pred, input_length, label_length):
    """Return the CTC loss of each sample, as Keras 2 did: its blank is the last class."""
    import tensorflow as tf

    lengths = tf.cast(tf.squeeze(label_length, axis=-1), "int32")
    labels = tf.RaggedTensor.from_tensor(y_true, lengths=lengths).to_sparse()
    scores = tf.math.log(tf.transpose(y_pred, [1, 0, 2]) + $backend.epsilon())
    steps = tf.cast(tf.squeeze(input_length, axis=-1), "int32")
    cost = tf.compat.v1.nn.ctc_loss(tf.cast(labels, "int32"), scores, steps)
    return tf.expand_dims(cost, 1)
''',
    {"backend": "keras.backend"},
)
IDENTITY = Definition(
    "identity",
    '''
def $name(x, name=None):
    """Return a tensor with the content of x."""
    import tensorflow as tf

    return tf.identity(x, name)
''',
)
IS_SPARSE = Definition(
    "is_sparse",
    '''
def $name(tensor):
    """Tell whether a tensor is sparse."""
    import tensorflow as tf

    return isinstance(tensor, tf.SparseTensor) or bool(getattr(tensor, "sparse", False))
''',
)
LOGSUMEXP = Definition(
    "logsumexp",
    '''
def $name(x, axis=None, keepdims=False):
    """Return the logarithm of the sum of exponentials along an axis."""
    import tensorflow as tf

    return tf.reduce_logsumexp(x, axis, keepdims)
''',
)
RESIZE_IMAGES = Definition(
    "resize_images",
    '''
def $name(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Repeat the rows and columns of images."""
    rows, columns = (2, 3) if data_format == "channels_first" else (1, 2)
    x = $ops.repeat(x, height_factor, axis=rows)
    return $ops.repeat(x, width_factor, axis=columns)
''',
    {"ops": "keras.ops"},
)


def _rnn(era: str, masked: str) -> Definition:
    """Return a definition of ``rnn``.

    Args:
        era: Whose it is.
        masked: Output and states at a step that the mask leaves out; ``before`` are those of the
            step before it.
    """
    return Definition(
        "rnn",
        f'''
def $name(
    step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None,
    unroll=False, input_length=None
):
    """Run a step over time, as {era} did: last output, all outputs, last states."""
    import tensorflow as tf

    if len(getattr(input_length, "shape", ())) > 0:
        raise ValueError("a length for each sample is not supported: give a mask instead")

    def time_first(x):
        x = tf.transpose(x, [1, 0, *range(2, len(x.shape))])
        return tf.reverse(x, [0]) if go_backwards else x

    def choose(keep, new, old):
        for _ in range(len(new.shape) - len(keep.shape)):
            keep = tf.expand_dims(keep, -1)
        return tf.where(keep, new, old)

    def step(before, given):
        output, states = step_function(given[0], (*before[1:], *(constants or ())))
        after = [tf.convert_to_tensor(each) for each in (output, *states)]
        for old, new in zip(before, after):
            new.set_shape(old.shape)
        if mask is None:
            return after
        return [choose(given[1], *each) for each in zip(after, {masked})]

    given = [time_first(inputs)]
    if mask is not None:
        given.append(time_first(tf.cast(mask, "bool")))
    output, _ = step_function(given[0][0], (*initial_states, *(constants or ())))
    outputs, *states = tf.scan(step, given, [tf.zeros_like(output), *initial_states])
    every = tf.transpose(outputs, [1, 0, *range(2, len(outputs.shape))])
    return outputs[-1], every, tuple(each[-1] for each in states)
''',
    )


RNN = _rnn("K.rnn since Keras 2.3", "before")
RNN_OF_KERAS_2_2 = _rnn(
    "K.rnn before Keras 2.3", "[before[0] if unroll else before[1], *before[1:]]"
)
#: By the name that a row of backend_functions.json gives.
DEFINITIONS = {
    "batch_dot_of_keras_2_2": BATCH_DOT_OF_KERAS_2_2,
    "rnn_of_keras_2_2": RNN_OF_KERAS_2_2,
} | {
    each.name: each
    for each in (
        BATCH_DOT,
        BIAS_ADD,
        CTC_BATCH_COST,
        IDENTITY,
        IS_SPARSE,
        LOGSUMEXP,
        RESIZE_IMAGES,
        RNN,
    )
}

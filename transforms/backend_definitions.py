"""Functions of the old backend that take a few lines of keras.ops to say.

What they do is what tf_keras does; the tests compare the numbers.
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
#: By the name that a row of backend_functions.json gives.
DEFINITIONS = {"batch_dot": BATCH_DOT}

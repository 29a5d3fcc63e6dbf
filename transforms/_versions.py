"""Which versions a whole file may have been written for, as the rules about numbers ask it."""

from __future__ import annotations

from kerasmigrate.eras import KERAS_1
from kerasmigrate.transform import Context
from kerasmigrate.versions import KERAS_2_0, KERAS_2_2, KERAS_2_3, plausible

#: Keras as it was before TensorFlow took it in.
EARLY = frozenset(("keras-1.0.0", "keras-1.1.2", KERAS_1, KERAS_2_0, KERAS_2_2, KERAS_2_3))

BEFORE_2_3 = EARLY - {KERAS_2_3}


def versions_of(context: Context) -> frozenset[str]:
    """Return the versions that a file may have been written for; none if Keras 3 is one of them."""
    flavours = {symbol.flavour for _, symbol in context.names.symbols()}
    found = [plausible(context.names, each) for each in sorted(flavours)]
    return frozenset().union(*found) if found and all(found) else frozenset()

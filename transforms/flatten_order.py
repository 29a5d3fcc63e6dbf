"""Flatten, which puts the channels last where images are channels_first."""

from __future__ import annotations

import ast
from enum import Enum
from functools import cached_property

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.eras import KERAS_1
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.neighbours import FileFacts, sharing
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.versions import KERAS_2_0, plausible

from ._edits import add_keyword, keyword
from .defaults import Quotes

FLATTEN = Rule(
    "KM641",
    "flatten-order",
    "Let Flatten keep the order of channels_first data, as Keras 1 did",
    "Up to Keras 2.0 Flatten took the numbers in the order in which they lie. Since Keras 2.2 it"
    " has a data_format, and where that, or image_data_format(), is 'channels_first', it moves the"
    " channels to the end first. Measured for the picture [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8],"
    " [9, 10, 11]]] of two channels, with image_dim_ordering or image_data_format set to it:"
    " 0, 1, 2, 3, ... in Keras 1.2.2 and 2.0.9; 0, 6, 1, 7, ... in 2.2.4, 2.3.1, tf_keras and"
    " Keras 3. Shapes are the same, so old weights load and give other results."
    " data_format='channels_last' makes Flatten take what it gets as it lies.",
    severity=Severity.WARNING,
    examples=(
        Example(
            "from keras import backend as K\nfrom keras.layers import Dense, Flatten\n\n"
            "K.set_image_dim_ordering('th')\n"
            "layers = [Flatten(), Dense(output_dim=10)]\n",
            "from keras import backend as K\nfrom keras.layers import Dense, Flatten\n\n"
            "K.set_image_data_format('channels_first')\n"
            "layers = [Flatten(data_format='channels_last'), Dense(units=10)]\n",
        ),
    ),
    untouched=(
        "Code for Keras 2.2 or later, whose Flatten moves the channels as today's does; code that"
        " may be for 2.0 as well as for 2.2 is reported where the order is set.",
        "Files of a program that never sets or asks for image_dim_ordering (image_data_format):"
        " what single layers are given is nothing to Flatten.",
        "Flatten(data_format=...).",
    ),
)
_PATH = "keras.layers.Flatten"
#: Versions whose Flatten knows no data_format.
_BEFORE = frozenset(("keras-1.0.0", "keras-1.1.2", KERAS_1, KERAS_2_0))
_GETTERS = ("image_data_format", "image_dim_ordering")
_SETTERS = ("set_image_data_format", "set_image_dim_ordering")
_LAST = frozenset(("tf", "channels_last"))


class Order(Enum):
    """What a file does about the order of images."""

    NOTHING = 0
    ASKS = 1
    SETS = 2


def _find(tree: ast.Module) -> Order:
    """Tell whether a file sets the order of images to what may be channels_first, or asks."""
    found = Order.NOTHING
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if name in _SETTERS:
            given = [*node.args, *(each.value for each in node.keywords)]
            if not (given and isinstance(given[0], ast.Constant) and given[0].value in _LAST):
                return Order.SETS
        elif name in _GETTERS:
            found = Order.ASKS
    return found


_FACTS = FileFacts(
    _find,
    lambda data: b"image_dim_ordering" in data or b"image_data_format" in data,
    Order.NOTHING,
)


class FlattenOrder(Transform):
    """Writes out the order in which Flatten took its input."""

    rules = (FLATTEN,)
    order = 60

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._quotes = Quotes(context)

    @cached_property
    def _program(self) -> Order:
        """What the program that the file belongs to does about the order of images."""
        view = self.context.view
        others = [_FACTS.of(view.project, each) for each in sharing(view.project, view.path)]
        own = _FACTS.of_text(self.context.code)
        return max((own, *others), key=lambda each: each.value)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        found = callee(self.context.names, original_node)
        if (
            found is None
            or not isinstance(updated_node, cst.Call)
            or found.partial
            or self.context.imports.locate(found.path).path != _PATH
            or original_node.func in self.context.imports.claimed
            or any(arg.star == "*" for arg in original_node.args)
            or any(
                arg.keyword is not None and arg.keyword.value == "data_format"
                for arg in original_node.args
            )
            or len([arg for arg in original_node.args if arg.keyword is None and not arg.star])
            > found.skip
        ):
            return updated_node
        versions = plausible(self.context.names, found.symbol.flavour)
        if not versions & _BEFORE or self._program is Order.NOTHING:
            return updated_node
        message = "Flatten moves the channels to the end of channels_first data now"
        if not versions <= _BEFORE or any(arg.star for arg in original_node.args):
            if self._program is Order.SETS:
                self.context.report(
                    FLATTEN,
                    original_node,
                    message,
                    advice="if the code is for Keras 2.0 or 1, write data_format='channels_last',"
                    " which takes the numbers as they lie",
                    severity=Severity.INFO,
                    confidence=Confidence.UNSURE,
                )
            return updated_node
        if not self.context.report(FLATTEN, original_node, message, fix=True):
            return updated_node
        value = self._quotes.write("'channels_last'")
        return add_keyword(updated_node, keyword("data_format", value))

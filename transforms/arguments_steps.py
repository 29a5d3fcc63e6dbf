"""Conversions of single arguments that a table of names cannot express."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import Callee
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.inventory import Signature
from kerasmigrate.rules import Rule
from kerasmigrate.transform import Context
from kerasmigrate.versions import plausible

from ._learning_rates import RateSetters
from .arguments_rules import NOT_CONVERTED
from .arguments_table import Row


@dataclass(frozen=True)
class Note:
    """A finding beside the edit itself.

    Attributes:
        rule: Under which it is reported.
        message: What is there, without the name of the callee.
        node: Where; a node of the original tree, or None for the whole call.
    """

    rule: Rule
    message: str
    advice: str
    node: cst.CSTNode | None = None
    severity: Severity = Severity.ERROR
    confidence: Confidence = Confidence.CERTAIN


class RefusedError(UnbindableError):
    """A call that must stay as it is, with what to do about it."""

    def __init__(self, rule: Rule, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.advice = advice


@dataclass
class Edit:
    """One call on its way from the source version to the target.

    Attributes:
        keras_1: Whether the call was written for Keras 1.
        found: What is called.
        setters: Who sets learning rates.
        applied: Whether the layer is called in the same expression.
        fixes: What was changed under other rules than that of arguments, in words.
        later: What is left to do once the call is known to fit.
        reported: Arguments without a successor that a note is already about.
        changes: What was changed, in words.
        notes: Findings beside the edit.
    """

    context: Context
    row: Row
    args: Arguments
    target: Signature
    keras_1: bool
    found: Callee
    setters: RateSetters
    applied: bool = False
    fixes: dict[Rule, str] = field(default_factory=dict)
    later: list[Callable[[], None]] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    changes: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def rename(self, old: str, new: str) -> None:
        """Rename an argument, and note it."""
        item = self.args.get(old)
        if item is None:
            return
        self.args.rename(old, new)
        if item.touched:
            self.changes.append(f"{old}= is now {new}=")

    def drop(self, item: Argument, why: str) -> None:
        """Drop an argument, and note it."""
        self.args.drop(item)
        self.changes.append(f"{item.name}= {why}")

    def change(self, item: Argument, value: cst.BaseExpression, what: str) -> None:
        """Give an argument another value, and note it."""
        self.args.replace(item, value)
        self.changes.append(what)


def sequence_shape(edit: Edit) -> None:
    """Turn ``input_dim`` and ``input_length`` into ``input_shape=(length, dim)``."""
    dim, length = edit.args.get("input_dim"), edit.args.get("input_length")
    if dim is None:
        return
    parts = [dim] if length is None else [dim, length]
    first = cst.Name("None") if length is None else length.value
    edit.args.combine(parts, "input_shape", literals.sequence(first, dim.value))
    edit.changes.append("input_dim= and input_length= are now input_shape=")


def forget_bias(edit: Edit) -> None:
    """Turn ``forget_bias_init='one'`` into ``unit_forget_bias=True``; report other values."""
    item = edit.args.get("forget_bias_init")
    if item is None:
        return
    value = literals.string(item.original)
    if value in ("one", "ones"):
        edit.args.rename("forget_bias_init", "unit_forget_bias")
        edit.change(item, cst.Name("True"), "forget_bias_init='one' is now unit_forget_bias=True")
    elif value in ("zero", "zeros"):
        edit.args.rename("forget_bias_init", "unit_forget_bias")
        edit.change(
            item, cst.Name("False"), "forget_bias_init='zero' is now unit_forget_bias=False"
        )
    else:
        raise UnbindableError(
            "forget_bias_init= is neither 'one' nor 'zero'; only these have a successor"
        )


def consume_less(edit: Edit) -> None:
    """Drop ``consume_less``, which chose between ways to compute the same."""
    item = edit.args.get("consume_less")
    if item is not None:
        edit.drop(item, "is gone; it only chose how to compute the same")


#: From runs of Keras 1.2.2.
_MODES = {
    "1": "for mode 1, LayerNormalization(epsilon=...) comes close: mode 1 added epsilon to the"
    " deviation as well",
    "2": "for mode 2, call the layer with training=True: it takes the batch, too, as long as"
    " neither it nor its model has trainable=False",
}


def normalization_mode(edit: Edit) -> None:
    """Drop ``mode=0``, the only mode that is left; refuse the other two."""
    item = edit.args.get("mode")
    if item is None:
        return
    value = literals.plain(item.original)
    if value != 0 or isinstance(value, bool):
        raise RefusedError(
            NOT_CONVERTED,
            "mode= is not the literal 0; modes 1 (sample-wise) and 2 (no running averages) have no"
            " successor",
            _MODES.get(str(value)) or "; ".join(_MODES.values()),
        )
    edit.drop(item, "is gone; 0 is what is left")


def transposed_shape(edit: Edit) -> None:
    """Drop ``output_shape``, which is computed now."""
    item = edit.args.get("output_shape")
    if item is None:
        return
    edit.drop(item, "is gone; it is computed")
    edit.notes.append(
        Note(
            NOT_CONVERTED,
            "output_shape= was dropped, and the target computes the shape",
            "compare the two shapes; where they differ, add output_padding=",
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
        )
    )


def embedding_dropout(edit: Edit) -> None:
    """Drop ``dropout=0``."""
    item = edit.args.get("dropout")
    if item is not None and literals.plain(item.original) == 0:
        edit.drop(item, "is gone; 0 meant none")


def embedding_length(edit: Edit) -> None:
    """Turn ``input_length=n`` into ``input_shape=(n,)`` where the target ignores the former.

    A Sequential model that began with such a layer had its weights at once, to set or to count.
    That of Keras 3 has none before the first batch, unless it is told the shape. Where the layer
    is called at once, its input tells.
    """
    item = edit.args.get("input_length")
    if item is None or edit.context.target.api == 2 or edit.applied or edit.args.starred:
        return
    if any(edit.args.get(name) is not None for name in _SHAPES):
        return
    value = item.original
    if value is None or literals.plain(value) is None or literals.elements(value) is not None:
        return
    if not edit.keras_1 and not plausible(edit.context.names, edit.found.symbol.flavour):
        return  # may be written for Keras 3, where the argument does nothing
    item.positional = False
    edit.args.combine([item], "input_shape", literals.sequence(item.value))
    edit.changes.append("input_length= is now input_shape=")


_SHAPES = ("input_shape", "batch_input_shape", "batch_shape")
_SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")


def zero_padding(edit: Edit) -> None:
    """Turn the dictionary and the 4-tuple of Keras 1 into ``((top, bottom), (left, right))``."""
    item = edit.args.get("padding")
    if item is None:
        return
    original, updated = item.original, item.value
    sides: list[cst.BaseExpression]
    four = literals.elements(original)
    if four is not None and len(four) == 4:
        sides = literals.elements(updated) or []
    else:
        known = literals.pairs(original)
        if known is None:
            return
        if not set(known) <= set(_SIDES):
            raise UnbindableError(f"padding= has keys other than {', '.join(_SIDES)}")
        values = literals.pairs(updated) or {}
        sides = [values.get(side, cst.Integer("0")) for side in _SIDES]
    top, bottom, left, right = sides
    edit.change(
        item,
        literals.sequence(literals.sequence(top, bottom), literals.sequence(left, right)),
        "padding= is now ((top, bottom), (left, right))",
    )


def grayscale(edit: Edit) -> None:
    """Turn ``grayscale=True`` into ``color_mode='grayscale'`` where the former is gone."""
    item = edit.args.get("grayscale")
    if item is None or edit.target.named("grayscale"):
        return
    value = literals.plain(item.original)
    if value is True:
        edit.args.rename("grayscale", "color_mode")
        item.positional = False
        edit.change(
            item, literals.write("grayscale"), "grayscale=True is now color_mode='grayscale'"
        )
    elif value is False:
        edit.drop(item, "is gone; False is the default of color_mode=")
    else:
        raise UnbindableError("grayscale= is not a literal; color_mode= takes its place")


_DTYPES = frozenset(
    (
        "bool",
        "string",
        "bfloat16",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
    )
)


def input_name(edit: Edit) -> None:
    """Name the third argument of ``Input``: ``name`` until Keras 2, ``dtype`` since Keras 3."""
    slots = edit.target.names()
    for index, item in enumerate(edit.args.positional):
        if edit.keras_1:
            continue
        text = literals.string(item.original)
        if index == 2 and slots[2:3] == ("dtype",) and text is not None and text not in _DTYPES:
            item.name = "name"
        elif index == 1 and literals.elements(item.original) is not None:
            item.name = "batch_shape"
    if edit.args.get("batch_input_shape") is not None and not edit.target.named(
        "batch_input_shape"
    ):
        edit.rename("batch_input_shape", "batch_shape")


def sequential_name(edit: Edit) -> None:
    """Name the second argument of ``Sequential``: ``name``, but ``trainable`` in Keras 3."""
    items = edit.args.positional
    if (
        len(items) > 1
        and edit.target.names()[1:2] == ("trainable",)
        and literals.string(items[1].original) is not None
    ):
        items[1].name = "name"


def checkpoint_period(edit: Edit) -> None:
    """Drop a ``period`` of one epoch, and a restart that was not asked for."""
    for name, usual in (("period", 1), ("load_weights_on_restart", False)):
        item = edit.args.get(name)
        if item is not None and not edit.target.named(name):
            value = literals.plain(item.original)
            if type(value) is type(usual) and value == usual:
                edit.drop(item, f"is gone; {usual} is what is done anyway")


def tensorboard(edit: Edit) -> None:
    """Drop what TensorFlow 2 has ignored all along (callbacks.py of tf.keras 2.15).

    tf_keras still takes it, for a warning; there it goes from code that comes from elsewhere.
    """
    ignored = edit.context.target.api < 3 and edit.found.symbol.flavour != "tf_keras"
    for name in ("batch_size", "write_grads", "embeddings_layer_names", "embeddings_data"):
        item = edit.args.get(name)
        if item is not None and (ignored or not edit.target.named(name)):
            edit.drop(item, "is gone; TensorFlow 2 ignored it")


STEPS: dict[str, Callable[[Edit], None]] = {
    step.__name__: step
    for step in (
        sequence_shape,
        forget_bias,
        consume_less,
        normalization_mode,
        transposed_shape,
        embedding_dropout,
        embedding_length,
        zero_padding,
        grayscale,
        input_name,
        sequential_name,
        checkpoint_period,
        tensorboard,
    )
}

"""Conversions of arguments of optimizers: ``decay``, ``epsilon=None``, two kinds of clipping.

tf_keras keeps the optimizers of before 2.11 as ``keras.optimizers.legacy``: the same steps, and a
decay beside a rate that can be set.
"""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.callees import is_super_init
from kerasmigrate.calls import Argument

from ._epsilons import ROOTED, is_behind, is_narrow, squared
from .arguments_rules import CLIPPING, DECAY
from .arguments_steps import Edit, Note, RefusedError

_SCHEDULE = "keras.optimizers.schedules.InverseTimeDecay"
#: Where the default of a learning rate stands, by the flavour that the code was written for.
_DEFAULTS = {"keras": "keras-2.3.1"}


def learning_rate_decay(edit: Edit) -> None:
    """Turn ``decay`` into a schedule; drop ``decay=0``; report what cannot be a schedule."""
    item = edit.args.get("decay")
    if item is None or item.original is None or edit.target.named("decay"):
        return
    if literals.plain(item.original) == 0:
        edit.drop(item, "is gone; 0 meant none")
        return
    if not edit.context.runs(DECAY, item.original):
        return
    rate = edit.args.get("lr") or edit.args.get("learning_rate")
    why = _hindrance(edit, rate)
    if why:
        _report(edit, item, rate, why)
        return
    edit.args.drop(item)
    if rate is None:
        rate = edit.args.insert("learning_rate", cst.parse_expression(_default(edit)))
    first = rate.value
    edit.fixes[DECAY] = "decay= is now a schedule of the learning rate"
    edit.later.append(lambda: edit.args.replace(rate, _schedule(edit, first, item.value)))


def legacy(edit: Edit) -> str | None:
    """Return the path of the old optimizer that a call needs, when no schedule can stand for it.

    That is so where something sets the rate that ``decay`` lowers, and for the ``schedule_decay``
    of Nadam, in whose place the formula of today has 1.
    """
    path = edit.row.path.replace("optimizers.", "optimizers.legacy.")
    signature = edit.context.inventory.signature(path)
    if edit.target.named("decay") or signature is None or not signature.named("decay"):
        return None
    if is_super_init(edit.args.call) or edit.found.skip or edit.found.partial:
        return None
    is_nadam = edit.row.path.endswith(".Nadam")
    item = edit.args.get("schedule_decay" if is_nadam else "decay")
    if item is None or item.original is None:
        return None
    if is_nadam:
        return path
    if literals.plain(item.original) == 0 or "initial_decay" in edit.setters.found:
        return None
    rate = edit.args.get("lr") or edit.args.get("learning_rate")
    return path if _hindrance(edit, rate) else None


def _schedule(
    edit: Edit, rate: cst.BaseExpression, decay: cst.BaseExpression
) -> cst.BaseExpression:
    name = edit.context.imports.spell(_SCHEDULE, near=edit.found.symbol)
    call = cst.parse_expression(f"{name}(r, decay_steps=1, decay_rate=d)")
    assert isinstance(call, cst.Call)
    first, steps, last = call.args
    return call.with_changes(
        args=[first.with_changes(value=rate), steps, last.with_changes(value=decay)]
    )


def _default(edit: Edit) -> str:
    """Return the learning rate that the optimizer had when the code gave none."""
    home = _DEFAULTS.get(edit.found.symbol.flavour, "tf.keras-2")
    signature = inventory.load(home).signature(edit.row.path)
    parameter = signature.get("learning_rate") if signature is not None else None
    assert parameter is not None and parameter.default is not None
    return parameter.default


def _hindrance(edit: Edit, rate: Argument | None) -> str:
    """Say why no schedule can take the place of a decay; empty when one can."""
    if edit.row.path.endswith(".Nadam"):
        return "Nadam computes its step with a schedule of its own"
    if is_super_init(edit.args.call) or edit.found.skip or edit.found.partial:
        return "the rate may come from elsewhere"
    if rate is None and edit.args.starred:
        return "the rate may be in the starred argument"
    if rate is not None and rate.original is not None:
        known = edit.context.values.instance(rate.original)
        if known is not None and known.startswith("keras.optimizers.schedules"):
            return "the learning rate is a schedule already"
    return edit.setters.found


def _report(edit: Edit, item: Argument, rate: Argument | None, why: str) -> None:
    code = edit.context.module.code_for_node
    assert item.original is not None
    start = code(rate.original) if rate is not None and rate.original is not None else ""
    start = start or _default(edit)
    schedule = (
        f"learning_rate={_SCHEDULE}({start}, decay_steps=1, decay_rate={code(item.original)})"
    )
    advice = f"write {schedule} where nothing else sets the rate"
    if edit.context.target.api < 3:
        advice += f", or use {edit.row.path.replace('optimizers', 'optimizers.legacy')}"
    else:
        advice += ", or leave decay= out and let the callback lower the rate"
    if edit.row.path.endswith(".Nadam"):
        advice = "leave decay= out, and lower the rate with a LearningRateScheduler"
    if item.positional:
        raise RefusedError(
            DECAY, f"its third or later argument is a decay, which is gone; {why}", advice
        )
    edit.reported.add("decay")
    edit.notes.append(
        Note(DECAY, f"decay= is gone, and no schedule is written: {why}", advice, item.original)
    )


def schedule_decay(edit: Edit) -> None:
    """Drop the default of ``schedule_decay``, which made no difference between two Nadams."""
    item = edit.args.get("schedule_decay")
    if item is None or edit.target.named("schedule_decay"):
        return
    if literals.plain(item.original) == 0.004:
        edit.drop(item, "is gone; 0.004 was what Nadam did without it")


def default_epsilon(edit: Edit) -> None:
    """Write the number that ``epsilon=None`` stood for: keras.backend.epsilon()."""
    item = edit.args.get("epsilon")
    if (
        item is not None
        and item.original is not None
        and not edit.target.named("decay")
        and literals.plain(item.original) is None
    ):
        value = "1e-7"
        if edit.row.path in ROOTED and is_behind(edit.context) and not is_narrow(edit.context):
            value = squared(value)
        edit.change(item, cst.parse_expression(value), f"epsilon=None is {value} now")


def one_clipping(edit: Edit) -> None:
    """Report two kinds of clipping, of which Keras 3 takes one."""
    if edit.context.target.api < 3:
        return
    given = [
        item
        for name in ("clipnorm", "clipvalue", "global_clipnorm")
        if (item := edit.args.get(name)) is not None and literals.plain(item.original) is not None
    ]
    if len(given) < 2:
        return
    edit.notes.append(
        Note(
            CLIPPING,
            f"only one of {' and '.join(f'{item.name}=' for item in given)} can be set in Keras 3",
            "keep the one that matters for your training",
        )
    )


def hidden(edit: Edit, keys: set[str]) -> set[str]:
    """Return what a dictionary of options brings to an optimizer that has no such argument."""
    if "learning_rate_decay" not in edit.row.steps or edit.target.named("decay"):
        return set()
    return keys & {"decay", "schedule_decay"}


STEPS: dict[str, Callable[[Edit], None]] = {
    step.__name__: step
    for step in (learning_rate_decay, schedule_decay, default_epsilon, one_clipping)
}

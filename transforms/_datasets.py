"""Which data of a training call is a PyDataset, or becomes one."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import is_a

SEQUENCE = "keras.utils.Sequence"
SEQUENCES = frozenset((SEQUENCE, "keras.utils.data_utils.Sequence", "keras.utils.PyDataset"))
#: Methods of ImageDataGenerator that give one.
FLOWS = frozenset(("flow", "flow_from_directory", "flow_from_dataframe"))


def is_dataset(context: Context, node: cst.BaseExpression) -> bool:
    """Tell whether a name or an attribute of self certainly stands for a Sequence.

    That is an instance of a class that derives from it, here or in the project, of
    TimeseriesGenerator, or what an ImageDataGenerator gives: all are PyDatasets in Keras 3.
    """
    chain = dotted(node)
    if chain is None or len(chain) > 2 or (len(chain) == 2 and chain[0] != "self"):
        return False
    if len(chain) == 2:
        made: list[cst.BaseExpression | None] = [*context.values.attribute(node)]
    else:
        made = [each.value for each in context.names.bindings(node)]
    return bool(made) and all(each is not None and _is_made(context, each) for each in made)


def _is_made(context: Context, node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    func = node.func
    if isinstance(func, cst.Attribute) and func.attr.value in FLOWS:
        known = context.values.instance(func.value) or ""
        return known.rpartition(".")[2] == "ImageDataGenerator"
    known = context.values.instance(node) or ""
    return (
        known in SEQUENCES
        or is_a(known, SEQUENCE)
        or known.rpartition(".")[2] == "TimeseriesGenerator"
    )

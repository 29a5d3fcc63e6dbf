"""Numbers of samples as numbers of batches: what ``samples_per_epoch`` is now."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from kerasmigrate import literals
from kerasmigrate.names import Names
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.transform import Context

#: Position of ``batch_size`` among the arguments of the methods of ImageDataGenerator, where it
#: is the same in all versions.
_FLOWS: dict[str, int | None] = {
    "flow": 2,
    "flow_from_directory": None,
    "flow_from_dataframe": None,
}
#: Their default, in every version.
_BATCH_SIZE = 32
_GENERATOR = "ImageDataGenerator"
_SIZE = "batch_size"


def batch_size(
    context: Context, generator: cst.BaseExpression, near: cst.BaseExpression
) -> cst.BaseExpression | None:
    """Return an expression for the batch size of a generator, if the source shows it.

    Args:
        generator: The generator, a node of the original tree.
        near: A reference beside which the expression has to mean the same.
    """
    if isinstance(generator, cst.Call):
        return _of_flow(context, generator)
    chain = dotted(generator)
    if chain is None:
        return None
    made = _made(context, generator, chain)
    if made is None:
        return None
    size = _of_flow(context, made)
    if size is None:
        return None
    if literals.integer(size) is not None or _same_meaning(context.names, size, near):
        return size
    return cst.Attribute(generator, cst.Name("batch_size"))


def told(
    context: Context, generator: cst.BaseExpression, near: cst.BaseExpression
) -> cst.BaseExpression | None:
    """Return an expression for what a generator of the user is told as ``batch_size``.

    That it gives batches of this size is what the name says, and no more. Looked at are a call
    with such a keyword, one of a function in this file that has such a parameter and yields, and
    the call of an object that was made with such a keyword.

    Args:
        generator: The generator, a node of the original tree.
        near: A reference beside which the expression has to mean the same.
    """
    call = generator
    if not isinstance(call, cst.Call):
        made = _made(context, call, dotted(call) or ())
        size = _told(context, made) if made is not None else None
    elif (size := _told(context, call)) is not None:
        return size
    elif call.args:
        return None
    else:
        made = _made(context, call.func, dotted(call.func) or ())
        size = _told(context, made) if made is not None else None
    if size is None or literals.integer(size) is not None:
        return size
    return size if _same_meaning(context.names, size, near) else None


def _told(context: Context, call: cst.Call) -> cst.BaseExpression | None:
    """Return the argument ``batch_size`` of a call."""
    if any(arg.star for arg in call.args):
        return None
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == _SIZE:
            return arg.value
    bindings = context.names.bindings(call.func)
    function = bindings[0].node if len(bindings) == 1 else None
    if not isinstance(function, cst.FunctionDef) or not isinstance(call.func, cst.Name):
        return None
    if function.decorators or not m.findall(function.body, m.Yield()):
        return None
    names = [each.name.value for each in (*function.params.posonly_params, *function.params.params)]
    if _SIZE not in names:
        return None
    place = names.index(_SIZE)
    positional = [arg for arg in call.args if arg.keyword is None]
    return positional[place].value if place < len(positional) else None


def _made(
    context: Context, generator: cst.BaseExpression, chain: tuple[str, ...]
) -> cst.Call | None:
    """Return the one call that a name is bound to."""
    if len(chain) != 1:
        return None
    bindings = context.names.bindings(generator)
    if len(bindings) != 1 or not isinstance(bindings[0].value, cst.Call):
        return None
    return bindings[0].value


def _of_flow(context: Context, call: cst.Call) -> cst.BaseExpression | None:
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in _FLOWS:
        return None
    known = context.values.instance(func.value)
    if known is not None and known.rpartition(".")[2] != _GENERATOR:
        return None
    if known is None and not _is_given(context, func.value, call):
        return None
    place = _FLOWS[func.attr.value]
    positional = 0
    for arg in call.args:
        if arg.star:
            return None
        if arg.keyword is not None:
            if arg.keyword.value == "batch_size":
                return arg.value
            continue
        if positional == place:
            return arg.value
        positional += 1
    if place is None and positional > 3:
        return None  # the order of what follows changed between the versions
    return cst.Integer(str(_BATCH_SIZE))


def _is_given(context: Context, receiver: cst.BaseExpression, call: cst.Call) -> bool:
    """Tell whether a generator of unknown origin is told its batch size, by Keras' own words."""
    if not any(arg.keyword is not None and arg.keyword.value == "batch_size" for arg in call.args):
        return False
    return dotted(receiver) is not None and all(
        binding.kind == "parameter" for binding in context.names.bindings(receiver)
    )


def _same_meaning(names: Names, size: cst.BaseExpression, near: cst.BaseExpression) -> bool:
    """Tell whether a name means the same, one, value where it is to be used."""
    there = names.references.get(size)
    here = names.references.get(near)
    if there is None or here is None or there.attributes:
        return False
    found = here.scope.lookup(there.name)
    bindings: list[Binding] = found[1] if found is not None else []
    return len(bindings) == 1 and list(names.bindings(size)) == bindings


def in_batches(samples: cst.BaseExpression, size: cst.BaseExpression) -> cst.BaseExpression:
    """Write the number of batches that hold so many samples, rounded up.

    Keras 1 drew batches while it had seen fewer samples (training.py of 1.2.2): that is a ceiling.
    """
    number, per = literals.integer(samples), literals.integer(size)
    if number is not None and per:
        return cst.Integer(str(-(-number // per)))
    text = f"-(-{_atom(samples)} // {_atom(size)})"
    fractions = _Fractions()
    samples.visit(fractions)
    if fractions.found:
        text = f"int({text})"
    return cst.parse_expression(text)


class _Fractions(cst.CSTVisitor):
    """Looks for what makes a number a float."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def visit_Float(self, node: cst.Float) -> None:
        self.found = True

    def visit_Divide(self, node: cst.Divide) -> None:
        self.found = True


def _atom(node: cst.BaseExpression) -> str:
    text = cst.Module([]).code_for_node(node)
    simple = isinstance(node, cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.Integer)
    return text if simple or node.lpar else f"({text})"

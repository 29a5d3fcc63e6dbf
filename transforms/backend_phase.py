"""The learning phase of the backend, where it can become the ``training`` argument of ``call``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.literals import plain
from kerasmigrate.transform import Context

from . import backend_table
from ._training_plan import TRAINING, TrainingPlan
from .backend_conditions import Conditions
from .backend_forms import loses_comments
from .call_training import LAYER_CALL, MODEL_CALL

#: Expressions that need parentheses to be a branch of a conditional one.
_LOOSE = (cst.IfExp, cst.Lambda, cst.NamedExpr, cst.Yield, cst.GeneratorExp, cst.Tuple)


class RefusedPhaseError(Exception):
    """A question for the learning phase has no answer here; says why."""


class Phases:
    """Follows a walk, and says what a question for the learning phase becomes.

    Args:
        context: Of the file.
        conditions: Of the same file.
    """

    def __init__(self, context: Context, conditions: Conditions) -> None:
        self.context = context
        self.conditions = conditions
        self._around: list[cst.ClassDef | cst.FunctionDef] = []

    @cached_property
    def _plan(self) -> TrainingPlan:
        return TrainingPlan(self.context, MODEL_CALL, LAYER_CALL)

    def enter(self, node: cst.ClassDef | cst.FunctionDef) -> None:
        """Follow the walk into a class or function."""
        self._around.append(node)

    def leave(self) -> None:
        """Follow the walk out of it."""
        self._around.pop()

    def plan(self, call: cst.Call, name: str) -> Callable[[cst.Call], cst.BaseExpression]:
        """Return what makes the new expression from the updated call.

        Raises:
            RefusedPhaseError: It has to stay.
        """
        if name == "learning_phase":
            self._check_reachable(call)
            if not self._is_asked(call):
                raise RefusedPhaseError("its value is used as a tensor")
            return lambda updated: cst.Name(TRAINING, lpar=updated.lpar, rpar=updated.rpar)
        source = backend_table.signature(name)
        assert source is not None
        args = Arguments(call, call, source)
        first, second, given = (args.get(each) for each in source.names())
        if args.starred or first is None or second is None:
            raise RefusedPhaseError("its arguments are not in sight")
        swapped = name == "in_test_phase"
        between = None if swapped else _between(call)
        if between is None and loses_comments(call):
            raise RefusedPhaseError("comments stand between its arguments")
        if given is None or plain(given.original) is None:
            self._check_reachable(call)

        def make(updated: cst.Call) -> cst.BaseExpression:
            now = Arguments(call, updated, source)
            parts = []
            for each in ("x", "alt"):
                item = now.get(each)
                if item is None:
                    raise UnbindableError(f"{each}= is missing")
                parts.append(self._branch(item.original, item.value))
            if swapped:
                parts.reverse()
            item = now.get(TRAINING)
            test: cst.BaseExpression = cst.Name(TRAINING)
            if item is not None and plain(item.original) is not None:
                test = _operand(item.value)
            made = cst.IfExp(body=parts[0], test=test, orelse=parts[1])
            if between is not None:
                made = made.with_changes(whitespace_before_if=between)
            lpar, rpar = [*updated.lpar], [*updated.rpar]
            if not lpar and self._needs_parentheses(call, made):
                lpar, rpar = [cst.LeftParen()], [cst.RightParen()]
            return made.with_changes(lpar=lpar, rpar=rpar)

        return make

    def _check_reachable(self, call: cst.Call) -> None:
        """Check that the name ``training`` means the phase where a call stands.

        Raises:
            RefusedPhaseError: It does not.
        """
        reference = self.context.names.references[call.func]
        found = reference.scope.lookup(TRAINING)
        if found is not None and found[0].kind == "function":
            if all(binding.kind == "parameter" for binding in found[1]):
                return
            raise RefusedPhaseError("the name training has another meaning here")
        place = next(
            (at for at in reversed(range(len(self._around))) if self._is_class(at)),
            len(self._around),
        )
        methods = self._around[place + 1 :]
        owner = self._around[place] if place < len(self._around) else None
        method = methods[0] if methods else None
        if (
            not isinstance(owner, cst.ClassDef)
            or not isinstance(method, cst.FunctionDef)
            or method.name.value != "call"
            or not self._plan.decide(owner, method).takes
        ):
            raise RefusedPhaseError("there is no argument training where it is asked for")

    def _is_class(self, at: int) -> bool:
        return isinstance(self._around[at], cst.ClassDef)

    def _is_asked(self, call: cst.Call) -> bool:
        """Tell whether only the truth of an expression matters, or it is passed as training."""
        node: cst.CSTNode = call
        parents = self.conditions.parents
        while isinstance(parents[node], cst.UnaryOperation | cst.BooleanOperation):
            parent = parents[node]
            if isinstance(parent, cst.UnaryOperation) and not isinstance(parent.operator, cst.Not):
                return False
            node = parent
        parent = parents[node]
        if isinstance(parent, cst.If | cst.IfExp | cst.While):
            return parent.test is node
        return (
            isinstance(parent, cst.Arg)
            and parent.keyword is not None
            and parent.keyword.value == TRAINING
        )

    def _branch(
        self, original: cst.BaseExpression | None, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        if isinstance(updated, cst.Lambda) and not _has_parameters(updated):
            return _operand(updated.body)
        if self.conditions.is_function(original):
            func = updated
            if isinstance(updated, cst.Lambda) and not updated.lpar:
                func = _parenthesised(updated)
            return cst.Call(func)
        return _operand(updated)

    def _needs_parentheses(self, call: cst.Call, made: cst.IfExp) -> bool:
        parent = self.conditions.parents[call]
        alone = isinstance(parent, cst.Return | cst.Assign | cst.Arg | cst.Element)
        return not alone or "\n" in cst.Module([]).code_for_node(made)


def _between(call: cst.Call) -> cst.ParenthesizedWhitespace | None:
    """Return what stands between two arguments, if the only comments of a call are there."""
    if len(call.args) != 2:
        return None
    comma = call.args[0].comma
    space = comma.whitespace_after if isinstance(comma, cst.Comma) else None
    if not isinstance(space, cst.ParenthesizedWhitespace) or not m.findall(space, m.Comment()):
        return None
    bare = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    first = call.args[0].with_changes(comma=bare)
    return None if loses_comments(call.with_changes(args=[first, call.args[1]])) else space


def _has_parameters(node: cst.Lambda) -> bool:
    params = node.params
    return bool(
        params.params
        or params.kwonly_params
        or params.posonly_params
        or params.star_kwarg
        or isinstance(params.star_arg, cst.Param)
    )


def _operand(node: cst.BaseExpression) -> cst.BaseExpression:
    if node.lpar or not isinstance(node, _LOOSE):
        return node
    return _parenthesised(node)


def _parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

"""Which ``call`` methods take ``training`` after the migration, and why some do not."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.inventory.homes import home
from kerasmigrate.rules import Rule
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import LAYER, MODEL, is_a

from ._layer_classes import (
    Foreign,
    LayerClasses,
    Parent,
    is_super,
    receiver,
)

TRAINING = "training"
#: Backend functions that read the phase which Keras 3 hands to ``call`` as ``training``.
_PHASE = frozenset(("learning_phase", "in_train_phase", "in_test_phase"))
#: Decorators that leave the parameters of a method alone.
_TRANSPARENT = frozenset(("abstractmethod", "override", "with_name_scope", "do_not_convert"))


@dataclass(frozen=True)
class Decision:
    """What becomes of one ``call``.

    Attributes:
        takes: It takes ``training`` after the migration.
        add: The parameter has to be added.
        blocked: Why it is not added although it should be: ``name`` (the body uses the name for
            something else), ``options`` (the body reads ``training`` from ``**kwargs``),
            ``passed`` (it hands ``**kwargs`` to something unknown), ``decorator``, or empty.
    """

    takes: bool
    add: bool = False
    blocked: str = ""


class TrainingPlan:
    """Decides for every class of a file.

    Args:
        context: Of the file.
        model_rule: The rule that adds the parameter to models.
        layer_rule: The rule that adds it to layers.
    """

    def __init__(self, context: Context, model_rule: Rule, layer_rule: Rule) -> None:
        self.context = context
        self.rules = {"model": model_rule, "layer": layer_rule}
        self._decisions: dict[cst.FunctionDef, Decision] = {}
        self._busy: set[cst.CSTNode] = set()

    @cached_property
    def classes(self) -> LayerClasses:
        """The classes of the file."""
        return LayerClasses(self.context)

    def decide(self, owner: cst.ClassDef, call: cst.FunctionDef) -> Decision:
        """Decide about one ``call`` method of a Keras class."""
        if call not in self._decisions:
            if call in self._busy:
                return Decision(False)
            self._busy.add(call)
            self._decisions[call] = self._decide(owner, call)
            self._busy.discard(call)
        return self._decisions[call]

    def takes(self, parent: Parent | None) -> bool:
        """Tell whether calling an instance of a class may pass ``training=``, to some effect."""
        return self._takes(parent, frozenset())

    def _takes(self, parent: Parent | None, seen: frozenset[Parent]) -> bool:
        if parent is None or parent in seen:
            return False
        seen |= {parent}
        if isinstance(parent, str):
            return self.classes.keras_takes_training(parent)
        if isinstance(parent, Foreign):
            method = parent.method("call")
            if method is not None:
                return self._foreign_takes(parent, method)
            return self._first(tuple(self.classes.foreign_parents(parent)), seen)
        call = self.classes.method(parent, "call")
        if call is None:
            return self._first(self.classes.parents(parent), seen)
        return self.classes.kind(parent) in self.rules and self.decide(parent, call).takes

    def _first(self, parents: Sequence[Parent | None], seen: frozenset[Parent]) -> bool:
        # Which parent answers is only certain when there is one.
        return len(parents) == 1 and self._takes(parents[0], seen)

    def parent_takes(self, owner: cst.ClassDef) -> bool:
        """Tell whether ``super().call`` in a class may pass ``training=``."""
        return self._first(self.classes.parents(owner), frozenset((owner,)))

    def _foreign_takes(self, foreign: Foreign, call: ast.FunctionDef) -> bool:
        names = [arg.arg for arg in (*call.args.posonlyargs, *call.args.args)]
        if TRAINING in names or TRAINING in [arg.arg for arg in call.args.kwonlyargs]:
            return True
        project = self.context.view.project
        described = project.describe(foreign.path, foreign.node.name)
        if described is None or foreign.path not in project.files:
            return False
        kind = "model" if is_a(described.path, MODEL) else "layer"
        return (
            (kind == "model" or is_a(described.path, LAYER))
            and self._wanted_everywhere(kind)
            and self.context.settings.runs(self.rules[kind].code)
            and "kerasmigrate: ignore" not in foreign.lines[call.lineno - 1]
            and not call.decorator_list
            and call.args.kwarg is None
            and len(names) > 1
            and not any(
                TRAINING in (getattr(node, "id", None), getattr(node, "arg", None))
                for node in ast.walk(call)
            )
        )

    def _wanted_everywhere(self, kind: str) -> bool:
        if self.context.settings.training == "all":
            return True
        return kind == "model" and self.context.target.api >= 3

    def _decide(self, owner: cst.ClassDef, call: cst.FunctionDef) -> Decision:
        params = call.params
        star = [params.star_arg] if isinstance(params.star_arg, cst.Param) else []
        positional = [*params.posonly_params, *params.params]
        named = {param.name.value for param in (*positional, *params.kwonly_params)}
        if TRAINING in named:
            return Decision(True)
        decorators = [_decorator(each) for each in call.decorators]
        kind = self.classes.kind(owner)
        if kind not in self.rules or "staticmethod" in decorators or "classmethod" in decorators:
            return Decision(False)
        if len(positional) < 2 and not star:
            return Decision(False)
        body = _Body(call, params.star_kwarg.name.value if params.star_kwarg else None)
        assert kind is not None
        wanted = self._wanted_everywhere(kind) or self._needs(owner, call, body)
        if not wanted:
            return Decision(False)
        if not self.context.runs(self.rules[kind], call.params):
            return Decision(False)
        blocked = self._blocked(owner, call, body, decorators)
        return Decision(not blocked, not blocked, blocked)

    def _needs(self, owner: cst.ClassDef, call: cst.FunctionDef, body: _Body) -> bool:
        """Tell whether a layer works differently when it is told about training."""
        names = self.context.names
        for node in body.chains:
            symbol = names.symbol(node)
            if symbol is not None and symbol.path.rpartition(".")[2] in _PHASE:
                return True
        return bool(body.super_calls) and self.parent_takes(owner)

    def _blocked(
        self,
        owner: cst.ClassDef,
        call: cst.FunctionDef,
        body: _Body,
        decorators: Sequence[str],
    ) -> str:
        stars = (call.params.star_arg, call.params.star_kwarg)
        if TRAINING in body.names or any(
            isinstance(star, cst.Param) and star.name.value == TRAINING for star in stars
        ):
            return "name"
        if any(
            name.rpartition(".")[2] not in _TRANSPARENT
            and not any(o.startswith("tensorflow.") for o in self.context.names.origins(each))
            for name, each in zip(decorators, map(_undecorated, call.decorators), strict=True)
        ):
            return "decorator"
        if body.options_read:
            return "options"
        if body.options_used or not all(
            self.harmless(owner, call, each) for each in body.options_passed
        ):
            return "passed"
        return ""

    def harmless(self, owner: cst.ClassDef, call: cst.FunctionDef, node: cst.Call) -> bool:
        """Tell whether a call with ``**options`` may do without ``training`` among them."""
        called = self.called(owner, call, node)
        if called is None:
            return False
        return called.direct is False or called.takes

    def called(self, owner: cst.ClassDef, call: cst.FunctionDef, node: cst.Call) -> Called | None:
        """Return what a call in a method of a layer calls, if it is a known layer."""
        func = node.func
        own = receiver(call)
        if not isinstance(func, cst.Attribute):
            return None
        if is_super(func.value) and func.attr.value in ("call", "__call__"):
            parents = self.classes.parents(owner)
            takes = self.parent_takes(owner)
            parent = parents[0] if len(parents) == 1 else None
            if parent is None:
                return None
            return Called(parent, takes, func.attr.value == "call")
        chain = dotted(func)
        if chain is None or chain[0] != own:
            return None
        direct = len(chain) == 3 and chain[2] == "call"
        if len(chain) != 2 and not direct:
            return None
        parent = self.classes.instance(owner, chain[1])
        if parent is None or not self.is_layer(parent):
            return None
        return Called(parent, self.takes(parent), direct)

    def is_layer(self, parent: Parent) -> bool:
        """Tell whether a class is a Keras layer or model."""
        if isinstance(parent, str):
            return is_a(parent, LAYER)
        if isinstance(parent, Foreign):
            described = self.context.view.project.describe(parent.path, parent.node.name)
            return described is not None and is_a(described.path, LAYER)
        return self.classes.kind(parent) in self.rules

    def positions(self, parent: Parent, *, before: bool = False) -> tuple[str, ...] | None:
        """Return the names of the positional parameters of a class's ``call``.

        Args:
            before: Those of Keras 2, which the code was written for, instead of the target's.
        """
        seen: set[Parent] = set()
        each: Parent | None = parent
        while each is not None and each not in seen:
            seen.add(each)
            if isinstance(each, str):
                return self._keras_positions(each, before)
            parents: tuple[Parent | None, ...]
            if isinstance(each, Foreign):
                method = each.method("call")
                if method is not None:
                    return tuple(arg.arg for arg in method.args.args[1:])
                parents = tuple(self.classes.foreign_parents(each))
            else:
                call = self.classes.method(each, "call")
                if call is not None:
                    params = (*call.params.posonly_params, *call.params.params)
                    return tuple(param.name.value for param in params[1:])
                parents = self.classes.parents(each)
            each = parents[0] if len(parents) == 1 else None
        return None

    def _keras_positions(self, path: str, before: bool) -> tuple[str, ...] | None:
        if before:
            old = home(path, "tf.keras-2").path
            signature = inventory.load("tf.keras-2").method(old, "call") if old else None
        else:
            signature = self.classes.signature(path, "call")
        return signature.names() if signature is not None else None


@dataclass(frozen=True)
class Called:
    """A known layer that a method calls.

    Attributes:
        takes: It takes ``training``, to some effect.
        direct: Its ``call`` is called past Keras, so that no call context carries ``training``.
    """

    parent: Parent
    takes: bool
    direct: bool


def _undecorated(node: cst.Decorator) -> cst.BaseExpression:
    inner = node.decorator
    return inner.func if isinstance(inner, cst.Call) else inner


def _decorator(node: cst.Decorator) -> str:
    return ".".join(dotted(_undecorated(node)) or ("?",))


class _Body(cst.CSTVisitor):
    """Collects what matters about the body of a ``call``.

    Attributes:
        names: Every name in it.
        chains: Every name or chain of names.
        options_read: It reads ``training`` from its ``**options``.
        options_used: It uses ``**options`` in some other way than to pass it on.
        options_passed: Calls that it passes ``**options`` on to.
        super_calls: Calls of ``super().call``.
    """

    def __init__(self, call: cst.FunctionDef, options: str | None) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.chains: list[cst.BaseExpression] = []
        self.options_read = False
        self.options_passed: list[cst.Call] = []
        self.super_calls: list[cst.Call] = []
        self._options = options
        self._uses = 0
        call.body.visit(self)

    @property
    def options_used(self) -> bool:
        return self._uses > len(self.options_passed)

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)
        self.chains.append(node)
        if node.value == self._options:
            self._uses += 1

    def visit_Param(self, node: cst.Param) -> None:
        self.names.add(node.name.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        self.chains.append(node)
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if isinstance(func, cst.Attribute):
            if is_super(func.value) and func.attr.value == "call":
                self.super_calls.append(node)
            if self._is_options(func.value) and node.args and _is_training(node.args[0].value):
                self.options_read = True
        self.options_passed += [
            node for arg in node.args if arg.star == "**" and self._is_options(arg.value)
        ]

    def visit_Subscript(self, node: cst.Subscript) -> None:
        index = node.slice[0].slice
        if self._is_options(node.value) and isinstance(index, cst.Index):
            self.options_read = self.options_read or _is_training(index.value)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        if _is_training(node.left) and any(
            self._is_options(each.comparator) for each in node.comparisons
        ):
            self.options_read = True

    def _is_options(self, node: cst.BaseExpression) -> bool:
        return isinstance(node, cst.Name) and node.value == self._options


def _is_training(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.SimpleString) and node.evaluated_value == TRAINING

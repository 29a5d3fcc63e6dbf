"""Finds the functions and classes of a module that build models, and calls those that it can.

A function without required arguments is called as it is. Required arguments are guessed from their
names, from a short table, and only when all of them are in it. A call with guessed arguments that
fails proves nothing (the guess may be wrong), so it counts as Keras' failure only when the code
asks for something that the target does not have at all: a missing name, an argument that no longer
exists. Otherwise the builder is reported as needing arguments.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
import unittest
from collections.abc import Iterator
from types import CodeType
from typing import Any

from . import worlds

#: Several shapes are tried, images first.
SHAPES: tuple[Any, ...] = ((32, 32, 3), (28, 28, 1), (64, 64, 3), (224, 224, 3), (16,), (8, 16))

#: Names of parameters -> what to pass.
GUESSES: tuple[tuple[str, Any], ...] = (
    (r"n(um|b|o)?_?(of_)?(class(es)?|labels|categories|outputs?)|classes|n_?class(es)?", 10),
    (r"(output|out)_(dim|size|shape|units|nodes|channels)|(num|n|nb)_output(s)?", 10),
    (
        r"(input|in|feature)_?(dim|size|units|nodes|length|len|features)|(num|n|nb)_?feat(ure)?s?",
        16,
    ),
    (r"batch_?size|batch", 4),
    (r"(nb|num|n)?_?(filters?|kernels?|feature_?maps|nb_filter|channels_out)", 8),
    (r"kernel_?size|filter_?size|kernel", 3),
    (r"pool_?size|strides?", 2),
    (r"(nb|num|n)?_?(units|hidden|neurons|nodes|cells)|hidden_?(dim|size|units|nodes)", 16),
    (r"latent_?dim|z_?dim|noise_?(dim|size)|code_?(dim|size)|encoding_?dim|rank", 8),
    (
        r"vocab(ulary)?_?size|max_?(features|words)|(num|nb|n)_?words|(num|n)_?tokens|input_vocab",
        100,
    ),
    (r"embed(ding|dings)?_?(dim|size|dims)|emb_?(dim|size)|(dim|d)_?(embedding|model)", 16),
    (r"max_?_?(len|length|seq_?len(gth)?|sequence_?length)|seq(uence)?_?len(gth)?", 16),
    (r"(time_?steps|n_?steps|window(_?size)?|look_?back|steps|n_timesteps|len_?seq)", 16),
    (r"(img|image|input)?_?(width|height|rows|cols|w|h|size)|img_dim|image_?size", 32),
    (r"(img|image|input)?_?(channels?|chns?)|(num|n|nb)_?channels|depth_?channels", 3),
    (r"drop_?out(_?(rate|prob))?|rate|drop_?rate|keep_prob", 0.2),
    (r"lr|learning_?rate|alpha|init_?lr", 0.001),
    (r"epochs?|(nb|num|n)_?epochs?", 1),
    (r"activation|act|act_?fn", "relu"),
    (r"optimizer|opt", "adam"),
    (r"loss(_?(fn|function))?", "mse"),
    (r"name|model_?name|prefix|scope", "model"),
    (r"(num|n|nb)_?(layers?|blocks?|stacks?)|depth|repeat(s|itions)?", 2),
    (r"heads?|(num|n|nb)_?heads", 2),
    (r"weight_?decay|l2(_?reg)?|reg(ularization)?|decay", 1e-4),
    (r"padding", "same"),
    (r"dilations?|dilation_rates", (1, 2)),
)
SHAPE_NAME = re.compile(r"(\w*_)?(input|image|img|x|data)_?_?(shape|dims?)|shape|dims|inp_shape")
#: Functions that the migration puts into the code: their models are tools, and take any tensors.
HELPERS = frozenset({"keras_function"})
CONSTRUCTORS = frozenset({"Model", "Sequential"})
#: Methods that build, by the names that they go by; others are only called if they construct.
NOT_BUILDERS = re.compile(r"main|train|fit|run|predict|evaluate|test_|load_data|plot")


class Builder:
    """Something that can be called to build a model.

    Attributes:
        spelling: How a ``builds`` entry would write the call.
        required: Names of its required parameters.
    """

    def __init__(self, spelling: str, call: Any, line: int) -> None:
        self.spelling = spelling
        self.call = call
        self.line = line
        self.required = _required(call)

    @property
    def need(self) -> str:
        """The expression with its parameters to fill in."""
        return "{}({})".format(self.spelling, ", ".join(self.required))

    def attempts(self) -> list[dict[str, Any]]:
        """Return the keyword arguments to try, in order; empty when one cannot be guessed."""
        fixed: dict[str, Any] = {}
        shaped = []
        for name in self.required:
            if SHAPE_NAME.fullmatch(name.lower()):
                shaped.append(name)
                continue
            guess = _guess(name)
            if guess is None:
                return []
            fixed[name] = guess
        if not shaped:
            return [fixed]
        return [{**fixed, **dict.fromkeys(shaped, shape)} for shape in SHAPES]


def _guess(name: str) -> Any:
    for pattern, value in GUESSES:
        if re.fullmatch(pattern, name.lower()):
            return value
    return None


def _required(call: Any) -> list[str]:
    names = []
    for parameter in inspect.signature(call).parameters.values():
        optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and parameter.kind not in optional:
            names.append(parameter.name)
    return names


def _called(node: ast.AST) -> Iterator[str]:
    """Yield the last name of everything that is called below a node."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Name):
                yield each.func.id
            elif isinstance(each.func, ast.Attribute):
                yield each.func.attr


def _constructors(tree: ast.Module, namespace: dict[str, Any]) -> set[str]:
    """Names that build a model when called: Keras' own, and the module's subclasses of Model."""
    names = set(CONSTRUCTORS)
    models = tuple(world.model for world in worlds.every())
    for name, value in namespace.items():
        module = str(getattr(value, "__module__", "") or "")
        if isinstance(value, type):
            if issubclass(value, models):
                names.add(name)
        elif ".applications" in module and worlds.is_ours(module) and name[:1].isupper():
            names.add(name)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if alias.name in CONSTRUCTORS and alias.asname:
                    names.add(alias.asname)
    return names


def _builds(node: ast.AST, constructors: set[str]) -> bool:
    return any(name in constructors for name in _called(node))


def find(
    tree: ast.Module, namespace: dict[str, Any], executed: set[CodeType], kinds: set[type]
) -> tuple[list[Builder], list[str]]:
    """Find what can be called to build a model, and has not run yet.

    Args:
        tree: The module's syntax tree.
        namespace: The module's names, after it has run.
        executed: Code of the functions that were running when some model was built.
        kinds: Classes of the models that were built.

    Returns:
        The builders, and the spelling of methods whose class needs arguments of its own.
    """
    constructors = _constructors(tree, namespace)
    builders: list[Builder] = []
    out_of_reach: list[str] = []
    for node in tree.body:
        value = namespace.get(getattr(node, "name", ""))
        if isinstance(node, ast.FunctionDef) and node.name not in HELPERS:
            function = inspect.unwrap(value) if callable(value) else None
            if not isinstance(function, types.FunctionType) or function.__code__ in executed:
                continue
            if _builds(node, constructors):
                builder = Builder(node.name, value, node.lineno)
                # pytest gives a test its arguments.
                if not (node.name.startswith("test_") and builder.required):
                    builders.append(builder)
        elif isinstance(node, ast.ClassDef) and isinstance(value, type) and value not in kinds:
            found, needs = _in_class(node, value, constructors, executed)
            builders += found
            out_of_reach += needs
    # What needs no arguments goes first, functions before classes: they may call the others, with
    # the arguments that are meant for them.
    builders.sort(key=lambda each: (len(each.required) > 0, isinstance(each.call, type)))
    return builders, out_of_reach


def _in_class(
    node: ast.ClassDef, kind: Any, constructors: set[str], executed: set[CodeType]
) -> tuple[list[Builder], list[str]]:
    own = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    models = tuple(world.model for world in worlds.every())
    if issubclass(kind, models):
        return [Builder(node.name, kind, node.lineno)], []
    building = [each for each in own if _builds(each, constructors)]
    building = [
        each
        for each in building
        if getattr(vars(kind).get(each.name), "__code__", None) not in executed
    ]
    if not building:
        return [], []
    names = {each.name for each in building}
    if "__init__" in names:
        return [Builder(node.name, kind, node.lineno)], []
    if issubclass(kind, unittest.TestCase):
        tests = [each for each in building if each.name.startswith("test")]
        return [
            Builder(f"{node.name}({each.name!r}).debug", kind(each.name).debug, each.lineno)
            for each in tests
        ], []
    if _static(kind, building):
        return [
            Builder(f"{node.name}.{each.name}", getattr(kind, each.name), each.lineno)
            for each in building
        ], []
    required = _required(kind)
    if required:
        owner = "{}({})".format(node.name, ", ".join(required))
        return [], [f"{owner}.{each.name}()" for each in building]
    builders = []
    for each in building:
        if NOT_BUILDERS.match(each.name):
            continue
        builders.append(_method(node.name, kind, each))
    return builders, []


def _static(kind: Any, building: list[ast.FunctionDef]) -> bool:
    return all(
        isinstance(vars(kind).get(each.name), (staticmethod, classmethod)) for each in building
    )


def _method(name: str, kind: Any, node: ast.FunctionDef) -> Builder:
    function = vars(kind)[node.name]
    bound = inspect.signature(function)
    parameters = list(bound.parameters.values())[1:]

    def call(**kwargs: Any) -> Any:
        return getattr(kind(), node.name)(**kwargs)

    # inspect.signature reads this: the method's own parameters, without self.
    call.__signature__ = bound.replace(parameters=parameters)  # type: ignore[attr-defined]
    return Builder(f"{name}().{node.name}", call, node.lineno)


def main_block(tree: ast.Module) -> bool:
    """Tell whether the module has an ``if __name__ == "__main__":`` block."""
    for node in tree.body:
        if isinstance(node, ast.If):
            names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
            if "__name__" in names:
                return True
    return False

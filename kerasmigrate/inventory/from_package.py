"""Making an inventory from an installed package, by importing it.

This is the only part of kerasmigrate that imports Keras, and it runs as a process of its own.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import linecache
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from kerasmigrate.inventory.effective import (
    Function,
    FunctionNode,
    effective,
    optimizer,
)
from kerasmigrate.inventory.signature import Parameter, Signature, parse
from kerasmigrate.inventory.table import ClassFacts, Table

#: Packages below a Keras root that are no public API.
_NOT_API = {"src", "api", "protobuf", "_tf_keras", "_v1", "_v2"}

#: Private modules, by package, whose functions and classes are listed all the same. They are the
#: old public ones, kept unchanged: in Keras 3 the code that tf.keras still publishes as
#: ``keras.preprocessing``, in tf_keras, which is no longer developed, helpers of Keras 2 and what
#: TensorFlow 1 published as ``tf.layers``.
PRIVATE: dict[str, tuple[str, ...]] = {
    "keras": (
        "legacy.preprocessing.image",
        "legacy.preprocessing.sequence",
        "legacy.preprocessing.text",
    ),
    "tf_keras": (
        "engine.base_layer_utils",
        "engine.data_adapter",
        "engine.input_spec",
        "engine.keras_tensor",
        "engine.node",
        "legacy_tf_layers.convolutional",
        "legacy_tf_layers.core",
        "legacy_tf_layers.normalization",
        "legacy_tf_layers.pooling",
        "utils.control_flow_util",
        "utils.conv_utils",
        "utils.data_utils",
        "utils.generic_utils",
        "utils.io_utils",
        "utils.layer_utils",
        "utils.losses_utils",
        "utils.metrics_utils",
        "utils.object_identity",
        "utils.tf_inspect",
        "utils.tf_utils",
        "utils.vis_utils",
    ),
}

#: Where the definitions of Keras objects live.
_KERAS_CODE = ("keras", "tf_keras", "tensorflow.python.keras")

#: `Model` picks between a functional and a subclassed model before it looks at its arguments, so
#: its own signature is ``(*args, **kwargs)``. Read from ``is_functional_model_init_params`` (Keras
#: 2) and ``functional_init_arguments`` (Keras 3): both take inputs and outputs by position at most.
_MODEL = {
    2: "(inputs=None, outputs=None, *, name=None, trainable=True, dtype=None, dynamic=False, "
    "autocast=True)",
    3: "(inputs=None, outputs=None, *, name=None, trainable=True, dtype=None, "
    "activity_regularizer=None, autocast=True)",
}


@dataclass(frozen=True)
class _Place:
    """Identity of a function that was reached through a class."""

    code: FunctionType
    owner: type | None
    leaf: type | None


class _Runtime:
    """Finds definitions by looking at live objects."""

    def __init__(self) -> None:
        self._trees: dict[str, dict[int, FunctionNode]] = {}

    def function(
        self, value: Any, owner: type | None = None, leaf: type | None = None
    ) -> Function | None:
        """Describe a Python function; None when there is no source for it."""
        skip = int(owner is not None)
        if isinstance(value, staticmethod):
            value, skip = value.__func__, 0
        elif isinstance(value, classmethod):
            value, skip = value.__func__, 1
        value = inspect.unwrap(value)
        if not isinstance(value, FunctionType):
            return None
        key = _Place(value, owner, leaf)
        node = self._node(value)
        if node is None:
            return Function(None, skip, key, known=_inspected(value, skip))
        return Function(node, skip, key)

    def _node(self, value: FunctionType) -> FunctionNode | None:
        filename = value.__code__.co_filename
        if filename not in self._trees:
            lines = "".join(linecache.getlines(filename))
            self._trees[filename] = {
                min(each.lineno for each in (node, *node.decorator_list)): node
                for node in ast.walk(ast.parse(lines))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        return self._trees[filename].get(value.__code__.co_firstlineno)

    def initializer(self, cls: type) -> Function | None:
        """Describe the constructor of a class."""
        for owner in cls.__mro__:
            if "__init__" in vars(owner):
                if owner is object:
                    return Function(None, 0, owner, known=Signature(()))
                found = self.function(vars(owner)["__init__"], owner, cls)
                return _constructor(found, cls)
        return None

    def resolve(self, function: Function, target: ast.expr) -> Function | None:
        """Find what a call inside ``function`` runs (see `effective.World`)."""
        place = function.key
        if not isinstance(place, _Place):
            return None
        if isinstance(target, ast.Attribute) and place.owner and place.leaf:
            base = target.value
            if isinstance(base, ast.Call) and getattr(base.func, "id", "") == "super":
                order = place.leaf.__mro__
                return self._method(order[order.index(place.owner) + 1 :], target.attr, place.leaf)
            if isinstance(base, ast.Name) and base.id in {"self", "cls"}:
                return self._method(place.leaf.__mro__, target.attr, place.leaf)
        if isinstance(target, ast.Attribute):
            holder = self._value(place, target.value)
            if isinstance(holder, type):
                return self._method(holder.__mro__, target.attr, place.leaf or holder)
        if isinstance(target, ast.Name) and target.id == "cls" and place.leaf:
            return self.initializer(place.leaf)
        value = self._value(place, target)
        if isinstance(value, type):
            return self.initializer(value)
        return None if value is None else self.function(value)

    def _method(self, order: tuple[type, ...], name: str, leaf: type) -> Function | None:
        for owner in order:
            if name in vars(owner):
                if owner is object:
                    return Function(None, 0, (owner, name), known=Signature(()))
                found = self.function(vars(owner)[name], owner, leaf)
                return _constructor(found, leaf) if name == "__init__" else found
        return None

    def _value(self, place: _Place, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return place.code.__globals__.get(node.id)
        if isinstance(node, ast.Attribute):
            return getattr(self._value(place, node.value), node.attr, None)
        return None


def _constructor(found: Function | None, leaf: type) -> Function | None:
    """Mark the constructor of a new optimizer; the legacy ones do use ``lr`` and ``decay``."""
    new = any(
        each.__module__.endswith((".optimizers.optimizer", ".optimizers.base_optimizer"))
        for each in leaf.__mro__
    )
    return optimizer(found) if new and found is not None else found


def _inspected(value: Callable[..., Any], skip: int) -> Signature | None:
    try:
        found = list(inspect.signature(value).parameters.values())[skip:]
    except (TypeError, ValueError):
        return None
    kinds: dict[Any, Any] = {
        inspect.Parameter.POSITIONAL_ONLY: "positional_only",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_POSITIONAL: "var_positional",
        inspect.Parameter.VAR_KEYWORD: "var_keyword",
    }
    return Signature(
        tuple(Parameter(each.name, kinds[each.kind], _default(each.default)) for each in found)
    )


def _default(value: object) -> str | None:
    if value is inspect.Parameter.empty:
        return None
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError):
        return "..."
    return repr(value)


class PackageBuilder:
    """Walks the modules of one package and fills a table."""

    def __init__(self, table: Table, package: str, deep: bool) -> None:
        self._table = table
        self._package = package
        self._deep = deep
        self._world = _Runtime()
        self._identities: dict[int, str] = {}

    def run(self) -> None:
        """Fill the table."""
        for name, module in sorted(self._modules()):
            self._module(name, module)
        for each in PRIVATE.get(self._package, ()):
            self._private_module(each)
        declared = self._table.functions, self._table.classes
        assert all(declared), "the package has neither functions nor classes"

    def _modules(self) -> Iterator[tuple[str, ModuleType]]:
        todo = [self._package]
        seen = set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            module = importlib.import_module(name)
            yield name, module
            for each in pkgutil.iter_modules(getattr(module, "__path__", ())):
                if (
                    each.name not in _NOT_API
                    and not each.name.endswith("_test")
                    and (self._deep or not each.name.startswith("_") or each.name == "__internal__")
                ):
                    todo.append(f"{name}.{each.name}")
            for value in vars(module).values():
                if (
                    isinstance(value, ModuleType)
                    and value.__name__.startswith(f"{name}.")
                    and value.__name__.rpartition(".")[2] not in _NOT_API
                ):
                    todo.append(value.__name__)

    def _module(self, name: str, module: ModuleType) -> None:
        path = "keras" + name[len(self._package) :]
        exported = getattr(module, "__all__", None)
        self._table.modules[path] = None if exported is None else list(exported)
        self._table.symbols[path] = path
        for leaf in dir(module):
            if leaf.startswith("_") and leaf not in {"__version__", "__internal__"}:
                continue
            if leaf not in _NOT_API:
                self._symbol(f"{path}.{leaf}", getattr(module, leaf))

    def _private_module(self, name: str) -> None:
        """List what a module below ``src`` defines and what no public name stands for."""
        module = importlib.import_module(f"{self._package}.src.{name}")
        path = f"keras.{name}"
        public = set(self._table.symbols.values())
        found = {
            leaf: value
            for leaf, value in vars(module).items()
            if not leaf.startswith("_")
            and isinstance(value, type | FunctionType)
            and value.__module__ == module.__name__
            and f"{value.__module__}.{value.__qualname__}" not in public
        }
        parent = path.rpartition(".")[0]
        for each in (parent, path) if parent not in self._table.modules else (path,):
            self._table.modules[each] = sorted(found) if each == path else None
            self._table.private_modules.append(each)
            self._table.symbols[each] = each
        for leaf, value in found.items():
            self._symbol(f"{path}.{leaf}", value)

    def _symbol(self, path: str, value: object) -> None:
        if isinstance(value, ModuleType):
            self._submodule(path, value)
        elif isinstance(value, type):
            if _ours(value.__module__) or not self._deep:
                self._table.symbols[path] = self._class(value)
            else:
                self._table.constants[path] = f"{value.__module__}.{value.__qualname__}"
        elif callable(value) and hasattr(value, "__name__"):
            if _ours(value.__module__) or not self._deep:
                self._table.symbols[path] = self._function(value)
            else:
                self._table.constants[path] = f"{value.__module__}.{value.__name__}"
        elif type(value).__module__ != "__future__":
            self._table.constants[path] = None

    def _submodule(self, path: str, value: ModuleType) -> None:
        name = value.__name__
        if name == self._package or name.startswith(f"{self._package}."):
            if not set(name[len(self._package) :].split(".")) & _NOT_API:
                self._table.symbols[path] = "keras" + name[len(self._package) :]
        elif self._deep:
            self._table.constants[path] = name

    def _function(self, value: Any) -> str:
        identity = self._identity(value, f"{value.__module__}.{value.__qualname__}")
        if identity not in self._table.functions:
            found = self._world.function(value)
            self._table.functions[identity] = (
                _inspected(value, 0) if found is None else effective(found, self._world)
            )
        return identity

    def _class(self, cls: type) -> str:
        identity = self._identity(cls, f"{cls.__module__}.{cls.__qualname__}")
        if identity in self._table.classes:
            return identity
        facts = ClassFacts([], self._call(cls), {})
        self._table.classes[identity] = facts
        facts.bases = [self._class(base) for base in self._bases(cls)]
        for name, value in vars(cls).items():
            if name != "__call__" and name.startswith("_"):
                continue
            if isinstance(value, FunctionType | classmethod | staticmethod):
                found = self._world.function(value, cls, cls)
                facts.methods[name] = None if found is None else effective(found, self._world)
        return identity

    def _call(self, cls: type) -> Signature | None:
        if cls.__name__ == "Model" and cls.__module__.endswith(("training", "models.model")):
            return parse(_MODEL[3 if cls.__module__.endswith("models.model") else 2])
        found = self._world.initializer(cls)
        return None if found is None else effective(found, self._world)

    def _bases(self, cls: type) -> Iterator[type]:
        for base in cls.__bases__:
            if _ours(base.__module__):
                yield base
            else:
                yield from self._bases(base)

    def _identity(self, value: object, name: str) -> str:
        """Give each object its own id; two objects may share a qualified name."""
        known = self._identities.get(id(value))
        if known is None:
            taken = set(self._identities.values())
            known = name
            while known in taken:
                known += "'"
            self._identities[id(value)] = known
        return known


def _ours(module: str | None) -> bool:
    return module is not None and any(
        module == root or module.startswith(f"{root}.") for root in _KERAS_CODE
    )


def build(name: str, package: str, deep: bool = False) -> Table:
    """Make a table from an installed package.

    Args:
        name: Name of the inventory.
        package: Dotted name of the package whose public modules are listed.
        deep: List private modules too, and names that belong to other packages.
    """
    root = package.partition(".")[0]
    distribution = "tensorflow" if root == "tensorflow" else root
    version = importlib.metadata.version(distribution)
    table = Table(name, version, f"runtime introspection of {package} ({distribution} {version})")
    PackageBuilder(table, package, deep).run()
    return table

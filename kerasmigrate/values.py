"""What is known about values: which Keras class an expression is an instance of.

Flow does not matter here: a name has a class when every assignment that it can come from agrees.
"""

from __future__ import annotations

from functools import cache

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.names import Names, is_empty
from kerasmigrate.project import SOURCES
from kerasmigrate.scopes import Binding, dotted
from kerasmigrate.walking import Reader

#: Functions that return a model, and the class of it.
_MODEL_MAKERS = frozenset(
    (
        "load_model",
        "model_from_json",
        "model_from_config",
        "model_from_yaml",
        "clone_model",
        "multi_gpu_model",
    )
)
MODEL = "keras.models.Model"
SEQUENTIAL = "keras.models.Sequential"
LAYER = "keras.layers.Layer"
CALLBACK = "keras.callbacks.Callback"
#: Methods that only a Keras model has, so that calling one tells what the receiver is.
MODEL_METHODS = frozenset(
    (
        "fit_generator",
        "evaluate_generator",
        "predict_generator",
        "train_on_batch",
        "test_on_batch",
        "predict_on_batch",
        "load_weights",
        "save_weights",
        "to_json",
        "to_yaml",
        "get_layer",
        "predict_classes",
    )
)


@cache
def is_a(path: str, base: str) -> bool:
    """Tell whether a canonical class is ``base`` or derives from it, in any known version."""
    if path == base:
        return True
    return any(inventory.load(name).is_subclass(path, base) for name in SOURCES)


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _argument(
    call: cst.Call, params: cst.Parameters, wanted: cst.CSTNode
) -> cst.BaseExpression | None:
    """Return what a call passes for a parameter; None when the source does not show it."""
    if any(arg.star for arg in call.args):
        return None
    slots = [*params.posonly_params, *params.params]
    for index, arg in enumerate(call.args):
        if arg.keyword is None and index < len(slots) and slots[index] is wanted:
            return arg.value
        if (
            arg.keyword is not None
            and isinstance(wanted, cst.Param)
            and arg.keyword.value == wanted.name.value
        ):
            return arg.value
    return wanted.default if isinstance(wanted, cst.Param) and not wanted.star else None


def _is_model_class(path: str) -> bool:
    return is_a(path, MODEL) or is_a(path, SEQUENTIAL)


class Values:
    """The values of one module.

    Args:
        names: Its resolved names.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self._busy: set[cst.CSTNode] = set()
        self._attributes: dict[tuple[cst.CSTNode, str], list[cst.BaseExpression]] = {}
        self._evidence: set[tuple[int, tuple[str, ...]]] = set()
        self._classes: list[cst.ClassDef] = []
        self._calls: dict[cst.CSTNode, cst.Call] | None = None
        self._uses: dict[cst.CSTNode, list[cst.CSTNode]] = {}
        _Attributes(self).visit(names.module)

    # -- classes -----------------------------------------------------------------------------

    def bases(self, node: cst.ClassDef) -> tuple[str, ...]:
        """Return the Keras classes that a class of this file derives from, near ones first."""
        found: list[str] = []
        if node in self._busy:
            return ()
        self._busy.add(node)
        try:
            for base in node.bases:
                found.extend(self._class_paths(base.value))
        finally:
            self._busy.discard(node)
        return tuple(dict.fromkeys(found))

    def _class_paths(self, node: cst.BaseExpression) -> tuple[str, ...]:
        symbol = self.names.symbol(node)
        if symbol is not None:
            return (symbol.path,)
        for binding in self.names.bindings(node):
            if isinstance(binding.node, cst.ClassDef):
                return self.bases(binding.node)
            described = self._described(binding)
            if described is not None and described[0] == "class":
                return (described[1],)
        described = self._from_star(node)
        return (described[1],) if described is not None and described[0] == "class" else ()

    def derives(self, node: cst.ClassDef, base: str) -> bool:
        """Tell whether a class of this file derives from a Keras class."""
        return any(is_a(path, base) for path in self.bases(node))

    def _described(self, binding: Binding) -> tuple[str, str] | None:
        statement = binding.statement
        if not isinstance(statement, cst.ImportFrom) or not isinstance(
            binding.node, cst.ImportAlias
        ):
            return None
        module = ".".join(dotted(statement.module) or ()) if statement.module else ""
        name = binding.node.name
        assert isinstance(name, cst.Name)
        found = self.names.view.describe(module, len(statement.relative), name.value)
        return (found.kind, found.path) if found is not None else None

    def _from_star(self, node: cst.BaseExpression) -> tuple[str, str] | None:
        """Say what a name is that only a star import of the project can bring."""
        if isinstance(node, cst.Name):
            for path in self.names.star_files(node):
                found = self.names.view.project.describe(path, node.value)
                if found is not None:
                    return found.kind, found.path
        return None

    # -- instances ---------------------------------------------------------------------------

    def instance(self, node: cst.BaseExpression) -> str | None:
        """Return the canonical Keras class that an expression is an instance of, if known."""
        if node in self._busy:
            return None
        self._busy.add(node)
        try:
            if isinstance(node, cst.Call):
                return self._called(node)
            chain = dotted(node)
            if chain is not None and len(chain) == 1:
                bindings = self.names.bindings(node)
                return self._agree([self._bound(b) for b in bindings if not is_empty(b)])
            if chain is not None and len(chain) == 2 and chain[0] in ("self", "cls"):
                owner = self.owner(node)
                if (
                    owner is not None
                    and chain[1] == "model"
                    and (owner, "model") not in self._attributes
                    and self.derives(owner, CALLBACK)
                ):
                    return MODEL
                return self._agree([self.instance(each) for each in self.attribute(node)])
            if isinstance(node, cst.IfExp):
                return self._agree([self.instance(node.body), self.instance(node.orelse)])
            if isinstance(node, cst.Await | cst.NamedExpr):
                inner = node.expression if isinstance(node, cst.Await) else node.value
                return self.instance(inner)
            return None
        finally:
            self._busy.discard(node)

    def is_model(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is a Keras model, by how it was made or how it is used."""
        known = self.instance(node)
        if known is not None:
            return _is_model_class(known)
        chain = dotted(node)
        if chain is None:
            return False
        bindings = self.names.bindings(node)
        if any(b.kind == "import" for b in bindings):
            return False
        return (self.place(node), chain) in self._evidence

    def _called(self, node: cst.Call) -> str | None:
        symbol = self.names.symbol(node.func)
        if symbol is not None:
            return _made_by(symbol.path.removesuffix(".from_config"))
        for binding in self.names.bindings(node.func):
            if isinstance(binding.node, cst.ClassDef):
                bases = self.bases(binding.node)
                return bases[0] if bases else None
            if isinstance(binding.node, cst.FunctionDef):
                return self._returned(binding.node)
            described = self._described(binding)
            if described is not None:
                return _made_by(described[1])
        described = self._from_star(node.func)
        if described is not None:
            return _made_by(described[1])
        chain = dotted(node.func)
        if chain is not None and len(chain) == 2 and chain[0] == "self":
            owner = self.owner(node.func)
            method = self._method(owner, chain[1]) if owner is not None else None
            return self._returned(method) if method is not None else None
        return None

    def attribute(self, node: cst.BaseExpression) -> list[cst.BaseExpression]:
        """Return what the class around ``self.x`` assigns to it, without None."""
        chain = dotted(node) or ()
        owner = self.owner(node)
        if owner is None or len(chain) != 2:
            return []
        return [each for each in self._attributes.get((owner, chain[1]), []) if not _is_none(each)]

    @staticmethod
    def returned(function: cst.FunctionDef) -> list[cst.BaseExpression]:
        """Return what stands behind the ``return`` statements of a function."""
        collector = _Returns()
        collector.visit(function.body)
        return collector.values

    def _returned(self, function: cst.FunctionDef) -> str | None:
        if function in self._busy:
            return None
        self._busy.add(function)
        try:
            found = self._agree([self.instance(value) for value in self.returned(function)])
        finally:
            self._busy.discard(function)
        return found or self._annotated(function.returns)

    def _annotated(self, annotation: cst.Annotation | None) -> str | None:
        """Return the Keras class that an annotation names, ``None`` beside it or not."""
        waiting = [annotation.annotation] if annotation is not None else []
        found = []
        while waiting:
            node = waiting.pop()
            if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
                waiting += [node.left, node.right]
            elif isinstance(node, cst.Subscript) and self.names.origins(node.value) in (
                ("typing.Optional",),
            ):
                index = node.slice[0].slice
                waiting += [index.value] if isinstance(index, cst.Index) else []
            elif not _is_none(node):
                symbol = self.names.symbol(node)
                path = symbol.path if symbol is not None else ""
                found.append(path if path.rpartition(".")[2][:1].isupper() else None)
        return self._agree(found)

    def _passed(self, binding: Binding) -> str | None:
        """Return the class of what every call of a function of this file passes on."""
        function, param = binding.scope.node, binding.node
        if not isinstance(function, cst.FunctionDef) or function in self._busy:
            return None
        calls = self._calls_of(function)
        values = [_argument(call, function.params, param) for call in calls or ()]
        self._busy.add(function)
        try:
            return self._agree(
                [
                    self.instance(each) if each is not None else None
                    for each in values
                    if each is None or not _is_none(each)
                ]
            )
        finally:
            self._busy.discard(function)

    def _calls_of(self, function: cst.FunctionDef) -> list[cst.Call] | None:
        """Return all calls of a function; None when others may call it, too."""
        if self._calls is None:
            reader = _Calls()
            reader.visit(self.names.module)
            self._calls = {call.func: call for call in reader.found}
            for node in self.names.references:
                for binding in self.names.bindings(node):
                    if isinstance(binding.node, cst.FunctionDef):
                        self._uses.setdefault(binding.node, []).append(node)
        if function.decorators or function.name.value in self.names.view.kept:
            return None
        found = [self._calls.get(node) for node in self._uses.get(function, ())]
        calls = [call for call in found if call is not None]
        return calls if len(calls) == len(found) else None

    def _bound(self, binding: Binding) -> str | None:
        if isinstance(binding.node, cst.Param):
            return self._annotated(binding.node.annotation) or self._passed(binding)
        if binding.value is None or binding.kind not in ("local", "alias"):
            return None
        return self.instance(binding.value)

    @staticmethod
    def _agree(found: list[str | None]) -> str | None:
        kinds = set(found)
        if len(kinds) > 1 and all(each and _is_model_class(each) for each in kinds):
            return MODEL
        return kinds.pop() if len(kinds) == 1 else None

    def owner(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """Return the class around a reference."""
        reference = self.names.reference(node)
        scope = reference.scope if reference else None
        while scope is not None:
            if isinstance(scope.node, cst.ClassDef):
                return scope.node
            scope = scope.parent
        return None

    @staticmethod
    def _method(owner: cst.ClassDef, name: str) -> cst.FunctionDef | None:
        for each in owner.body.body:
            if isinstance(each, cst.FunctionDef) and each.name.value == name:
                return each
        return None

    def place(self, node: cst.CSTNode) -> int:
        """Return what a chain belongs to: the scope of its name, or the class behind ``self``."""
        owner = self.owner(node)
        chain = dotted(node) if isinstance(node, cst.BaseExpression) else None
        if chain and chain[0] == "self" and owner is not None:
            return id(owner)
        reference = self.names.reference(node)
        if reference is None:
            return 0
        found = reference.scope.lookup(reference.name)
        return id(found[0]) if found else 0


class _Attributes(Reader):
    """Collects ``self.x = value`` and calls that give a model away."""

    def __init__(self, values: Values) -> None:
        super().__init__()
        self.values = values
        self.owners: list[cst.ClassDef] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.owners.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self.owners.pop()

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._assigned(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._assigned(node.target, node.value)

    def _assigned(self, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
        chain = dotted(target)
        if self.owners and chain is not None and len(chain) == 2 and chain[0] == "self":
            self.values._attributes.setdefault((self.owners[-1], chain[1]), []).append(value)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or not self._gives_away(func.attr.value, node):
            return
        chain = dotted(func)
        if chain is None:
            return
        reference = self.values.names.references.get(func)
        if reference is None:
            return
        if chain[0] == "self" and self.owners:
            place = id(self.owners[-1])
        else:
            found = reference.scope.lookup(chain[0])
            place = id(found[0]) if found else 0
        self.values._evidence.add((place, chain[:-1]))

    @staticmethod
    def _gives_away(method: str, node: cst.Call) -> bool:
        if method in MODEL_METHODS:
            return True
        keywords = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        positional = [arg for arg in node.args if arg.keyword is None and not arg.star]
        return method == "compile" and (
            bool(keywords & {"loss", "optimizer"}) or len(positional) >= 3
        )


def _made_by(path: str) -> str | None:
    """Return the class of what a callable of Keras makes, if it makes an object."""
    leaf = path.rpartition(".")[2]
    if leaf in _MODEL_MAKERS or (path.startswith("keras.applications.") and leaf[:1].isupper()):
        return MODEL
    return path if leaf[:1].isupper() else None


class _Calls(Reader):
    """Collects all calls."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Call] = []

    def visit_Call(self, node: cst.Call) -> None:
        self.found.append(node)


class _Returns(Reader):
    """Collects what a function returns, without the functions inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[cst.BaseExpression] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_Return(self, node: cst.Return) -> None:
        if node.value is not None:
            self.values.append(node.value)

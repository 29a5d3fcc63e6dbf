"""Which models are trainable when they are compiled, and when they are trained.

The code of a file is followed once, in the order in which it would run: branches one after the
other, loops once, calls of functions and methods of the same file inside out. What can be an
object of interest (a model, a layer, ``self``) is an `Object`; everything else is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.transform import Context
from kerasmigrate.walking import children

#: Methods that train a model.
TRAINS = frozenset(("fit", "fit_generator", "train_on_batch"))
_DEPTH = 6
_STEPS = 4000


@dataclass(eq=False)
class Object:
    """Something that may be a model.

    Attributes:
        made: The expression that made it.
        parts: What it was made of, or is called with.
        items: The elements of a tuple or list display.
        attributes: What was assigned to its attributes.
        cls: The class of this file that it is an instance of.
        layers_of: The model whose layers it stands for, in a loop over them.
        trainable: What its ``trainable`` was last set to; None when nobody can tell.
        uneven: Whether ``trainable`` was set for only some of its layers.
        compiled: What every object's ``trainable`` was at the last ``compile``.
        started: Whether it was trained since.
        optimized: The models that were compiled with this object as their optimizer.
    """

    made: cst.CSTNode | None = None
    parts: list[Object] = field(default_factory=list)
    items: list[Object | None] | None = None
    attributes: dict[str, Object] = field(default_factory=dict)
    cls: cst.ClassDef | None = None
    layers_of: Object | None = None
    trainable: bool | None = True
    uneven: bool = False
    compiled: dict[Object, bool | None] | None = None
    started: bool = False
    optimized: list[Object] = field(default_factory=list)

    def inside(self, but: Collection[Object] = ()) -> set[Object]:
        """Return the object and all that it is made of, leaving some objects out with theirs."""
        found: set[Object] = set()
        todo = [self]
        while todo:
            each = todo.pop()
            if each not in found and each not in but:
                found.add(each)
                todo += each.parts
        return found


@dataclass(eq=False)
class Frame:
    """The local names of a function that is being followed, or of the module."""

    names: dict[str, Object | None] = field(default_factory=dict)
    outer: Frame | None = None
    function: cst.FunctionDef | None = None
    returned: list[Object | None] = field(default_factory=list)

    def get(self, name: str) -> Object | None:
        """Look a name up from inside out."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.outer
        return None

    def spelling(self, wanted: Object) -> str | None:
        """Return how the object can be written here: a name, or an attribute of ``self``."""
        hidden: set[str] = set()
        frame: Frame | None = self
        while frame is not None:
            for name, value in frame.names.items():
                if value is wanted and name not in hidden:
                    return name
            hidden |= set(frame.names)
            frame = frame.outer
        for name, value in self.names.items():
            if value is not None and value.cls is not None:
                for attribute, inner in value.attributes.items():
                    if inner is wanted:
                        return f"{name}.{attribute}"
        return None


@dataclass(eq=False)
class Training:
    """One call that trains a model.

    Attributes:
        call: The call.
        statement: The statement around it that ends on its line; None when it stands in the head
            of a compound statement, or on one line with it.
        model: The model.
        wanted: What ``trainable`` of the model and its parts was when it was compiled.
        found: What it is now.
        spellings: How each of them can be written here.
        around: The statements around the call, and around the calls that lead to it.
        first: Whether it is the first training since ``compile``: a model that is in training
            does not look at ``trainable`` again.
    """

    call: cst.Call
    statement: cst.SimpleStatementLine | None
    model: Object
    wanted: dict[Object, bool]
    found: dict[Object, bool | None]
    spellings: dict[Object, str | None]
    around: tuple[cst.BaseStatement, ...]
    first: bool

    @property
    def wrong(self) -> list[Object]:
        """The objects whose state is not what ``compile`` saw."""
        if not self.first:
            return []
        return [each for each, state in self.wanted.items() if self.found[each] is (not state)]


@dataclass(eq=False)
class Reached:
    """A model that is frozen or thawed, which reaches its layers as well, but did not always.

    Attributes:
        statement: The statement that sets ``trainable``.
        model: The model.
        state: What it is set to.
        parts: Those of its parts that something else depends on: where they were frozen one by
            one, or where another model that is compiled has them, too.
        other: That other model; None where it is thawed.
    """

    statement: cst.BaseStatement
    model: Object
    state: bool
    parts: list[Object]
    other: Object | None = None


@dataclass(eq=False)
class Compiled:
    """A call of compile with an optimizer that another model was compiled with before."""

    call: cst.Call
    argument: cst.Arg
    optimizer: Object
    model: Object


class States:
    """Follows one file.

    Attributes:
        trainings: Calls that train a compiled model, in the order in which they are reached.
        effects: What the statements do to ``trainable``: object and new state.
        shared: Calls of ``compile`` that share an optimizer with another model.
        loose: Whether ``trainable`` of something unknown is set.
        reached: Models that are frozen or thawed together with layers that may have a state of
            their own.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.trainings: list[Training] = []
        self.effects: dict[cst.CSTNode, dict[Object, bool | None]] = {}
        self.shared: list[Compiled] = []
        self.loose = False
        self.reached: list[Reached] = []
        #: Where models were frozen after they had been compiled.
        self._frozen: dict[Object, cst.BaseStatement] = {}
        #: Of these, what is now in another model that is compiled.
        self._inside: set[Object] = set()
        #: Where each model that stands still was frozen.
        self._stopped: dict[Object, cst.BaseStatement] = {}
        #: Objects whose ``trainable`` was ever set; it is True for all others.
        self._touched: set[Object] = set()
        self._statements: list[cst.BaseStatement] = []
        self._running: list[cst.FunctionDef] = []
        self._seen: set[cst.FunctionDef] = set()
        self._steps = 0
        self._module = Frame()
        self._follow()

    # -- where to start ----------------------------------------------------------------------

    def _follow(self) -> None:
        body = self.context.module.body
        self._body(body, self._module)
        for node in body:
            if isinstance(node, cst.ClassDef):
                self._class(node)
        for node in body:
            if isinstance(node, cst.FunctionDef) and node not in self._seen:
                self._run(node, {}, None)

    def _class(self, node: cst.ClassDef) -> None:
        """Make an object of a class that the file leaves to others, and call its methods."""
        methods = {
            each.name.value: each for each in node.body.body if isinstance(each, cst.FunctionDef)
        }
        waiting = [each for each in methods.values() if each not in self._seen]
        if not waiting:
            return
        owner = self._new(node, cls=node)
        if "__init__" in methods:
            self._run(methods["__init__"], {}, owner)
        for each in waiting:
            if each not in self._seen:
                self._run(each, {}, owner)

    def _new(self, made: cst.CSTNode | None, cls: cst.ClassDef | None = None) -> Object:
        return Object(made, cls=cls)

    # -- statements --------------------------------------------------------------------------

    def _body(self, body: Sequence[cst.CSTNode], frame: Frame) -> None:
        for statement in body:
            self._statement(statement, frame)

    def _statement(self, node: cst.CSTNode, frame: Frame) -> None:
        self._steps += 1
        if self._steps > _STEPS or isinstance(node, cst.FunctionDef | cst.ClassDef):
            return
        assert isinstance(node, cst.BaseStatement)
        self._statements.append(node)
        try:
            if isinstance(node, cst.SimpleStatementLine):
                for small in node.body:
                    self._small(small, frame)
            elif isinstance(node, cst.If):
                self._if(node, frame)
            elif isinstance(node, cst.For):
                self._for(node, frame)
            else:
                self._inner(node, frame)
        finally:
            self._statements.pop()

    def _inner(self, node: cst.CSTNode, frame: Frame) -> None:
        """Follow the parts of a compound statement one after the other."""
        for child in children(node):
            if isinstance(child, cst.BaseSuite):
                self._suite(child, frame)
            elif isinstance(child, cst.BaseExpression):
                self._value(child, frame)
            elif isinstance(child, cst.WithItem):
                self._bind_maybe(child, frame)
            elif not isinstance(child, cst.BaseStatement):
                self._inner(child, frame)

    def _bind_maybe(self, item: cst.WithItem, frame: Frame) -> None:
        value = self._value(item.item, frame)
        if item.asname is not None and isinstance(item.asname.name, cst.Name):
            frame.names[item.asname.name.value] = value

    def _suite(self, node: cst.BaseSuite, frame: Frame) -> None:
        if isinstance(node, cst.IndentedBlock):
            self._body(node.body, frame)
        else:
            for small in node.body:
                assert isinstance(small, cst.BaseSmallStatement)
                self._small(small, frame)

    def _if(self, node: cst.If, frame: Frame) -> None:
        self._value(node.test, frame)
        before = {each: each.trainable for each in self._touched}
        self._suite(node.body, frame)
        if _is_main(node.test):
            return
        after = {each: each.trainable for each in self._touched}
        for each in after:
            each.trainable = before.get(each, True)
        if isinstance(node.orelse, cst.If):
            self._if(node.orelse, frame)
        elif node.orelse is not None:
            self._suite(node.orelse.body, frame)
        for each, state in after.items():
            if each.trainable is not state:
                each.trainable = None

    def _for(self, node: cst.For, frame: Frame) -> None:
        source = self._value(node.iter, frame)
        if source is not None and source.items and isinstance(node.target, cst.Name):
            for item in source.items[:8]:
                frame.names[node.target.value] = item
                self._suite(node.body, frame)
            return
        self._assign(node.target, self._element(node.iter, source, frame), frame)
        self._suite(node.body, frame)
        if node.orelse is not None:
            self._suite(node.orelse.body, frame)

    def _element(
        self, node: cst.BaseExpression, source: Object | None, frame: Frame
    ) -> Object | None:
        """Return what a loop goes over: the layers of a model, or parts of something."""
        if source is None:
            return None
        found = self._new(node)
        found.parts = [source]
        if isinstance(node, cst.Attribute) and node.attr.value == "layers":
            found.layers_of = self._value(node.value, frame)
        return found

    def _small(self, node: cst.BaseSmallStatement, frame: Frame) -> None:
        if isinstance(node, cst.Assign):
            value = self._value(node.value, frame)
            for target in node.targets:
                self._assign(target.target, value, frame, node.value)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            self._assign(node.target, self._value(node.value, frame), frame, node.value)
        elif isinstance(node, cst.Return):
            frame.returned.append(self._value(node.value, frame) if node.value else None)
        else:
            for child in children(node):
                if isinstance(child, cst.BaseExpression):
                    self._value(child, frame)

    def _assign(
        self,
        target: cst.BaseExpression,
        value: Object | None,
        frame: Frame,
        given: cst.BaseExpression | None = None,
    ) -> None:
        if isinstance(target, cst.Name):
            frame.names[target.value] = value
        elif isinstance(target, cst.Tuple | cst.List):
            items = value.items if value is not None else None
            for index, element in enumerate(target.elements):
                inner = value
                if items is not None:
                    inner = items[index] if index < len(items) else None
                self._assign(element.value, inner, frame)
        elif isinstance(target, cst.Attribute):
            base = self._value(target.value, frame)
            if base is None:
                self.loose = self.loose or target.attr.value == "trainable"
                return
            if target.attr.value == "trainable":
                state = literals.plain(given) if given is not None else None
                self._set(base, state if isinstance(state, bool) else None)
            elif value is not None:
                base.attributes[target.attr.value] = value
            else:
                base.attributes.pop(target.attr.value, None)

    def _set(self, base: Object, state: bool | None) -> None:
        """Note that ``trainable`` of an object is assigned to."""
        if base.layers_of is not None:
            base = base.layers_of
            if any(isinstance(each, cst.If) for each in self._loop()):
                base.uneven = True
        if _is_part(base.made):
            for each in base.inside():
                each.uneven = True
            return
        self._reach(base, state)
        base.trainable = state
        self._touched.add(base)
        for statement in self._statements:
            self.effects.setdefault(statement, {})[base] = state

    def _reach(self, base: Object, state: bool | None) -> None:
        """Note what a new state of a model does to its parts, and to what it was compiled with."""
        statement = self._statements[-1]
        if state is not False:
            self._stopped.pop(base, None)
            parts = [each for each in base.inside() - {base} if each.trainable is False]
            if state and parts:
                self.reached.append(Reached(statement, base, True, parts))
            return
        self._stopped[base] = statement
        if base.compiled is not None and base.compiled.get(base, True):
            self._frozen.setdefault(base, statement)

    @property
    def abandoned(self) -> list[cst.BaseStatement]:
        """Where models are frozen that could learn when compiled, and that nothing here trains.

        Each is a part of another model that is compiled then.
        """
        # What made them is compared, as a class is followed repeatedly.
        trained = {part.made for each in self.trainings for part in each.model.inside()}
        found = {
            statement: model
            for model, statement in self._frozen.items()
            if model in self._inside and model.made not in trained and model.trainable is False
        }
        return list(found)

    def _loop(self) -> Iterator[cst.BaseStatement]:
        """Yield the statements inside the innermost loop that are being followed."""
        for each in reversed(self._statements):
            if isinstance(each, cst.For):
                return
            yield each

    # -- expressions -------------------------------------------------------------------------

    def _value(self, node: cst.BaseExpression, frame: Frame) -> Object | None:
        if isinstance(node, cst.Name):
            return frame.get(node.value)
        if isinstance(node, cst.Attribute):
            return self._attribute(node, frame)
        if isinstance(node, cst.Call):
            return self._call(node, frame)
        if isinstance(node, cst.Lambda | cst.BaseString):
            return None
        if isinstance(node, cst.Tuple | cst.List):
            items = [self._value(each.value, frame) for each in node.elements]
            if not any(items):
                return None
            found = self._made(node, items)
            found.items = items
            return found
        values = [self._value(each, frame) for each in _expressions(node)]
        return self._made(node, values) if any(values) else None

    def _made(self, node: cst.CSTNode, values: Sequence[Object | None]) -> Object:
        found = self._new(node)
        found.parts = [each for each in values if each is not None]
        return found

    def _attribute(self, node: cst.Attribute, frame: Frame) -> Object | None:
        base = self._value(node.value, frame)
        if base is None:
            return None
        if node.attr.value in base.attributes:
            return base.attributes[node.attr.value]
        if base.cls is not None:
            return None
        return self._made(node, [base])

    def _call(self, node: cst.Call, frame: Frame) -> Object | None:
        func = node.func
        base = self._value(func.value, frame) if isinstance(func, cst.Attribute) else None
        given = [self._value(arg.value, frame) for arg in node.args]
        if isinstance(func, cst.Attribute) and base is not None:
            method = func.attr.value
            if base.cls is not None:
                inner = _method(base.cls, method)
                if inner is not None:
                    return self._run(inner, self._arguments(inner, node, given, True), base)
            if method == "compile":
                self._compile(node, base, given)
            elif method in TRAINS:
                self._train(node, base, frame)
                return None
            elif method == "add":
                base.parts += [each for each in given if each is not None]
                return None
        elif isinstance(func, cst.Name):
            for binding in self.context.names.bindings(func):
                if isinstance(binding.node, cst.FunctionDef):
                    inner = binding.node
                    return self._run(inner, self._arguments(inner, node, given, False), None)
                if isinstance(binding.node, cst.ClassDef):
                    return self._instance(binding.node, node, given)
        found = self._made(node, [self._value(func, frame), *given])
        if any(
            arg.keyword is not None
            and arg.keyword.value == "trainable"
            and literals.plain(arg.value) is False
            for arg in node.args
        ):
            found.trainable = False
            self._touched.add(found)
        return found

    def _instance(
        self, cls: cst.ClassDef, node: cst.Call, given: Sequence[Object | None]
    ) -> Object:
        made = self._new(node, cls=cls)
        made.parts = [each for each in given if each is not None]
        init = _method(cls, "__init__")
        if init is not None:
            self._run(init, self._arguments(init, node, given, True), made)
        return made

    @staticmethod
    def _arguments(
        function: cst.FunctionDef,
        call: cst.Call,
        given: Sequence[Object | None],
        method: bool,
    ) -> dict[str, Object | None]:
        names = [
            each.name.value for each in (*function.params.posonly_params, *function.params.params)
        ]
        if method:
            names = names[1:]
        found: dict[str, Object | None] = {}
        position = 0
        for arg, value in zip(call.args, given, strict=True):
            if arg.star:
                break
            if arg.keyword is not None:
                found[arg.keyword.value] = value
            elif position < len(names):
                found[names[position]] = value
                position += 1
        return found

    def _run(
        self, function: cst.FunctionDef, given: dict[str, Object | None], owner: Object | None
    ) -> Object | None:
        self._seen.add(function)
        if function in self._running or len(self._running) >= _DEPTH:
            return None
        names = [
            each.name.value
            for each in (
                *function.params.posonly_params,
                *function.params.params,
                *function.params.kwonly_params,
            )
        ]
        frame = Frame(outer=self._module, function=function)
        for name in names:
            value = given.get(name)
            # What comes from elsewhere is something all the same.
            frame.names[name] = value if value is not None else self._new(None)
        if owner is not None and names:
            frame.names[names[0]] = owner
        self._running.append(function)
        try:
            self._suite(function.body, frame)
        finally:
            self._running.pop()
        results = [each for each in frame.returned if each is not None]
        return results[-1] if results else None

    # -- compile and fit ---------------------------------------------------------------------

    def _compile(self, call: cst.Call, model: Object, given: Sequence[Object | None]) -> None:
        inside = model.inside() - {model}
        self._inside |= inside & set(self._frozen)
        still = self._stopped.keys() - {model}
        for frozen, statement in self._stopped.items():
            if frozen is not model:
                parts = model.inside(still) & frozen.inside()
                if parts:
                    self.reached.append(Reached(statement, frozen, False, list(parts), model))
        model.compiled = {each: each.trainable for each in self._touched}
        model.started = False
        for index, (arg, value) in enumerate(zip(call.args, given, strict=True)):
            name = arg.keyword.value if arg.keyword is not None else ("optimizer", "")[index > 0]
            if name != "optimizer" or arg.star or value is None:
                continue
            if any(each is not model for each in value.optimized):
                self.shared.append(Compiled(call, arg, value, model))
            value.optimized.append(model)

    def _train(self, call: cst.Call, model: Object, frame: Frame) -> None:
        if model.compiled is None:
            return
        wanted = {}
        for each in model.inside():
            state = model.compiled.get(each, True)
            if state is not None:
                wanted[each] = state
        statement = self._statements[-1] if self._statements else None
        self.trainings.append(
            Training(
                call,
                statement if isinstance(statement, cst.SimpleStatementLine) else None,
                model,
                wanted,
                {each: each.trainable for each in wanted},
                {each: frame.spelling(each) for each in wanted},
                tuple(self._statements),
                not model.started,
            )
        )
        model.started = True


def _expressions(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """Yield the expressions directly inside a node, with those in its slices and elements."""
    for child in children(node):
        if isinstance(child, cst.BaseExpression):
            yield child
        else:
            yield from _expressions(child)


def _method(cls: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    for each in cls.body.body:
        if isinstance(each, cst.FunctionDef) and each.name.value == name:
            return each
    return None


def _is_part(made: cst.CSTNode | None) -> bool:
    """Tell whether an expression takes a layer out of a model, or an element out of a list."""
    if isinstance(made, cst.Call):
        return isinstance(made.func, cst.Attribute) and made.func.attr.value == "get_layer"
    return made is not None and not isinstance(made, cst.ClassDef)


def _is_main(test: cst.BaseExpression) -> bool:
    return (
        isinstance(test, cst.Comparison)
        and isinstance(test.left, cst.Name)
        and test.left.value == "__name__"
    )

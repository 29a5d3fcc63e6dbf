"""The session that was made only so that TensorFlow takes GPU memory as it needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from kerasmigrate.rules import Example, Rule
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

from . import _tensorflow1 as tf1

GROWTH = Rule(
    "KM821",
    "memory-growth",
    "Let GPU memory grow without a session",
    "A session with gpu_options.allow_growth, handed to set_session(), was the way to keep"
    ' TensorFlow 1 from taking all of the memory. TensorFlow 2 has no session: "module'
    " 'tensorflow' has no attribute 'ConfigProto'\", \"module 'keras.backend' has no attribute"
    " 'set_session'\". It is told so for each GPU.",
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras import backend as K\n\n"
            "config = tf.ConfigProto()\nconfig.gpu_options.allow_growth = True\n"
            "K.set_session(tf.Session(config=config))\n",
            "import tensorflow as tf\n\n"
            "for gpu in tf.config.list_physical_devices('GPU'):\n"
            "    tf.config.experimental.set_memory_growth(gpu, True)\n",
        ),
    ),
    untouched=(
        "A configuration that says anything else, such as a fraction of the memory.",
        "A session or configuration that is used elsewhere, or made in another block.",
        "A program for tf_keras that keeps its graphs on purpose.",
    ),
    references=("https://www.tensorflow.org/guide/gpu",),
)
_ALLOW_GROWTH = ("gpu_options", "allow_growth")
#: Options of ConfigProto that TensorFlow 2 needs not be told.
_NEEDLESS = {"allow_soft_placement": "True", "log_device_placement": "False"}
_GPU_OPTIONS = ("tensorflow.GPUOptions", "tensorflow.compat.v1.GPUOptions")
_Line = cst.BaseStatement


@dataclass(frozen=True)
class Growth:
    """One such session.

    Attributes:
        call: The call of ``set_session``.
        line: Its statement.
        others: The statements that go.
        nodes: Calls that need no finding of their own.
        root: What the file calls TensorFlow.
    """

    call: cst.Call
    line: cst.SimpleStatementLine
    others: tuple[cst.SimpleStatementLine, ...]
    nodes: tuple[cst.Call, ...]
    root: str


def growths(context: Context) -> tuple[Growth, ...]:
    """Return the sessions of a file that only let memory grow."""
    if "allow_growth" not in context.code or "set_session" not in context.code:
        return ()
    if context.target.api < 3 and tf1.keeps_graphs(context):
        return ()
    blocks = (each for each in walk(context.module) if isinstance(each, _BLOCKS))
    return tuple(
        found
        for block in blocks
        for line in block.body
        if (found := _Reading(context, block.body).growth(line)) is not None
    )


_BLOCKS = (cst.Module, cst.IndentedBlock)


class _Reading:
    """Reads one block of statements."""

    def __init__(self, context: Context, body: Sequence[cst.CSTNode]) -> None:
        self.context = context
        self.body = body
        self.others: list[cst.SimpleStatementLine] = []
        self.nodes: list[cst.Call] = []
        self.root = ""

    def growth(self, line: cst.CSTNode) -> Growth | None:
        call = _alone(line, cst.Expr)
        if not isinstance(line, cst.SimpleStatementLine) or not isinstance(call, cst.Call):
            return None
        symbol = self.context.symbol(call.func)
        if symbol is None or symbol.path.rpartition(".")[2] != "set_session" or len(call.args) != 1:
            return None
        session = self._made(call.args[0].value, "Session")
        if session is None or len(session.args) != 1 or not _named(session.args[0], "config"):
            return None
        config = session.args[0].value
        made = self._made(config, "ConfigProto")
        if made is None or not all(self._needless(arg) for arg in made.args):
            return None
        grows = [arg for arg in made.args if _named(arg, "gpu_options")]
        if not grows and not self._assigned(config):
            return None
        return Growth(call, line, tuple(self.others), tuple(self.nodes), self.root)

    def _made(self, node: cst.BaseExpression, name: str) -> cst.Call | None:
        """Return the call that makes a value, here or in a line that does nothing else."""
        if isinstance(node, cst.Name):
            bindings = self.context.names.bindings(node)
            value = bindings[0].value if len(bindings) == 1 else None
            lines = [each for each in self._lines(cst.Assign) if _value(each) is value]
            expected = 1 if name == "Session" else None
            if value is None or len(lines) != 1:
                return None
            if expected is not None and len(self._uses(node)) != expected:
                return None
            self.others.append(lines[0])
            node = value
        if not isinstance(node, cst.Call):
            return None
        chain = dotted(node.func)
        if chain is None or chain[1:] not in ((name,), ("compat", "v1", name)):
            return None
        if self._origin(node.func) != ".".join(("tensorflow", *chain[1:])):
            return None
        self.root = chain[0]
        self.nodes.append(node)
        return node

    def _origin(self, node: cst.BaseExpression) -> str | None:
        """Return what a reference means, if only a star import of the project says so."""
        names = self.context.names
        bindings = names.bindings(node)
        if not bindings:
            return names.star_origin(node)
        found = names.origins(node)
        known = all(names.origin(each) is not None for each in bindings)
        return found[0] if known and len(found) == 1 else None

    def _needless(self, arg: cst.Arg) -> bool:
        """Tell whether an option of the configuration is about growth, or says nothing new."""
        if arg.keyword is None:
            return False
        if arg.keyword.value == "gpu_options":
            given = arg.value
            return (
                isinstance(given, cst.Call)
                and self._origin(given.func) in _GPU_OPTIONS
                and len(given.args) == 1
                and _named(given.args[0], "allow_growth")
                and m.matches(given.args[0].value, m.Name("True"))
            )
        return m.matches(arg.value, m.Name(_NEEDLESS.get(arg.keyword.value, "-")))

    def _assigned(self, config: cst.BaseExpression) -> bool:
        """Tell whether ``config.gpu_options.allow_growth = True`` is all that is done to it."""
        if not isinstance(config, cst.Name):
            return False
        found = False
        lines = list(self._lines(cst.Assign))
        for node, attributes in self._uses(config):
            if node is config:
                continue
            line = next((each for each in lines if _target(each) is node), None)
            value = _value(line) if line is not None else None
            if line is None or value is None or not isinstance(value, cst.Name):
                return False
            known = attributes == _ALLOW_GROWTH and value.value == "True"
            needless = len(attributes) == 1 and _NEEDLESS.get(attributes[0]) == value.value
            if not known and not needless:
                return False
            found = found or known
            self.others.append(line)
        return found

    def _uses(self, name: cst.Name) -> list[tuple[cst.CSTNode, tuple[str, ...]]]:
        """Return the references to a name, without the one that binds it."""
        names = self.context.names
        wanted = set(names.bindings(name))
        return [
            (reference.node, reference.attributes)
            for reference in names.references.values()
            if reference.name == name.value
            and (reference.attributes or not reference.stored)
            and wanted & set(names.bindings(reference.node))
        ]

    def _lines(self, kind: type[cst.CSTNode]) -> Iterator[cst.SimpleStatementLine]:
        for line in self.body:
            if (
                isinstance(line, cst.SimpleStatementLine)
                and len(line.body) == 1
                and isinstance(line.body[0], kind)
            ):
                yield line


class GpuMemory(Transform):
    """Replaces sessions that only let memory grow."""

    rules = (GROWTH,)
    order = 7

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._found: dict[cst.CSTNode, Growth] = {}
        self._gone: set[cst.CSTNode] = set()

    def visit_Module(self, node: cst.Module) -> None:
        for growth in growths(self.context):
            if self.context.report(
                GROWTH,
                growth.call,
                "this session is only there to let GPU memory grow",
                fix=True,
            ):
                self._found[growth.line] = growth
                self._gone.update(growth.others)
                self.context.imports.claim(growth.call.func)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        if original_node in self._gone:
            return cst.RemoveFromParent()
        growth = self._found.get(original_node)
        if growth is None:
            return updated_node
        bound = self.context.names.bound
        gpu = next(each for each in ("gpu", "device", "gpu_device", "_gpu") if each not in bound)
        loop = cst.parse_statement(
            f"for {gpu} in {growth.root}.config.list_physical_devices('GPU'):\n"
            f"{self.context.module.default_indent}"
            f"{growth.root}.config.experimental.set_memory_growth({gpu}, True)\n",
            config=self.context.module.config_for_parsing,
        )
        comments = [
            each
            for line in growth.others
            for each in line.leading_lines
            if each.comment is not None
        ]
        first = min((*growth.others, original_node), key=self._place)
        blank = [each for each in first.leading_lines if each.comment is None]
        own = [each for each in updated_node.leading_lines if each.comment is not None]
        assert isinstance(loop, cst.For)
        return loop.with_changes(leading_lines=[*blank, *comments, *own])

    def _place(self, line: cst.SimpleStatementLine) -> int:
        return self.context.positions[line].start.line


def _alone(line: cst.CSTNode, kind: type[cst.Expr]) -> cst.BaseExpression | None:
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    small = line.body[0]
    return small.value if isinstance(small, kind) else None


def _value(line: cst.SimpleStatementLine) -> cst.BaseExpression | None:
    small = line.body[0]
    return small.value if isinstance(small, cst.Assign) else None


def _target(line: cst.SimpleStatementLine) -> cst.BaseExpression | None:
    small = line.body[0]
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    return small.targets[0].target


def _named(arg: cst.Arg, name: str) -> bool:
    return arg.keyword is not None and arg.keyword.value == name

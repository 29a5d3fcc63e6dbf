"""Names of files that models are saved to and loaded from, in one file and in its project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.errors import SourceError
from kerasmigrate.parsing import parse
from kerasmigrate.project import Project
from kerasmigrate.scopes import dotted
from kerasmigrate.source import Source, read_bytes, speaks_of_keras
from kerasmigrate.transform import Context
from kerasmigrate.values import MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import Reader

from ._history_reads import argument, constant

WRITE_WEIGHTS = "save_weights"
READ_WEIGHTS = "load_weights"
READ_BY_NAME = "load_weights(by_name=True)"
WRITE_MODEL = "save"
READ_MODEL = "load_model"
CHECKPOINT = "ModelCheckpoint"
CHECKPOINT_WEIGHTS = "ModelCheckpoint(save_weights_only=True)"
EXPORT = "save(save_format='tf')"
NEUTRAL = "os"
COMPUTED = "a computed name"
OTHER = "other"

_NEUTRAL = frozenset(
    ("os.path.exists", "os.path.isfile", "os.path.isdir", "os.remove", "os.unlink", "print")
)
_JOIN = frozenset(("os.path.join", "pathlib.Path", "str"))
#: Names that people give to models; anything else may be an agent with methods of the same name.
_MODEL_NAME = re.compile(
    r"model|net$|network|coder|generator|discriminator|classifier|critic|actor|[vcd]?ae$|gan$",
    re.IGNORECASE,
)
#: Suffix of a file name; what stands behind a field such as ``{loss:.2f}`` is none.
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")
_Text = cst.SimpleString | cst.FormattedStringText


@dataclass(frozen=True, eq=False)
class Use:
    """One call that takes the name of a file.

    Attributes:
        kind: What the call does.
        call: The call.
        path: The argument.
        text: The literal that the path ends with; None when it does not show.
        ending: The value of that literal.
        computed: Whether values are filled in, so that the literal is not the name.
    """

    kind: str
    call: cst.Call
    path: cst.BaseExpression
    text: _Text | None = None
    ending: str = ""
    computed: bool = False

    @property
    def base(self) -> str:
        """The last part of the path."""
        return basename(self.ending)


@dataclass(frozen=True)
class Mention:
    """A file name that stands somewhere in a file of the project."""

    name: str
    kind: str


@dataclass
class Paths:
    """What a file says about file names."""

    uses: list[Use] = field(default_factory=list)
    mentions: frozenset[Mention] = frozenset()


def basename(path: str) -> str:
    """Return the last part of a path."""
    return re.split(r"[/\\]", path)[-1]


def suffix(name: str) -> str:
    """Return the suffix of a file name with its dot, or nothing."""
    found = _SUFFIX.search(name)
    return found[0] if found is not None else ""


def collect(context: Context) -> Paths:
    """Collect the file names of one file."""
    finder = _Finder(context)
    finder.visit(context.module)
    texts = {use.text: use for use in finder.uses if use.text is not None}
    mentions = {
        Mention(use.ending, COMPUTED if use.computed else OTHER)
        for use in finder.uses
        if use.text is not None and (use.computed or finder.escapes(use))
    }
    mentions |= {Mention(text, OTHER) for node, text in finder.texts.items() if node not in texts}
    # Two calls may share one literal through a name.
    mentions |= {Mention(use.ending, use.kind) for use in finder.uses if use.text is not None}
    return Paths(finder.uses, frozenset(mentions))


_known: WeakKeyDictionary[Project, dict[Path, frozenset[Mention]]] = WeakKeyDictionary()
_contents: WeakKeyDictionary[Project, dict[Path, bytes]] = WeakKeyDictionary()


def contents(project: Project) -> dict[Path, bytes]:
    """Return what the files of a project contain, without those that cannot be read."""
    if project not in _contents:
        found = {}
        for path in project.files:
            try:
                found[path] = read_bytes(path)
            except SourceError:
                continue  # reported when its turn comes
        _contents[project] = found
    return _contents[project]


def elsewhere(context: Context, name: str) -> set[Mention]:
    """Return the mentions of a file name in the other files of the project."""
    project = context.view.project
    known = _known.setdefault(project, {})
    found: set[Mention] = set()
    word = name.encode()
    pattern = re.compile(_pattern(name).encode())
    for path, data in contents(project).items():
        if path == context.view.path or word not in data or pattern.search(data) is None:
            continue
        if path not in known:
            known[path] = _mentions(context, path, data)
        found |= {each for each in known[path] if mentions(each.name, name)}
    return found


def mentions(text: str, name: str) -> bool:
    """Tell whether a text has a file name in it, or is one with the same last part."""
    if not suffix(name):
        return basename(text) == name
    return re.search(_pattern(name), text) is not None


def _pattern(name: str) -> str:
    """Return what to look for; a name without a suffix is a word like others."""
    if not suffix(name):
        return rf"['\"/\\]{re.escape(name)}['\"]"
    return rf"(?<![\w.-]){re.escape(name)}(?![\w.-])"


def _mentions(context: Context, path: Path, data: bytes) -> frozenset[Mention]:
    project = context.view.project
    try:
        text = Source.decode(data, str(path)).text
        paths = collect(Context(parse(text), context.target, project.view(path)))
    except (SourceError, RecursionError):
        text = data.decode("utf-8", "replace")
        return frozenset({Mention(text, OTHER)})
    if speaks_of_keras(data) or project.reaches_keras(path) or project.builds_on_keras(path):
        return paths.mentions
    return frozenset(Mention(each.name, OTHER) for each in paths.mentions)


class _Finder(Reader):
    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.uses: list[Use] = []
        #: Every string literal that is more than a comment.
        self.texts: dict[cst.CSTNode, str] = {}
        self._arguments: set[cst.CSTNode] = set()

    def visit_Expr(self, node: cst.Expr) -> bool:
        return not isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        text = literals.string(node)
        if text:
            self.texts[node] = text

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self.texts[node] = node.value

    def visit_Call(self, node: cst.Call) -> None:
        kind, path = self._use(node) or (OTHER, None)
        if path is not None:
            self.uses.append(self._resolved(kind, node, path))
            self._arguments.add(path)

    def escapes(self, use: Use) -> bool:
        """Tell whether the name behind a path is used for anything else as well."""
        if not isinstance(use.path, cst.Name):
            return False
        names = self.context.names
        bindings = names.bindings(use.path)
        return any(
            reference.name == use.path.value
            and node not in self._arguments
            and names.bindings(node) == bindings
            for node, reference in names.references.items()
        )

    # -- calls -------------------------------------------------------------------------------

    def _use(self, node: cst.Call) -> tuple[str, cst.BaseExpression | None] | None:
        context = self.context
        origins = context.names.origins(node.func)
        leaf = node.func.value if isinstance(node.func, cst.Name) else ""
        if set(origins) & _NEUTRAL or (leaf == "print" and not context.names.bindings(node.func)):
            return NEUTRAL, argument(node.args, 0, "path")
        found = callee(context.names, node)
        if found is not None:
            return self._keras(node, found.path.rpartition(".")[2], found.skip)
        func = node.func
        if not isinstance(func, cst.Attribute) or not is_model(context, func.value):
            return None
        if func.attr.value == "load_weights":
            return self._load(node)
        if func.attr.value in (WRITE_WEIGHTS, WRITE_MODEL):
            return _format(node, func.attr.value), argument(node.args, 0, "filepath")
        return None

    @staticmethod
    def _load(node: cst.Call) -> tuple[str, cst.BaseExpression | None]:
        path = argument(node.args, 0, "filepath")
        by_name = argument(node.args, 1, "by_name")
        plain = by_name is None or literals.plain(by_name) is False
        return READ_WEIGHTS if plain else READ_BY_NAME, path

    @staticmethod
    def _keras(
        node: cst.Call, leaf: str, skip: int
    ) -> tuple[str, cst.BaseExpression | None] | None:
        args = node.args[skip:]
        if leaf == "load_model":
            return READ_MODEL, argument(args, 0, "filepath")
        if leaf == "save_model":
            return _format(node, WRITE_MODEL), argument(args, 1, "filepath")
        if leaf != "ModelCheckpoint":
            return None
        weights = argument(args, 4, "save_weights_only")
        path = argument(args, 0, "filepath")
        if weights is None or literals.plain(weights) is False:
            return CHECKPOINT, path
        return (CHECKPOINT_WEIGHTS if literals.plain(weights) is True else OTHER), path

    # -- paths -------------------------------------------------------------------------------

    def _resolved(self, kind: str, call: cst.Call, path: cst.BaseExpression) -> Use:
        text, computed = self._end(path, 0)
        if text is None:
            return Use(kind, call, path)
        value = text.value if isinstance(text, cst.FormattedStringText) else literals.string(text)
        if computed and re.search(r"(%[-\d.]*\w|\})$", value or ""):
            return Use(kind, call, path)
        return Use(kind, call, path, text, value or "", computed)

    def _end(self, node: cst.BaseExpression | None, depth: int) -> tuple[_Text | None, bool]:
        """Return the literal that a path ends with, and whether something fills it in."""
        if depth > 5 or node is None:
            return None, False
        if isinstance(node, cst.SimpleString):
            return node, False
        if isinstance(node, cst.ConcatenatedString):
            return self._end(node.right, depth)[0], True
        if isinstance(node, cst.FormattedString):
            last = node.parts[-1] if node.parts else None
            return (last, True) if isinstance(last, cst.FormattedStringText) else (None, True)
        if isinstance(node, cst.Name):
            return self._end(constant(self.context, node), depth + 1)
        if isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Modulo):
                return self._end(node.left, depth)[0], True
            if isinstance(node.operator, cst.Add | cst.Divide):
                return self._part(node.right, depth)
        if isinstance(node, cst.Call) and node.args:
            func = node.func
            if isinstance(func, cst.Attribute) and func.attr.value == "format":
                return self._end(func.value, depth)[0], True
            parts = literals.elements(node.args[0].value)
            if (
                isinstance(func, cst.Attribute)
                and func.attr.value == "join"
                and isinstance(func.value, cst.SimpleString)
                and parts
            ):
                return self._part(parts[-1], depth)
            origins = set(self.context.names.origins(func))
            if origins & _JOIN or (isinstance(func, cst.Name) and func.value == "str"):
                return self._part(node.args[-1].value, depth)
        return None, False

    def _part(self, node: cst.BaseExpression, depth: int) -> tuple[_Text | None, bool]:
        """Return the end of a part of a path; one that has a name may be used elsewhere too."""
        text, computed = self._end(node, depth)
        return text, computed or isinstance(node, cst.Name)


def _format(node: cst.Call, kind: str) -> str:
    """Return the kind of a call that saves; a SavedModel is no file that Keras 3 reads."""
    by_position = [arg.value for arg in node.args[2:] if arg.keyword is None and not arg.star]
    wanted = [argument(node.args, len(node.args), "save_format"), *by_position]
    tells = kind == WRITE_MODEL and any(literals.string(each) == "tf" for each in wanted)
    return EXPORT if tells else kind


def is_model(context: Context, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is a model, and not an agent with methods of the same name."""
    values = context.values
    known = values.instance(node)
    if known is not None:
        return is_a(known, MODEL) or is_a(known, SEQUENTIAL)
    chain = dotted(node)
    if chain is None or _MODEL_NAME.search(chain[-1]) is None:
        return False
    for binding in context.names.bindings(node) if len(chain) == 1 else ():
        made = binding.value
        name = dotted(made.func) if isinstance(made, cst.Call) else None
        if name and name[-1][:1].isupper():
            return False  # some other class, with methods of its own
    return values.is_model(node)

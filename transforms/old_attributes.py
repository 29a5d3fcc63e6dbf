"""Attributes in which layers of Keras 1 and 2 kept their settings and weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import libcst as cst
import libcst.matchers as m

from kerasmigrate import eras, literals
from kerasmigrate.eras import Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import Reader

from ._layer_classes import LayerClasses
from ._weight_lists import Emptied
from .arguments_table import row_of, values

KEPT = Rule(
    "KM340",
    "old-attribute",
    "Read what a layer keeps under the name that it has today",
    "Layers keep their arguments and weights in attributes, and code that derives from a layer of"
    " Keras reads them. They got new names together with the arguments: \"'Drop' object has no"
    " attribute 'p'\". The values were compared on Keras 1.2.2 and on the target, attribute by"
    " attribute; initializers are objects where they were functions, and data_format has the words"
    " of today, as what it is compared to.",
    examples=(
        Example(
            "from keras.layers import Dense\n\n\nclass Positive(Dense):\n"
            "    def call(self, x, mask=None):\n        return abs(x @ self.W) + self.b\n",
            "from keras.layers import Dense\n\n\nclass Positive(Dense):\n"
            "    def call(self, x, mask=None, training=None):\n"
            "        return abs(x @ self.kernel) + self.bias\n",
        ),
    ),
    untouched=(
        "Attributes that the class itself, or another one of the project, sets or defines.",
        "Objects that are not certainly layers of Keras.",
        "self.bias, unless code for Keras 1 asks whether it is true: it has become the weight.",
    ),
)
GONE = Rule(
    "KM341",
    "old-attribute-gone",
    "Report an attribute that layers of Keras 1 or 2 had, and those of the target do not have",
    "Reading it raises AttributeError. Seen on a layer of every kind, of Keras 1.2.2, 2.2.4,"
    " tf_keras 2.21 and Keras 3.15.",
    Safety.NONE,
    untouched=(
        "Attributes that the class itself, or another one of the project, sets or defines.",
        "Objects that are not certainly layers of Keras.",
    ),
)

GIVEN = Rule(
    "KM326",
    "given-weights",
    "Leave out what sets the weights that the layer was given",
    "The layers of Keras 1 kept weights= in initial_weights, and build() set them and deleted the"
    " attribute; code that writes its own build() does so, too. In Keras 2 any layer takes weights="
    " and sets them once it is built. In Keras 3 none takes the argument, which is an error where"
    " it is given: \"Unrecognized keyword arguments passed to Own: {'weights': [...]}\".",
    examples=(
        Example(
            "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
            "    def build(self, input_shape):\n        super().build(input_shape)\n"
            "        if self.initial_weights is not None:\n"
            "            self.set_weights(self.initial_weights)\n"
            "            del self.initial_weights\n",
            "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
            "    def build(self, input_shape):\n        super().build(input_shape)\n",
        ),
    ),
    untouched=(
        "Classes that set initial_weights themselves, or do more under the condition: KM341.",
    ),
)

#: What is a function in Keras 1, and an object today that is called with other arguments.
_FUNCTIONS = frozenset(("init", "inner_init", "beta_init", "gamma_init"))
_LAYOUT = "dim_ordering"
_ADVICE = {
    "init": "call the initializer object as f(shape, dtype=None), or use add_weight(initializer=)",
    _LAYOUT: "read data_format, which is 'channels_first' or 'channels_last'",
    "input_dim": "take the last entry of the shape that build() is given",
    "input_length": "take the second entry of the shape that build() is given",
    "_get_noise_shape": "read noise_shape, which is None or a tuple",
    "W": "read kernel, whose axes are (rows, columns, input, output)",
    "W_shape": "read kernel.shape",
    "initial_weights": "remove it: call set_weights() of the layer once it is built",
    "consume_less": "remove it: the implementation is chosen by Keras",
    "step": "write a cell: an RNN of today calls cell(inputs, states)",
    "": "keep what is needed in an attribute of your own",
}
_INITIAL = m.Attribute(m.Name("self"), m.Name("initial_weights"))
_IS_GIVEN = _INITIAL | m.Comparison(
    _INITIAL, [m.ComparisonTarget(m.IsNot() | m.NotEqual(), m.Name("None"))]
)
_SETS_GIVEN = m.SimpleStatementLine(
    [
        m.Expr(m.Call(m.Attribute(m.Name("self"), m.Name("set_weights")), [m.Arg(_INITIAL)]))
        | m.Del(_INITIAL)
    ]
)
RECURRENT = "the weights belong to the cell: read self.cell.kernel, .recurrent_kernel and .bias"


#: Old names: with what stands for them today, or of what is gone.
_Names = Mapping[str, str] | Sequence[str]


@cache
def _table() -> Mapping[str, Mapping[str, _Names]]:
    path = Path(__file__).with_name("old_attributes.json")
    found: Mapping[str, Mapping[str, _Names]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def names_now(path: str, api: int) -> dict[str, str]:
    """Return the old attributes of a layer, and where the same stands today.

    Args:
        path: Canonical path of the class, of any version.
        api: 2 or 3.
    """
    row = _row(path)
    found: dict[str, str] = {}
    for key in ("now", f"now-{api}"):
        part = row.get(key, {})
        assert isinstance(part, Mapping)
        found.update(part)
    return found


def names_gone(path: str, api: int) -> frozenset[str]:
    """Return the old attributes of a layer that have no equal, as for `names_now`."""
    row = _row(path)
    found: set[str] = set()
    for key in ("gone", f"gone-{api}"):
        part = row.get(key, [])
        found.update(part)
    return frozenset(found)


def _row(path: str) -> Mapping[str, _Names]:
    row = row_of(path)
    return _table().get(row.path, {}) if row is not None else {}


@dataclass(frozen=True)
class _Use:
    """A place that reads an old attribute.

    Attributes:
        path: The layer.
        now: What to write behind the object; empty where there is nothing.
        problem: Why it stays; empty where it does not.
    """

    path: str
    now: str
    problem: str = ""


class OldAttributes(Reader):
    """Where a file reads old attributes of Keras layers.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.uses: dict[cst.Attribute, _Use] = {}
        #: Literals beside a layout, which get the words of today.
        self.strings: set[cst.CSTNode] = set()
        self._context = context
        self._api = context.target.api
        self._classes = context.shared(LayerClasses)
        self._owners: list[cst.ClassDef] = []
        self._bases: dict[cst.ClassDef, str | None] = {}
        self._called: set[cst.CSTNode] = set()
        #: Layouts that are compared to words, or given to an argument of that name.
        self._asked: set[cst.CSTNode] = set()
        #: What is asked whether it is true.
        self._tested: set[cst.CSTNode] = set()
        code = context.code
        if any(f".{name}" in code for name in _interesting()):
            self.visit(context.module)
            self._settle_bias()

    def speaks_today(self, node: cst.CSTNode) -> bool:
        """Tell whether a value is the layout of a Keras layer, whose words are those of today."""
        use = self.uses.get(node) if isinstance(node, cst.Attribute) else None
        kept = use is not None and use.now == "data_format" and not use.problem
        return kept and self._context.runs(KEPT, node)

    # -- which layer -------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._owners.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._owners.pop()

    def _layer(self, node: cst.BaseExpression) -> str | None:
        """Return the Keras class of an object, or that it derives from, when there is just one."""
        if isinstance(node, cst.Name) and node.value == "self":
            return self._base(self._owners[-1]) if self._owners else None
        if not isinstance(node, cst.Name | cst.Attribute):
            return None
        made = list(self._classes.makers(node))
        if not made or not all(isinstance(each, str) for each in made) or len(set(made)) > 1:
            return None
        return self._context.values.instance(node)

    def _base(self, owner: cst.ClassDef) -> str | None:
        if owner not in self._bases:
            found = set(self._context.values.bases(owner))
            self._bases[owner] = found.pop() if len(found) == 1 else None
        return self._bases[owner]

    def _defines(self, node: cst.BaseExpression, name: str) -> bool:
        if not (isinstance(node, cst.Name) and node.value == "self" and self._owners):
            return False
        return name in self._classes.brought(self._owners[-1])

    # -- uses --------------------------------------------------------------------------------

    def visit_Call(self, node: cst.Call) -> None:
        self._called.add(node.func)
        for arg in node.args:
            if arg.keyword is not None and arg.keyword.value in (_LAYOUT, "data_format"):
                self._asked.add(arg.value)

    def visit_Raise(self, node: cst.Raise) -> None:
        # A message may say it in the words of today.
        self._asked.update(m.findall(node, m.Attribute(attr=m.Name(_LAYOUT))))

    def visit_If(self, node: cst.If) -> None:
        self._tested.add(node.test)

    def visit_IfExp(self, node: cst.IfExp) -> None:
        self._tested.add(node.test)

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> None:
        if node in self._tested:
            self._tested.update((node.left, node.right))

    def visit_UnaryOperation(self, node: cst.UnaryOperation) -> None:
        if isinstance(node.operator, cst.Not):
            self._tested.add(node.expression)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        if len(node.comparisons) != 1:
            return
        left, right = node.left, node.comparisons[0].comparator
        if isinstance(left, cst.SimpleString):
            left, right = right, left
        words = [right]
        if isinstance(right, cst.Tuple | cst.List | cst.Set):
            words = [each.value for each in right.elements]
        if isinstance(left, cst.Attribute) and left.attr.value == _LAYOUT:
            known = values()[_LAYOUT]
            if all(literals.string(each) in known for each in words) and self._is_old(left):
                self._asked.add(left)
                self.strings.update(words)

    def _is_old(self, node: cst.Attribute) -> bool:
        path = self._layer(node.value)
        return (
            path is not None
            and node.attr.value in names_now(path, self._api)
            and not self._defines(node.value, node.attr.value)
        )

    def visit_Attribute(self, node: cst.Attribute) -> None:
        name = node.attr.value
        if name not in _interesting() or (name == "bias" and node not in self._tested):
            return
        reference = self._context.names.references.get(node)
        if reference is not None and reference.stored:
            return
        path = self._layer(node.value)
        if path is None:
            return
        now = names_now(path, self._api).get(name, "")
        if not now and name not in names_gone(path, self._api):
            return
        if self._defines(node.value, name):
            return
        problem = ""
        if now and self._defines(node.value, now.partition("[")[0]):
            problem = "the class means something else by that"
        elif name == "W" and self._may_be_turned(path):
            problem = "its axes are those of 'tf', also where they were those of 'th'"
        elif name in _FUNCTIONS and node in self._called:
            problem = "it is an initializer object, no function that makes a variable"
        elif name == _LAYOUT and node not in self._asked:
            problem = "it has other words for the layouts, and where they go is not clear here"
        self.uses[node] = _Use(path, now, problem)

    def _may_be_turned(self, path: str) -> bool:
        """Tell whether a kernel may have had the axes of Theano: (output, input, rows, columns)."""
        words = ("'th'", '"th"', "channels_first")
        return "Conv" in path and any(each in self._context.code for each in words)

    def _settle_bias(self) -> None:
        """Leave ``if self.bias`` alone where it may be the weight, as it is since Keras 2."""
        old = {each for each in self.uses if each.attr.value not in ("bias", "alpha")}
        era = eras.era(self._context.names)
        for node in [each for each in self.uses if each.attr.value == "bias"]:
            if not old and era is not Era.KERAS_1:
                del self.uses[node]


@cache
def _interesting() -> frozenset[str]:
    """Return every name that the table has."""
    return frozenset(name for row in _table().values() for part in row.values() for name in part)


class OldLayerAttributes(Transform):
    """Renames attributes of layers."""

    rules = (KEPT, GONE, GIVEN)
    order = 47

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._edits: dict[cst.CSTNode, str] = {}
        self._emptied = Emptied()
        #: Statements that set the weights that were given, and attributes that they read.
        self._setting: set[cst.CSTNode] = set()

    # -- weights that were given -------------------------------------------------------------

    def visit_If(self, node: cst.If) -> None:
        self._emptied.note(node)
        uses = self.context.shared(OldAttributes).uses
        lines = node.body.body if isinstance(node.body, cst.IndentedBlock) else ()
        read = [each for each in m.findall(node.test, _INITIAL) if each in uses]
        if (
            len(read) == 1
            and node.orelse is None
            and m.matches(node.test, _IS_GIVEN)
            and all(m.matches(each, _SETS_GIVEN) for each in lines)
            and self.context.report(
                GIVEN, node, "a layer has no initial_weights: it sets those it is given", fix=True
            )
        ):
            self._setting.update(lines)
            self._setting.update(m.findall(node, _INITIAL))

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.BaseStatement:
        return self._emptied.branch(original_node, updated_node)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement:
        if original_node in self._setting and isinstance(updated_node, cst.SimpleStatementLine):
            return self._emptied.mark(updated_node)
        return updated_node

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        return self._emptied.block(updated_node)

    # -- attributes --------------------------------------------------------------------------

    def visit_Attribute(self, node: cst.Attribute) -> None:
        use = self.context.shared(OldAttributes).uses.get(node)
        if use is None or node in self._setting:
            return
        name, layer = node.attr.value, use.path.rpartition(".")[2]
        code = self.context.module.code_for_node(node)
        if use.now and not use.problem:
            text = f"{code}: a {layer} keeps it as {use.now}"
            if self.context.report(KEPT, node, text, fix=True):
                self._edits[node] = use.now
            return
        target = self.context.target.name
        why = f"a {layer} keeps it as {use.now}: {use.problem}" if use.now else ""
        advice = _ADVICE.get("init" if name in _FUNCTIONS else name, "")
        if not use.now and layer in ("SimpleRNN", "LSTM", "GRU") and name[:1] in "WUb":
            advice = RECURRENT
        self.context.report(
            GONE,
            node,
            f"{code}: {why or f'a {layer} has no such attribute in {target}'}",
            advice=advice or _ADVICE[""],
            severity=Severity.ERROR,
            confidence=Confidence.CERTAIN if not use.problem else Confidence.LIKELY,
        )

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        now = self._edits.get(original_node)
        if now is None:
            return updated_node
        name, _, index = now.partition("[")
        made = updated_node.with_changes(attr=cst.Name(name))
        if not index:
            return made
        base = made.with_changes(lpar=(), rpar=())
        code = cst.Module([]).code_for_node(base)
        return cst.parse_expression(f"{code}[{index}").with_changes(
            lpar=updated_node.lpar, rpar=updated_node.rpar
        )

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        if original_node not in self.context.shared(OldAttributes).strings:
            return updated_node
        text = literals.string(original_node)
        if text is None or not self.context.runs(KEPT, original_node):
            return updated_node
        return literals.write(values()[_LAYOUT][text], original_node)

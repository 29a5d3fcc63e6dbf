"""set_learning_phase(0), which says what has been the default all along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from kerasmigrate.findings import Confidence
from kerasmigrate.literals import Unknown, plain
from kerasmigrate.neighbours import is_imported
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

SETTING = Rule(
    "KM510",
    "learning-phase-of-zero",
    "Drop set_learning_phase(0) where nothing is trained",
    "Keras 3 has no global learning phase: \"module 'keras.backend' has no attribute"
    " 'set_learning_phase'\". predict() and evaluate() run with training=False, and so does a model"
    " that is called like a function, which is what phase 0 said. The line matters only where the"
    " same program trains.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras import backend as K\nfrom keras.models import load_model\n\n"
            "K.set_learning_phase(0)\nmodel = load_model('m.keras')\nprint(model.predict(x))\n",
            "from keras.models import load_model\n\n"
            "model = load_model('m.keras')\nprint(model.predict(x))\n",
        ),
    ),
    untouched=(
        "Other phases, and phases that the source does not show; they get KM503.",
        "Files with a word of training, such as fit, train_on_batch or train_model.",
        "Files that another file of the project imports, outside of if __name__ == '__main__'.",
        "Files that ask for the learning phase, and lines with a comment above them.",
        "Targets with the Keras 2 API.",
    ),
)
_FUNCTION = "keras.backend.set_learning_phase"
#: Parts of names that speak of training; ``trainable`` and the argument ``training`` do not.
_TRAINING = frozenset(
    ("finetune", "fit", "learn", "learner", "train", "trainer", "training", "tune", "tuner")
)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MAIN = m.Comparison(
    m.Name("__name__"), [m.ComparisonTarget(m.Equal(), m.SimpleString())]
) | m.Comparison(m.SimpleString(), [m.ComparisonTarget(m.Equal(), m.Name("__name__"))])


class LearningPhaseSetting(Transform):
    """Drops the phase of a program that only predicts."""

    rules = (SETTING,)
    # Before the rule that reports the function.
    order = 7

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._gone: set[cst.CSTNode] = set()
        #: The blank lines that stood above what is dropped, by the line behind it.
        self._blank: dict[cst.CSTNode, Sequence[cst.EmptyLine]] = {}
        #: Blocks that run only where the file is the program, and how many are around.
        self._mains: set[cst.CSTNode] = set()
        self._depth = 0

    # -- the walk ----------------------------------------------------------------------------

    def visit_If(self, node: cst.If) -> None:
        if m.matches(node.test, _MAIN):
            self._mains.add(node.body)

    def visit_Module(self, node: cst.Module) -> None:
        self._drop(node.body)

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._depth += node in self._mains
        self._drop(node.body)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        self._depth -= original_node in self._mains
        return updated_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.RemovalSentinel:
        if original_node in self._gone:
            return cst.RemoveFromParent()
        lines = updated_node.leading_lines
        own = next((at for at, each in enumerate(lines) if each.comment is not None), len(lines))
        blank = self._blank.get(original_node, ())[own:]
        return updated_node.with_changes(leading_lines=[*blank, *lines]) if blank else updated_node

    # -- deciding ----------------------------------------------------------------------------

    def _drop(self, body: Sequence[cst.CSTNode]) -> None:
        """Drop the lines of a block that set phase 0."""
        if self.context.target.api < 3 or "set_learning_phase" not in self.context.code:
            return
        found = [
            (line, call)
            for line in body
            if isinstance(line, cst.SimpleStatementLine) and (call := self._set(line)) is not None
        ]
        if len(found) == len(body):
            return
        for line, call in found:
            if self._is_needless and self.context.report(
                SETTING,
                call,
                "set_learning_phase(0) is the default, and this file trains nothing",
                fix=True,
                confidence=Confidence.LIKELY,
            ):
                self._gone.add(line)
                place = body.index(line)
                if place + 1 < len(body):
                    self._blank[body[place + 1]] = line.leading_lines
                self.context.imports.claim(call.func)

    def _set(self, line: cst.SimpleStatementLine) -> cst.Call | None:
        """Return the call that is all of a line, and that sets phase 0."""
        if len(line.body) != 1 or any(each.comment is not None for each in line.leading_lines):
            return None
        small = line.body[0]
        call = small.value if isinstance(small, cst.Expr) else None
        if not isinstance(call, cst.Call) or len(call.args) != 1 or call.args[0].star:
            return None
        symbol = self.context.symbol(call.func)
        if symbol is None or not symbol.certain or symbol.path != _FUNCTION:
            return None
        phase = plain(call.args[0].value)
        return call if not isinstance(phase, Unknown) and phase in (0, False) else None

    @property
    def _is_needless(self) -> bool:
        """Whether no program that gets here trains."""
        view = self.context.view
        alone = self._depth > 0 or not is_imported(view.project, view.path)
        return alone and not self._trains

    @cached_property
    def _trains(self) -> bool:
        """Whether a name of the file speaks of training, or it asks for the phase."""
        names = {node.value for node in walk(self.context.module) if isinstance(node, cst.Name)}
        if "learning_phase" in names or "learning_phase_scope" in names:
            return True
        parts = {part.lower() for name in names - {"training"} for part in _PART.findall(name)}
        return bool(parts & _TRAINING)

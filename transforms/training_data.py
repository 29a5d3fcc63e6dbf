"""What models are trained on: generators that yield lists, nested lists, and single batches."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import Reader

from ._datasets import SEQUENCE, SEQUENCES
from ._edits import remove_argument

BATCH_LISTS = Rule(
    "KM235",
    "lists-in-batches",
    "Let generators and Sequences give tuples instead of lists",
    "Keras 3 describes every batch to tf.data, where a list is no structure but an array: fit"
    ' raises "`output_signature` must contain objects that are subclass of `tf.TypeSpec` but found'
    " <class 'list'> which is not\". Tuples mean the same to every Keras.",
    examples=(
        Example(
            "from keras.models import Model\n\n\ndef batches():\n    while True:\n"
            "        yield [a, b], y\n\n\n"
            "model = Model([left, right], both)\nmodel.fit(batches(), steps_per_epoch=10)\n",
            "from keras.models import Model\n\n\ndef batches():\n    while True:\n"
            "        yield (a, b), y\n\n\n"
            "model = Model([left, right], both)\nmodel.fit(batches(), steps_per_epoch=10)\n",
        ),
        Example(
            "from keras.utils import Sequence\n\n\nclass Batches(Sequence):\n"
            "    def __getitem__(self, index):\n        return [self.x], [self.y]\n",
            "from keras.utils import Sequence\n\n\nclass Batches(Sequence):\n"
            "    def __getitem__(self, index):\n        return self.x, self.y\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Generators that no training call of a known model in the same file gets.",
        "Lists that are built elsewhere, or whose elements are numbers or lists.",
    ),
)
NESTED_LISTS = Rule(
    "KM236",
    "lists-as-data",
    "Report nested lists of numbers as data",
    'Keras 3 takes arrays: fit([[0, 1]], ...) raises "Unrecognized data type: x=[[0, 1]] (of type'
    " <class 'list'>)\". A list means several inputs there.",
    Safety.NONE,
)
RESET_METRICS = Rule(
    "KM237",
    "reset-metrics",
    "Drop reset_metrics=False, and report reset_metrics=True",
    'train_on_batch and test_on_batch of Keras 3 have no such argument: "got an unexpected keyword'
    " argument 'reset_metrics'\". They never reset, so that what they return is the mean over all"
    " batches since model.reset_metrics() was called.",
    examples=(
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.train_on_batch(x, y, reset_metrics=False)\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.train_on_batch(x, y)\n",
        ),
    ),
)
DATASET_INIT = Rule(
    "KM238",
    "sequence-init",
    "Let a Sequence call the constructor of its base",
    "Sequence is PyDataset in Keras 3, whose constructor takes workers, use_multiprocessing and"
    ' max_queue_size. Without it every fit warns: "Your `PyDataset` class should call'
    ' `super().__init__(**kwargs)` in its constructor".',
    severity=Severity.WARNING,
    examples=(
        Example(
            "from keras.utils import Sequence\n\n\nclass Batches(Sequence):\n"
            "    def __init__(self, x):\n        self.x = x\n",
            "from keras.utils import Sequence\n\n\nclass Batches(Sequence):\n"
            "    def __init__(self, x):\n        super().__init__()\n        self.x = x\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Classes with another base beside Sequence, or that call its constructor already.",
    ),
)
_DATA = ("x", "y", "generator", "validation_data")
_GENERATOR_FORMS = frozenset(("fit_generator", "evaluate_generator"))
_GENERATED = _GENERATOR_FORMS | {"fit", "evaluate"}
_TRAINING = _GENERATED | {"predict"}
_BATCHES = frozenset(("train_on_batch", "test_on_batch"))
#: Elements that may be arrays.
_ARRAYS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BinaryOperation)


class TrainingData(Transform):
    """Brings the data of training calls up to date."""

    rules = (BATCH_LISTS, NESTED_LISTS, RESET_METRICS, DATASET_INIT)
    order = 35

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._on = context.target.api >= 3
        self._seen: set[cst.CSTNode] = set()
        self._converted: set[cst.CSTNode] = set()

    @cached_property
    def _model_methods(self) -> frozenset[str]:
        """Methods of these names that classes of this file define."""
        return frozenset(
            each.name.value
            for node in self.context.names.scope_of
            if isinstance(node, cst.ClassDef)
            for each in node.body.body
            if isinstance(each, cst.FunctionDef)
        )

    def _is_training(self, node: cst.Call, methods: frozenset[str]) -> bool:
        func = node.func
        return (
            isinstance(func, cst.Attribute)
            and func.attr.value in methods
            and func.attr.value not in self._model_methods
            and self.context.symbol(func) is None
            and self.context.values.is_model(func.value)
        )

    # -- batches -----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        if not self._on:
            return
        for owner in self.context.names.scope_of:
            if isinstance(owner, cst.ClassDef) and self.context.values.derives(owner, SEQUENCE):
                for each in owner.body.body:
                    if isinstance(each, cst.FunctionDef) and each.name.value == "__getitem__":
                        self._look_at(self.context.values.returned(each), whole=False)

        calls = _Calls()
        calls.visit(node)
        for call in calls.found:
            if self._is_training(call, _TRAINING):
                self._look_at_call(call)

    def _look_at_call(self, call: cst.Call) -> None:
        assert isinstance(call.func, cst.Attribute)
        method = call.func.attr.value
        for index, arg in enumerate(call.args):
            name = arg.keyword.value if arg.keyword is not None else ""
            if arg.star or not (name in _DATA or (not name and index < 2)):
                continue
            if method in _GENERATED and (name not in ("", "y") or not index):
                function = self._generator(arg.value)
                if function is not None:
                    yields = _Yields()
                    yields.visit(function.body)
                    self._look_at(yields.values)
            if name in ("", "x", "y") and method not in _GENERATOR_FORMS:
                self._nested(arg, method, name or ("x", "y")[index])

    def _generator(self, data: cst.BaseExpression) -> cst.FunctionDef | None:
        """Return the generator function of this file that makes what a call gets."""
        if isinstance(data, cst.Name):
            values = [each.value for each in self.context.names.bindings(data)]
            if len(values) != 1 or values[0] is None:
                return None
            data = values[0]
        if not isinstance(data, cst.Call):
            return None
        chain = dotted(data.func)
        bindings = self.context.names.bindings(data.func)
        if chain is None or len(bindings) != 1 or len(chain) != 1:
            return None
        made = bindings[0].node
        return made if isinstance(made, cst.FunctionDef) and not made.decorators else None

    def _look_at(self, batches: list[cst.BaseExpression], *, whole: bool = True) -> None:
        """Look at batches; whole ones may be lists where a Sequence gives them."""
        for batch in batches:
            if whole and isinstance(batch, cst.List) and batch not in self._seen:
                self._seen.add(batch)
                self.context.report(
                    BATCH_LISTS,
                    batch,
                    "a batch has to be a tuple in Keras 3, and this is a list",
                    advice="write (inputs, targets), with a tuple for several inputs",
                    confidence=Confidence.LIKELY,
                )
            if not isinstance(batch, cst.Tuple):
                continue
            for element in batch.elements:
                node = element.value
                if isinstance(node, cst.List) and node not in self._seen:
                    self._seen.add(node)
                    self._list(node)

    def _list(self, node: cst.List) -> None:
        fits = bool(node.elements) and all(
            isinstance(each.value, _ARRAYS) for each in node.elements
        )
        if self.context.report(
            BATCH_LISTS,
            node,
            "a list in a batch has to be a tuple in Keras 3",
            fix=fits,
            advice="" if fits else "give an array, or a tuple of arrays for several inputs",
        ):
            self._converted.add(node)

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.BaseExpression:
        if original_node not in self._converted:
            return updated_node
        elements = updated_node.elements
        code = self.context.module.code_for_node(original_node)
        if len(elements) == 1 and isinstance(elements[0], cst.Element) and "#" not in code:
            value = elements[0].value
            if isinstance(value, cst.BinaryOperation) and "\n" in code and not value.lpar:
                value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            return value
        return cst.Tuple(
            elements,
            lpar=[
                *updated_node.lpar,
                cst.LeftParen(whitespace_after=updated_node.lbracket.whitespace_after),
            ],
            rpar=[
                cst.RightParen(whitespace_before=updated_node.rbracket.whitespace_before),
                *updated_node.rpar,
            ],
        )

    # -- constructors ------------------------------------------------------------------------

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        """Call the constructor of the base first."""
        made = self._constructor(original_node) if self._on else None
        if made is None or not self.context.report(
            DATASET_INIT,
            made.name,
            f"{original_node.name.value} does not call the constructor of its base",
            fix=True,
        ):
            return updated_node
        index = original_node.body.body.index(made)
        body = list(updated_node.body.body)
        body[index] = _calling_super(cst.ensure_type(body[index], cst.FunctionDef))
        block = updated_node.body.with_changes(body=body)
        return updated_node.with_changes(body=block)

    def _constructor(self, node: cst.ClassDef) -> cst.FunctionDef | None:
        """Return the constructor of a Sequence that leaves the one of its base out."""
        symbol = self.context.symbol(node.bases[0].value) if len(node.bases) == 1 else None
        if symbol is None or symbol.path not in SEQUENCES or not symbol.certain:
            return None
        found = [
            each
            for each in node.body.body
            if isinstance(each, cst.FunctionDef) and each.name.value == "__init__"
        ]
        if len(found) != 1 or not isinstance(found[0].body, cst.IndentedBlock):
            return None
        if "__init__(" in self.context.module.code_for_node(found[0].body):
            return None
        return found[0]

    # -- nested lists ------------------------------------------------------------------------

    def _nested(self, arg: cst.Arg, method: str, name: str) -> None:
        value = arg.value
        if isinstance(value, cst.Name):
            bindings = self.context.names.bindings(value)
            if len(bindings) != 1 or bindings[0].value is None:
                return
            value = bindings[0].value
        if not _is_numbers(value):
            return
        given = self.context.module.code_for_node(arg.value)
        short = given if len(given) < 40 else "..."
        self.context.report(
            NESTED_LISTS,
            arg.value,
            f"{method}() gets {name} as a list of numbers, and Keras 3 wants an array",
            advice=f"write numpy.array({short})",
        )

    # -- single batches ----------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not self._on:
            return updated_node
        given = [
            arg
            for arg in original_node.args
            if arg.keyword is not None and arg.keyword.value == "reset_metrics"
        ]
        if not given or not self._is_training(original_node, _BATCHES):
            return updated_node
        value = literals.plain(given[0].value)
        receiver = self.context.module.code_for_node(original_node.func).rpartition(".")[0]
        if not self.context.report(
            RESET_METRICS,
            given[0],
            "reset_metrics= is gone",
            fix=value is False,
            advice=""
            if value is False
            else f"leave it out, and call {receiver}.reset_metrics() before each batch that"
            " starts anew",
        ):
            return updated_node
        return remove_argument(updated_node, "reset_metrics")


def _calling_super(function: cst.FunctionDef) -> cst.FunctionDef:
    """Return a method that calls the one of its base first, behind its docstring."""
    block = cst.ensure_type(function.body, cst.IndentedBlock)
    place = 1 if function.get_docstring() is not None else 0
    call = cst.parse_statement("super().__init__()")
    body = [*block.body[:place], call, *block.body[place:]]
    return function.with_changes(body=block.with_changes(body=body))


def _is_numbers(node: cst.BaseExpression) -> bool:
    """Tell whether an expression is a list display with nothing but numbers at the bottom."""
    if not isinstance(node, cst.List) or not node.elements:
        return False
    return all(
        isinstance(each, cst.Element)
        and (
            _is_numbers(each.value)
            or (
                isinstance(number := literals.plain(each.value), int | float)
                and not isinstance(number, bool)
            )
        )
        for each in node.elements
    )


class _Calls(Reader):
    """Collects calls of methods that train, or may."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Call] = []

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _TRAINING:
            self.found.append(node)


class _Yields(Reader):
    """Collects what a generator function yields, without the functions inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[cst.BaseExpression] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_Yield(self, node: cst.Yield) -> None:
        if isinstance(node.value, cst.BaseExpression):
            self.values.append(node.value)

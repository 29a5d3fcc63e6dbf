"""Metrics that are added to a default list, which keeps them for the next call."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

GROWING = Rule(
    "KM264",
    "growing-metrics",
    "Make a new list of metrics instead of adding to the default one",
    "A default list is one list for all calls: what a function adds to it in the first call is"
    " there in the second, and a model is compiled with the same metric twice. Keras 1 and 2.0"
    " listed it twice, Keras 2.2 called the second mean_q_1, Keras 2.3 took it once; all of them"
    ' trained. tf_keras raises in fit(): "Found two metrics with the same name: mean_q. All the'
    ' metrics added to the model need to have unique names." A list that a caller hands over is'
    " not added to any more either.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras import backend as K\n\n\ndef mean_q(y_true, y_pred):\n"
            "    return K.mean(y_pred)\n\n\n"
            "def prepare(model, metrics=[]):\n"
            "    metrics += [mean_q]\n"
            "    model.compile('sgd', 'mse', metrics=metrics)\n",
            "from tf_keras import backend as K\n\n\ndef mean_q(y_true, y_pred):\n"
            "    return K.mean(y_pred)\n\n\n"
            "def prepare(model, metrics=[]):\n"
            "    metrics = metrics + [mean_q]\n"
            "    model.compile('sgd', 'mse', metrics=metrics)\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Keras 3, which takes a metric twice.",
        "Lists that do not reach the metrics of compile() in the same function.",
        "Defaults that are no list, and lists that the function makes itself.",
        "Code for tf.keras, which raised before.",
    ),
)


class GrowingMetrics(Transform):
    """Keeps functions from adding to the default of their list of metrics."""

    rules = (GROWING,)
    order = 35

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Names that are added to, by the statement that does.
        self._added: dict[cst.CSTNode, cst.Name] = {}

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        if self.context.target.api >= 3 or not self._is_standalone():
            return
        for param in (*node.params.params, *node.params.kwonly_params):
            if not isinstance(param.default, cst.List):
                continue
            name = param.name.value
            places = _additions(node.body, name)
            if places and _is_compiled_with(node.body, name):
                for place in places:
                    self._report(place, name)

    def _is_standalone(self) -> bool:
        return any(symbol.flavour == "keras" for _, symbol in self.context.names.symbols())

    def _report(self, place: cst.CSTNode, name: str) -> None:
        if self.context.report(
            GROWING,
            place,
            f"the default of {name} keeps what is added to it, and tf_keras takes no metric twice",
            fix=True,
        ):
            self._added[place] = cst.Name(name)

    def leave_AugAssign(
        self, original_node: cst.AugAssign, updated_node: cst.AugAssign
    ) -> cst.BaseSmallStatement:
        name = self._added.get(original_node)
        return updated_node if name is None else _sum(name, updated_node.value)

    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.BaseSmallStatement:
        name = self._added.get(original_node)
        if name is None or not isinstance(updated_node.value, cst.Call):
            return updated_node
        (arg,) = updated_node.value.args
        return _sum(name, cst.List([cst.Element(arg.value)]))


def _sum(name: cst.Name, value: cst.BaseExpression) -> cst.Assign:
    """Return ``name = name + value``."""
    total = cst.BinaryOperation(name, cst.Add(), value)
    return cst.Assign([cst.AssignTarget(name)], total)


def _additions(body: cst.CSTNode, name: str) -> list[cst.CSTNode]:
    """Return the statements that add to a list: ``name += [...]`` and ``name.append(...)``.

    None, where something else binds the name: then the list may be another one.
    """
    found: list[cst.CSTNode] = []
    for node in walk(body):
        if isinstance(node, cst.AugAssign) and _is(node.target, name):
            if not isinstance(node.operator, cst.AddAssign) or not isinstance(node.value, cst.List):
                return []
            found.append(node)
        elif isinstance(node, cst.Expr) and _is_append(node.value, name):
            found.append(node)
        elif any(_is(each, name) for part in _bound(node) for each in walk(part)):
            return []
    return found


def _bound(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the parts of a node in which names get another value, or may get one."""
    if isinstance(node, cst.AssignTarget | cst.For | cst.CompFor | cst.NamedExpr):
        return [node.target]
    if isinstance(node, cst.Nonlocal | cst.Global | cst.Del | cst.FunctionDef):
        return [node]
    return []


def _is_append(node: cst.BaseExpression, name: str) -> bool:
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "append"
        and _is(node.func.value, name)
        and len(node.args) == 1
        and node.args[0].star == ""
    )


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _is_compiled_with(body: cst.CSTNode, name: str) -> bool:
    """Tell whether a value gets into the metrics of a compile(), by way of other names or not."""
    carriers = {name}
    grown = True
    while grown:
        grown = False
        for node in walk(body):
            if isinstance(node, cst.Assign) and _mentions(node.value, carriers):
                names = {
                    each.value
                    for target in node.targets
                    for each in walk(target.target)
                    if isinstance(each, cst.Name)
                }
                grown = grown or not names <= carriers
                carriers |= names
    return any(
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "compile"
        and any(
            arg.keyword is not None
            and arg.keyword.value == "metrics"
            and _mentions(arg.value, carriers)
            for arg in node.args
        )
        for node in walk(body)
    )


def _mentions(node: cst.CSTNode, names: set[str]) -> bool:
    return any(isinstance(each, cst.Name) and each.value in names for each in walk(node))

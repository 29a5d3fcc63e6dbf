"""Custom layers and models: ``training`` in ``call``, and handed on by keyword."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform

from ._edits import add_keyword, add_parameter, keyword, optional
from ._training_plan import TRAINING, Called, Decision, TrainingPlan

_GUIDE = "https://keras.io/guides/making_new_layers_and_models_via_subclassing/"

MODEL_CALL = Rule(
    "KM301",
    "model-call-training",
    "Add training=None to the call of a subclassed model",
    "Under Keras 3 a subclassed Model whose call() has no parameter named training is trained in"
    " inference mode, and nothing says so: fit() hands training=True only to a call() that names"
    " it, and otherwise opens no call context from which the layers inside could take it. Measured"
    " with Keras 3.15 as the share of activations that a Dropout(0.5) inside zeroes during fit():"
    " 0 without the parameter, 0.5 with it, whether call() hands it on or not. The moving mean of"
    " a BatchNormalization inside stays at its start value without it. **kwargs does not count as"
    " naming it. tf_keras opens the context anyway: 0.5 with and without, so there the parameter"
    " is only good style.",
    Safety.SAFE,
    Severity.WARNING,
    examples=(
        Example(
            "import keras\n\n\nclass Net(keras.Model):\n"
            "    def __init__(self):\n        super().__init__()\n"
            "        self.drop = keras.layers.Dropout(0.5)\n\n"
            "    def call(self, x, mask=None):\n        return self.drop(x)\n",
            "import keras\n\n\nclass Net(keras.Model):\n"
            "    def __init__(self):\n        super().__init__()\n"
            "        self.drop = keras.layers.Dropout(0.5)\n\n"
            "    def call(self, x, mask=None, training=None):\n"
            "        return self.drop(x, training=training)\n",
        ),
        Example(
            "import keras\n\n\nclass Net(keras.Model):\n"
            "    def call(self, x, training=False):\n        return x\n",
            "import keras\n\n\nclass Net(keras.Model):\n"
            "    def call(self, x, training=False):\n        return x\n",
        ),
    ),
    untouched=(
        "A call that already has a parameter named training, whatever its default.",
        "A call that uses the name training for something else; that is reported.",
        "Static methods, class methods, nested functions and classes that are not Keras models.",
        "Under --training needed: models for a Keras 2 target.",
    ),
    references=(_GUIDE, "https://github.com/keras-team/keras-hub/issues/1500"),
)
LAYER_CALL = Rule(
    "KM302",
    "layer-call-training",
    "Add training=None to the call of a custom layer",
    "A custom Layer works without the parameter in Keras 2 and 3 alike: the call context carries"
    " the phase to the layers inside it. Measured with a Dropout(0.5) inside, one and two levels"
    " deep: half of the activations are zeroed in fit() and none in predict(), with and without"
    " the parameter, in both. So this is style, with two exceptions: a call() that asks the"
    " backend for the learning phase, which Keras 3 does not have, and one that ends in"
    " super().call(...), which goes past the context: a BatchNormalization subclass that does not"
    " hand training on never updates its moving averages. --training needed limits the rule to"
    " these two.",
    Safety.SAFE,
    Severity.INFO,
    examples=(
        Example(
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def call(self, x, **kwargs):\n        return 2 * x\n",
            "from keras.layers import Layer\n\n\nclass Scale(Layer):\n"
            "    def call(self, x, training=None, **kwargs):\n        return 2 * x\n",
        ),
        Example(
            "class Scale:\n    def call(self, x):\n        return 2 * x\n",
            "class Scale:\n    def call(self, x):\n        return 2 * x\n",
        ),
    ),
    untouched=(
        "A call that already has a parameter named training, or uses that name.",
        "A call that reads training from its **kwargs; see KM305.",
        "A call that hands its **kwargs to something unknown, because training would be missing"
        " there.",
        "A call under a decorator that may fix its parameters.",
    ),
    references=(_GUIDE,),
)
HANDED_ON = Rule(
    "KM303",
    "hand-on-training",
    "Hand training on, by keyword, to the layers inside that take it",
    "Where call() has just been given the parameter, the layers that do something with it get it"
    " too, so that the code says what happens and super().call(...), which no call context"
    " reaches, is told as well. Layers are known by what __init__ and build assign to self.",
    Safety.SAFE,
    Severity.INFO,
    examples=(
        Example(
            "from keras.layers import BatchNormalization\n\n\n"
            "class Norm(BatchNormalization):\n"
            "    def call(self, x):\n        return super().call(x)\n",
            "from keras.layers import BatchNormalization\n\n\n"
            "class Norm(BatchNormalization):\n"
            "    def call(self, x, training=None):\n"
            "        return super().call(x, training=training)\n",
        ),
    ),
    untouched=(
        "Layers in lists and dictionaries; the call context reaches them.",
        "A call() that already had training: what it does with it is the author's choice.",
        "Dense and other layers for which training changes nothing in Keras 2.",
    ),
)
BY_KEYWORD = Rule(
    "KM304",
    "training-by-keyword",
    "Pass training to a layer by keyword",
    'Keras 3 takes only tensors by position: "Only input tensors may be passed as positional'
    " arguments. The following argument value should be passed as a keyword argument: True (of"
    ' type bool)". The order of mask, training and initial_state also changed for recurrent'
    " layers.",
    Safety.SAFE,
    Severity.ERROR,
    examples=(
        Example(
            "import keras\n\n\nclass Block(keras.layers.Layer):\n"
            "    def __init__(self, **kwargs):\n        super().__init__(**kwargs)\n"
            "        self.norm = keras.layers.BatchNormalization()\n\n"
            "    def call(self, x, training=None):\n        return self.norm(x, training)\n",
            "import keras\n\n\nclass Block(keras.layers.Layer):\n"
            "    def __init__(self, **kwargs):\n        super().__init__(**kwargs)\n"
            "        self.norm = keras.layers.BatchNormalization()\n\n"
            "    def call(self, x, training=None):\n"
            "        return self.norm(x, training=training)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, which take it by position.",
        "A callable that is not known to be a layer; when it is handed the name training by"
        " position, that is reported.",
    ),
)
FROM_OPTIONS = Rule(
    "KM305",
    "training-from-kwargs",
    "Report a call that reads training from its **kwargs",
    "Keras 2 puts training into the **kwargs of call(). Keras 3 does not, not even when the layer"
    " is called with training=True: kwargs.get('training') is always None there, and"
    " kwargs['training'] raises KeyError.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Targets with the Keras 2 API.",),
)
DUNDER_CALL = Rule(
    "KM306",
    "overridden-dunder-call",
    "Report a layer that defines __call__ where call was meant",
    "Keras's own __call__ builds the layer, traces it and keeps track of its weights; a class that"
    " replaces it has no place in a model that is saved or trained.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("A __call__ that ends in super().__call__, and a class that also defines call.",),
)

_BLOCKED = {
    "name": "call() uses the name 'training' for something else",
    "decorator": "call() has a decorator that may fix its parameters",
    "passed": "call() hands its **kwargs to something that may need training",
}


class CallTraining(Transform):
    """Gives ``call`` its ``training`` parameter and hands it on."""

    rules = (MODEL_CALL, LAYER_CALL, HANDED_ON, BY_KEYWORD, FROM_OPTIONS, DUNDER_CALL)
    order = 45

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.plan = TrainingPlan(context, MODEL_CALL, LAYER_CALL)
        self._scopes: list[cst.ClassDef | cst.FunctionDef] = []
        self._adding: set[cst.FunctionDef] = set()

    # -- where we are ------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._scopes.append(node)
        if self.plan.classes.kind(node) in self.plan.rules:
            self._check_dunder_call(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._scopes.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        owner = self._scopes[-1] if self._scopes else None
        self._scopes.append(node)
        if isinstance(owner, cst.ClassDef) and node.name.value == "call":
            decision = self.plan.decide(owner, node)
            if decision.add and self._report_missing(owner, node):
                self._adding.add(node)
            elif decision.blocked:
                self._report_blocked(owner, node, decision)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._scopes.pop()
        if original_node not in self._adding:
            return updated_node
        params = add_parameter(updated_node.params, optional(TRAINING))
        return updated_node.with_changes(params=params)

    def _method(self) -> tuple[cst.ClassDef, cst.FunctionDef] | None:
        """Return the method around the current node, with the class that it belongs to."""
        for outer, inner in zip(self._scopes, self._scopes[1:], strict=False):
            if (
                isinstance(outer, cst.ClassDef)
                and isinstance(inner, cst.FunctionDef)
                and self.plan.classes.kind(outer) in self.plan.rules
            ):
                return outer, inner
        return None

    # -- reports -----------------------------------------------------------------------------

    def _report_missing(self, owner: cst.ClassDef, call: cst.FunctionDef) -> bool:
        kind = self.plan.classes.kind(owner) or ""
        name = owner.name.value
        if kind == "layer":
            message = f"{name}.call() does not take training"
        elif self.context.target.api >= 3:
            message = f"{name}.call() does not take training: fit() would run in inference mode"
        else:
            message = f"{name}.call() does not take training"
        return self.context.report(self.plan.rules[kind], call.params, message, fix=True)

    def _report_blocked(
        self, owner: cst.ClassDef, call: cst.FunctionDef, decision: Decision
    ) -> None:
        if self.context.target.api < 3:
            return  # Keras 2 fills **kwargs, and its call context does the rest
        name = owner.name.value
        if decision.blocked == "options":
            self.context.report(
                FROM_OPTIONS,
                call.params,
                f"{name}.call() reads training from its **kwargs, where Keras 3 never puts it",
                advice="name the parameter, training=None, and use it instead",
            )
        elif self.plan.classes.kind(owner) == "model":
            self.context.report(
                MODEL_CALL,
                call.params,
                f"{name} would be trained in inference mode; not fixed, because"
                f" {_BLOCKED[decision.blocked]}",
                advice="add the parameter training=None by hand",
            )

    def _check_dunder_call(self, node: cst.ClassDef) -> None:
        method = self.plan.classes.method(node, "__call__")
        # A __call__ beside reset_states is a metric of Keras 2.2, which was a layer.
        if method is None or {"call", "reset_states"} & set(self.plan.classes.methods(node)):
            return
        finder = _Mentions("__call__")
        method.body.visit(finder)
        if not finder.found:
            self.context.report(
                DUNDER_CALL,
                method.params,
                f"{node.name.value} replaces the __call__ of Keras",
                advice="rename the method to call, if that was meant",
            )

    # -- calls -------------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        around = self._method()
        if around is None:
            return updated_node
        owner, method = around
        called = self.plan.called(owner, method, original_node)
        if called is None:
            self._check_unknown(method, original_node)
            return updated_node
        if any(arg.star == "*" for arg in original_node.args):
            return updated_node
        if self.context.target.api >= 3:
            updated_node = self._by_keyword(called, original_node, updated_node)
        if method in self._adding and called.takes:
            updated_node = self._hand_on(called, original_node, updated_node)
        return updated_node

    def _hand_on(self, called: Called, original: cst.Call, updated: cst.Call) -> cst.Call:
        if any(_keyword(arg) == TRAINING for arg in updated.args):
            return updated
        positional = [arg for arg in updated.args if arg.keyword is None and not arg.star]
        names = self.plan.positions(called.parent)
        if not positional or names is None:
            return updated
        name = self.context.module.code_for_node(original.func)
        if TRAINING in names[: len(positional)]:
            self.context.report(
                HANDED_ON,
                original,
                f"{name}(...) is given something else where it takes training",
                advice="name the arguments, and hand training=training on",
                severity=Severity.WARNING,
                confidence=Confidence.LIKELY,
            )
            return updated
        if not self.context.report(HANDED_ON, original, f"{name}(...) takes training", fix=True):
            return updated
        return add_keyword(updated, keyword(TRAINING, cst.Name(TRAINING)))

    def _by_keyword(self, called: Called, original: cst.Call, updated: cst.Call) -> cst.Call:
        """Name the arguments from the first one on that Keras 3 does not take in its place."""
        before = self.plan.positions(called.parent, before=True)
        after = self.plan.positions(called.parent)
        positional = [arg for arg in original.args if arg.keyword is None and not arg.star]
        if before is None or after is None or len(positional) > len(before):
            return updated
        for start in range(1, len(positional)):
            name = before[start]
            # Only training, and what changed places with it, is known to need a name.
            if name == TRAINING or (TRAINING in before and after[start : start + 1] != (name,)):
                break
        else:
            return updated
        names = before[start : len(positional)]
        given = [arg.value.value for arg in positional if isinstance(arg.value, cst.Name)]
        if "mask" in given and "mask" not in names:
            return updated  # the order of Keras 1: call(x, mask)
        if not set(names) <= set(after) or {_keyword(arg) for arg in original.args} & set(names):
            return updated
        code = self.context.module.code_for_node(original.func)
        listed = " and ".join(names)
        if not self.context.report(
            BY_KEYWORD, original, f"{code}(...) takes {listed} by keyword", fix=True
        ):
            return updated
        args = [
            keyword(before[index], arg.value).with_changes(
                comma=arg.comma, whitespace_after_arg=arg.whitespace_after_arg
            )
            if start <= index < len(positional)
            else arg
            for index, arg in enumerate(updated.args)
        ]
        return updated.with_changes(args=args)

    def _check_unknown(self, method: cst.FunctionDef, node: cst.Call) -> None:
        """Report ``something(x, training)``, which is nearly always a layer."""
        if self.context.target.api < 3 or method.name.value != "call":
            return
        second = node.args[1] if len(node.args) > 1 else None
        if (
            second is None
            or second.keyword is not None
            or not isinstance(second.value, cst.Name)
            or second.value.value != TRAINING
            or not self._may_be_layer(node.func)
        ):
            return
        code = self.context.module.code_for_node(node.func)
        self.context.report(
            BY_KEYWORD,
            node,
            f"{code}(...) is handed training by position, which layers refuse",
            advice="if it is a layer, write training=training",
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
        )

    def _may_be_layer(self, func: cst.BaseExpression) -> bool:
        chain = dotted(func)
        if chain is None:
            return isinstance(func, cst.Subscript)
        if len(chain) == 2 and chain[0] == "self":
            owner = next(each for each in self._scopes if isinstance(each, cst.ClassDef))
            return not any(
                chain[1] in self.plan.classes.methods(each)
                for each in self.plan.classes.relatives(owner)
            )
        bindings = self.context.names.bindings(func)
        return len(chain) == 1 and all(b.kind == "local" for b in bindings) and bool(bindings)


def _keyword(arg: cst.Arg) -> str | None:
    return arg.keyword.value if arg.keyword is not None else None


class _Mentions(cst.CSTVisitor):
    """Looks for an attribute or method of a given name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found = False

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.found = self.found or node.attr.value == self.name

"""Callbacks of one's own: what Keras calls them with, and what they find on themselves."""

from __future__ import annotations

import ast
from functools import cached_property

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import string
from kerasmigrate.neighbours import FileFacts, connected
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import Scope, dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import is_a

from ._history_reads import CALLBACK, HOOK
from ._layer_classes import LayerClasses, receiver

LOGS = Rule(
    "KM720",
    "callback-logs",
    "Call the last parameter of a callback's batch methods logs",
    'Keras passes it by name: on_batch_end(self, b, l) raises "on_batch_end() got an unexpected'
    " keyword argument 'logs'\". Keras 3 does so in every method for batches, tf_keras in"
    " on_batch_begin and on_batch_end (callback_list.py, callbacks.py).",
    examples=(
        Example(
            "from keras.callbacks import Callback\n\n\n"
            "class Losses(Callback):\n"
            "    def on_batch_end(self, b, l={}):\n        print(l.get('loss'))\n",
            "from keras.callbacks import Callback\n\n\n"
            "class Losses(Callback):\n"
            "    def on_batch_end(self, b, logs={}):\n        print(logs.get('loss'))\n",
        ),
    ),
    untouched=(
        "Methods for epochs and for the whole training; their arguments come by position.",
        "Methods of classes that are not known to derive from a Keras callback.",
        "Methods in which logs already means something else; they are reported.",
    ),
)
MODEL_SET = Rule(
    "KM721",
    "callback-model",
    "Give a callback its model through ._model where .model is read-only",
    "In Keras 3 .model of a callback is a property over ._model: self.model = x raises"
    " \"property 'model' of 'X' object has no setter\".",
    examples=(
        Example(
            "from keras.callbacks import ModelCheckpoint\n\n\n"
            "class Inner(ModelCheckpoint):\n"
            "    def set_model(self, model):\n        self.model = model.layers[-2]\n",
            "from keras.callbacks import ModelCheckpoint\n\n\n"
            "class Inner(ModelCheckpoint):\n"
            "    def set_model(self, model):\n        self._model = model.layers[-2]\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.", "Classes that define model themselves."),
)
VALIDATION = Rule(
    "KM722",
    "callback-validation-data",
    "Report a callback that expects Keras to give it the validation data",
    "Standalone Keras set validation_data on every callback. tf.keras never did: there, and in"
    " tf_keras, it is None; in Keras 3 it raises \"'X' object has no attribute"
    " 'validation_data'\".",
    Safety.NONE,
)
PARAMS = Rule(
    "KM723",
    "callback-params",
    "Read the parameters of a run under their names of today",
    "self.params of a callback has the keys 'epochs', 'steps' and 'verbose' in Keras 3 and in"
    " tf_keras. Others, such as 'nb_epoch' or 'samples', raise KeyError.",
    examples=(
        Example(
            "from keras.callbacks import Callback\n\n\n"
            "class Last(Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n"
            "        print(epoch + 1 == self.params['nb_epoch'])\n",
            "from keras.callbacks import Callback\n\n\n"
            "class Last(Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n"
            "        print(epoch + 1 == self.params['epochs'])\n",
        ),
    ),
    untouched=("Callbacks that are given parameters by the project itself.",),
)
DUCK = Rule(
    "KM724",
    "callback-without-base",
    "Report a callback that does not derive from Callback",
    "Keras calls set_model and set_params on every callback: \"'X' object has no attribute"
    " 'set_model'\".",
    Safety.NONE,
)

_BATCH_2 = frozenset(("on_batch_begin", "on_batch_end"))
_BATCH_3 = _BATCH_2 | {
    f"on_{mode}_batch_{when}" for mode in ("train", "test", "predict") for when in ("begin", "end")
}
#: Keys of ``params`` that are gone (callbacks.py of 1.2.2 and 2.2.4), and what to use instead.
_GONE = {
    "nb_sample": "len() of the data",
    "samples": "len() of the data",
    "metrics": "the keys of logs",
    "do_validation": "whether logs has keys that begin with val_",
    "batch_size": "an argument of the callback's own",
}


def _given(tree: ast.Module) -> frozenset[str]:
    """Return the keys of every dictionary of a file."""
    return frozenset(
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    )


#: Keys that files which give callbacks their parameters themselves may give them.
_OWN_PARAMS = FileFacts(_given, lambda data: b"set_params(" in data, frozenset[str]())


class CallbackClasses(Transform):
    """Brings callbacks of one's own up to date."""

    rules = (LOGS, MODEL_SET, VALIDATION, PARAMS, DUCK)
    order = 45

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._renamed: dict[cst.CSTNode, str] = {}
        self._owners: list[cst.ClassDef] = []
        self._functions: list[cst.FunctionDef] = []
        self._stored: set[cst.CSTNode] = set()
        self._reported: set[cst.ClassDef] = set()
        self._keys: dict[cst.CSTNode, str] = {}

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    def _is_callback(self, node: cst.ClassDef) -> bool:
        return self.context.values.derives(node, CALLBACK)

    def _self(self, node: cst.BaseExpression) -> cst.ClassDef | None:
        """Return the callback class of which an expression is the instance in its methods."""
        if not (isinstance(node, cst.Name) and self._owners and self._functions):
            return None
        owner = self._owners[-1]
        method = self._methods_of(owner)
        if method is None or receiver(method) != node.value or not self._is_callback(owner):
            return None
        return owner

    def _methods_of(self, owner: cst.ClassDef) -> cst.FunctionDef | None:
        """Return the method of a class that the walk is in."""
        own = set(self._classes.methods(owner).values())
        return next((each for each in reversed(self._functions) if each in own), None)

    # -- the walk ----------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._owners.append(node)
        if not self._is_callback(node):
            return
        names = _BATCH_3 if self.context.target.api >= 3 else _BATCH_2
        for name, method in self._classes.methods(node).items():
            if name in names:
                self._parameter(method, f"{name}()", method.params, 2)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._owners.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._functions.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._functions.pop()
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        self._duck(node)
        found = callee(self.context.names, node)
        if (
            self.context.target.api >= 3
            and found is not None
            and found.path == "keras.callbacks.LambdaCallback"
        ):
            for arg in node.args:
                name = arg.keyword.value if arg.keyword is not None else ""
                if name in _BATCH_3 and isinstance(arg.value, cst.Lambda):
                    self._parameter(arg.value, f"{name}=", arg.value.params, 1)
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value == "get" and node.args:
            self._params(func.value, node.args[0].value)

    def visit_Subscript(self, node: cst.Subscript) -> None:
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            self._params(node.value, node.slice[0].slice.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        if isinstance(node.target, cst.Tuple | cst.List):
            self._stored.update(each.value for each in node.target.elements)
        else:
            self._stored.add(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._stored.add(node.target)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        new = self._renamed.get(original_node)
        return updated_node if new is None else updated_node.with_changes(value=new)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        new = self._keys.get(original_node)
        if new is None:
            return updated_node
        quote = f"{original_node.prefix}{original_node.quote}"
        return updated_node.with_changes(value=f"{quote}{new}{original_node.quote}")

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        name = original_node.attr.value
        if name == "model" and original_node in self._stored:
            return self._model(original_node, updated_node)
        if name == "validation_data" and original_node not in self._stored:
            self._validation(original_node)
        return updated_node

    # -- the rules ---------------------------------------------------------------------------

    def _parameter(
        self,
        function: cst.FunctionDef | cst.Lambda,
        what: str,
        params: cst.Parameters,
        index: int,
    ) -> None:
        """Rename the parameter that takes the logs, and what uses it."""
        known = list(params.params)
        if (
            len(known) <= index
            or params.posonly_params
            or params.star_kwarg is not None
            or isinstance(params.star_arg, cst.Param)
            or any(each.name.value == "logs" for each in (*known, *params.kwonly_params))
        ):
            return
        old = known[index].name.value
        nodes = self._uses(function, known[index], old)
        message = f"{what}: its argument logs comes by name, the parameter is called {old}"
        if nodes is None:
            self.context.report(
                LOGS,
                known[index],
                message,
                advice="call it logs, and what is called logs there something else",
            )
        elif self.context.report(LOGS, known[index], message, fix=True):
            self._renamed.update(dict.fromkeys(nodes, "logs"))

    def _uses(
        self, function: cst.FunctionDef | cst.Lambda, param: cst.Param, name: str
    ) -> list[cst.CSTNode] | None:
        """Return every place that has the name of a parameter; None if it cannot be renamed."""
        names = self.context.names
        scope = names.scope_of[function]
        nodes: list[cst.CSTNode] = []
        for binding in scope.bindings.get(name, []):
            node = param.name if binding.node is param else binding.node
            if not isinstance(node, cst.Name) or binding.declared:
                return None
            nodes.append(node)
        for node, reference in names.references.items():
            if reference.name == "logs" and _is_inside(reference.scope, scope):
                return None
            found = reference.scope.lookup(name) if reference.name == name else None
            if found is not None and found[0] is scope:
                while isinstance(node, cst.Attribute):
                    node = node.value
                nodes.append(node)
        bound = (s for s in names.scope_of.values() if _is_inside(s, scope))
        return None if any("logs" in each.bindings for each in bound) else nodes

    def _model(self, original: cst.Attribute, updated: cst.Attribute) -> cst.Attribute:
        if self.context.target.api < 3:
            return updated
        owner = self._self(original.value)
        if owner is None:
            self._model_of_other(original)
            return updated
        if any(
            "model" in self._classes.methods(each) or _class_attribute(each, "model")
            for each in self._classes.ancestors(owner)
        ):
            return updated
        if not self.context.report(
            MODEL_SET, original, "the model of a callback is read-only", fix=True
        ):
            return updated
        return updated.with_changes(attr=cst.Name("_model"))

    def _model_of_other(self, node: cst.Attribute) -> None:
        kind = self.context.values.instance(node.value)
        if kind is None or not is_a(kind, CALLBACK):
            return
        code = self.context.module.code_for_node(node.value)
        self.context.report(
            MODEL_SET,
            node,
            f"{code}.model cannot be assigned to: it is a property without a setter",
            advice=f"call {code}.set_model(...)",
        )

    def _validation(self, node: cst.Attribute) -> None:
        owner = self._self(node.value)
        if owner is None or owner in self._reported:
            return
        related = self._classes.relatives(owner)
        parents = [parent for each in related for parent in self._classes.parents(each)]
        if (
            self._classes.attribute(owner, "validation_data")
            or any(not isinstance(parent, str | cst.ClassDef) for parent in parents)
            or any(
                "validation_data" in self._classes.methods(each)
                or _class_attribute(each, "validation_data")
                for each in related
            )
            or any(
                reference.stored and reference.attributes[-1:] == ("validation_data",)
                for reference in self.context.names.references.values()
            )
        ):
            return
        self._reported.add(owner)
        target = self.context.target
        effect = "raises AttributeError" if target.api >= 3 else "is always None"
        self.context.report(
            VALIDATION,
            node,
            f"{owner.name.value}: validation_data {effect} in {target.name} (Keras {target.api})",
            advice="give the validation data to the callback's own __init__",
        )

    def _params(self, value: cst.BaseExpression, key_node: cst.BaseExpression) -> None:
        if not isinstance(value, cst.Attribute) or value.attr.value != "params":
            return
        owner = self._self(value.value)
        key = string(key_node)
        if (
            owner is None
            or not isinstance(key_node, cst.SimpleString)
            or (key != "nb_epoch" and key not in _GONE)
            or self._classes.attribute(owner, "params")
            or any("set_params" in self._classes.methods(c) for c in self._classes.relatives(owner))
            or key in self._own_params
        ):
            return
        if key == "nb_epoch":
            if self.context.report(PARAMS, key_node, "params['nb_epoch'] is 'epochs'", fix=True):
                self._keys[key_node] = "epochs"
            return
        assert key is not None
        self.context.report(
            PARAMS,
            key_node,
            f"the params of a callback have no {key!r} any more",
            advice=f"use {_GONE[key]}",
        )

    @cached_property
    def _own_params(self) -> frozenset[str]:
        """Keys that the project itself may put into the parameters of callbacks."""
        view = self.context.view
        found: set[str] = set()
        if "set_params(" in self.context.code:
            found |= _OWN_PARAMS.of_text(self.context.code)
        for path in connected(view.project, view.path):
            found |= _OWN_PARAMS.of(view.project, path)
        return frozenset(found)

    def _duck(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in ("fit", "fit_generator"):
            return
        value = next(
            (a.value for a in node.args if a.keyword and a.keyword.value == "callbacks"), None
        )
        if isinstance(value, cst.Name):
            bindings = self.context.names.bindings(value)
            value = bindings[0].value if len(bindings) == 1 else None
        if not isinstance(value, cst.List | cst.Tuple):
            return
        for element in value.elements:
            owner = self._plain_class(element.value)
            if owner is not None and owner not in self._reported:
                self._reported.add(owner)
                self.context.report(
                    DUCK,
                    owner.name,
                    f"{owner.name.value} is used as a callback and does not derive from Callback",
                    advice="derive it from keras.callbacks.Callback",
                    confidence=Confidence.LIKELY,
                    severity=Severity.ERROR,
                )

    def _plain_class(self, node: cst.BaseExpression) -> cst.ClassDef | None:
        """Return the class of an instance if it has hooks, and nothing from a base class."""
        if isinstance(node, cst.Name):
            bindings = self.context.names.bindings(node)
            made = bindings[0].value if len(bindings) == 1 else None
            return self._plain_class(made) if isinstance(made, cst.Call) else None
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
            return None
        bindings = self.context.names.bindings(node.func)
        if len(bindings) != 1 or not isinstance(bindings[0].node, cst.ClassDef):
            return None
        owner = bindings[0].node
        methods = self._classes.methods(owner)
        if any(dotted(base.value) != ("object",) for base in owner.bases) or owner.keywords:
            return None
        hooks = any(HOOK.fullmatch(name) for name in methods)
        return owner if hooks and not methods.keys() & {"set_model", "__getattr__"} else None


def _is_inside(scope: Scope | None, outer: Scope) -> bool:
    while scope is not None:
        if scope is outer:
            return True
        scope = scope.parent
    return False


def _class_attribute(node: cst.ClassDef, name: str) -> bool:
    """Tell whether the body of a class assigns a name."""
    for line in node.body.body:
        for each in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(each, cst.Assign) and any(
                dotted(target.target) == (name,) for target in each.targets
            ):
                return True
            if isinstance(each, cst.AnnAssign) and dotted(each.target) == (name,):
                return True
    return False

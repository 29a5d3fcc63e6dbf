"""Sessions, graphs and placeholders of TensorFlow 1 around Keras: what happens, what to write."""

from __future__ import annotations

import re
from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Rule
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Transform
from kerasmigrate.walking import walk

from . import _tensorflow1 as tf1
from . import tf_layers_table
from ._graph_uses import GraphUses
from .gpu_memory import growths
from .tf_graphs_rules import (
    DEFAULT_GRAPH,
    ESTIMATOR,
    FED_PHASE,
    GRAPH,
    INITIALIZER,
    ITERATOR,
    OPTIMIZER,
    PLACEHOLDER,
    RULES,
    SESSION,
    SUMMARY,
    UPDATES,
)

#: Words of every pattern; files without any of them are not looked at.
_WORDS = re.compile(
    r"Session|placeholder|_graph\b|Graph\b|as_default|updates|UPDATE_OPS|Optimizer|_initializer"
    r"|initialize_all|Summary|FileWriter|merge_all|_iterator|learning_phase|estimator|disable_"
    r"|get_collection|variable_scope|get_variable|_variables|_cross_entropy|mean_squared_error"
)
_INITIALIZERS = ("global_variables_initializer", "initialize_all_variables")
_DATA = (["datasets"], ["preprocessing"], ["utils"])
_SESSIONS = ("Session", "InteractiveSession")
_ITERATORS = frozenset(("make_one_shot_iterator", "make_initializable_iterator"))
_SUMMARIES = frozenset(("Summary", "summary.FileWriter", "summary.merge_all"))
#: Names that only a graph needs, and that TensorFlow 2 does not have.
_GRAPH_NAMES = frozenset(
    (
        "placeholder",
        "placeholder_with_default",
        "variable_scope",
        "get_variable",
        "get_collection",
        "GraphKeys.UPDATE_OPS",
        "trainable_variables",
        "global_variables",
        "losses.sigmoid_cross_entropy",
        "losses.softmax_cross_entropy",
        "losses.sparse_softmax_cross_entropy",
        "losses.mean_squared_error",
    )
)
_TAPE = (
    "with tf.GradientTape() as tape: loss = loss_fn(y, model(x, training=True)); then"
    " optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables),"
    " model.trainable_variables)) with an optimizer of keras.optimizers"
)
_EAGER = "call the model on arrays, model(x, training=False) or model.predict(x), without a session"
_KEEP = (
    "; to keep the graph, import tensorflow.compat.v1 as tf, call tf.disable_v2_behavior() first"
    " and set TF_USE_LEGACY_KERAS=1"
)
_FEATURES = (
    "call the model on the images themselves, output = model(images, training=False); the features"
    " of one layer come from keras.Model(model.inputs, model.get_layer(name).output)"
)


class GraphPatterns(Transform):
    """Reports what TensorFlow 1 code does around Keras models."""

    rules = RULES
    order = 45

    # -- what is known -----------------------------------------------------------------------

    @cached_property
    def _uses(self) -> GraphUses:
        return GraphUses(self.context)

    @cached_property
    def _for_memory(self) -> frozenset[cst.CSTNode]:
        """Sessions and configurations that another rule takes out."""
        return frozenset(node for each in growths(self.context) for node in each.nodes)

    @cached_property
    def _parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        return tf1.parents(self.context.module)

    @cached_property
    def _keeps(self) -> bool:
        """Whether the graphs stay, in a target that works in them."""
        return self.context.target.api < 3 and tf1.keeps_graphs(self.context)

    @cached_property
    def _has_keras(self) -> bool:
        """Whether the file uses more of Keras than its data and helpers."""
        return any(
            symbol.path.split(".")[1:2] not in _DATA for _, symbol in self.context.names.symbols()
        )

    def _concerned(self) -> bool:
        """Tell whether the file has Keras or tf.layers, and words that this is about."""
        if _WORDS.search(self.context.code) is None:
            return False
        return self._has_keras or self._has_layers

    @cached_property
    def _has_layers(self) -> bool:
        """Whether the file uses tf.layers."""
        return "layers" in self.context.code and any(
            tf_layers_table.member(tf1.tensorflow_name(self.context.names, node)) is not None
            for node in self.context.names.references
        )

    @cached_property
    def _said(self) -> set[Rule]:
        return set()

    def _say(
        self,
        rule: Rule,
        node: cst.CSTNode,
        message: str,
        advice: str,
        *,
        warning: bool = False,
        unsure: bool = False,
    ) -> None:
        self._said.add(rule)
        self.context.report(
            rule,
            node,
            message,
            advice=advice,
            severity=Severity.WARNING if warning else None,
            confidence=Confidence.LIKELY if unsure else Confidence.CERTAIN,
        )

    @property
    def _keep(self) -> str:
        return _KEEP if self.context.target.api < 3 else ""

    # -- the walk ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        if not self._concerned():
            return
        for call in self._uses.calls:
            self._call(call)
        for each in self._uses.nodes:
            if isinstance(each, cst.With):
                self._with(each)
            elif isinstance(each, cst.Attribute):
                self._attribute(each)
        self._program()

    def _call(self, call: cst.Call) -> None:
        name = self._uses.tensorflow(call)
        if call in self._for_memory:
            return
        if name in _SESSIONS:
            self._session(call)
        elif name in _INITIALIZERS:
            self._initializer(call)
        elif name == "get_default_graph":
            self._default_graph(call)
        elif self._uses.is_optimizer(call):
            self._optimizer(call)
        elif name is None or self.context.symbol(call.func) is not None:
            self._keras_call(call)
            self._method(call)

    # -- sessions ----------------------------------------------------------------------------

    def _session(self, call: cst.Call) -> None:
        if self._keeps:
            self._new_session(call)
        elif self._is_handed_to_keras(call):
            self._say(
                SESSION,
                call,
                "this session is made for Keras, which runs without one",
                "leave it out, and its tf.ConfigProto; instead of allow_growth: for gpu in"
                " tf.config.list_physical_devices('GPU'):"
                " tf.config.experimental.set_memory_growth(gpu, True)",
            )
        elif self._runs_keras(call):
            self._say(SESSION, call, "this session runs Keras layers", _EAGER + self._keep)

    def _new_session(self, call: cst.Call) -> None:
        """Report a session that begins behind weights that were loaded in another one."""
        block = self._block(call)
        if block is None or not self._uses.runs_model(block) or self._is_handed_to_keras(call):
            return
        inside = {id(each) for each in walk(block)}
        loads = [each for each in self._uses.calls if self._loads(each)]
        if loads and not any(id(each) in inside for each in loads):
            self._say(
                SESSION,
                call,
                "a new session knows nothing of the weights that were loaded before it",
                "load them inside it, or hand it to tf.compat.v1.keras.backend.set_session()"
                " before the model is made",
                warning=True,
            )

    def _kept_as(self, call: cst.CSTNode) -> tuple[str, ...] | None:
        """Return the name that a call is kept under, by assignment or ``with``."""
        parent = self._parents.get(call)
        if isinstance(parent, cst.Assign) and len(parent.targets) == 1:
            return dotted(parent.targets[0].target)
        if isinstance(parent, cst.WithItem) and parent.asname is not None:
            return dotted(parent.asname.name)
        return None

    def _is_handed_to_keras(self, call: cst.Call) -> bool:
        kept = self._kept_as(call)
        for each in self._uses.calls:
            symbol = self.context.symbol(each.func)
            if symbol is None or symbol.path.rpartition(".")[2] != "set_session":
                continue
            for arg in each.args:
                if arg.value is call or (kept is not None and dotted(arg.value) == kept):
                    return True
        return False

    def _runs_keras(self, call: cst.Call) -> bool:
        block = self._block(call)
        if block is not None and (
            self._uses.runs_model(block) or self._uses.mentions_tensor(block)
        ):
            return True
        kept = self._kept_as(call)
        return any(
            isinstance(each.func, cst.Attribute)
            and each.func.attr.value == "run"
            and dotted(each.func.value) == kept
            and any(self._uses.mentions_tensor(arg.value) for arg in each.args)
            for each in self._uses.calls
            if kept is not None
        )

    def _block(self, call: cst.Call) -> cst.BaseSuite | None:
        """Return the block of the ``with`` that a session, or its ``as_default()``, opens."""
        node: cst.CSTNode | None = call
        for _ in range(3):
            node = self._parents.get(node) if node is not None else None
            if isinstance(node, cst.WithItem):
                outer = self._parents.get(node)
                return outer.body if isinstance(outer, cst.With) else None
        return None

    # -- graphs --------------------------------------------------------------------------------

    def _default_graph(self, call: cst.Call) -> None:
        if self._keeps or not self._has_keras:
            return
        kept = self._kept_as(call)
        if kept is None or not any(
            isinstance(each.func, cst.Attribute)
            and each.func.attr.value == "as_default"
            and dotted(each.func.value) == kept
            for each in self._uses.calls
        ):
            return
        self._say(
            DEFAULT_GRAPH,
            call,
            f"{'.'.join(kept)} keeps the graph of a model, and models have none",
            "leave it out, and every with block around it: a model can be called from any thread",
        )

    def _with(self, node: cst.With) -> None:
        if self._keeps:
            return
        for item in node.items:
            call = item.item
            if (
                not isinstance(call, cst.Call)
                or not isinstance(call.func, cst.Attribute)
                or call.func.attr.value != "as_default"
            ):
                continue
            graph = call.func.value
            fresh = self._uses.tensorflow(graph) in ("Graph", "get_default_graph")
            if not fresh and dotted(graph) not in self._uses.graphs:
                continue
            if self._uses.runs_model(node.body) or self._uses.mentions_tensor(node.body):
                self._say(
                    DEFAULT_GRAPH,
                    call,
                    "a Keras model cannot run inside a graph that is entered here",
                    "take the code out of the with block",
                )

    # -- weights -------------------------------------------------------------------------------

    def _initializer(self, call: cst.Call) -> None:
        loads = [each for each in self._uses.calls if self._loads(each)]
        here = self._function(call)
        line = self.context.positions[call].start.line
        before = [
            each
            for each in loads
            if self._function(each) is not here or self.context.positions[each].start.line < line
        ]
        if not before:
            return
        same = any(self._function(each) is here for each in before)
        first = self.context.positions[before[0]].start.line
        advice = "leave it out: variables have their values from the moment they are made"
        if self._keeps:
            advice = (
                "initialize the other variables alone: own = {id(v) for v in model.weights}; then"
                " tf.variables_initializer([v for v in tf.global_variables() if id(v) not in own]);"
                " or load the weights after it"
            )
        self._say(
            INITIALIZER,
            call,
            f"the weights that line {first} loads become random numbers again",
            advice,
            warning=not same,
            unsure=not same,
        )

    def _loads(self, call: cst.Call) -> bool:
        symbol = self.context.symbol(call.func)
        if symbol is not None:
            leaf = symbol.path.rpartition(".")[2]
            if symbol.path.startswith("keras.applications.") and leaf[:1].isupper():
                given = [a.value for a in call.args if a.keyword and a.keyword.value == "weights"]
                return not given or literals.plain(given[0]) is not None
            return leaf == "load_model"
        return (
            isinstance(call.func, cst.Attribute)
            and call.func.attr.value in ("load_weights", "set_weights")
            and (self._uses.is_model(call.func.value) or self._uses.is_part(call.func.value))
        )

    def _function(self, node: cst.CSTNode) -> cst.CSTNode | None:
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, cst.FunctionDef | cst.Lambda):
                return node
        return None

    # -- optimizers ------------------------------------------------------------------------------

    def _optimizer(self, call: cst.Call) -> None:
        name = (self._uses.tensorflow(call) or "").removeprefix("train.")
        kept = self._kept_as(call)
        keras = f"keras.optimizers.{name.removesuffix('Optimizer')}"
        if f"keras.optimizers.{name.removesuffix('Optimizer')}" not in self.context.inventory:
            keras = "keras.optimizers.SGD"
        compiled = self._is_compiled(call, kept)
        if compiled and not self._keeps:
            self._say(
                OPTIMIZER,
                call,
                f"compile() does not take tf.train.{name}",
                f"write {keras}(learning_rate); its epsilon was 1e-8 if it is Adam",
            )
            return
        minimize = self._minimized(call, kept)
        if minimize is None or compiled:
            return
        chosen = any(arg.keyword and arg.keyword.value == "var_list" for arg in minimize.args)
        frozen = self._frozen()
        if frozen and not chosen and self._has_keras:
            advice = (
                "minimize(loss, var_list=model.trainable_weights), with the models to train"
                if self._keeps
                else _TAPE
            )
            self._say(
                OPTIMIZER,
                minimize,
                f"trainable = False of line {frozen} means nothing to tf.train.{name}: it trains"
                " every variable of the graph",
                advice,
                warning=self._keeps,
            )
        elif not self._keeps and any(
            self._uses.mentions_tensor(arg.value) for arg in minimize.args
        ):
            self._say(OPTIMIZER, call, f"tf.train.{name} trains Keras layers", _TAPE + self._keep)

    def _is_compiled(self, call: cst.Call, kept: tuple[str, ...] | None) -> bool:
        return any(
            isinstance(each.func, cst.Attribute)
            and each.func.attr.value == "compile"
            and self._uses.is_model(each.func.value)
            and any(
                arg.value is call or (kept is not None and dotted(arg.value) == kept)
                for arg in each.args
            )
            for each in self._uses.calls
        )

    def _minimized(self, call: cst.Call, kept: tuple[str, ...] | None) -> cst.Call | None:
        for each in self._uses.calls:
            if isinstance(each.func, cst.Attribute) and each.func.attr.value == "minimize":
                made = each.func.value
                if made is call or (kept is not None and dotted(made) == kept):
                    return each
        return None

    def _frozen(self) -> int:
        """Return the line where a Keras model or layer is frozen, or 0."""
        for each in self._uses.nodes:
            if isinstance(each, cst.Assign) and literals.plain(each.value) is False:
                for target in each.targets:
                    place = target.target
                    if isinstance(place, cst.Attribute) and place.attr.value == "trainable":
                        return self.context.positions[each].start.line
            elif isinstance(each, cst.Call) and self.context.symbol(each.func) is not None:
                for arg in each.args:
                    if (
                        arg.keyword is not None
                        and arg.keyword.value == "trainable"
                        and literals.plain(arg.value) is False
                    ):
                        return self.context.positions[each].start.line
        return 0

    # -- calls of Keras ----------------------------------------------------------------------------

    def _keras_call(self, call: cst.Call) -> None:
        symbol = self.context.symbol(call.func)
        path = symbol.path if symbol is not None else ""
        if path == "keras.estimator.model_to_estimator" and self.context.target.api < 3:
            self._say(
                ESTIMATOR,
                call.func,
                "model_to_estimator() is not available any more",
                "train the model itself: model.fit(dataset, epochs=...)",
            )
        if path == "keras.backend.function" and self.context.target.api < 3 and not self._keeps:
            self._function_of_phase(call)
        for arg in call.args:
            if not self._is_placeholder(arg.value):
                continue
            word = arg.keyword.value if arg.keyword is not None else ""
            if word == "input_tensor" and path.startswith("keras.applications."):
                if not self._keeps:
                    message = "input_tensor= is a placeholder"
                    self._say(PLACEHOLDER, arg.value, message, _FEATURES + self._keep)
            elif word == "tensor" and path in ("keras.layers.Input", "keras.Input"):
                if not self._keeps:
                    self._say(
                        PLACEHOLDER,
                        arg.value,
                        "an input of Keras is made from a placeholder",
                        "write keras.Input(shape=..., dtype=...), without the batch dimension, and"
                        " train with model.fit() or tf.GradientTape" + self._keep,
                    )
            elif not word and symbol is None and self._uses.is_model(call.func):
                advice = _FEATURES
                if self._keeps:
                    advice = "in a graph, hand the placeholder to the model: input_tensor="
                self._say(
                    PLACEHOLDER,
                    call,
                    f"{self.context.module.code_for_node(call.func)} builds its graph a second"
                    " time, for this placeholder, beside the one that it has",
                    advice,
                    warning=self._keeps,
                )

    def _is_placeholder(self, node: cst.BaseExpression) -> bool:
        return dotted(node) in self._uses.placeholders or self._uses.tensorflow(node) in (
            "placeholder",
            "placeholder_with_default",
        )

    def _function_of_phase(self, call: cst.Call) -> None:
        for node in walk(call):
            if isinstance(node, cst.Call):
                symbol = self.context.symbol(node.func)
                if symbol is not None and symbol.path == "keras.backend.learning_phase":
                    self._say(
                        FED_PHASE,
                        node,
                        "the learning phase is no tensor, and no input of a function",
                        "write keras.Model(inputs, outputs), and call it with training=False, or"
                        " True where the function was called with 1",
                    )

    def _method(self, call: cst.Call) -> None:
        func = call.func
        if (
            isinstance(func, cst.Attribute)
            and func.attr.value in _ITERATORS
            and not call.args
            and not self._keeps
        ):
            self._say(
                ITERATOR,
                func,
                f"datasets have no {func.attr.value}() in TensorFlow 2",
                "loop over the dataset: for x, y in dataset: ...; its first batch is"
                " next(iter(dataset))",
            )

    # -- updates ---------------------------------------------------------------------------------

    def _attribute(self, node: cst.Attribute) -> None:
        if node.attr.value == "updates" and self._uses.is_model(node.value):
            reference = self.context.names.references.get(node)
            if reference is not None and reference.stored:
                return
            code = self.context.module.code_for_node(node)
            advice = f"leave it out, with tf.control_dependencies; {_TAPE}"
            if self.context.target.api >= 3:
                waiting = self._waiting(node)
                if waiting is not None:  # elsewhere it is an attribute like others that are gone
                    self._say(UPDATES, waiting, f"there is no {code} to wait for", advice)
                return
            lists = "is empty in eager code"
            if self._keeps:
                lists = "hangs on the input that the model made itself, if it has an input shape"
                advice = "build the model on the tensor that it is trained with: input_tensor="
            self._say(UPDATES, node, f"{code} {lists}", advice, warning=True)
        name = tf1.tensorflow_name(self.context.names, node)
        if name == "GraphKeys.UPDATE_OPS" and not (self._keeps and not self._has_keras):
            message = "no Keras layer puts its updates into this collection"
            advice = f"leave it out, with tf.control_dependencies; {_TAPE}"
            if self.context.target.api < 3 and self._has_layers:
                message += "; functions of tf.layers that stay (KM804) do"
                advice = "keep it for those alone; for Keras layers, l" + advice[1:]
            self._say(UPDATES, node, message, advice)
        if name in _SUMMARIES and self._has_keras and not self._keeps:
            self._say(
                SUMMARY,
                node,
                f"tf.{name} is not in TensorFlow 2",
                "writer = tf.summary.create_file_writer(folder); then with writer.as_default():"
                " tf.summary.scalar(name, value, step=step)",
            )

    def _waiting(self, node: cst.CSTNode) -> cst.Call | None:
        """Return the ``tf.control_dependencies`` call around a node."""
        while node in self._parents and not isinstance(node, cst.BaseStatement):
            node = self._parents[node]
            if self._uses.tensorflow(node) == "control_dependencies":
                assert isinstance(node, cst.Call)
                return node
        return None

    # -- the program as a whole ----------------------------------------------------------------

    def _program(self) -> None:
        """Report once that a graph is built around layers."""
        names = self.context.names
        found: dict[str, cst.CSTNode] = {}
        for node in names.references:
            name = tf1.tensorflow_name(names, node)
            if name is None:
                continue
            if name in ("disable_v2_behavior", "disable_eager_execution"):
                if self.context.target.api >= 3 and self._has_keras:
                    self._say(
                        GRAPH,
                        node,
                        "Keras 3 needs eager code, which this turns off",
                        "leave it out, with the graphs that need it",
                        warning=self._function(node) is not None,
                        unsure=self._function(node) is not None,
                    )
            elif name in _GRAPH_NAMES:
                found.setdefault(name, node)
        if self._keeps or not found or not self._builds_layers():
            return
        if PLACEHOLDER in self._said and set(found) <= {"placeholder"}:
            return  # said where it is used
        first = next(iter(found.values()))
        listed = ", ".join(f"tf.{name}" for name in found)
        self._say(
            GRAPH,
            first,
            f"a graph of TensorFlow 1 is built around Keras layers: {listed}",
            "build a keras.Model from keras.Input, train it with model.fit() or tf.GradientTape,"
            " and call it on arrays" + self._keep,
        )

    def _builds_layers(self) -> bool:
        """Tell whether layers are called on tensors of the graph, or updates are asked for."""
        if not self._has_keras:
            return True
        graph = bool(self._uses.placeholders) or any(
            self._uses.is_optimizer(call) or self._uses.tensorflow(call) in _SESSIONS
            for call in self._uses.calls
        )
        return graph and bool(self._uses.tensors)

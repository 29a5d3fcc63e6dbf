"""Models that share layers and freeze them in turn, as the two models of a GAN do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import libcst as cst

from kerasmigrate import eras
from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, SEQUENTIAL, is_a
from kerasmigrate.versions import plausible
from kerasmigrate.walking import Reader

from ._trainable_states import Object, States, Training
from .inner_layers import WITH_WEIGHTS

_GAN = (
    "from keras.layers import Dense, Input\nfrom keras.models import Model, Sequential\n\n"
    "generator = Sequential([Dense(4, input_shape=(2,))])\n"
    "discriminator = Sequential([Dense(1, input_shape=(4,))])\n"
    "discriminator.compile('sgd', 'mse')\n"
    "discriminator.trainable = False\n"
    "noise = Input((2,))\n"
    "gan = Model(noise, discriminator(generator(noise)))\n"
    "gan.compile('sgd', 'mse')\n\n"
    "for x, y, z, ones in batches:\n"
)
FROZEN = Rule(
    "KM620",
    "trainable-at-compile",
    "Set trainable before each training call to what it was when the model was compiled",
    "Keras 1 and 2 remember at compile() which weights are trainable; a later"
    " discriminator.trainable = False freezes the discriminator in the models that are compiled"
    " after it, and only there. Keras 3 asks when training starts. Measured with Keras 3.15 on the"
    " usual GAN, as the sum of the changes of all weights in one step: the discriminator changes by"
    " 0.0 in its own train_on_batch() (0.26 in Keras 2), and the only sign of it is the warning"
    ' "The model does not have any trainable weights." With the two assignments the numbers are'
    " those of Keras 2, to the last digit, and a step of the combined model leaves the"
    " discriminator alone.",
    Safety.REVIEW,
    examples=(
        Example(
            _GAN + "    discriminator.train_on_batch(x, y)\n    gan.train_on_batch(z, ones)\n",
            _GAN + "    discriminator.trainable = True\n    discriminator.train_on_batch(x, y)\n"
            "    discriminator.trainable = False\n    gan.train_on_batch(z, ones)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Code that sets trainable to the same before it trains, or compiles again.",
        "Models of which only some layers are frozen, or that are trained in other files; they are"
        " reported, because trainable = True would thaw all of their layers.",
    ),
)
REACHES = Rule(
    "KM650",
    "trainable-reaches-layers",
    "Report that trainable of a model is set for its layers as well",
    "In standalone Keras up to 2.3.1, trainable = False froze the model as a whole, and its layers"
    " kept what they had: in another model they went on learning, and layers that were frozen one"
    " by one stayed so when the model was thawed. In tf_keras and Keras 3 the assignment is made to"
    " all layers inside. Measured with two models on one core of Dense(4), the first of them"
    " frozen, in a third that calls both: it trains 4 weights in Keras 1.2.2, 2.0.9, 2.2.4 and"
    " 2.3.1, and 2 in tf_keras 2.21 and Keras 3.15. A Sequential of two Dense whose first is frozen"
    " before the whole is frozen and thawed trains 2 weights there, and 4 here.",
    Safety.NONE,
    untouched=(
        "Code that gets Keras from TensorFlow, where it has been so all along.",
        "Models that share nothing with another one that is compiled while they are frozen.",
        "Parts without weights.",
    ),
    severity=Severity.WARNING,
)
SHARED = Rule(
    "KM621",
    "shared-optimizer",
    "Give each model an optimizer of its own",
    "Since TensorFlow 2.11 an optimizer belongs to the weights that it first sees. The second model"
    ' that is trained with it fails: "Unknown variable: <Variable path=dense/kernel, ...>. This'
    ' optimizer can only be called for the variables it was originally built with." (Keras 3), or'
    " with a KeyError (tf_keras). Keras 1 and 2.3 kept the moments for each model apart, as copies"
    " do.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.models import Sequential\n"
            "from keras.optimizers import SGD\n\n"
            "sgd = SGD()\na = Sequential([Dense(1)])\nb = Sequential([Dense(2)])\n"
            "a.compile(sgd, 'mse')\nb.compile(sgd, 'mse')\na.fit(x, y)\nb.fit(x, z)\n",
            "from keras.layers import Dense\nfrom keras.models import Sequential\n"
            "from keras.optimizers import SGD\n\n"
            "sgd = SGD()\na = Sequential([Dense(1)])\nb = Sequential([Dense(2)])\n"
            "a.compile(sgd, 'mse')\nb.compile(sgd.from_config(sgd.get_config()), 'mse')\n"
            "a.fit(x, y)\nb.fit(x, z)\n",
        ),
    ),
    untouched=(
        "Optimizers given by name, or made in the call of compile.",
        "Models that are not trained in the same file, and a model that is compiled again.",
    ),
)


class TrainableModels(Transform):
    """Keeps what compile() saw of ``trainable``, and optimizers apart."""

    rules = (FROZEN, SHARED, REACHES)
    #: Behind everybody else, because it puts statements in front of others.
    order = 95

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._lines: dict[cst.CSTNode, list[str]] = {}
        self._copied: set[cst.CSTNode] = set()

    @cached_property
    def _states(self) -> States:
        return States(self.context)

    def visit_Module(self, node: cst.Module) -> None:
        code = self.context.code
        if "compile(" not in code:
            return
        if ".trainable" in code:
            self._check_reach()
            if self.context.target.api >= 3 and not eras.is_keras_3(self.context.names):
                self._check_trainings()
                self._check_abandoned()
        if not any(f"{each}(" in code for each in ("fit", "on_batch")):
            return
        if code.count("compile(") > 1 and "optimizers" in code:
            self._check_optimizers()

    # -- trainable ---------------------------------------------------------------------------

    def _check_trainings(self) -> None:
        trainings = self._states.trainings
        contested = {each for training in trainings for each in training.wrong}
        if not contested:
            return
        involved = [each for each in trainings if contested & set(each.wanted)]
        reason = self._reason(involved, contested)
        if reason:
            self._report(involved, reason)
            return
        planner = _Planner(self._states, involved, contested)
        planner.visit(self.context.module)
        for statement, lines in planner.lines.items():
            training = planner.trainings[statement]
            if self.context.report(FROZEN, training.call, self._message(training, lines), fix=True):
                self._lines[statement] = lines

    def _check_abandoned(self) -> None:
        """Report models that stand still by the time that other files may train them."""
        for statement in self._states.abandoned:
            name = self._name(statement)
            self.context.report(
                FROZEN,
                statement,
                f"{name} was compiled when it could learn, and Keras 3 asks when training starts:"
                " code elsewhere that trains it changes nothing",
                advice=f"set {name}.trainable = True before it is trained, and False again before"
                " the models that have it inside are",
                confidence=Confidence.LIKELY,
            )

    def _name(self, statement: cst.BaseStatement) -> str:
        """Return what a statement sets ``trainable`` of."""
        code = self.context.module.code_for_node(statement).strip().splitlines()[-1]
        return code.partition(".trainable")[0].strip()

    def _check_reach(self) -> None:
        """Report models that are frozen or thawed together with layers that were apart."""
        if not any(each.startswith("keras-") for each in plausible(self.context.names, "keras")):
            return
        said: set[cst.BaseStatement] = set()
        for reached in self._states.reached:
            weighty = [each for each in reached.parts if self._has_weights(each)]
            if not weighty or not self._has_weights(reached.model) or reached.statement in said:
                continue
            said.add(reached.statement)
            name = self._name(reached.statement)
            if reached.state:
                what = f"{name}.trainable = True thaws layers that were frozen one by one, too"
                advice = "set trainable = False of these layers again behind it"
            else:
                what = f"{name}.trainable = False freezes layers that another model trains, too"
                advice = (
                    "set trainable = False only of the layers that the other model does not have"
                )
            self.context.report(
                REACHES, reached.statement, what, advice=advice, confidence=Confidence.LIKELY
            )

    def _has_weights(self, each: Object) -> bool:
        """Tell whether something is certainly a model, or a layer that has weights."""
        made = each.made
        found = callee(self.context.names, made) if isinstance(made, cst.Call) else None
        if found is None:
            return False
        home = self.context.imports.locate(found.path).path
        return home in WITH_WEIGHTS or is_a(found.path, MODEL) or is_a(found.path, SEQUENTIAL)

    def _message(self, training: Training, lines: Sequence[str]) -> str:
        model = self.context.module.code_for_node(training.call.func)
        return f"{model}() would train other weights than compile() saw; now {', '.join(lines)}"

    def _reason(self, involved: Sequence[Training], contested: set[Object]) -> str:
        """Say why the assignments cannot be written; nothing when they can."""
        written: dict[cst.Call, dict[str | None, bool]] = {}
        for training in involved:
            needs = {each: training.wanted[each] for each in contested & set(training.wanted)}
            names = {training.spellings[each]: state for each, state in needs.items()}
            if None in names:
                return "what was frozen has no name here"
            if training.statement is None:
                return "there is no line of its own to write the assignment before"
            if written.setdefault(training.call, names) != names:
                return "the same call trains different models"
            for each, state in needs.items():
                if not self._is_simple(each, training, state):
                    return "some of its layers may have to stay frozen"
        statements = [each.statement for each in involved]
        for one in involved:
            others = [each for each in involved if each.statement is one.statement]
            if any(_conflict(one, other, contested) for other in others):
                return "one statement trains both models"
        return "" if statements else "nothing is trained"

    def _is_simple(self, each: Object, training: Training, state: bool) -> bool:
        """Tell whether all layers of a model are as trainable as the model itself."""
        inner = each.inside() - {each}
        if self._states.loose or any(part.uneven for part in training.model.inside()):
            return False
        if state and any(training.wanted.get(part) is False for part in inner):
            return False
        if each.cls is not None:
            return True
        made = each.made
        return isinstance(made, cst.Call) and self.context.symbol(made.func) is not None

    def _report(self, involved: Sequence[Training], reason: str) -> None:
        reported: set[cst.Call] = set()
        for training in involved:
            if not training.wrong or training.call in reported:
                continue
            reported.add(training.call)
            model = self.context.module.code_for_node(training.call.func)
            named = [
                f"{training.spellings[each] or 'the frozen model'}.trainable ="
                f" {training.wanted[each]}"
                for each in training.wrong
            ]
            lines = "; ".join(sorted(named))
            self.context.report(
                FROZEN,
                training.call,
                f"{model}() trains other weights than compile() saw: Keras 3 asks what is trainable"
                f" when training starts; not fixed: {reason}",
                advice=f"write {lines} before this call, and the opposite before the others that"
                " need it; set the layers that stay frozen again",
                confidence=Confidence.LIKELY,
            )

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        lines = self._lines.get(original_node)
        if not lines:
            return updated_node
        made = [
            cst.ensure_type(cst.parse_statement(each), cst.SimpleStatementLine) for each in lines
        ]
        made[0] = made[0].with_changes(leading_lines=updated_node.leading_lines)
        return cst.FlattenSentinel([*made, updated_node.with_changes(leading_lines=())])

    # -- optimizers --------------------------------------------------------------------------

    def _check_optimizers(self) -> None:
        trained = {each.model for each in self._states.trainings}
        for shared in self._states.shared:
            made = shared.optimizer.made
            symbol = self.context.symbol(made.func) if isinstance(made, cst.Call) else None
            others = [each for each in shared.optimizer.optimized if each is not shared.model]
            if (
                symbol is None
                or not symbol.path.startswith("keras.optimizers.")
                or shared.model not in trained
                or not trained.intersection(others)
                or dotted(shared.argument.value) is None
                or shared.argument in self._copied
            ):
                continue
            name = self.context.module.code_for_node(shared.argument.value)
            if self.context.report(
                SHARED,
                shared.argument.value,
                f"{name} belongs to another model; this one gets a copy",
                fix=True,
            ):
                self._copied.add(shared.argument)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        if original_node not in self._copied:
            return updated_node
        name = self.context.module.code_for_node(updated_node.value)
        return updated_node.with_changes(
            value=cst.parse_expression(f"{name}.from_config({name}.get_config())")
        )


class _Planner(Reader):
    """Decides, block by block, which assignments are missing before which statements."""

    def __init__(
        self, states: States, involved: Sequence[Training], contested: set[Object]
    ) -> None:
        super().__init__()
        self.lines: dict[cst.CSTNode, list[str]] = {}
        self.trainings: dict[cst.CSTNode, Training] = {}
        self._effects = states.effects
        self._contested = contested
        self._around: set[cst.CSTNode] = set()
        for each in involved:
            assert each.statement is not None
            self.trainings.setdefault(each.statement, each)
            self._around |= set(each.around) - {each.statement}

    def visit_Module(self, node: cst.Module) -> None:
        self._block(node.body)

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._block(node.body)

    def _block(self, body: Sequence[cst.CSTNode]) -> None:
        known: dict[Object, bool | None] = {}
        for statement in body:
            training = self.trainings.get(statement)
            if training is not None:
                missing = {
                    training.spellings[each]: training.wanted[each]
                    for each in self._contested & set(training.wanted)
                    if known.get(each) is not training.wanted[each]
                }
                if missing:
                    self.lines[statement] = [
                        f"{name}.trainable = {state}"
                        for name, state in sorted(missing.items(), key=str)
                    ]
                known |= training.wanted
            elif statement in self._around:
                known.clear()
            elif isinstance(statement, cst.SimpleStatementLine | cst.For):
                known |= self._effects.get(statement, {})
            else:
                for each in self._effects.get(statement, {}):
                    known.pop(each, None)


def _conflict(one: Training, other: Training, contested: set[Object]) -> bool:
    return any(
        one.wanted[each] is not other.wanted[each]
        for each in contested & set(one.wanted) & set(other.wanted)
    )

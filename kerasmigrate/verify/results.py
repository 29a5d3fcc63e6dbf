"""What a verification found: one verdict for each file, one piece of evidence for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any


class Verdict(str, Enum):
    """What running one file showed, the good ones first."""

    #: Imports; every model that it builds was built, took a forward pass and was saved and loaded.
    PROVED = "proved"
    #: Imports; builds no model, so there is nothing more to show.
    IMPORTED = "imported"
    #: Runs, but some claim is left open for a reason that is not Keras': a model whose input shape
    #: cannot be told, one whose own classes cannot be serialised, statements that were not reached.
    PARTIAL = "partial"
    #: Keras or TensorFlow refused: a name, an argument or a value that the target does not take.
    KERAS_ERROR = "keras-error"
    #: A third-party package is not installed, or does not work here.
    MISSING_PACKAGE = "missing-package"
    #: Needs a file, a download or a display.
    DATA_ERROR = "data-error"
    #: The user's own code failed, in a way that has nothing to do with Keras.
    USER_ERROR = "user-error"
    #: Builds models only when given arguments that cannot be guessed.
    NEEDS_ARGUMENTS = "needs-arguments"
    #: Not Python 3.
    SYNTAX_ERROR = "syntax-error"
    #: Still running when its time was up.
    TIMEOUT = "timeout"
    #: Died of a signal, a limit or ``os._exit``.
    CRASHED = "crashed"
    #: Was not run.
    NOT_RUN = "not-run"


#: Verdicts that hold as proof.
PROOF = frozenset({Verdict.PROVED, Verdict.IMPORTED})
#: Verdicts of originals whose models are known.
RAN = frozenset({*PROOF, Verdict.PARTIAL, Verdict.NEEDS_ARGUMENTS})


@dataclass(frozen=True)
class ModelEvidence:
    """What was shown of one model.

    Attributes:
        name: The name that Keras gave it.
        where: ``file:line`` of the user's code that built it, relative to the root.
        flavour: Package whose class it is: ``keras``, ``tf_keras``, ``tensorflow.python.keras``.
        layers: Name and class of each layer.
        parameters: Number of scalar weights; None when it is not built.
        input_shapes: With None for a free dimension.
        built: It has its weights.
        forward: It gave outputs for a batch of two.
        trained: One real training step ran; None when the code does not train the model, or when
            the data that stand in for the real ones do not fit it.
        saved: Saved and loaded again, and the copy gives the same outputs.
        saved_as: ``.keras``, ``.h5`` or ``weights`` (a class of the user's that cannot be saved
            whole with any Keras); empty when not saved.
        errors: One line for each step that failed, as (step, cause).
        notes: What else to know, one line each.
    """

    name: str
    where: str
    flavour: str
    class_name: str
    layers: tuple[tuple[str, str], ...] = ()
    parameters: int | None = None
    input_shapes: tuple[tuple[int | None, ...], ...] = ()
    output_shapes: tuple[tuple[int | None, ...], ...] = ()
    built: bool = False
    forward: bool = False
    trained: bool | None = None
    saved: bool = False
    saved_as: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Built, ran forward and survived a save and load."""
        return self.built and self.forward and self.saved

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ModelEvidence:
        """Make one from what the worker sent."""
        return cls(
            name=data["name"],
            where=data["where"],
            flavour=data["flavour"],
            class_name=data["class_name"],
            layers=tuple((name, kind) for name, kind in data["layers"]),
            parameters=data["parameters"],
            input_shapes=tuple(tuple(shape) for shape in data["input_shapes"]),
            output_shapes=tuple(tuple(shape) for shape in data["output_shapes"]),
            built=data["built"],
            forward=data["forward"],
            trained=data["trained"],
            saved=data["saved"],
            saved_as=data["saved_as"],
            errors=tuple((step, cause) for step, cause in data["errors"]),
            notes=tuple(data["notes"]),
        )


class Likeness(str, Enum):
    """How a migrated model compares with the original."""

    #: Everything that was compared is the same, within the tolerances.
    EQUAL = "equal"
    #: At least one difference.
    DIFFERENT = "different"
    #: One of the two is missing or does not run, so there is nothing to compare.
    NOT_COMPARED = "not-compared"


@dataclass(frozen=True)
class Difference:
    """One difference of two models.

    Attributes:
        claim: What differs: ``layers``, ``settings``, ``weights``, ``outputs``, ``loss``,
            ``gradients`` or ``step``.
        layer: Name of the first layer that differs, in the migrated model; the model's own name
            where it is no single layer.
        message: One line, with both values.
    """

    claim: str
    layer: str
    message: str


@dataclass(frozen=True)
class Layer:
    """One layer of a model.

    Attributes:
        kind: Its class, by the name that Keras 2 and 3 use.
        shape: Of its output, with None for a free dimension; empty when it is not known.
        parameters: Number of scalar weights.
        inputs: Names of the layers whose outputs it takes, in their order.
        settings: Meaningful configuration as (name, value) pairs, in names that all versions share.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...] = ()
    parameters: int = 0
    inputs: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class LayerPair:
    """A layer of the original and the one that has taken its place; one of them may be missing.

    Attributes:
        difference: The largest absolute difference of their outputs on the same inputs with the
            same weights; None when it was not measured.
        differs: Something was found to differ here; ``Comparison.differences`` says what.
    """

    original: Layer | None
    migrated: Layer | None
    difference: float | None = None
    differs: bool = False


@dataclass(frozen=True)
class Comparison:
    """A model of the original, and what became of it.

    Attributes:
        cause: Why nothing was compared; one line, else empty.
        name: The migrated model's name; empty when there is none.
        where: ``file:line`` that built the migrated model, relative to the root.
        original_name: The same of the original.
        original_where: The same of the original, in its own tree.
        paired_by: ``place`` in the code, ``name`` or ``structure``; empty without a partner.
        claims: What was compared, in that order: ``layers``, ``settings``, ``weights``,
            ``outputs``, ``loss``, ``gradients``, ``step``.
        not_compared: What could not be, each with its reason, one line each.
        differences: Empty when the two are the same.
        largest: Largest absolute difference of the outputs.
        tolerance: The difference of the outputs that still counts as none.
        dtype: Type of the outputs, such as ``float32``.
        parameters: Number of scalar weights, of the original and of the migrated model.
        loss: Of both, on the same inputs, labels and weights; None when not compiled.
        gradient_norm: Euclidean norm of all gradients of that loss, of both.
        step: Largest absolute difference of the weights after one training step.
        layers: Both architectures, in the order of the original.
        explained_by: Codes of the findings of the migration that speak of it, in this file or in
            one that it imports.
    """

    likeness: Likeness
    cause: str = ""
    name: str = ""
    where: str = ""
    original_name: str = ""
    original_where: str = ""
    paired_by: str = ""
    claims: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    largest: float | None = None
    tolerance: float | None = None
    dtype: str = ""
    parameters: tuple[int, int] | None = None
    loss: tuple[float, float] | None = None
    gradient_norm: tuple[float, float] | None = None
    step: float | None = None
    layers: tuple[LayerPair, ...] = ()
    explained_by: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Comparison:
        """Make one from what the worker sent, or from a report in JSON."""
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in data.items() if name in known}
        for name in ("claims", "not_compared", "explained_by"):
            given[name] = tuple(given.get(name) or ())
        for name in ("parameters", "loss", "gradient_norm"):
            given[name] = tuple(given[name]) if given.get(name) else None
        given["likeness"] = Likeness(given["likeness"])
        given["differences"] = tuple(
            each if isinstance(each, Difference) else Difference(**each)
            for each in given.get("differences") or ()
        )
        given["layers"] = tuple(_layer_pair(each) for each in given.get("layers") or ())
        return cls(**given)


def _layer_pair(data: dict[str, Any]) -> LayerPair:
    return LayerPair(
        original=_layer(data.get("original")),
        migrated=_layer(data.get("migrated")),
        difference=data.get("difference"),
        differs=bool(data.get("differs")),
    )


def _layer(data: dict[str, Any] | None) -> Layer | None:
    if data is None:
        return None
    return Layer(
        name=str(data["name"]),
        kind=str(data["kind"]),
        shape=tuple(data.get("shape") or ()),
        parameters=int(data.get("parameters") or 0),
        inputs=tuple(str(each) for each in data.get("inputs") or ()),
        settings=tuple((str(name), str(value)) for name, value in data.get("settings") or ()),
    )


@dataclass(frozen=True)
class OriginalRun:
    """What running the original of one file showed.

    Attributes:
        display: Its path relative to the root of the original tree.
        models: How many models it built that could be taken down.
    """

    display: str
    verdict: Verdict
    cause: str = ""
    where: str = ""
    models: int = 0
    output: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class FileVerdict:
    """What running one file showed.

    Attributes:
        path: The file, in the user's tree.
        display: Its path relative to the root, with forward slashes.
        cause: One line; empty for ``proved`` and ``imported``.
        where: ``file:line`` in the user's code that the cause points at; may be empty.
        needs: Values for ``builds`` that would build the rest, with the arguments to fill in.
        output: The end of what it printed, kept when the verdict is no proof.
        seconds: Wall time of the child process.
        original: What running the original showed; None without ``--against``.
        comparisons: One for each model of either side; empty without ``--against``.
        cached: It is what an earlier run of the same code has shown; see ``cache.py``.
    """

    path: Path
    display: str
    verdict: Verdict
    cause: str = ""
    where: str = ""
    models: tuple[ModelEvidence, ...] = ()
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    output: str = ""
    seconds: float = 0.0
    original: OriginalRun | None = None
    comparisons: tuple[Comparison, ...] = ()
    cached: bool = False


@dataclass(frozen=True)
class Environment:
    """Where the code ran.

    Attributes:
        network: How the network was closed: ``namespace`` (the kernel) or ``sockets`` (blocked
            inside Python, which native code can get around).
        files: ``read-only`` when the kernel let the children write nowhere but to their scratch
            copy and the temporary folder; ``scratch copy`` when only the copy protects.
        user: ``nobody``, or ``uid N`` when the privileges stayed as they were.
    """

    python: str
    python_version: str
    tensorflow: str
    keras: str
    tf_keras: str
    network: str = ""
    files: str = ""
    user: str = ""


@dataclass(frozen=True)
class OriginalKeras:
    """What the original was run on.

    Attributes:
        against: What was named: a revision, a folder, or ``the last apply``.
        package: ``keras`` or ``tf_keras``.
        version: Such as ``2.2.4``.
        chosen_because: Why it is this one, one line: a pin, the words of the code, ``--original``.
    """

    against: str
    package: str
    version: str
    chosen_because: str
    environment: Environment


@dataclass(frozen=True)
class VerifyReport:
    """The outcome of one verification.

    Attributes:
        original: What the original was run on; None without ``--against``.
        interrupted: Somebody pressed Ctrl-C: the files that were not run yet are ``not-run``.
    """

    target: str
    api: int
    root: Path
    environment: Environment
    files: tuple[FileVerdict, ...] = ()
    seconds: float = 0.0
    #: Names of the flavours that the models of the tree were built with.
    flavours: tuple[str, ...] = field(default=())
    original: OriginalKeras | None = None
    interrupted: bool = False

    @property
    def proved(self) -> bool:
        """Every file is ``proved`` or ``imported``, and every model what it was, if that was asked.

        An original that did not run proves nothing, whether or not models of its are missed.
        """
        if not all(file.verdict in PROOF for file in self.files):
            return False
        if self.original is None:
            return True
        ran = all(file.original is None or file.original.verdict in RAN for file in self.files)
        return ran and all(each.likeness is Likeness.EQUAL for each in self.comparisons)

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """The comparisons of all files, in their order."""
        return [each for file in self.files for each in file.comparisons]

    @property
    def exit_code(self) -> int:
        """0 when the proof holds, else 1, and 130 after Ctrl-C.

        A run that is impossible raises ``VerifyError``, which is 3.
        """
        if self.interrupted:
            return 130
        return 0 if self.proved else 1

    def count(self, verdict: Verdict) -> int:
        """How many files have that verdict."""
        return sum(file.verdict is verdict for file in self.files)

    @property
    def models(self) -> Sequence[ModelEvidence]:
        """The evidence of all files, in their order."""
        return [model for file in self.files for model in file.models]

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that ``json.dump`` takes."""
        data = asdict(self)
        data["root"] = str(self.root)
        data["proved"] = self.proved
        data["exit_code"] = self.exit_code
        for file, entry in zip(self.files, data["files"], strict=True):
            entry["path"] = str(file.path)
            entry["verdict"] = file.verdict.value
        return data

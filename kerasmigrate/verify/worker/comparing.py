"""Compares a migrated model with the portrait of the original: weights carried over, same inputs.

What is compared, in this order: the layers, their settings and those of the optimizer, the shapes
of their weights, the outputs, the loss, its gradients, and the weights after one training step. The
first difference of a kind is told, with both values.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, NamedTuple

from . import batches, nested, portrait, training
from .partners import is_passive, pair

#: Largest difference of two outputs, relative to the largest of them where that is above 1.
#: Measured: float32 arithmetic in another order differs by up to some 1e-6.
TOLERANCE = {"bfloat16": 1e-1, "float16": 1e-2, "float32": 1e-5, "float64": 1e-8}
#: The same for the loss, which is a mean of outputs or sums up penalties.
LOSS_TOLERANCE = 1e-5
#: The same for the norm of the gradients, and for weights after a training step: both divide by
#: small numbers.
STEP_TOLERANCE = 1e-4
#: By how much inputs are moved to see what rounding does: the last digit of a float32. Gradients
#: that are further apart than so many times what that makes of them differ.
ROUNDING, SPREAD = 2.0**-23, 4.0
CLAIMS = ("layers", "settings", "weights", "outputs", "loss", "gradients", "step")


class Difference(NamedTuple):
    """One difference.

    Attributes:
        claim: One of ``CLAIMS``.
        layer: Name of the first layer that differs, in the migrated model; the model's own name
            where it is no single layer.
        message: One line, with both values.
    """

    claim: str
    layer: str
    message: str


class Compared(NamedTuple):
    """What a comparison showed: plain values, named as in ``results.Comparison``.

    Attributes:
        differences: Empty when the two models are the same.
        claims: What was compared, in the order of ``CLAIMS``.
        not_compared: What could not be: ``claim: reason``.
        largest: The largest absolute difference of their outputs; None when they were not compared.
        tolerance: The absolute difference of the outputs that still counts as none.
        dtype: Of the outputs.
        parameters: Of the original, and here.
        loss: The same; None when one of them has none.
        gradient_norm: The same.
        step: Largest absolute difference of the weights after one training step.
        layers: Pairs of ``original`` and ``migrated``, one of which may be None, each with
            ``name``, ``kind``, ``shape``, ``parameters``, ``inputs`` and ``settings`` (names and
            texts); ``difference``, the largest of their outputs, or None; and ``differs``.
    """

    differences: list[Difference]
    claims: list[str]
    not_compared: list[str]
    largest: float | None
    tolerance: float | None
    dtype: str
    parameters: tuple[int, int]
    loss: tuple[float, float] | None
    gradient_norm: tuple[float, float] | None
    step: float | None
    layers: list[dict[str, Any]]


def compare(
    keras: Any, original: dict[str, Any], model: Any, ended: tuple[str, str] = ("", "")
) -> Compared:
    """Compare a model with the original's portrait, whose weights it is given.

    Args:
        keras: The package whose model it is.
        original: What ``portrait.take`` returned in the original's process.
        model: The migrated model; its weights are replaced, and it takes a training step.
        ended: What has ended the runs of the original and of the migrated code early, if something
            has: a model of theirs may not be compiled for that reason.
    """
    major = int(keras.__version__.split(".")[0])
    known = portrait.shapes(model, "inputs")
    if not model.built and original["inputs"] is not None:  # where no layer says what it takes
        with contextlib.suppress(Exception):  # the portrait tells of it
            portrait.outputs(model, original["inputs"])
    own = portrait.parts(model, major)
    return _Comparison(keras, original, model, own, known, ended).run()


class _Comparison:
    """One comparison while it goes on."""

    def __init__(
        self,
        keras: Any,
        original: dict[str, Any],
        model: Any,
        own: list[Any],
        known: Any,
        ended: tuple[str, str],
    ) -> None:
        self.ended = ended
        self.keras, self.original, self.model, self.own = keras, original, model, own
        self.name = str(model.name)
        self.known = known
        self.differences: list[Difference] = []
        self.claims: list[str] = []
        self.step: float | None = None
        self.inner: dict[str, float | None] = {}  # layer here -> how far its outputs are apart

    def run(self) -> Compared:
        """Compare claim by claim."""
        theirs = self.original["parts"]
        pairs, unpaired, strangers = pair(theirs, self.own)
        self.pairs = [(theirs[one], self.own[other]) for one, other in pairs]
        for one, other in pairs:
            self._reorder(one, nested.keys(self.own[other].layer))
        self._note("layers", self._shapes())
        self._note("layers", [Difference("layers", self.name, each) for each in unpaired])
        self._note("settings", [each for pair in self.pairs for each in _settings(*pair)])
        misfits = [each for pair in self.pairs for each in _carry(*pair)]
        self._note("weights", misfits)
        total = portrait.count(self.model, self.own)
        if total != self.original["parameters"] and not misfits:
            text = f"{self.original['parameters']} parameters in the original, {total} here"
            self._note("weights", [Difference("weights", self.name, text)])
        taken: dict[str, Any] | None = None
        if not misfits and not unpaired and self.original["outputs"] is not None:
            taken = portrait.take(self.keras, self.model, self.original)
            self._compute(taken)
        return self._compared(taken, pairs, strangers, total)

    def _reorder(self, one: int, keys: list[str]) -> None:
        """Put the weights of an original's layer into the order that they have here."""
        there = self.original["parts"][one]
        known = there["keys"]
        if known == keys or sorted(known) != sorted(keys):
            return
        order = [known.index(key) for key in keys]
        there["weights"] = [there["weights"][i] for i in order]
        if self.original["after"] is not None:
            after = self.original["after"]
            after[one] = [after[one][i] for i in order]

    def _note(self, claim: str, found: list[Difference]) -> None:
        if claim not in self.claims:
            self.claims.append(claim)
        self.differences += found

    def _shapes(self) -> list[Difference]:
        """Compare what goes in, where both models say so before they see data.

        A model that only the made-up data have built has their number of samples in its shapes.
        """
        there, here = self.original["input_shapes"], self.known
        if not there or not here or (len(there) == len(here) and all(map(_fits, there, here))):
            return []
        return [Difference("layers", self.name, f"takes inputs {here}, in the original {there}")]

    # -- what it computes ---------------------------------------------------------------------

    def _compute(self, taken: dict[str, Any]) -> None:
        """Compare the numbers; what the original does and this model does not is a difference."""
        original, causes = self.original, dict(reversed(taken["lacks"]))
        if taken["outputs"] is None:
            text = f"does not run: {causes.get('outputs', 'no outputs')}"
            self._note("outputs", [Difference("outputs", self.name, text)])
            return
        self._inner(taken)
        found = self._outputs(taken)
        self._note("outputs", found)
        if original["optimizer"] is None:
            if taken["optimizer"] is not None:
                # Keras 3 compiles what it makes of the JSON of a compiled model.
                cause = self.ended[0] and f"fails before it compiles it: {self.ended[0]}"
                original["lacks"].append(["loss", f"the original {cause or 'does not compile it'}"])
            return
        if taken["optimizer"] is None:
            if self.ended[1]:
                text = f"the code fails before it compiles it: {self.ended[1]}"
                original["lacks"].append(["loss", text])
                return
            text = "not compiled; the original is"
            self._note("settings", [Difference("settings", self.name, text)])
        else:
            self._note("settings", _optimizers(original, taken, self.name))
        if original["loss"] is None:
            return
        if taken["loss"] is None:
            text = f"no loss: {causes.get('loss', 'not compiled')}; the original has one"
            self._note("loss", [Difference("loss", self.name, text)])
            return
        self._note("loss", self._loss(taken))
        if original["gradient_norm"] is not None and taken["gradient_norm"] is not None:
            differences = self._gradients(taken)
            of_layer = bool(differences) and differences[0].layer != self.name
            if of_layer and not found and self._is_rounding(taken):
                text = "rounding alone moves them as far"
                original["lacks"].append(["gradients", text])
            else:
                self._note("gradients", differences)
        if original["after"] is not None and not found:
            if taken["after"] is None:
                text = f"no training step: {causes.get('step', '?')}; the original takes one"
                self._note("step", [Difference("step", self.name, text)])
            else:
                self._note("step", self._after(taken))

    def _inner(self, taken: dict[str, Any]) -> None:
        """Measure how far the outputs of each pair of layers are apart."""
        names = {there["name"]: here.name for there, here in self.pairs}
        here = {(name, turn): array for name, turn, array in taken["inner"] or ()}
        for name, turn, array in self.original["inner"] or ():
            own = names.get(name)
            other = here.get((own, turn))
            if own is None or other is None:
                continue
            gap = apart(array, other)
            before = self.inner.get(own, 0.0)
            self.inner[own] = None if gap is None or before is None else max(gap, before)

    def _outputs(self, taken: dict[str, Any]) -> list[Difference]:
        there, here = self.original["outputs"], taken["outputs"]
        if len(there) != len(here):
            text = f"{len(here)} outputs, in the original {len(there)}"
            return [Difference("outputs", self.name, text)]
        for a, b in zip(there, here):
            if distance(a, b) > _tolerance(a):
                gaps = [apart(a, b) for a, b in zip(there, here)]
                gap = None if None in gaps else max(each for each in gaps if each is not None)
                layer, one, other = self._first(taken) or (self.name, a, b)
                size = "in shape" if gap is None else f"by {gap:.3g}"
                text = f"outputs differ {size}, from {layer} on: {_worst(one, other)}"
                return [Difference("outputs", layer, text)]
        return []

    def _first(self, taken: dict[str, Any]) -> tuple[str, Any, Any] | None:
        """Return the first layer whose output differs, with both outputs."""
        names = {there["name"]: here.name for there, here in self.pairs}
        here = {(name, turn): array for name, turn, array in taken["inner"] or ()}
        for name, turn, array in self.original["inner"] or ():
            own = names.get(name, name)
            other = here.get((own, turn))
            if other is not None and distance(array, other) > _tolerance(array):
                return own, array, other
        return None

    def _loss(self, taken: dict[str, Any]) -> list[Difference]:
        there, here = self.original["loss"], taken["loss"]
        if _same(there, here, (LOSS_TOLERANCE + self._of_logarithms()) * max(1.0, abs(there))):
            return []
        text = f"a loss of {here:.6g}, in the original {there:.6g}"
        return [Difference("loss", self.name, text)]

    def _of_logarithms(self) -> float:
        """Return what rounding makes, relatively, of the logarithm of a probability next to 1.

        Some versions compute a crossentropy of the logits behind it, where nothing is lost.
        """
        outputs = [each for each in self.original["outputs"] if each.size]
        if "crossentropy" not in str(getattr(self.model, "loss", "")) or not outputs:
            return 0.0
        nearest = min(min(float(each.min()), 1.0 - float(each.max())) for each in outputs)
        return ROUNDING / nearest if nearest > 0 else 0.0

    def _gradients(self, taken: dict[str, Any]) -> list[Difference]:
        """Compare the norms of gradients, which are computed from the last layer to the first."""
        total, found = self.original["gradient_norm"], taken["gradient_norm"]
        allowed = (STEP_TOLERANCE + self._of_logarithms()) * max(1.0, total)
        theirs = dict(zip(map(id, self.original["parts"]), self.original["gradients"]))
        own = dict(zip((id(part.layer) for part in self.own), taken["gradients"]))
        for there, here in reversed(self.pairs):
            one, other = theirs[id(there)], own[id(here.layer)]
            if not _same(one, other, allowed):
                text = f"{here.name}: a gradient of norm {other:.6g}, in the original {one:.6g}"
                return [Difference("gradients", here.name, text)]
        if _same(total, found, allowed):
            return []
        text = f"gradients of norm {found:.6g}, in the original {total:.6g}"
        return [Difference("gradients", self.name, text)]

    def _is_rounding(self, taken: dict[str, Any]) -> bool:
        """Tell whether gradients differ by no more than they do when the inputs are rounded.

        Those of a deep network with normalisation by batches do.
        """
        np = importlib.import_module("numpy")
        random = np.random.RandomState(3)
        inputs, targets = self.original["inputs"], taken["targets"]
        for there, here in self.pairs:
            _carry(there, here)
        by_part = []
        for _ in range(3):
            moved = [
                (each * (1 + random.choice((-1.0, 1.0), each.shape) * ROUNDING)).astype(each.dtype)
                for each in inputs
            ]
            norms = training.gradients(
                self.keras, self.model, moved, targets, self.original["training"]
            )
            by_part.append([portrait.part_norm(part, norms) for part in self.own])
        theirs = dict(zip(map(id, self.original["parts"]), self.original["gradients"]))
        for i, part in enumerate(self.own):
            one = next((a for a, b in self.pairs if b.layer is part.layer), None)
            if one is None:
                continue
            known = [taken["gradients"][i], *(each[i] for each in by_part)]
            spread = max(known) - min(known)
            if abs(theirs[id(one)] - taken["gradients"][i]) > SPREAD * spread:
                total = self.original["gradient_norm"]
                if not _same(theirs[id(one)], known[0], STEP_TOLERANCE * max(1.0, total)):
                    return False
        return True

    def _after(self, taken: dict[str, Any]) -> list[Difference]:
        """Compare the weights after one training step; the layer that is furthest off is told."""
        theirs = {id(each): i for i, each in enumerate(self.original["parts"])}
        places = {id(part.layer): i for i, part in enumerate(self.own)}
        worst: tuple[float, str, Any, Any] | None = None
        for there, here in self.pairs:
            before = self.original["after"][theirs[id(there)]]
            after = taken["after"][places[id(here.layer)]]
            for one, other in zip(before, after):
                gap = apart(one, other) or 0.0
                self.step = max(gap, self.step or 0.0)
                if distance(one, other) > STEP_TOLERANCE and worst is None:
                    worst = gap, here.name, one, other
        if worst is None:
            return []
        _, name, one, other = worst
        text = f"{name}: a weight is {_worst(one, other)} after one training step"
        return [Difference("step", name, text)]

    # -- the result ---------------------------------------------------------------------------

    def _compared(
        self,
        taken: dict[str, Any] | None,
        pairs: list[tuple[int, int]],
        strangers: tuple[list[int], list[int]],
        total: int,
    ) -> Compared:
        original = self.original
        reasons: dict[str, str] = {}
        for claim, reason in [*original["lacks"], *(taken["lacks"] if taken else ())]:
            reasons.setdefault(claim, reason)
        if taken is None and original["outputs"] is not None:
            reasons["outputs"] = "the weights of the original do not fit"
        missing = [
            f"{claim}: {reasons[claim]}"
            for claim in CLAIMS
            if claim in reasons and (claim not in self.claims or claim == "layers")
        ]
        gaps = []
        if taken is not None and taken["outputs"] is not None:
            gaps = [apart(a, b) for a, b in zip(original["outputs"], taken["outputs"])]
        known = [each for each in gaps if each is not None]
        return Compared(
            differences=self.differences,
            claims=[each for each in CLAIMS if each in self.claims],
            not_compared=missing,
            largest=max(known) if known and len(known) == len(gaps) else None,
            tolerance=_allowed(original["outputs"] or []),
            dtype=str(original["outputs"][0].dtype) if original["outputs"] else "",
            parameters=(int(original["parameters"]), total),
            loss=_both("loss", original, taken),
            gradient_norm=_both("gradient_norm", original, taken),
            step=self.step,
            layers=self._layers(pairs, strangers),
        )

    def _layers(
        self, pairs: list[tuple[int, int]], strangers: tuple[list[int], list[int]]
    ) -> list[dict[str, Any]]:
        """Return both architectures, in the order of the original."""
        theirs = self.original["parts"]
        here = portrait.architecture(self.model, self.own)
        differ = {each.layer for each in self.differences}
        partner = dict(pairs)
        found: list[dict[str, Any]] = []
        count = max(len(self.original["sources"]), len(here["sources"]))
        for i in range(count):
            one = self.original["sources"][i : i + 1]
            other = here["sources"][i : i + 1]
            found.append(
                {
                    "original": _source(one[0]) if one else None,
                    "migrated": _source(other[0]) if other else None,
                    "difference": None,
                    "differs": not (one and other),
                }
            )
        for i, there in enumerate(theirs):
            own = here["parts"][partner[i]] if i in partner else None
            name = own["name"] if own is not None else ""
            gap = self.inner.get(name) if own is not None else None
            found.append(
                {
                    "original": _layer(there),
                    "migrated": None if own is None else _layer(own),
                    "difference": gap,
                    "differs": i in strangers[0] or name in differ,
                }
            )
        left = [i for i in range(len(self.own)) if i not in partner.values()]
        found += [
            {
                "original": None,
                "migrated": _layer(here["parts"][i]),
                "difference": None,
                "differs": i in strangers[1],
            }
            for i in left
        ]
        return found


def _fits(shape: Any, here: Any) -> bool:
    """Tell whether a shape is another one, or that of made-up data which fits it."""
    if shape == here or not shape or not here:
        return bool(shape == here)
    if shape[0] is not None or here[0] != batches.SAMPLES or len(shape) != len(here):
        return False
    return all(each in (None, size) for each, size in zip(shape[1:], here[1:], strict=True))


def _same(one: float, other: float, allowed: float) -> bool:
    return one == other or abs(one - other) <= allowed or (one != one and other != other)


def _source(entry: dict[str, Any]) -> dict[str, Any]:
    rest = {"kind": "InputLayer", "parameters": 0, "inputs": [], "settings": []}
    return {"name": entry["name"], "shape": list(entry["shape"]), **rest}


def _layer(part: dict[str, Any]) -> dict[str, Any]:
    plain = {name: part[name] for name in ("name", "kind", "shape", "parameters", "inputs")}
    return {**plain, "settings": [[name, _text(each)] for name, each in part["settings"].items()]}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _both(
    claim: str, original: dict[str, Any], taken: dict[str, Any] | None
) -> tuple[float, float] | None:
    if taken is None or original[claim] is None or taken[claim] is None:
        return None
    return original[claim], taken[claim]


def _optimizers(original: dict[str, Any], taken: dict[str, Any], name: str) -> list[Difference]:
    """Compare what both are trained with."""
    found = []
    for setting, there in original["optimizer"].items():
        here = taken["optimizer"].get(setting, there)
        same = here == there
        if isinstance(there, float) and isinstance(here, float):
            same = abs(here - there) <= 1e-4 * abs(there)  # some versions keep it in 32 bits
        if not same:
            what = setting if setting == "optimizer" else f"{setting} of the optimizer"
            text = f"{what} is {_text(here)}, in the original {_text(there)}"
            found.append(Difference("settings", name, text))
    return found


# -- claims ---------------------------------------------------------------------------------------


def _settings(there: dict[str, Any], here: Any) -> list[Difference]:
    found = []
    if there["kind"] != here.kind and not (is_passive(there["kind"]) or is_passive(here.kind)):
        text = f"{here.name} is {here.kind}; in the original {there['name']} is {there['kind']}"
        found.append(Difference("layers", here.name, text))
    if there["kind"] != here.kind:
        return found
    settings = here.settings()
    for name, value in there["settings"].items():
        if name in settings and settings[name] != value:
            text = f"{here.name}: {name} is {settings[name]!r}, in the original {value!r}"
            found.append(Difference("settings", here.name, text))
    return found


def _carry(there: dict[str, Any], here: Any) -> list[Difference]:
    """Give a layer the original's weights."""
    weights = there["weights"]
    shapes = [list(each.shape) for each in weights]
    wanted = [list(each.shape) for each in here.layer.get_weights()]
    if shapes != wanted:
        text = f"{here.name}: weights of shapes {wanted}, in the original {shapes}"
        return [Difference("weights", here.name, text)]
    if weights:
        here.layer.set_weights(weights)
    return []


def apart(one: Any, other: Any) -> float | None:
    """Return the largest absolute difference; None where the shapes are not the same."""
    np = importlib.import_module("numpy")
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    if one.shape != other.shape:
        return None
    if not one.size:
        return 0.0
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(one - other))
    return float(np.max(np.where(np.isnan(gap), np.inf, gap)))


def distance(one: Any, other: Any) -> float:
    """Return the largest difference, relative to the largest number where that is above 1."""
    np = importlib.import_module("numpy")
    worst = apart(one, other)
    if worst is None:
        return float("inf")
    one = np.asarray(one, "float64")
    finite = np.abs(one[np.isfinite(one)])
    return worst / max(1.0, float(finite.max()) if finite.size else 0.0)


def _worst(one: Any, other: Any) -> str:
    """Spell the two values that differ most."""
    np = importlib.import_module("numpy")
    if one.shape != other.shape:
        return f"shape {list(other.shape)}, in the original {list(one.shape)}"
    gap = np.abs(np.asarray(one, "float64") - np.asarray(other, "float64"))
    index = int(np.argmax(np.where(np.isnan(gap), np.inf, gap)))
    return f"{float(other.flat[index]):.6g}, in the original {float(one.flat[index]):.6g}"


def _tolerance(array: Any) -> float:
    return TOLERANCE.get(str(array.dtype), TOLERANCE["float32"])


def _allowed(arrays: list[Any]) -> float | None:
    """Return the absolute difference of outputs that counts as none."""
    np = importlib.import_module("numpy")
    found = []
    for array in arrays:
        if array.dtype.kind not in "fV":  # whole numbers
            continue
        finite = np.abs(np.asarray(array, "float64"))
        finite = finite[np.isfinite(finite)]
        found.append(_tolerance(array) * max(1.0, float(finite.max()) if finite.size else 0.0))
    return min(found, default=None)

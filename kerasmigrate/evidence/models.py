"""The models of a file: what was shown of each, and how it compares with the original's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerasmigrate.evidence import drawing, plot
from kerasmigrate.evidence.diffs import rule_link
from kerasmigrate.evidence.drawing import shown_shape
from kerasmigrate.evidence.graph import parts
from kerasmigrate.evidence.markup import Markup, join, tag
from kerasmigrate.evidence.plot import number_text
from kerasmigrate.evidence.words import CLAIMS, Level, badge, likeness_badge, plural
from kerasmigrate.verify.results import (
    Comparison,
    Difference,
    FileVerdict,
    Layer,
    LayerPair,
    Likeness,
    ModelEvidence,
)

#: How a pair was found.
_PAIRED = {
    "place": "built at the same place of the code",
    "name": "of the same name",
    "structure": "of the same structure",
}


def render(file: FileVerdict, ident: str) -> Markup:
    """Return all models of a file, each with its comparison if there is one.

    Args:
        ident: Begins the ids within.
    """
    left = list(file.models)
    cards = []
    for number, comparison in enumerate(file.comparisons, 1):
        model = _of(comparison, left)
        if model is not None:
            left.remove(model)
        cards.append(_comparison(comparison, model, f"{ident}-model-{number}"))
    for number, model in enumerate(left, len(cards) + 1):
        cards.append(_alone(model, f"{ident}-model-{number}"))
    return join(cards)


def _of(comparison: Comparison, models: Sequence[ModelEvidence]) -> ModelEvidence | None:
    wanted = (comparison.name, comparison.where)
    return next((each for each in models if (each.name, each.where) == wanted), None)


def _alone(model: ModelEvidence, ident: str) -> Markup:
    how = (Level.GOOD, "built, run and saved") if model.proved else (Level.WARN, "not proved")
    layers = [
        tag("tr", tag("td", at), tag("td", name), tag("td", kind))
        for at, (name, kind) in enumerate(model.layers, 1)
    ]
    return tag(
        "section",
        tag("h4", "Model ", tag("code", model.name or model.class_name), " ", badge(*how)),
        tag("dl", _steps(model), class_="facts"),
        _folded(
            plural(len(layers), "layer"),
            _table(f"Layers of {model.name or model.class_name}", ("", "Name", "Class"), layers),
        )
        if layers
        else None,
        class_="model",
        id=ident,
    )


def _steps(model: ModelEvidence) -> Iterator[Markup]:
    """Yield what was shown of a migrated model."""
    yield _fact("Built at", tag("code", model.where))
    yield _fact("Class", f"{model.class_name} of {model.flavour}")
    if model.parameters is not None:
        yield _fact("Parameters", f"{model.parameters:,}")
    if model.input_shapes or model.output_shapes:
        shapes = (
            " ".join(map(shown_shape, each)) or "?"
            for each in (model.input_shapes, model.output_shapes)
        )
        yield _fact("Shapes", " → ".join(shapes))
    steps = [("built", model.built), ("forward pass", model.forward)]
    steps += [("one training step", model.trained)] if model.trained is not None else []
    steps.append((f"saved as {model.saved_as}" if model.saved else "saved and loaded", model.saved))
    badges = (badge(Level.GOOD if done else Level.WARN, what) for what, done in steps)
    yield _fact("Steps", *([" ", each] for each in badges))
    for step, cause in model.errors:
        yield _fact(f"Failed: {step}", cause)
    for note in model.notes:
        yield _fact("Note", note)


def _fact(name: str, *value: object) -> Markup:
    return tag("div", tag("dt", name), tag("dd", *value))


def _comparison(comparison: Comparison, model: ModelEvidence | None, ident: str) -> Markup:
    name = comparison.name or comparison.original_name
    picture = drawing.architectures(comparison, f"{ident}-layers")
    curve = plot.differences(comparison.layers, comparison.tolerance, f"{ident}-plot")
    return tag(
        "section",
        tag("h4", "Model ", tag("code", name), " ", likeness_badge(comparison.likeness)),
        tag("p", comparison.cause, class_="cause") if comparison.cause else None,
        _list_of_differences(comparison),
        _sides(comparison),
        _claims(comparison),
        _folded("What was shown of the migrated model", tag("dl", _steps(model), class_="facts"))
        if model is not None
        else None,
        _figure("Architecture", picture, _LEGEND) if picture is not None else _undrawn(comparison),
        _figure("Difference of the outputs by layer", curve, None) if curve is not None else None,
        _layers(comparison),
        class_="model",
        id=ident,
    )


def _list_of_differences(comparison: Comparison) -> Markup | None:
    if not comparison.differences:
        return None
    explained = [
        [", " if at else "", rule_link(code)] for at, code in enumerate(comparison.explained_by)
    ]
    return join(
        tag("ul", map(_difference, comparison.differences), class_="differences"),
        tag("p", "Announced by ", explained, " before anything was run.") if explained else None,
    )


def _difference(difference: Difference) -> Markup:
    where = tag("code", difference.layer)
    message = difference.message.removeprefix(f"{difference.layer}: ")
    return tag("li", tag("b", difference.claim), " at ", where, f": {message}")


def _sides(comparison: Comparison) -> Markup:
    """Return the values of both models as a table."""
    apart = {difference.claim for difference in comparison.differences}
    rows = [
        _row("Name", [comparison.original_name or "none", comparison.name or "none"]),
        _row("Built at", [comparison.original_where or "none", comparison.where or "none"]),
    ]
    if comparison.layers:
        sides = zip(*((pair.original, pair.migrated) for pair in comparison.layers), strict=True)
        counts = [str(sum(layer is not None for layer in side)) for side in sides]
        rows.append(_row("Layers", counts, len(set(counts)) > 1))
    if comparison.parameters is not None:
        differs = len(set(comparison.parameters)) > 1
        rows.append(_row("Parameters", [f"{each:,}" for each in comparison.parameters], differs))
    if comparison.loss is not None:
        rows.append(_row("Loss", [f"{each:.7g}" for each in comparison.loss], "loss" in apart))
    if comparison.gradient_norm is not None:
        norms = [f"{each:.7g}" for each in comparison.gradient_norm]
        rows.append(_row("Norm of the gradients", norms, "gradients" in apart))
    table = _table("Original and migrated model", ("", "Original", "Migrated"), rows)
    return join(table, tag("dl", _measured(comparison), class_="facts"))


def _measured(comparison: Comparison) -> Iterator[Markup]:
    if comparison.paired_by:
        yield _fact("Paired as", _PAIRED.get(comparison.paired_by, comparison.paired_by))
    if comparison.largest is not None:
        limit = (
            ""
            if comparison.tolerance is None
            else f", up to {comparison.tolerance:.0e} is the same"
        )
        kind = f" ({comparison.dtype})" if comparison.dtype else ""
        value = f"{number_text(comparison.largest)}{limit}{kind}"
        yield _fact("Largest difference of the outputs", value)
    if comparison.step is not None:
        yield _fact("Of the weights after one training step", number_text(comparison.step))


def _row(name: str, values: Sequence[str], differs: bool = False) -> Markup:
    heading = tag("th", f"≠ {name}" if differs else name, scope="row")
    cells = [tag("td", value) for value in values]
    return tag("tr", heading, cells, class_="differs" if differs else None)


def _claims(comparison: Comparison) -> Markup | None:
    differing = {difference.claim for difference in comparison.differences}
    items = [
        tag(
            "li",
            badge(Level.BAD if claim in differing else Level.GOOD, claim),
            f" {CLAIMS.get(claim, '')}" if claim not in differing else " not the same",
        )
        for claim in comparison.claims
    ]
    items += [
        tag("li", badge(Level.WARN, "not compared"), f" {each}") for each in comparison.not_compared
    ]
    return _folded("What was compared", tag("ul", items, class_="claims")) if items else None


_LEGEND = join(
    tag("b", "≠"),
    " and a thick frame: the two differ. A dashed frame: it has no partner. A thick dashed line:"
    " only this side has the connection. Each layer shows its class, its name, the shape of its"
    " output and its number of parameters.",
)


def _undrawn(comparison: Comparison) -> Markup | None:
    if not comparison.layers:
        return None
    return tag("p", "Too many layers differ to be drawn: the table has them all.")


def _figure(title: str, picture: Markup, legend: Markup | None) -> Markup:
    box = tag("div", picture, class_="scroll", tabindex="0", role="group", aria_label=title)
    return tag("figure", tag("figcaption", tag("b", title), " ", legend), box)


def _layers(comparison: Comparison) -> Markup | None:
    if not comparison.layers:
        return None
    rows = [_pair(number, pair) for number, pair in enumerate(comparison.layers, 1)]
    head = (
        "",
        "Original",
        "Migrated",
        "Output",
        "Parameters",
        "Settings that differ",
        "Difference",
    )
    name = comparison.name or comparison.original_name
    apart = sum(map(parts, comparison.layers))
    title = plural(len(rows), "layer") + (f", {apart} of them not the same" if apart else "")
    wide = tag(
        "div",
        _table(f"Layers of {name}", head, rows),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=f"Layers of {name}",
    )
    return _folded(title, wide, opened=comparison.likeness is Likeness.DIFFERENT)


def _pair(number: int, pair: LayerPair) -> Markup:
    sides = (pair.original, pair.migrated)
    shapes = [shown_shape(each.shape) if each and each.shape else "" for each in sides]
    parameters = [f"{each.parameters:,}" if each else "" for each in sides]
    return tag(
        "tr",
        tag("td", f"≠ {number}" if parts(pair) else number),
        *(tag("td", _layer(each)) for each in sides),
        tag("td", _both(shapes)),
        tag("td", _both(parameters)),
        tag("td", _settings(pair)),
        tag("td", number_text(pair.difference) if pair.difference is not None else ""),
        class_="differs" if parts(pair) else None,
    )


def _layer(layer: Layer | None) -> Markup | str:
    return "no partner" if layer is None else join(tag("b", layer.kind), tag("br"), layer.name)


def _both(values: Sequence[str]) -> str:
    return " → ".join(dict.fromkeys(each for each in values if each))


def _settings(pair: LayerPair) -> Markup | str:
    if pair.original is None or pair.migrated is None:
        return ""
    old, new = dict(pair.original.settings), dict(pair.migrated.settings)
    differing = [
        f"{name}: {old.get(name, 'none')} → {new.get(name, 'none')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return join([tag("br") if at else "", tag("code", each)] for at, each in enumerate(differing))


def _table(caption: str, head: Sequence[str], rows: Sequence[Markup]) -> Markup:
    cells = [tag("th", name, scope="col") if name else tag("td") for name in head]
    return tag("table", tag("caption", caption), tag("thead", tag("tr", cells)), tag("tbody", rows))


def _folded(title: str, content: Markup, *, opened: bool = False) -> Markup:
    return tag("details", tag("summary", title), content, open=opened)

"""A verification as text."""

from __future__ import annotations

from kerasmigrate.verify.results import (
    PROOF,
    RAN,
    Comparison,
    FileVerdict,
    Likeness,
    ModelEvidence,
    OriginalKeras,
    Verdict,
    VerifyReport,
)


def render_text(report: VerifyReport, *, details: bool = False) -> str:
    """Return a report as lines for a terminal or a log.

    Args:
        details: Also list the models of the files that are proved, and all notes.
    """
    environment = report.environment
    kerases = [f"keras {environment.keras}"] if environment.keras else []
    kerases += [f"tf_keras {environment.tf_keras}"] if environment.tf_keras else []
    lines = [
        f"target {report.target} (Keras {report.api}), TensorFlow {environment.tensorflow}, "
        + ", ".join(kerases)
        + f", Python {environment.python_version}",
    ]
    if environment.user:
        lines.append(
            f"run as {environment.user}; network closed by {environment.network}; "
            f"tree protected: {environment.files}"
        )
    if report.original is not None:
        lines.append(_original(report.original))
    lines.append("")
    for file in report.files:
        lines += _file(file, details)
    lines += ["", _summary(report)]
    if report.original is not None:
        lines.append(_equality(report))
    return "\n".join(lines) + "\n"


def _file(file: FileVerdict, details: bool) -> list[str]:
    count = len(file.models)
    models = f" ({count} model{'s' if count != 1 else ''})" if count else ""
    lines = [f"{file.verdict.value:<16} {file.display}{models}"]
    if file.cause:
        where = f"{file.where}: " if file.where else ""
        lines.append(f"    {where}{file.cause}")
    lines += [f"    needs --build '{need}'" for need in file.needs]
    if details or file.verdict not in PROOF:
        lines += [f"    {line}" for model in file.models for line in _model(model)]
        lines += [f"    note: {note}" for note in file.notes]
    if file.original is not None and file.original.verdict not in RAN:
        run = file.original
        where = f"{run.where}: " if run.where else ""
        lines.append(f"    original: {run.verdict.value}: {where}{run.cause}")
    for each in file.comparisons:
        if details or each.likeness is not Likeness.EQUAL:
            lines += [f"    {line}" for line in _comparison(each, details)]
    return lines


def _original(original: OriginalKeras) -> str:
    return (
        f"original {original.against}, run on {original.package} {original.version}: "
        f"{original.chosen_because}"
    )


def _comparison(found: Comparison, details: bool) -> list[str]:
    name, where = (
        (found.name, found.where) if found.where else (found.original_name, found.original_where)
    )
    place = f" ({where})" if where else ""
    title = f"{found.likeness.value.replace('-', ' ')}: {name or 'all models'}{place}"
    if found.likeness is Likeness.NOT_COMPARED:
        return [f"{title}: {found.cause}"]
    largest = "" if found.largest is None else f"outputs differ by {found.largest:.2g} at most"
    if found.likeness is Likeness.EQUAL:
        lines = [f"{title}: {largest}; compared: {', '.join(found.claims)}"]
    else:
        told = found.differences if details else found.differences[:1]
        lines = [f"{title}: {told[0].claim}: {told[0].message}"]
        lines += [f"  {each.claim}: {each.message}" for each in told[1:]]
        more = len(found.differences) - len(told)
        if more:
            lines.append(f"  {more} more difference{'s' if more != 1 else ''} with -v")
        if found.explained_by:
            lines.append(f"  the migration had said so: {', '.join(found.explained_by)}")
    if details:
        lines += [f"  not compared: {each}" for each in found.not_compared]
    return lines


def _equality(report: VerifyReport) -> str:
    every = report.comparisons
    counts = [
        f"{number} {likeness.value.replace('-', ' ')}"
        for likeness in Likeness
        if (number := sum(each.likeness is likeness for each in every))
    ]
    largest = max((each.largest or 0.0 for each in every), default=0.0)
    equal = all(each.likeness is Likeness.EQUAL for each in every)
    text = f"models compared with the original: {', '.join(counts) or 'none'}"
    if every and equal:
        text += f"; outputs differ by {largest:.2g} at most"
    return text[0].upper() + text[1:]


def _model(model: ModelEvidence) -> list[str]:
    steps = [
        f"{'built' if model.built else 'not built'}",
        f"{'forward' if model.forward else 'no forward pass'}",
        f"saved as {model.saved_as}" if model.saved else "not saved",
    ]
    if model.trained is not None:
        steps.insert(2, "one training step" if model.trained else "no training step")
    parameters = "" if model.parameters is None else f", {model.parameters:,} parameters"
    name = model.name or model.class_name
    layers = len(model.layers)
    lines = [
        f"model {name} ({model.class_name}, {model.where}): "
        f"{layers} layer{'s' if layers != 1 else ''}{parameters}; {', '.join(steps)}"
    ]
    lines += [f"  {step}: {cause}" for step, cause in model.errors]
    lines += [f"  note: {note}" for note in model.notes]
    return lines


def _summary(report: VerifyReport) -> str:
    counts = [
        f"{report.count(verdict)} {verdict.value}" for verdict in Verdict if report.count(verdict)
    ]
    models = report.models
    whole = sum(model.proved for model in models)
    files = len(report.files)
    verdict = "Proved" if report.proved else "Not proved"
    verdict = "Interrupted" if report.interrupted else verdict
    known = sum(file.cached for file in report.files)
    return (
        f"{verdict}: {files} file{'s' if files != 1 else ''}"
        + (f" ({', '.join(counts)})" if counts else "")
        + f", {whole} of {len(models)} models built, run and saved, in {report.seconds:.1f} s"
        + (f", {known} known from an earlier run" if known else "")
    )

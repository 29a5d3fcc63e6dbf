"""A verification as text."""

from __future__ import annotations

from kerasmigrate.verify.results import PROOF, FileVerdict, ModelEvidence, Verdict, VerifyReport


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
    lines.append("")
    for file in report.files:
        lines += _file(file, details)
    lines += ["", _summary(report)]
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
    return lines


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

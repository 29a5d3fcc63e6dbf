"""What verifying a file costs, beside a process of its own that imports TensorFlow.

    python benchmarks/verify.py [--files N] [--alone M] [--python PATH] [--to FLAVOUR]

Makes up a project of N modules with a small model each. One way is ours: a server that has
TensorFlow imported forks a child for each file. The others are measured on M of the files, and
their mean counts N times: the same verification with a server for each file, and ``python
module.py``, which imports TensorFlow and builds the model, but proves nothing.

Times are processor time (user and system, of all processes), which other work on the machine
disturbs least; wall time stands beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate import flavours
from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.verify import PROOF, FileVerdict, VerifyReport, verify
from kerasmigrate.verify.client import Server, environment

_KINDS = (
    """
model = keras.Sequential([
    keras.layers.Input((8,)),
    keras.layers.Dense({units}, activation="relu"),
    keras.layers.Dropout(0.5),
    keras.layers.Dense(3, activation="softmax"),
])
""",
    """
image = keras.layers.Input((16, 16, 1))
x = keras.layers.Conv2D({units}, 3, padding="same", activation="relu")(image)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.MaxPooling2D()(x)
x = keras.layers.Flatten()(x)
model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))
""",
    """
words = keras.layers.Input((6,))
x = keras.layers.Embedding(50, {units})(words)
x = keras.layers.LSTM({units})(x)
model = keras.Model(words, keras.layers.Dense(2)(x))
""",
)
_TRAINING = """
model.compile("adam", "mse")
model.fit(numpy.zeros((4, *model.input_shape[1:])), numpy.zeros((4, *model.output_shape[1:])))
"""


def module(number: int, line: str) -> str:
    """Return one module: three kinds of models in turn; every fifth is trained,
    every tenth module has none.

    Args:
        line: The import of Keras.
    """
    kind = _KINDS[number % len(_KINDS)].format(units=4 + number % 7)
    training = _TRAINING if number % 5 == 0 else ""
    head = f'"""Network {number}."""\n\nimport numpy\n{line}\n'
    return head if number % 10 == 9 else head + kind + training


def generate(folder: Path, files: int, to: str) -> list[Path]:
    """Write the project; return its modules."""
    line = {"tf.keras": "from tensorflow import keras", "tf_keras": "import tf_keras as keras"}
    found = []
    for number in range(files):
        path = folder / f"network_{number:03}.py"
        path.write_text(module(number, line.get(to, "import keras")), encoding="utf-8")
        found.append(path)
    return found


@dataclass
class Cost:
    """Seconds of processors and of the wall clock."""

    processor: float = 0.0
    wall: float = 0.0

    def times(self, factor: float) -> Cost:
        """Return it for so many times the work."""
        return Cost(self.processor * factor, self.wall * factor)

    def row(self, label: str, ours: Cost | None = None) -> str:
        """Return a line of the table, with how many times ``ours`` it is."""
        line = f"{label:<46} {self.processor:>9.2f} {self.wall:>9.2f}"
        if ours is None:
            return line
        return f"{line} {self.processor / ours.processor:>7.1f} {self.wall / ours.wall:>7.1f}"


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def measured(into: Cost) -> Iterator[None]:
    """Add what the body costs, with all processes that it has waited for."""
    processor, wall = _processor(), time.monotonic()
    yield
    into.processor += _processor() - processor
    into.wall += time.monotonic() - wall


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 when a file is not proved."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=50, help="modules of the project")
    parser.add_argument("--alone", type=int, default=6, help="how many to measure alone")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--to", default="keras", choices=("keras", "tf.keras", "tf_keras"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kerasmigrate-benchmark-") as name:
        folder = Path(name, "project")
        folder.mkdir()
        home = Path(name, "home")
        home.mkdir()
        paths = generate(folder, options.files, options.to)
        alone = paths[:: max(1, len(paths) // options.alone)][: options.alone]
        return _measure(options, folder, home, paths, alone)


def _measure(
    options: argparse.Namespace, folder: Path, home: Path, paths: list[Path], alone: list[Path]
) -> int:
    python, count = options.python, len(paths)
    target = flavours.target(options.to)
    together, starting, each, script = Cost(), Cost(), Cost(), Cost()

    def run(chosen: list[Path]) -> VerifyReport:
        return verify(chosen, target=options.to, python=python, root=folder)

    def start() -> None:
        Server(python, target, home, 6144).close()

    start()  # what is read once from the disk is read now
    with measured(starting):
        start()
    with measured(together):
        report = run(paths)
    for path in alone:
        with measured(each):
            run([path])
        with measured(script):
            subprocess.run(
                [python, path], env=environment(target, home), check=True, capture_output=True
            )
    each, script = each.times(count / len(alone)), script.times(count / len(alone))
    proved = sum(file.verdict in PROOF for file in report.files)
    print(f"{count} modules for {options.to}, {proved} proved; ", end="")
    print(f"alone: {count} times the mean of {len(alone)}\n")
    print(f"{'seconds':<46} {'processor':>9} {'wall':>9} {'ratio':>7} {'(wall)':>7}")
    print(together.row("kerasmigrate verify, one server"))
    print(starting.row("  of this, to start the server"))
    rest = Cost(together.processor - starting.processor, together.wall - starting.wall)
    print(rest.times(1 / count).row("  each file beyond the start"))
    for label, chosen in _kinds(report).items():
        mean = sum(file.seconds for file in chosen) / len(chosen)
        print(f"{f'    {label}':<46} {'':>9} {mean:>9.2f}")
    print(each.row("verified by a server for each", together))
    print(script.row("python module.py for each, which proves nothing", together))
    return 0 if report.proved else 1


def _kinds(report: VerifyReport) -> dict[str, list[FileVerdict]]:
    """Sort the files by what they do."""
    found: dict[str, list[FileVerdict]] = {}
    for file in report.files:
        if not file.models:
            label = "without a model: fork and cage"
        elif file.models[0].trained:
            label = "with a model that is trained"
        else:
            label = f"with a model of {len(file.models[0].layers)} layers"
        found.setdefault(label, []).append(file)
    return dict(sorted(found.items(), reverse=True))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KerasMigrateError as problem:
        sys.exit(f"error: {problem}")

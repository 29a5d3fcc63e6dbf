"""What a migration costs, beside parsing and beside a codemod as text-books write them.

    python benchmarks/migrate.py [PATH...] [--to FLAVOUR] [--repeat N]

Times are processor time, in milliseconds for 1000 lines of code that speaks of Keras: the best of
the repetitions, in one process, without writing anything. The machine matters, so read the column
of ratios, in which parsing with libcst is 1. Without a path the input is generated.

The text-book codemod is what it takes to look at every call with libcst's own tools, before
anything is edited: a ``MetadataWrapper``, which copies the tree; the ``ScopeProvider`` and the
``QualifiedNameProvider``; and one pass for each transform, which asks for the qualified name of
every call.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, QualifiedNameProvider, ScopeProvider

from kerasmigrate import rules
from kerasmigrate.errors import KerasMigrateError, SourceError
from kerasmigrate.files import discover
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.source import Source, speaks_of_keras

_NETWORK = '''
def network_{number}(input_shape, nb_classes={number}):
    """Build network number {number}."""
    image = Input(shape=input_shape)
    x = Convolution2D({filters}, 3, 3, border_mode='same', subsample=(2, 2), dim_ordering='tf',
                      init='he_normal', W_regularizer=l2(1e-4))(image)
    x = BatchNormalization(mode=0, axis=3)(x)
    x = Activation('relu')(x)
    y = Convolution2D({filters}, 5, 5, border_mode='same', subsample=(2, 2))(image)
    x = merge([x, y], mode='concat', concat_axis=3)
    x = Flatten()(x)
    x = Dense(output_dim=128, activation='relu')(x)
    digit = Dense(nb_classes, activation='softmax')(Dropout(p=0.5)(x))
    return Model(input=image, output=digit)
'''
_PLAIN = '''
def rows_{number}(path, wanted):
    """Read some rows of table number {number}."""
    found = []
    with open(path) as lines:
        for index, line in enumerate(lines):
            name, _, value = line.partition(",")
            if name in wanted and value.strip():
                found.append({{"index": index, "name": name, "value": float(value) / {filters}}})
    found.sort(key=lambda row: (row["value"], -row["index"]))
    return [row["name"] for row in found if row["index"] % 2 == 0]
'''
_HEAD = '''"""Networks."""
from keras import backend as K
from keras.layers import Input, merge
from keras.layers.convolutional import Convolution2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.normalization import BatchNormalization
from keras.models import Model
from keras.regularizers import l2
'''


def generated(files: int = 6, functions: int = 12) -> dict[str, bytes]:
    """Return the files of a project, by name: half of the code of most files is about Keras."""
    found: dict[str, bytes] = {}
    for index in range(files):
        parts = [_HEAD]
        plain = ['"""Tables."""\n']
        for number in range(index * functions + 1, (index + 1) * functions + 1):
            numbers = {"number": number, "filters": 2 ** (number % 7)}
            parts += [_NETWORK.format(**numbers), _PLAIN.format(**numbers)]
            plain.append(_PLAIN.format(**numbers))
        found[f"networks_{index}.py"] = "\n".join(parts).encode()
        found[f"tables_{index}.py"] = "\n".join(plain).encode()
    return found


def from_paths(paths: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of the Python files below some paths, by their path."""
    found = discover([Path(path) for path in paths])
    for path, reason in found.problems:
        print(f"{path}: {reason}", file=sys.stderr)
    return {str(file.path): file.path.read_bytes() for file in found.files}


class _TextBook(cst.CSTTransformer):
    """One pass that asks for the qualified name of every call, and changes nothing."""

    METADATA_DEPENDENCIES = (ScopeProvider, QualifiedNameProvider)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        names = self.get_metadata(QualifiedNameProvider, original_node, set())
        # No call has such a name, so that only looking is measured.
        return updated_node.with_changes(args=[]) if "" in {n.name for n in names} else updated_node


@dataclass(frozen=True)
class Row:
    """One measurement: what, and seconds for all texts together."""

    label: str
    seconds: float


def best(work: Callable[[], object], repeat: int) -> float:
    """Return the least processor time that some work took, in seconds."""
    times = []
    for _ in range(repeat):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def measure(texts: Sequence[str], data: Sequence[bytes], to: str, repeat: int) -> list[Row]:
    """Measure every way of going over the texts.

    Args:
        texts: Those that speak of Keras and can be parsed.
        data: The bytes of all files.
        to: The flavour to move to.
        repeat: How often each way is tried.
    """
    passes = len(rules.transforms())
    pipeline = Pipeline.to(to)
    pipeline.run(texts[0])  # loads the inventories

    def text_book() -> None:
        for text in texts:
            wrapper = MetadataWrapper(cst.parse_module(text))
            tree = wrapper.module
            for _ in range(passes):
                tree = wrapper.visit(_TextBook())
            assert tree.code

    def migrated(texts: Sequence[str]) -> list[str]:
        return [pipeline.run(text).text for text in texts]

    done = migrated(texts)
    ways: list[tuple[str, Callable[[], object]]] = [
        ("the gate alone (all files)", lambda: [speaks_of_keras(each) for each in data]),
        ("ast.parse", lambda: [ast.parse(text) for text in texts]),
        ("libcst: parse", lambda: [cst.parse_module(text) for text in texts]),
        ("libcst: parse and print", lambda: [cst.parse_module(text).code for text in texts]),
        ("kerasmigrate, nothing to do any more", lambda: migrated(done)),
        ("kerasmigrate, everything to do", lambda: migrated(texts)),
        (f"text-book codemod, {passes} passes, no edits", text_book),
    ]
    return [Row(label, best(work, repeat)) for label, work in ways]


def table(rows: Sequence[Row], lines: int) -> str:
    """Return the measurements as text.

    Args:
        rows: With one called ``libcst: parse``.
        lines: Lines of code of the texts.
    """
    parse = next(row.seconds for row in rows if row.label == "libcst: parse")
    out = [f"{'':<44} {'ms/1000 lines':>13} {'ratio':>7}"]
    for row in rows:
        per_line = row.seconds * 1_000_000 / lines
        out.append(f"{row.label:<44} {per_line:>13.1f} {row.seconds / parse:>7.2f}")
    return "\n".join(out) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders")
    parser.add_argument("--to", default="keras", help="flavour to move to")
    parser.add_argument("--repeat", type=int, default=3, help="times that each way is tried")
    options = parser.parse_args(arguments)
    files = from_paths(options.paths) if options.paths else generated()
    texts, skipped, refused = [], 0, 0
    pipeline = Pipeline.to(options.to)
    for name, data in files.items():
        if not speaks_of_keras(data):
            skipped += 1
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                text = Source.decode(data, name).text
                pipeline.run(text)
            texts.append(text)
        except SourceError:
            refused += 1
    if not texts:
        print("no file speaks of Keras: name others, or none", file=sys.stderr)
        return 2
    lines = sum(len(text.splitlines()) for text in texts)
    print(f"{len(files)} files: {skipped} skipped by the gate, {refused} cannot be processed")
    print(f"measured on {len(texts)} files, {lines} lines\n")
    print(table(measure(texts, list(files.values()), options.to, options.repeat), lines), end="")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KerasMigrateError as problem:
        sys.exit(f"error: {problem}")

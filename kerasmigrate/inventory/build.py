"""The command behind ``python -m kerasmigrate.inventory``.

``build NAME --from-package PACKAGE [--deep]`` introspects a package that is installed in this
interpreter; ``build NAME --from-source DIR --version V`` reads the sources of an old Keras in
DIR/keras (and of keras_applications and keras_preprocessing beside it); ``homes`` makes homes.json
from the inventories and renames.toml; ``update`` does all that a new Keras or TensorFlow in this
interpreter changes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory import DATA, names
from kerasmigrate.inventory.table import Table

#: The inventories of current packages, and what each is made from.
INSTALLED = {
    "keras-3": ("keras",),
    "tf.keras-3": ("keras._tf_keras.keras",),
    "tf_keras-2": ("tf_keras",),
    "tensorflow.python.keras": ("tensorflow.python.keras", "--deep"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kerasmigrate.inventory", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="make one inventory")
    building.add_argument("name", choices=names())
    origin = building.add_mutually_exclusive_group(required=True)
    origin.add_argument("--from-package", metavar="PACKAGE")
    origin.add_argument("--from-source", metavar="DIR", type=Path)
    building.add_argument("--version", help="version of the sources in DIR")
    building.add_argument("--deep", action="store_true", help="list private modules too")
    building.add_argument("--output", type=Path, default=DATA, help="folder to write to")
    commands.add_parser("homes", help="make homes.json from the inventories")
    commands.add_parser("update", help="make what depends on the installed packages")
    options = parser.parse_args(arguments)
    try:
        if options.command == "update":
            _update()
        elif options.command == "homes":
            from kerasmigrate.inventory import make_homes

            make_homes.write(DATA / "homes.json")
        else:
            table = _build(options)
            table.write(options.output / f"{options.name}.json")
    except KerasMigrateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _update() -> None:
    """Make the inventories of the packages that are installed, each in a process of its own."""
    for name, arguments in INSTALLED.items():
        command = [sys.executable, "-m", "kerasmigrate.inventory", "build", name, "--from-package"]
        done = subprocess.run(
            [*command, *arguments], stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise KerasMigrateError(f"{name} could not be made: {last}")
    command = [sys.executable, "-m", "kerasmigrate.inventory", "homes"]
    subprocess.run(command, check=True)


def _build(options: argparse.Namespace) -> Table:
    if options.from_source is not None:
        from kerasmigrate.inventory import from_source

        if not options.version:
            raise KerasMigrateError("--from-source needs --version, for example 2.3.1")
        return from_source.build(options.name, options.from_source, options.version)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    from kerasmigrate.inventory import from_package

    if options.name == "tf.keras-2":
        _let_keras_215_import()
    return from_package.build(options.name, options.from_package, options.deep)


def _let_keras_215_import() -> None:
    """Give back a hook that Keras 2.15 registers itself with and TensorFlow no longer exports.

    TensorFlow tries to import Keras while it is imported itself, fails without that hook, and
    leaves broken modules behind.
    """
    internal = importlib.import_module("tensorflow._api.v2.compat.v2.__internal__")
    vars(internal)["register_load_context_function"] = lambda function: None
    for name in [each for each in sys.modules if each.partition(".")[0] == "keras"]:
        del sys.modules[name]

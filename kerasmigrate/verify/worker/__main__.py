"""Start the worker as plain files, under an interpreter that need not have kerasmigrate.

Its modules go by a package name of their own, so that no module of the user's code (``data``,
``builders``) can be taken for one of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "kerasmigrate_verify_worker"


def start() -> None:
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(HERE, "__init__.py"), submodule_search_locations=[HERE]
    )
    if spec is None or spec.loader is None:
        raise SystemExit("kerasmigrate: the worker's files are not complete: " + HERE)
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    importlib.import_module(NAME + ".server").main()


if __name__ == "__main__":
    start()

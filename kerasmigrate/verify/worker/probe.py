"""Say, as JSON, what an interpreter would import from outside of the user's tree.

It is run as a file of its own, and imports no package: what is installed is told by the folders
that hold it. Beside TensorFlow that would take seconds.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from typing import Any
from urllib.parse import unquote, urlparse

#: More files than this in folders that no version number speaks for are not looked at.
MOST_FILES = 5000
#: Our own files in there: the version and the text of the worker speak for them.
OURS = "kerasmigrate"


def main() -> None:
    """Print it."""
    here = os.path.dirname(os.path.abspath(__file__))
    standard = {os.path.realpath(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib")}
    installed: list[list[Any]] = []
    names = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
    loose: list[str] = []
    for entry in dict.fromkeys(sys.path):
        if not os.path.isdir(entry) or os.path.abspath(entry) == here:
            continue
        listing = sorted(name for name in os.listdir(entry) if OURS not in name.lower())
        names.update(name.split(".")[0] for name in listing)
        if os.path.basename(entry) in ("site-packages", "dist-packages"):
            for name in listing:
                installed.append(_entry(entry, name))
                loose += _editable(os.path.join(entry, name))
        elif not any(
            os.path.realpath(entry) == each or os.path.dirname(os.path.realpath(entry)) == each
            for each in standard
        ):
            loose.append(entry)
    print(
        json.dumps(
            {
                "python": sys.version,
                "prefix": sys.prefix,
                "installed": installed,
                "names": sorted(names),
                "loose": _files(loose),
            }
        )
    )


def _entry(folder: str, name: str) -> list[Any]:
    """A folder of metadata has the version in its name; its time tells a new installation."""
    if not name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link", ".py", ".so")):
        return [folder, name]
    status = os.stat(os.path.join(folder, name))
    return [folder, name, status.st_mtime_ns]


def _editable(place: str) -> list[str]:
    """Return the folders that an editable installation, or a .pth file, leads to."""
    name = os.path.basename(place)
    if name.endswith(".egg-link"):
        with open(place, encoding="utf-8") as stream:
            return [stream.readline().strip()]
    direct = os.path.join(place, "direct_url.json")
    if not name.endswith(".dist-info") or not os.path.isfile(direct):
        return []
    with open(direct, encoding="utf-8") as stream:
        data = json.load(stream)
    if not data.get("dir_info", {}).get("editable"):
        return []
    return [unquote(urlparse(data["url"]).path)]


def _files(folders: list[str]) -> list[list[Any]] | None:
    """Return size and time of all Python files below some folders; None when they are too many."""
    found: list[list[Any]] = []
    for folder in sorted(set(folders)):
        for current, _, names in os.walk(folder):
            for name in sorted(names):
                if name.endswith((".py", ".so")):
                    place = os.path.join(current, name)
                    status = os.stat(place)
                    found.append([place, status.st_size, status.st_mtime_ns])
            if len(found) > MOST_FILES:
                return None
    return sorted(found)


if __name__ == "__main__":
    main()

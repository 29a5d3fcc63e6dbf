"""What loading the facts costs: every inventory, the homes, and the tables of the rules.

    python benchmarks/load.py [--repeat N]

Times are processor time in milliseconds, the best of the repetitions. A run loads the tables of its
target and, as code may be written for any version, nearly all the others; the sum is meant to stay
below 30 ms. The machine matters, so read the ratio as well, in which importing libcst, which every
run has to, is 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files

from kerasmigrate import inventory
from kerasmigrate.inventory import homes

LIMIT = 30.0


def best(action: Callable[[], object], repeat: int) -> float:
    """Return the shortest processor time of an action, in milliseconds."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def loads(repeat: int) -> dict[str, float]:
    """Return what each table costs, by its name."""
    found = {}
    for name in inventory.names():

        def read(name: str = name) -> None:
            inventory.load.cache_clear()
            inventory.load(name)

        found[name] = best(read, repeat)

    def homes_again() -> None:
        homes._table.cache_clear()
        homes._table()

    found["homes"] = best(homes_again, repeat)
    tables = [each for each in files("kerasmigrate.transforms").iterdir() if _is_table(each.name)]
    found["tables of the rules"] = best(
        lambda: [json.loads(each.read_text(encoding="utf-8")) for each in tables], repeat
    )
    return found


def _is_table(name: str) -> bool:
    return name.endswith(".json")


def libcst_import(repeat: int) -> float:
    """Return what importing libcst costs in a fresh interpreter, in milliseconds."""
    code = "import time; t = time.process_time(); import libcst; print(time.process_time() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(repeat)
    ]
    return 1000 * min(float(run.stdout) for run in runs)


def main() -> int:
    """Print the costs; return 1 when the sum is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    found = loads(repeat)
    reference = libcst_import(min(repeat, 3))
    total = sum(found.values())
    for name, cost in [*found.items(), ("all", total), ("import libcst", reference)]:
        print(f"{name:24} {cost:7.2f} ms {cost / reference:7.3f}")
    return 1 if total > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())

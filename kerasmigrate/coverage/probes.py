"""Code in the spelling of a source version, one statement for each name, parameter and method.

Every statement stands in one line and assigns to a variable of its own, so that findings are told
apart by line and results by variable. Arguments are variables that nobody assigns: a rule sees that
a parameter is used, and cannot see its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kerasmigrate.inventory import Signature

#: Prefix of a variable that stands for the argument of a parameter.
VALUE = "given_"
#: Lines that only the era of a source could have written: arguments by position are read with its
#: signatures where a file shows that it is for no Keras 3.
ERAS = {
    "keras-1": "from keras.layers.core import Dense as era\nera(4, init='glorot_uniform')\n",
    "keras-2": "from keras.layers.core import Dense as era\nera(4, kernel_initializer='zeros')\n",
    "tf.keras-2": (
        "from tensorflow.keras.layers.experimental.preprocessing import Rescaling as era\nera(2)\n"
    ),
}


@dataclass(frozen=True)
class Probe:
    """One statement to be migrated.

    Attributes:
        path: Canonical path of the name that it is about.
        method: Method of an instance of ``path`` that is called; empty for the name itself.
        positional: Parameters that are given by position, in order.
        keywords: Parameters that are given by keyword.
        called: Whether the name is called at all; else it is only mentioned.
    """

    path: str
    method: str = ""
    positional: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    called: bool = True

    def expression(self, name: str) -> str:
        """Return the expression, on a name or on an instance that is called ``name``."""
        if not self.called:
            return name
        given = [f"{VALUE}{each}" for each in self.positional]
        given += [f"{each}={VALUE}{each}" for each in self.keywords]
        function = f"{name}.{self.method}" if self.method else name
        return f"{function}({', '.join(given)})"


def required(signature: Signature | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a call cannot do without: parameters to give by position, and by keyword."""
    if signature is None:
        return (), ()
    positional = tuple(each.name for each in signature.parameters if each.kind == "positional_only")
    return positional, tuple(
        each.name for each in signature.parameters if each.required and each.name not in positional
    )


def minimal(path: str, signature: Signature | None, method: str = "") -> Probe:
    """Return a call with what is required and no more."""
    positional, keywords = required(signature)
    return Probe(path, method, positional, keywords)


def full(path: str, signature: Signature, method: str = "") -> Probe:
    """Return a call with every parameter by keyword."""
    positional, _ = required(signature)
    return Probe(path, method, positional, tuple(parameters(signature, positional)))


def each_keyword(path: str, signature: Signature, method: str = "") -> Iterator[Probe]:
    """Yield a call for every parameter, with it and what is required by keyword."""
    positional, needed = required(signature)
    for name in parameters(signature, positional):
        rest = needed if name in needed else (*needed, name)
        yield Probe(path, method, positional, rest)


def by_position(path: str, signature: Signature, method: str = "") -> Iterator[Probe]:
    """Yield calls by position, from all positions down to what is required."""
    names = signature.names()
    least = max(
        (index + 1 for index, name in enumerate(names) if _needed(signature, name)), default=0
    )
    keywords = tuple(
        each.name for each in signature.parameters if each.kind == "keyword" and each.required
    )
    for count in range(len(names), max(least, 1) - 1, -1):
        yield Probe(path, method, names[:count], keywords)


def parameters(signature: Signature, without: Sequence[str] = ()) -> list[str]:
    """Return the parameters of a signature that have a name, in order."""
    return [
        each.name
        for each in signature.parameters
        if not each.kind.startswith("var_") and each.name not in without
    ]


def _needed(signature: Signature, name: str) -> bool:
    return any(each.name == name and each.required for each in signature.parameters)


@dataclass
class Text:
    """A synthetic module for some probes.

    Attributes:
        source: Its text.
        lines: For each probe, the line that imports its name, and that of its statement.
        variables: For each probe, the variable that its statement assigns to.
        instances: For each path whose methods are called, the variable that holds an instance.
    """

    source: str = ""
    lines: list[tuple[int, int]] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)


def write(probes: Sequence[Probe], root: str, era: str, makers: Mapping[str, Probe]) -> Text:
    """Write the module.

    Args:
        probes: What to use in it.
        root: Package that the source is imported from, such as ``tensorflow.keras``.
        era: A key of `ERAS`, or nothing.
        makers: How an instance of a class is made whose methods are called.
    """
    text = Text()
    lines = ERAS.get(era, "").splitlines()
    names: dict[str, str] = {}
    places: dict[str, int] = {}
    for probe in probes:
        if probe.path not in names:
            names[probe.path] = f"name_{len(names)}"
            module, _, leaf = probe.path.rpartition(".")
            module = root + module.removeprefix("keras")
            lines.append(f"from {module} import {leaf} as {names[probe.path]}")
            places[probe.path] = len(lines)
    for probe in probes:
        if probe.method and probe.path not in text.instances:
            text.instances[probe.path] = f"made_{len(text.instances)}"
            value = makers[probe.path].expression(names[probe.path])
            lines.append(f"{text.instances[probe.path]} = {value}")
    for number, probe in enumerate(probes):
        text.variables.append(f"result_{number}")
        name = text.instances[probe.path] if probe.method else names[probe.path]
        lines.append(f"{text.variables[-1]} = {probe.expression(name)}")
        text.lines.append((places[probe.path], len(lines)))
    text.source = "\n".join(lines) + "\n"
    return text

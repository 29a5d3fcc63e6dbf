"""Every public name and parameter of a source, and what a migration to a target makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from kerasmigrate import inventory
from kerasmigrate.coverage import probes
from kerasmigrate.coverage.outcomes import Laboratory, Outcome
from kerasmigrate.coverage.probes import Probe
from kerasmigrate.coverage.surface import callables, methods, public_names
from kerasmigrate.findings import Finding
from kerasmigrate.flavours import Target, target
from kerasmigrate.inventory import Signature
from kerasmigrate.inventory.homes import home


class Verdict(Enum):
    """What becomes of a name or parameter; each is exactly one of these."""

    UNCHANGED = "unchanged"
    MOVED = "moved"
    CONVERTED = "converted"
    FINDING = "finding"
    UNKNOWN = "unknown"


#: What is accounted for: ``name``, ``parameter`` (of a class or function), ``method``, and
#: ``method parameter``.
KINDS = ("name", "parameter", "method", "method parameter")
#: Reason of an entry that the finding about its class or function accounts for.
WITH_NAME = "see its name"


@dataclass(frozen=True)
class Entry:
    """One name or parameter, accounted for.

    Attributes:
        kind: One of `KINDS`.
        path: Canonical path of the name, of the callable, or of the method.
        parameter: The parameter; empty for a name or a method.
        verdict: What becomes of it.
        code: Code of the finding, for one.
        reason: For a finding, what to do; for what is unknown, why.
    """

    kind: str
    path: str
    parameter: str
    verdict: Verdict
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Source:
    """Where code comes from.

    Attributes:
        inventory: Name of its inventory.
        root: Package that it imports Keras from.
        era: Key of `probes.ERAS`.
        requirement: What the requirements of such code say.
    """

    inventory: str
    root: str
    era: str
    requirement: str


SOURCES = (
    Source("keras-1.2.2", "keras", "keras-1", "keras==1.2.2"),
    Source("keras-2.0.9", "keras", "keras-2", "keras==2.0.9"),
    Source("keras-2.2.4", "keras", "keras-2", "keras==2.2.4"),
    Source("keras-2.3.1", "keras", "keras-2", "keras==2.3.1"),
    Source("tf.keras-2", "tensorflow.keras", "tf.keras-2", "tensorflow==2.15.0"),
)
TARGETS = tuple(target(name) for name in ("keras", "tf.keras", "tf_keras"))


def laboratory(source: Source, aim: Target) -> Laboratory:
    """Return the place where probes of a source are run for a target."""
    return Laboratory(source.root, source.era, aim, source.requirement)


def account(source: Source, lab: Laboratory) -> tuple[Entry, ...]:
    """Account for every public name, parameter and method of a source.

    Args:
        source: The source.
        lab: From `laboratory`.
    """
    known = inventory.load(source.inventory)
    names = [_name_probe(path, known) for path in public_names(known)]
    calls = [Call("parameter", path, "", signature) for path, signature in callables(known)]
    calls += [
        Call("method parameter", each.owner, each.name, each.signature) for each in methods(known)
    ]
    lab.makers.update({probe.path: probe for probe in names if probe.called})
    lab.run([*names, *(probe for call in calls for probe in call.first())])
    lab.run([probe for call in calls for probe in call.second(lab)])
    lab.run([probe for call in calls for probe in call.third(lab)])
    entries = [of_name(probe, lab) for probe in names]
    verdicts = {each.path: each for each in entries}
    for call in calls:
        held: Entry | None = verdicts[call.path]
        assert held is not None
        if held.code != "KM103" and not (
            call.method and home(call.path, lab.target.inventory).path is None
        ):
            held = None
        if call.method:
            entries.append(_method(call, lab, held))
        if held is None:
            entries += of_parameters(call, lab)
        else:
            entries += [_with(held, call.kind, call.full_path, name) for name in call.names]
    return tuple(entries)


def _name_probe(path: str, known: inventory.Inventory) -> Probe:
    if known.kind(path) not in ("class", "function"):
        return Probe(path, called=False)
    return probes.minimal(path, known.signature(path))


@dataclass(frozen=True)
class Call:
    """A class, function or method, and the calls that try its parameters.

    Attributes:
        kind: What its parameters are, one of `KINDS`.
        path: Canonical path of the class or function.
        method: The method; empty for the class or function itself.
        signature: What it accepts; None when that is unknown.
    """

    kind: str
    path: str
    method: str
    signature: Signature | None

    @property
    def full_path(self) -> str:
        """The path with the method."""
        return f"{self.path}.{self.method}" if self.method else self.path

    @property
    def names(self) -> list[str]:
        """The parameters."""
        return probes.parameters(self.signature) if self.signature is not None else []

    @property
    def minimal(self) -> Probe:
        """The call with what is required."""
        return probes.minimal(self.path, self.signature, self.method)

    @property
    def whole(self) -> Probe:
        """The call with every parameter by keyword."""
        return probes.full(self.path, self.signature or Signature(()), self.method)

    @cached_property
    def keywords(self) -> dict[str, Probe]:
        """For each parameter, the call with it and what is required by keyword."""
        signature = self.signature or Signature(())
        found = dict.fromkeys(self.names, self.minimal)
        for probe in probes.each_keyword(self.path, signature, self.method):
            if probe.keywords != self.minimal.keywords:
                found[probe.keywords[-1]] = probe
        return found

    @cached_property
    def positions(self) -> list[Probe]:
        """The calls by position, the longest first."""
        return list(probes.by_position(self.path, self.signature or Signature(()), self.method))

    def first(self) -> Iterator[Probe]:
        """Yield calls that together try everything."""
        yield self.minimal
        if self.names:
            yield self.whole
            yield from self.positions[:1]

    def second(self, lab: Laboratory) -> Iterator[Probe]:
        """Yield calls that tell parameters apart, where the first ones do not."""
        if not self.names:
            return
        if not self.is_clear(lab, self.whole):
            yield from self.keywords.values()
        if self.positions and not self.is_quiet(lab, self.positions[0]):
            yield from self._shorter(lab)

    def _shorter(self, lab: Laboratory) -> list[Probe]:
        """Return the call that stops short of the first argument that has a finding."""
        longest = self.positions[0]
        spoken = lab.outcome(longest).arguments
        if not self.is_clear(lab, longest) or not spoken:
            return self.positions[1:]
        places = [i for i, name in enumerate(longest.positional) if name in spoken]
        stop = min(places, default=0)
        return [each for each in self.positions if len(each.positional) == stop]

    def third(self, lab: Laboratory) -> Iterator[Probe]:
        """Yield every call by position where even the shorter one is not quiet."""
        if not self.positions or self.is_quiet(lab, self.positions[0]):
            return
        if any(not self.is_quiet(lab, each) for each in self._shorter(lab)):
            yield from self.positions[1:]

    def is_clear(self, lab: Laboratory, probe: Probe) -> bool:
        """Tell whether an outcome says of each argument what becomes of it."""
        outcome = lab.outcome(probe)
        base = lab.outcome(self.minimal)
        return not outcome.beyond(base) and (bool(base.open) or not outcome.unexplained)

    def is_quiet(self, lab: Laboratory, probe: Probe) -> bool:
        """Tell whether an outcome has no finding that the call without more has not."""
        return self.is_clear(lab, probe) and not lab.outcome(probe).arguments


# -- names -----------------------------------------------------------------------------------


def of_name(probe: Probe, lab: Laboratory) -> Entry:
    """Return the entry for a name, of which the probe was run."""
    outcome = lab.outcome(probe)
    found = _reported("name", probe.path, "", outcome)
    if found is not None:
        return found
    if outcome.path is None:
        verdict = Verdict.CONVERTED if outcome.fixed else Verdict.UNKNOWN
        return Entry("name", probe.path, "", verdict, reason="" if outcome.fixed else "unresolved")
    if outcome.path == probe.path:
        return Entry("name", probe.path, "", Verdict.UNCHANGED)
    place = home(probe.path, lab.target.inventory)
    known = inventory.load(lab.target.inventory)
    same = place.path is not None and known.same_object(place.path, outcome.path)
    moved = same and place.status in ("same", "moved")
    return Entry("name", probe.path, "", Verdict.MOVED if moved else Verdict.CONVERTED)


def _method(call: Call, lab: Laboratory, held: Entry | None) -> Entry:
    if held is not None:
        return _with(held, "method", call.full_path, "")
    outcome = lab.outcome(call.minimal)
    found = _reported("method", call.full_path, "", outcome)
    if found is not None:
        return found
    if outcome.method == call.method:
        return Entry("method", call.full_path, "", Verdict.UNCHANGED)
    if outcome.fixed:
        return Entry("method", call.full_path, "", Verdict.CONVERTED)
    return Entry("method", call.full_path, "", Verdict.UNKNOWN, reason="unresolved")


def _with(held: Entry, kind: str, path: str, parameter: str) -> Entry:
    """Return the entry for what the verdict on its class or function accounts for."""
    return Entry(kind, path, parameter, held.verdict, held.code, WITH_NAME)


def _reported(kind: str, path: str, parameter: str, outcome: Outcome) -> Entry | None:
    """Return the entry for a finding, or for what does not fit without one."""
    findings = (*outcome.open, *outcome.arguments.values())
    if findings:
        return _finding(kind, path, parameter, findings)
    if outcome.problems:
        return Entry(kind, path, parameter, Verdict.UNKNOWN, reason=outcome.problems[0][1])
    return None


def _finding(kind: str, path: str, parameter: str, findings: Iterable[Finding]) -> Entry:
    order = ("error", "warning", "info")
    first = min(findings, key=lambda each: (order.index(each.severity.value), each.code))
    if not first.advice:
        reason = f"{first.code} without advice: {first.message}"
        return Entry(kind, path, parameter, Verdict.UNKNOWN, first.code, reason)
    return Entry(kind, path, parameter, Verdict.FINDING, first.code, first.advice)


# -- parameters ------------------------------------------------------------------------------


def of_parameters(call: Call, lab: Laboratory) -> Iterator[Entry]:
    """Yield the entries of the parameters of a call whose probes were run.

    What a position says counts where the keyword is fine.
    """
    positions = _by_position(call, lab)
    for name in call.names:
        entry = _by_keyword(call, name, lab)
        other = positions.get(name)
        if other is not None and (
            other.verdict is Verdict.UNKNOWN
            or entry.verdict not in (Verdict.FINDING, Verdict.UNKNOWN)
        ):
            entry = other
        yield entry


def _by_keyword(call: Call, name: str, lab: Laboratory) -> Entry:
    probe = call.whole if call.is_clear(lab, call.whole) else call.keywords[name]
    outcome = lab.outcome(probe)
    base = lab.outcome(call.minimal)
    if name in outcome.arguments:
        return _finding(call.kind, call.full_path, name, [outcome.arguments[name]])
    fresh = outcome.beyond(base)
    if fresh:
        return _finding(call.kind, call.full_path, name, fresh)
    if outcome.unexplained:
        if base.open:
            return _finding(call.kind, call.full_path, name, base.open)
        reason = outcome.unexplained[0]
        return Entry(call.kind, call.full_path, name, Verdict.UNKNOWN, reason=reason)
    place = outcome.destinations.get(name)
    if place is None and not outcome.fixed:
        reason = "disappears without a word"
    elif place == "" and not outcome.changed:
        if base.open:
            return _finding(call.kind, call.full_path, name, base.open)
        reason = "nothing is known of what takes it"
    else:
        verdict = Verdict.UNCHANGED if place == name else Verdict.CONVERTED
        return Entry(call.kind, call.full_path, name, verdict)
    return Entry(call.kind, call.full_path, name, Verdict.UNKNOWN, reason=reason)


def _by_position(call: Call, lab: Laboratory) -> dict[str, Entry]:
    """Return verdicts where an argument by position has another fate than by keyword."""
    found: dict[str, Entry] = {}
    base = lab.outcome(call.minimal)
    quiet = True
    known = [each for each in reversed(call.positions) if lab.knows(each)]
    for probe in known:
        outcome = lab.outcome(probe)
        last = probe.positional[-1]
        fresh = (*outcome.beyond(base), *outcome.arguments.values())
        if fresh:
            if quiet:
                found[last] = _finding(call.kind, call.full_path, last, fresh)
            quiet = False
        elif outcome.unexplained and not base.open:
            reason = f"by position: {outcome.unexplained[0]}"
            found[last] = Entry(call.kind, call.full_path, last, Verdict.UNKNOWN, reason=reason)
        else:
            for name in probe.positional:
                reason = _strays(call, name, outcome, lab)
                if reason:
                    found[name] = Entry(
                        call.kind, call.full_path, name, Verdict.UNKNOWN, reason=reason
                    )
    return found


def _strays(call: Call, name: str, outcome: Outcome, lab: Laboratory) -> str:
    """Say how an argument by position goes elsewhere than by keyword, without a word."""
    place = outcome.destinations.get(name)
    if place == "" and (outcome.changed or lab.outcome(call.minimal).open):
        return ""  # it became part of an expression, or there is a finding
    if place is not None and place.lower() == name.lower():
        return ""  # the X of old is the x of today; by keyword there is a finding
    probe = call.whole if call.is_clear(lab, call.whole) else call.keywords[name]
    keyword = lab.outcome(probe)
    if name in keyword.arguments or keyword.beyond(lab.outcome(call.minimal)):
        return f"by position: goes to {place} without the finding of the keyword"
    wanted = keyword.destinations.get(name)
    return "" if wanted in (place, "") else f"by position: goes to {place}, by keyword to {wanted}"

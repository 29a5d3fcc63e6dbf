"""Every public name and parameter of an old Keras is unchanged, moved, converted or reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerasmigrate import inventory
from kerasmigrate.coverage import __main__ as command
from kerasmigrate.coverage import pages
from kerasmigrate.coverage.judge import (
    KINDS,
    SOURCES,
    TARGETS,
    Call,
    Entry,
    Verdict,
    of_name,
    of_parameters,
)
from kerasmigrate.coverage.outcomes import Laboratory
from kerasmigrate.coverage.pages import Pair
from kerasmigrate.coverage.probes import Probe, by_position, each_keyword, full, minimal
from kerasmigrate.coverage.surface import callables, methods, public_names
from kerasmigrate.inventory.signature import parse
from kerasmigrate.transform import Settings


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return pages.accounts()


def test_every_name_and_parameter_is_accounted_for(pairs: list[Pair]) -> None:
    unknown = [
        f"{source.inventory} to {aim.name}: {command.described(each)}"
        for source, aim, entries in pairs
        for each in entries
        if each.verdict is Verdict.UNKNOWN
    ]
    assert unknown == []


def test_every_finding_says_what_to_do(pairs: list[Pair]) -> None:
    silent = [
        each
        for _, _, entries in pairs
        for each in entries
        if each.verdict is Verdict.FINDING and not (each.code and each.reason)
    ]
    assert silent == []


def test_nothing_is_left_out(pairs: list[Pair]) -> None:
    """Each name of a source, and each parameter of what it can call, has one entry."""
    for source, _, entries in pairs:
        known = inventory.load(source.inventory)
        names = [each.path for each in entries if each.kind == "name"]
        assert names == list(public_names(known))
        wanted = {
            (path, parameter.name)
            for path, signature in callables(known)
            for parameter in (signature.parameters if signature is not None else ())
            if not parameter.kind.startswith("var_")
        }
        wanted |= {
            (f"{each.owner}.{each.name}", parameter.name)
            for each in methods(known)
            for parameter in (each.signature.parameters if each.signature is not None else ())
            if not parameter.kind.startswith("var_")
        }
        found = [(each.path, each.parameter) for each in entries if each.parameter]
        assert len(found) == len(set(found))
        assert set(found) == wanted


def test_the_pages_are_up_to_date(pairs: list[Pair]) -> None:
    assert pages.stale(pages.pages(pairs), pages.FOLDER) == []


# -- the parts -------------------------------------------------------------------------------


def test_public_names_of_a_whole_package() -> None:
    names = public_names(inventory.load("keras-1.2.2"))
    assert {"keras.layers.Dense", "keras.layers.core.Dense", "keras.layers.Layer"} <= set(names)
    assert {"keras.layers.K", "keras.layers.np", "keras.utils.test_utils.keras_test"}.isdisjoint(
        names
    )


def test_public_names_of_an_api_have_no_underscore() -> None:
    names = public_names(inventory.load("tf.keras-2"))
    assert "keras.layers.Dense" in names
    assert not any("._" in name for name in names)


def test_a_method_is_counted_where_it_is_brought() -> None:
    owners = {each.owner for each in methods(inventory.load("keras-2.3.1")) if each.name == "fit"}
    assert {each for each in owners if not each.startswith("keras.wrappers.")} == {
        "keras.Model",
        "keras.preprocessing.image.ImageDataGenerator",
    }


SIGNATURE = parse("(a, b=1, *, c, d=None, **rest)")


def test_probes() -> None:
    shown = [
        minimal("p", SIGNATURE),
        full("p", SIGNATURE),
        *each_keyword("p", SIGNATURE),
        *by_position("p", SIGNATURE),
    ]
    assert [each.expression("f") for each in shown] == [
        "f(a=given_a, c=given_c)",
        "f(a=given_a, b=given_b, c=given_c, d=given_d)",
        "f(a=given_a, c=given_c)",
        "f(a=given_a, c=given_c, b=given_b)",
        "f(a=given_a, c=given_c)",
        "f(a=given_a, c=given_c, d=given_d)",
        "f(given_a, given_b, c=given_c)",
        "f(given_a, c=given_c)",
    ]


def laboratory_of(requirement: str = "keras==2.3.1") -> Laboratory:
    return Laboratory("keras", "keras-2", TARGETS[0], requirement)


def test_outcomes() -> None:
    lab = laboratory_of()
    kept = Probe("keras.layers.core.Dense", keywords=("units", "activation"))
    gone = Probe("keras.layers.Dense", keywords=("units", "batch_input_shape"))
    missing = Probe("keras.backend.get_session")
    lab.run([kept, gone, missing])
    found = lab.outcome(kept)
    assert (found.path, found.open, found.problems) == ("keras.layers.Dense", (), ())
    assert found.destinations == {"units": "units", "activation": "activation"}
    assert not found.changed
    assert "batch_input_shape" in lab.outcome(gone).arguments
    assert lab.outcome(missing).open


def test_what_no_rule_speaks_of_is_unknown() -> None:
    lab = laboratory_of()
    probe = Probe("keras.backend.get_uid", keywords=("prefix",))
    gone = Probe("keras.engine.training.collect_metrics", keywords=("metrics", "output_names"))
    lab.run([probe, gone])
    assert of_name(gone, lab).verdict is Verdict.FINDING
    silent = Laboratory("keras", "keras-2", TARGETS[0], "", Settings(ignore=frozenset({"KM103"})))
    silent.run([gone])
    assert of_name(gone, silent).verdict is Verdict.UNKNOWN


def test_arguments_that_go_elsewhere_by_position_are_unknown() -> None:
    """The third position of 2.3.1 is show_layer_names=, which only KM213 and KM214 tell."""
    silent = frozenset({"KM213", "KM214"})
    lab = Laboratory("keras", "keras-2", TARGETS[0], "keras==2.3.1", Settings(ignore=silent))
    signature = inventory.load("keras-2.3.1").signature("keras.utils.plot_model")
    call = Call("parameter", "keras.utils.plot_model", "", signature)
    lab.run(list(call.first()))
    lab.run(list(call.second(lab)))
    lab.run(list(call.third(lab)))
    found = {each.parameter: each for each in of_parameters(call, lab)}
    assert found["to_file"].verdict is Verdict.UNCHANGED
    assert found["show_layer_names"].verdict is Verdict.UNKNOWN
    assert found["show_layer_names"].reason == (
        "by position: goes to show_dtype, by keyword to show_layer_names"
    )


# -- the pages -------------------------------------------------------------------------------

ENTRIES = (
    Entry("name", "keras.layers.Old", "", Verdict.FINDING, "KM103", "use New_"),
    Entry("parameter", "keras.layers.Old", "x", Verdict.FINDING, "KM103", "see its name"),
    Entry("parameter", "keras.layers.Kept", "x", Verdict.FINDING, "KM203", "leave it out"),
    Entry("method", "keras.layers.Kept.call", "", Verdict.FINDING, "KM203", "leave it out"),
    Entry("name", "keras.layers.Kept", "", Verdict.UNCHANGED),
)


def test_the_page_of_a_pair() -> None:
    assert pages.page(SOURCES[0], TARGETS[0], ENTRIES).splitlines()[4:] == [
        "## KM103 name-is-gone",
        "",
        "- use New\\_: `layers.Old`",
        "",
        "## KM203 argument-is-gone",
        "",
        "- leave it out: `layers.Kept(x=)`, `layers.Kept.call()`",
    ]


def test_the_counts() -> None:
    text = pages.index([(SOURCES[0], TARGETS[0], ENTRIES)])
    assert "| Keras 1.2.2 | [keras](keras-1.2.2--keras.md) | 1 | 0 | 0 | 1 | 2 |" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        f"## {kind.capitalize()}s" for kind in KINDS
    ]


def test_writing_and_checking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Pair] = [(SOURCES[0], TARGETS[0], ENTRIES)]
    monkeypatch.setattr(pages, "accounts", lambda: found)
    folder = tmp_path / "coverage"
    assert command.main(["--check"], folder) == 1
    assert command.main([], folder) == 0
    assert command.main(["--check"], folder) == 0
    (folder / "old.md").write_text("old", encoding="utf-8")
    capsys.readouterr()
    assert command.main(["--check"], folder) == 1
    assert capsys.readouterr().err == (
        f"{folder}/old.md: stale; run python -m kerasmigrate.coverage\n"
    )
    found[0] = (*found[0][:2], (Entry("name", "keras.x", "", Verdict.UNKNOWN, reason="lost"),))
    assert command.main([], folder) == 1
    assert capsys.readouterr().err == "keras-1.2.2 to keras: name keras.x: lost\n"
    assert command.main(["--what"], folder) == 2

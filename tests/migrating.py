"""Checks that every test of a transform makes."""

from __future__ import annotations

from collections.abc import Sequence

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView
from kerasmigrate.transform import Settings


def check(
    before: str,
    after: str,
    *,
    to: str,
    codes: Sequence[str] | None = None,
    api: int | None = None,
    settings: Settings | None = None,
    view: ModuleView | None = None,
) -> tuple[Finding, ...]:
    """Assert that a migration makes exactly ``after`` of ``before``, and stops there.

    Args:
        codes: Codes of the findings in the order of the code; not looked at when left out.

    Returns:
        The findings.
    """
    pipeline = Pipeline.to(to, api=api, settings=settings)
    result = pipeline.run(before, view)
    assert result.failures == ()
    assert result.text == after
    compile(result.text, "<after>", "exec", dont_inherit=True)
    if codes is not None:
        assert [finding.code for finding in result.findings] == list(codes)
    assert pipeline.run(after, view).text == after
    windows = pipeline.run(before.replace("\n", "\r\n"), view)
    assert windows.text == after.replace("\n", "\r\n")
    return result.findings


def untouched(
    code: str,
    *,
    to: str,
    codes: Sequence[str] | None = None,
    api: int | None = None,
    settings: Settings | None = None,
    view: ModuleView | None = None,
) -> tuple[Finding, ...]:
    """Assert that a migration leaves a text alone."""
    return check(code, code, to=to, codes=codes, api=api, settings=settings, view=view)

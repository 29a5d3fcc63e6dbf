"""Move a Keras repository to one flavour, and prove that the result works.

The public names below are loaded when they are first used, so that ``import kerasmigrate`` costs
next to nothing::

    import kerasmigrate

    print(kerasmigrate.migrate_source("from keras.layers.core import Dense\\n").text)
    report = kerasmigrate.migrate(["src"], to="keras")  # a dry run
    for file in report.changed:
        print(file.display, len(file.findings))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasmigrate.api import (
        CheckReport,
        check,
        migrate,
        migrate_source,
        verify_paths,
    )
    from kerasmigrate.errors import (
        KerasMigrateError,
        SourceError,
        UsageError,
        VerifyError,
        WriteError,
    )
    from kerasmigrate.findings import (
        Confidence,
        FileResult,
        Finding,
        Report,
        Severity,
        Status,
    )
    from kerasmigrate.flavours import Target
    from kerasmigrate.pipeline import Pipeline, Result
    from kerasmigrate.rules import Example, Rule, Safety
    from kerasmigrate.transform import Context, Settings, Transform

    __version__: str

_HOMES = {
    "kerasmigrate.api": (
        "CheckReport",
        "check",
        "migrate",
        "migrate_source",
        "verify_paths",
    ),
    "kerasmigrate.errors": (
        "KerasMigrateError",
        "SourceError",
        "UsageError",
        "VerifyError",
        "WriteError",
    ),
    "kerasmigrate.findings": (
        "Confidence",
        "FileResult",
        "Finding",
        "Report",
        "Severity",
        "Status",
    ),
    "kerasmigrate.flavours": ("Target",),
    "kerasmigrate.pipeline": ("Pipeline", "Result"),
    "kerasmigrate.rules": ("Example", "Rule", "Safety"),
    "kerasmigrate.transform": ("Context", "Settings", "Transform"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CheckReport",
    "Confidence",
    "Context",
    "Example",
    "FileResult",
    "Finding",
    "KerasMigrateError",
    "Pipeline",
    "Report",
    "Result",
    "Rule",
    "Safety",
    "Settings",
    "Severity",
    "SourceError",
    "Status",
    "Target",
    "Transform",
    "UsageError",
    "VerifyError",
    "WriteError",
    "check",
    "migrate",
    "migrate_source",
    "verify_paths",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("kerasmigrate")
    elif name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})

"""The errors that kerasmigrate raises on purpose.

Each message is one line that says what is wrong, where, and what to do next; the command line
prints it as it is, without a traceback.
"""

from __future__ import annotations


class KerasMigrateError(Exception):
    """Base of every error that a caller may want to catch."""


class UsageError(KerasMigrateError):
    """A wrong argument, option or setting (exit code 2)."""


class SourceError(KerasMigrateError):
    """One file that cannot be read, decoded or parsed; it stays as it is (exit code 3)."""


class WriteError(KerasMigrateError):
    """A file or journal that could not be written; the old content is still in place."""


class VerifyError(KerasMigrateError):
    """Verification could not run at all, for example because TensorFlow is not installed."""

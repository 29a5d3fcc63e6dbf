"""The verification ladder, steps V2 and V3: run the migrated code, and exercise its models.

TensorFlow is never imported here: the code runs in children of a server process, under an
interpreter of the user's choice, on a scratch copy of the tree.
"""

from __future__ import annotations

from kerasmigrate.verify.cache import Cache
from kerasmigrate.verify.report import render_text
from kerasmigrate.verify.results import (
    PROOF,
    Environment,
    FileVerdict,
    ModelEvidence,
    Verdict,
    VerifyReport,
)
from kerasmigrate.verify.run import MEMORY, verify
from kerasmigrate.verify.session import StaticCheck

__all__ = [
    "MEMORY",
    "PROOF",
    "Cache",
    "Environment",
    "FileVerdict",
    "ModelEvidence",
    "StaticCheck",
    "Verdict",
    "VerifyReport",
    "render_text",
    "verify",
]

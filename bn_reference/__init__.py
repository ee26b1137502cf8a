"""Verifies any implementation of batch normalization against a pure reference, with tolerances that are computed.

``BatchNorm1d`` is the reference as a NumPy layer; ``verify`` gives the verdict on an implementation as a ``Report``.
Importing the package loads nothing else: NumPy, frameworks and Hypothesis are loaded by whoever needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bn_reference.conventions import Conventions
    from bn_reference.plugin.parametrize import parametrize_with_rules
    from bn_reference.reference.layer import BatchNorm1d
    from bn_reference.reports.report import Report
    from bn_reference.targets.functional import Functional
    from bn_reference.targets.protocol import Unsupported, UnusableTarget
    from bn_reference.targets.recorder import record
    from bn_reference.verification.api import verify

__all__ = [
    "BatchNorm1d",
    "Conventions",
    "Functional",
    "Report",
    "Unsupported",
    "UnusableTarget",
    "__version__",
    "parametrize_with_rules",
    "record",
    "verify",
]

__version__ = "0.2.0"

_LAZY = {
    "BatchNorm1d": "bn_reference.reference.layer",
    "parametrize_with_rules": "bn_reference.plugin.parametrize",
    "Conventions": "bn_reference.conventions",
    "record": "bn_reference.targets.recorder",
    "verify": "bn_reference.verification.api",
    "Functional": "bn_reference.targets.functional",
    "Report": "bn_reference.reports.report",
    "Unsupported": "bn_reference.targets.protocol",
    "UnusableTarget": "bn_reference.targets.protocol",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

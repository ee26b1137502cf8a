"""Verdicts: what the verification of a target found, as plain values that travel between processes and into reports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison

__all__ = ["SCHEMA", "Report", "Result", "Status", "Violation"]

SCHEMA = 1

Status = Literal["passed", "violated", "unsupported", "known deviation"]


@dataclass(frozen=True, eq=False)
class Violation:
    """A rule that was broken, and the smallest case found that shows it.

    Attributes:
        message: one sentence: what the implementation did and what it should have done.
        case: the case; None where the implementation failed before one was tried.
        comparison: the worst element; None where nothing was compared (an exception, a time-out, a crash).
        diagnosis: the known slip that explains what was seen, in a sentence; empty where none does.
        reproducer: a standalone script; empty where there is none.
    """

    message: str
    case: Case | None = None
    comparison: Comparison | None = None
    diagnosis: str = ""
    reproducer: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """The verdict on one property in one pair of dtypes."""

    property: str
    family: str
    input_dtype: str
    parameter_dtype: str
    device: str
    status: Status
    examples: int = 0
    worst_ratio: float | None = None
    without_power: float = 0.0
    seconds: float = 0.0
    message: str = ""
    violation: Violation | None = None

    def to_json(self) -> dict[str, Any]:
        finite = self.worst_ratio is not None and math.isfinite(self.worst_ratio)
        return {
            "property": self.property,
            "family": self.family,
            "input_dtype": self.input_dtype,
            "parameter_dtype": self.parameter_dtype,
            "device": self.device,
            "status": self.status,
            "examples": self.examples,
            "worst_ratio": self.worst_ratio if finite else None,
            "without_power": self.without_power,
            "seconds": self.seconds,
            "message": self.message,
            "reproducer": self.violation.reproducer if self.violation else "",
        }


@dataclass(frozen=True, eq=False)
class Report:
    """The verdict on a target: it conforms where no property is violated and something was verified at all."""

    target: str
    environment: dict[str, str]
    seed: int
    seconds: float
    results: tuple[Result, ...] = field(default=())
    interrupted: bool = False

    @property
    def conforms(self) -> bool:
        verified = any(result.status in ("passed", "known deviation") for result in self.results)
        return verified and not self.interrupted and all(result.status != "violated" for result in self.results)

    @property
    def violations(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.status == "violated")

    def to_json(self) -> dict[str, Any]:
        """The report as the contract's JSON object (schema 1)."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "conforms": self.conforms,
            "environment": self.environment,
            "seed": self.seed,
            "seconds": self.seconds,
            "results": [result.to_json() for result in self.results],
        }

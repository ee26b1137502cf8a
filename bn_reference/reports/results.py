"""Verdicts: what the verification of a target found, as plain values that travel between processes and into reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison

__all__ = ["Cause", "Result", "Status", "Violation", "pair_of"]

Status = Literal["passed", "violated", "unsupported", "known deviation", "accepted"]


@dataclass(frozen=True, eq=False)
class Violation:
    """A rule that was broken, and the smallest case found that shows it.

    Attributes:
        message: one sentence: what the implementation did and what it should have done.
        found: the comparison that failed on ``case``; its ``fact`` says what went wrong where nothing was compared.
        case: the smallest case; None where the implementation failed before one was tried.
        first: the comparison that failed on the case that broke the rule first.
        diagnosis: the known slip that explains what was seen, in a sentence; empty where none does.
        reproducer: a standalone script; empty where there is none.
    """

    message: str
    found: Comparison
    case: Case | None = None
    first: Comparison | None = None
    diagnosis: str = ""
    reproducer: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """The verdict on one property in one pair of dtypes.

    Attributes:
        examples: cases that were compared.
        refused: why other cases could not be asked, and how many there were of each.
        worst_ratio: the largest error / bound among the examples.
        without_power: share of the examples whose bounds could see nothing.
        resolution: bound / size of the value: the median over the examples, and the worst; None where nothing is measured.
        resolution_by_rows: the median by the power of ten up to which the examples have rows; of rules that look at one step.
        ratio_by_rows: the largest error / bound by the same powers of ten; of the same rules.
        largest: the most rows, and the most channels, of an example.
        lived: examples of a layer that lived before the step, and those of one beside it, as that could not be brought back.
        saw_y: whether the output was held against the oracle's, with power, in some example.
        deviations: the known deviations that were met, a sentence each.
        accepted: examples that broke the rule as an accepted deviation says, by its number.
        survey: where it is broken, as far as that was asked for; for ``verification`` alone.
        gone: those that the library which is known for them shows no more, a sentence each.
        message: why, in a sentence, where it is not simply passed.
    """

    property: str
    family: str
    input_dtype: str
    parameter_dtype: str
    device: str
    status: Status
    examples: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    worst_ratio: float | None = None
    without_power: float = 0.0
    resolution: tuple[float, float] | None = None
    resolution_by_rows: dict[int, float] = field(default_factory=dict)
    ratio_by_rows: dict[int, float] = field(default_factory=dict)
    largest: tuple[int, int] = (0, 0)
    lived: tuple[int, int] = (0, 0)
    saw_y: bool = False
    deviations: tuple[str, ...] = ()
    accepted: dict[int, int] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""
    violation: Violation | None = field(default=None, repr=False)  # with its case and its script it fills a screen
    survey: Any = field(default=None, repr=False)


def pair_of(result: Result) -> str:
    """``float16/float32``."""
    return f"{result.input_dtype}/{result.parameter_dtype}"


@dataclass(frozen=True, eq=False)
class Cause:
    """Violations that have one cause, or that read what is wrong already, as one entry.

    Attributes:
        root: the result that shows it best: the deepest one.
        members: all results that it covers, the root first.
        reproducer_fails: whether the script, run in a fresh process, failed; None where it was not run, or ended otherwise.
        shown_by: the result whose script stands for the entry where the root's does not fail, or where it has none.
    """

    root: Result
    members: tuple[Result, ...] = field(repr=False)
    reproducer_fails: bool | None = None
    shown_by: Result | None = None

    @property
    def violation(self) -> Violation:
        """The root's."""
        assert self.root.violation is not None
        return self.root.violation

    @property
    def reproducer(self) -> str:
        """The script that stands for the entry; empty where there is none."""
        shown = (self.shown_by or self.root).violation
        return shown.reproducer if shown is not None else ""

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the rules that it breaks, the root's first."""
        return tuple(dict.fromkeys(result.property for result in self.members))

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs of dtypes in which it breaks them."""
        return tuple(dict.fromkeys(pair_of(result) for result in self.members))

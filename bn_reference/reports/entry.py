"""What is said of one cause, a name and a line each; short enough to be read at once, or all there is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import ALL
from bn_reference.reports.lives import said_of
from bn_reference.reports.marks import ratio
from bn_reference.reports.results import Cause, Result, Violation, pair_of
from bn_reference.reports.sentences import element

__all__ = ["Brief", "lines_of", "lines_of_case", "some_of"]

READABLE_SIZE = 24  # numbers of x that are shown
TALL = 4  # lines that x takes as a matrix; it is written row after row where it would take more
FEW = 4  # rules and reasons that are named; more are counted
LONG = 300  # characters of a sentence: a target may say much in an exception
RULES = {property.name: property for property in ALL}


class Brief(Enum):
    """How much is said."""

    LEAST = "least"
    SHORT = "short"
    ALL = "all"


def lines_of(cause: Cause, brief: Brief) -> Iterator[tuple[str, str]]:
    """Rule, what was found, what explains it, the worst element, the case, and what else is broken."""
    root = cause.root
    rule, violation = RULES.get(root.property), root.violation
    if brief is Brief.LEAST:
        yield "found", _cut(root.message)
        if violation is not None and violation.diagnosis:
            yield "explained", violation.diagnosis
        yield from _others(cause, brief)
        return
    if rule is not None:
        yield "rule", rule.formula
        yield "source", rule.source
    yield "found", root.message if brief is Brief.ALL else _cut(root.message)
    if violation is not None:
        if violation.diagnosis:
            yield "explained", violation.diagnosis
        yield from _element(violation)
        if violation.case is not None:
            yield from lines_of_case(violation.case)
            if violation.case.x.size <= READABLE_SIZE:
                yield "x", _numbers(violation.case.x)
    yield from _others(cause, brief)


def some_of(names: Sequence[str], brief: Brief) -> str:
    """The first few and how many more there are."""
    if brief is Brief.ALL or len(names) <= FEW + 1:
        return ", ".join(names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"


def _others(cause: Cause, brief: Brief) -> Iterator[tuple[str, str]]:
    """The other pairs that break the rule, and the other rules, in whatever pairs."""
    root = cause.root
    same = [result for result in cause.members if result is not root and result.property == root.property]
    if same:
        yield "also in", ", ".join(_briefly(result) for result in same)
    names = [name for name in cause.properties if name != root.property]
    if names:
        beyond = [pair for pair in cause.pairs if pair not in {pair_of(result) for result in (root, *same)}]
        where = f" (in {', '.join(beyond)} too)" if beyond else ""
        said = some_of([name.replace("_", " ") for name in names], brief)
        yield "others", f"also broken, where the same is read{where}: {said}"


def _briefly(result: Result) -> str:
    found = result.violation.found if result.violation else None
    measured = found is not None and found.ratio is not None and math.isfinite(found.ratio)
    return f"{pair_of(result)} ({ratio(found.ratio or 0.0)} times the bound)" if found and measured else pair_of(result)


def _element(violation: Violation) -> Iterator[tuple[str, str]]:
    worst = violation.found
    if worst.index is None or worst.fact is not None:
        return
    yield "element", element(worst)
    yield "actual", repr(worst.actual)
    yield "expected", repr(worst.expected)
    yield "error", f"{worst.error:.6g}"
    exceeded = ", ".join(_exceeded(worst, violation.first))
    yield "bound", f"{worst.bound:.6g}" + (f", {exceeded}" if exceeded else "")


def _exceeded(worst: Comparison, first: Comparison | None) -> Iterator[str]:
    """How far the error goes beyond the bound; the table shows that of the case that broke the rule first."""
    here = _times(worst)
    if here:
        yield f"exceeded {here} times"
    there = _times(first)
    if there and there != here:
        yield f"{there} times on the case that first broke it"


def _times(comparison: Comparison | None) -> str:
    if comparison is None or comparison.ratio is None or not math.isfinite(comparison.ratio):
        return ""
    return ratio(comparison.ratio)


def lines_of_case(case: Case) -> Iterator[tuple[str, str]]:
    """What it is, without its numbers."""
    layout = case.layout if case.layout == case.grad_layout else f"{case.layout}, dy {case.grad_layout}"
    yield "case", f"x {case.x.shape} {case.pair.input}, {layout}; parameters {case.pair.parameters}"
    affine = "weight and bias" if case.affine else "no weight and bias"
    seen = f"running statistics of {case.batches} batches" if case.tracks else "no running statistics"
    yield "", f"eps={case.eps!r}, momentum={case.momentum!r}, {affine}, {seen}"
    if case.circumstances:
        yield "layer", said_of(case.circumstances)
    if set(case.kinds) - {"lattice"}:
        counts = Counter(case.kinds).most_common()
        named = [kind if n == 1 else f"{n} {kind}" for kind, n in counts]
        yield "channels", some_of(named, Brief.SHORT)


def _numbers(array: Array) -> str:
    wide = array.astype(np.float64)
    matrix = np.array2string(wide, separator=", ", max_line_width=90, floatmode="maxprec", precision=17)
    return matrix if matrix.count("\n") < TALL else str(wide.tolist())


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= LONG else f"{sentence[:LONG]} ..."

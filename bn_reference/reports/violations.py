"""Violations in detail: the rule, the smallest case, the worst element, what explains it, and the script that shows it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from io import StringIO

import numpy as np
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from bn_reference.cases.case import Array, Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import PROPERTIES
from bn_reference.reports.marks import Marks
from bn_reference.reports.report import Report
from bn_reference.reports.results import Result, pair_of
from bn_reference.reports.table import ratio

__all__ = ["print_violations", "violation_text"]

READABLE_SIZE = 24  # numbers of x that are shown
NOT_TRIED = "not tried"  # how the message of what was given up begins
SCRIPTS = 3  # on a terminal, where the other violations are as often as not the same fault
RULES = {property.name: property for property in PROPERTIES}


def print_violations(report: Report, console: Console, marks: Marks) -> None:
    """Each broken property once, in the first pair of dtypes that broke it, with the other pairs named."""
    scripts_left = SCRIPTS if console.is_terminal else len(report.violations)
    tried = [result for result in report.violations if not result.message.startswith(NOT_TRIED)]
    for name in dict.fromkeys(result.property for result in tried):
        first, *others = [result for result in tried if result.property == name]
        console.print(_title(first, marks, console.width))
        console.print(_described(first, others))
        script = first.violation.reproducer if first.violation else ""
        if script and scripts_left:
            console.print(Text("\nThe same as a script, which fails until this is mended:\n", style="dim"))
            console.print(_code(script.rstrip(), console), soft_wrap=True)  # not a line of it is broken or cut
            scripts_left -= 1
        elif script:
            again = f"bn-reference verify {report.target} --property {name} shows its script, and --json writes all scripts"
            console.print(Text(again, style="dim"), soft_wrap=True)
        console.print()
    left = [result for result in report.violations if result.message.startswith(NOT_TRIED)]
    for message in dict.fromkeys(result.message for result in left):
        same = [result for result in left if result.message == message]
        console.print(Text.assemble(marks["violated"], f" {len(same)} verdicts {message}"))
        console.print()


def violation_text(result: Result) -> str:
    """One violation as plain text, script included, for whoever has no console."""
    stream = StringIO()
    console = Console(file=stream, color_system=None, width=110, force_terminal=False)
    console.print(_title(result, Marks(pretty=False), console.width))
    console.print(_described(result, []))
    lines = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    script = result.violation.reproducer if result.violation else ""
    return f"{lines}\n\n{script}".rstrip() + "\n"


def _code(script: str, console: Console) -> Text:
    if console.color_system is None:
        return Text(script)
    return Syntax("", "python", theme="ansi_dark", background_color="default").highlight(script)


def _title(result: Result, marks: Marks, width: int) -> Text:
    title = Text.assemble(marks["violated"], " ", (result.property.replace("_", " "), "bold"))
    title.append(f"  {result.family}, {pair_of(result)} ", style="dim")
    return title.append(marks.line(max(0, width - title.cell_len)), style="dim")


def _described(result: Result, others: list[Result]) -> Table:
    """Rule, case, worst element and explanation, a line each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, line in _entries(result, others):
        grid.add_row(Text(title), Text(line, style="bold" if title in ("found", "explained") else ""))
    return grid


def _entries(result: Result, others: list[Result]) -> Iterator[tuple[str, str]]:
    rule, violation = RULES.get(result.property), result.violation
    if rule is not None:
        yield "rule", rule.formula
        yield "source", rule.source
    yield "found", result.message
    if violation is not None:
        if violation.diagnosis:
            yield "explained", violation.diagnosis
        yield from _element(violation.comparison)
        yield from _case(violation.case)
    if others:
        yield "also in", ", ".join(_briefly(other) for other in others)


def _briefly(result: Result) -> str:
    worst = result.violation.comparison if result.violation else None
    measured = worst is not None and worst.ratio is not None and math.isfinite(worst.ratio)
    return f"{pair_of(result)} ({ratio(worst.ratio or 0.0)} times the bound)" if worst and measured else pair_of(result)


def _element(worst: Comparison | None) -> Iterator[tuple[str, str]]:
    if worst is None or worst.index is None or worst.sentence:
        return
    yield "element", f"{worst.what}[{', '.join(map(str, worst.index))}]"
    yield "actual", repr(worst.actual)
    yield "expected", repr(worst.expected)
    yield "error", f"{worst.error:.6g}"
    finite = worst.ratio is not None and math.isfinite(worst.ratio)
    yield "bound", f"{worst.bound:.6g}" + (f", exceeded {ratio(worst.ratio or 0.0)} times" if finite else "")


def _case(case: Case | None) -> Iterator[tuple[str, str]]:
    if case is None:
        return
    layout = case.layout if case.layout == case.grad_layout else f"{case.layout}, dy {case.grad_layout}"
    yield "case", f"x {case.x.shape} {case.pair.input}, {layout}; parameters {case.pair.parameters}"
    affine = "weight and bias" if case.affine else "no weight and bias"
    seen = f"running statistics of {case.batches} batches" if case.tracks else "no running statistics"
    yield "", f"eps={case.eps!r}, momentum={case.momentum!r}, {affine}, {seen}"
    if set(case.kinds) - {"lattice"}:
        yield "channels", ", ".join(kind if n == 1 else f"{n} {kind}" for kind, n in Counter(case.kinds).items())
    if case.x.size <= READABLE_SIZE:
        yield "x", _numbers(case.x)


def _numbers(array: Array) -> str:
    return np.array2string(array.astype(np.float64), separator=", ", max_line_width=90, floatmode="maxprec", precision=17)

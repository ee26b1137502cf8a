"""A report as text: header, table, known deviations, violations, verdict. Coloured on a terminal, plain elsewhere."""

from __future__ import annotations

from collections import Counter

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from bn_reference.reports.marks import STATUSES, Marks
from bn_reference.reports.report import Report
from bn_reference.reports.results import Result
from bn_reference.reports.streams import print_suitably
from bn_reference.reports.table import table
from bn_reference.reports.violations import print_violations

__all__ = ["print_report", "verdict_line"]

VERSIONS = ("torch", "numpy", "ml_dtypes", "hypothesis", "python", "bn-reference")


def print_report(report: Report, console: Console) -> None:
    """Print the whole report."""
    print_suitably(lambda suitable: _print(report, suitable), console)


def _print(report: Report, console: Console) -> None:
    marks = Marks.of(console)
    console.print(_heading(report))
    console.print()
    if report.results:
        console.print(table(report.results, console, marks))
        console.print()
    _print_reasons("known deviation", _deviations(report), console, marks)
    _print_reasons("unsupported", _unsupported(report), console, marks)
    print_violations(report, console, marks)
    console.print(verdict_line(report, marks))


def verdict_line(report: Report, marks: Marks) -> Text:
    """What it all comes to."""
    counts: Counter[str] = Counter(result.status for result in report.results)
    said = ", ".join(f"{counts[status]} {_plural(status, counts[status])}" for status in STATUSES if counts[status])
    seconds = f"{report.seconds:.1f} s"
    if report.interrupted:
        found = f"; so far: {said}" if said else ", before anything was found"
        return Text.assemble((f"{marks.stop} interrupted", "bold yellow"), f" after {seconds}{found}")
    if report.conforms:
        return Text.assemble(marks["passed"], (f" {report.target} conforms", "bold green"), f": {said}, in {seconds}")
    if not report.violations:
        return Text.assemble(
            marks["violated"], (f" nothing of {report.target} was verified", "bold red"), f": {said or 'no results'}"
        )
    broken = len({result.property for result in report.violations})
    rules = f"{broken} of {len({result.property for result in report.results})} properties"
    return Text.assemble(marks["violated"], (f" {report.target} violates {rules}", "bold red"), f": {said}, in {seconds}")


def _plural(status: str, count: int) -> str:
    return f"{status}s" if status == "known deviation" and count != 1 else status


def _heading(report: Report) -> Text:
    """What was verified, with what, and how to do it again."""
    devices = ", ".join(dict.fromkeys(result.device for result in report.results))
    examples = max((result.examples for result in report.results), default=0)
    versions = [f"{name} {report.environment[name]}" for name in VERSIONS if name in report.environment]
    versions += [report.environment["platform"]] if "platform" in report.environment else []
    cases = f"cases: {report.environment['cases']}\n" if "cases" in report.environment else ""
    budget = f", up to {examples} examples a property and pair of dtypes" if examples else ""
    return Text.assemble(
        (report.target, "bold"),
        f" on {devices}" if devices else "",
        (f"\n{', '.join(versions)}\n{cases}seed {report.seed}{budget}", "dim"),
    )


Reasons = dict[str, list[Result]]


def _deviations(report: Report) -> Reasons:
    """Each known deviation, with the results that met it."""
    met: Reasons = {}
    for result in report.results:
        if result.status == "known deviation":
            for reason in result.message.rpartition(" examples: ")[2].split("; "):
                met.setdefault(reason, []).append(result)
    return met


def _unsupported(report: Report) -> Reasons:
    """Each reason why something could not be asked, with the results."""
    met: Reasons = {}
    for result in report.results:
        if result.status == "unsupported":
            met.setdefault(result.message, []).append(result)
    return met


def _print_reasons(status: str, met: Reasons, console: Console, marks: Marks) -> None:
    for reason, results in met.items():
        names = ", ".join(dict.fromkeys(result.property.replace("_", " ") for result in results))
        where = f"{len(results)} {'result' if len(results) == 1 else 'results'}: {names}"
        title = Text.assemble(marks[status], f" {status}: ", reason)
        console.print(Group(title, Padding(Text(where, style="dim"), (0, 0, 1, 2))))

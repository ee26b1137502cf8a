"""Violations in detail, an entry a cause: the rule, the smallest case, the worst element, what else is broken, the script."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from bn_reference.cases.facts import Kind
from bn_reference.reports.entry import Brief, lines_of
from bn_reference.reports.marks import Marks
from bn_reference.reports.results import Cause, Result, pair_of
from bn_reference.reports.verdict import Verdict

__all__ = ["cause_text", "print_cause", "print_violations", "say_what_a_script_did", "violation_text"]

WHOLE = 1  # entries that are shown as a whole, script included, where not all is asked for: the deepest is mended first
FOUND = 3  # of which it is said what was found and what explains it
ENTRIES = 8  # that are shown at all then, the last ones in a line
RAN = {
    True: "was run, and failed:",
    False: "was run and did not fail here: it is no proof:",
    None: "was not run, or ended otherwise than by its assertion:",
}


def print_violations(report: Verdict, console: Console, marks: Marks, *, everything: bool = False) -> None:
    """Each cause once, with the other rules and pairs of dtypes that it breaks; the first one with its script."""
    tried = [cause for cause in report.causes if not _was_not_tried(cause)]
    for number, cause in enumerate(tried if everything else tried[:FOUND]):
        whole = everything or number < WHOLE
        _print_entry(cause, console, marks, Brief.ALL if everything else Brief.SHORT if whole else Brief.LEAST)
        if whole:
            _print_script(cause, console)
        console.print()
    if not everything and tried[FOUND:]:
        for cause in tried[FOUND:ENTRIES]:
            _print_line(cause, console, marks)
        console.print()
    if not everything and tried[WHOLE:]:
        others = f"bn-reference verify {report.target} --all shows every cause as a whole, with its script"
        console.print(Text(f"{others}, and --scripts DIR writes all scripts\n", style="dim"), soft_wrap=True)
    if not everything and tried[ENTRIES:]:
        left = f"and {len(tried[ENTRIES:])} more causes, which --all shows"
        console.print(Text.assemble(marks["violated"], f" {left}\n"))
    for cause in report.causes:
        if _was_not_tried(cause):
            console.print(Text.assemble(marks["violated"], f" {len(cause.members)} verdicts {cause.violation.message}\n"))


def print_cause(cause: Cause, console: Console, verdict: str) -> None:
    """One cause as a whole, with its script, and what it comes to."""
    marks = Marks.of(console)
    _print_entry(cause, console, marks, Brief.ALL)
    _print_script(cause, console)
    console.print(Text.assemble("\n", marks["violated"], (f" {verdict}", "bold red")), soft_wrap=not console.is_terminal)


def _print_script(cause: Cause, console: Console) -> None:
    if cause.reproducer:
        console.print(Text(f"\n{say_what_a_script_did(cause)}\n", style="dim"))
        console.print(_code(cause.reproducer.rstrip(), console), soft_wrap=True)  # not a line of it is broken or cut


def violation_text(result: Result) -> str:
    """One violation as plain text, script included, for whoever has no console."""
    return cause_text(Cause(result, (result,)))


def cause_text(cause: Cause) -> str:
    """One cause as plain text, script included, with what that did when it was run."""
    stream = StringIO()
    console = Console(file=stream, color_system=None, width=110, force_terminal=False)
    _print_entry(cause, console, Marks(pretty=False), Brief.SHORT)
    lines = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    script = f"\n\n{say_what_a_script_did(cause)}\n\n{cause.reproducer}" if cause.reproducer else ""
    return f"{lines}{script}".rstrip() + "\n"


def _was_not_tried(cause: Cause) -> bool:
    fact = cause.violation.found.fact
    return fact is not None and fact.kind is Kind.NOT_TRIED


def _print_entry(cause: Cause, console: Console, marks: Marks, brief: Brief) -> None:
    root = cause.root
    title = Text.assemble(marks["violated"], " ", (root.property.replace("_", " "), "bold"))
    title.append(f"  {root.family}, {pair_of(root)} ", style="dim")
    console.print(title.append(marks.line(max(0, console.width - title.cell_len)), style="dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, line in lines_of(cause, brief):
        grid.add_row(Text(name), Text(line, style="bold" if name in ("found", "explained") else ""))
    console.print(grid)


def _print_line(cause: Cause, console: Console, marks: Marks) -> None:
    """The rule, and what explains its violation, or else what was found, as far as the line goes."""
    root = cause.root
    said = root.violation.diagnosis if root.violation is not None and root.violation.diagnosis else root.message
    rule, where = root.property.replace("_", " "), f"  {root.family}, {pair_of(root)}: "
    line = Text.assemble(marks["violated"], " ", (rule, "bold"), (where, "dim"), " ".join(said.split()))
    line.truncate(console.width, overflow="ellipsis")
    console.print(line, no_wrap=True)


def say_what_a_script_did(cause: Cause) -> str:
    """What the script did when it was run."""
    of = cause.shown_by
    other = f", of {of.property.replace('_', ' ')} in {pair_of(of)}," if of is not None else ""
    return f"This script{other} {RAN[cause.reproducer_fails]}"


def _code(script: str, console: Console) -> Text:
    if console.color_system is None:
        return Text(script)
    return Syntax("", "python", theme="ansi_dark", background_color="default").highlight(script)

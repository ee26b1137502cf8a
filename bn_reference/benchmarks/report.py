"""The benchmark as it is printed: a table an operation, a line a setting, a column a target; and beside a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bn_reference.benchmarks.comparison import CONFIDENCE, Change
from bn_reference.benchmarks.contestants import LABELS
from bn_reference.benchmarks.operations import OPERATIONS, Setting
from bn_reference.benchmarks.rows import Row

__all__ = ["duration", "label_of", "print_changes", "print_rows", "size"]

LEGEND = "time: median; %: of the speed of a copy of the same bytes, timed in alternation"


def label_of(target: str) -> str:
    """What a target is called in a table."""
    return LABELS.get(target, target)


def duration(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def size(number: int) -> str:
    """Bytes, in the unit that suits."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number} B"


def where(setting: Setting) -> str:
    """A setting without its operation."""
    return str(setting).partition(", ")[2]


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """All rows, and under them what the columns mean."""
    targets = list(dict.fromkeys(row.target for row in rows))
    for operation in OPERATIONS:
        of_operation = [row for row in rows if row.setting.operation == operation]
        if not of_operation:
            continue
        table = Table(title=operation, title_justify="left", title_style="bold", box=None, pad_edge=False)
        table.add_column("shape and dtype", no_wrap=True)
        table.add_column("bytes", justify="right")
        for target in targets:
            table.add_column(Text(label_of(target)), justify="right")
        found = {(row.target, row.setting): row for row in of_operation}
        for setting in dict.fromkeys(row.setting for row in of_operation):
            cells = [_cell(found.get((target, setting))) for target in targets]
            table.add_row(where(setting), size(setting.bytes), *cells)
        console.print(table)
        console.print()
    console.print(LEGEND, soft_wrap=True)


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{duration(row.samples.median_seconds)} {100 * row.fraction_of_copy:3.0f} %"


def print_changes(changes: Sequence[Change], console: Console) -> None:
    """Each row beside its baseline, slow ones marked."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "target", "operation, shape and dtype"):
        table.add_column(heading, overflow="fold")
    for heading in ("then", "now", "now / then", f"{CONFIDENCE:.0%} interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for change in changes:
        ratio = change.decisive
        table.add_row(
            "SLOWER" if change.slower else "unsure" if change.unsure else "ok",
            Text(label_of(change.row.target)),
            str(change.row.setting),
            f"{100 * change.then[1]:.1f} %",
            f"{100 * change.row.fraction_of_copy:.1f} %",
            f"{ratio.value:.3f}",
            f"{ratio.lower:.3f} to {ratio.upper:.3f}",
            style="bold red" if change.slower else None,
        )
    console.print(table)
    console.print()
    limit = 1 - changes[0].threshold
    console.print(
        f"%: of the speed of a copy of the same bytes; slower: the whole interval is below {limit:.3g}", soft_wrap=True
    )
    if unsure := [change.disagreement for change in changes if change.unsure]:
        said = (
            f"the machine is not what it was: copy, passes and core moved apart by {max(unsure):.0%}, which leaves no verdict"
        )
        console.print(
            f"unsure: {said}; run it on a quiet machine, or time both in the same turns, --compare TARGET", soft_wrap=True
        )

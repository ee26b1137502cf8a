"""The table by family, in the form that fits.

A wide terminal shows a column for each pair of dtypes; a narrow one the pairs of a property that came out alike in one line; a
pipe gets a line for each property and pair, for lines can be searched and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bn_reference.reports.marks import Marks, short
from bn_reference.reports.results import Result, pair_of

__all__ = ["ratio", "table"]

WIDE = 112  # columns, for names, six pairs and the sums
FEW = 2  # pairs that are named one by one; more are counted
LEGEND = (
    "worst ratio: the largest error / bound, at most 1 where a rule is kept; without power: examples that could see no fault"
)

Row = list[Text]


def table(results: Sequence[Result], console: Console, marks: Marks) -> RenderableType:
    """All results by family and property."""
    pairs = list(dict.fromkeys(pair_of(result) for result in results))
    if not console.is_terminal:
        return Group(_Lines(results, marks).grid(), Text(f"\n{LEGEND}"))
    grid = _Columns(results, marks, pairs) if console.width >= WIDE and len(pairs) > 1 else _Narrow(results, marks, pairs)
    return Group(grid.grid(), Text(f"\n{grid.legend}", style="dim"))


class _Lines:
    """One row for each result."""

    titles: tuple[str, ...] = ("examples", "worst ratio", "without power", "time")
    legend = LEGEND

    def __init__(self, results: Sequence[Result], marks: Marks, pairs: Sequence[str] = ()) -> None:
        self.results, self.marks, self.pairs = results, marks, list(pairs)

    def grid(self) -> Table:
        grid = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim", collapse_padding=True)
        self.head(grid)
        for title in self.titles:
            grid.add_column(Text(title), justify="right", no_wrap=True)
        families = list(dict.fromkeys(result.family for result in self.results))
        for number, family in enumerate(families):
            if number:
                grid.add_row()
            grid.add_row("", Text(family, style="bold"))
            members = [result for result in self.results if result.family == family]
            for name in dict.fromkeys(result.property for result in members):
                for row in self.rows(name, [result for result in members if result.property == name]):
                    grid.add_row(*row)
        return grid

    def head(self, grid: Table) -> None:
        grid.add_column("")
        grid.add_column("property", no_wrap=True)
        grid.add_column("dtype pair", no_wrap=True)

    def rows(self, name: str, results: list[Result]) -> Iterable[Row]:
        for result in results:
            worst = _worst([result])
            yield [self.marks[result.status], Text(name), Text(pair_of(result)), *_sums([result], [worst])]


class _Narrow(_Lines):
    """One row for the pairs of a property that have one status."""

    titles = ("examples", "worst\nratio", "without\npower", "time")

    def head(self, grid: Table) -> None:
        grid.add_column("")
        grid.add_column("", ratio=1)
        grid.add_column("dtypes")

    def rows(self, name: str, results: list[Result]) -> Iterable[Row]:
        statuses = list(dict.fromkeys(result.status for result in results))
        ordered = sorted(results, key=lambda result: statuses.index(result.status))
        for status, group in groupby(ordered, key=lambda result: result.status):
            alike = list(group)
            sums = _sums(alike, [_worst(alike)])
            yield [self.marks[status], _sentence(name, alike), Text(self._named(alike), style="dim"), *sums]

    def _named(self, results: list[Result]) -> str:
        if len(results) == len(self.pairs) > 1:
            return f"all {len(self.pairs)}"
        if len(results) > FEW:
            return f"{len(results)} of {len(self.pairs)}"
        return "\n".join(short(pair_of(result)) for result in results)


class _Columns(_Lines):
    """One row for each property, with the worst ratio in each pair of dtypes."""

    titles = ("examples", "no power", "time")
    legend = LEGEND.replace("worst ratio", "below the dtypes").replace("without power", "no power")

    def head(self, grid: Table) -> None:
        grid.add_column("")
        grid.add_column("")
        for pair in self.pairs:
            grid.add_column(short(pair), justify="right", no_wrap=True)

    def rows(self, name: str, results: list[Result]) -> Iterable[Row]:
        by_pair = {pair_of(result): result for result in results}
        cells = [self._cell(by_pair.get(pair)) for pair in self.pairs]
        worst = next(
            (s for s in ("violated", "known deviation", "passed") if any(r.status == s for r in results)), "unsupported"
        )
        yield [self.marks[worst], _sentence(name, results), *cells, *_sums(results, [])]

    def _cell(self, result: Result | None) -> Text:
        if result is None:
            return Text("")
        if result.status == "unsupported":
            return self.marks["unsupported"]
        said = _worst([result]).plain or self.marks[result.status].plain
        return self.marks.styled(said if result.status != "known deviation" else f"~{said}", result.status)


def _sentence(name: str, results: list[Result]) -> Text:
    statuses = {result.status for result in results}
    style = "red" if "violated" in statuses else "dim" if statuses == {"unsupported"} else ""
    return Text(name.replace("_", " "), style=style)


def _worst(results: list[Result]) -> Text:
    measured = [result.worst_ratio for result in results if result.worst_ratio is not None]
    worst = max(measured, default=None)
    return Text("" if worst is None else ratio(worst), style="" if worst is None or worst <= 1.0 else "bold red")


def _sums(results: list[Result], between: Row) -> Row:
    examples = sum(result.examples for result in results)
    powerless = sum(result.without_power * result.examples for result in results) / max(examples, 1)
    seconds = sum(result.seconds for result in results)
    share = Text(f"{100 * powerless:.0f} %" if examples else "", style="dim")
    return [Text(str(examples) if examples else ""), *between, share, Text(f"{seconds:.1f} s", style="dim")]


def ratio(value: float) -> str:
    """Two digits that matter, without an exponent where it can be helped."""
    if not math.isfinite(value):
        return str(value)
    return "0" if value == 0 else f"{value:.2f}" if value < 100 else f"{value:.0f}" if value < 10_000 else f"{value:.0e}"

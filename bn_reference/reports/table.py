"""The table by family, in the form that fits.

A wide terminal shows a column for each pair of dtypes; a narrow one the pairs of a property that came out alike in one line. A
pipe gets a line a family and a few for what did not pass, or, where all is asked for, a line for each property and pair, for
lines can be searched and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from statistics import median

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bn_reference.properties import PROPERTIES
from bn_reference.reports.marks import STATUSES, Marks, ratio, short
from bn_reference.reports.results import Result, pair_of

__all__ = ["table"]

WIDE = 112  # columns, for names, six pairs and the sums
FEW = 2  # pairs that are named one by one; more are counted
SHOWN = 3  # rows of a pipe's short table, families aside
LEGEND = (
    "worst ratio: the largest error / bound, at most 1 where a rule is kept; resolution: the part of a value that an error "
    "must be to be seen; no power: examples that could see no fault"
)
IMPLIED = frozenset(property.name for property in PROPERTIES if property.implied_by)
BELOW = "* follows from other rules, and finds nothing that they do not"

Row = list[Text]


def table(results: Sequence[Result], console: Console, marks: Marks, *, everything: bool = False) -> RenderableType:
    """All results by family and property; a pipe gets all of them only with ``everything``."""
    pairs = list(dict.fromkeys(pair_of(result) for result in results))
    if not console.is_terminal:
        grid: _Lines = _Lines(results, marks) if everything else _Short(results, marks)
    else:
        wide = console.width >= WIDE and len(pairs) > 1
        grid = _Columns(results, marks, pairs) if wide else _Narrow(results, marks, pairs)
    below = "" if type(grid) is _Short or not any(result.property in IMPLIED for result in results) else f"\n{BELOW}"
    return Group(grid.grid(), Text(f"\n{grid.legend}{below}", style="dim"))


BRIEFLY = {"known deviation": "dev.", "unsupported": "n/a"}
WORST_FIRST = ("violated", "accepted", "known deviation", "passed", "unsupported")
NOT_PASSED = WORST_FIRST[:3]
BEFORE = {"accepted": "≠", "known deviation": "~"}  # the number in a column


class _Lines:
    """One row for each result."""

    titles: tuple[str, ...] = ("examples", "worst ratio", "resolution", "no power", "time")
    legend = LEGEND

    def __init__(self, results: Sequence[Result], marks: Marks, pairs: Sequence[str] = ()) -> None:
        self.results, self.marks, self.pairs = results, marks, list(pairs)

    def grid(self) -> Table:
        grid = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim", collapse_padding=True)
        self.head(grid)
        for title in self.titles:
            grid.add_column(Text(title), justify="right", no_wrap=True)
        self.fill(grid)
        return grid

    def fill(self, grid: Table) -> None:
        for number, family in enumerate(dict.fromkeys(result.family for result in self.results)):
            if number:
                grid.add_row()
            grid.add_row("", Text(family, style="bold"))
            members = [result for result in self.results if result.family == family]
            for name in dict.fromkeys(result.property for result in members):
                for row in self.rows(name, [result for result in members if result.property == name]):
                    grid.add_row(*row)

    def head(self, grid: Table) -> None:
        grid.add_column("")
        grid.add_column("property", no_wrap=True)
        grid.add_column("dtype pair", no_wrap=True)

    def rows(self, name: str, results: list[Result]) -> Iterable[Row]:
        for result in results:
            said = Text(f"{name} *" if name in IMPLIED else name)
            yield [self.marks[result.status], said, Text(pair_of(result)), *_sums([result], [_worst([result])])]


class _Short(_Lines):
    """One row for each family, and below them a few of what did not pass."""

    def head(self, grid: Table) -> None:
        for title in ("", "property", "dtypes"):
            grid.add_column(title)

    def fill(self, grid: Table) -> None:
        for family in dict.fromkeys(result.family for result in self.results):
            members = [result for result in self.results if result.family == family]
            counts: Counter[str] = Counter(result.status for result in members)
            said = ", ".join(f"{counts[status]} {BRIEFLY.get(status, status)}" for status in STATUSES if counts[status])
            worst = min(counts, key=WORST_FIRST.index)
            grid.add_row(self.marks[worst], Text(f"{family}: {said}"), Text(), *_sums(members, [_worst(members)], median))
        told = sorted((r for r in self.results if r.status in NOT_PASSED), key=lambda r: NOT_PASSED.index(r.status))
        for result in told[:SHOWN]:
            mark, name, _, *sums = next(iter(self.rows(result.property, [result])))
            grid.add_row(mark, name, short(pair_of(result)), *sums)
        if told[SHOWN:]:
            grid.add_row(Text(), Text(f"and {len(told[SHOWN:])} more that did not pass; --all shows every line"))


class _Narrow(_Lines):
    """One row for the pairs of a property that have one status."""

    titles = ("examples", "worst\nratio", "reso-\nlution", "no\npower", "time")

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

    titles = ("examples", "reso-\nlution", "no\npower", "time")
    legend = LEGEND.replace("worst ratio", "below the dtypes")

    def head(self, grid: Table) -> None:
        grid.add_column("")
        grid.add_column("")
        for pair in self.pairs:
            grid.add_column(short(pair), justify="right", no_wrap=True)

    def rows(self, name: str, results: list[Result]) -> Iterable[Row]:
        by_pair = {pair_of(result): result for result in results}
        cells = [self._cell(by_pair.get(pair)) for pair in self.pairs]
        worst = min((result.status for result in results), key=WORST_FIRST.index)
        yield [self.marks[worst], _sentence(name, results), *cells, *_sums(results, [])]

    def _cell(self, result: Result | None) -> Text:
        if result is None:
            return Text("")
        if result.status == "unsupported":
            return self.marks["unsupported"]
        said = _worst([result]).plain or self.marks[result.status].plain
        return self.marks.styled(f"{BEFORE.get(result.status, '')}{said}", result.status)


def _sentence(name: str, results: list[Result]) -> Text:
    statuses = {result.status for result in results}
    style = "red" if "violated" in statuses else "dim" if statuses == {"unsupported"} else ""
    return Text(name.replace("_", " "), style=style).append(" *" if name in IMPLIED else "", style="dim")


def _worst(results: list[Result]) -> Text:
    measured = [result.worst_ratio for result in results if result.worst_ratio is not None]
    worst = max(measured, default=None)
    return Text("" if worst is None else ratio(worst), style="" if worst is None or worst <= 1.0 else "bold red")


def _sums(results: list[Result], between: Row, over: Callable[[list[float]], float] = max) -> Row:
    """What a line says of its results; of their resolutions the coarsest, or what ``over`` makes of them."""
    examples = sum(result.examples for result in results)
    powerless = sum(result.without_power * result.examples for result in results) / max(examples, 1)
    seconds = sum(result.seconds for result in results)
    share = Text(f"{100 * powerless:.0f} %" if examples else "", style="dim")
    medians = [result.resolution[0] for result in results if result.resolution is not None]
    sees = Text(f"{over(medians):.0e}" if medians else "", style="dim")
    return [Text(str(examples) if examples else ""), *between, sees, share, Text(f"{seconds:.1f} s", style="dim")]

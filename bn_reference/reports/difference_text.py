"""The difference of two reports as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from bn_reference.conventions import VALUES
from bn_reference.reports.difference import Change, Difference, Moved, NewCause
from bn_reference.reports.marks import Marks, ratio, short

__all__ = ["print_difference", "verdict_of"]

FEW = 8  # numbers that moved most, where not all are asked for
TITLES: dict[str, Callable[[Change], bool]] = {  # what became of rules, the worst first
    "newly violated": lambda change: change.now == "violated",
    "worse otherwise": lambda change: change.worse,
    "newly passed": lambda change: change.better and change.now == "passed",
    "better otherwise": lambda change: change.better,
    "newly tried": lambda change: not change.before,
}


def print_difference(found: Difference, console: Console, *, everything: bool = False) -> None:
    """What may explain it, verdicts that changed, conventions, and the numbers that moved most."""
    marks = Marks.of(console)
    lines = list(_lines(found, everything))
    for line in [*lines, ""] if lines else []:
        console.print(Text(line), soft_wrap=True)
    worse = found.worse
    console.print(Text.assemble(marks["violated" if worse else "passed"], " ", verdict_of(found)), soft_wrap=True)


def verdict_of(found: Difference) -> str:
    """In a sentence."""
    counts = [f"{len(rules)} {title}" for title, rules in _sorted(found.changes).items() if rules]
    if found.conventions:
        counts.append(f"{len(found.conventions)} kept by another convention")
    if found.conformed != found.conforms:
        counts.append("the target conforms now" if found.conforms else "the target conforms no more")
    if not counts:
        return "no verdict changed" + (f", and {len(found.moved)} numbers moved" if found.moved else "")
    return f"{'something got worse' if found.worse else 'nothing got worse'}: {', '.join(counts)}"


def _sorted(changes: Sequence[Change]) -> dict[str, list[Change]]:
    """Each change under the first title that fits it."""
    under: dict[str, list[Change]] = {title: [] for title in TITLES}
    for change in changes:
        title = next((title for title, fits in TITLES.items() if fits(change)), None)
        if title is not None:
            under[title].append(change)
    return under


def _lines(found: Difference, everything: bool) -> Iterator[str]:
    for note in found.notes:
        yield f"note  {note}"
    for title, changes in _sorted(found.changes).items():
        if changes and (everything or title != "newly violated"):
            yield f"\n{title}"
            yield from map(_change, changes)
        elif changes:
            yield f"\n{title}"
            yield from map(_cause, found.causes)
    if found.conventions:
        yield "\nconventions"
        for name, before, now in found.conventions:
            told = VALUES.get(name, {})
            yield f"  {name.replace('_', ' ')}: {told.get(now, now)}, before {told.get(before, before)}"
    if found.moved:
        shown = found.moved if everything else found.moved[:FEW]
        yield f"\nnumbers that moved{'' if everything else ' most'}"
        yield from map(_moved, shown)
        if len(shown) < len(found.moved):
            yield f"  and {len(found.moved) - len(shown)} more, which --all shows"


def _cause(cause: NewCause) -> str:
    """A line a cause, as many rules as it may break."""
    first, *others = cause.changes
    explained = f" ({cause.explanation})" if cause.explanation else ""
    beside = f", and {len(others)} more verdicts with it" if others else ""
    return f"  {first.rule.replace('_', ' ')}, {short(first.pair)}{beside}: {cause.sentence}{explained}"


def _change(change: Change) -> str:
    before = change.before or "not tried"
    told = f": {change.message}" if change.message and change.worse else ""
    return f"  {change.rule.replace('_', ' ')}, {short(change.pair)}: {before} before, {change.now or 'not tried'} now{told}"


def _moved(moved: Moved) -> str:
    say = ratio if moved.what == "ratio" else "{:.0e}".format
    what = "largest error / bound" if moved.what == "ratio" else "resolution"
    return f"  {moved.rule.replace('_', ' ')}, {short(moved.pair)}: {what} {say(moved.before)} before, {say(moved.now)} now"

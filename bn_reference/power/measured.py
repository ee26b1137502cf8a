"""What `bn-reference mutants` measured, as tables and a figure: ``python -m bn_reference.power.measured DIR``.

DIR has the JSON of that command as ``mutants_TIER.json``, of some tiers or all; the page beside DIR has the tables, between
its marks, and DIR the figure. Nothing is measured here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bn_reference.power.kills_figure import draw
from bn_reference.power.marked import filled
from bn_reference.power.scoreboard import Scoreboard
from bn_reference.power.tiers import TIERS
from bn_reference.properties import PROPERTIES

__all__ = ["boards_of", "page_with", "tables"]

BEGIN, END = "<!-- measured, written by python -m bn_reference.power.measured docs/power -->", "<!-- the end of it -->"
SOON = 1.0  # seconds


def boards_of(directory: Path) -> list[Scoreboard]:
    """Those that were written, in the order of the tiers."""
    paths = (directory / f"mutants_{tier}.json" for tier in TIERS)
    return [Scoreboard.of_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]


def page_with(page: str, boards: Sequence[Scoreboard]) -> str:
    """The page with the tables of scoreboards between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    return filled(page, BEGIN, END, "what was measured", tables(boards))


def tables(boards: Sequence[Scoreboard]) -> Iterator[str]:
    """The two axes, tier by tier; then kinds and rules, by the tier that has tried most mutants on every rule.

    All of it follows from the scores alone: a layer or a rule that is new since then changes nothing.
    """
    if not boards:
        return
    yield "| tier | wrong layers killed | correct ones flagged | median time to kill | killed within a second |"
    yield "|---|---|---|---|---|"
    yield from map(_row, boards)
    yield ""
    for board in boards:
        for survivor in board.survivors:
            yield f"Not killed in the tier `{board.tier}`: `{survivor.name}` ({_said(survivor.kind)})."
        for flagged in board.flagged:
            yield f"Flagged in the tier `{board.tier}`: `{flagged.name}`, by {', '.join(flagged.by)}."
    whole = [board for board in boards if not TIERS[board.tier].fail_fast and board.mutants]
    if whole:
        yield from _whole(max(whole, key=lambda board: len(board.mutants)))


def _row(board: Scoreboard) -> str:
    seconds = [score.seconds for score in board.mutants if score.killed and score.example is not None]
    soon = sum(each <= SOON for each in seconds)
    times = f"{median(seconds):.2f} s | {soon} of {len(seconds)}" if seconds else " | "
    killed = f"{len(board.mutants) - len(board.survivors)} of {len(board.mutants)}"
    return f"| {board.tier} | {killed} | {len(board.flagged)} of {len(board.controls)} | {times} |"


def _whole(board: Scoreboard) -> Iterator[str]:
    yield ""
    yield f"| kind of fault (tier {board.tier}) | killed | median time to kill | explained rightly, silently, wrongly |"
    yield "|---|---|---|---|"
    for kind in board.kinds():
        told = ", ".join(str(kind.explanations[truth]) for truth in ("right", "silent", "wrong"))
        seconds = "" if kind.seconds is None else f"{kind.seconds:.2f} s"
        yield f"| {_said(kind.name)} | {kind.killed} of {kind.of} | {seconds} | {told} |"
    kills, only = board.kills(), board.only()
    follows = {property.name for property in PROPERTIES if property.implied_by}
    yield ""
    yield f"| rule (tier {board.tier}) | kills | no other does |"
    yield "|---|---|---|"
    for name in sorted((name for name in kills if only[name]), key=lambda name: -len(only[name])):
        aside = " (follows from others)" if name in follows else ""
        yield f"| `{name}`{aside} | {kills[name]} | {len(only[name])}: {', '.join(f'`{each}`' for each in only[name])} |"
    others = sum(kills[name] > 0 for name in kills if not only[name])
    yield ""
    yield f"{others} more rules kill what others kill as well."


def _said(kind: str) -> str:
    return kind.replace("_", " ")


def main(directory: Path) -> None:
    """Write tables and figure."""
    boards, page = boards_of(directory), directory.with_suffix(".md")
    page.write_text(page_with(page.read_text(encoding="utf-8"), boards), encoding="utf-8")
    whole = [board for board in boards if not TIERS[board.tier].fail_fast]
    if whole:
        draw(max(whole, key=lambda board: len(board.mutants)), directory)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("the directory of the scores is missing; usage: python -m bn_reference.power.measured DIR")
    main(Path(sys.argv[1]))

"""The scoreboard as text."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from bn_reference.power.score import CONVENTIONS
from bn_reference.power.scoreboard import Scoreboard

__all__ = ["print_scoreboard"]


def print_scoreboard(board: Scoreboard, console: Console) -> None:
    """Mutants by kind, rules by what they kill, then each layer with which something is wrong, and the two figures."""
    console.print(_kinds(board))
    if len(board.mutants) > 1:
        console.print(_rules(board))
    for score in board.survivors:
        console.print(f"survives  {score.name}, {score.kind}: nothing was said against it in {score.seconds:.1f} s")
    for score in board.mutants:
        if score.explanation == "wrong":
            console.print(f"wrong     {score.name}, {score.kind}: what is said of it is not so")
    for score in board.flagged:
        console.print(f"flagged   {score.name}, {score.kind}: {', '.join(score.by)}")
    if len(board.mutants) == 1 and not board.survivors:
        [score] = board.mutants
        console.print(f"{score.name} is killed by {', '.join(score.by)}, in {score.pair}")


def _kinds(board: Scoreboard) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("kind of fault")
    for column in ("killed", "of", "median time", "explained rightly", "silently", "wrongly"):
        table.add_column(column, justify="right")
    for kind in board.kinds():
        seconds = "" if kind.seconds is None else f"{kind.seconds:.2f} s"
        told = [str(kind.explanations[truth]) for truth in ("right", "silent", "wrong")]
        table.add_row(kind.name, str(kind.killed), str(kind.of), seconds, *told)
    return table


def _rules(board: Scoreboard) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("rule")
    table.add_column("kills", justify="right")
    table.add_column("no other does", justify="right")
    only = board.only()
    for name, kills in sorted(board.kills().items(), key=lambda item: -item[1]):
        table.add_row(name, str(kills), str(len(only[name]) or ""))
    if told := sum(CONVENTIONS in score.by for score in board.mutants):
        table.add_row("a convention that is not kept", str(told), "")
    return table

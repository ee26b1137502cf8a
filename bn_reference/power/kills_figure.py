"""The figure of a scoreboard: how many mutants of each kind each rule kills, and how many nobody else does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from bn_reference.power.scoreboard import Scoreboard
from bn_reference.properties import PROPERTIES
from bn_reference.support.plotting import BATCH_NORM, GREY, new_figure, save, styled

__all__ = ["NAME", "draw"]

NAME = "kills"
CELL = 0.3  # inches
MARGINS = (5.6, 2.2)  # for the names of rules, and of kinds
DARK = 0.55  # share of a kind, from which on a number is written in white


def draw(board: Scoreboard, directory: Path) -> None:
    """Write ``kills.png`` and ``kills.svg``: a row a rule, a column a kind, the shade the share of that kind."""
    from matplotlib.colors import LinearSegmentedColormap

    kinds = {kind.name: kind.of for kind in board.kinds()}
    if not kinds:
        return
    counted = Counter((rule, score.kind) for score in board.mutants for rule in score.by)
    rules, only = [property.name for property in PROPERTIES], board.only()
    numbers = np.array([[counted[rule, kind] for kind in kinds] for rule in rules])
    shares = numbers / np.array(list(kinds.values()))
    with styled():
        size = MARGINS[0] + CELL * (len(kinds) + 4), MARGINS[1] + CELL * 0.8 * len(rules)
        figure, axes = new_figure(figsize=size)
        title = f"Mutants that each rule kills, by kind: {len(board.mutants)}, tier {board.tier}"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=13)
        axes.grid(visible=False)
        axes.pcolormesh(shares, cmap=LinearSegmentedColormap.from_list("kills", ["white", BATCH_NORM]), vmin=0.0, vmax=1.0)
        for (row, column), number in np.ndenumerate(numbers):
            if number:
                shade = "white" if shares[row, column] > DARK else GREY
                axes.text(column + 0.5, row + 0.5, str(number), ha="center", va="center", fontsize=8, color=shade)
        for row, rule in enumerate(rules):
            said = f"{numbers[row].sum()}" + f"  ({len(only[rule])})" * bool(only[rule])
            axes.text(len(kinds) + 0.3, row + 0.5, said, va="center", fontsize=8, color=GREY)
        axes.text(len(kinds) + 0.3, -0.5, "in all\n(alone)", va="bottom", fontsize=8, color=GREY)
        axes.set_yticks(np.arange(len(rules)) + 0.5, [rule.replace("_", " ") for rule in rules], fontsize=8)
        named = [f"{kind.replace('_', ' ')}  {of}" for kind, of in kinds.items()]
        axes.set_xticks(np.arange(len(kinds)) + 0.5, named, rotation=90, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_xlim(0, len(kinds) + 4)
        axes.invert_yaxis()
        for side in ("bottom", "left", "top"):
            axes.spines[side].set_visible(False)
        save(figure, directory, NAME)

"""Power against size: how many layers that lose one row are seen: ``python -m bn_reference.power.size DIR``.

Random data is set against that of large cases. A layer counts as killed where the output or a running statistic exceeds its
bound.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bn_reference.arithmetic.precision import PAIRS, format_of
from bn_reference.cases.case import Case
from bn_reference.cases.large import ROWS as FEW_ROWS
from bn_reference.cases.large import LargeRecipe
from bn_reference.cases.layouts import place
from bn_reference.cases.profiles import plain
from bn_reference.oracle.compare import within
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.step import ExpectedStep, expect_training
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.mutants.sizes import ROWS, losing
from bn_reference.support.plotting import BATCH_NORM, PLAIN, label_ends, new_figure, save, styled
from bn_reference.targets.forms.torch_module import TorchImplementation

__all__ = ["Share", "draw", "shares"]

PAIR = PAIRS[0]
POWERS = range(8, 21)  # of two: the rows are one more
SEEDS = range(8)
DATA = {"random": PLAIN, "one row": BATCH_NORM}
NAME = "one_row_lost"


@dataclass(frozen=True)
class Share:
    """Of layers that lose one row of so many, the share that is killed with data of a kind, over the seeds."""

    data: str
    row: str
    rows: int
    killed: float


def layer_losing(row: str) -> TorchImplementation:
    """The clean layer, but for the first, the middle or the last row, which is not in the statistics."""
    return TorchImplementation(type("LosesARow", (CleanBatchNorm1d,), {"batch_statistics": losing(row, 0)}), f"loses the {row}")


def case_of(data: str, rows: int, seed: int) -> Case:
    """One channel on a fresh layer: ordinary random numbers; or zero but for the first, the middle and the last row."""
    recipe = LargeRecipe(PAIR, rows, 1, 0, FEW_ROWS, seed, eps=1e-5, momentum=0.1)
    if data == "one row":
        return recipe.realize()
    rng = np.random.default_rng((seed, rows))
    x = plain(rng.standard_normal((rows, 1)), rng, format_of(PAIR.input_dtype))
    return recipe.realize().but(x=x.astype(PAIR.input_dtype))


def kills(layer: TorchImplementation, case: Case, expected: ExpectedStep) -> bool:
    """Whether output or running statistics show that the layer is wrong."""
    session = layer.open(case)
    y, state = session.forward(place(case.x, case.layout), training=True).y, session.state()
    seen = ((y, expected.y), (state.mean, expected.state.mean), (state.var, expected.state.var))
    return not all(within("", actual, bounded).holds for actual, bounded in seen)


def shares(powers: range = POWERS, seeds: range = SEEDS) -> Iterator[Share]:
    """All of the figure's points."""
    layers = {row: layer_losing(row) for row in ROWS}
    for data in DATA:
        for power in powers:
            killed = dict.fromkeys(ROWS, 0)
            for seed in seeds:
                case = case_of(data, 2**power + 1, seed)
                expected = expect_training(case)
                for row, layer in layers.items():
                    killed[row] += kills(layer, case, expected)
                forget()
            yield from (Share(data, row, 2**power + 1, count / len(seeds)) for row, count in killed.items())


def draw(points: list[Share], directory: Path) -> None:
    """Share killed against rows, a panel for each row that is lost."""
    with styled():
        figure, axes = new_figure(1, len(ROWS), sharey=True, figsize=(13.0, 4.6))
        figure.suptitle("Layers that lose one row, by the number of rows (float32)", x=0.01, ha="left", fontweight="bold")
        for panel, row in zip(axes, ROWS, strict=True):
            panel.set_title(f"the {row} row is lost", fontsize=13, fontweight="normal")
            panel.set_xscale("log", base=2)
            panel.set_xlabel("rows")
            lines = {data: [(p.rows, 100 * p.killed) for p in points if (p.data, p.row) == (data, row)] for data in DATA}
            for data, line in lines.items():
                panel.plot(*zip(*line, strict=True), color=DATA[data], marker="o")
            panel.set_ylim(-5, 105)
            figure.draw_without_rendering()
            label_ends(panel, [(*line[-1], data, DATA[data]) for data, line in lines.items()])
        axes[0].set_ylabel("killed, %")
        save(figure, directory, NAME)


def main(directory: Path) -> None:
    """Measure, write the points, and draw: some three minutes."""
    torch.set_num_threads(1)
    with np.errstate(all="ignore"):
        points = list(shares())
    directory.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"pair": str(PAIR), "seeds": len(SEEDS), "shares": [asdict(point) for point in points]}
    (directory / f"{NAME}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draw(points, directory)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("the directory for the figure is missing; usage: python -m bn_reference.power.size DIR")
    main(Path(sys.argv[1]))

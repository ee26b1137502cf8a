"""How the cost of verification grows, drawn: ``python -m bn_reference.benchmarks.growth_figures DIR``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from bn_reference.benchmarks.growth import CURVES, UPPER, Curve
from bn_reference.benchmarks.machine import machine
from bn_reference.plotting import BATCH_NORM, GREY, PLAIN, label_ends, new_figure, save, styled

__all__ = ["draw_growth", "growth_json"]

FIGURES = {
    "growth_check": ("What one check costs: oracle, bound and comparison of a training step", CURVES[:2]),
    "growth_verification": ("What a verification costs: all properties of a pair of dtypes, and a long sequence", CURVES[2:]),
}
COLOURS = {"float32": BATCH_NORM, "float64": PLAIN}


def draw_growth(title: str, panels: Sequence[Sequence[Curve]], directory: Path, name: str) -> None:
    """Seconds against sizes on logarithmic axes, a panel a variable, beside a line of slope 1."""
    with styled():
        figure, axes = new_figure(1, len(panels), sharey=True, figsize=(5.0 * len(panels), 5.2))
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=16)
        for panel, curves in zip(axes, panels, strict=True):
            panel.set_xscale("log")
            panel.set_yscale("log")
            for curve in curves:
                panel.plot(*zip(*curve.points, strict=True), color=COLOURS[curve.label], marker="o")
            sizes, seconds = zip(*curves[0].points, strict=True)
            upper = sizes[-UPPER:]  # where the slope is read, beside a slope of 1
            panel.plot(upper, [seconds[-1] * size / sizes[-1] / 3 for size in upper], color=GREY, linestyle=":", linewidth=1.5)
            panel.set_xlabel(curves[0].against)
            panel.set_xticks(sizes, [f"{size:,}" if at % 2 == 0 else "" for at, size in enumerate(sizes)], fontsize=11)
            panel.minorticks_off()
        axes[0].set_ylabel("seconds")
        for panel, curves in zip(axes, panels, strict=True):
            figure.draw_without_rendering()
            ends = [(*c.points[-1], f"{c.label}: slope {c.exponent:.2f}", COLOURS[c.label]) for c in curves]
            label_ends(panel, ends)
        save(figure, directory, name)


def growth_json(curves: Sequence[Curve]) -> dict[str, Any]:
    """All points, and what they were measured on."""
    return {
        "environment": machine("cpu"),
        "curves": [{**asdict(curve), "exponent": curve.exponent} for curve in curves],
    }


def main(directory: Path) -> None:
    """Measure, draw, and write ``growth.json``: some four minutes."""
    torch.set_num_threads(1)
    every: list[Curve] = []
    for name, (title, measurements) in FIGURES.items():
        panels = []
        for measure in measurements:
            sys.stderr.write(f"{(measure.__doc__ or '').splitlines()[0]}\n")
            panels.append(list(measure()))
        draw_growth(title, panels, directory, name)
        every += [curve for panel in panels for curve in panel]
    content = json.dumps(growth_json(every), indent=1)
    (directory / "growth.json").write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

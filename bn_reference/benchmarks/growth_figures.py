"""How the cost of verification grows, drawn: ``python -m bn_reference.benchmarks.growth_figures DIR [--again]``.

``--again`` draws what ``growth.json`` there has, and measures nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from bn_reference.benchmarks.growth import CURVES, UPPER, Curve
from bn_reference.benchmarks.heap import keep_freed_memory
from bn_reference.benchmarks.machine import machine
from bn_reference.support.plotting import BATCH_NORM, GREY, PLAIN, label_ends, new_figure, save, styled
from bn_reference.support.threads import on_threads

__all__ = ["draw_growth", "growth_json"]

FIGURES = {  # title, and which of CURVES
    "growth_check": ("What one check costs: oracle, bound and comparison of a training step", slice(2)),
    "growth_verification": (
        "What a verification costs: all properties of a pair, and a long sequence",
        slice(2, None),
    ),
}
KEPT = "growth.json"
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
            panel.set_xticks(sizes[::2], [f"{size:,}" for size in sizes[::2]], fontsize=11)
            panel.minorticks_off()
        axes[0].set_ylabel("seconds")
        for panel, curves in zip(axes, panels, strict=True):
            figure.draw_without_rendering()
            ends = [(*c.points[-1], f"{c.label}: slope {c.exponent:.2f}", COLOURS[c.label]) for c in curves]
            largest, longest = curves[0].points[-1]
            label_ends(panel, [*ends, (largest, longest / 3, "slope 1", GREY)])
        save(figure, directory, name)


def growth_json(curves: Sequence[Curve]) -> dict[str, Any]:
    """All points, and what they were measured on."""
    return {
        "environment": machine("cpu"),
        "curves": [{**asdict(curve), "exponent": curve.exponent} for curve in curves],
    }


def measured(directory: Path) -> list[list[Curve]]:
    """The curves of each panel, written to ``growth.json``: some four minutes."""
    keep_freed_memory()  # a check of a million values would else spend most of its time on pages that the system clears
    panels = []
    with on_threads(1):
        for measure in CURVES:
            sys.stderr.write(f"{measure.__doc__}\n")
            panels.append(list(measure()))
    content = json.dumps(growth_json([curve for panel in panels for curve in panel]), indent=1)
    (directory / KEPT).write_text(content + "\n", encoding="utf-8")
    return panels


def kept(directory: Path) -> list[list[Curve]]:
    """The curves of each panel that ``growth.json`` has."""
    curves = [
        Curve(each["against"], each["label"], tuple((size, seconds) for size, seconds in each["points"]))
        for each in json.loads((directory / KEPT).read_text(encoding="utf-8"))["curves"]
    ]
    return [list(panel) for _, panel in groupby(curves, key=lambda curve: curve.against)]


def main(directory: Path, *, again: bool = False) -> None:
    """Measure and draw, or draw what was measured."""
    directory.mkdir(parents=True, exist_ok=True)
    panels = kept(directory) if again else measured(directory)
    for name, (title, shown) in FIGURES.items():
        draw_growth(title, panels[shown], directory, name)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(
            "the directory for the figures is missing; usage: python -m bn_reference.benchmarks.growth_figures DIR [--again]"
        )
    main(Path(sys.argv[1]), again="--again" in sys.argv[2:])

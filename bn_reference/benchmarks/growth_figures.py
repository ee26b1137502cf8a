"""How the cost of verification grows, drawn: ``python -m bn_reference.benchmarks.growth_figures DIR``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
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
    """Measure, write ``growth.json``, and draw: some four minutes."""
    directory.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()  # a check of a million values would else spend most of its time on pages that the system clears
    panels = []
    with on_threads(1):
        for measure in CURVES:
            sys.stderr.write(f"{measure.__doc__}\n")
            panels.append(list(measure()))
    content = json.dumps(growth_json([curve for panel in panels for curve in panel]), indent=1)
    (directory / "growth.json").write_text(content + "\n", encoding="utf-8")
    for name, (title, shown) in FIGURES.items():
        draw_growth(title, panels[shown], directory, name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("the directory for the figures is missing; usage: python -m bn_reference.benchmarks.growth_figures DIR")
    main(Path(sys.argv[1]))

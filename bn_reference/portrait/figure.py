"""The figure of a portrait: how errors grow with the condition and with the rows, beside the bound of the class."""

from __future__ import annotations

from pathlib import Path

from bn_reference.portrait.portrait import Portrait
from bn_reference.support.plotting import BATCH_NORM, GREY, PLAIN, label_ends, new_figure, save, styled

__all__ = ["draw"]

COLOURS = {"float32": BATCH_NORM, "float64": PLAIN}
TITLES = {
    "kappa": ("relative error of the variance", "κ = √(1 + mean² / variance)"),
    "rows": ("relative error of the mean", "rows"),
}


def draw(portrait: Portrait, directory: Path, name: str = "portrait") -> None:
    """Write ``name.png`` and ``name.svg``."""
    panels = [against for against in TITLES if any(curve.against == against for curve in portrait.growth)]
    if not panels:
        return
    with styled():
        figure, axes = new_figure(1, len(panels), figsize=(7.0 * len(panels), 5.2), squeeze=False)
        figure.suptitle(f"How errors of {portrait.target} grow", x=0.01, ha="left", fontweight="bold", fontsize=16)
        for panel, against in zip(axes[0], panels, strict=True):
            title, label = TITLES[against]
            panel.set_title(title, fontsize=13, fontweight="normal")
            panel.set_xscale("log", base=10 if against == "kappa" else 2)
            panel.set_yscale("log")
            panel.set_xlabel(label)
            ends = []
            for curve in (curve for curve in portrait.growth if curve.against == against):
                colour = COLOURS.get(curve.pair.partition("/")[0], GREY)
                seen = [(at, error) for at, error, _ in curve.points if error > 0.0]
                if seen:
                    panel.plot(*zip(*seen, strict=True), color=colour, marker="o", linestyle="none" if len(seen) < 2 else "-")
                    ends.append((*seen[-1], curve.pair.partition("/")[0], colour))
                bound = [(at, limit) for at, _, limit in curve.points]
                panel.plot(*zip(*bound, strict=True), color=colour, linestyle=":", linewidth=1.5)
                ends.append((*bound[-1], "bound", colour))
            figure.draw_without_rendering()
            label_ends(panel, ends)
        save(figure, directory, name)

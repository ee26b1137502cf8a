"""The figures of the explanation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bn_reference.mnist.phenomena.account import profile_of
from bn_reference.mnist.phenomena.gradients import predicted_growth
from bn_reference.mnist.phenomena.measure import SEEN_DEPTH, Measurements
from bn_reference.mnist.phenomena.networks import ACTIVATIONS, DEPTHS
from bn_reference.mnist.phenomena.shift import PERCENTILES
from bn_reference.support.plotting import BATCH_NORM, GREY, PLAIN, label_ends, new_figure, save, styled

__all__ = ["draw_phenomena"]

CHANCE = 10.0  # percent, of ten classes


def draw_phenomena(found: Measurements, directory: Path) -> list[str]:
    """Draw each figure as PNG and SVG; their names."""
    figures = {
        "gradients": _gradients,
        "depth": _depth,
        "percentiles": _percentiles,
        "shift": _shift,
        "companions": _companions,
    }
    with styled():
        for name, draw in figures.items():
            save(draw(found), directory, name)
    return list(figures)


def _gradients(found: Measurements) -> Any:
    figure, panels = new_figure(1, 3, sharey=True)
    for axes, activation in zip(panels, ACTIVATIONS, strict=True):
        ends = []
        for batch_norm, colour, name in ((True, BATCH_NORM, "batch norm"), (False, PLAIN, "without")):
            norms = profile_of(found, activation, batch_norm).norms
            layers = np.arange(2, len(norms) + 2)
            axes.semilogy(layers, norms, color=colour)
            ends.append((layers[0], norms[0], name, colour))
        start = profile_of(found, activation, True).norms
        theory = predicted_growth(activation) ** (np.arange(len(start))[::-1] / 2) * start[-1]
        axes.semilogy(np.arange(2, len(start) + 2), theory, color=GREY, linestyle=":", linewidth=1.8)
        axes.set_title(activation, fontweight="normal", fontsize=14)
        axes.set_xlabel("hidden layer")
        axes.set_xticks([2, 10, SEEN_DEPTH])
    panels[0].set_ylabel("norm of the weights' gradient")
    panels[0].annotate("batch norm", (2.5, 3.0), color=BATCH_NORM, fontweight="bold", va="bottom")
    panels[0].annotate("without", (9.5, 1e-12), color=PLAIN, fontweight="bold", ha="left", va="top")
    panels[2].annotate("dotted: theory", (20, 3.0), color=GREY, ha="right", va="bottom", fontsize=12)
    figure.suptitle(
        f"Going back through {SEEN_DEPTH} layers, gradients vanish; with batch norm they grow",
        x=0.01,
        ha="left",
        fontweight="bold",
        fontsize=16,
    )
    return figure


def _depth(found: Measurements) -> Any:
    figure, panels = new_figure(1, 3, sharey=True)
    reached = {(learnt.activation, learnt.batch_norm, learnt.depth): 100 * learnt.accuracy for learnt in found.learnt}
    for axes, activation in zip(panels, ACTIVATIONS, strict=True):
        for batch_norm, colour in ((True, BATCH_NORM), (False, PLAIN)):
            axes.plot(DEPTHS, [reached[activation, batch_norm, depth] for depth in DEPTHS], color=colour, marker="o")
        axes.axhline(CHANCE, color=GREY, linestyle=":", linewidth=1.5)
        axes.set_title(activation, fontweight="normal", fontsize=14)
        axes.set_xlabel("hidden layers")
        axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axes.set_ylim(0, 100)
    panels[0].set_ylabel("test accuracy after 300 steps, %")
    panels[0].annotate("batch norm", (50, 91), color=BATCH_NORM, fontweight="bold", ha="right", va="bottom")
    panels[0].annotate("without", (11, 14), color=PLAIN, fontweight="bold", va="bottom")
    panels[0].annotate("chance", (50, 8), color=GREY, ha="right", va="top", fontsize=12)
    figure.suptitle(
        "Batch norm trains what is too deep without it, but not without end", x=0.01, ha="left", fontweight="bold", fontsize=16
    )
    return figure


def _percentiles(found: Measurements) -> Any:
    figure, panels = new_figure(1, 2, sharey=True)
    titles = ("with batch norm", "without")
    for axes, percentiles, colour, title in zip(panels, found.percentiles, (BATCH_NORM, PLAIN), titles, strict=True):
        low, middle, high = percentiles.values.T
        axes.fill_between(percentiles.steps, low, high, color=colour, alpha=0.15, linewidth=0)
        for values, width in ((low, 1.2), (middle, 2.6), (high, 1.2)):
            axes.plot(percentiles.steps, values, color=colour, linewidth=width)
        axes.set_title(title, fontweight="normal", fontsize=14, color=colour)
        axes.set_xlabel("step")
        axes.margins(x=0)
        ends = [(percentiles.steps[-1], line[-1]) for line in (low, middle, high)]
        for (x, y), percentile in zip(ends, PERCENTILES, strict=True):
            axes.annotate(f"{percentile} %", (x, y), (5, 0), textcoords="offset points", va="center", color=GREY, fontsize=11)
    panels[0].set_ylabel("input of one sigmoid, last hidden layer")
    figure.suptitle(
        "The input of an inner unit wanders; with batch norm its median stays",
        x=0.01,
        ha="left",
        fontweight="bold",
        fontsize=16,
    )
    return figure


def _shift(found: Measurements) -> Any:
    figure, panels = new_figure(1, 2)
    with_bn, without = found.shifts
    kinds = (
        ("mean input, moved a step (in deviations)", with_bn.mean, without.mean, ("activation 1", "activation 2")),
        (
            "gradient, moved by earlier layers (relative)",
            with_bn.gradient,
            without.gradient,
            ("linear layer 2", "linear layer 3"),
        ),
    )
    for axes, (title, ours, plain, names) in zip(panels, kinds, strict=True):
        places = np.arange(len(names))
        for offset, values, colour in ((-0.2, ours, BATCH_NORM), (0.2, plain, PLAIN)):
            bars = axes.bar(places + offset, values, width=0.36, color=colour)
            axes.bar_label(bars, fmt="%.3f", padding=3, color=colour, fontsize=12)
        axes.set_title(title, fontweight="normal", fontsize=14)
        axes.set_xticks(places, names)
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.14)
    for height, name, colour in ((0.97, "batch norm", BATCH_NORM), (0.90, "without", PLAIN)):
        panels[0].annotate(name, (0.02, height), xycoords="axes fraction", color=colour, fontweight="bold", va="top")
    figure.suptitle(
        "Two measures of internal covariate shift, and they disagree", x=0.01, ha="left", fontweight="bold", fontsize=16
    )
    return figure


def _companions(found: Measurements) -> Any:
    seen = found.companions
    figure, axes = new_figure()
    axes.loglog(seen.sizes, seen.training, color=BATCH_NORM, marker="o")
    law = seen.training[-1] * (seen.sizes / seen.sizes[-1]) ** -0.5
    axes.loglog(seen.sizes, law, color=GREY, linestyle=":", linewidth=1.8)
    axes.set_xticks(seen.sizes, [str(size) for size in seen.sizes])
    axes.minorticks_off()
    axes.set_yticks([0.2, 0.5, 1.0, 2.0], ["0.2", "0.5", "1", "2"])
    axes.set_xlabel("images in the batch")
    axes.set_ylabel("deviation of a logit, nats")
    axes.set_title("In training, an image's output depends on its companions")
    figure.draw_without_rendering()
    label_ends(axes, [(seen.sizes[-1], seen.training[-1], "training", BATCH_NORM)])
    axes.annotate("1 / √m", (4, float(law[1])), (6, 6), textcoords="offset points", color=GREY, va="bottom")
    axes.annotate(
        f"eval: {seen.evaluation.max():g} at every size", (0.02, 0.04), xycoords="axes fraction", color=PLAIN, fontweight="bold"
    )
    return figure

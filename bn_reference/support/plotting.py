"""How figures look and how they are written: one style, two fixed colours, PNG and SVG with the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bn_reference.support.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BATCH_NORM",
    "FORMATS",
    "GREY",
    "PLAIN",
    "UnusablePlots",
    "label_ends",
    "new_figure",
    "require_matplotlib",
    "save",
    "styled",
]

# Blue and orange of Okabe & Ito (2008), which stay apart for every kind of colour blindness.
BATCH_NORM, PLAIN = "#0072B2", "#D55E00"
GREY = "#555555"
FORMATS = ("png", "svg")
SIZE = (10.0, 5.625)  # inches: 16 to 9
DOTS_PER_INCH = 120

STYLE: Any = {  # of rcParams
    "font.size": 13,
    "axes.titlesize": 16,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 14,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "lines.linewidth": 2.4,
    "lines.markersize": 6,
    "legend.frameon": False,
    "figure.dpi": DOTS_PER_INCH,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "bn_reference",
}


class UnusablePlots(Exception):
    """matplotlib is not installed; the sentence says what to do."""


def require_matplotlib() -> None:
    """Raises UnusablePlots where figures cannot be drawn: before the work, not after it."""
    try:
        import matplotlib  # noqa: F401  (whether it is there is all that is asked)
    except ImportError:
        raise UnusablePlots("figures are drawn by matplotlib, which is missing; pip install 'bn-reference[plots]'") from None


@contextmanager
def styled() -> Iterator[None]:
    """Within it figures have the style; whoever uses matplotlib beside us keeps theirs."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes, in a layout that keeps labels apart; no window and no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=options.pop("figsize", SIZE))
    return figure, figure.subplots(rows, columns, **options)


def label_ends(axes: Axes, lines: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names beside the ends of lines, in their colours, pushed apart where they would touch.

    Args:
        axes: linear or logarithmic along y; its limits are final.
        lines: x and y of the end, name and colour.
    """
    from matplotlib.patheffects import withStroke

    needed = 1.25 * STYLE["font.size"] * DOTS_PER_INCH / 72 / axes.bbox.height  # a line of text, in heights of the axes
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = sorted((float(to_axes.transform((x, y))[1]), x, name, colour) for x, y, name, colour in lines)
    heights = np.array([height for height, *_ in ends])
    for _ in range(100):
        gaps = np.diff(heights)
        if (gaps >= needed * 0.999).all():
            break
        for at in np.flatnonzero(gaps < needed):
            push = (needed - (heights[at + 1] - heights[at])) / 2
            heights[at], heights[at + 1] = heights[at] - push, heights[at + 1] + push
    for height, (_, x, name, colour) in zip(heights, ends, strict=True):
        axes.annotate(
            name,
            xy=(x, height),
            xycoords=("data", "axes fraction"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
            path_effects=[withStroke(linewidth=4, foreground="white")],  # no line strikes it through
        )


def save(figure: Figure, directory: Path, name: str) -> None:
    """Write ``name.png`` and ``name.svg``, each whole or not at all."""
    for suffix in FORMATS:
        metadata: dict[str, Any] = {"Software": None} if suffix == "png" else {"Date": None, "Creator": None}
        write = partial(figure.savefig, format=suffix, metadata=metadata)
        write_whole(directory / f"{name}.{suffix}", write)

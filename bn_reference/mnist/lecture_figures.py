"""The lecture's four plots: loss and accuracy on both sets, with batch norm and without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from bn_reference.mnist.training import Epoch
from bn_reference.support.plotting import BATCH_NORM, PLAIN, label_ends, new_figure, save, styled

__all__ = ["draw_lecture"]

KINDS = {"train": "training set", "test": "test set"}
MODELS = (("batch_norm", "batch norm", BATCH_NORM), ("plain", "without", PLAIN))


def draw_lecture(history: Sequence[Epoch], directory: Path) -> list[str]:
    """Draw train_loss, train_accuracy, test_loss and test_accuracy, as PNG and SVG; their names."""
    names = [f"{kind}_{figure}" for kind in KINDS for figure in ("loss", "accuracy")]
    with styled():
        for name in names:
            _draw(history, name, directory)
    return names


def _draw(history: Sequence[Epoch], name: str, directory: Path) -> None:
    kind, figure_name = name.split("_")
    accuracy = figure_name == "accuracy"
    epochs = [epoch.epoch for epoch in history]
    figure, axes = new_figure()
    ends = []
    for model, title, colour in MODELS:
        values = [getattr(getattr(epoch, model), name) * (100 if accuracy else 1) for epoch in history]
        axes.plot(epochs, values, color=colour, marker="o")
        ends.append((epochs[-1], values[-1], title, colour))
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %" if accuracy else "cross entropy, nats")
    axes.set_title(f"{figure_name.capitalize()} on the {KINDS[kind]}, in eval")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if not accuracy:
        axes.set_ylim(bottom=0)  # a loss has a zero; an accuracy is read near its top
    figure.draw_without_rendering()  # the limits are final now
    label_ends(axes, ends)
    save(figure, directory, name)

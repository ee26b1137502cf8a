"""The history of a run as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.training import Epoch, History, Settings
from bn_reference.reports.streams import print_suitably

__all__ = ["print_history"]


def print_history(history: History, settings: Settings, dataset: Dataset, console: Console) -> None:
    """What was trained on what, a row an epoch, and what it comes to."""
    print_suitably(lambda suitable: _print(history, settings, dataset, suitable), console)


def _print(history: History, settings: Settings, dataset: Dataset, console: Console) -> None:
    limited = dataset.limited(settings.limit)
    threads = f"{settings.threads} thread{'s' if settings.threads > 1 else ''}"
    console.print(f"{dataset.name} from {dataset.source}: {len(limited.train)} images to train on, {len(limited.test)} to test")
    console.print(f"layer {settings.layer}, seed {settings.seed}, {threads}; loss in nats (accuracy), in eval\n")
    if history.epochs:
        console.print(_table(history.epochs))
        console.print(f"\n{_verdict(history.epochs)}")


def _table(history: Sequence[Epoch]) -> Table:
    """One row an epoch: loss in nats and accuracy of both models on both sets, in eval."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("epoch", justify="right")
    for title in ("BN train", "plain train", "BN test", "plain test"):
        table.add_column(title, justify="right", no_wrap=True)
    for epoch in history:
        bn, plain = epoch.batch_norm, epoch.plain
        table.add_row(
            str(epoch.epoch),
            _figure(bn.train_loss, bn.train_accuracy),
            _figure(plain.train_loss, plain.train_accuracy),
            _figure(bn.test_loss, bn.test_accuracy),
            _figure(plain.test_loss, plain.test_accuracy),
        )
    return table


def _figure(loss: float, accuracy: float) -> str:
    return f"{loss:.5f} ({accuracy:.4f})"


def _verdict(history: Sequence[Epoch]) -> str:
    """In how many epochs batch norm was ahead, and by how much in the end."""
    ahead = sum(epoch.batch_norm.test_loss < epoch.plain.test_loss for epoch in history)
    last = history[-1]
    loss = last.plain.test_loss - last.batch_norm.test_loss
    accuracy = 100 * (last.batch_norm.test_accuracy - last.plain.test_accuracy)
    return (
        f"batch norm has the lower test loss after {ahead} of {len(history)} epochs; after the last one it is "
        f"{abs(loss):.5f} nats {'lower' if loss > 0 else 'higher'} and {abs(accuracy):.2f} points of accuracy "
        f"{'higher' if accuracy > 0 else 'lower'}"
    )

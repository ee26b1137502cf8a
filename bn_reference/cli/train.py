"""``bn-reference train``."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_figures, require_writable, write_json
from bn_reference.cli.status import CONFORMS, INTERRUPTED

if TYPE_CHECKING:
    from bn_reference.mnist.dataset import Dataset
    from bn_reference.mnist.training import History, Settings

__all__ = ["train"]

SCHEMA = 1


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the four files of MNIST lie.")
@click.option("--epochs", type=int, default=10, show_default=True, help="How often each image is seen.")
@click.option("--limit", type=int, metavar="N", help="Train on the first N images only.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the initial weights and the order of the images.")
@click.option("--threads", type=int, default=1, show_default=True, help="Of torch; the models are too small to gain by more.")
@click.option("--layer", default="torch", show_default=True, metavar="NAME", help="torch, reference, or a target as in verify.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write figures there, those of explain too, as PNG and SVG."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the history as JSON.")
def train(data: Path | None, out: Path | None, json_path: Path | None, **options: Any) -> int:
    """Train the lecture's pair of models on MNIST: one with batch norm, one without.

    Two hidden layers of 32 units, Adam at a learning rate of 0.01, batches of 32. After each epoch both are scored in eval
    on the training and the test set. Both start from the same weights and see the same batches; the same seed, threads and
    versions give the same bits.
    """
    require_torch("training")
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.mnist.layers import layer_named
    from bn_reference.mnist.sources import UnusableData, load
    from bn_reference.mnist.training import History, Settings, steps_of
    from bn_reference.mnist.training import train as run
    from bn_reference.targets.protocol import UnusableTarget

    settings = Settings(**options)
    _require_usable(settings)
    require_figures(out)  # first, as the other file may go to the same directory
    require_writable(json_path)
    started = time.perf_counter()
    try:
        dataset, layer = load(data), layer_named(settings.layer)
    except (UnusableData, UnusableTarget) as unusable:
        raise click.ClickException(str(unusable)) from None
    _require_enough(settings, dataset)
    history, interrupted, failure = History(), False, ""
    display = StepsDisplay(Console(stderr=True), f"training with the layer {settings.layer}", steps_of(dataset, settings))
    try:
        with display:
            run(dataset, settings, layer, history, display.advance)
    except KeyboardInterrupt:
        interrupted = True
    except (Exception, SystemExit) as error:  # of the target's own; torch's layer and the reference raise none
        if settings.layer in ("torch", "reference"):
            raise
        failure = " ".join(f"{type(error).__name__}: {error}".split())
    seconds = time.perf_counter() - started
    _print(history, settings, dataset, seconds, interrupted)
    if json_path is not None:
        write_json(_as_json(history, settings, dataset, seconds), json_path)
    if failure:
        advice = f"bn-reference verify {settings.layer} says what is wrong with it"
        raise click.ClickException(f"the layer {settings.layer} fails in training, {failure}; {advice}")
    if interrupted:
        return INTERRUPTED
    if out is not None:
        _draw(history, dataset, settings, out)
    return CONFORMS


def _require_usable(settings: Settings) -> None:
    for name, value, least in (
        ("--epochs", settings.epochs, 1),
        ("--threads", settings.threads, 1),
        ("--seed", settings.seed, 0),
    ):
        if value < least:
            raise click.ClickException(f"{name} is {value}, but must be at least {least}; choose a larger number")
    if settings.seed >= 2**63:
        raise click.ClickException(f"--seed is {settings.seed}, but torch takes less than 2^63; choose a smaller number")


def _require_enough(settings: Settings, dataset: Dataset) -> None:
    """Of the images that ``--limit`` leaves, a batch can be made; and there are as many as it asks for."""
    from bn_reference.mnist.learning import BATCH_SIZE

    limit, most = settings.limit, len(dataset.train)
    if limit is not None and not BATCH_SIZE <= limit <= most:
        rule = f"must be between {BATCH_SIZE}, which make a batch, and {most}, which is all there are"
        raise click.ClickException(f"--limit is {limit}, but {rule}; choose such a number, or leave it out")


def _print(history: History, settings: Settings, dataset: Dataset, seconds: float, interrupted: bool) -> None:
    from rich.console import Console

    from bn_reference.mnist.table import print_history

    console = Console(highlight=False)
    print_history(history, settings, dataset, console)
    console.print(f"interrupted after {seconds:.1f} s" if interrupted else f"in {seconds:.1f} s")


def _as_json(history: History, settings: Settings, dataset: Dataset, seconds: float) -> dict[str, Any]:
    """Schema 1 of the contract; a figure that is not finite is null, as JSON has no other word for it."""
    from bn_reference.verification.api import environment

    return {
        "schema": SCHEMA,
        "settings": asdict(settings),
        "environment": {**environment(), "data": f"{dataset.name}, {dataset.source}"},
        "history": _finite(history.to_json()),
        "seconds": seconds,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _draw(history: History, dataset: Dataset, settings: Settings, out: Path) -> None:
    """The lecture's plots, and those of ``explain``."""
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.mnist.lecture_figures import draw_lecture
    from bn_reference.mnist.phenomena import measure
    from bn_reference.mnist.phenomena.figures import draw_phenomena

    draw_lecture(history.epochs, out)
    with StepsDisplay(Console(stderr=True), "measuring what explains it", measure.PARTS) as display:
        found = measure.measure_all(dataset, settings.seed, settings.threads, display.advance)
    draw_phenomena(found, out)
    click.echo(f"figures are in {out}")

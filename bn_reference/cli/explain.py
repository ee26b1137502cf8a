"""``bn-reference explain``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_figures, require_writable, write_json
from bn_reference.cli.status import CONFORMS, INTERRUPTED

__all__ = ["explain"]

SCHEMA = 1


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the four files of MNIST lie.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of weights, orders and draws.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of torch.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the figures there, as PNG and SVG.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the measurements as JSON.")
def explain(data: Path | None, seed: int, threads: int, out: Path | None, json_path: Path | None) -> int:
    """Measure on MNIST what batch norm does to a network.

    How gradients vanish and explode through depth, how the inputs of inner layers shift while a network learns, and how an
    image's output depends on its companions in training, and not in eval.
    """
    require_torch("explaining")
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.mnist.phenomena.account import print_account
    from bn_reference.mnist.phenomena.measure import PARTS, measure_all
    from bn_reference.mnist.sources import UnusableData, load
    from bn_reference.reports.streams import print_suitably
    from bn_reference.verification.api import environment

    require_figures(out)  # first, as the other file may go to the same directory
    require_writable(json_path)
    started = time.perf_counter()
    try:
        dataset = load(data)
    except UnusableData as unusable:
        raise click.ClickException(str(unusable)) from None
    display = StepsDisplay(Console(stderr=True), "measuring", PARTS)
    try:
        with display:
            found = measure_all(dataset, seed, threads, display.advance)
    except KeyboardInterrupt:
        return INTERRUPTED
    print_suitably(lambda console: print_account(found, console), Console(highlight=False))
    if out is not None:
        from bn_reference.mnist.phenomena.figures import draw_phenomena

        draw_phenomena(found, out)
        click.echo(f"figures are in {out}")
    seconds = time.perf_counter() - started
    if json_path is not None:
        settings = {"seed": seed, "threads": threads}
        where = {**environment(), "data": f"{dataset.name}, {dataset.source}"}
        content = {"schema": SCHEMA, "settings": settings, "environment": where, "measurements": found.to_json()}
        write_json({**content, "seconds": seconds}, json_path)
    click.echo(f"in {seconds:.1f} s")
    return CONFORMS

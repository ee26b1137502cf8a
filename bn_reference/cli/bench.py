"""``bn-reference bench``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_figures, require_writable, write_json
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES

if TYPE_CHECKING:
    from bn_reference.benchmarks.run import Run

__all__ = ["bench"]


@click.command(cls=Several)
@click.argument("targets", nargs=-1, metavar="[TARGET ...]")
@click.option("--device", default="cpu", show_default=True, help="Where torch's arrays lie.")
@click.option(
    "--full", is_flag=True, help="Every dtype at every size, up to 256 MB (of float32): some twenty minutes, 10 GB of memory."
)
@click.option(
    "--operation", "operations", multiple=True, metavar="NAME ...", help="train forward, train forward+backward, eval forward."
)
@click.option("--shape", "shapes", multiple=True, metavar="SHAPE ...", help="NxC or NxCxL, such as 4096x64.")
@click.option("--dtype", "dtypes", multiple=True, metavar="T ...", help="Of the batch.")
@click.option("--layout", "layouts", multiple=True, metavar="NAME ...", help="Of the batch in memory, such as transposed.")
@click.option("--threads", "threads", multiple=True, type=click.IntRange(1), metavar="N ...", help="Of torch.")
@click.option(
    "--cache", "caches", multiple=True, metavar="STATE ...", help="warm or cold: whether arrays are evicted before a run."
)
@click.option("--seconds", type=click.FloatRange(0.001, 600), default=0.3, show_default=True, help="For each figure, about.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of the batches.")
@click.option("--compare", metavar="BASELINE", help="A file that --json wrote, or a target to time in the same turns.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.07,
    show_default=True,
    help="Loss of speed allowed.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write figures and a Markdown table there.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the rows: a baseline.")
def bench(targets: tuple[str, ...], out: Path | None, json_path: Path | None, **options: Any) -> int:
    """Time implementations against a copy of the bytes that they must move.

    Without TARGET: torch's layer, F.batch_norm, the compiled layer and the NumPy reference. Each figure is taken in
    alternation with the copy, so that it holds on a noisy machine, and each timed output is held to its bound. The status
    is 1 where an output is wrong, or slower than the baseline allows.
    """
    require_torch("the benchmark")
    from rich.console import Console

    from bn_reference.benchmarks.baseline import UnusableBaseline
    from bn_reference.benchmarks.run import UnusableChoice, prepared
    from bn_reference.cli.display import StepsDisplay
    from bn_reference.targets.protocol import UnusableTarget

    require_figures(out)
    require_writable(json_path)
    started = time.perf_counter()
    try:
        run = prepared(targets, **options)
    except (UnusableBaseline, UnusableChoice, UnusableTarget) as unusable:
        raise click.ClickException(str(unusable)) from None
    display, interrupted = StepsDisplay(Console(stderr=True), "timing", run.total), False
    try:
        with display:
            run.carry_out(display.advance)
    except KeyboardInterrupt:
        interrupted = True
    _print(run)
    seconds = time.perf_counter() - started
    if json_path is not None:
        write_json({**run.to_json(), "seconds": seconds}, json_path)
    if out is not None and run.rows:
        from bn_reference.benchmarks.figures import write_figures

        write_figures(run.rows, out)
        click.echo(f"figures and a table are in {out}")
    click.echo(f"in {seconds:.1f} s")
    if interrupted:
        return INTERRUPTED
    return VIOLATES if run.failures or any(change.slower for change in run.changes) else CONFORMS


def _print(run: Run) -> None:
    from rich.console import Console

    from bn_reference.benchmarks.report import print_changes, print_rows
    from bn_reference.reports.streams import print_suitably

    console = Console(highlight=False)
    if run.changes:
        print_suitably(lambda c: print_changes(run.changes, c), console)
    elif run.rows:
        print_suitably(lambda c: print_rows(run.rows, c), console)
    _say(run.notes)
    _say([f"{failure}; bn-reference verify says what is wrong" for failure in run.failures])


def _say(sentences: Sequence[str]) -> None:
    for sentence in dict.fromkeys(sentences):
        click.echo(sentence)

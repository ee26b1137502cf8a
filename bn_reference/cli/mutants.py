"""``bn-reference mutants``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_writable, write_json
from bn_reference.cli.seed import SEED
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES
from bn_reference.power.tiers import TIERS
from bn_reference.support.threads import processors

__all__ = ["mutants"]


@click.command(cls=Several)
@click.option(
    "--target-set",
    "names",
    multiple=True,
    metavar="NAME ...",
    help="Of layers, or of kinds: running, lives, controls ...; default: all.",
)
@click.option(
    "--tier",
    type=click.Choice(list(TIERS)),
    default="default",
    show_default=True,
    help="As verify does by default, as pytest does, or until the first violation.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the cases; or random.")
@click.option("--jobs", type=click.IntRange(1), default=processors, show_default="one a core", help="Worker processes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the scores as JSON.")
def mutants(names: tuple[str, ...], tier: str, seed: int, jobs: int, json_path: Path | None) -> int:
    """Measure the suite on layers that are known to be wrong, and on layers that are known to be right.

    A wrong one is tried pair of dtypes by pair of dtypes until one shows it, a right one in all. The exit status is 0 where
    every wrong one is killed and no right one is flagged, else 1.
    """
    require_torch("measuring")
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.power.scoreboard import Scoreboard, scores_of
    from bn_reference.power.scoreboard_text import print_scoreboard
    from bn_reference.power.subjects import UnknownSubject, select
    from bn_reference.reports.streams import print_suitably
    from bn_reference.verification.api import environment

    require_writable(json_path)
    try:
        subjects = select(names)
    except UnknownSubject as unknown:
        raise click.ClickException(str(unknown)) from None
    started = time.perf_counter()
    display = StepsDisplay(Console(stderr=True), "trying", len(subjects))
    try:
        with display:
            board = Scoreboard(scores_of(subjects, tier, seed, jobs, display.advance), tier, seed)
    except KeyboardInterrupt:
        return INTERRUPTED
    seconds = time.perf_counter() - started
    if json_path is not None:
        write_json({**board.to_json(), "environment": environment(), "seconds": seconds}, json_path)
    print_suitably(lambda console: print_scoreboard(board, console), Console(highlight=False))
    killed = f"{len(board.mutants) - len(board.survivors)} of {len(board.mutants)} mutants are killed"
    flagged = f"{len(board.flagged)} of {len(board.controls)} controls are flagged"
    click.echo(f"{killed}, {flagged}, in {seconds:.1f} s (seed {seed}, {tier})")
    return CONFORMS if board.sound else VIOLATES

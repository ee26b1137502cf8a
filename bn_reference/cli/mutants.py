"""``bn-reference mutants``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_figures, require_writable, write_json
from bn_reference.cli.seed import SEED
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES
from bn_reference.power.tiers import TIERS
from bn_reference.support.threads import processors

if TYPE_CHECKING:
    from bn_reference.power.score import Score

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
@click.option("--sample", type=click.IntRange(0), default=0, metavar="N", help="Only so many of them, drawn by a fixed seed.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the scores as JSON, after each."
)
@click.option("--resume", is_flag=True, help="Take over what FILE has: layers in it are not tried again.")
@click.option(
    "--figure",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draw there what each rule kills, by kind of fault.",
)
def mutants(
    names: tuple[str, ...],
    tier: str,
    seed: int,
    jobs: int,
    sample: int,
    json_path: Path | None,
    resume: bool,
    directory: Path | None,
) -> int:
    """Measure the suite on layers that are known to be wrong, and on layers that are known to be right.

    A wrong one is tried pair of dtypes by pair of dtypes until one shows it, there on every rule (in the tier fail-fast until
    the first one is broken), a right one in all. The exit status is 0 where every wrong one is killed and no right one is
    flagged, else 1.
    """
    require_torch("measuring")
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.power.kills_figure import draw
    from bn_reference.power.scoreboard import Scoreboard, scores_of
    from bn_reference.power.scoreboard_text import print_scoreboard
    from bn_reference.power.subjects import UnknownSubject, sample_of, select
    from bn_reference.reports.streams import print_suitably
    from bn_reference.verification.api import environment

    require_writable(json_path)
    require_figures(directory, "--figure")
    known = _known(json_path, tier, seed) if resume else {}
    try:
        subjects = sample_of(select(names), sample)
    except UnknownSubject as unknown:
        raise click.ClickException(str(unknown)) from None
    started, waiting = time.perf_counter(), [subject for subject in subjects if subject.name not in known]
    wanted = [subject.name for subject in subjects]
    display = StepsDisplay(Console(stderr=True), "trying", len(waiting))

    def note(score: Score) -> None:
        known[score.name] = score
        keep()
        display.advance()

    def board_of(names: Iterable[str]) -> Scoreboard:
        return Scoreboard(tuple(known[name] for name in names if name in known), tier, seed)

    def keep() -> None:
        if json_path is not None:  # with what was known of others
            all_of_them = board_of(dict.fromkeys([*wanted, *known]))
            write_json({**all_of_them.to_json(), "environment": environment()}, json_path)

    try:
        with display:
            scores_of(waiting, tier, seed, jobs, note)
    except KeyboardInterrupt:
        return INTERRUPTED
    seconds, board = time.perf_counter() - started, board_of(wanted)
    keep()
    if directory is not None:
        draw(board, directory)
    print_suitably(lambda console: print_scoreboard(board, console), Console(highlight=False))
    killed = f"{len(board.mutants) - len(board.survivors)} of {len(board.mutants)} mutants are killed"
    flagged = f"{len(board.flagged)} of {len(board.controls)} controls are flagged"
    click.echo(f"{killed}, {flagged}, in {seconds:.1f} s (seed {seed}, {tier})")
    return CONFORMS if board.sound else VIOLATES


def _known(path: Path | None, tier: str, seed: int) -> dict[str, Score]:
    """The scores that a file has, by the name of the layer; none where there is no such file."""
    from bn_reference.power.scoreboard import Scoreboard

    if path is None:
        raise click.ClickException("--resume takes over what --json FILE has, but there is no --json; name the file")
    if not path.exists():
        return {}
    try:
        board = Scoreboard.of_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(f"--json is {path}, which has no scores of this command to resume; name another") from None
    if (board.tier, board.seed) != (tier, seed):
        said = f"has scores of the tier {board.tier} and seed {board.seed}, not of {tier} and {seed}"
        raise click.ClickException(f"--json is {path}, which {said}; name another file, or the same tier and seed")
    return {score.name: score for score in board.scores}

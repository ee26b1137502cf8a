"""``bn-reference replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bn_reference.cli.status import CONFORMS, UNUSABLE, VIOLATES

if TYPE_CHECKING:
    from bn_reference.reports.results import Cause

__all__ = ["replay"]


@click.command()
@click.argument("cause", metavar="FILE#N")
def replay(cause: str) -> int:
    """Run cause N of a report that verify --json wrote again, alone, on its very case.

    The rule that shows the cause best is tried on the target, in the circumstances of the case. The exit status is 1 where it
    still fails, 0 where it does not.
    """
    from bn_reference.reports.difference import UnusableReport
    from bn_reference.targets.protocol import UnusableTarget
    from bn_reference.verification.arguments import UnusableArguments
    from bn_reference.verification.replay import replay as run
    from bn_reference.verification.replay import replayable

    path, number = _parts(cause)
    try:
        chosen = replayable(path, number)
        replayed = run(chosen)
    except (UnusableReport, UnusableTarget, UnusableArguments) as unusable:
        raise click.ClickException(str(unusable)) from None
    rule, pair = chosen.unit.properties[0].sentence, chosen.unit.pair
    what = f"{rule} in {pair}, of {chosen.target} on {chosen.device}"
    if replayed.cause is not None:
        _print(replayed.cause, f"{chosen.name} still fails: {what}")
        return VIOLATES
    if replayed.result.status == "unsupported":
        click.echo(f"bn-reference: {chosen.name} cannot be asked any more: {what}: {replayed.result.message}", err=True)
        return UNUSABLE
    known = f" ({replayed.result.message})" if replayed.result.message else ""
    click.echo(f"ok {chosen.name} does not fail, alone on its case: {what}{known}")
    return CONFORMS


def _parts(cause: str) -> tuple[Path, int]:
    path, mark, number = cause.rpartition("#")
    if not mark or not path or not number.isdecimal():
        rule = "must be a report and the number of one of its causes"
        raise click.ClickException(f"what is to be run again is {cause!r}, but {rule}; write found.json#1, for example")
    return Path(path), int(number)


def _print(cause: Cause, verdict: str) -> None:
    from rich.console import Console

    from bn_reference.reports.streams import print_suitably
    from bn_reference.reports.violations import print_cause

    print_suitably(lambda console: print_cause(cause, console, verdict), Console(highlight=False))

"""One target after another: a report each, and the worst of their statuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn_reference.cli.accepting import write_accepted
from bn_reference.cli.outputs import Outputs
from bn_reference.cli.status import CONFORMS, INTERRUPTED, UNUSABLE, VIOLATES

if TYPE_CHECKING:
    from bn_reference.reports.report import Report

__all__ = ["verified", "verify_all"]


def verify_all(targets: Sequence[str], outputs: Outputs, *, everything: bool, writes: Path | None, **options: Any) -> int:
    """Verify each target, print and write what was found, and give the worst status; an interruption ends it.

    Args:
        targets: of several, one that cannot be loaded is said so, and the others are verified.
        outputs: of several targets each has files of its own, with its number in their names.
        everything: whether the report shows all that there is.
        writes: the file that what is violated is added to; None for none.
        options: of ``verify``.
    """
    from rich.console import Console

    from bn_reference.reports.text import print_report
    from bn_reference.targets.protocol import UnusableTarget

    reports: list[Report] = []
    worst = CONFORMS
    for number, target in enumerate(targets, 1):
        try:
            report = verified(target, surveys=writes is not None, **options)
        except UnusableTarget as unusable:
            if len(targets) == 1:
                raise click.ClickException(str(unusable)) from None
            click.echo(f"bn-reference: {' '.join(str(unusable).split())}", err=True)
            worst = UNUSABLE
            continue
        reports.append(report)
        (outputs if len(targets) == 1 else outputs.numbered(number)).write(report)
        if len(reports) > 1:
            click.echo()
        print_report(report, Console(highlight=False, soft_wrap=False), everything=everything)
        if report.interrupted:
            return INTERRUPTED
        worst = max(worst, CONFORMS if report.passes else VIOLATES)
    if writes is not None:
        for report in reports:
            write_accepted(report, writes)
    return worst


def verified(target: str, **options: Any) -> Report:
    """Verify one target in worker processes, with progress on a terminal."""
    from rich.console import Console

    from bn_reference.cli.progress import ProgressDisplay
    from bn_reference.verification import api

    with ProgressDisplay(Console(stderr=True)) as progress:
        return api.verify(target=target, isolated=True, listener=progress, **options)

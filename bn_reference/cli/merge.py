"""``bn-reference merge``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.outputs import Outputs, writing
from bn_reference.cli.status import CONFORMS, VIOLATES

__all__ = ["merge"]


@click.command()
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@writing
@click.option("--all", "everything", is_flag=True, help="Show every result, every cause and every script.")
def merge(
    reports: tuple[Path, ...],
    json_path: Path | None,
    html: Path | None,
    junit: Path | None,
    summary: Path | None,
    scripts: Path | None,
    everything: bool,
) -> int:
    """Give the verdict of all parts of a run, whose REPORTs verify --shard I/N --json wrote, in any order.

    It is that of one run of the same seed, and so is the exit status: 0 where the target conforms, 1 where it violates a rule,
    and 2 where the reports are not the parts of one run. Nothing in a report is run.
    """
    from rich.console import Console

    from bn_reference.reports.difference import UnusableReport, read_report
    from bn_reference.reports.text import print_report
    from bn_reference.verification.merge import merged

    outputs = Outputs(json_path, html, junit, summary, scripts)
    outputs.require()
    try:
        report = merged([(str(path), read_report(path)) for path in reports])
    except UnusableReport as unusable:
        raise click.ClickException(str(unusable)) from None
    outputs.write(report)
    print_report(report, Console(highlight=False, soft_wrap=False), everything=everything)
    return CONFORMS if report.conforms else VIOLATES

"""``bn-reference diff``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.status import CONFORMS, VIOLATES

__all__ = ["diff"]


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Show every number that moved.")
def diff(old: Path, new: Path, everything: bool) -> int:
    """Compare two reports that verify --json wrote: of versions, machines or implementations.

    The exit status is 1 where something got worse: a rule is newly violated, or verified no more, or a convention is another
    one than was demanded. Numbers that moved are shown, and are no verdict.
    """
    from rich.console import Console

    from bn_reference.reports.difference import UnusableReport, difference, read_report
    from bn_reference.reports.difference_text import print_difference
    from bn_reference.reports.streams import print_suitably

    try:
        found = difference(read_report(old), read_report(new))
    except UnusableReport as unusable:
        raise click.ClickException(str(unusable)) from None
    print_suitably(lambda console: print_difference(found, console, everything=everything), Console(highlight=False))
    return VIOLATES if found.worse else CONFORMS

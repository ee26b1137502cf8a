"""``bn-reference page``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.files import require_writable
from bn_reference.cli.status import CONFORMS

__all__ = ["page"]


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.argument("page", metavar="PAGE", type=click.Path(path_type=Path))
def page(report: Path, page: Path) -> int:
    """Write a REPORT of verify --json as one page of HTML, as verify --html does.

    Whatever the report's verdict, the exit status is 0 where the page is written.
    """
    from bn_reference.reports.difference import UnusableReport, read_report
    from bn_reference.reports.page.content import UnreadableReport
    from bn_reference.reports.page.page import as_page
    from bn_reference.support.files import write_whole

    require_writable(page, "PAGE")
    try:
        text = as_page(read_report(report))
    except UnusableReport as unusable:
        raise click.ClickException(str(unusable)) from None
    except UnreadableReport as unreadable:
        advice = "give one that bn-reference verify --json FILE wrote with this version"
        raise click.ClickException(f"the report {report} {unreadable}; {advice}") from None
    write_whole(page, lambda file: file.write(text.encode()))
    return CONFORMS

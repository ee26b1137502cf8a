"""``bn-reference list``."""

from __future__ import annotations

import click

from bn_reference.cli.status import CONFORMS

__all__ = ["list_"]


@click.command(name="list")
def list_() -> int:
    """List the properties by family, with formula and source, and the pairs of dtypes."""
    from rich.console import Console

    from bn_reference.reports.listing import print_listing
    from bn_reference.reports.streams import print_suitably

    print_suitably(print_listing, Console(highlight=False))
    return CONFORMS

"""``bn-reference data``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.status import CONFORMS

__all__ = ["data"]


@click.command()
@click.option("--data", "directory", type=click.Path(path_type=Path), metavar="DIR", help="Where the four files of MNIST lie.")
def data(directory: Path | None) -> int:
    """Find MNIST, or download it into the cache, and check every file.

    It is sought in --data, else where BN_REFERENCE_DATA says, else in the user's cache.
    """
    from bn_reference.mnist.sources import FILES, UnusableData, load

    try:
        found = load(directory)
    except UnusableData as unusable:
        raise click.ClickException(str(unusable)) from None
    click.echo(f"{found.name} in {found.source}: {len(found.train)} images to train on, {len(found.test)} to test")
    for file in FILES:
        click.echo(f"  {file.sha256}  {file.name}")
    return CONFORMS

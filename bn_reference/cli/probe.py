"""``bn-reference probe``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.files import require_writable, write_json
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS

__all__ = ["probe"]


@click.command(cls=Several)
@click.argument("target")
@click.option("--device", default="cpu", show_default=True, help="Where a torch layer and its arrays lie.")
@click.option("--import", "imports", multiple=True, metavar="MODULE ...", help="Import these first: a backend of the device.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Limit for each part.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write what was found as JSON.")
@click.option(
    "--write",
    "wrapper",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a wrapper, with the gaps marked, for a target that is not recognized as it is.",
)
def probe(
    target: str, device: str, imports: tuple[str, ...], timeout: float, json_path: Path | None, wrapper: Path | None
) -> int:
    """Show what TARGET is: how it is called, what it takes, whose conventions it keeps. Nothing of it is verified.

    The exit status is 0 where that could be found out, 2 where the target or the arguments are unusable.
    """
    from rich.console import Console

    from bn_reference.reports.probed import print_probe
    from bn_reference.support.files import write_whole
    from bn_reference.targets.protocol import UnusableTarget
    from bn_reference.targets.wrapper import wrapper_of
    from bn_reference.verification import probing
    from bn_reference.verification.selection import UnusableArguments

    require_writable(json_path)
    if wrapper is not None:
        try:
            text = wrapper_of(target)
            write_whole(wrapper, lambda file: file.write(text.encode()))
        except UnusableTarget as unusable:
            raise click.ClickException(str(unusable)) from None
        except OSError as error:
            raise click.ClickException(f"--write is {wrapper}, which cannot be written ({error.strerror})") from None
        click.echo(f"{wrapper} wraps {target}: fill in what is marked, then bn-reference verify {wrapper}:Wrapped")
        return CONFORMS
    try:
        found = probing.probe(target, device=device, imports=imports, timeout=timeout).to_json()
    except (UnusableTarget, UnusableArguments) as unusable:
        raise click.ClickException(str(unusable)) from None
    if json_path is not None:
        write_json(found, json_path)
    print_probe(found, Console(highlight=False))
    return CONFORMS

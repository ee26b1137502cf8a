"""``bn-reference portrait``."""

from __future__ import annotations

from pathlib import Path

import click

from bn_reference.cli.files import require_figures, require_writable, write_json
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS

__all__ = ["portrait"]


@click.command(cls=Several)
@click.argument("target")
@click.option("--beside", "other", metavar="TARGET", help="Another, shown side by side; what differs is marked.")
@click.option("--dtype", "dtypes", multiple=True, metavar="T ...", help="Input dtypes or pairs; default: all.")
@click.option("--device", default="cpu", show_default=True, help="Where a torch layer and its arrays lie.")
@click.option("--import", "imports", multiple=True, metavar="MODULE ...", help="Import these first: a backend of the device.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Limit for each probe.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write what was told as JSON.")
@click.option(
    "--figure",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draw there how errors grow with the condition of the data, and with the rows.",
)
def portrait(
    target: str,
    other: str | None,
    dtypes: tuple[str, ...],
    device: str,
    imports: tuple[str, ...],
    timeout: float,
    json_path: Path | None,
    directory: Path | None,
) -> int:
    """Tell how TARGET computes, as far as it can be told from outside; nothing of it is verified.

    The order and the accumulator of its sums, the formula of its variance, how the output comes about, where it rounds: each
    with the probe that shows it, on two draws of numbers. The exit status is 0, or 2 where the target or the arguments are
    unusable.
    """
    from rich.console import Console

    from bn_reference.portrait.draw import portrait_of
    from bn_reference.portrait.figure import draw
    from bn_reference.portrait.text import beside, lines
    from bn_reference.reports.streams import print_suitably
    from bn_reference.targets.protocol import UnusableTarget
    from bn_reference.verification.api import environment
    from bn_reference.verification.selection import UnusableArguments

    require_writable(json_path)
    require_figures(directory, "--figure")
    try:
        drawn = [
            portrait_of(each, device=device, dtypes=dtypes or None, imports=imports, timeout=timeout)
            for each in ([target] if other is None else [target, other])
        ]
    except (UnusableTarget, UnusableArguments) as unusable:
        raise click.ClickException(str(unusable)) from None
    if json_path is not None:
        content = {**drawn[0].to_json(), "environment": environment()}
        write_json(content if other is None else {**content, "beside": drawn[1].to_json()}, json_path)
    if directory is not None:
        for each, name in zip(drawn, ("portrait", "beside"), strict=False):
            draw(each, directory, name)
    text = "\n".join(lines(drawn[0]) if other is None else beside(drawn[0], drawn[1]))
    print_suitably(lambda console: console.print(text, markup=False, soft_wrap=True), Console(highlight=False))
    return CONFORMS

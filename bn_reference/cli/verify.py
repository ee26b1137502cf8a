"""``bn-reference verify``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from bn_reference.cli.accepting import require_acceptable
from bn_reference.cli.deep import verify_deeply
from bn_reference.cli.extras import require_torch
from bn_reference.cli.outputs import Outputs, writing
from bn_reference.cli.project import with_project
from bn_reference.cli.seed import SEED
from bn_reference.cli.several import Several
from bn_reference.cli.targets import verify_all
from bn_reference.support.threads import processors

__all__ = ["verify"]


@click.command(cls=Several)
@click.argument("target", default=None, required=False)
@click.option("--device", default="cpu", show_default=True, help="Where a torch layer and its arrays lie.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="MODULE ...",
    help="Import these first: a backend of the device, say.",
)
@click.option(
    "--dtype", "dtypes", multiple=True, metavar="T ...", help="Input dtypes (float32) or pairs (float16/float32); default: all."
)
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME ...",
    help="Properties or families; default: all but lives.",
)
@click.option("--examples", type=int, default=100, show_default=True, help="Cases a property and pair of dtypes.")
@click.option(
    "--minutes",
    type=float,
    metavar="M",
    help="As many cases as fit into M minutes, spread evenly over properties and pairs, instead of --examples.",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the cases; the same one gives the same verdict; or random."
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Try part I of N alone, whose report --json writes; bn-reference merge gives the verdict of all parts.",
)
@click.option(
    "--deep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Try seed after seed, --examples of each, until --minutes are over or Ctrl-C; DIR keeps the rounds, and goes on.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first violation.")
@click.option("--jobs", type=int, default=processors, show_default="one a core", help="Worker processes.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Limit for one example.")
@click.option(
    "--cases",
    default="drawn",
    show_default=True,
    metavar="CASES",
    help="drawn, mnist (what enters batch norm in real training), or a file of recorded batches.",
)
@click.option(
    "--plan",
    default="",
    metavar="FILE",
    help="Freeze the drawn cases to FILE before the target is imported; try those of FILE where it is there.",
)
@click.option(
    "--database",
    multiple=True,
    metavar="PLACE ...",
    help="Try first what broke a rule before, and keep what does now: a folder, redis://HOST:PORT or github://OWNER/REPO.",
)
@click.option(
    "--convention",
    "conventions",
    multiple=True,
    metavar="C ...",
    help="What the target is to keep: torch or another library, auto (whatever it keeps), running_variance=biased ...;"
    " default: what it declares, else torch's.",
)
@writing
@click.option(
    "--accepted",
    default="",
    metavar="FILE",
    help="Excuse the deviations that FILE accepts; one that no longer fails is an error; default: the project's.",
)
@click.option(
    "--write-accepted",
    "write",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Add what is violated to FILE, for reasons to be written; default: the one that is read, else bn-accepted.toml.",
)
@click.option("--all", "everything", is_flag=True, help="Show every result, every cause and every script.")
@click.pass_context
def verify(
    context: click.Context,
    /,
    target: str | None,
    json_path: Path | None,
    html: Path | None,
    junit: Path | None,
    summary: Path | None,
    scripts: Path | None,
    accepted: str,
    write: str | None,
    everything: bool,
    dtypes: tuple[str, ...],
    properties: tuple[str, ...],
    cases: str,
    conventions: tuple[str, ...],
    imports: tuple[str, ...],
    database: tuple[str, ...],
    deep: Path | None,
    **options: Any,
) -> int:
    """Verify TARGET: module:attribute or path/to/file.py:attribute.

    Without one, the targets that [tool.bn-reference] of pyproject.toml names, one after another, else torch.nn:BatchNorm1d;
    what that table says of the device, dtypes, examples and so on holds where no option says otherwise.

    The attribute is a batch norm as people write them: a module, a plain class, a function, the model of a kernel benchmark,
    or an adapter; or TARGET is the name of another framework's. The exit status is 0 where it conforms, 1 where it violates a
    rule, 2 where target or arguments are unusable, 3 where the suite itself failed. Of a part (--shard) it is 1 where something
    in it speaks against the target, and else 0, which is no verdict.
    """
    from bn_reference.cases.plan import UnusablePlan
    from bn_reference.cases.recording import UnusableRecording
    from bn_reference.verification.accepted import UnusableAccepted
    from bn_reference.verification.project import UnusableProject
    from bn_reference.verification.selection import UnusableArguments

    outputs = Outputs(json_path, html, junit, summary, scripts)
    outputs.require()
    refused = (UnusableArguments, UnusablePlan, UnusableRecording, UnusableAccepted, UnusableProject)
    try:
        said = with_project(context)
        if {"minutes", "examples"} <= said.given and deep is None:
            rule = "are two ways to say how much is tried; leave one of them out"
            raise click.ClickException(f"--minutes and --examples {rule}")
        writes = said.writes(write)
        require_acceptable(writes, fail_fast=options["fail_fast"])
        with _recording(cases) as recording:
            asked = {
                **options,
                "dtypes": dtypes or None,
                "conventions": conventions or None,
                "properties": properties or None,
                "recording": recording,
                "imports": imports or None,
                "database": database or None,
                "accepted": said.accepted(accepted, writes),
                **said.options,
            }
            if deep is not None:
                return verify_deeply(deep, said.targets(target), outputs, writes=writes, cases=cases, **asked)
            return verify_all(said.targets(target), outputs, everything=everything, writes=writes, **asked)
    except refused as unusable:
        raise click.ClickException(str(unusable)) from None


@contextmanager
def _recording(cases: str) -> Iterator[str]:
    """The path of the recording that ``--cases`` asks for; empty for drawn cases."""
    if cases != "mnist":
        yield "" if cases == "drawn" else cases
        return
    require_torch("--cases mnist")
    from bn_reference.mnist.activations import record
    from bn_reference.mnist.sources import UnusableData, load

    with TemporaryDirectory(prefix="bn_reference.") as directory:
        path = Path(directory) / "mnist.npz"
        try:
            record(load(), path)
        except UnusableData as unusable:
            raise click.ClickException(str(unusable)) from None
        yield str(path)

"""``bn-reference verify``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from bn_reference.cli.accepting import require_acceptable, write_accepted
from bn_reference.cli.extras import require_torch
from bn_reference.cli.outputs import Outputs
from bn_reference.cli.seed import SEED
from bn_reference.cli.several import Several
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES
from bn_reference.support.threads import processors
from bn_reference.targets import TORCH

if TYPE_CHECKING:
    from rich.console import Console

    from bn_reference.reports.report import Report

__all__ = ["verify"]

ACCEPTED = "bn-accepted.toml"


@click.command(cls=Several)
@click.argument("target", default=TORCH)
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
    "--seed", type=SEED, default=0, show_default=True, help="Of the cases; the same one gives the same verdict; or random."
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
    "--convention",
    "conventions",
    multiple=True,
    metavar="C ...",
    help="What the target is to keep: torch or another library, auto (whatever it keeps), running_variance=biased ...;"
    " default: what it declares, else torch's.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JSON.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JUnit XML.")
@click.option(
    "--summary",
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="GITHUB_STEP_SUMMARY",
    help="Add the report to FILE as Markdown; default: GITHUB_STEP_SUMMARY, where that is set.",
)
@click.option(
    "--scripts",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
    help="Write a script for each cause of a violation.",
)
@click.option(
    "--accepted",
    default="",
    metavar="FILE",
    help="Excuse the deviations that FILE accepts, where it says; one that no longer fails is an error.",
)
@click.option(
    "--write-accepted",
    "write",
    is_flag=False,
    flag_value=ACCEPTED,
    type=click.Path(path_type=Path),
    metavar="[FILE]",
    help=f"Add what is violated to FILE, for reasons to be written; default: {ACCEPTED}.",
)
@click.option("--all", "everything", is_flag=True, help="Show every result, every cause and every script.")
def verify(
    json_path: Path | None,
    junit: Path | None,
    summary: Path | None,
    scripts: Path | None,
    accepted: str,
    write: Path | None,
    everything: bool,
    dtypes: tuple[str, ...],
    properties: tuple[str, ...],
    cases: str,
    conventions: tuple[str, ...],
    imports: tuple[str, ...],
    **options: Any,
) -> int:
    """Verify TARGET: module:attribute or path/to/file.py:attribute.

    The attribute is a batch norm as people write them: a module, a plain class, a function, the model of a kernel benchmark,
    or an adapter; or TARGET is the name of another framework's. The exit status is 0 where it conforms, 1 where it violates a
    rule, 2 where target or arguments are unusable, 3 where the suite itself failed.
    """
    from rich.console import Console

    from bn_reference.cases.plan import UnusablePlan
    from bn_reference.cases.recording import UnusableRecording
    from bn_reference.cli.progress import ProgressDisplay
    from bn_reference.targets.protocol import UnusableTarget
    from bn_reference.verification import api
    from bn_reference.verification.accepted import UnusableAccepted
    from bn_reference.verification.selection import UnusableArguments

    outputs = Outputs(json_path, junit, summary, scripts)
    outputs.require()
    require_acceptable(write, fail_fast=options["fail_fast"])
    accepted = accepted or (str(write) if write is not None and write.exists() else "")
    progress = ProgressDisplay(Console(stderr=True))
    try:
        with progress, _recording(cases) as recording:
            report = api.verify(
                dtypes=dtypes or None,
                properties=properties or None,
                isolated=True,
                recording=recording,
                conventions=conventions or None,
                imports=imports or None,
                listener=progress,
                accepted=accepted,
                surveys=write is not None,
                **options,
            )
    except (UnusableTarget, UnusableArguments, UnusablePlan, UnusableRecording, UnusableAccepted) as unusable:
        raise click.ClickException(str(unusable)) from None
    outputs.write(report)
    _print(report, Console(highlight=False, soft_wrap=False), everything)
    if write is not None and not report.interrupted:
        write_accepted(report, write)
    return INTERRUPTED if report.interrupted else CONFORMS if report.conforms else VIOLATES


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


def _print(report: Report, console: Console, everything: bool) -> None:
    from bn_reference.reports.text import print_report

    print_report(report, console, everything=everything)

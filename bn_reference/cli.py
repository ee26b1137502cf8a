"""The command line: ``bn-reference verify`` and ``bn-reference list``. Heavy imports wait until a command runs."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from bn_reference.results import Report

__all__ = ["main"]

CONFORMS, VIOLATES, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
DEFAULT_TARGET = "torch.nn:BatchNorm1d"


def main() -> None:
    """Run the command line: bad input is one sentence on standard error and status 2, an interruption status 130."""
    try:
        status = commands.main(prog_name="bn-reference", standalone_mode=False)
    except click.ClickException as error:
        _complain(error.format_message())
        status = UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except BrokenPipeError:  # whoever read the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = VIOLATES
    sys.exit(status)


def _complain(sentence: str) -> None:
    click.echo(f"bn-reference: {' '.join(sentence.split())}", err=True)


@click.group(
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="bn-reference", prog_name="bn-reference")
@click.pass_context
def commands(context: click.Context) -> int:
    """Verify any implementation of batch normalization against a pure reference.

    Tolerances are computed by rounding-error analysis, never chosen.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    return UNUSABLE


class _Several(click.Command):
    """Lets ``--dtype A B`` stand for ``--dtype A --dtype B``: values that follow an option that may be repeated."""

    REPEATED = ("--dtype", "--property")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._spread(args)))

    def _spread(self, args: list[str]) -> Any:
        option, taken = "", 0
        for argument in args:
            if argument.startswith("-"):
                option, taken = (argument if argument in self.REPEATED else ""), 0
            elif option and taken and ":" not in argument:  # a target has a colon
                yield option
            elif option and taken:
                option = ""
            taken += not argument.startswith("-")
            yield argument


@commands.command(cls=_Several)
@click.argument("target", default=DEFAULT_TARGET)
@click.option("--device", default="cpu", show_default=True, help="Where a torch layer and its arrays lie.")
@click.option(
    "--dtype", "dtypes", multiple=True, metavar="T ...", help="Input dtypes (float32) or pairs (float16/float32); default: all."
)
@click.option("--property", "properties", multiple=True, metavar="NAME ...", help="Properties or families; default: all.")
@click.option("--examples", type=int, default=100, show_default=True, help="Cases a property and pair of dtypes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the cases; the same seed gives the same verdict.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first violation.")
@click.option("--jobs", type=int, default=os.cpu_count() or 1, show_default="one a core", help="Worker processes.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Limit for one example.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JSON.")
def verify(json_path: Path | None, dtypes: tuple[str, ...], properties: tuple[str, ...], **options: Any) -> int:
    """Verify TARGET: module:attribute or path/to/file.py:attribute.

    The attribute is a class or factory with the constructor of torch.nn.BatchNorm1d, a NumPy layer like
    bn_reference:BatchNorm1d, or an adapter. The exit status is 0 where it conforms, 1 where it violates a rule, 2 where
    target or arguments are unusable.
    """
    from rich.console import Console

    from bn_reference import api
    from bn_reference.implementations.protocol import UnusableTarget
    from bn_reference.reports.progress import ProgressDisplay
    from bn_reference.selection import UnusableArguments

    _require_writable(json_path)
    progress = ProgressDisplay(Console(stderr=True))
    try:
        with progress:
            report = api.verify(
                dtypes=dtypes or None, properties=properties or None, isolated=True, listener=progress, **options
            )
    except (UnusableTarget, UnusableArguments) as unusable:
        raise click.ClickException(str(unusable)) from None
    if json_path is not None:
        _write_json(report, json_path)
    _print(report, Console(highlight=False, soft_wrap=False))
    return INTERRUPTED if report.interrupted else CONFORMS if report.conforms else VIOLATES


def _print(report: Report, console: Console) -> None:
    from bn_reference.reports.text import print_report

    print_report(report, console)


def _require_writable(path: Path | None) -> None:
    """Say before the work, not after it, that a path cannot be written."""
    if path is None:
        return
    if path.is_dir():
        raise click.ClickException(f"--json is {path}, which is a directory; name a file in it")
    if not path.parent.is_dir():
        raise click.ClickException(f"--json is {path}, but there is no directory {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.ClickException(f"--json is {path}, which cannot be written; choose another place or change its permissions")


def _write_json(report: Report, path: Path) -> None:
    """All of it or nothing: a reader never meets half a report. What is no regular file, a pipe say, is written to as it is."""
    if path.exists() and not path.is_file():
        path.write_text(json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(report.to_json(), file, indent=2, allow_nan=False)
        file.write("\n")
    mode = os.umask(0)
    os.umask(mode)
    Path(name).chmod(0o666 & ~mode)  # as a file that is simply opened would have; a temporary one is its owner's alone
    Path(name).replace(path)


@commands.command(name="list")
def list_() -> int:
    """List the properties by family, with formula and source, and the pairs of dtypes."""
    from rich.console import Console

    from bn_reference.reports.listing import print_listing

    print_listing(Console(highlight=False))
    return CONFORMS

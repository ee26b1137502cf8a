"""The command line, one module a command. Heavy imports wait until a command runs."""

from __future__ import annotations

import os
import sys

import click

from bn_reference.cli.bench import bench
from bn_reference.cli.data import data
from bn_reference.cli.explain import explain
from bn_reference.cli.listing import list_
from bn_reference.cli.status import INTERRUPTED, UNUSABLE, VIOLATES
from bn_reference.cli.train import train
from bn_reference.cli.verify import verify

__all__ = ["commands", "main"]


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


for command in (verify, bench, train, explain, data, list_):
    commands.add_command(command)

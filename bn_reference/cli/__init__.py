"""The command line, one module a command. Heavy imports wait until a command runs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bn_reference.cli.audit import audit
from bn_reference.cli.bench import bench
from bn_reference.cli.data import data
from bn_reference.cli.diff import diff
from bn_reference.cli.explain import explain
from bn_reference.cli.failure import told
from bn_reference.cli.listing import list_
from bn_reference.cli.merge import merge
from bn_reference.cli.mutants import mutants
from bn_reference.cli.page import page
from bn_reference.cli.portrait import portrait
from bn_reference.cli.probe import probe
from bn_reference.cli.replay import replay
from bn_reference.cli.status import INTERRUPTED, OUTPUT_CLOSED, SUITE_FAILED, UNUSABLE
from bn_reference.cli.train import train
from bn_reference.cli.verify import verify
from bn_reference.support.alarms import cleaning_up

__all__ = ["commands", "main"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Run the command line, and end the program with the status that ``status`` describes.

    Bad input, and a failure of the suite itself, are one sentence on standard error.
    """
    try:
        with cleaning_up():  # a system that ends a job leaves no workers behind
            status = _status()
        sys.stdout.flush()  # here, where a reader who has left, or a full disk, can be noticed
    except (BrokenPipeError, _ReaderLeft):
        _discard_output()
        status = OUTPUT_CLOSED
    except OSError as error:
        _discard_output()
        _complain(f"the output cannot be written ({error.strerror}); make room, or write elsewhere")
        status = UNUSABLE
    sys.exit(status)


def _status() -> int:
    try:
        return int(commands.main(prog_name="bn-reference", standalone_mode=False))
    except click.ClickException as error:
        _complain(error.format_message())
        return UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, _ReaderLeft) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            raise
        _complain(told(error))
        return SUITE_FAILED


def _complain(sentence: str) -> None:
    click.echo(f"bn-reference: {' '.join(sentence.split())}", err=True)


def _discard_output() -> None:
    """Let what is still to be written go nowhere: the interpreter would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ReaderLeft(Exception):
    """Whoever read the output has closed the pipe."""


@contextmanager
def _noticing() -> Iterator[None]:
    """Tells of a closed pipe by an exception of ours: click, and rich within, would end the program with status 1."""
    try:
        yield
    except BrokenPipeError:
        raise _ReaderLeft from None
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            raise _ReaderLeft from None
        raise


class _Commands(click.Group):
    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _noticing():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _noticing():
            return super().invoke(ctx)


@click.group(
    cls=_Commands,
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


for command in (verify, merge, replay, diff, page, probe, portrait, mutants, audit, bench, train, explain, data, list_):
    commands.add_command(command)

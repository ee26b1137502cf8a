"""What is printed on a terminal, in a pipe, and where NO_COLOR or FORCE_COLOR is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO
from typing import Literal

from rich.console import Console

from bn_reference.support.terminals import forces_colour, is_terminal

__all__ = ["print_suitably"]

PLAIN_WIDTH = 120  # where there is no terminal to ask


def print_suitably(draw: Callable[[Console], None], console: Console) -> None:
    """Let ``draw`` print what it has to; without an escape sequence in a pipe, and where NO_COLOR is set.

    FORCE_COLOR brings the colours back into a pipe or a file, as it is meant to for the logs of a build, but nothing else that
    only a terminal shows: lines are the same ones as without.
    """
    if is_terminal(console):
        draw(_without_colour(console) if os.environ.get("NO_COLOR") else console)
        return
    stream = StringIO()
    width = console.width if "COLUMNS" in os.environ else PLAIN_WIDTH
    colours: Literal["standard"] | None = "standard" if forces_colour() else None
    # no_color: older versions of rich heed a NO_COLOR that is empty
    draw(Console(file=stream, color_system=colours, width=width, highlight=False, force_terminal=False, no_color=False))
    console.file.write("".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines()))


def _without_colour(console: Console) -> Console:
    """One on the same terminal that writes no escape sequence at all: rich's own would still write bold and dim."""
    return Console(file=console.file, color_system=None, width=console.width, highlight=False, force_terminal=True)

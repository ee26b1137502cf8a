"""What is printed on a terminal, in a pipe, and where NO_COLOR is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO

from rich.console import Console

__all__ = ["print_suitably"]

PLAIN_WIDTH = 120  # where there is no terminal to ask


def print_suitably(draw: Callable[[Console], None], console: Console) -> None:
    """Let ``draw`` print what it has to; without an escape sequence in a pipe, and where NO_COLOR is set."""
    if console.is_terminal:
        draw(_without_colour(console) if os.environ.get("NO_COLOR") else console)
        return
    stream = StringIO()
    width = console.width if "COLUMNS" in os.environ else PLAIN_WIDTH
    draw(Console(file=stream, color_system=None, width=width, highlight=False, force_terminal=False))
    console.file.write("".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines()))


def _without_colour(console: Console) -> Console:
    """One on the same terminal that writes no escape sequence at all: rich's own would still write bold and dim."""
    return Console(file=console.file, color_system=None, width=console.width, highlight=False, force_terminal=True)

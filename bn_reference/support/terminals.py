"""Whether a stream is a terminal: rich takes any stream for one where FORCE_COLOR is set, a file and a pipe too.

Older versions of rich do so even where its value is empty, which asks for nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["animates", "forces_colour", "is_terminal"]


def forces_colour() -> bool:
    """Whether FORCE_COLOR asks for colours where there is no terminal; NO_COLOR has the last word."""
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") and not os.environ.get("NO_COLOR")


def is_terminal(console: Console) -> bool:
    """Whether the console is on a terminal, and not only said to be one by FORCE_COLOR."""
    return console.is_terminal and (console.file.isatty() or "FORCE_COLOR" not in os.environ)


def animates(console: Console) -> bool:
    """Whether a line may be drawn there again and again: nothing but a terminal forgets what stood there before."""
    return console.is_terminal and console.file.isatty() and not console.is_dumb_terminal

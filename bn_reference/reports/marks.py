"""The signs and colours by which a status is known, in characters that the stream can show, and short forms of other things."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

__all__ = ["STATUSES", "Marks", "ratio", "short"]

STATUSES = ("passed", "violated", "accepted", "known deviation", "unsupported")
STYLES = {"passed": "green", "violated": "bold red", "accepted": "yellow", "known deviation": "yellow", "unsupported": "dim"}
SIGNS = {"passed": "✓", "violated": "✗", "accepted": "≠", "known deviation": "~", "unsupported": "·"}
WORDS = {"passed": "ok", "violated": "FAIL", "accepted": "acc.", "known deviation": "dev.", "unsupported": "n/a"}
SHORT = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}


@dataclass(frozen=True)
class Marks:
    """Signs where the stream can show them, else words.

    Attributes:
        pretty: whether it is a terminal that shows more than ASCII.
    """

    pretty: bool

    @classmethod
    def of(cls, console: Console) -> Marks:
        """What suits the console."""
        return cls(console.is_terminal and console.encoding.lower().startswith("utf"))

    @property
    def stop(self) -> str:
        """For what was interrupted."""
        return "■" if self.pretty else "--"

    def __getitem__(self, status: str) -> Text:
        return Text((SIGNS if self.pretty else WORDS)[status], style=STYLES[status])

    def styled(self, text: str, status: str) -> Text:
        """Some text in the status' colour."""
        return Text(text, style=STYLES[status])

    def line(self, width: int) -> str:
        """A line across."""
        return ("─" if self.pretty else "-") * width


def short(pair: str) -> str:
    """``f16/f32`` for ``float16/float32``, ``f32`` for ``float32/float32``."""
    names = [SHORT.get(name, name) for name in pair.split("/")]
    return "/".join(dict.fromkeys(names))


def ratio(value: float) -> str:
    """Two digits that matter, without an exponent where it can be helped."""
    if not math.isfinite(value):
        return str(value)
    return "0" if value == 0 else f"{value:.2f}" if value < 100 else f"{value:.0f}" if value < 10_000 else f"{value:.0e}"

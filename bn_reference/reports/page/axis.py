"""A logarithmic axis, with a place of its own for zero and for what is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from bn_reference.reports.page.markup import tag

__all__ = ["Axis"]

STRIP = 16.0  # pixels for zero below, and for what is not finite above
MOST = 5  # ticks


class Axis:
    """Powers of ten from the bottom up, in pixels of the picture.

    Args:
        values: what is to be shown, not negative.
        top, bottom: its ends; y grows downwards.
    """

    def __init__(self, values: Iterable[float], top: float, bottom: float) -> None:
        listed = list(values)
        self.top, self.bottom = top, bottom
        self._zero = 0.0 in listed
        self._endless = not all(map(math.isfinite, listed))
        self._high, self._low = top + STRIP * self._endless, bottom - STRIP * self._zero
        logs = [math.log10(value) for value in listed if 0.0 < value < math.inf]
        self._from = math.floor(min(logs, default=0.0))
        self._to = max(math.ceil(max(logs, default=0.0)), self._from + 1)
        self._measured = bool(logs)

    def at(self, value: float) -> float:
        """Where a value stands."""
        if not math.isfinite(value):
            return self.top + STRIP / 4
        return self.bottom - STRIP / 4 if value == 0.0 else self._at_power(math.log10(value))

    def _at_power(self, power: float) -> float:
        part = (power - self._from) / (self._to - self._from)
        return self._low - part * (self._low - self._high)

    def drawn(self, left: float, right: float, endless: str) -> Iterator[Element]:
        """Its lines, and their labels left of them; ``endless`` is said of what is not finite."""
        step = -(-(self._to - self._from) // (MOST - 1))
        powers = range(self._from, self._to + 1, step) if self._measured else ()
        ticks = [(self._at_power(power), _power(power)) for power in powers]  # the power itself may be no float
        ticks += [(self.at(0.0), "0")] * self._zero + [(self.at(math.inf), endless)] * self._endless
        for at, label in ticks:
            yield tag("line", x1=left, x2=right, y1=f"{at:.1f}", y2=f"{at:.1f}", class_="grid")
            yield tag("text", label, x=left - 5, y=f"{at + 3.5:.1f}", class_="tick", text_anchor="end")


def _power(power: int) -> str:
    if -2 <= power <= 3:
        return f"{10.0**power:g}"
    return f"1e{power}"

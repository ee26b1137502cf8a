"""First calls: those of a shape that was not met before, in which whoever compiles for each shape compiles."""

from __future__ import annotations

__all__ = ["FirstCalls"]


class FirstCalls:
    """What a target was called with by now.

    Attributes:
        met: as far as a compiler tells calls apart: way, mode, shape, dtypes.
        under_way: whether a first call is being made.
    """

    def __init__(self) -> None:
        self.met: set[tuple[object, ...]] = set()
        self.under_way = False

    def told(self, *call: object) -> FirstCalls:
        """A call is made from now on, to the end of the ``with`` block."""
        self.under_way = call not in self.met
        self.met.add(call)
        return self

    def __enter__(self) -> None:
        """It was told which call it is."""

    def __exit__(self, *raised: object) -> None:
        self.under_way = False

"""First calls: those of a shape that was not met before, in which whoever compiles for each shape compiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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

    @contextmanager
    def told(self, *call: object) -> Iterator[None]:
        """A call is made meanwhile."""
        self.under_way = call not in self.met
        self.met.add(call)
        try:
            yield
        finally:
            self.under_way = False

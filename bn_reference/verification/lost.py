"""A device that is lost: native code failed so that nothing is answered any more, in this process, whatever is asked.

CUDA reports such an error with whichever call comes next. So what raised says nothing; the example in which the device was
lost does, and whatever this process would still try says nothing of the target.
"""

from __future__ import annotations

from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.oracle.compare import Comparison

__all__ = ["DeviceLost"]


class DeviceLost(BaseException):
    """An example ended with a device that does not answer. Not an Exception: nothing on the way can go on without it."""

    def __init__(self, device: str, failure: Comparison) -> None:
        super().__init__(device)
        noticed = None if failure.fact is None else failure.fact.found
        self.fact = Fact(Kind.LOST, "an example", noticed if isinstance(noticed, Raised) else None, device)

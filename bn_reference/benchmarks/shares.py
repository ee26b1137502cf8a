"""Where processor time goes: the stack is looked at every millisecond of processor time, and charged to what it is in."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# What a frame's file says of the work, innermost frame first; NumPy's and the standard library's belong to whoever called them.
WORK = (
    ("/hypothesis/", "Hypothesis"),
    ("/bn_reference/search", "Hypothesis"),
    ("/bn_reference/cases/", "generation"),
    ("/bn_reference/oracle", "oracle and bound"),
    ("/bn_reference/bounded", "oracle and bound"),
    ("/bn_reference/relations", "oracle and bound"),
    ("/bn_reference/specification", "oracle and bound"),
    ("/bn_reference/arithmetic/", "oracle and bound"),
    ("/bn_reference/compare", "comparison"),
    ("/torch/", "target"),
    ("/bn_reference/implementations/", "target"),
    ("/bn_reference/properties/", "properties"),
    ("/bn_reference/", "verification"),
)
INTERVAL = 1e-3  # seconds


def work_of(frame: FrameType | None) -> str:
    """What the innermost frame that belongs to anyone works at."""
    while frame is not None:
        for part, work in WORK:
            if part in frame.f_code.co_filename:
                return work
        frame = frame.f_back
    return "other"


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """Samples by work while the block runs."""
    samples: Counter[str] = Counter()

    def look(number: int, frame: FrameType | None) -> None:
        del number
        samples[work_of(frame)] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)

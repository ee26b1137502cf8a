"""How many threads torch uses, and how many processors there are to use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["on_threads", "processors"]


def processors() -> int:
    """The processors that this process may run on: fewer than the machine has where a container or ``taskset`` says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Let torch, where it is loaded, use that many threads, and as many as before afterwards."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""How many threads numerical libraries use, and how many processors there are to use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

__all__ = ["on_one_thread", "on_threads", "processors", "shared_by"]

CHOICES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # of the environment


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


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let torch use one thread, unless the environment names another number.

    On arrays as small as most cases several threads gain nothing, and beside another busy process they wait for each other in
    every operation: a run of 17 s then takes minutes.
    """
    with nullcontext() if any(os.environ.get(name) for name in CHOICES) else on_threads(1):
        yield


@contextmanager
def shared_by(jobs: int) -> Iterator[None]:
    """Processes that start meanwhile share the cores: each inherits its part as the number of its libraries' threads.

    MKL and OpenBLAS go by this variable too, unless one of their own says otherwise.
    """
    name = CHOICES[0]
    chosen = name in os.environ
    os.environ.setdefault(name, str(max(1, processors() // jobs)))
    try:
        yield
    finally:
        if not chosen:
            del os.environ[name]

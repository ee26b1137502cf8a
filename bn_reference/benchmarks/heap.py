"""A heap that keeps what is freed, so that timings do not depend on which arrays were freed before."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

__all__ = ["keep_freed_memory", "return_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
NEVER = -1  # any other value is at most 2 GB, and with more than that free the heap would be cut


def keep_freed_memory() -> bool:
    """Ask glibc to serve large arrays from its heap and to return nothing to the system; whether it agreed.

    By default an array beyond some threshold, which grows with what was freed, is mapped afresh in every call, and the system
    clears each page when it is first touched: on a batch of 64 MB that takes four times as long as normalizing it. Whether
    it happens depends on the history of the process, so one target would be charged for what another one freed.
    """
    glibc = _glibc()
    return glibc is not None and bool(glibc.mallopt(M_MMAP_MAX, 0)) and bool(glibc.mallopt(M_TRIM_THRESHOLD, NEVER))


def return_freed_memory() -> None:
    """Give the system what is free now: in the gaps between arrays of one size those of another would not fit."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def _glibc() -> Any:
    """The C library, where it has the knobs of glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None  # musl has neither

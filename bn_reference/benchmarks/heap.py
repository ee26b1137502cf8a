"""A heap that keeps what is freed, so that timings do not depend on which arrays were freed before."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask glibc to serve large arrays from its heap and to return nothing to the system; whether it agreed.

    By default an array beyond some threshold, which grows with what was freed, is mapped afresh in every call, and the system
    clears each page when it is first touched: on a batch of 64 MB that takes four times as long as normalizing it. Whether
    it happens depends on the history of the process, so one target would be charged for what another one freed.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl, say, which has no such knobs
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, NEVER))

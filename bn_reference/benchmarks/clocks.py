"""Seconds of an action on the device where it runs, and caches that have forgotten the arrays."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import torch

try:
    import resource
except ImportError:  # Windows does not tell
    resource = None  # type: ignore[assignment]

__all__ = ["Clock", "CpuClock", "CudaClock", "clock_of"]

EVICTING = (2**26, 2**28)  # bytes written to empty a cache, at least and at most


class Clock(ABC):
    """Times actions on a device."""

    device: str

    @abstractmethod
    def seconds(self, action: Callable[[], object], times: int) -> float:
        """Seconds of one action, when it is done several times in a row."""

    @abstractmethod
    def evict(self) -> None:
        """Write over more memory than the device's caches hold."""

    def new_pages(self) -> int:
        """How many pages of memory the process has been given so far."""
        return 0


class CpuClock(Clock):
    """Wall time."""

    device = "cpu"

    def seconds(self, action: Callable[[], object], times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            action()
        return (time.perf_counter() - began) / times

    @cached_property
    def _other(self) -> torch.Tensor:
        least, most = EVICTING
        return torch.zeros(min(max(2 * _last_level_cache(), least), most), dtype=torch.uint8)

    def evict(self) -> None:
        self._other.add_(1)

    def new_pages(self) -> int:
        return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class CudaClock(Clock):
    """Time between two events on the current stream, after everything before them has ended."""

    def __init__(self, device: str) -> None:
        self.device = device

    def seconds(self, action: Callable[[], object], times: int) -> float:
        with torch.cuda.device(self.device):
            began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            torch.cuda.synchronize()
            began.record()
            for _ in range(times):
                action()
            ended.record()
            torch.cuda.synchronize()
            return float(began.elapsed_time(ended)) / 1000 / times

    @cached_property
    def _other(self) -> torch.Tensor:
        return torch.zeros(EVICTING[1], dtype=torch.uint8, device=self.device)

    def evict(self) -> None:
        self._other.add_(1)


def clock_of(device: str) -> Clock:
    """The clock of a device: wall time, but for CUDA, whose kernels run on after the call has returned."""
    return CudaClock(device) if torch.device(device).type == "cuda" else CpuClock()


def _last_level_cache() -> int:
    """Bytes of the largest cache, as far as the system tells; 0 where it does not."""
    try:
        return max(os.sysconf("SC_LEVEL3_CACHE_SIZE"), 0)
    except (AttributeError, ValueError, OSError):
        return 0

"""What is timed, and how many bytes it must move at least."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from bn_reference.arithmetic.precision import DTYPES, Pair

__all__ = ["BACKWARD", "CACHES", "EVAL", "HALVES", "OPERATIONS", "TRAIN", "Setting"]

TRAIN, BACKWARD, EVAL = "train forward", "train forward+backward", "eval forward"
OPERATIONS = (TRAIN, BACKWARD, EVAL)
CACHES = ("warm", "cold")
HALVES = ("float16", "bfloat16")

# Arrays of the batch's size, and vectors of C, that are read or written. Train: x in, y out; gamma, beta and both running
# statistics in, the latter out again. Backward: x and dy in, dx out; dgamma and dbeta out. Eval: as train, nothing updated.
BATCHES = {TRAIN: 2, BACKWARD: 5, EVAL: 2}
VECTORS = {TRAIN: 6, BACKWARD: 8, EVAL: 4}


@dataclass(frozen=True)
class Setting:
    """One experiment.

    Attributes:
        operation: one of OPERATIONS.
        shape: (N, C) or (N, C, L).
        dtype: of the batch; half precision meets float32 parameters, as under autocast.
        layout: of x and dy in memory (``layouts.LAYOUTS``).
        threads: of torch.
        cache: warm, where the operation is repeated on the same arrays, or cold, where they are evicted before each run.
    """

    operation: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    layout: str = "contiguous"
    threads: int = 1
    cache: str = "warm"

    @property
    def pair(self) -> Pair:
        return Pair(self.dtype, "float32" if self.dtype in HALVES else self.dtype)

    @property
    def bytes(self) -> int:
        r"""The least that the operation must move, whatever the algorithm: each array once.

        :math:`B = a\,m C s + v\,C p` with a arrays of m C elements of s bytes and v vectors of C elements of p bytes: a = 2,
        v = 6 for train forward, 5 and 8 with the backward pass, 2 and 4 for eval forward. A batch larger than the caches is
        read again for the variance and for y, which is not in B: an implementation may avoid it by working in blocks.
        """
        size, parameter = DTYPES[self.dtype].itemsize, DTYPES[self.pair.parameters].itemsize
        return BATCHES[self.operation] * prod(self.shape) * size + VECTORS[self.operation] * self.shape[1] * parameter

    def but(self, **changes: Any) -> Setting:
        """The same setting with some fields changed."""
        return replace(self, **changes)

    def __str__(self) -> str:
        parts = [self.operation, " x ".join(map(str, self.shape)), self.dtype]
        parts += [self.layout] if self.layout != "contiguous" else []
        parts += [f"{self.threads} threads"] if self.threads > 1 else []
        parts += [self.cache] if self.cache != "warm" else []
        return ", ".join(parts)

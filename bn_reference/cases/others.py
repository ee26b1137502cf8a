"""What a layer was before it came to a case: another beginning, and other batches of the case's form."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Case

__all__ = ["alike", "another_batch", "beginning", "hyperparameters_of"]

BATCHES_BEFORE = 3


@lru_cache(maxsize=16)  # as each rule on a case has its layers live through the same
def beginning(case: Case) -> Case:
    """The case as the layer was built for: others of all that it can be given later."""
    names = ("weight", "bias", "running_mean", "running_var")
    changes: dict[str, Any] = {
        name: None if (own := getattr(case, name)) is None else _others(name, own.size, own.dtype) for name in names
    }
    if "settle hyperparameters" in case.circumstances:
        changes |= {"eps": 0.25, "momentum": 0.75 if case.momentum is None else None} if case.tracks else {"eps": 0.25}
    return case.but(circumstances=(), batches=BATCHES_BEFORE if case.tracks else 0, **changes)


def hyperparameters_of(case: Case) -> tuple[float, float | None]:
    """eps and momentum, where there are statistics that it weighs."""
    return case.eps, case.momentum if case.tracks else None


@lru_cache(maxsize=256)
def _others(name: str, size: int, dtype: np.dtype[Any]) -> Array:
    """Numbers for the vector of that name, an array of its own for each."""
    numbers: Array = (np.arange(size) % 5 - 1.5).astype(dtype)
    if name == "running_var":
        numbers = np.abs(numbers) + dtype.type(0.5)
    numbers.flags.writeable = False
    return numbers


def another_batch(case: Case, number: int) -> Array:
    """A batch of the case's form, of two samples where that is less: halves, within 3 of a centre for each channel."""
    return _batch(number, (len(case.x) if case.rows > 1 else 2, *case.x.shape[1:]), case.x.dtype)


def alike(case: Case) -> Array:
    """The case's own batch with all between its first and its last value in reversed order: no sum of it would tell which."""
    flat = case.x.ravel()
    batch: Array = np.concatenate([flat[:1], flat[-2:0:-1], flat[-1:]])[: flat.size].reshape(case.x.shape)
    return batch


@lru_cache(maxsize=256)
def _batch(number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    centres = (np.arange(shape[1]) % 4).reshape(1, -1, *[1] * (len(shape) - 2))
    batch: Array = (np.random.default_rng((number, *shape)).integers(-6, 7, shape) / 2.0 + centres).astype(dtype)
    batch.flags.writeable = False
    return batch

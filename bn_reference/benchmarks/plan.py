"""Which settings are timed: one thing is varied at a time around a base, or what the user asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.benchmarks.operations import OPERATIONS, TRAIN, Setting

__all__ = ["BASE", "default_plan", "full_plan", "selected"]

BASE = Setting(TRAIN, (16384, 64))  # 4 MB of float32: beyond a second-level cache, within a third-level one
# 64 KB, 1 MB and 16 MB; then with positions; then few rows of many channels, and the reverse.
SHAPES = ((256, 64), (4096, 64), (65536, 64), (64, 64, 64), (256, 64, 256), (64, 16384), (262144, 4))
LARGE = ((262144, 64), (1048576, 64), (256, 256, 256), (1024, 256, 256))  # 64 and 256 MB, each way


def default_plan() -> list[Setting]:
    """One to two minutes for the four ways that are timed by default."""
    varied = [
        *(BASE.but(shape=shape) for shape in SHAPES),
        *(BASE.but(dtype=dtype) for dtype in DTYPES),
        BASE.but(layout="transposed"),
        BASE.but(threads=2),
        BASE.but(shape=(4096, 64), cache="cold"),
    ]
    return _each_operation(varied)


def full_plan() -> list[Setting]:
    """Every dtype at every size, and the larger ones: what ``docs/throughput.md`` is written from."""
    shapes = (*SHAPES[:3], BASE.shape, *SHAPES[3:], *LARGE)
    varied = [BASE.but(shape=shape, dtype=dtype) for shape in shapes for dtype in DTYPES]
    others = (BASE.shape, (4096, 64), (256, 64, 256))
    varied += [BASE.but(shape=shape, layout="transposed") for shape in others]
    varied += [BASE.but(shape=shape, threads=2) for shape in (*shapes[:4], *LARGE[:1], (256, 64, 256))]
    varied += [BASE.but(shape=shape, cache="cold") for shape in shapes[:4]]
    return _each_operation(varied)


def selected(
    operations: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[str],
    layouts: Sequence[str],
    threads: Sequence[int],
    caches: Sequence[str],
) -> list[Setting]:
    """Every combination of what was asked for; what was not is the base's, and all operations."""
    return [
        Setting(*choice)
        for choice in product(
            operations or OPERATIONS,
            shapes or (BASE.shape,),
            dtypes or (BASE.dtype,),
            layouts or (BASE.layout,),
            threads or (BASE.threads,),
            caches or (BASE.cache,),
        )
    ]


def _each_operation(settings: Iterable[Setting]) -> list[Setting]:
    unique = dict.fromkeys(settings)
    return [setting.but(operation=operation) for operation in OPERATIONS for setting in unique]

"""Cases of recorded batches: their recipes, as drawn cases have them, and the strategy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.recording import read_recording
from bn_reference.cases.strategies import CHOICES, MOMENTUM, one_of_many, options_of

__all__ = ["RecordedRecipe", "recorded_cases"]

LAYOUTS = [("contiguous", "contiguous")] * 3 + [
    ("transposed", "transposed"),
    ("channels last", "channels last"),
    ("sliced", "sliced"),
    ("offset", "offset"),
    ("contiguous", "transposed"),
    ("transposed", "contiguous"),
]


@dataclass(frozen=True)
class RecordedRecipe:
    """Which part of which recorded batch a case is, and how it is tried.

    Attributes:
        recording: path of the file.
        pair: dtypes that the numbers are rounded to.
        batch: its number.
        rows: how many samples, the first ones.
        first, channels: the channels, consecutive.
        momentum: the layer's.
        affine, tracks: whether the layer has parameters and running statistics.
        started: whether the statistics are the recorded ones, or those of a layer that has seen nothing; what a recorded layer
            does not have is as it begins in one that has it.
        layout, grad_layout: how x and dy lie in memory.
    """

    recording: str
    pair: Pair
    batch: int
    rows: int
    first: int
    channels: int
    momentum: float | None
    affine: bool
    tracks: bool
    started: bool
    layout: str
    grad_layout: str

    def realize(self) -> Case:
        """The case; equal recipes give one and the same object."""
        return _realize(self)


@lru_cache(maxsize=512)
def _realize(chosen: RecordedRecipe) -> Case:
    batch = read_recording(chosen.recording).batches[chosen.batch]
    columns = slice(chosen.first, chosen.first + chosen.channels)
    given, held = chosen.pair.input_dtype, chosen.pair.parameter_dtype
    ones = np.ones(chosen.channels, held)
    weight, bias = (
        start if values is None else values[columns] for values, start in ((batch.weight, ones), (batch.bias, 0 * ones))
    )
    mean, var = 0 * ones, ones
    if chosen.started and batch.running_mean is not None and batch.running_var is not None:
        mean, var = batch.running_mean[columns], batch.running_var[columns]
    return Case(
        pair=chosen.pair,
        x=batch.x[: chosen.rows, columns].astype(given),
        grad_y=batch.grad_y[: chosen.rows, columns].astype(given),
        weight=weight.astype(held) if chosen.affine else None,
        bias=bias.astype(held) if chosen.affine else None,
        running_mean=mean.astype(held) if chosen.tracks else None,
        running_var=var.astype(held) if chosen.tracks else None,
        batches=batch.num_batches_tracked if chosen.tracks and chosen.started else 0,
        eps=batch.eps,
        momentum=chosen.momentum,
        layout=chosen.layout,
        grad_layout=chosen.grad_layout,
        kinds=tuple(f"{batch.title}, channel {c}" for c in range(chosen.first, chosen.first + chosen.channels)),
        recipe=chosen,
    )


@st.composite
def recorded_cases(draw: st.DrawFn, path: str, pair: Pair, domain: Domain = UNRESTRICTED) -> Case:
    """Recorded batches, mostly whole, with what the domain has; shrinks towards two rows of one channel of the first batch."""
    batches = read_recording(path).batches
    number = draw(one_of_many(range(len(batches))))
    batch = batches[number]
    samples, channels = batch.x.shape[:2]
    rows = draw(st.sampled_from(_mostly_all(samples, 2 if batch.x.ndim == 2 or batch.x.shape[2] == 1 else 1)))
    count = draw(st.sampled_from(_mostly_all(channels, 1)))
    first = draw(st.integers(0, CHOICES - 1)) * (channels - count) // (CHOICES - 1)
    weights = (batch.momentum, *(domain.momentum or MOMENTUM))
    momentum = draw(st.sampled_from([weight for weight in weights if domain.takes_momentum(weight)]))
    affine, tracks, started = draw(st.sampled_from(options_of(domain)))
    layouts = draw(st.sampled_from([pair for pair in LAYOUTS if domain.takes_layouts(*pair)]))
    return RecordedRecipe(path, pair, number, rows, first, count, momentum, affine, tracks, started, *layouts).realize()


def _mostly_all(most: int, least: int) -> list[int]:
    """Counts to choose from, the smallest first, few of them powers of two; and ``most`` as often as those together."""
    some = [count for count in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233) if least <= count < most]
    return [*some, *[most] * max(len(some), 1)]

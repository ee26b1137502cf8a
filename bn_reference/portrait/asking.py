"""How a target is asked: batches as (m, C) matrices in, its statistics and outputs as they were rounded out.

What cannot be asked raises ``Unsupported``, what the target breaks ``Misbehaviour``, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.cases.layouts import from_matrix, place, to_matrix
from bn_reference.targets.protocol import Unsupported, had
from bn_reference.targets.watched import Watched

__all__ = ["Asked", "Setting"]

Array = npt.NDArray[Any]
CHANNELS = 64  # a multiple of what vectors hold
EPS = float(np.float32(0.01))  # where any can be had: its digits are not those of a variance, so that their sum is rounded


@dataclass(frozen=True)
class Setting:
    """In what a step is asked for, beside its numbers.

    Attributes:
        channels: in each call.
        positions: L of (N, C, L); None: (N, C).
        layout: how x lies in memory.
        threads: None: as it is.
    """

    channels: int = CHANNELS
    positions: int | None = None
    layout: str = "contiguous"
    threads: int | None = None


class Asked:
    """A target in one pair of dtypes and one setting, asked on a fresh layer each time.

    Attributes:
        momentum: the weight of the new batch: one where that can be had, as the running statistics are the batch's then.
        eps: what is added to the variance.
    """

    def __init__(self, target: Watched, pair: Pair, setting: Setting | None = None) -> None:
        self.target, self.pair = target, pair
        domain = target.domain
        self.setting = setting or Setting(_usual_channels(domain), None if 2 in domain.dimensions else 1)
        weights = [weight for weight in domain.momentum if weight]
        self.momentum = 1.0 if not domain.momentum or 1.0 in domain.momentum else next(iter(weights), 0.0)
        self.eps = EPS if domain.eps is None else domain.eps

    def within(self, **changes: Any) -> Asked:
        """The same target in another setting.

        Raises:
            Unsupported: the target has none such.
        """
        setting, domain = replace(self.setting, **changes), self.target.domain
        if (2 if setting.positions is None else 3) not in domain.dimensions:
            raise Unsupported("the target does not take this rank")
        if setting.layout != "contiguous" and not domain.layouts:
            raise Unsupported("the target takes contiguous inputs alone")
        if setting.channels % domain.channels or setting.channels > (domain.most_channels or setting.channels):
            raise Unsupported("the target does not take so many channels")
        return Asked(self.target, self.pair, setting)

    def statistics(self, rows: Array, near: Array | None = None) -> tuple[Array, Array]:
        """Running mean and variance after a training step on (m, C) whose weight is ``momentum``: (C,) each, as they are kept.

        ``near`` is the running mean before; zero by default, as an average may be r + f (s - r), which rounds where r is not.
        """
        if True not in self.target.domain.tracks or not self.momentum:
            raise Unsupported("no running statistics show the batch's own")

        before = np.zeros(rows.shape[1]) if near is None else near

        def step(x: Array, before: Array) -> tuple[Array, ...]:
            case = self.case_of_statistics(x, before)
            session = self.target.open(case)
            self._forward(session, case, training=True)
            state = session.state()
            mean, var = had(state.mean), had(state.var)
            if mean is None or var is None:
                raise Unsupported("no running statistics are seen")
            return mean, var

        mean, var = self._by_channels(step, rows, before)
        return mean, var

    def case_of_statistics(self, rows: Array, before: Array | None = None) -> Case:
        """The case of such a step; the running variance begins with zero where it can."""
        if not self.target.domain.starts:
            return self.case(rows)
        before = np.zeros(rows.shape[1]) if before is None else before
        return self.case(rows, running_mean=before, running_var=np.zeros_like(before))

    def output(self, rows: Array, *, training: bool, **vectors: Array) -> Array:
        """y of a step, (m, C); vectors (C,) of weight, bias, running_mean and running_var."""

        def step(x: Array, *given: Array) -> tuple[Array, ...]:
            case = self.case(x, **dict(zip(vectors, given, strict=True)))
            return (self._forward(self.target.open(case), case, training=training),)

        (y,) = self._by_channels(step, rows, *vectors.values())
        return y

    def _by_channels(self, step: Callable[..., tuple[Array, ...]], rows: Array, *vectors: Array) -> tuple[Array, ...]:
        """Channels so many at a time, the last one filled up with its first channel; vectors go with their channels."""
        width, channels, came = self.setting.channels, rows.shape[1], []
        threads = self.setting.threads
        with nullcontext() if threads is None else self.target.with_threads(threads):
            for start in range(0, channels, width):
                some = np.arange(start, min(start + width, channels))
                order = np.concatenate([some, np.full(width - len(some), start, some.dtype)])
                gave = step(rows[:, order], *(vector[order] for vector in vectors))
                came.append([array[..., : len(some)] for array in gave])
        return tuple(np.concatenate(parts, axis=-1) for parts in zip(*came, strict=True))

    def case(self, x: Array, **vectors: Array) -> Case:
        """A fresh layer's: weight 1, bias 0, mean 0, variance 1, but for what is given."""
        pair, channels, domain = self.pair, x.shape[1], self.target.domain
        ones, zeros = np.ones(channels, pair.parameter_dtype), np.zeros(channels, pair.parameter_dtype)
        if vectors and not domain.starts:
            raise Unsupported("the target's parameters and state cannot be set")
        start = {"weight": ones, "bias": zeros, "running_mean": zeros, "running_var": ones}
        start |= {name: vector.astype(pair.parameter_dtype) for name, vector in vectors.items()}
        affine, tracks = True in domain.affine, True in domain.tracks
        if (not affine and {"weight", "bias"} & vectors.keys()) or (not tracks and {"running_mean"} & vectors.keys()):
            raise Unsupported("the target has no such parameters or statistics")
        left = (*(("weight", "bias") if not affine else ()), *(("running_mean", "running_var") if not tracks else ()))
        given: dict[str, Any] = {name: None if name in left else vector for name, vector in start.items()}
        batch = self._batch(x.astype(pair.input_dtype))
        return Case(
            pair, batch, batch, **given, eps=self.eps, momentum=self.momentum if tracks else 0.1, layout=self.setting.layout
        )

    def _batch(self, rows: Array) -> Array:
        if self.setting.positions is None:
            return rows
        length = self.setting.positions
        return from_matrix(rows, (len(rows) // length, rows.shape[1], length))

    def _forward(self, session: Any, case: Case, *, training: bool) -> Array:
        return to_matrix(session.forward(place(case.x, case.layout), training=training).y)


def _usual_channels(domain: Domain) -> int:
    most = domain.most_channels or CHANNELS
    return max(domain.channels, min(most, CHANNELS) // domain.channels * domain.channels)

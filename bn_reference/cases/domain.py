"""The domain of a target: the cases that it takes, which are drawn; what a property makes outside it is unsupported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case

__all__ = ["AXES", "Domain"]

AXES = {2: "(N, C)", 3: "(N, C, L)"}


@dataclass(frozen=True)
class Domain:
    """The cases that a target takes. Strategies draw within it, and what a property makes outside it is unsupported.

    Attributes:
        eps: the one value that it has; None: any.
        momentum: the values that it has, as weights of the new batch; (): any.
        cumulative: takes momentum=None; where ``momentum`` lists values, None has to be among them as well.
        affine, tracks: whether it has weight and bias, and running statistics.
        dimensions: of x: (N, C), (N, C, L).
        channels: the number of channels is a multiple of this.
        layouts, grad_layouts: whether x and the upstream gradient may lie otherwise than contiguously.
        pairs: of dtypes, "float32/float32"; (): all.
        starts: False: its parameters and state cannot be set, so cases have weight 1, bias 0, mean 0, variance 1, no batches.
    """

    eps: float | None = None
    momentum: tuple[float | None, ...] = ()
    cumulative: bool = True
    affine: tuple[bool, ...] = (True, False)
    tracks: tuple[bool, ...] = (True, False)
    dimensions: tuple[int, ...] = (2, 3)
    channels: int = 1
    layouts: bool = True
    grad_layouts: bool = True
    pairs: tuple[str, ...] = ()
    starts: bool = True

    def takes_pair(self, pair: Pair) -> bool:
        """Whether it has layers of this pair of dtypes."""
        return not self.pairs or str(pair) in self.pairs

    def takes_momentum(self, momentum: float | None) -> bool:
        """Whether it has this weight of the new batch."""
        listed = not self.momentum or momentum in self.momentum
        return listed and (self.cumulative or momentum is not None)

    def refusal(self, case: Case) -> str:
        """Why it has no layer for a case: a phrase of which it is the subject; empty where it has one."""
        if not self.takes_pair(case.pair):
            return f"has no layers of {case.pair}"
        if self.eps is not None and case.eps != self.eps:
            return f"has eps {self.eps!r} alone"
        if case.tracks and not self.takes_momentum(case.momentum):
            return self._momentum_refused()
        if case.affine not in self.affine:
            return "has no weight and bias" if case.affine else "always has weight and bias"
        if case.tracks not in self.tracks:
            return "keeps no running statistics" if case.tracks else "always keeps running statistics"
        if case.channels % self.channels:
            return f"takes multiples of {self.channels} channels alone"
        if not self.starts and not _is_neutral(case):
            return "starts with weight 1, bias 0, mean 0 and variance 1 alone"
        return ""

    def refusal_of_batch(self, ndim: int, contiguous: bool) -> str:
        """Why it does not take a batch of so many dimensions, which lies contiguously or not; empty where it does."""
        if ndim not in self.dimensions:
            return f"takes {' or '.join(AXES[n] for n in self.dimensions)} alone"
        return "" if contiguous or self.layouts else "takes contiguous inputs alone"

    def takes(self, case: Case) -> bool:
        """Whether a step of the case can be asked for."""
        lies = self.refusal_of_batch(case.x.ndim, case.layout == "contiguous")
        return not self.refusal(case) and not lies and (self.grad_layouts or case.grad_layout == "contiguous")

    def _momentum_refused(self) -> str:
        numbers = [repr(momentum) for momentum in self.momentum if momentum is not None]
        return f"has momentum {', '.join(numbers)} alone" if numbers else "does not take momentum=None"


def _is_neutral(case: Case) -> bool:
    given = ((case.weight, 1), (case.bias, 0), (case.running_mean, 0), (case.running_var, 1))
    return case.batches == 0 and all(values is None or bool(np.all(values == start)) for values, start in given)

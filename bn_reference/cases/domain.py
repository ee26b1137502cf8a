"""The domain of a target: the cases that it takes, which are drawn; what a property makes outside it is unsupported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import FOLDS
from bn_reference.cases.layouts import Placement, is_contiguous

__all__ = ["AXES", "UNRESTRICTED", "Domain"]

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
        most_channels: there are no more than this; None: any number.
        palette: whether cases have one of few shapes, as each costs a compilation; it takes others as well.
        layouts, grad_layouts: whether x and the upstream gradient may lie otherwise than contiguously.
        pairs: of dtypes, "float32/float32"; (): all.
        folds: whether (N, C, L) is handed over as (N, C, H, W) or more, so that positions can be spread in several ways.
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
    pairs: tuple[str, ...] = ()
    starts: bool = True
    grad_layouts: bool = True
    most_channels: int | None = None
    palette: bool = False
    folds: bool = False

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
        if self.most_channels is not None and case.channels > self.most_channels:
            return f"takes {self.most_channels} channels{' at most' if self.channels < self.most_channels else ' alone'}"
        if case.channels % self.channels:
            return f"takes multiples of {self.channels} channels alone"
        if not self.starts and not _is_neutral(case):
            return "starts with weight 1, bias 0, mean 0 and variance 1 alone"
        return ""

    def refusal_of_batch(self, placement: Placement) -> str:
        """Why it does not take a batch that lies so; empty where it does."""
        if refusal := self.refusal_of_dimensions(len(placement.shape)):
            return refusal
        return "" if self.layouts or is_contiguous(placement) else "takes contiguous inputs alone"

    def refusal_of_dimensions(self, ndim: int) -> str:
        """Why it takes no batches of so many dimensions; empty where it does."""
        return "" if ndim in self.dimensions else f"takes {' or '.join(AXES[n] for n in self.dimensions)} alone"

    def takes(self, case: Case) -> bool:
        """Whether a step of the case can be asked for."""
        batch = self.refusal_of_dimensions(case.x.ndim)
        folded = any(word in FOLDS for word in case.circumstances) and not self.folds
        return not self.refusal(case) and not batch and not folded and self.takes_layouts(case.layout, case.grad_layout)

    def takes_layouts(self, of_x: str, of_grad_y: str) -> bool:
        """Whether batch and upstream gradient may lie so."""
        return (self.layouts or of_x == "contiguous") and (self.grad_layouts or of_grad_y == "contiguous")

    def nearest(self, case: Case) -> Case:
        """The case, changed as little as makes it one that the target takes; the same where its kind is another.

        eps, momentum, layouts and what the layer starts from become what it has, and channels are repeated to a multiple;
        dimensions, dtypes, and whether there are parameters and statistics, are what makes a case of its kind.
        """
        changes: dict[str, Any] = {}
        if self.eps is not None and case.eps != self.eps:
            changes["eps"] = self.eps
        if case.tracks and not self.takes_momentum(case.momentum) and self.momentum:
            changes["momentum"] = self.momentum[0]
        if not self.layouts and case.layout != "contiguous":
            changes["layout"] = "contiguous"
        if not self.grad_layouts and case.grad_layout != "contiguous":
            changes["grad_layout"] = "contiguous"
        wide = math.lcm(case.channels, self.channels)
        if wide != case.channels or (self.most_channels is not None and wide > self.most_channels):
            changes |= _repeated(case, min(wide, self.most_channels or wide))
        case = case.but(**changes) if changes else case
        return case if self.starts or _is_neutral(case) else _neutral(case)

    def within(self, case: Case) -> Case:
        """A case of a kind that the target has, made of one that has everything."""
        changes: dict[str, Any] = {}
        if True not in self.affine:
            changes |= {"weight": None, "bias": None}
        if True not in self.tracks:
            changes |= {"running_mean": None, "running_var": None, "batches": 0}
        if 2 not in self.dimensions:
            changes |= {"x": case.x[:, :, None], "grad_y": case.grad_y[:, :, None]}
        return self.nearest(case.but(**changes))

    def _momentum_refused(self) -> str:
        numbers = [repr(momentum) for momentum in self.momentum if momentum is not None]
        return f"has momentum {', '.join(numbers)} alone" if numbers else "does not take momentum=None"


def _is_neutral(case: Case) -> bool:
    given = ((case.weight, 1), (case.bias, 0), (case.running_mean, 0), (case.running_var, 1))
    return case.batches == 0 and all(values is None or bool(np.all(values == start)) for values, start in given)


def _neutral(case: Case) -> Case:
    vectors = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    given = {name: value for name in vectors if (value := getattr(case, name)) is not None}
    return case.but(batches=0, **{name: np.full_like(value, vectors[name]) for name, value in given.items()})


def _repeated(case: Case, channels: int) -> dict[str, Any]:
    """The case's channels over and over."""
    order = np.resize(np.arange(case.channels), channels)
    vectors = {name: getattr(case, name) for name in ("weight", "bias", "running_mean", "running_var")}
    taken = {name: None if values is None else values[order] for name, values in vectors.items()}
    return {"x": case.x[:, order], "grad_y": case.grad_y[:, order], **taken}


UNRESTRICTED = Domain()

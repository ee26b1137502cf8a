"""Scenes: a case on an implementation, run once, and what it says of a rival."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from bn_reference.arithmetic.precision import DTYPES, dtype_named
from bn_reference.cases.case import Array, Case
from bn_reference.properties.trial import Observation
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.verification.evidence import Verdict, has_digits_of, holds, weigh, weigh_inexact
from bn_reference.verification.rivals import Inexact, Rival, truth

__all__ = ["Scene"]

QUANTITIES: dict[str, Callable[[Observation], object]] = {
    "y": lambda observation: observation.y,
    "running_mean": lambda observation: observation.state.mean,
    "running_var": lambda observation: observation.state.var,
    "grad_x": lambda observation: observation.grads.x,
    "grad_weight": lambda observation: observation.grads.weight,
    "grad_bias": lambda observation: observation.grads.bias,
}
AFTER_BACKWARD: dict[str, Callable[[Observation], object]] = {
    "running_mean": lambda observation: observation.state_after_backward.mean,
    "running_var": lambda observation: observation.state_after_backward.var,
}


class Scene:
    """A case on the implementation, in training or in eval."""

    def __init__(self, implementation: Implementation, case: Case, training: bool) -> None:
        self.case, self.training = case, training
        self._implementation = implementation

    @cached_property
    def _observation(self) -> Observation | None:
        try:
            return Observation(self._implementation, self.case, self.training)
        except (Misbehaviour, Unsupported):
            return None

    def _given(self, read: Callable[[Observation], object], what: str) -> Array | None:
        """The only place that looks at what came out: numbers in the right shape, or nothing that says anything."""
        if self._observation is None:
            return None
        try:
            value = read(self._observation)
        except (Misbehaviour, Unsupported):
            return None
        shape = self.case.x.shape if what in ("y", "grad_x") else (self.case.channels,)
        fits = isinstance(value, np.ndarray) and value.shape == shape and value.dtype.name in DTYPES
        return value if fits else None  # type: ignore[return-value]

    def seen(self, what: str) -> Array | None:
        """A quantity as it came; None where it is not there."""
        return self._given(QUANTITIES[what], what)

    def verdict(self, rival: Rival, what: str) -> Verdict:
        """What this case says of the rival, by one quantity."""
        seen, right = self.seen(what), truth(self.case, self.training, what)
        wrong = rival.expect(self.case, self.training, what)
        if seen is None or right is None or wrong is None:
            return Verdict.SILENT
        if not isinstance(rival, Inexact):
            return weigh(seen, right, wrong)
        if rival.digits is not None and not has_digits_of(seen, dtype_named(rival.digits(self.case.pair))):
            return Verdict.CONTRADICTS
        return weigh_inexact(seen, right, wrong)

    def is_right(self, what: str) -> bool:
        """Whether the quantity is there, and within the truth's bounds."""
        seen, right = self.seen(what), truth(self.case, self.training, what)
        return seen is not None and right is not None and holds(seen, right)

    def is_right_after_backward(self, what: str) -> bool:
        """Whether a running statistic is within the truth's bounds once the backward pass has been made."""
        seen, right = self._given(AFTER_BACKWARD[what], what), truth(self.case, self.training, what)
        return seen is not None and right is not None and holds(seen, right)

"""haiku.BatchNorm, channels last; its averages are zero-debiased, and count their updates."""

from __future__ import annotations

from copy import copy
from typing import Any

import haiku as hk
import jax.numpy as jnp

from bn_reference.cases.case import Case
from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.of_jax import OfJax
from bn_reference.targets.protocol import Session


class Haiku(OfJax):
    """The module, with the state that an average has after so many updates; momentum is its ``decay_rate``."""

    form = "haiku.BatchNorm"
    conventions = LIBRARIES["haiku"]
    momentum = tuple(m for m in OfJax.momentum if m > 0)  # the decay is in [0, 1)

    def open(self, case: Case, **asked: Any) -> Session:
        counting = copy(self)
        counting.counter = case.batches
        return super(Haiku, counting).open(case, **asked)

"""Whether an output is that of an earlier batch: seen by calling twice, with batches of one shape."""

from __future__ import annotations

import itertools

import numpy as np

from bn_reference.cases.case import Case
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.generic import reshaped
from bn_reference.verification.rivals import Rival, truth
from bn_reference.verification.scenes import Scene

__all__ = ["EARLIER", "is_of_an_earlier_batch"]

EARLIER = Rival("output_of_an_earlier_batch", "the output is that of an earlier batch of the same shape", truth)
_unused = itertools.count(37)  # numbers of samples that nothing else has: whoever keeps outputs by shape has none of these


def is_of_an_earlier_batch(implementation: Implementation, met: Case, training: bool) -> bool:
    """Whether a batch of a new shape is normalized rightly, and every other one of that shape then gives the same bits.

    The case that was met must show it too: it gives the same bits after, and as, another batch.
    """
    samples = next(_unused)
    made = [implementation.domain.nearest(reshaped(met, samples, seed)) for seed in (5, 6)]
    first, second = (Scene(implementation, case, training) for case in made)
    if not first.is_right("y") or not _same(first, second) or second.is_right("y"):
        return False
    other = met.but(x=np.roll(-met.x, 1, axis=0) + met.x.dtype.type(1), layout="contiguous")
    another, again = Scene(implementation, other, training), Scene(implementation, met.but(), training)
    return _same(another, again) and not (another.is_right("y") and again.is_right("y"))


def _same(one: Scene, other: Scene) -> bool:
    a, b = one.seen("y"), other.seen("y")
    return a is not None and b is not None and a.tobytes() == b.tobytes() and bool(np.isfinite(a.astype(np.float64)).any())

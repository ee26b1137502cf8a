"""The accuracy class of a target's variance, measured from how its error grows with the condition of the data.

kappa = sqrt(1 + mean^2 / var) is the condition number of the variance (Chan, Golub & LeVeque 1983, section 1). A mean of
squares less the square of the mean has a relative error of u kappa^2; two passes, Welford's updates and shifted data have one
of u kappa at most. Twice the kappa gives the first four times the error.
"""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import format_of
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import place, to_matrix
from bn_reference.conventions import Conventions
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training
from bn_reference.targets.protocol import Implementation, Unsupported, had

__all__ = ["CLASSES", "accuracy_class", "growth", "is_one_pass"]

DOUBLINGS = 6  # of kappa
SAMPLES = 8  # batches for each kappa, as a single error may be small by chance
ROWS = 24
BETWEEN = 1.5  # the powers of kappa are one and two
CLASSES = ("two passes, or better", "updating or shifted", "one pass")  # by the power of kappa: 0, 1, 2


def is_one_pass(implementation: Implementation, case: Case, conventions: Conventions) -> bool:
    """Whether the error grows with the square of kappa, and stays within the bound of a variance in one pass throughout."""
    power, batches, outputs = growth(implementation, case, conventions)
    if power < BETWEEN:
        return False
    one_pass = conventions.but(variance="one_pass")
    return all(
        within("y", y, expect_training(batch.kept_by(one_pass)).y).holds for batch, y in zip(batches, outputs, strict=True)
    )


def growth(implementation: Implementation, case: Case, conventions: Conventions) -> tuple[float, list[Case], list[Array]]:
    """The power of kappa with which the error of y grows, and the batches and outputs in which it was seen.

    The error is taken beyond the bound of a stable variance: where it stays within that, the power is zero.

    Raises:
        Unsupported, Misbehaviour: a step could not be had.
    """
    kappas = _kappas(case)
    batches, outputs, excess = [], [], []
    for kappa in kappas:
        errors = []
        for seed in range(SAMPLES):
            batch = _batch(case, kappa, seed)
            step = implementation.open(batch).forward(place(batch.x, batch.layout), training=True)
            expected = expect_training(batch.kept_by(conventions)).y
            error = np.abs(to_matrix(step.y).astype(np.float64) - leading(expected.value)).max(axis=0)
            errors.append(float(np.median(error / expected.bound.max(axis=0))))
            batches.append(batch)
            outputs.append(step.y)
        excess.append(float(np.median(errors)))
    grown = [(kappa, ratio) for kappa, ratio in zip(kappas, excess, strict=True) if ratio > 0.0]
    if len(grown) < DOUBLINGS // 2 or max(excess) <= 1.0:
        return 0.0, batches, outputs
    # the bound grows with kappa itself, so that the ratio grows with one power less
    slope = np.polyfit(np.log([kappa for kappa, _ in grown]), np.log([ratio for _, ratio in grown]), 1)[0]
    return 1.0 + float(slope), batches, outputs


def _kappas(case: Case) -> list[float]:
    """Up to a quarter of the root of 1 / u, where the variance in one pass has lost all but a few digits."""
    root = float(format_of(case.pair.input_dtype).unit_roundoff) ** -0.5
    return [root * 2.0**power for power in range(-1 - DOUBLINGS, -1)]


def _batch(case: Case, kappa: float, seed: int) -> Case:
    noise = np.random.default_rng(seed).standard_normal((ROWS, *case.x.shape[1:]))
    x = (kappa + noise).astype(case.x.dtype)
    plain = {} if case.running_var is None else {"running_var": np.ones_like(case.running_var)}
    return case.but(x=x, grad_y=x, **plain)


def accuracy_class(implementation: Implementation, case: Case, conventions: Conventions) -> str:
    """The class of the batch's variance, from how the error of a running variance that began with zero grows with kappa.

    Raises:
        Unsupported, Misbehaviour: it could not be asked for.
    """
    if case.running_var is None or not case.momentum or not implementation.domain.starts:
        raise Unsupported("no running variance shows the batch's own")
    points = []
    for kappa in _kappas(case):
        errors = []
        for seed in range(SAMPLES):
            batch = _batch(case, kappa, seed).but(running_var=np.zeros_like(case.running_var))
            session = implementation.open(batch)
            session.forward(place(batch.x, batch.layout), training=True)
            seen, expected = had(session.state().var), expect_training(batch.kept_by(conventions)).state.var
            if seen is None or expected is None:
                raise Unsupported("there is no running variance")
            truth = leading(expected.value)
            errors.append(float(np.median(np.abs(seen.astype(np.float64) - truth) / truth)))
        points.append((kappa, max(float(np.median(errors)), format_of(case.pair.parameter_dtype).unit_roundoff)))
    power = np.polyfit(np.log([kappa for kappa, _ in points]), np.log([error for _, error in points]), 1)[0]
    return CLASSES[int(np.clip(np.rint(power), 0, 2))]

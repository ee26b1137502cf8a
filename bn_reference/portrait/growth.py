"""How errors grow: with the condition of the data, and with the number of rows; beside the bound of the class."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import Pair, format_of
from bn_reference.arithmetic.running_error import leading
from bn_reference.conventions import Conventions
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.step import ExpectedState, expect_training
from bn_reference.portrait.asking import Asked
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.watched import Watched

__all__ = ["Curve", "Ratio", "against_condition", "against_rows", "ratios"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]

DECADES = 10
ROWS = 64
MOST_ROWS = 20  # a power of two


@dataclass(frozen=True)
class Curve:
    """Relative errors of the variance, or of the mean, against kappa or the number of rows.

    Attributes:
        pair: of dtypes.
        quantity: "running variance" or "running mean".
        against: "kappa" or "rows".
        points: (at, largest relative error, its bound); each relative to the value.
    """

    pair: str
    quantity: str
    against: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Ratio:
    """The largest error over its bound, of a quantity, in a pair of dtypes, on ordinary numbers."""

    pair: str
    quantity: str
    ratio: float


def against_condition(asked: Asked, conventions: Conventions) -> Curve:
    """Two points a decade of kappa = sqrt(1 + mean^2 / var), as many decades, to ten, as the input has digits for.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    most = min(DECADES, np.log10(0.25 / format_of(asked.pair.input_dtype).unit_roundoff))
    points = []
    for kappa in 10.0 ** np.arange(0.0, most + 0.25, 0.5):
        noise = np.random.default_rng(int(2 * np.log10(kappa))).standard_normal((ROWS, asked.setting.channels))
        x = (kappa + noise).astype(asked.pair.input_dtype)
        _, variance = asked.statistics(x)
        points.append((float(kappa), *_relative(variance, _expected(asked, x, conventions).var)))
    return Curve(str(asked.pair), "running variance", "kappa", tuple(points))


def against_rows(asked: Asked, conventions: Conventions, most: int = MOST_ROWS) -> Curve:
    """Numbers between zero and one, whose sum of any order loses what it can; 2 to 2^20 rows.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    points = []
    for power in range(1, most + 1):
        few = asked.within(channels=max(asked.target.domain.channels, min(4, asked.target.domain.most_channels or 4)))
        x = np.random.default_rng(power).uniform(0.0, 1.0, (2**power, few.setting.channels)).astype(asked.pair.input_dtype)
        mean, _ = few.statistics(x)
        points.append((float(2**power), *_relative(mean, _expected(few, x, conventions).mean)))
        forget()
    return Curve(str(asked.pair), "running mean", "rows", tuple(points))


def ratios(target: Watched, pairs: Sequence[Pair], conventions: Conventions) -> tuple[Ratio, ...]:
    """In each pair: y, running mean and running variance of a training step, far from no kappa."""
    found = []
    for pair in pairs:
        with suppress(Unsupported, Misbehaviour):
            found += _ratios(target, pair, conventions)
    return tuple(found)


def _ratios(target: Watched, pair: Pair, conventions: Conventions) -> list[Ratio]:
    asked = Asked(target, pair)
    rng = np.random.default_rng(0)
    width = asked.setting.channels  # all channels in one case
    x = (rng.standard_normal(width) + rng.standard_normal((ROWS, width))).astype(pair.input_dtype)
    y = asked.output(x, training=True)
    found = [Ratio(str(pair), "y", _largest(y, expect_training(asked.case(x).kept_by(conventions)).y))]
    with suppress(Unsupported, Misbehaviour):
        mean, variance = asked.statistics(x)
        expected = _expected(asked, x, conventions)
        found += [Ratio(str(pair), "running mean", _largest(mean, expected.mean))]
        found += [Ratio(str(pair), "running variance", _largest(variance, expected.var))]
    return found


def _expected(asked: Asked, x: Array, conventions: Conventions) -> ExpectedState:
    return expect_training(asked.case_of_statistics(x).kept_by(conventions)).state


def _largest(seen: Array, expected: Bounded | None) -> float:
    """The largest error over its bound."""
    if expected is None:
        raise Unsupported("nothing is expected of it")
    return float(np.max(_error(seen, expected) / expected.bound))


def _relative(seen: Array, expected: Bounded | None) -> tuple[float, float]:
    """The largest error and the largest bound, relative to the value."""
    if expected is None:
        raise Unsupported("nothing is expected of it")
    size = np.abs(leading(expected.value))
    return float(np.max(_error(seen, expected) / size)), float(np.max(expected.bound / size))


def _error(seen: Array, expected: Bounded) -> Float:
    """How far from the truth, in the truth's own digits."""
    value = expected.value
    exact = seen.astype(np.float64)
    error = (DoubleDouble(exact) - value).magnitude() if isinstance(value, DoubleDouble) else np.abs(exact - value)
    return np.asarray(error)

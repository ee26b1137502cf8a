"""The order and the accumulator of the sum that a mean is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, FORMATS
from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import COMPENSATED
from bn_reference.portrait.numbers import digits, same, spread
from bn_reference.portrait.tree import Pairs, Tree, reveal, sizes, summed

__all__ = ["Sum", "sum_of", "found_in"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]

ACCUMULATORS = {11: "float16", 8: "bfloat16", 24: "float32", 53: "float64"}  # by their digits
WIDTHS = (*range(4, 67), *range(104, 116))  # digits of the formats that there are, and next to them
PLACES = 8  # where a unit may stand
CANCELLED = 9
FEW = 64
RANDOM = 512  # channels of random numbers


@dataclass(frozen=True)
class Masks:
    """A large number, and the unit that it absorbs.

    M^2 times 64 rows is no overflow yet, in any format but float16, whose units are subnormal, and their mean is kept exactly.
    """

    large: float
    unit: float

    @property
    def apart(self) -> int:
        return round(float(np.log2(self.large / self.unit)))

    @classmethod
    def of(cls, name: str) -> Masks:
        if name == "float64":
            return cls(2.0**200, 2.0**-200)
        return cls(2.0**15, 2.0**-18) if name == "float16" else cls(2.0**60, 2.0**-60)


@dataclass(frozen=True)
class Sum:
    """How a mean's sum comes about.

    Attributes:
        rows: that were summed.
        tree: None: the masks show none.
        accumulator: a name of ``ACCUMULATORS``, COMPENSATED, or over how many digits nothing is lost; None: it cannot be told.
        confirmed: whether the sums of random numbers in this order and accumulator are the target's to the bit.
    """

    rows: int
    tree: Tree | None = None
    accumulator: str | None = None
    confirmed: bool = False


def sum_of(asked: Asked, rows: int) -> Sum:
    """The sum of so many rows, a power of two; confirmed on a second draw, with signs exchanged and another M.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    masks = Masks.of(asked.pair.input)
    if not _is_linear(asked, rows):
        return Sum(rows)
    lost = _double_masks(asked, rows, masks)
    if lost is not None:
        exact = all(_is_nearly_exact(asked, rows, seed) for seed in (0, 1))
        return Sum(rows, accumulator=lost if exact else None)
    tree = _revealed(asked, rows, masks)
    if tree is None:
        return Sum(rows)
    name = ACCUMULATORS.get(_width(asked, tree, rows, masks) or 0)
    if name is not None and all(is_sum_in(asked, tree, rows, name, seed) for seed in (0, 1)):
        return Sum(rows, tree, name, confirmed=True)
    return Sum(rows, tree)


def found_in(asked: Asked, rows: int, accumulators: Iterable[str]) -> tuple[Tree, str] | None:
    """The order, and the first of these accumulators in which random sums confirm it; None where it cannot be told.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    tree = _revealed(asked, rows, Masks.of(asked.pair.input)) if _is_linear(asked, rows) else None
    if tree is None:
        return None
    return next(((tree, name) for name in accumulators if is_sum_in(asked, tree, rows, name, seed=2, channels=FEW)), None)


def _revealed(asked: Asked, rows: int, masks: Masks) -> Tree | None:
    tree = reveal(rows, lambda pairs: _sizes(asked, rows, pairs, masks))
    return tree if tree is not None and _is_seen_again(asked, tree, rows, masks) else None


def is_sum_in(asked: Asked, tree: Tree, rows: int, name: str, seed: int, channels: int = RANDOM) -> bool:
    """Whether the sums of random numbers, which cancel, are to the bit those of this order in this format."""
    x = spread(np.random.default_rng((seed, rows)), rows, channels, asked.pair.input, digits(name))
    if asked.pair.input == "float16":
        x = x / 2.0**8  # so that no sum overflows
    given = x.astype(asked.pair.input_dtype)
    mean, _ = asked.statistics(given)
    with np.errstate(all="ignore"):
        total = summed(tree, given.astype(DTYPES[name]))
    own = total / total.dtype.type(rows)
    return bool(np.any(mean != 0)) and any(same(mean, moved) for moved in _moved(asked, own, mean.dtype))


def _moved(asked: Asked, mean: Array, kept: np.dtype[Any]) -> Iterator[Array]:
    """Averages of such a mean and zero, weighted in either format, as they are kept."""
    if asked.momentum == 1.0:
        yield mean.astype(kept)
        return
    for name in ("float32", "float64"):
        real = DTYPES[name]
        yield (mean.astype(real) * real.type(asked.momentum)).astype(kept)


def _is_nearly_exact(asked: Asked, rows: int, seed: int) -> bool:
    """Whether random numbers, of which nine or more digits cancel, are summed as if nothing were lost before the end."""
    rng, pair = np.random.default_rng((seed, rows)), asked.pair
    half = rng.standard_normal((rows // 2, RANDOM)) * 2.0**CANCELLED
    x = rng.permuted(np.concatenate([half, rng.standard_normal(half.shape) - half]), axis=0).astype(pair.input_dtype)
    mean, _ = asked.statistics(x)
    exact = np.array([math.fsum(column) for column in x.T.astype(np.float64)]) / rows * asked.momentum
    u = FORMATS[pair.parameters].unit_roundoff
    return bool((np.abs(mean.astype(np.float64) - exact) <= 4 * u * np.abs(exact)).all())


def _is_linear(asked: Asked, rows: int) -> bool:
    """Whether batches of one value give means that are that value, times the weight of the new batch: three powers of two."""
    x = np.broadcast_to(2.0 ** np.array([0.0, 3.0, -2.0]), (rows, 3))
    mean, _ = asked.statistics(x)
    ratio = mean.astype(np.float64) / x[0]
    close = np.abs(ratio - asked.momentum) <= 4 * FORMATS[asked.pair.parameters].unit_roundoff * asked.momentum
    return bool(close.all())


def _left(asked: Asked, x: Float, unit: float) -> Float:
    """How many units are left in the sum of each channel; NaN where that is no whole number."""
    mean, _ = asked.statistics(x)
    units = mean.astype(np.float64) * len(x) / (unit * asked.momentum)
    whole = np.rint(units)
    rounding = 4 * FORMATS[asked.pair.parameters].unit_roundoff
    with np.errstate(invalid="ignore"):
        exact = np.abs(units - whole) <= rounding * np.abs(whole)
    return np.where(exact & (whole >= 0) & (whole <= len(x)), whole, np.nan)


def _masked(rows: int, pairs: Pairs, masks: Masks, sign: float = 1.0) -> Float:
    x = np.full((rows, len(pairs)), masks.unit)
    for channel, (i, j) in enumerate(pairs):
        x[i, channel], x[j, channel] = sign * masks.large, -sign * masks.large
    return x


def _sizes(asked: Asked, rows: int, pairs: Pairs, masks: Masks, sign: float = 1.0) -> Sequence[int]:
    """Sizes of the smallest subtrees that hold these pairs; -1 where the answer is none."""
    left = _left(asked, _masked(rows, pairs, masks, sign), masks.unit)
    return [-1 if np.isnan(count) else rows - int(count) for count in left]


def _is_seen_again(asked: Asked, tree: Tree, rows: int, masks: Masks) -> bool:
    """Whether other pairs than those it was revealed by, in another order, of the other sign and another M, show it too."""
    rng = np.random.default_rng(rows)
    pairs = [(i, j) for i in range(rows) for j in range(rows) if i != j]
    chosen = [pairs[at] for at in rng.permutation(len(pairs))[: min(len(pairs), max(asked.setting.channels, 4 * rows))]]
    table = sizes(tree, rows)
    again = Masks(masks.large / 2.0, masks.unit)
    return list(_sizes(asked, rows, chosen, again, sign=-1.0)) == [table[pair] for pair in chosen]


def _width(asked: Asked, tree: Tree, rows: int, masks: Masks) -> int | None:
    """Digits of the accumulator: the first power of two that absorbs a unit wherever it stands; None where places differ.

    M and -M meet in the last addition, so that each unit was added to one of them before.
    """
    table = sizes(tree, rows)
    first, second = (int(each) for each in np.argwhere(table == rows)[0])
    others = [row for row in range(rows) if row not in (first, second)][:: max(1, (rows - 2) // PLACES)]
    powers: list[int] = [power for power in WIDTHS if power < masks.apart]
    x = np.zeros((rows, len(powers) * len(others)))
    for at, power in enumerate(powers):
        for k, row in enumerate(others):
            channel = at * len(others) + k
            # it meets the mask of its own sign: one less than a power of two has a digit less than one more
            near, far = (first, second) if table[first, row] < rows else (second, first)
            x[row, channel], x[near, channel], x[far, channel] = masks.unit * np.array([1.0, 2.0**power, -(2.0**power)])
    left = _left(asked, x, masks.unit).reshape(len(powers), len(others))
    absorbing = {int(np.argmax(column == 0)) for column in left.T if (column == 0).any()}
    if len(absorbing) != 1 or np.isnan(left).any() or not (left[max(absorbing) :] == 0).all():
        return None
    at = absorbing.pop()
    return powers[at] if at and powers[at - 1] == powers[at] - 1 else None


def _double_masks(asked: Asked, rows: int, masks: Masks) -> str | None:
    """Whether a single pair of masks loses nothing, wherever it stands; and if so, whether two pairs of unlike size do."""
    rng = np.random.default_rng(7)
    places = np.array([rng.permutation(rows)[:4] for _ in range(4 * rows)])
    single = _masked(rows, [(int(i), int(j)) for i, j, *_ in places], masks)
    if not (_left(asked, single, masks.unit) == rows - 2).all():
        return None
    nothing = f"nothing is lost over {masks.apart} digits"
    if masks.apart // 2 <= 2 * digits(asked.pair.input):
        return nothing
    middle = masks.unit * 2.0 ** (masks.apart // 2)
    double = single.copy()
    for channel, (_, _, k, other) in enumerate(places):
        double[k, channel], double[other, channel] = middle, -middle
    left = _left(asked, double, masks.unit)
    return nothing if (left == rows - 4).all() else COMPENSATED

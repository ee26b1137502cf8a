"""Cases made from cases: the other side of a metamorphic relation, and what their comparison needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, FORMATS, Format, format_of
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.circumstances import ASKS
from bn_reference.cases.layouts import LAYOUTS, Placement, from_matrix, place, to_matrix
from bn_reference.cases.others import another_batch as another_batch_of_its_form
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, within
from bn_reference.oracle.statistics import statistics
from bn_reference.oracle.step import ExpectedState
from bn_reference.targets.protocol import had

KEPT = 256
UNRECORDED = ("unrecorded", "inference mode")  # of the circumstances
MARGIN = 2.0**5  # more than the factors 2^k, 4^k of `scaled` and a few roundings


def state_within(state: State, expected: ExpectedState, aspect: Aspect = Aspect.VALUE) -> Iterator[Comparison]:
    """The running statistics against the expected ones; nothing where none are tracked."""
    if expected.mean is not None and expected.var is not None:
        yield within("running_mean", state.mean, expected.mean, aspect)
        yield within("running_var", state.var, expected.var, aspect)


def taken(seen: Seen, channels: npt.NDArray[np.intp]) -> Seen:
    """The given channels of a batch or of a vector; of what could not be had, that."""
    if not isinstance(seen, np.ndarray):
        return seen
    result: Array = seen[:, channels] if seen.ndim > 1 else seen[channels]
    return result


def recorded(case: Case) -> Case:
    """The case called while all gradients are recorded: whoever takes another path else may differ in the last bits."""
    words = tuple(word for word in case.circumstances if word not in UNRECORDED and word not in ASKS)
    return case if words == case.circumstances else case.but(circumstances=words)


def laid_out(case: Case) -> list[tuple[Placement, Placement]]:
    """Batch and upstream gradient in every layout; once, where two layouts are one for what has this form."""
    ways: list[tuple[Placement, Placement]] = []
    for layout in LAYOUTS:
        way = place(case.x, layout), place(case.grad_y, layout)
        if not any(all(one.lies_as(other) for one, other in zip(way, known, strict=True)) for known in ways):
            ways.append(way)
    return ways


@lru_cache(maxsize=KEPT)
def unrecorded(case: Case) -> Case:
    """The case called while no gradients are recorded."""
    words = case.circumstances
    return case if any(word in words for word in UNRECORDED) else case.but(circumstances=(*words, UNRECORDED[0]))


def with_batch(case: Case, x: Array) -> Case:
    """The case with another batch, laid out contiguously; the upstream gradient is cut or repeated to its shape."""
    grad_y = case.grad_y if x.shape == case.x.shape else np.resize(case.grad_y, x.shape)
    return case.but(x=x, grad_y=grad_y, layout="contiguous", grad_layout="contiguous")


def with_fresh_state(case: Case, **changes: Any) -> Case:
    """The case as a layer sees it that has seen no batch: mean 0, variance 1, or 0 by its convention."""
    zeros = np.zeros(case.channels, DTYPES[case.precision.statistics_format.name])
    var = zeros if case.conventions.initial_variance == "zero" else np.ones_like(zeros)
    return case.but(running_mean=zeros, running_var=var, batches=0, **changes)


def _power_of_two_scale(case: Case) -> npt.NDArray[np.float64]:
    """A power of two near each channel's largest finite magnitude, 1 for a channel of zeros: (C,)."""
    x = case.x.astype(np.float64)
    sizes = np.where(np.isfinite(x), np.abs(x), 0.0).max(axis=tuple(i for i in range(x.ndim) if i != 1))
    return np.where(sizes > 0.0, 2.0 ** np.floor(np.log2(np.where(sizes > 0.0, sizes, 1.0))), 1.0)


def _per_channel(values: npt.NDArray[Any], ndim: int) -> npt.NDArray[Any]:
    return values.reshape((1, -1) + (1,) * (ndim - 2))


@lru_cache(maxsize=KEPT)
def shifted(case: Case) -> Case:
    """x + b with b a small multiple of a power of two near the channel's size, so that the sum is mostly exact."""
    factors = np.resize([1.0, -2.0, 3.0], case.channels)
    shift = _per_channel(factors * _power_of_two_scale(case), case.x.ndim)
    with np.errstate(all="ignore"):
        return case.but(x=(case.x.astype(np.float64) + shift).astype(case.x.dtype), layout="contiguous")


@lru_cache(maxsize=KEPT)
def scaled(case: Case, modelled: Case) -> tuple[Case, npt.NDArray[np.intp]]:
    """2^k x with 4^k eps, and the channels in which no number can leave the normal range, by the model of ``modelled``."""
    power = 2.0 if case.rows % 2 else -2.0
    factor = 2.0**power
    with np.errstate(all="ignore"):
        x = (case.x.astype(np.float64) * factor).astype(case.x.dtype)
        exact = x.astype(np.float64) == case.x.astype(np.float64) * factor
        wide = (_power_of_two_scale(case) > 2.0**-30) & (_power_of_two_scale(case) < 2.0**30)
        safe = exact.all(axis=tuple(i for i in range(x.ndim) if i != 1)) & wide & _kept_in_range(modelled)
    return case.but(x=x, eps=case.eps * factor**2), np.flatnonzero(safe)


def _kept_in_range(case: Case) -> npt.NDArray[np.bool_]:
    """Whether mean and deviation, as kept in the parameters' format, stay normal under the factor: (C,)."""
    kept = case.precision.kept
    if kept.largest >= FORMATS["bfloat16"].largest:  # as wide as float32: the channel's own size was checked
        return np.ones(case.channels, dtype=bool)
    batch = statistics(case)
    mean, var = np.abs(leading(batch.mean.value)), leading(batch.biased.value)
    stays = _normal(mean - batch.mean.error, kept) & _normal(mean, kept) & _normal(np.sqrt(var + case.eps), kept)
    result: npt.NDArray[np.bool_] = stays & _normal(case.rows * var, case.precision.sums)
    return result


def _normal(numbers: npt.NDArray[Any], form: Format) -> npt.NDArray[np.bool_]:
    """Whether they are far enough from both ends of a format's normal range."""
    inside: npt.NDArray[np.bool_] = (numbers > MARGIN * form.underflow / form.unit_roundoff) & (numbers < form.largest / MARGIN)
    return inside


def channels_taken(case: Case, order: npt.NDArray[Any]) -> Case:
    """The case with its channels in another order, or some of them."""

    def pick(vector: Array | None) -> Array | None:
        return None if vector is None else vector[order]

    return case.but(
        x=case.x[:, order],
        grad_y=case.grad_y[:, order],
        weight=pick(case.weight),
        bias=pick(case.bias),
        running_mean=pick(case.running_mean),
        running_var=pick(case.running_var),
    )


@lru_cache(maxsize=KEPT)
def one_channel_disturbed(case: Case) -> tuple[Case, Case, npt.NDArray[np.intp]]:
    """The case, another content for one channel (in turn NaN, infinity, large numbers, a mirror image), the other channels."""
    if case.layout == "expanded":  # what is disturbed in one place cannot lie expanded
        case = case.but(layout="contiguous")
    x = case.x.copy()
    disturbed = case.rows % case.channels
    content = case.rows % 4
    if content == 0:
        x[:, disturbed] = np.nan
    elif content == 1:
        x[-1, disturbed] = np.inf
    elif content == 2:
        x[:, disturbed] = format_of(x.dtype).largest
    else:
        x[:, disturbed] = -x[:, disturbed] + x.dtype.type(1)
    others = np.flatnonzero(np.arange(case.channels) != disturbed)
    return case, case.but(x=x), others


NEXT_TO_NOTHING, FEW_BITS = 1e-12, 4


@lru_cache(maxsize=KEPT)
def neutral(case: Case) -> Case:
    """The case on a layer whose evaluation changes no number, or next to none."""
    zeros = {name: None if (own := getattr(case, name)) is None else np.zeros_like(own) for name in ("bias", "running_mean")}
    ones = {name: None if (own := getattr(case, name)) is None else np.ones_like(own) for name in ("weight", "running_var")}
    return case.but(eps=NEXT_TO_NOTHING, **zeros, **ones)


def with_state(case: Case, state: State) -> Case:
    """The case on a layer that has this state."""
    batches = state.batches if isinstance(state.batches, int) else 0
    return case.but(running_mean=had(state.mean), running_var=had(state.var), batches=batches)


def another_state(case: Case) -> State:
    """Statistics that are not the case's: its mean mirrored and moved, its variance doubled, three more batches."""
    assert case.running_mean is not None
    assert case.running_var is not None
    one = case.running_mean.dtype.type(1)
    return State(one - case.running_mean, case.running_var + case.running_var + one, case.batches + 3)


def batches_of_several_sizes(case: Case) -> tuple[Array, ...]:
    """The batch, the batch stacked on its mirror image, and as much of it as training needs: sizes N, 2 N, and about N / 2."""
    x = case.x
    least = 2 if x.ndim == 2 or x.shape[2] == 1 else 1
    return x, np.concatenate([x, -x]), x[: max(least, len(x) // 2)]


@lru_cache(maxsize=KEPT)
def another_of_its_shape(case: Case) -> Case:
    """The case with another batch of the same shape."""
    return with_batch(case, another_batch_of_its_form(case, 1))


SOME_OF_THREE = (("x",), ("weight",), ("bias",), ("x", "weight"), ("x", "bias"), ("weight", "bias"))


def some_of_three(case: Case) -> tuple[str, ...]:
    """One or two of x, weight and bias."""
    return SOME_OF_THREE[case.rows % len(SOME_OF_THREE)]


def another_batch(case: Case) -> Array:
    """A batch of other values and another size."""
    return np.concatenate([case.x + case.x.dtype.type(1), -case.x])


def in_two_positions(case: Case) -> Case:
    """The batch's rows as (m / 2, C, 2), the last one dropped where m is odd."""
    matrix = to_matrix(case.x)
    half = len(matrix) // 2
    return with_batch(case, from_matrix(matrix[: 2 * half], (half, case.channels, 2)))


def small_upstream(case: Case) -> Array:
    """2^-6 dy."""
    small: Array = (case.grad_y.astype(np.float64) / 64.0).astype(case.grad_y.dtype)
    return small


def mixed_upstream(case: Case) -> Array:
    """2^-6 dy + dy in reverse order."""
    with np.errstate(all="ignore"):
        mixed: Array = case.grad_y.astype(np.float64) / 64.0 + case.grad_y[::-1].astype(np.float64)
    return mixed.astype(case.grad_y.dtype)


def next_to_nothing(case: Case) -> float:
    """A power of two that leaves of dy some bits of the smallest subnormal numbers, or makes it as small as a normal one is."""
    form = format_of(case.pair.input_dtype)
    digits = round(-math.log2(form.unit_roundoff))
    return 2.0 * form.underflow * 2.0 ** (FEW_BITS + case.rows % digits)


def rectified(grad_y: Array, y: Array) -> Array:
    """dy where it flows back through max(y, 0): no gradient where y is not positive."""
    return np.where(y <= 0, grad_y.dtype.type(0), grad_y) if y.shape == grad_y.shape else grad_y


def expanded_upstream(case: Case) -> Array:
    """dy the same in every row (a derivative of a weighted sum over channels)."""
    row = case.grad_y[:1] if case.grad_y.ndim == 2 else case.grad_y[:1, :, :1]
    return np.broadcast_to(row, case.grad_y.shape).copy()

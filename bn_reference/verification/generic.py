"""Generic cases: data in which all known slips can be told apart, on a layer with the options of the case that broke a rule.

What may have triggered a slip is kept (dtypes, momentum=None, no affine parameters, no tracking, the first batch, positions,
the layout); everything else is ordinary: no channel is constant, none is far from zero against its deviation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bn_reference.arithmetic.precision import format_of
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import from_matrix

__all__ = ["far_from_zero", "generic_cases", "reshaped", "subnormal", "variants"]

MEANS = np.array([1.5, -0.75, 0.5, -1.25])  # in deviations, so that nothing cancels
RUNNING_MEANS = np.array([-0.5, 1.0, 2.0, -1.75])  # unlike those of any batch
DEVIATIONS = 2.0, 0.75  # of the first channels; eps matters in the others
MANY, FEW = {2: (24,), 3: (4, 6)}, {2: (6,), 3: (3, 2)}  # N and L: with few rows n / (n - 1) shows in half precision too
PLAIN_EPS, PLAIN_MOMENTUM = 0.125, 0.3
SOME_BATCHES = 7


def generic_cases(original: Case) -> tuple[Case, Case]:
    """One with the original's own eps and momentum, and another with a large eps, and a momentum unlike 0 and 1."""
    own = _generic(original, MANY[original.x.ndim], seed=0)
    other = {"eps": PLAIN_EPS} if original.momentum is None else {"eps": PLAIN_EPS, "momentum": PLAIN_MOMENTUM}
    return own, _generic(original.but(**other), FEW[original.x.ndim], seed=1)


def variants(original: Case) -> Iterator[tuple[str, Case]]:
    """Generic cases in which one option is another, each with the words for the original's."""
    if original.momentum is None:
        yield "where momentum is None", _few(original.but(momentum=PLAIN_MOMENTUM))
    else:
        yield "where momentum is a number", _few(original.but(momentum=None))
    if original.tracks:
        yield (
            "on the first batch" if original.batches == 0 else "after the first batch",
            _few(original.but(batches=SOME_BATCHES if original.batches == 0 else 0)),
        )
        yield "with running statistics", _few(original.but(running_mean=None, running_var=None, batches=0))
    else:
        some = np.ones(original.channels, original.pair.parameter_dtype)
        yield "without running statistics", _few(original.but(running_mean=some, running_var=some, batches=SOME_BATCHES))
    if original.affine:
        yield "with weight and bias", _few(original.but(weight=None, bias=None))
    else:
        some = np.ones(original.channels, original.pair.parameter_dtype)
        yield "without weight and bias", _few(original.but(weight=some, bias=some))
    rank = 5 - original.x.ndim
    yield f"for ({'N, C' if rank == 3 else 'N, C, L'})", _generic(original, FEW[rank], seed=3)
    if (original.layout, original.grad_layout) != ("contiguous", "contiguous"):
        yield "where x or dy is not contiguous", _few(original.but(layout="contiguous", grad_layout="contiguous"))


def far_from_zero(original: Case) -> Case:
    """One whose means are large against the deviations: kappa from 2^-6 to 2^-3 of the root of 1 / u.

    There a difference of squares, with an error of u kappa^2, loses more digits than a square of differences, with u kappa,
    and not all of them.
    """
    case = _few(original)
    root = format_of(case.pair.input_dtype).unit_roundoff ** -0.5
    kappa = root * 2.0 ** np.arange(-6.0, -2.0)
    by_channel = (1, -1) + (1,) * (case.x.ndim - 2)
    deviation = np.maximum(1.0, 8.0 * np.sqrt(original.eps))
    noise = np.random.default_rng(4).standard_normal(case.x.shape)
    x = deviation * (kappa.reshape(by_channel) + noise)
    plain = {} if not case.tracks else {"running_var": np.ones(case.channels, case.pair.parameter_dtype)}
    return case.but(x=x.astype(case.pair.input_dtype), **plain)


def subnormal(original: Case) -> Case:
    """One of multiples of the smallest subnormal number, with nothing added to them in which they would be lost."""
    case = _few(original)
    form = format_of(case.pair.input_dtype)
    most = np.floor(0.5 / form.unit_roundoff)
    multiples = np.random.default_rng(5).integers(1, min(most, 2.0**20), case.x.shape)
    nothing = np.zeros(case.channels, case.pair.parameter_dtype)
    return case.but(
        x=(multiples * (2.0 * form.underflow)).astype(case.pair.input_dtype),
        bias=None if case.bias is None else nothing,
        running_mean=None if case.running_mean is None else nothing,
    )


def reshaped(original: Case, samples: int, seed: int) -> Case:
    """One of a given number of samples."""
    return _generic(original, (samples, *FEW[original.x.ndim][1:]), seed)


def _few(original: Case) -> Case:
    return _generic(original, FEW[original.x.ndim], seed=2)


def _generic(original: Case, sizes: tuple[int, ...], seed: int) -> Case:
    """Four channels of normal data; statistics, parameters and upstream gradient are of the same sizes."""
    pair, channels = original.pair, len(MEANS)
    rng = np.random.default_rng(seed)
    shape = (sizes[0], channels, *sizes[1:])
    rows = int(np.prod(sizes))
    form = format_of(pair.input_dtype)
    # small enough that eps matters, the asked for and the usual one, but with all digits
    smallest = 16.0 * form.underflow / form.unit_roundoff
    deviations = np.array([*DEVIATIONS, max(np.sqrt(original.eps), smallest), max(np.sqrt(1e-5), smallest)])
    noise = rng.standard_normal((rows, channels))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    means = rng.permuted(MEANS)

    def batch(matrix: Array) -> Array:
        return from_matrix(matrix, shape).astype(pair.input_dtype)

    def vector(values: Array) -> Array:
        return values.astype(pair.parameter_dtype)

    def kept(layout: str) -> str:
        return "contiguous" if layout == "expanded" else layout  # which only repeated rows can be

    return original.but(
        x=batch(deviations * (means + noise)),
        grad_y=batch(rng.standard_normal((rows, channels))),
        weight=vector(rng.permuted([1.5, -0.75, -2.0, 0.625])) if original.affine else None,
        bias=vector(rng.permuted([0.5, -1.25, 0.75, 2.0])) if original.affine else None,
        running_mean=vector(deviations * RUNNING_MEANS) if original.tracks else None,
        running_var=vector(deviations**2 * rng.uniform(0.5, 2.0, channels)) if original.tracks else None,
        layout=kept(original.layout),
        grad_layout=kept(original.grad_layout),
        kinds=(),
    )

"""How a target computes its output: told where it is, to the bit, what ways of one kind give, on two draws, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import FORMATS
from bn_reference.portrait.affine import REPEATS, ROOTS, Given, ways
from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import APPROXIMATE, IN_DOUBLE
from bn_reference.portrait.formula import only
from bn_reference.portrait.numbers import digits, same

__all__ = ["SEEDS", "Output", "Root", "drawn", "evaluated", "evaluation", "root_of", "trained"]

Array = npt.NDArray[Any]
ROWS, CHANNELS, FEW = 32, 2048, 64
SEEDS = (0, 1)
FAR = 8.0  # units in the last place


@dataclass(frozen=True)
class Root:
    """How 1 / sqrt(var + eps) comes about.

    Attributes:
        kinds: of ``affine.ROOTS``, those that give it to the bit.
        ulps: by how many units in the last place it is off at most.
    """

    kinds: frozenset[str] = frozenset()
    ulps: float = 0.0

    @property
    def kind(self) -> str | None:
        """The kind; APPROXIMATE where it is near, but none that is rounded correctly gives it."""
        if not self.kinds and 0.5 < self.ulps <= FAR:
            return APPROXIMATE
        return only(list(self.kinds))


@dataclass(frozen=True)
class Output:
    """What the ways that gave the outputs to the bit have in common; None where several, or none, did.

    Attributes:
        form, fused, format: as in ``affine.Way``.
        tried: how many ways were.
    """

    form: str | None = None
    fused: bool | None = None
    format: str | None = None
    tried: int = 0


def root_of(asked: Asked) -> Root:
    """1 / sigma is y where x is one, the mean zero, and weight and bias are one and zero; in two draws.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    real, left, ulps = asked.pair.input_dtype.type, list(ROOTS), 0.0
    for seed in SEEDS:
        given = drawn(np.random.default_rng(seed), asked)
        var = np.exp2(np.random.default_rng(seed).uniform(-8.0, 4.0, CHANNELS)).astype(given.var.dtype)
        given = Given(np.ones_like(given.x[:1]), 0 * given.mean, var, given.weight**0, 0 * given.bias, asked.eps)
        y = evaluation(asked, given)[0]
        left = [(kind, root) for kind, root in left if same(y, root(given, real)[1])]
        exact = 1 / np.sqrt(given.var.astype(np.longdouble) + np.longdouble(given.eps))
        ulps = max(ulps, float(np.max(np.abs(y.astype(np.longdouble) - exact) / np.spacing(exact.astype(real)))))
    kinds = {kind for kind, _ in left}
    # in float64 what is made in float64 and rounded once is the first
    return Root(frozenset(kinds - {IN_DOUBLE} if asked.pair.input == "float64" else kinds), ulps)


def evaluated(asked: Asked) -> Output:
    """The way of an evaluation, of random numbers and statistics.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    draws = [drawn(np.random.default_rng(seed), asked) for seed in SEEDS]
    return _way(asked, [(given, evaluation(asked, given)) for given in draws])


def trained(asked: Asked) -> Output:
    """The way of a training step, of rows whose mean and variance are exact however they are computed.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    draws = [_exact(np.random.default_rng(seed), asked) for seed in SEEDS]
    return _way(asked, [(each, asked.output(each.x, training=True, weight=each.weight, bias=each.bias)) for each in draws])


def evaluation(asked: Asked, given: Given) -> Array:
    """y of an evaluation."""
    vectors = {"running_mean": given.mean, "running_var": given.var, "weight": given.weight, "bias": given.bias}
    return asked.output(given.x, training=False, **vectors)


def _way(asked: Asked, draws: list[tuple[Given, Array]]) -> Output:
    """What all draws leave of the ways."""
    out = draws[0][1].dtype.name
    if out not in FORMATS or not all(np.isfinite(y.astype(np.float64)).all() and y.any() for _, y in draws):
        return Output()
    inner = ("float64",) if asked.pair.input == "float64" else ("float32", "float64")
    tried, few = 0, slice(0, FEW)
    for free in (False, True):
        left = [way for name in inner for way in ways(name, out, free=free)]
        tried += len(left)
        with np.errstate(all="ignore"):
            for given, y in draws:
                left = [way for way in left if way.gives(given.part(few), y[:, few])]  # most are refused by these
                left = [way for way in left if way.gives(given, y)]
        if left:
            break
    common = {name: only([getattr(way, name) for way in left]) for name in ("form", "fused", "format")}
    return Output(**common, tried=tried)


def drawn(rng: np.random.Generator, asked: Asked) -> Given:
    """Random numbers, means up to a few deviations away."""
    vector = asked.pair.parameter_dtype
    var = np.repeat(np.exp2(rng.uniform(-8.0, 4.0, CHANNELS // REPEATS)), REPEATS).astype(vector)
    mean, weight, bias = (rng.standard_normal(CHANNELS).astype(vector) for _ in range(3))
    x = (mean + np.sqrt(var) * rng.standard_normal((ROWS, CHANNELS))).astype(asked.pair.input_dtype)
    return Given(x, mean, var, weight, bias, asked.eps)


def _exact(rng: np.random.Generator, asked: Asked) -> Given:
    """Pairs of rows at whole numbers from a mean that is one: sums and sums of squares are whole numbers below 2^p.

    So are their quotients by the number of rows, of all sums in any order and format of p digits.
    """
    p = digits(asked.pair.input)
    half = ROWS // 2
    most = 2 ** min(6, (p - 4) // 2)
    apart = rng.permuted(np.repeat(rng.integers(1, most, (half, CHANNELS // REPEATS)), REPEATS, axis=1), axis=0)
    mean = rng.integers(-most, most, CHANNELS)
    x = rng.permuted(np.concatenate([mean + apart, mean - apart]), axis=0)
    var = (apart.astype(np.float64) ** 2).sum(axis=0) * 2 / ROWS
    vector = asked.pair.parameter_dtype
    weight, bias = (rng.standard_normal(CHANNELS).astype(vector) for _ in range(2))
    return Given(x.astype(asked.pair.input_dtype), mean.astype(np.float64), var, weight, bias, asked.eps)

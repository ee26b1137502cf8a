"""Ways to compute the output from given statistics, each as floating point has it: what is subtracted, folded, fused, rounded.

A target's way is told where its outputs are, to the bit, those of ways of one kind, and of no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, HALVES
from bn_reference.portrait.computes import FOLDED, IN_DOUBLE, INVERSE_ROUNDED_ONCE, ROOT_THEN_DIVISION, SUBTRACTED
from bn_reference.portrait.numbers import fused

__all__ = ["ROOTS", "REPEATS", "Given", "Way", "ways"]

Array = npt.NDArray[Any]


REPEATS = 16  # channels of one variance


@dataclass(frozen=True, eq=False)
class Given:
    """What goes in: x (m, C), the others (C,), and eps."""

    x: Array
    mean: Array
    var: Array
    weight: Array
    bias: Array
    eps: float

    def part(self, few: slice) -> Given:
        """Some of the channels."""
        vectors = {name: getattr(self, name) for name in ("mean", "var", "weight", "bias")}
        return Given(self.x[:, few], eps=self.eps, **{name: vector[few] for name, vector in vectors.items()})


@dataclass(frozen=True)
class Way:
    """A way to compute the output.

    Attributes:
        form: SUBTRACTED or FOLDED.
        fused: whether a product and an addition are rounded once, anywhere.
        format: in which it is computed.
        each_step: whether each step is rounded to the format of x, where that is another; else the last one is.
        outputs: of what goes in, y in the format of x; one for each root that there may be.
    """

    form: str
    fused: bool
    format: str
    each_step: bool
    outputs: tuple[Callable[[Given], Array], ...]

    def gives(self, given: Given, y: Array) -> bool:
        """Whether it gives y to the bit, with one root wherever the variance is the same: ``REPEATS`` channels each."""
        fits = [(output(given).astype(np.float64) == y).all(axis=0).reshape(-1, REPEATS).all(axis=1) for output in self.outputs]
        return bool(np.any(fits, axis=0).all())


Root = Callable[[Given, Any], tuple[Array, Array]]  # sigma and 1 / sigma, in a real type


def _two_roundings(given: Given, real: Any) -> tuple[Array, Array]:
    sigma = np.sqrt(given.var.astype(real) + real(given.eps))
    return sigma, real(1) / sigma


def _sum_in_double(given: Given, real: Any) -> tuple[Array, Array]:
    sigma = np.sqrt(given.var.astype(np.float64) + given.eps).astype(real)
    return sigma, real(1) / sigma


def _one_rounding(given: Given, real: Any) -> tuple[Array, Array]:
    exact = np.sqrt((given.var.astype(real) + real(given.eps)).astype(np.longdouble))
    return exact.astype(real), (1 / exact).astype(real)


def _in_double(given: Given, real: Any) -> tuple[Array, Array]:
    exact = np.sqrt(given.var.astype(np.float64) + given.eps)
    return exact.astype(real), (1 / exact).astype(real)


def _near(given: Given, real: Any, ulps: int, *, of_inverse: bool) -> tuple[Array, Array]:
    """A root, or its inverse, that is off by so many units in the last place."""
    exact = np.sqrt(given.var.astype(real).astype(np.float64) + given.eps)
    off = ((1 / exact) if of_inverse else exact).astype(real)
    off = off + real(ulps) * np.spacing(off)
    return (real(1) / off, off) if of_inverse else (off, real(1) / off)


ROOTS: tuple[tuple[str, Root], ...] = (
    (ROOT_THEN_DIVISION, _two_roundings),
    (ROOT_THEN_DIVISION, _sum_in_double),
    (INVERSE_ROUNDED_ONCE, _one_rounding),
    (IN_DOUBLE, _in_double),  # in float64 itself it is the first
)


def ways(name: str, out: str, *, free: bool = False) -> Iterator[Way]:
    """All of them, computed in a format, with x and y in another.

    ``free`` leaves the root, or its inverse, to be whatever is within four units in the last place of the exact one.
    """
    real = DTYPES[name].type
    fixed = [(root,) for _, root in ROOTS if name != "float64" or root is not _in_double]
    left_free = [tuple(partial(_near, ulps=k, of_inverse=inverse) for k in range(-4, 5)) for inverse in (False, True)]
    rounded = (False, True) if out in HALVES else (False,)
    for roots, each, (form, make), last, inner in product(
        left_free if free else fixed, rounded, FORMS, (False, True), (False, True)
    ):
        if (form == SUBTRACTED and inner) or (each and (last or inner)):
            continue  # there is no shift to be made; or nothing that is rounded in between is fused
        outputs = tuple(
            partial(_output, root=root, make=make, real=real, out=DTYPES[out], each=each, last=last, inner=inner)
            for root in roots
        )
        yield Way(form, last or inner, name, each, outputs)


def _output(given: Given, root: Root, make: Any, real: Any, out: Any, each: bool, last: bool, inner: bool) -> Array:
    vectors = (given.x, given.mean, given.weight, given.bias)
    x, mean, weight, bias = (vector.astype(real) for vector in vectors)

    def step(values: Array) -> Array:
        return values.astype(out).astype(real) if each else values

    def add(a: Array, b: Array, c: Array, *, once: bool) -> Array:
        return fused(*np.broadcast_arrays(a, b, c)) if once else step(a * b) + c

    sigma, inverse = root(given, real)
    final, shift = partial(add, once=last), partial(add, once=inner)
    y: Array = make(x, mean, step(sigma), step(inverse), weight, bias, step, final, shift)
    return y.astype(out)


FORMS: tuple[tuple[str, Callable[..., Array]], ...] = (
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: last(r(r(x - m) / s), w, b)),
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: last(r(r(x - m) * i), w, b)),
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: last(r(x - m), r(w * i), b)),
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: last(r(x - m), r(w / s), b)),
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: last(r(r(x - m) * w), i, b)),
    (SUBTRACTED, lambda x, m, s, i, w, b, r, last, shift: r(r(r(x - m) * w) / s) + b),
    (FOLDED, lambda x, m, s, i, w, b, r, last, shift: last(x, r(w * i), shift(-m, r(w * i), b))),
    (FOLDED, lambda x, m, s, i, w, b, r, last, shift: last(x, r(w / s), shift(-m, r(w / s), b))),
    (FOLDED, lambda x, m, s, i, w, b, r, last, shift: last(x, r(w * i), shift(-r(m * i), w, b))),
    (FOLDED, lambda x, m, s, i, w, b, r, last, shift: last(r(last(x, i, -r(m * i))), w, b)),
)

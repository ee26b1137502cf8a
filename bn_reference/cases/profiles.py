"""Profiles: what one channel of a batch holds, chosen for what batch normalization finds hard.

A profile maps standard normal noise ``z: (m, k)`` float64, and a generator for what else it draws, to the values of k
channels, in the range and resolution of the input's format. Channels are independent of each other, so a batch of C profiles
is C experiments.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import Format

__all__ = ["PROFILES", "WEIGHTED_PROFILES", "Profile"]

Float = npt.NDArray[np.float64]
Profile = Callable[[Float, np.random.Generator, Format], Float]


def _powers(rng: np.random.Generator, low: float, high: float, channels: int) -> Float:
    """Numbers whose exponents are uniform between low and high: (k,)."""
    drawn: Float = 2.0 ** rng.uniform(low, high, channels)
    return drawn


def _digits(form: Format) -> float:
    """p of the format, u = 2^-p."""
    return float(-np.log2(form.unit_roundoff))


def plain(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """Mean and deviation of the same size, about 1."""
    x: Float = z * _powers(rng, -2, 3, z.shape[1]) + rng.uniform(-2, 2, z.shape[1])
    return x


def offset(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """Large mean, small deviation: kappa from 1 to 2^20 (less in half precision, where it must stay visible)."""
    kappa = _powers(rng, 0, min(20.0, _digits(form) - 4), z.shape[1])
    size = _powers(rng, -4, 4, z.shape[1]) * rng.choice([-1.0, 1.0], z.shape[1])
    x: Float = size * (1.0 + z / kappa)
    return x


def scaled(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """Deviation from 2^-20 to 2^20, far below and far above the root of eps (half: 2^-6 to 2^10)."""
    low, high = (-6.0, 10.0) if form.name == "float16" else (-20.0, 20.0)
    return z * _powers(rng, low, high, z.shape[1])


def constant(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """One value in every row."""
    value = rng.uniform(-1, 1, z.shape[1]) * _powers(rng, -3, 14, z.shape[1])
    return np.broadcast_to(value, z.shape).copy()


def almost_constant(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """One value in every row but one, which is a few units in the last place away."""
    x = constant(z, rng, form)
    ulps = rng.integers(2, 64, z.shape[1])
    x[rng.integers(len(z), size=z.shape[1]), np.arange(z.shape[1])] *= 1.0 + ulps * form.unit_roundoff
    return x


def outlier(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """One row is 2^5 to 2^12 times as large as the others."""
    x = z.copy()
    x[rng.integers(len(z), size=z.shape[1]), np.arange(z.shape[1])] = _powers(rng, 5, 12, z.shape[1])
    return x


def alternating(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """+a, -a, +a ... about an offset that is often zero."""
    signs = np.where(np.arange(len(z)) % 2 == 0, 1.0, -1.0)[:, None]
    centre = rng.choice([0.0, 0.0, 1.0, 8.0], z.shape[1])
    x: Float = signs * _powers(rng, -3, 7, z.shape[1]) + centre
    return x


def subnormal(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """Small multiples of the smallest subnormal number: a variance that underflows."""
    return np.round(z * rng.uniform(2, 64, z.shape[1])) * 2.0 * form.underflow


def huge(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """Large numbers: a sum of squares near overflow in float32, far beyond the range of a half variance."""
    low, high = (9.0, 13.0) if form.name == "float16" else (30.0, 62.0)
    return z * _powers(rng, low, high, z.shape[1])


def with_nan(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """A NaN in one place."""
    x = plain(z, rng, form)
    x[rng.integers(len(z), size=z.shape[1]), np.arange(z.shape[1])] = np.nan
    return x


def with_infinity(z: Float, rng: np.random.Generator, form: Format) -> Float:
    """An infinity in one place."""
    x = plain(z, rng, form)
    x[rng.integers(len(z), size=z.shape[1]), np.arange(z.shape[1])] = rng.choice([-np.inf, np.inf], z.shape[1])
    return x


PROFILES: dict[str, Profile] = {
    "plain": plain,
    "offset": offset,
    "scaled": scaled,
    "constant": constant,
    "almost constant": almost_constant,
    "outlier": outlier,
    "alternating": alternating,
    "subnormal": subnormal,
    "huge": huge,
    "NaN": with_nan,
    "infinity": with_infinity,
}
# NaN and infinity half as often as the rest, as a channel that holds one shows little else.
WEIGHTED_PROFILES = [*PROFILES, *(name for name in PROFILES if name not in ("NaN", "infinity"))]

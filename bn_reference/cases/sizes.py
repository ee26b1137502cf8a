"""The sizes of large cases: the same few in every run, each just past a power of two or a round number of channels.

There blocks, counts in a half format, narrow indices and grids end. What the cases hold is for ``large``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.large import HALVES, INTEGERS, ROWS, SHIFTED, LargeRecipe
from bn_reference.cases.strategies import EPS, MOMENTUM, options_of

__all__ = ["SIZES", "Size", "large_recipes"]

OFFSETS = 31  # sizes beyond an edge, by the seed
MOST_NUMBERS = 2**21  # of x: where channels come by the hundred, tall batches are left out


@dataclass(frozen=True)
class Size:
    """One size of the family, and when it is tried.

    Attributes:
        rows, channels: at least so many; the seed adds to what is ``varied``.
        values: what the channels hold.
        varied: "rows", "length" (which takes an axis of positions) or "channels".
        examples: is tried from so many examples a property on, so that a short run stays short.
        everywhere: whether it is tried in every pair of dtypes, and not in two alone.
    """

    rows: int
    channels: int
    values: str
    varied: str
    examples: int
    everywhere: bool = True


SIZES = (  # the cheapest first
    Size(5, 301, INTEGERS, "channels", 5),
    Size(5, 1025, INTEGERS, "channels", 5),
    Size(2**13 + 1, 1, INTEGERS, "rows", 10),
    Size(3 * (2**12 + 1), 1, SHIFTED, "length", 10),
    Size(2**13 + 1, 3, ROWS, "rows", 10),
    Size(3 * (2**12 + 1), 3, ROWS, "length", 10),
    Size(2**15 + 1, 3, ROWS, "rows", 25),
    Size(3, 2**16 + 1, INTEGERS, "channels", 50),
    Size(2**16 + 1, 3, ROWS, "rows", 50),
    Size(2**16 + 1, 1, INTEGERS, "rows", 50),  # in float64 any row that is lost shows in these
    Size(2**20 + 1, 1, ROWS, "rows", 100, everywhere=False),
)


def large_recipes(
    pair: Pair, domain: Domain = UNRESTRICTED, *, seed: int = 0, examples: int = 100, everything: bool = True
) -> Iterator[LargeRecipe]:
    """The large cases of a run in one pair of dtypes, within the domain of a target, the cheapest first.

    Args:
        pair: the dtypes.
        domain: of the target.
        seed, examples: the run's.
        everything: whether the pair is one of the two in which the largest one is tried.
    """
    for number, size in enumerate(SIZES):
        if examples >= size.examples and (everything or size.everywhere):
            recipe = _recipe(pair, domain, size, seed + number)
            if recipe is not None:
                yield recipe


def _recipe(pair: Pair, domain: Domain, size: Size, turn: int) -> LargeRecipe | None:
    """The case of a size, varied by turns; None where the target takes no such size."""
    beyond = turn % OFFSETS
    rows = size.rows + beyond * (size.varied != "channels")
    channels = size.channels + beyond % 4 * (size.varied == "channels")
    channels = -(-channels // domain.channels) * domain.channels
    if domain.most_channels is not None and channels > domain.most_channels:
        if size.varied == "channels":
            return None
        channels = domain.most_channels
    deep = 3 in domain.dimensions and (size.varied == "length" or 2 not in domain.dimensions or turn % 2 == 1)
    if rows * channels > MOST_NUMBERS or (size.varied == "length" and not deep):
        return None
    samples = 0 if not deep else 3 if size.varied == "length" else 1 + turn % 2
    rows = rows if not samples else -(-rows // samples) * samples
    weights = [weight for weight in domain.momentum or MOMENTUM if domain.takes_momentum(weight) and weight != 0.0]
    options = options_of(domain)
    affine, tracks, started = options[turn % min(len(options), 2)]
    strided = size.values == ROWS and pair.input not in HALVES and domain.takes_layouts("transposed", "contiguous")
    return LargeRecipe(
        pair,
        rows,
        channels,
        samples,
        size.values,
        turn,
        EPS[turn % 3] if domain.eps is None else domain.eps,
        weights[turn % len(weights)] if weights else 0.0,
        affine,
        tracks,
        started,
        "transposed" if strided and turn % 3 == 2 else "contiguous",
        not domain.starts,
    )

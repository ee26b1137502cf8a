"""A palette of few shapes, for targets that compile for each: what they cost is the number of shapes, not of cases.

The rules make other shapes of those that are drawn: the batch twice and half, its rows as positions and its positions as rows,
one row and none. The shapes are chosen so that these meet: (4, 2) is half of (8, 2), the rows of (2, 2, 2), and so on. One has
as many channels as positions and samples, where an axis may be taken for another; one has more rows, one more channels and
positions than a block of vectorized code, none of them a multiple of four.
"""

from __future__ import annotations

from bn_reference.cases.domain import Domain

__all__ = ["BRIEF", "PROFILED", "is_plain", "palette"]

BRIEF = ((4, 2), (2, 2, 2))  # on the lattice, where people read the numbers
PROFILED = ((8, 5), (5, 5, 5), (2, 17, 33), (129, 3))


def palette(shapes: tuple[tuple[int, ...], ...], domain: Domain) -> list[tuple[int, ...]]:
    """Those of the shapes that the domain takes, with as many channels as it has."""

    def channels(count: int) -> int:
        return min(count * domain.channels, domain.most_channels or count * domain.channels)

    return [(shape[0], channels(shape[1]), *shape[2:]) for shape in shapes if len(shape) in domain.dimensions]


def is_plain(shape: tuple[int, ...]) -> bool:
    """Whether a shape is drawn with weight, bias and running statistics alone: without them each is compiled once more."""
    return len(shape) != len(BRIEF[0]) or shape[0] != BRIEF[0][0]

"""Hypothesis strategies for batches that batch normalization finds hard, bottom-up.

About half of the cases are small and lie on a lattice of short numbers, whose integers Hypothesis draws and shrinks one by
one; the others are larger and made from a seed and profiles, many channels at once. ``lattice_cases`` is what a
counterexample is finally sought in, so that what people read is small and made of small numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.cases.profiles import PROFILES, WEIGHTED_PROFILES
from bn_reference.cases.recipe import Lattice, Recipe

__all__ = ["CHOICES", "cases", "lattice_cases", "one_of_many", "profiled_cases"]

T = TypeVar("T")

CHOICES = 100  # that a strategy has at most: see one_of_many

# Sizes to either side of the block edges of vectorized and blocked code.
EDGES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257)

EPS = (1e-5, 1e-3, 0.125, 1.0, 1e-8, 1e-12)
MOMENTUM = (0.1, None, 1.0, 0.0, 0.5, 0.875, 0.3, 0.01)
OPTIONS = (  # affine, tracks, started: all on in most cases, as properties speak of them
    (True, True, True),
    (True, True, False),
    (True, True, True),
    (False, True, True),
    (True, False, False),
    (False, False, False),
)


def _shapes(least: int, most: int) -> list[tuple[int, ...]]:
    """All shapes of ``least <= N C L < most`` elements and at least two rows, the smallest first."""
    flat: list[tuple[int, ...]] = [(n, c) for n in EDGES for c in EDGES if n >= 2 and least <= n * c < most]
    deep: list[tuple[int, ...]] = [
        (n, c, length) for n in EDGES for c in EDGES for length in EDGES if n * length >= 2 and least <= n * c * length < most
    ]
    square = [shape for shape in deep if shape[1] == shape[2]]
    # as many 2-D as 3-D shapes, and L = C, where an axis may be mistaken for another, as often as all other 3-D shapes
    step = max(1, len(deep) // max(len(flat), 1))
    return sorted(flat + deep[::step] + square, key=lambda shape: (_size(shape), shape))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


MOST_NUMBERS = 9
LATTICE_SHAPES = _shapes(2, MOST_NUMBERS + 1)
SMALL_SHAPES = _shapes(8, 400)
MIDDLE_SHAPES = _shapes(400, 4300)
LARGE_SHAPES = [
    (4, 4, 257),
    (33, 129),
    (3, 2, 1023),
    (65, 3, 33),
    (1025, 2),
    (2, 3, 1025),
    (2047, 2),
    (2, 2, 2047),
    (4097, 1),
    (2, 1, 4097),
]


def _dealt(options: Sequence[T], hands: int) -> list[st.SearchStrategy[T]]:
    return [st.sampled_from(options[hand::hands]) for hand in range(hands)]


def one_of_many(options: Sequence[T]) -> st.SearchStrategy[T]:
    """Any of the options; shrinks towards the first.

    Hypothesis takes one number in twenty from the constants in the source of whatever modules are loaded, a target's among
    them, but none below a hundred. Where no strategy chooses from more than that, the seed alone determines the cases.
    """
    return st.one_of(_dealt(options, -(-len(options) // CHOICES)))


# one in ten is large: it costs as much as the rest together
PROFILED_SHAPE = st.one_of([*_dealt(SMALL_SHAPES, 10), *_dealt(MIDDLE_SHAPES, 8), *[st.sampled_from(LARGE_SHAPES)] * 2])


# Hypothesis makes variants of a case by copying one part of it over another of the same kind, and would spend five examples
# in six on variants of one shape. So no case has two parts of a kind: profiles come four at a time, small integers as bytes.
SMALL_INTEGERS = (0, *(sign * size for size in range(1, 9) for sign in (1, -1)))
GRIDS = [(fineness, offset) for offset in (0, 1, -3, 40, 1000) for fineness in (0, 1, 3)]
_pick = np.random.default_rng(0)
PALETTES = [(name,) for name in PROFILES] + [tuple(_pick.choice(WEIGHTED_PROFILES, 4).tolist()) for _ in range(40)]


# Strategies are made once: one that is made in each draw is also looked into, and found to be sound, in each draw.
# eps, momentum, and the options of a layer; shrinks towards torch's defaults
HYPERPARAMETERS: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {"eps": st.sampled_from(EPS), "momentum": st.sampled_from(MOMENTUM), "options": st.sampled_from(OPTIONS)}
)
# of x and dy; shrinks towards contiguous
LAYOUT_PAIRS: st.SearchStrategy[tuple[str, str]] = st.sampled_from(
    [
        *[("contiguous", "contiguous")] * 3,
        *[(layout, layout) for layout in LAYOUTS[1:5]],
        *[("contiguous", "transposed"), ("transposed", "contiguous"), ("contiguous", "expanded"), ("expanded", "contiguous")],
    ]
)
LATTICE_NUMBERS = st.binary(min_size=MOST_NUMBERS, max_size=MOST_NUMBERS)
LATTICE_SHAPE, LATTICE_GRID, PROFILED_NAMES = st.sampled_from(LATTICE_SHAPES), st.sampled_from(GRIDS), st.sampled_from(PALETTES)
SEED = st.integers(0, CHOICES - 1)


def _recipe(
    pair: Pair,
    shape: tuple[int, ...],
    values: Lattice | tuple[str, ...],
    seed: int,
    hyper: dict[str, object],
    lay: tuple[str, str],
) -> Case:
    affine, tracks, started = hyper["options"]  # type: ignore[misc]
    recipe = Recipe(pair, shape, values, seed, hyper["eps"], hyper["momentum"], affine, tracks, started, *lay)  # type: ignore[arg-type,has-type]
    return recipe.realize()


@st.composite
def lattice_cases(draw: st.DrawFn, pair: Pair) -> Case:
    """Up to nine values on a lattice; shrinks towards two rows of one channel, and each value towards zero."""
    shape = draw(LATTICE_SHAPE)
    # always as many, of which the last are used: a smaller shape then keeps what shrinking leaves, which is zeros in front
    numbers = draw(LATTICE_NUMBERS)[-_size(shape) :]
    fineness, offset = draw(LATTICE_GRID)
    lattice = Lattice(tuple(SMALL_INTEGERS[byte % len(SMALL_INTEGERS)] for byte in numbers), fineness, offset)
    return _recipe(pair, shape, lattice, draw(SEED), draw(HYPERPARAMETERS), draw(LAYOUT_PAIRS))


@st.composite
def profiled_cases(draw: st.DrawFn, pair: Pair) -> Case:
    """Larger batches, each channel with a profile of its own; shrinks towards fewer elements of plain data."""
    shape = draw(PROFILED_SHAPE)
    names = draw(PROFILED_NAMES)
    return _recipe(pair, shape, names, draw(SEED), draw(HYPERPARAMETERS), draw(LAYOUT_PAIRS))


def cases(pair: Pair) -> st.SearchStrategy[Case]:
    """Cases of one pair of dtypes, small ones on a lattice first."""
    return lattice_cases(pair) | profiled_cases(pair)

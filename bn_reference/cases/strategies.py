"""Hypothesis strategies for batches that batch normalization finds hard, bottom-up.

About half of the cases are small and lie on a lattice of short numbers, whose integers Hypothesis draws and shrinks one by
one; the others are larger and made from a seed and profiles, many channels at once. ``lattice_cases`` is what a
counterexample is finally sought in, so that what people read is small and made of small numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import CIRCUMSTANCES, FOLDED, Circumstances
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.cases.palette import BRIEF, PROFILED, is_plain, palette
from bn_reference.cases.profiles import PROFILES, WEIGHTED_PROFILES
from bn_reference.cases.recipe import Lattice, Recipe

__all__ = ["CHOICES", "cases", "lattice_cases", "one_of_many", "options_of", "profiled_cases"]

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


def _shapes(least: int, most: int, counts: Sequence[int] = EDGES) -> list[tuple[int, ...]]:
    """All shapes of ``least <= N C L < most`` elements and at least two rows, C among the counts, the smallest first."""
    flat: list[tuple[int, ...]] = [(n, c) for n in EDGES for c in counts if n >= 2 and least <= n * c < most]
    deep: list[tuple[int, ...]] = [
        (n, c, length) for n in EDGES for c in counts for length in EDGES if n * length >= 2 and least <= n * c * length < most
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


MOST_NUMBERS = 9  # on the lattice
MOST_ROWS, MOST_COUNTED = 4, 16  # the same where channels come in multiples: rows, and channels that differ
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
    return [st.sampled_from(options[hand::hands]) for hand in range(min(hands, len(options)))]


def one_of_many(options: Sequence[T]) -> st.SearchStrategy[T]:
    """Any of the options; shrinks towards the first.

    Hypothesis takes one number in twenty from the constants in the source of whatever modules are loaded, a target's among
    them, but none below a hundred. Where no strategy chooses from more than that, the seed alone determines the cases.
    """
    return st.one_of(_dealt(options, -(-len(options) // CHOICES)))


# Hypothesis makes variants of a case by copying one part of it over another of the same kind, and would spend five examples
# in six on variants of one shape. So no case has two parts of a kind: profiles come four at a time, small integers as bytes.
SMALL_INTEGERS = (0, *(sign * size for size in range(1, 9) for sign in (1, -1)))
GRIDS = [(fineness, offset) for offset in (0, 1, -3, 40, 1000) for fineness in (0, 1, 3)]
_pick = np.random.default_rng(0)
PALETTES = [(name,) for name in PROFILES] + [tuple(_pick.choice(WEIGHTED_PROFILES, 4).tolist()) for _ in range(40)]


PROFILED_NAMES = st.sampled_from(PALETTES)
LATTICE_GRID = st.sampled_from(GRIDS)
SEED = st.integers(0, CHOICES - 1)


@dataclass(frozen=True)
class Parts:
    """The strategies of a domain: made once, as one that is made in each draw is also looked into in each draw."""

    lattice_shape: st.SearchStrategy[tuple[int, ...]]
    lattice_numbers: st.SearchStrategy[bytes]
    profiled_shape: st.SearchStrategy[tuple[int, ...]]
    hyperparameters: st.SearchStrategy[dict[str, object]]
    layouts: st.SearchStrategy[tuple[str, str]]
    circumstances: st.SearchStrategy[Circumstances]


@lru_cache(maxsize=64)
def parts_of(domain: Domain) -> Parts:
    """The strategies that draw within a domain: with the default one all that there is."""
    most = MOST_NUMBERS if domain.channels == 1 else MOST_ROWS * domain.channels
    numbers = min(most, MOST_ROWS * MOST_COUNTED)
    return Parts(
        lattice_shape=st.sampled_from(_lattice_shapes(domain, most)),
        lattice_numbers=st.binary(min_size=numbers, max_size=numbers),
        profiled_shape=st.one_of(_profiled_shapes(domain)),
        hyperparameters=_hyperparameters(domain),
        layouts=st.sampled_from(_layout_pairs(domain)),
        circumstances=circumstances_of(domain),
    )


def _lattice_shapes(domain: Domain, most: int) -> list[tuple[int, ...]]:
    if domain.palette:
        return palette(BRIEF, domain)
    return _taken(LATTICE_SHAPES if domain.channels == 1 else _shapes(2, most + 1, _counts(domain)), domain)


def _counts(domain: Domain) -> Sequence[int]:
    """Numbers of channels: those at block edges that it takes, and the first multiples where these are few."""
    few = [domain.channels * count for count in (1, 2, 3)]
    most = domain.most_channels or max(*EDGES, *few)
    return sorted({count for count in (*EDGES, *few) if count % domain.channels == 0 and count <= most})


def _taken(shapes: list[tuple[int, ...]], domain: Domain) -> list[tuple[int, ...]]:
    most = domain.most_channels
    return [
        shape
        for shape in shapes
        if len(shape) in domain.dimensions and shape[1] % domain.channels == 0 and (most is None or shape[1] <= most)
    ]


def _profiled_shapes(domain: Domain) -> list[st.SearchStrategy[tuple[int, ...]]]:
    """Small, middle and large ones: one in ten is large, as it costs as much as the rest together."""
    if domain.palette:
        return _dealt(palette(PROFILED, domain), len(PROFILED))
    small, middle, large = (_taken(shapes, domain) for shapes in (SMALL_SHAPES, MIDDLE_SHAPES, LARGE_SHAPES))
    if domain.channels > 1:  # a multiple may have no small shape at all
        few = _taken([shape for count in _counts(domain)[:3] for shape in ((2, count), (5, count), (3, count, 5))], domain)
        small, middle = small or few, middle or few
        large = large or _taken([(513, domain.channels), (3, domain.channels, 171)], domain)
    return [*_dealt(small, 10), *_dealt(middle, 8), *[st.sampled_from(large)] * 2]


def _hyperparameters(domain: Domain) -> st.SearchStrategy[dict[str, object]]:
    """eps, momentum, and the options of a layer; shrinks towards torch's defaults."""
    momentum = [value for value in domain.momentum or MOMENTUM if domain.takes_momentum(value)]
    options = options_of(domain)
    eps = EPS if domain.eps is None else (domain.eps,)
    return st.fixed_dictionaries(
        {"eps": st.sampled_from(eps), "momentum": st.sampled_from(momentum), "options": st.sampled_from(options)}
    )


def options_of(domain: Domain) -> list[tuple[bool, bool, bool]]:
    """Whether the layer is affine, tracks statistics, and has seen batches before, as far as the domain allows."""
    options = [option for option in OPTIONS if option[0] in domain.affine and option[1] in domain.tracks]
    return options if domain.starts else [(affine, tracks, False) for affine, tracks, _ in options]


def circumstances_of(domain: Domain) -> st.SearchStrategy[Circumstances]:
    """None half of the time, and never where a layer cannot be given the case's state after its life."""
    if not domain.starts:
        return st.just(())
    return one_of_many(CIRCUMSTANCES + FOLDED if domain.folds else CIRCUMSTANCES)


def _layout_pairs(domain: Domain) -> list[tuple[str, str]]:
    """Of x and dy; shrinks towards contiguous."""
    pairs = [
        *[("contiguous", "contiguous")] * 2,
        ("channels last at an offset", "contiguous"),
        *[(layout, layout) for layout in LAYOUTS[1:5]],
        *[("contiguous", "transposed"), ("transposed", "contiguous"), ("contiguous", "expanded"), ("expanded", "contiguous")],
        ("contiguous", "channels last at an offset"),
    ]
    return [pair for pair in pairs if domain.takes_layouts(*pair)]


def _recipe(
    pair: Pair,
    shape: tuple[int, ...],
    values: Lattice | tuple[str, ...],
    seed: int,
    hyper: dict[str, object],
    lay: tuple[str, str],
    circumstances: Circumstances,
    domain: Domain,
) -> Case:
    options: tuple[bool, bool, bool] = hyper["options"]  # type: ignore[assignment]
    affine, tracks, started = options
    if domain.palette and is_plain(shape):
        affine, tracks = affine or True in domain.affine, tracks or True in domain.tracks
    eps, momentum = hyper["eps"], hyper["momentum"]
    chosen = Recipe(pair, shape, values, seed, eps, momentum, affine, tracks, started, *lay, not domain.starts, circumstances)  # type: ignore[arg-type]
    return chosen.realize()


@st.composite
def lattice_cases(draw: st.DrawFn, pair: Pair, domain: Domain = UNRESTRICTED) -> Case:
    """A few values on a lattice; shrinks towards two rows of one channel, and each value towards zero."""
    parts = parts_of(domain)
    shape = draw(parts.lattice_shape)
    # always as many, of which the last are used: a smaller shape then keeps what shrinking leaves, which is zeros in front
    drawn = draw(parts.lattice_numbers)
    numbers = (drawn * -(-_size(shape) // len(drawn)))[-_size(shape) :]  # over and over where channels come by the hundred
    fineness, offset = draw(LATTICE_GRID)
    lattice = Lattice(tuple(SMALL_INTEGERS[byte % len(SMALL_INTEGERS)] for byte in numbers), fineness, offset)
    return _recipe(pair, shape, lattice, draw(SEED), *_surroundings(draw, parts), domain)


@st.composite
def profiled_cases(draw: st.DrawFn, pair: Pair, domain: Domain = UNRESTRICTED) -> Case:
    """Larger batches, each channel with a profile of its own; shrinks towards fewer elements of plain data."""
    parts = parts_of(domain)
    shape = draw(parts.profiled_shape)
    names = draw(PROFILED_NAMES)
    return _recipe(pair, shape, names, draw(SEED), *_surroundings(draw, parts), domain)


def _surroundings(draw: st.DrawFn, parts: Parts) -> tuple[dict[str, object], tuple[str, str], Circumstances]:
    return draw(parts.hyperparameters), draw(parts.layouts), draw(parts.circumstances)


def cases(pair: Pair, domain: Domain = UNRESTRICTED) -> st.SearchStrategy[Case]:
    """Cases of one pair of dtypes that a target of this domain takes, small ones on a lattice first."""
    return lattice_cases(pair, domain) | profiled_cases(pair, domain)

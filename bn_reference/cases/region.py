"""Regions: where a deviation holds, as conditions on a case that a program can check and a person can read.

The words are those of the regions of known deviations, and of a target's domain: rows, channels, dimensions, layouts,
circumstances. How a region is inferred from cases that failed is for ``verification.survey``; its words are in ``reports``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import EVENTS, MANNERS, Circumstances
from bn_reference.cases.layouts import LAYOUTS

__all__ = ["EVERYWHERE", "Features", "Region", "features_of", "region_read", "region_with"]

RANGES = ("rows", "channels")
FLAGS = ("affine", "tracks", "cumulative")
BOUNDS = ("least", "most")
WORDS = {  # of the lists, and what may stand in each
    "dimensions": (2, 3),
    "layouts": LAYOUTS,
    "grad_layouts": LAYOUTS,
    "circumstances": (*EVENTS, *MANNERS),
}


class Features(NamedTuple):
    """What a region may look at in a case."""

    dimensions: int
    rows: int
    channels: int
    affine: bool
    tracks: bool
    cumulative: bool
    layout: str
    grad_layout: str
    circumstances: Circumstances


def features_of(case: Case) -> Features:
    """Those of a case; what lies in order for its shape, as (N, C) does channels last, counts as contiguous."""
    return Features(
        case.x.ndim,
        case.rows,
        case.channels,
        case.affine,
        case.tracks,
        case.momentum is None,
        _lying(case.x.shape, case.layout),
        _lying(case.x.shape, case.grad_layout),
        case.circumstances,
    )


def _lying(shape: tuple[int, ...], layout: str) -> str:
    moved = shape if layout == "transposed" else shape[1:] if layout == "channels last" else ()
    return "contiguous" if layout in ("transposed", "channels last") and sum(size > 1 for size in moved) < 2 else layout


@dataclass(frozen=True)
class Region:
    """Conditions, all of which hold of the cases in the region; None: any.

    Attributes:
        dimensions: of x: 2 for (N, C), 3 for (N, C, L).
        rows, channels: the least and the most, m = N L and C; None: without end.
        affine, tracks: whether there are weight and bias, and running statistics.
        cumulative: whether momentum is None.
        layouts, grad_layouts: how x, and the upstream gradient, may lie.
        circumstances: of which the case has one at least; (): it has none, a fresh layer that is called as usual.
    """

    dimensions: tuple[int, ...] | None = None
    rows: tuple[int | None, int | None] | None = None
    channels: tuple[int | None, int | None] | None = None
    affine: bool | None = None
    tracks: bool | None = None
    cumulative: bool | None = None
    layouts: tuple[str, ...] | None = None
    grad_layouts: tuple[str, ...] | None = None
    circumstances: tuple[str, ...] | None = None

    def has(self, case: Features) -> bool:
        """Whether a case of these features lies in it."""
        flags = ((self.affine, case.affine), (self.tracks, case.tracks), (self.cumulative, case.cumulative))
        lists = (
            (self.dimensions, case.dimensions),
            (self.layouts, case.layout),
            (self.grad_layouts, case.grad_layout),
        )
        return (
            all(wanted is None or wanted == value for wanted, value in flags)
            and all(wanted is None or value in wanted for wanted, value in lists)
            and _between(case.rows, self.rows)
            and _between(case.channels, self.channels)
            and self._met(case.circumstances)
        )

    def and_(self, other: Region) -> Region:
        """The region of both, which have no condition in common but on rows and channels."""
        given = {entry.name: getattr(other, entry.name) for entry in fields(Region)}
        narrowed = {name: value for name, value in given.items() if value is not None}
        for name in RANGES:
            if name in narrowed and getattr(self, name) is not None:
                leasts, mosts = zip(getattr(self, name), narrowed[name], strict=True)
                ends = ([end for end in both if end is not None] for both in (leasts, mosts))
                narrowed[name] = tuple(most(end) if end else None for most, end in zip((max, min), ends, strict=True))
        return replace(self, **narrowed)

    def to_plain(self) -> dict[str, Any]:
        """As a table of TOML: the conditions that it has."""
        plain: dict[str, Any] = {}
        for entry in fields(Region):
            value = getattr(self, entry.name)
            if entry.name in RANGES and value is not None:
                value = {bound: end for bound, end in zip(BOUNDS, value, strict=True) if end is not None}
            if value is not None:
                plain[entry.name] = list(value) if isinstance(value, tuple) else value
        return plain

    def _met(self, circumstances: Circumstances) -> bool:
        if self.circumstances is None:
            return True
        return not circumstances if not self.circumstances else any(word in self.circumstances for word in circumstances)


EVERYWHERE = Region()


def region_with(name: str, value: Any) -> Region:
    """The region of one condition."""
    return replace(EVERYWHERE, **{name: value})


def region_read(plain: Mapping[str, Any]) -> Region:
    """The region of a table of TOML.

    Raises:
        ValueError: a clause that says which condition is none, and what it may be.
    """
    known = [entry.name for entry in fields(Region)]
    given: dict[str, Any] = {}
    for name, value in plain.items():
        if name in RANGES:
            given[name] = _range_read(name, value)
        elif name in FLAGS:
            if not isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}, but must be true or false")
            given[name] = value
        elif name in WORDS:
            given[name] = _list_read(name, value)
        else:
            raise ValueError(f"{name!r} is no condition on a case; choose from {', '.join(known)}")
    return Region(**given)


def _range_read(name: str, value: Any) -> tuple[int | None, int | None]:
    ends = [value.get(bound) for bound in BOUNDS] if isinstance(value, Mapping) and value.keys() <= set(BOUNDS) else []
    wrong = [end for end in ends if end is not None and (not isinstance(end, int) or isinstance(end, bool))]
    if not ends or wrong or not value:
        raise ValueError(f"{name} is {value!r}, but must be {{ least = 2, most = 9 }}, or one of the two")
    return ends[0], ends[1]


def _list_read(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is {value!r}, but must be a list")
    strange = [each for each in value if each not in WORDS[name] or isinstance(each, bool)]
    if strange or (not value and name != "circumstances"):
        met = repr(strange[0]) if strange else "nothing"
        raise ValueError(f"{name} has {met} in it; choose from {', '.join(map(str, WORDS[name]))}")
    return tuple(value)


def _between(number: int, ends: tuple[int | None, int | None] | None) -> bool:
    least, most = ends or (None, None)
    return (least is None or number >= least) and (most is None or number <= most)

"""Steps that a layer took before something was seen of it, as values; ``reports.sentences`` says them in words."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Steps", "Taken"]


@dataclass(frozen=True)
class Taken:
    """A step in training or eval, on the case's ``own`` batch or another one of a shape."""

    training: bool
    own: bool
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Steps:
    """All steps of a layer until something was seen, ``at`` the one that gave it; None where all of them did, as of a state."""

    taken: tuple[Taken, ...]
    at: int | None

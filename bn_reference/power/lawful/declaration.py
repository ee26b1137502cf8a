"""How a layer of other conventions than torch's is declared: a subclass of the clean layer, with the conventions it claims.

A *correct* one keeps its convention throughout and is right in everything else: a control. A *wrong* one claims a convention
and breaks it, or keeps it and is wrong elsewhere: a mutant, as a convention must hide no fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bn_reference.conventions import TORCH, Conventions
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.declaration import snake_case, story_of

__all__ = ["OfConvention", "OfConventions"]

Layer = type[CleanBatchNorm1d]


@dataclass(frozen=True)
class OfConvention:
    """A layer of other conventions, right or wrong: as a control, or a mutant, with the conventions that it claims."""

    name: str
    story: str
    factory: Layer
    conventions: Conventions


class OfConventions:
    """The layers of one file, in the order of their declaration."""

    def __init__(self) -> None:
        self.correct: list[OfConvention] = []
        self.wrong: list[OfConvention] = []

    def lawful(self, **values: str) -> Callable[[Layer], Layer]:
        """A decorator that declares a correct layer, which keeps these conventions."""
        return _declared(self.correct, values)

    def unlawful(self, **values: str) -> Callable[[Layer], Layer]:
        """A decorator that declares a wrong layer, which claims these conventions."""
        return _declared(self.wrong, values)


def _declared(into: list[OfConvention], values: dict[str, str]) -> Callable[[Layer], Layer]:
    def declare(layer: Layer) -> Layer:
        into.append(OfConvention(snake_case(layer.__name__), story_of(layer), layer, TORCH.but(**values)))
        return layer

    return declare

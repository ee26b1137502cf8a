"""What is demanded of a target where batch norms lawfully differ, and what it was found to keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bn_reference.conventions import TORCH, Conventions, conventions_named
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.arguments import UnusableArguments

__all__ = ["Demand", "Description", "demand_of"]

AUTO = "auto"


@dataclass(frozen=True)
class Demand:
    """Whose conventions are demanded.

    Attributes:
        conventions: those.
        accepts_all: whatever is found is accepted.
        by_default: nobody asked for them, so that those that a target declares are demanded instead.
    """

    conventions: Conventions = TORCH
    accepts_all: bool = False
    by_default: bool = True

    @property
    def accepts_less_accuracy(self) -> bool:
        """Whether a less stable variance is looked for, and held to the bound of its class."""
        return self.accepts_all or self.conventions.variance != TORCH.variance

    def of(self, implementation: Implementation) -> Demand:
        """The demand on an implementation, which may declare its conventions."""
        declared = getattr(implementation, "conventions", None)
        return Demand(declared, self.accepts_all) if self.by_default and isinstance(declared, Conventions) else self


def demand_of(asked: Conventions | str | Iterable[str] | None) -> Demand:
    """The demand that an argument stands for: conventions, words for them, "auto", or None for torch's or the declared ones.

    Raises:
        UnusableArguments: a word says nothing of conventions.
    """
    if asked is None:
        return Demand()
    if isinstance(asked, Conventions):
        return Demand(asked, by_default=False)
    words = [asked] if isinstance(asked, str) else list(asked)
    named = [word for entry in words for word in str(entry).replace(",", " ").split()]
    if not named:
        return Demand()
    try:
        conventions = conventions_named(word for word in named if word != AUTO)
    except ValueError as error:
        raise UnusableArguments(str(error)) from None
    return Demand(conventions, accepts_all=AUTO in named, by_default=False)


@dataclass(frozen=True)
class Description:
    """What a target can be asked for, and whose conventions it keeps."""

    demanded: Conventions = TORCH
    found: Conventions = TORCH
    accepted: bool = False  # whatever was found
    capabilities: dict[str, Any] = field(default_factory=dict)

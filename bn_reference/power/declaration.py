"""How a mutant is declared: a subclass of the clean layer whose name and docstring are the mutant's name and story.

::

    @FAMILY.mutant(issue("jax-ml/jax", 442), "output_is_the_normalized_batch")
    class RootForgotten(CleanBatchNorm1d):
        \"""The root is forgotten: ...\"""
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bn_reference.power.clean import CleanBatchNorm1d

__all__ = ["Control", "Controls", "Family", "Mutant", "issue", "pull", "snake_case", "story_of"]

Layer = TypeVar("Layer", bound=type[CleanBatchNorm1d])


@dataclass(frozen=True)
class Mutant:
    """A wrong implementation.

    Attributes:
        name: snake_case.
        story: the fault, in one sentence.
        source: link to the report of a bug of this kind.
        factory: the class, with the constructor of ``torch.nn.BatchNorm1d``.
        claimed_by: names of properties, of which at least one must kill it.
    """

    name: str
    story: str
    source: str
    factory: type[CleanBatchNorm1d]
    claimed_by: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """A correct layer: ``story`` says in one sentence what it does otherwise; the rest is as in a mutant."""

    name: str
    story: str
    factory: type[CleanBatchNorm1d]


class Controls:
    """The controls of one file, in the order of their declaration."""

    def __init__(self) -> None:
        self.controls: list[Control] = []

    def control(self, layer: Layer) -> Layer:
        """A decorator that declares a class as a control."""
        self.controls.append(Control(snake_case(layer.__name__), story_of(layer), layer))
        return layer


class Family:
    """The mutants of one file, in the order of their declaration."""

    def __init__(self) -> None:
        self.mutants: list[Mutant] = []

    def mutant(self, source: str, *claimed_by: str) -> Callable[[Layer], Layer]:
        """A decorator that declares a class as a mutant which some of the named properties must kill."""

        def declare(layer: Layer) -> Layer:
            self.mutants.append(Mutant(snake_case(layer.__name__), story_of(layer), source, layer, claimed_by))
            return layer

        return declare


def issue(repository: str, number: int) -> str:
    """Link to a GitHub issue."""
    return f"https://github.com/{repository}/issues/{number}"


def pull(repository: str, number: int) -> str:
    """Link to a GitHub pull request."""
    return f"https://github.com/{repository}/pull/{number}"


def snake_case(name: str) -> str:
    """EpsOutsideTheRoot to eps_outside_the_root."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def story_of(layer: type) -> str:
    """The docstring as one line."""
    return " ".join((layer.__doc__ or "").split())

"""A note of what a worker process is doing, in memory that outlives it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from ctypes import c_char, c_double, c_int, c_int64
from time import monotonic  # by name: a target may put another in its place
from typing import NoReturn

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact
from bn_reference.properties import ALL, Property

__all__ = ["CONTEXT", "NUMBER", "Note"]

CONTEXT = multiprocessing.get_context("spawn")
NUMBER = {property.name: number for number, property in enumerate(ALL)}
SIZE = 4096  # bytes that a recipe, or a fact, takes at most
LOST = 70  # exit status of a worker whose device answers nothing any more


class Note:
    """When the example began, which property it is of, the case's recipe, pickled, and how many there were so far."""

    def __init__(self) -> None:
        self.since = CONTEXT.RawValue(c_double, 0.0)
        self.property = CONTEXT.RawValue(c_int, -1)
        self.recipe = CONTEXT.RawArray(c_char, SIZE)
        self.stop = CONTEXT.RawValue(c_int, 0)  # set by the parent: say what was found by now
        self.tried = CONTEXT.RawValue(c_int64, 0)
        self.fact = CONTEXT.RawArray(c_char, SIZE)  # what ended the process, where it could say so
        self._latest: Case | None = None

    def begin(self) -> None:
        """A unit begins, of which no example was tried yet."""
        self.property.value = -1
        self.since.value = monotonic()

    def again(self) -> None:
        """The time of the example begins again."""
        self.since.value = monotonic()

    def write(self, property: Property, case: Case) -> None:
        """An example begins. Raises KeyboardInterrupt where no more are wanted."""
        if self.stop.value:
            raise KeyboardInterrupt
        if case is not self._latest:  # several properties in turn are tried on each
            self.recipe.raw = pickle.dumps(case.recipe)[:SIZE].ljust(SIZE, b"\0")
            self._latest = case
        self.property.value = NUMBER[property.name]
        self.tried.value += 1
        self.since.value = monotonic()

    def leave(self, fact: Fact) -> NoReturn:
        """End this process, for the reason that the fact says."""
        self.fact.raw = pickle.dumps(fact)[:SIZE].ljust(SIZE, b"\0")
        os._exit(LOST)

    def left(self) -> Fact | None:
        """The reason that the process gave; None where it gave none."""
        return None if self.fact.raw[:1] == b"\0" else pickle.loads(self.fact.raw)

    def read(self) -> tuple[Property | None, Case | None]:
        """The property and the case of the latest example; None for what there was none of, or does not fit."""
        if self.property.value < 0:
            return None, None
        try:
            recipe = pickle.loads(self.recipe.raw)
        except (pickle.UnpicklingError, EOFError):
            recipe = None
        return ALL[self.property.value], None if recipe is None else recipe.realize()

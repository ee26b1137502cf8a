"""What the oracle said of the latest cases is kept, as several properties ask for it; of a large case until the next one.

Two cases are one to the oracle where all that it reads of them is one: the same array objects, which nobody can write to, equal
numbers, the same model and conventions. How a batch lies, what its layer went through, and what the case was made of it never
reads; so a case and what ``Case.but`` makes of it by changing those alone share what is known of them. What is kept holds on
to the case that it was computed of, so that no array's identity is given to another meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from bn_reference import specification as spec
from bn_reference.cases.case import Case
from bn_reference.cases.large import is_large

__all__ = ["forget", "forget_large", "kept_by_case", "of_a_batch", "of_a_step"]

T = TypeVar("T")
Reads = Callable[[Case], Hashable]
USUAL = 512
LARGE = 2  # under the usual model and another; each takes some 150 bytes an element
KEEPING: list[Kept[Any]] = []


def of_a_batch(case: Case) -> Hashable:
    """What statistics of the batch are computed of."""
    return id(case.x), case.pair, id(case.model), id(case.conventions), case.affine or case.tracks


def of_a_step(case: Case) -> Hashable:
    """What a step is computed of."""
    arrays = case.x, case.grad_y, case.weight, case.bias, case.running_mean, case.running_var
    return *map(id, arrays), case.batches, case.eps, case.momentum, case.pair, id(case.model), id(case.conventions)


class _Read:
    """A case, as far as it is read."""

    __slots__ = ("case", "hash", "parts")

    def __init__(self, case: Case, parts: Hashable) -> None:
        self.case, self.parts, self.hash = case, parts, hash(parts)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and self.parts == other.parts


class Kept(Generic[T]):
    """A function of a case and of rules that keeps its latest results; rules are told apart by identity."""

    def __init__(self, function: Callable[[Case, Any], T], reads: Reads) -> None:
        self.__doc__, self.__wrapped__, self._reads = function.__doc__, function, reads
        self._usual = lru_cache(maxsize=USUAL)(lambda read, rules: function(read.case, rules))
        self._large = lru_cache(maxsize=LARGE)(function)
        self.cache_info = self._usual.cache_info
        self.clear_large = self._large.cache_clear
        KEEPING.append(self)

    def __call__(self, case: Case, rules: Any = spec) -> T:
        if is_large(case):
            return self._large(case, rules)
        return self._usual(_Read(case, self._reads(case)), rules)

    def cache_clear(self) -> None:
        """Let go of all of them."""
        self._usual.cache_clear()
        self._large.cache_clear()


def kept_by_case(reads: Reads) -> Callable[[Callable[[Case, Any], T]], Kept[T]]:
    """A decorator of functions that read this of a case."""
    return lambda function: Kept(function, reads)


def forget_large() -> None:
    """Let go of what is kept of the latest case of ``cases.large``."""
    for function in KEEPING:
        function.clear_large()


def forget() -> None:
    """Let go of what is kept of earlier cases, for whoever asks about large ones of their own."""
    for function in KEEPING:
        function.cache_clear()

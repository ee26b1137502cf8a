"""What the oracle said of the latest cases is kept, as several properties ask for it; of a large case until the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from bn_reference import specification as spec
from bn_reference.cases.case import Case
from bn_reference.cases.large import is_large

__all__ = ["forget", "forget_large", "kept_by_case"]

T = TypeVar("T")
USUAL = 512
LARGE = 2  # under the usual model and another; each takes some 150 bytes an element
KEEPING: list[kept_by_case[Any]] = []


class kept_by_case(Generic[T]):  # a decorator
    """A function of a case and of rules that keeps its latest results; cases are told apart by identity."""

    def __init__(self, function: Callable[[Case, Any], T]) -> None:
        self.__doc__, self.__wrapped__ = function.__doc__, function
        self._usual = lru_cache(maxsize=USUAL)(function)
        self._large = lru_cache(maxsize=LARGE)(function)
        self.cache_info = self._usual.cache_info
        self.clear_large = self._large.cache_clear
        KEEPING.append(self)

    def __call__(self, case: Case, rules: Any = spec) -> T:
        return (self._large if is_large(case) else self._usual)(case, rules)

    def cache_clear(self) -> None:
        """Let go of all of them."""
        self._usual.cache_clear()
        self._large.cache_clear()


def forget_large() -> None:
    """Let go of what is kept of the latest case of ``cases.large``."""
    for function in KEEPING:
        function.clear_large()


def forget() -> None:
    """Let go of what is kept of earlier cases, for whoever asks about large ones of their own."""
    for function in KEEPING:
        function.cache_clear()

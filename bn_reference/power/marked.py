"""Pages that are written by hand but for what stands between two marks."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["filled"]


def filled(page: str, begin: str, end: str, what: str, lines: Iterable[str]) -> str:
    """The page with these lines between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"the page has no place for {what}; write {begin!r} and {end!r} into it")
    return "\n".join([before + begin, *lines, end + after])

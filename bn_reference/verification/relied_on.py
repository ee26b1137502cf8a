"""A target that changes what its verdict is computed with is unusable, whatever came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bn_reference.support.originals import Originals
from bn_reference.targets.protocol import UnusableTarget

__all__ = ["left_in_place"]

MOST = 3  # names in a sentence


@contextmanager
def left_in_place(target: str, originals: Originals) -> Iterator[None]:
    """A block in which a target is run.

    Raises:
        UnusableTarget: it changed what is relied on, which may be why an error came.
    """
    originals.know_torch()
    try:
        yield
    except Exception as error:
        _require(target, originals, error)
        raise
    _require(target, originals, None)


def _require(target: str, originals: Originals, error: Exception | None) -> None:
    names = originals.put_back()
    if names and not isinstance(error, UnusableTarget):
        said = ", ".join(names[:MOST]) + f" and {len(names) - MOST} more" * (len(names) > MOST)
        rule = "on which a verdict on it would rest, so that none can be given; leave that as it is"
        raise UnusableTarget(f"the target {target} changes {said}, {rule}") from error

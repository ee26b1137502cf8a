"""Groups of pytest-xdist, which names them in the ids of tests, in a place where pytest 9.2 and later do not look.

Without it ``--dist=loadgroup`` deals out tests as if there were no groups, and says nothing
(github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

__all__ = ["name_groups"]


def name_groups(items: Iterable[pytest.Item]) -> None:
    """Let tests have the ids that pytest-xdist wrote, where pytest has kept others; before the ids are sent."""
    for item in items:
        written, kept = vars(item).get("_nodeid"), getattr(item, "_id", None)
        parse = getattr(type(kept), "parse", None)
        if written is not None and parse is not None and str(kept) != written:
            item._id = parse(written)

"""On what the order of the mean's sum depends: channels, positions, layout, threads, the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bn_reference.portrait.asking import Asked, Setting
from bn_reference.portrait.naming import name_of
from bn_reference.portrait.order import tree_of
from bn_reference.targets.protocol import Unsupported

__all__ = ["settings_of"]

Ask = Callable[[Callable[[], Any]], Any]
SEVERAL = 16  # rows, for what is compared


def settings_of(asked: Asked, accumulator: str, ask: Ask) -> dict[str, str | None]:
    """Names of the order of sums in an accumulator, by setting: "16 rows, (N, C) with C = 1", as far as the target has them."""
    found: dict[str, str | None] = {}
    for rows, setting in _settings(asked.setting):
        try:
            other = asked.within(**setting)
        except Unsupported:
            continue
        tree = ask(partial(tree_of, other, rows, accumulator))
        told = None if tree is None else name_of(tree, rows)
        found[f"{rows} rows, {other.setting}"] = told
    return found


def _settings(usual: Setting) -> Iterator[tuple[int, dict[str, Any]]]:
    yield SEVERAL, {}
    for rows in (8, 32):
        yield rows, {}
    for channels in (1, 3, 256):
        yield SEVERAL, {"channels": channels}
    for positions in (1, 4, SEVERAL):
        if positions != usual.positions:
            yield SEVERAL, {"positions": positions}
    for layout in ("transposed", "sliced"):
        yield SEVERAL, {"layout": layout}
    yield SEVERAL, {"threads": 2}

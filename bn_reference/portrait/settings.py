"""On what the order of the mean's sum depends: channels, positions, layout, threads, the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from bn_reference.portrait.asking import Asked, Setting
from bn_reference.portrait.naming import name_of
from bn_reference.portrait.order import found_in
from bn_reference.portrait.tree import Tree
from bn_reference.targets.protocol import Unsupported

__all__ = ["ROWS", "Elsewhere", "settings_of"]

Ask = Callable[[Callable[[], Any]], Any]
ROWS = 16  # of what is compared


@dataclass(frozen=True)
class Elsewhere:
    """The order of the sum in a setting.

    Attributes:
        varies: "nothing", "rows", "channels", "positions", "layout" or "threads".
        setting: in words, "C = 1" for example.
        order: its name; None: it cannot be told.
        accumulator: a format; None: it cannot be told.
        same: whether both are the usual ones of ``ROWS`` rows; None: one of the two cannot be told, or is of other rows.
    """

    varies: str
    setting: str
    order: str | None
    accumulator: str | None
    same: bool | None


def settings_of(asked: Asked, accumulator: str, ask: Ask) -> tuple[Elsewhere, ...]:
    """In the usual setting, and in those others that the target has; the accumulator is tried first that was found before."""
    accumulators = tuple(dict.fromkeys((accumulator, "float32", "float64")))
    usual: tuple[Tree, str] | None = ask(partial(found_in, asked, ROWS, accumulators))
    found = [_told("nothing", f"{ROWS} rows", ROWS, usual, None)]
    for varies, setting, rows, changes in _others(asked.setting):
        try:
            other = asked.within(**changes)
        except Unsupported:
            continue
        came: tuple[Tree, str] | None = ask(partial(found_in, other, rows, accumulators))
        same = None if usual is None or came is None or rows != ROWS else came == usual
        found.append(_told(varies, setting, rows, came, same))
    return tuple(found)


def _told(varies: str, setting: str, rows: int, came: tuple[Tree, str] | None, same: bool | None) -> Elsewhere:
    if came is None:
        return Elsewhere(varies, setting, None, None, same)
    tree, accumulator = came
    return Elsewhere(varies, setting, name_of(tree, rows), accumulator, same)


def _others(usual: Setting) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    for rows in (8, 32):
        yield "rows", f"{rows} rows", rows, {}
    for channels in (1, 3, 256):
        yield "channels", f"C = {channels}", ROWS, {"channels": channels}
    for positions in (1, 4, ROWS):
        if positions != usual.positions:
            yield "positions", f"L = {positions}", ROWS, {"positions": positions}
    for layout in ("transposed", "sliced"):
        yield "layout", layout, ROWS, {"layout": layout}
    yield "threads", "2 threads", ROWS, {"threads": 2}

"""The scoreboard of public checks as tables, and the page that has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bn_reference.power.marked import filled

__all__ = ["page_with", "tables"]

BEGIN, END = (
    "<!-- the scoreboard, written by python -m bn_reference.power.rivals docs/power -->",
    "<!-- the end of the scoreboard -->",
)

Row = Mapping[str, Any]


def page_with(page: str, board: Row) -> str:
    """The page with the tables of a scoreboard between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    return filled(page, BEGIN, END, "the scoreboard", tables(board))


def tables(board: Row) -> Iterator[str]:
    """The checks, what they notice and reject; then by kind; then how they were run."""
    checks: Sequence[Row] = board["checks"]
    yield "| check | looks at | wrong layers noticed | correct ones rejected | CPU time a layer |"
    yield "|---|---|---|---|---|"
    public = [check for check in checks if check["link"]]
    yield from map(_row, public)
    if len(public) > 1:
        yield _together(public)
    yield from (_row(check) for check in checks if not check["link"])
    for layers in dict.fromkeys(check["sample"]["layers"] for check in checks if check["sample"]):
        names = [check["name"] for check in checks if check["sample"] and check["sample"]["layers"] == layers]
        yield ""
        yield f"Tried on {layers} layers alone, drawn at random with a seed: {', '.join(names)}."
    yield ""
    yield f"| kind of fault | {' | '.join(check['name'] for check in checks)} |"
    yield f"|---|{'---|' * len(checks)}"
    for kind in dict.fromkeys(kind for check in checks for kind in check["kinds"]):
        yield f"| {kind.replace('_', ' ')} | {' | '.join(_share(check['kinds'].get(kind)) for check in checks)} |"
    yield ""
    yield (
        f"With Python {board['python']}, torch {board['torch']}, NumPy {board['numpy']} and pytest {board['pytest']}, on the "
        "CPU, by `bn-reference audit -- COMMAND`, where COMMAND is:"
    )
    yield ""
    yield from (f"- {check['name']}: `{' '.join(check['command'])}`" for check in checks)


def _row(check: Row) -> str:
    name = f"[{check['name']}]({check['link']})" if check["link"] else f"**{check['name']}**"
    noticed, rejected = f"{check['killed']} of {check['of']}", f"{len(check['rejected'])} of {check['of_controls']}"
    return f"| {name} | {check['looks_at']} | {noticed} | {rejected} | {_cpu(check):.1f} s |"


def _together(checks: Sequence[Row]) -> str:
    """What any of them notices, of layers that all of them were tried on."""
    noticed = {name for check in checks for kind in check["kinds"].values() for name in kind["killed"]}
    rejected = {name for check in checks for name in check["rejected"]}
    of, of_controls = max(check["of"] for check in checks), max(check["of_controls"] for check in checks)
    seconds = sum(_cpu(check) for check in checks)
    return f"| these {len(checks)} together | | {len(noticed)} of {of} | {len(rejected)} of {of_controls} | {seconds:.1f} s |"


def _cpu(check: Row) -> float:
    """Seconds of a processor for each layer."""
    seconds: float = check["cpu_seconds"] / max(1, check["of"] + check["of_controls"])
    return seconds


def _share(kind: Mapping[str, Sequence[str]] | None) -> str:
    if kind is None:
        return ""
    return f"{len(kind['killed'])} of {len(kind['killed']) + len(kind['missed'])}"

"""A line on a terminal that shows how far the work is, gone when the work is done; and silence in a pipe."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from bn_reference.support.terminals import animates

__all__ = ["BAR", "Display", "StepsDisplay"]

BAR = 24  # columns

Self = TypeVar("Self", bound="Display")


class Display:
    """A line of one task, shown from entering to leaving.

    Args:
        console: nothing is shown where it is no terminal.
        columns: what stands in the line.
        what: a description of the task.
        total: of its steps; None where that is not known yet.
        fields: what else columns speak of.
    """

    def __init__(self, console: Console, columns: list[ProgressColumn], what: str, total: float | None, **fields: Any) -> None:
        self._shown = animates(console)
        self._progress = Progress(*columns, console=console, transient=True, disable=not self._shown)
        self._task = self._progress.add_task(what, total=total, **fields)

    def update(self, **changes: Any) -> None:
        """Change the task, or what columns speak of."""
        self._progress.update(self._task, **changes)

    def __enter__(self: Self) -> Self:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:  # older versions of rich end a display that was never shown with an empty line
            self._progress.stop()


class StepsDisplay(Display):
    """How many of many equal steps are done, and how long the rest will take."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        left = [MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left")]
        super().__init__(console, [TextColumn("{task.description}"), BarColumn(BAR), *left], what, total)

    def advance(self) -> None:
        """One more step is done."""
        self.update(advance=1)

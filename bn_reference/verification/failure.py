"""What goes wrong in the suite itself: never a verdict on a target."""

from __future__ import annotations

import traceback

from bn_reference.cases.case import Case

__all__ = ["SuiteFailed"]


class SuiteFailed(Exception):
    """An error of the suite's own.

    Attributes:
        traceback: as text, as it may have happened in another process.
    """

    def __init__(self, sentence: str, traceback: str) -> None:
        super().__init__(sentence, traceback)
        self.sentence, self.traceback = sentence, traceback

    def __str__(self) -> str:
        return self.sentence

    @classmethod
    def during(cls, property: str, case: Case, error: BaseException) -> SuiteFailed:
        """Of an error while a property was tried on a case."""
        said = f"the suite itself failed while it tried {property}: {type(error).__name__}: {' '.join(str(error).split())}"
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return cls(said, f"{text}\n{property} on\n{case!r}\n")

    @classmethod
    def of(cls, error: BaseException) -> SuiteFailed:
        """Of any other error."""
        if isinstance(error, SuiteFailed):
            return error
        said = f"the suite itself failed: {type(error).__name__}: {' '.join(str(error).split())}"
        return cls(said, "".join(traceback.format_exception(type(error), error, error.__traceback__)))

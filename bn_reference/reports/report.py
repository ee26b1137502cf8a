"""The report: the verdict on a target, as text, as JSON, as a table in a notebook, or raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bn_reference.reports.verdict import Verdict

__all__ = ["Report"]


@dataclass(frozen=True, eq=False, repr=False)
class Report(Verdict):
    """The verdict on a target, and the ways to read it."""

    def to_json(self) -> dict[str, Any]:
        """The report as the contract's JSON object; its schema is ``reports/schema2.json``."""
        from bn_reference.reports.schema import to_json

        return to_json(self)

    def raise_for_violations(self) -> None:
        """Nothing where the target conforms, nor where this is part of a run in which nothing speaks against it.

        Raises:
            AssertionError: it does not, or was not verified to the end; the text is the report's.
        """
        if not self.passes:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        """As it is printed into a pipe."""
        from bn_reference.reports.text import as_text  # and with it rich

        return as_text(self)

    def __repr__(self) -> str:
        from bn_reference.reports.text import in_one_line

        return f"<Report: {in_one_line(self)}>"

    def _repr_html_(self) -> str:
        from bn_reference.reports.notebook import as_html

        return as_html(self)

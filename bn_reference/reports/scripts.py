"""The scripts of a report as files."""

from __future__ import annotations

from pathlib import Path

from bn_reference.reports.verdict import Verdict

__all__ = ["write_scripts"]


def write_scripts(report: Verdict, directory: Path) -> list[Path]:
    """Write each cause's script, named by its place in the report and its rule: ``1_output_is_the_normalized_batch.py``."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for number, cause in enumerate(report.causes, 1):
        if cause.reproducer:
            path = directory / f"{number}_{(cause.shown_by or cause.root).property}.py"
            path.write_text(cause.reproducer, encoding="utf-8")
            written.append(path)
    return written

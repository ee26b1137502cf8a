"""``verify --write-accepted``: what a run found violated is written to a file, for somebody to give reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bn_reference.cli.files import require_writable

if TYPE_CHECKING:
    from bn_reference.reports.report import Report

__all__ = ["require_acceptable", "write_accepted"]


def require_acceptable(path: Path | None, *, fail_fast: bool) -> None:
    """Say before the work that nothing could be written."""
    require_writable(path, "--write-accepted")
    if path is not None and fail_fast:
        rule = "needs all violations, and --fail-fast ends with the first; leave one of them out"
        raise click.ClickException(f"--write-accepted {rule}")


def write_accepted(report: Report, path: Path) -> None:
    """Append an entry for each region of each cause, and say so."""
    from bn_reference.verification.accepting import append, drafts_of

    drafts, violated = drafts_of(report), len(report.violations)
    said = {(rule, pair) for draft in drafts for rule in draft.rules for pair in draft.pairs}
    if drafts:
        append(path, drafts, report.target, str(report.options["device"]))
        entries, them = ("1 entry was", "its reason") if len(drafts) == 1 else (f"{len(drafts)} entries were", "their reasons")
        then = f"write {them}, and give the file as --accepted"
        click.echo(f"{entries} written to {path}, for {len(said)} of {violated} violated results; {then}")
    else:
        click.echo(f"nothing was written to {path}, as there is no violation that could be accepted")
    if violated > len(said):
        why = "nothing accepts a crash, an example that hangs, or a lost device"
        click.echo(f"{violated - len(said)} of {violated} violated results were not written: {why}")

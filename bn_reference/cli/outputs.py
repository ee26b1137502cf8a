"""The files that ``verify`` and ``merge`` write of a report: JSON, HTML, JUnit XML, Markdown, scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bn_reference.cli.files import require_writable, write_json

if TYPE_CHECKING:
    from bn_reference.reports.deep import Deep
    from bn_reference.reports.report import Report

__all__ = ["Outputs", "writing"]

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JSON."),
    click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as one page of HTML."),
    click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JUnit XML."),
    click.option(
        "--summary",
        type=click.Path(path_type=Path),
        metavar="FILE",
        envvar="GITHUB_STEP_SUMMARY",
        help="Add the report to FILE as Markdown; default: GITHUB_STEP_SUMMARY, where that is set.",
    ),
    click.option(
        "--scripts",
        type=click.Path(file_okay=False, writable=True, path_type=Path),
        metavar="DIR",
        help="Write a script for each cause of a violation.",
    ),
)


def writing(command: Command) -> Command:
    """A decorator that gives a command the options for the files: json_path, html, junit, summary, scripts."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Outputs:
    """Where each goes; None for nowhere."""

    json: Path | None = None
    html: Path | None = None
    junit: Path | None = None
    summary: Path | None = None
    scripts: Path | None = None

    def numbered(self, number: int) -> Outputs:
        """Those of one of several targets: ``found-2.json``, and a folder ``2`` of scripts; a summary has all of them."""

        def of(path: Path | None) -> Path | None:
            return None if path is None else path.with_name(f"{path.stem}-{number}{path.suffix}")

        scripts = None if self.scripts is None else self.scripts / str(number)
        return Outputs(of(self.json), of(self.html), of(self.junit), self.summary, scripts)

    def require(self) -> None:
        """Say before the work, not after it, what cannot be written."""
        require_writable(self.json)
        require_writable(self.html, "--html")
        require_writable(self.junit, "--junit")
        require_writable(self.summary, "--summary")
        if self.scripts is not None:
            try:
                self.scripts.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                said = f"--scripts is {self.scripts}, which cannot be made ({error.strerror}); choose another place"
                raise click.ClickException(said) from None

    def write_deep(self, deep: Deep) -> None:
        """Of many rounds, each with a report of its own, JSON alone."""
        if self.json is not None:
            write_json(deep.to_json(), self.json)

    def write(self, report: Report) -> None:
        """What a CI system reads, too; on GitHub each cause is an annotation."""
        from bn_reference.reports.junit import as_junit
        from bn_reference.reports.page.page import as_page
        from bn_reference.reports.scripts import write_scripts
        from bn_reference.reports.summary import as_markdown, github_commands
        from bn_reference.support.files import write_whole

        if self.json is not None:
            write_json(report.to_json(), self.json)
        if self.html is not None:
            write_whole(self.html, lambda file: file.write(as_page(report.to_json()).encode()))
        if self.junit is not None:
            write_whole(self.junit, lambda file: file.write(as_junit(report)))
        if self.summary is not None:
            with self.summary.open("a", encoding="utf-8") as file:  # of several runs, one after the other
                file.write(as_markdown(report))
        if os.environ.get("GITHUB_ACTIONS"):
            for line in github_commands(report):
                click.echo(line)
        if self.scripts is not None:
            write_scripts(report, self.scripts)

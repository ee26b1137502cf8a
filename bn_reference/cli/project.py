"""What the project says, where the command line of ``verify`` says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bn_reference.cli.seed import SEED
from bn_reference.targets import TORCH

if TYPE_CHECKING:
    from bn_reference.verification.project import Project

__all__ = ["Said", "with_project"]


@dataclass(frozen=True)
class Said:
    """What the project says and the command line does not.

    Attributes:
        project: all that it says.
        options: of ``verify``, those that are not given.
        given: the names of those that are.
    """

    project: Project
    options: Mapping[str, Any]
    given: frozenset[str]

    def targets(self, target: str | None) -> tuple[str, ...]:
        """The one that is given, else the project's, else torch's own layer."""
        return (target,) if target is not None else self.project.targets or (TORCH,)

    def writes(self, path: str | None) -> Path | None:
        """Where ``--write-accepted`` writes: where it says, else where the project has it."""
        from bn_reference.verification.accepted import FILE

        return None if path is None else Path(path or self.project.accepted or FILE)

    def accepted(self, path: str, writes: Path | None) -> str:
        """What is read: the file that is given, else the project's, else what is added to; that need not be there yet."""
        chosen = path if "accepted" in self.given else self.project.accepted or str(writes or "")
        is_new = writes is not None and Path(chosen) == writes and not writes.exists()
        return "" if is_new else chosen


def with_project(context: click.Context) -> Said:
    """The nearest project, read for a command line.

    Raises:
        UnusableProject: what it says cannot be used.
    """
    from bn_reference.verification.project import project_of

    project = project_of(Path.cwd())
    given = frozenset(name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT)
    options = {name: value for name, value in project.options.items() if name not in given}
    if "seed" in options:
        options["seed"] = SEED.convert(options["seed"], None, context)
    return Said(project, options, given)

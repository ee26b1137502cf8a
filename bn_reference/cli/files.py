"""Files that a command writes: a path that cannot be written is refused before the work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from bn_reference.support.files import write_whole

__all__ = ["require_figures", "require_writable", "write_json"]


def require_writable(path: Path | None, option: str = "--json") -> None:
    """Say before the work, not after it, that a path cannot be written."""
    if path is None:
        return
    if path.is_dir():
        raise click.ClickException(f"{option} is {path}, which is a directory; name a file in it")
    if not path.parent.is_dir():
        raise click.ClickException(f"{option} is {path}, but there is no directory {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.ClickException(
            f"{option} is {path}, which cannot be written; choose another place or change its permissions"
        )


def require_figures(path: Path | None, option: str = "--out") -> None:
    """Make the directory that figures go to; say before the work where that cannot be, or where they cannot be drawn."""
    if path is None:
        return
    from bn_reference.support.plotting import UnusablePlots, require_matplotlib

    try:
        require_matplotlib()
    except UnusablePlots as unusable:
        raise click.ClickException(str(unusable)) from None
    if path.exists() and not path.is_dir():
        raise click.ClickException(f"{option} is {path}, which is a file; name a directory")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"{option} is {path}, which cannot be made ({error.strerror}); choose another place"
        ) from None
    if not os.access(path, os.W_OK):
        raise click.ClickException(f"{option} is {path}, where nothing can be written; choose another place")


def write_json(content: dict[str, Any], path: Path) -> None:
    """All of it or nothing."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))

"""What a command needs beyond the package's own dependencies is asked for before the work."""

from __future__ import annotations

import click

from bn_reference.support.extras import lack_of_torch

__all__ = ["require_torch"]


def require_torch(purpose: str) -> None:
    """Load torch; one sentence says why it is wanted, and what to install, where it cannot be."""
    lacking = lack_of_torch()
    if lacking:
        raise click.ClickException(f"{purpose} needs {lacking}")

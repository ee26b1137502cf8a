"""What a command needs beyond the package's own dependencies is asked for before the work."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["require_torch"]


def require_torch(purpose: str) -> None:
    """Load torch; one sentence says why it is wanted, and what to install, where it cannot be."""
    try:
        import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise _fails(purpose, error) from None
        raise click.ClickException(f"{purpose} needs torch, which is missing; pip install 'bn-reference[torch]'") from None
    except (ImportError, OSError) as error:  # of a library of its own, say
        raise _fails(purpose, error) from None


def _fails(purpose: str, error: Exception) -> click.ClickException:
    return click.ClickException(f"{purpose} needs torch, which fails to import: {error}; mend that installation first")

"""The option --seed of commands that draw cases: a whole number, or "random" for one that nobody knows before."""

from __future__ import annotations

import secrets
from typing import Any

import click

__all__ = ["SEED"]

MOST = 2**32  # that a person may have to type again


class _Seed(click.ParamType):  # type: ignore[type-arg]  # a class without arguments before click 8.2
    name = "integer|random"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seed."""
        if isinstance(value, int):
            return value
        if value == "random":
            return secrets.randbelow(MOST)
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number; give one, or 'random' for one that is drawn and printed", param, ctx)


SEED = _Seed()

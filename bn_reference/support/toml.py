"""TOML files, read with what Python has, or with the package that it comes from where Python is older."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["UnreadableToml", "read_toml", "toml_string"]


class UnreadableToml(ValueError):
    """The file cannot be read; a clause says why."""


def read_toml(path: Path) -> dict[str, Any]:
    """What the file holds.

    Raises:
        UnreadableToml: it is not there, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableToml("is not there") from None
    except OSError as error:
        raise UnreadableToml(f"cannot be read ({error.strerror})") from None
    except ValueError as error:  # of TOML, or of UTF-8
        raise UnreadableToml(f"is no TOML ({' '.join(str(error).split())})") from None


def toml_string(text: str) -> str:
    """The text as a string of TOML, on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'

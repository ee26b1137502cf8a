"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE
from typing import BinaryIO

__all__ = ["write_whole"]

DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")  # what is open already has no place to be replaced


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file that takes the place of ``path`` when it is whole; a reader never meets half of it.

    The mode is that of the file that was there, or else what any new file gets. A link stays and what it leads to is written.
    What is no regular file, a pipe or a device, is written to as it is.

    Raises:
        OSError: of the file system, or whatever ``write`` raises; then ``path`` is as it was, and nothing is left beside it.
    """
    if str(path).startswith(DESCRIPTORS) or (path.exists() and not path.is_file()):
        with path.open("wb") as stream:
            write(stream)
        return
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".bn_reference.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:  # opened plainly, for the umask to apply: tempfile's are their owner's alone
            write(file)
        if place.exists():
            temporary.chmod(S_IMODE(place.stat().st_mode))
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

"""Characters that a document may hold: what a target says may have any."""

from __future__ import annotations

import re

__all__ = ["legal"]

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0, even as a reference


def legal(text: str) -> str:
    """The text with a replacement character for each that no XML may hold, and that HTML is better off without."""
    return ILLEGAL.sub("\ufffd", text)

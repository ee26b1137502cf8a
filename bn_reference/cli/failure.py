"""A failure of the suite itself: its traceback goes into a file, for a report; it is no verdict on any target."""

from __future__ import annotations

import sys
import tempfile
import traceback

__all__ = ["told"]


def told(error: BaseException) -> str:
    """The sentence that says so and names the file, which is kept."""
    kind = " ".join(f"{type(error).__name__}: {error}".split())
    text = _text(error)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="bn_reference.failure.", suffix=".txt", delete=False
        ) as file:
            file.write(text)
        where = f"is in {file.name}"
    except OSError:
        sys.stderr.write(text)
        where = "stands above"
    fault = "which is its own fault and no verdict on any target"
    return f"the suite itself failed ({kind}), {fault}; the traceback {where}, please report it"


def _text(error: BaseException) -> str:
    """The command, then the traceback; before it, where the error came from another process, the one that it brought along."""
    brought = getattr(error, "traceback", "")
    own = "".join(traceback.format_exception(error))
    return "\n".join(part for part in (f"bn-reference {' '.join(sys.argv[1:])}", str(brought or "").strip(), own) if part)

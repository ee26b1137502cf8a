"""How long a process waited for a processor, which on a busy machine is most of the time that passes."""

from __future__ import annotations

from pathlib import Path

__all__ = ["waited"]

NANOSECONDS = 1e-9
OWN = "thread-self"


def waited(process: int | None = None) -> float:
    """Seconds for which the main thread of a process could have gone on and was not let, by now; of this thread without one.

    0 where the system does not tell; Linux does.
    """
    try:
        _, waiting, _ = Path(f"/proc/{process or OWN}/schedstat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0.0
    return int(waiting) * NANOSECONDS

"""A script tried once, in a process of its own: whether it fails as it should, or for a reason that nobody asked about."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bn_reference.cases.facts import Kind

__all__ = ["fails"]

HELD, FAILED, OTHERWISE = 0, 91, 92  # no target ends a program with these by chance
DRIVER = f"""
import os, runpy, sys
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
except AssertionError:
    os._exit({FAILED})
except BaseException:  # an exception that no assertion stands for, and the end of the program
    os._exit({OTHERWISE})
os._exit({HELD})
"""


def fails(script: str, timeout: float, kind: Kind | None = None) -> bool | None:
    """Whether the script's assertion fails; None where the script ends otherwise, which says nothing of the target.

    Args:
        script: its text; it is run in the working directory, with what is importable here.
        timeout: seconds.
        kind: that of the fact that it is to show: a crash shows CRASHED, and no end in time HUNG.
    """
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "reproducer.py")
        file.write_text(script, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, file],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return True if kind is Kind.HUNG else None
        finally:  # with whatever it started
            if process.poll() is None:
                with contextlib.suppress(AttributeError, ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
    if status < 0:  # a signal
        return True if kind is Kind.CRASHED else None
    return {HELD: False, FAILED: True}.get(status)

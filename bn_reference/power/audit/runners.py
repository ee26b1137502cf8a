"""How a command is run with a layer in the place of the batch norm: in a fork of a process that has torch, or anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import mkstemp
from threading import TIMEOUT_MAX as NEVER
from threading import Event, Timer
from typing import Any

from bn_reference.power.audit.hook.sitecustomize import LAYER, REPLACED
from bn_reference.power.audit.preloaded import fits

__all__ = ["CannotAudit", "Run", "Runner", "runner_of"]

HOOK = Path(__file__).with_name("hook")
PRELOADED = "bn_reference.power.audit.preloaded"


class CannotAudit(Exception):
    """Nothing can be measured; the sentence says why."""


@dataclass(frozen=True)
class Run:
    """How the command ended: its status, None where it did not in time; what it printed; how long it took."""

    status: int | None
    output: str
    seconds: float


# runs the command with the layer of a name, or as it is where that is empty, for so many seconds at most
Runner = Callable[[str, float | None], Run]


@contextmanager
def runner_of(command: Sequence[str], replaced: str, scratch: str) -> Iterator[Runner]:
    """What runs a command; several threads may use it at once.

    Args:
        command: a program and its arguments.
        replaced: "module:attribute" of the batch norm that it tests; empty for torch's own.
        scratch: a directory for what the runs leave.

    Raises:
        CannotAudit: there is no such program.
    """
    if not fits(command):
        anew = _Anew(command)
        try:
            yield lambda layer, timeout: anew.run(_environment(scratch, layer, replaced), timeout)
        finally:
            anew.end()
        return
    idle: SimpleQueue[_Preloaded] = SimpleQueue()
    started: list[_Preloaded] = []
    over = Event()

    def run(layer: str, timeout: float | None) -> Run:
        try:
            process = idle.get_nowait()
        except Empty:
            process = _Preloaded(_environment(scratch), scratch)
            started.append(process)
            if over.is_set():
                process.end()
        order = {"command": list(command), "layer": layer, "replaced": replaced, "environment": _hooked(layer, replaced)}
        ended = process.run(order, timeout)
        idle.put(process)
        return ended

    try:
        yield run
    finally:
        over.set()  # threads may be about to start something
        for process in started:
            process.end()


def _environment(scratch: str, layer: str = "", replaced: str = "") -> dict[str, str]:
    """The environment of a run: nothing is left in the folder of the tests, and pytest stops at the first failure."""
    own: Mapping[str, str] = os.environ
    environment = {
        **own,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": scratch,
        "PYTEST_ADDOPTS": f"{own.get('PYTEST_ADDOPTS', '')} -x -p no:cacheprovider".strip(),
    }
    return environment | _hooked(layer, replaced)


def _hooked(layer: str, replaced: str) -> dict[str, str]:
    """What lets each interpreter that is started have the layer; empty where it is to have what it would have."""
    if not layer:
        return {}
    path = os.pathsep.join([str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, LAYER: layer, REPLACED: replaced}


class _Preloaded:
    """A process that runs one command after another in forks of itself."""

    def __init__(self, environment: Mapping[str, str], scratch: str) -> None:
        self._scratch = scratch
        self._child: int | None = None  # the fork that runs a command, in a session of its own
        self._over = False
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        arguments = [sys.executable, "-m", PRELOADED]
        self._process = subprocess.Popen(arguments, **pipes, env=dict(environment), text=True, start_new_session=True)  # type: ignore[call-overload]

    def run(self, order: dict[str, Any], timeout: float | None) -> Run:
        """Run one command in a fork; where it does not end in time, it and all that it started are ended."""
        handle, output = mkstemp(dir=self._scratch)
        os.close(handle)
        self._process.stdin.write(json.dumps({**order, "output": output}) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        started, late = time.perf_counter(), Event()

        def end_late() -> None:
            late.set()
            _end(child)

        timer = Timer(NEVER if timeout is None else timeout, end_late)
        timer.daemon = True
        timer.start()
        self._child = child
        if self._over:
            _end(child)
        try:
            status = int(self._process.stdout.readline())
        finally:
            timer.cancel()
        self._child = None
        text = Path(output).read_text(encoding="utf-8", errors="replace")
        Path(output).unlink()
        return Run(None if late.is_set() else status, text, time.perf_counter() - started)

    def end(self) -> None:
        """No further command will be run, nor one that runs go on."""
        self._over = True
        for process in (self._process.pid, *([] if self._child is None else [self._child])):
            _end(process)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()


def _end(process: int) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


class _Anew:
    """Runs a command, each time in a process of its own; several threads may do so at once."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._running: set[int] = set()
        self._over = False

    def run(self, environment: Mapping[str, str], timeout: float | None) -> Run:
        """Run the command; where it does not end in time, it and all that it started are ended.

        Raises:
            CannotAudit: there is no such program.
        """
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                text=True,
                errors="replace",
            )
        except OSError as error:
            program, why = self._command[0], error.strerror
            raise CannotAudit(f"the command is {program!r}, which cannot be run ({why}); name a program") from None
        self._running.add(process.pid)
        if self._over:
            _end(process.pid)
        with process:
            try:
                output, _ = process.communicate(timeout=timeout)
                status: int | None = process.returncode
            except BaseException as ended:
                _end(process.pid)
                if not isinstance(ended, subprocess.TimeoutExpired):
                    raise
                status, output = None, ""
            finally:
                self._running.discard(process.pid)
        return Run(status, output or "", time.perf_counter() - started)

    def end(self) -> None:
        """What runs does not go on."""
        self._over = True
        for process in list(self._running):
            _end(process)

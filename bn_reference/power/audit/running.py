"""A test command, run once with each layer in the place of the batch norm that it tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bn_reference.power.audit.replacing import TRUE
from bn_reference.power.audit.report import Audit, Seen
from bn_reference.power.subjects import Subject

__all__ = ["CannotAudit", "audit"]

HOOK = Path(__file__).with_name("hook")
LAYER, REPLACED = "BN_REFERENCE_AUDIT", "BN_REFERENCE_AUDIT_REPLACE"  # as the hook reads them
LEAST, TIMES = 60.0, 10.0  # seconds; of what the command takes with the true layer
TAIL = 20  # lines of a command that fails where it must not


class CannotAudit(Exception):
    """Nothing can be measured; the sentence says why."""


@dataclass(frozen=True)
class _Run:
    """How the command ended: its status, None where it did not in time; what it printed; how long it took."""

    status: int | None
    output: str
    seconds: float


def audit(
    command: Sequence[str],
    subjects: Sequence[Subject],
    *,
    replaced: str = "",
    jobs: int = 1,
    timeout: float | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Audit:
    """What a test command makes of each layer.

    Args:
        command: a program and its arguments, run in the working directory; a status other than 0 says that it noticed.
        subjects: the layers.
        replaced: "module:attribute" of the batch norm that it tests; empty for torch's own.
        jobs: runs at a time.
        timeout: seconds for one run; None for ten times what it takes with the true layer, and a minute at least.
        advance: hears of each layer.

    Raises:
        CannotAudit: the command cannot be run, or fails as it is, or with a correct layer.
    """
    with TemporaryDirectory(prefix="bn_reference.") as scratch:
        plain = _run(command, _environment(scratch), timeout)
        if plain.status != 0:
            raise CannotAudit(f"the command fails as it is{_told(plain)}; make it pass first")
        true = _run(command, _environment(scratch, TRUE, replaced), timeout)
        if true.status != 0:
            what = f"{replaced or 'the batch norm of torch'} is replaced by a correct one of this package"
            raise CannotAudit(f"the command fails where {what}{_told(true)}; so nothing can be measured")
        limit = timeout or max(LEAST, TIMES * true.seconds)

        def seen(subject: Subject) -> Seen:
            run = _run(command, _environment(scratch, subject.name, replaced), limit)
            late = run.status is None
            return Seen(subject.name, subject.kind, subject.story, subject.correct, run.status != 0, late, run.seconds)

        pool = ThreadPoolExecutor(jobs)
        try:
            waiting = {pool.submit(seen, subject): subject for subject in subjects}
            for done in as_completed(waiting):
                done.result()
                advance()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return Audit(tuple(command), True, tuple(future.result() for future in waiting))


def _environment(scratch: str, layer: str = "", replaced: str = "") -> dict[str, str]:
    """The environment of a run: nothing is left in the folder of the tests, and pytest stops at the first failure."""
    own: Mapping[str, str] = os.environ
    environment = {
        **own,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": scratch,
        "PYTEST_ADDOPTS": f"{own.get('PYTEST_ADDOPTS', '')} -x -p no:cacheprovider".strip(),
    }
    if layer:
        path = os.pathsep.join([str(HOOK), *filter(None, [own.get("PYTHONPATH")])])
        environment |= {"PYTHONPATH": path, LAYER: layer, REPLACED: replaced}
    return environment


def _run(command: Sequence[str], environment: Mapping[str, str], timeout: float | None) -> _Run:
    """Run the command; where it does not end in time, it and all that it started are ended.

    Raises:
        CannotAudit: there is no such program.
    """
    started = time.perf_counter()
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise CannotAudit(f"the command is {command[0]!r}, which cannot be run ({error.strerror}); name a program") from None
    with process:
        try:
            output, _ = process.communicate(timeout=timeout)
            status: int | None = process.returncode
        except BaseException as ended:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(ended, subprocess.TimeoutExpired):
                raise
            status, output = None, ""
    return _Run(status, output or "", time.perf_counter() - started)


def _told(run: _Run) -> str:
    if run.status is None:
        return f" (it did not end in {run.seconds:.0f} s)"
    lines = [line for line in run.output.splitlines() if line.strip()][-TAIL:]
    said = f", its last line being {lines[-1].strip()!r}" if lines else ""
    return f" (status {run.status}{said})"

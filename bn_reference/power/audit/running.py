"""A test command, run once with each layer in the place of the batch norm that it tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from tempfile import TemporaryDirectory

from bn_reference.power.audit.replacing import TRUE
from bn_reference.power.audit.report import Audit, Seen
from bn_reference.power.audit.runners import CannotAudit, Run, runner_of
from bn_reference.power.subjects import Subject
from bn_reference.support.alarms import cleaning_up

__all__ = ["CannotAudit", "audit"]

LEAST, TIMES = 60.0, 10.0  # seconds; of what the command takes with the true layer
LISTENS = 0.5  # seconds, after which it is seen at last that the process is to end


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
    started = cleaning_up(), TemporaryDirectory(prefix="bn_reference.")
    with started[0], started[1] as scratch, runner_of(command, replaced, scratch) as run:
        plain = run("", timeout)
        if plain.status != 0:
            raise CannotAudit(f"the command fails as it is{_told(plain)}; make it pass first")
        true = run(TRUE, timeout)
        if true.status != 0:
            what = f"{replaced or 'the batch norm of torch'} is replaced by a correct one of this package"
            raise CannotAudit(f"the command fails where {what}{_told(true)}; so nothing can be measured")
        limit = timeout or max(LEAST, TIMES * true.seconds)

        def seen(subject: Subject) -> Seen:
            ended = run(subject.name, limit)
            late = ended.status is None
            return Seen(subject.name, subject.kind, subject.story, subject.correct, ended.status != 0, late, ended.seconds)

        pool = ThreadPoolExecutor(jobs)
        try:
            waiting = {pool.submit(seen, subject): subject for subject in subjects}
            pending: set[Future[Seen]] = set(waiting)
            while pending:  # again and again, as a signal may come to another thread, which does not wake this one
                done, pending = wait(pending, LISTENS, FIRST_COMPLETED)
                for each in done:
                    each.result()
                    advance()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return Audit(tuple(command), True, tuple(future.result() for future in waiting))


def _told(run: Run) -> str:
    if run.status is None:
        return f" (it did not end in {run.seconds:.0f} s)"
    lines = [line for line in run.output.splitlines() if line.strip()]
    said = f", its last line being {lines[-1].strip()!r}" if lines else ""
    return f" (status {run.status}{said})"

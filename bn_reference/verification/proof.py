"""Proof: the script of a cause is run, as a reader would run it, and what it did is said beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bn_reference.cases.facts import Kind
from bn_reference.reports.part import Ran
from bn_reference.reports.results import Cause, Result

__all__ = ["proved", "proved_in_part"]

# whether a script failed within the seconds, as a fact of the kind says it should; None where that could not be found out
Fails = Callable[[str, float, Kind | None], bool | None]

CAUSES = 8  # whose scripts are run; a report that has more shows no more
FINEST = 3 * CAUSES  # of a part of a run, where it is not known yet which belong together
OTHERS = 2  # scripts of other members, where the root's shows nothing
LOADING = 30.0  # seconds beyond the limit of an example, in which a framework is loaded


def proved(causes: Sequence[Cause], *, jobs: int, timeout: float, fails: Fails | None = None) -> tuple[Cause, ...]:
    """The causes, each with the script that was seen to fail, if one was.

    Args:
        causes: as ``causes_of`` gives them.
        jobs: scripts that are run at once, each in a process of its own.
        timeout: seconds that an example may take.
        fails: runs a script.
    """
    if not any(_scripts(cause) for cause in causes[:CAUSES]):
        return tuple(causes)
    run = fails or _in_a_process()
    threads = ThreadPoolExecutor(max_workers=min(jobs, CAUSES))
    try:
        tried = list(threads.map(lambda cause: _proved(cause, run, timeout + LOADING), causes[:CAUSES]))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nobody waits for what still runs
    return (*tried, *causes[CAUSES:])


def proved_in_part(
    causes: Sequence[Cause], finest: Sequence[Cause], *, jobs: int, timeout: float, fails: Fails | None = None
) -> tuple[tuple[Cause, ...], Ran]:
    """The causes of a part of a run as ``proved`` gives them, and what all scripts did that those of the whole may need.

    Args:
        causes: as ``causes_of`` gives them.
        finest: as ``finest_causes_of`` does; whichever of them belong together in the whole, a script of one of them leads.
        jobs, timeout, fails: of ``proved``.
    """
    ran: dict[tuple[str, Kind | None], bool | None] = {}
    run = fails or _in_a_process()

    def once(script: str, seconds: float, kind: Kind | None) -> bool | None:
        key = script, kind
        if key not in ran:
            ran[key] = run(script, seconds, kind)
        return ran[key]

    shown = proved(causes, jobs=jobs, timeout=timeout, fails=once)
    for start in range(0, min(len(finest), FINEST), CAUSES):
        proved(finest[start : start + CAUSES], jobs=jobs, timeout=timeout, fails=once)
    return shown, ran


def _in_a_process() -> Fails:
    from bn_reference.reproduction.run import fails

    return fails


def _proved(cause: Cause, fails: Fails, timeout: float) -> Cause:
    """With the first script that fails: the root's, or else one of a few members'."""
    seen: list[tuple[bool | None, Result]] = []
    for result in _scripts(cause):
        assert result.violation is not None
        fact = result.violation.found.fact
        failed = fails(result.violation.reproducer, timeout, fact.kind if fact is not None else None)
        if failed:
            return _shown(cause, result, failed)
        seen.append((failed, result))
    return _shown(cause, seen[0][1], seen[0][0]) if seen else cause


def _shown(cause: Cause, result: Result, failed: bool | None) -> Cause:
    return replace(cause, reproducer_fails=failed, shown_by=None if result is cause.root else result)


def _scripts(cause: Cause) -> list[Result]:
    """The root, and a few others that have another script."""
    having = [result for result in cause.members if result.violation is not None and result.violation.reproducer]
    return having[: OTHERS + (having[:1] == [cause.root])]

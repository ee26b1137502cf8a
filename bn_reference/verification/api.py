"""``verify``: a target, what to try on it, and the report."""

from __future__ import annotations

import os
import platform
import time
import warnings
from collections.abc import Iterable
from importlib import metadata
from os import PathLike
from typing import Any

from bn_reference.properties import PROPERTIES
from bn_reference.reports.report import Report
from bn_reference.reports.results import Cause, Result, pair_of
from bn_reference.targets import TORCH
from bn_reference.targets.recognition import load_target, name_of
from bn_reference.verification import workers
from bn_reference.verification.causes import causes_of
from bn_reference.verification.events import Done, Listener, Started, Trying
from bn_reference.verification.proof import proved
from bn_reference.verification.selection import Budget, Unit, UnusableArguments, select_pairs, select_properties, units
from bn_reference.verification.time_limit import TimeLimit

__all__ = ["environment", "verify"]

NO_LIMIT = (
    "there is no limit on the time of an example, as it takes the main thread and a system with alarm signals; "
    "give the target by its name and jobs=2 for worker processes"
)
ORDER = {property.name: number for number, property in enumerate(PROPERTIES)}


def verify(
    target: object = TORCH,
    *,
    device: str = "cpu",
    dtypes: Iterable[str] | None = None,
    properties: Iterable[str] | None = None,
    examples: int = 100,
    seed: int = 0,
    fail_fast: bool = False,
    jobs: int = 1,
    timeout: float = 10.0,
    cases: str | PathLike[str] = "drawn",
    recording: str | PathLike[str] = "",
    isolated: bool = False,
    listener: Listener | None = None,
) -> Report:
    """Verify an implementation of batch normalization.

    Args:
        target: ``module:attribute``, ``path/to/file.py:attribute``, or the class, factory or adapter itself.
        device: where a torch layer and its arrays lie.
        dtypes: input dtypes or pairs (``float16``, ``float16/float32``); None for all.
        properties: names of properties or families; None for all.
        examples: cases a property and pair of dtypes.
        seed: of the cases; the same seed gives the same verdict, whatever the number of jobs.
        fail_fast: end with the first violation.
        jobs: 1 works in this process; more start that many worker processes (the target must then be given by name).
        timeout: seconds that one example may take.
        cases: "drawn", or the path of a file of recorded batches (``cases.recorded``) that the cases are made of.
        recording: such a path too, "" for drawn cases; the older name.
        isolated: use a worker process even with one job, so that a crash of native code is a violation and not the end.
        listener: is told what happens.

    Returns:
        the report; ``interrupted`` where Ctrl-C ended it early.

    Raises:
        UnusableTarget: the target cannot be loaded or built.
        UnusableRecording: the recording cannot be used (a ValueError).
        UnusableArguments: another argument cannot be used (a ValueError).
    """
    _require(examples >= 1, "examples", examples, "at least 1")
    _require(jobs >= 1, "jobs", jobs, "at least 1")
    _require(timeout > 0, "timeout", timeout, "a positive number of seconds")
    _require(0 <= seed < 2**64, "seed", seed, "between 0 and 2^64 - 1")
    wanted = {name: None if value is None else list(value) for name, value in (("dtypes", dtypes), ("properties", properties))}
    selected = units(select_properties(wanted["properties"]), select_pairs(wanted["dtypes"]))
    budget = Budget(examples, seed, timeout, _recording(os.fspath(cases), os.fspath(recording)))
    tried = environment()
    if budget.recording:
        from bn_reference.cases.recorded import read_recording

        recorded = read_recording(budget.recording)
        tried["cases"] = f"{len(recorded.batches)} batches, {recorded.title}"
    name = target if isinstance(target, str) else name_of(target)
    listen = listener or (lambda event: None)
    started = time.perf_counter()
    results: list[Result] = []
    causes: tuple[Cause, ...] = ()
    interrupted = False
    notes: tuple[str, ...] = ()
    if jobs == 1 and not isolated and not TimeLimit.can_be_kept():
        notes = (NO_LIMIT,)
        warnings.warn(NO_LIMIT, stacklevel=2)
    try:
        if jobs == 1 and not isolated:
            _in_this_process(target, name, device, selected, budget, fail_fast, listen, results)
        elif isinstance(target, str):
            workers.run(target, device, selected, budget, fail_fast, jobs, listen, results)
        else:
            rule = "worker processes find the target by its name; pass it as 'module:attribute', or jobs=1"
            raise UnusableArguments(f"jobs is {jobs} and the target is an object, but {rule}")
        causes = causes_of(results)
        causes = proved(causes, jobs=jobs, timeout=timeout)
    except KeyboardInterrupt:
        interrupted = True
        causes = causes or causes_of(results)
    position = {str(pair): number for number, pair in enumerate(select_pairs(None))}
    results.sort(key=lambda r: (position[pair_of(r)], ORDER[r.property]))
    asked: dict[str, Any] = {"device": device, "examples": examples, "fail_fast": fail_fast, "jobs": jobs, "timeout": timeout}
    asked |= {**wanted, "cases": budget.recording or "drawn"}
    return Report(
        target=name,
        environment=tried,
        seed=seed,
        seconds=time.perf_counter() - started,
        results=tuple(results),
        causes=causes,
        interrupted=interrupted,
        options=asked,
        conventions={"demanded": "torch"},
        notes=notes,
    )


def _require(holds: bool, argument: str, value: float, rule: str) -> None:
    if not holds:
        raise UnusableArguments(f"{argument} is {value}, but must be {rule}")


def _recording(cases: str, recording: str) -> str:
    """The path of the recording that is asked for by either name; empty for drawn cases."""
    if cases == "drawn":
        return recording
    if cases == "mnist":
        rule = "use bn-reference verify --cases mnist, or record its batches and give the file"
        raise UnusableArguments(f"cases is 'mnist', which only the command line can make; {rule}")
    if recording:
        raise UnusableArguments(f"cases is {cases!r} and recording is {recording!r}, which are one argument; give one of them")
    return cases


def _in_this_process(
    target: object,
    name: str,
    device: str,
    selected: list[Unit],
    budget: Budget,
    fail_fast: bool,
    listen: Listener,
    results: list[Result],
) -> None:
    from bn_reference.verification.judge import Judge

    judge = Judge(load_target(target, device), budget, spec=name)
    listen(Started(sum(len(unit.properties) for unit in selected)))
    for unit in selected:
        listen(Trying(workers.title(unit)))
        for result in judge.check_together(unit.properties, unit.pair, fail_fast=fail_fast):
            results.append(result)
            listen(Done(result))
            if fail_fast and result.status == "violated":
                return
        if judge.interrupted:
            raise KeyboardInterrupt


def environment() -> dict[str, str]:
    """The versions that a verdict depends on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("bn-reference", "numpy", "ml_dtypes", "hypothesis", "torch"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found

"""``verify``: a target, what to try on it, and the report."""

from __future__ import annotations

import platform
import sys
import time
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import metadata
from os import PathLike
from typing import Any

from bn_reference.conventions import Conventions
from bn_reference.reports.part import Ran
from bn_reference.reports.report import Report
from bn_reference.reports.results import Cause, Result
from bn_reference.support.originals import Originals
from bn_reference.support.threads import on_one_thread
from bn_reference.targets import TORCH
from bn_reference.targets.frameworks.known import KNOWN
from bn_reference.targets.recognition import load_target, name_of
from bn_reference.verification import arguments, workers
from bn_reference.verification.asked import accepting, recording_of, said_of_recording, with_plan
from bn_reference.verification.causes import causes_of, placed
from bn_reference.verification.demand import Description, demand_of
from bn_reference.verification.events import Counter, Done, Event, Listener, Started, Trying
from bn_reference.verification.found_before import found_before, shown
from bn_reference.verification.relied_on import left_in_place
from bn_reference.verification.selection import Budget, Unit, UnusableArguments, select_pairs, select_properties, units
from bn_reference.verification.shards import dealt, part_of, shard_of, told
from bn_reference.verification.standing import standing_of
from bn_reference.verification.time_limit import TimeLimit

__all__ = ["environment", "verify"]

NO_LIMIT = (
    "there is no limit on the time of an example, as it takes the main thread and a system with alarm signals; "
    "give the target by its name and jobs=2 for worker processes"
)
MOST_JOBS = 1024


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
    conventions: Conventions | str | Iterable[str] | None = None,
    recording: str | PathLike[str] = "",
    isolated: bool = False,
    imports: Iterable[str] | None = None,
    plan: str | PathLike[str] = "",
    minutes: float | None = None,
    accepted: str | PathLike[str] = "",
    surveys: bool = False,
    shard: str | None = None,
    database: Iterable[str] | None = None,
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
        jobs: 1 works in this process, on one thread of torch unless OMP_NUM_THREADS or MKL_NUM_THREADS says otherwise; what the
            target prints then goes to standard error. More start that many worker processes, and the target is given by name.
        timeout: seconds that one example may take.
        cases: "drawn", or the path of a file of recorded batches (``cases.recording``) that the cases are made of.
        conventions: those that the target is to keep: a ``Conventions``, the name of a library, ``running_variance=biased`` and
            the like, or "auto" for whatever it keeps; None for those that it declares, else torch's.
        recording: such a path too, "" for drawn cases; the older name.
        isolated: use a worker process even with one job, so that a crash of native code is a violation and not the end.
        imports: modules that are imported before the target, as one that makes the device known to torch; None for no others.
        plan: path of a file that freezes the drawn cases before the target is imported. Where it is there already, its cases
            are tried, and seed and examples are the plan's; "" for none.
        minutes: try as many cases as fit into this time, spread evenly over rules and pairs, instead of ``examples``: the cases
            are those of the seed, but how many there are depends on the machine; None for ``examples``.
        accepted: path of a file of accepted deviations (``verification.accepted``); "" for none.
        surveys: go on where a rule is broken, to find out where it is: what is then written as accepted says so.
        shard: "2/3", say, tries the second of three parts alone; its report is no verdict, ``verification.merge`` gives that
            of all parts, as one run would; None for all.
        database: folders, ``redis://HOST:PORT`` or ``github://OWNER/REPO``, as Hypothesis keeps its examples: what broke a
            rule there is tried first, and what breaks one now is kept for later; None for the cases of the seed alone.
        listener: is told what happens.

    Returns:
        the report; ``interrupted`` where Ctrl-C ended it early.

    Raises:
        UnusableTarget: the target cannot be loaded or built.
        UnusablePlan: the plan cannot be used (a ValueError).
        UnusableRecording: the recording cannot be used (a ValueError).
        UnusableAccepted: the file of accepted deviations cannot be used (a ValueError).
        UnusableArguments: another argument cannot be used (a ValueError).
    """
    device = arguments.text("device", device, "pass 'cpu' or 'cuda', for example")
    examples, timeout = arguments.examples(examples), arguments.timeout(timeout)
    seed = arguments.whole("seed", seed, 0, 2**64 - 1, "pass 0, for example")
    jobs = arguments.whole("jobs", jobs, 1, MOST_JOBS, "pass 1, or one for each core")
    fail_fast, isolated = arguments.flag("fail_fast", fail_fast), arguments.flag("isolated", isolated)
    recording = arguments.path("recording", recording, "pass that of a recording, or '' for drawn cases")
    listen = arguments.listener("listener", listener)
    wanted = {
        "dtypes": arguments.names("dtypes", dtypes, "float32"),
        "properties": arguments.names("properties", properties, "running"),
    }
    pairs = select_pairs(wanted["dtypes"])
    cases = arguments.path("cases", cases, "pass 'drawn', or that of a recording")
    first, frozen, places = (
        arguments.names("imports", imports, "torch_xla") or (),
        arguments.path("plan", plan, "pass that of a plan, or ''"),
        arguments.names("database", database, "found") or (),
    )
    within, surveys = arguments.minutes(minutes), arguments.flag("surveys", surveys)
    part = shard_of(shard, fail_fast=fail_fast, minutes=within, surveys=surveys)
    selected = dealt(units(select_properties(wanted["properties"]), pairs), part)
    budget = with_plan(
        frozen,
        Budget(examples, seed, timeout, recording_of(cases, recording), demand_of(conventions), pairs, first, minutes=within),
    )
    name = target if isinstance(target, str) else name_of(target)
    file = arguments.path("accepted", accepted, "pass that of a file of accepted deviations, or ''")
    before = found_before(places, name, device)
    budget = accepting(file, name, device, replace(budget, surveys=surveys, found=before))
    tried = environment(KNOWN[name].distributions if name in KNOWN else ())
    tried |= {"cases": said_of_recording(budget.recording)} if budget.recording else {}
    started = time.perf_counter()
    results: list[Result] = []
    described: list[Description] = []
    causes: tuple[Cause, ...] = ()
    interrupted = False
    ran: Ran = {}
    notes: tuple[str, ...] = ()
    if jobs == 1 and not isolated and not TimeLimit.can_be_kept():
        notes = (NO_LIMIT,)
        warnings.warn(NO_LIMIT, stacklevel=2)
    try:
        if jobs == 1 and not isolated:
            _in_this_process(target, name, device, selected, budget, fail_fast, listen, results, described)
        elif isinstance(target, str):
            workers.run(target, device, selected, budget, fail_fast, jobs, listen, results, described)
        else:
            rule = "worker processes find the target by its name; pass it as 'module:attribute', or jobs=1"
            raise UnusableArguments(f"jobs is {jobs} and the target is an object, but {rule}")
        causes, ran = told(results, part, jobs=jobs, timeout=timeout)
    except KeyboardInterrupt:
        interrupted = True
        causes = causes_of(results)
    description = (
        described[0] if described else Description(demanded=budget.demand.conventions, found=budget.demand.conventions)
    )
    results.sort(key=placed)
    asked: dict[str, Any] = {
        "device": device,
        "examples": budget.examples if within is None else None,
        "minutes": within,
        "fail_fast": fail_fast,
        "jobs": jobs,
        "timeout": timeout,
    }
    asked |= {
        **wanted,
        "cases": budget.recording or "drawn",
        "plan": frozen,
        "imports": list(first),
        "accepted": file,
        "database": [*map(shown, places)],
    }
    whole = part is None and not interrupted and not (fail_fast and any(result.status == "violated" for result in results))
    asked["conventions"] = "auto" if budget.demand.accepts_all else budget.demand.conventions.to_json()
    return Report(
        target=name,
        environment=tried,
        seed=budget.seed,
        seconds=time.perf_counter() - started,
        results=tuple(results),
        causes=causes,
        interrupted=interrupted,
        options=asked,
        conventions=description.found,
        demanded=description.found if description.accepted else description.demanded,
        capabilities=description.capabilities,
        notes=notes,
        accepted=tuple(standing_of(each, results, whole=whole) for each in budget.accepted),
        part=part_of(part, described=bool(described), files=(budget.recording, frozen, file), ran=ran),
    )


def _in_this_process(
    target: object,
    name: str,
    device: str,
    selected: list[Unit],
    budget: Budget,
    fail_fast: bool,
    listen: Listener,
    results: list[Result],
    described: list[Description],
) -> None:
    from bn_reference.verification.judge import Judge
    from bn_reference.verification.schedule import Schedule

    ours = sys.stdout

    def tell(event: Event) -> None:
        with redirect_stdout(ours):
            listen(event)

    # what the target prints must not get between the lines of a report
    with redirect_stdout(sys.stderr), left_in_place(name, Originals()):
        implementation = load_target(target, device, budget.imports)  # and with it torch, whose threads are then ours to choose
        with on_one_thread():
            judge = Judge(implementation, budget, spec=name, on_example=Counter(tell))
            judge.settle()
            described.append(judge.described())
            tell(Started(sum(len(unit.properties) for unit in selected), budget.examples))
            schedule = Schedule(budget.minutes, 1)
            for number, unit in enumerate(selected, 1):
                tell(Trying(workers.title(unit)))
                seconds = schedule.slice(unit, selected[number:])
                for result in judge.check_together(unit.properties, unit.pair, fail_fast=fail_fast, seconds=seconds):
                    results.append(result)
                    tell(Done(result))
                    if fail_fast and result.status == "violated":
                        return
                if judge.interrupted:
                    raise KeyboardInterrupt


def environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The versions that a verdict depends on, those of the target's own packages among them."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("bn-reference", "numpy", "ml_dtypes", "hypothesis", "torch", *also):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found

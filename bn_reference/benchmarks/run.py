"""A run of the benchmark: what is asked for is checked first, then measured row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.benchmarks.baseline import SCHEMA, Baseline, is_target, read_baseline
from bn_reference.benchmarks.comparison import Change, beside, confirmed, paired
from bn_reference.benchmarks.contestants import COMPILED, STANDARD
from bn_reference.benchmarks.heap import keep_freed_memory, return_freed_memory
from bn_reference.benchmarks.machine import differences, machine
from bn_reference.benchmarks.measure import Failed, NotMeasured, measure
from bn_reference.benchmarks.operations import CACHES, OPERATIONS, Setting
from bn_reference.benchmarks.plan import BASE, default_plan, full_plan, selected
from bn_reference.benchmarks.rows import Row
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.targets import REFERENCE
from bn_reference.targets.protocol import Implementation
from bn_reference.targets.recognition import load_target

__all__ = ["Run", "UnusableChoice", "prepared"]

CPU = "cpu"


class UnusableChoice(Exception):
    """An option has a value that is not known; one sentence says which."""


Task = tuple[str, Setting, "Row | str | None"]


@dataclass
class Run:
    """What is to be measured, and what was.

    Attributes:
        work: each target with a setting, and the row or the implementation that it is compared with.
        seed, seconds, threshold, device: as the user asked.
        notes: what a reader has to know: other machines, settings that a target does not support.
        rows, changes, failures: what came of it; changes only beside a baseline.
    """

    implementations: dict[str, Implementation]
    work: list[Task]
    seed: int
    seconds: float
    threshold: float
    device: str
    notes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.work)

    def carry_out(self, on_row: Callable[[], None]) -> None:
        """Measure row by row; those of one setting after each other, as they share its batch."""
        keep_freed_memory()
        latest = None
        for target, setting, baseline in self.work:
            if setting != latest:
                return_freed_memory()
                latest = setting
            try:
                self._measure(target, setting, baseline)
            except NotMeasured as reason:
                self.notes.append(f"not measured: {target}, {setting}: {reason}")
            except Failed as failure:
                self.failures.append(f"{target} is wrong in {setting}: {failure}")
            on_row()

    def _measure(self, target: str, setting: Setting, baseline: Row | str | None) -> None:
        rival = self.implementations[baseline] if isinstance(baseline, str) else None

        def once() -> Row:
            row = measure(self.implementations[target], setting, rival=rival, seed=self.seed, budget=self.seconds)
            if row.known_deviation:
                self.notes.append(f"known deviation: {target}: {row.known_deviation}")
            return row

        def compared(row: Row) -> Change:
            if isinstance(baseline, Row):
                return beside(row, baseline, self.threshold)
            return paired(row, str(baseline), self.threshold)

        if baseline is None:
            self.rows.append(once())
        else:
            self.changes.append(confirmed(once, compared))
            self.rows.append(self.changes[-1].row)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "environment": machine(self.device),
            "settings": {"seed": self.seed, "seconds": self.seconds, "device": self.device},
            "rows": [entry.to_json() for entry in (self.changes or self.rows)],
            "failures": list(self.failures),
        }


def prepared(
    targets: tuple[str, ...],
    *,
    device: str,
    full: bool,
    compare: str | None,
    threshold: float,
    seconds: float,
    seed: int,
    **selection: Sequence[Any],
) -> Run:
    """The run that was asked for, with every target loaded.

    Raises:
        UnusableChoice: an option has an unknown value.
        UnusableBaseline: the baseline cannot be read or used.
        UnusableTarget: a target cannot be loaded.
    """
    selection["shapes"] = [_shape(text) for text in selection["shapes"]]
    _require_known(selection)
    baseline = None if compare is None or is_target(compare) else read_baseline(compare)
    if baseline is None:
        on_it = tuple(target for target in STANDARD if target != REFERENCE or device == CPU)  # NumPy knows of no other device
        work = _planned(targets, on_it, full, selection, compare)
    else:
        work = [(target, row.setting, row) for target, row in baseline.against(targets)]
    implementations = {target: load_target(target, device) for target in dict.fromkeys(_named(work))}
    run = Run(implementations, work, seed, seconds, threshold, device)
    if baseline is not None:
        run.notes += _cautions(baseline, device)
    return run


def _named(work: list[Task]) -> Iterator[str]:
    """Every target that a run needs."""
    for target, _, baseline in work:
        yield target
        if isinstance(baseline, str):
            yield baseline


def _planned(
    targets: tuple[str, ...], standard: tuple[str, ...], full: bool, selection: dict[str, Sequence[Any]], rival: str | None
) -> list[Task]:
    selects = any(selection.values())
    planned = full_plan if full else default_plan
    settings = selected(**selection) if selects else planned()

    def wanted(target: str, setting: Setting) -> bool:
        # each setting is compiled anew, which takes seconds: of what nobody chose only one shape
        return target != COMPILED or bool(targets) or selects or setting.shape == BASE.shape

    return [(target, setting, rival) for setting in settings for target in targets or standard if wanted(target, setting)]


def _require_known(selection: dict[str, Sequence[Any]]) -> None:
    known = {"operations": OPERATIONS, "dtypes": tuple(DTYPES), "layouts": LAYOUTS, "caches": CACHES}
    for name, choices in known.items():
        for value in selection.get(name, ()):
            if value not in choices:
                raise UnusableChoice(f"--{name[:-1]} is {value!r}, but must be one of: {', '.join(choices)}; choose from those")


def _shape(text: str) -> tuple[int, ...]:
    parts = text.lower().split("x")
    if len(parts) not in (2, 3) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UnusableChoice(f"--shape is {text!r}, but must be NxC or NxCxL of positive numbers; write for example 4096x64")
    return tuple(map(int, parts))


def _cautions(baseline: Baseline, device: str) -> list[str]:
    differ = differences(machine(device), baseline.environment)
    return [f"the baseline is from another place, and may not hold here: {'; '.join(differ)}"] if differ else []

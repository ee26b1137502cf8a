"""One row measured: the implementation is built, timed against a copy, and held to its bound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bn_reference.benchmarks.clocks import clock_of
from bn_reference.benchmarks.operations import Setting
from bn_reference.benchmarks.rows import Row
from bn_reference.benchmarks.sampling import OPERATION, PATIENCE, RIVAL, SERIES, Samples, Series, alternate, yardsticks
from bn_reference.benchmarks.work import Outputs, work_of
from bn_reference.benchmarks.workload import checked_channels, judge, workload
from bn_reference.cases.case import Case
from bn_reference.reports.sentences import say, say_fact
from bn_reference.support.threads import on_threads
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported

__all__ = ["Failed", "NotMeasured", "measure"]


class NotMeasured(Exception):
    """The implementation cannot do what the setting asks for; the sentence says why."""


class Failed(Exception):
    """What was timed is wrong, or raised; the sentence says how."""


def measure(
    implementation: Implementation,
    setting: Setting,
    *,
    rival: Implementation | None = None,
    seed: int = 0,
    budget: float = 0.3,
) -> Row:
    """Time one implementation in one setting.

    Args:
        implementation: as ``load_target`` gives it.
        setting: what to do.
        rival: another one that is timed in the same turns.
        seed: of the batch.
        budget: seconds that the timing takes, about; it has a least number of rounds.

    Raises:
        NotMeasured: the implementation does not support it, or the machine cannot compile it.
        Failed: the output is out of its bound, or the implementation raised.
    """
    case = workload(setting.shape, setting.dtype, setting.layout, seed)
    series: list[Series] = []
    (least, most), began = SERIES, time.perf_counter()
    with on_threads(setting.threads):
        while len(series) < least or (len(series) < most and time.perf_counter() - began < PATIENCE * budget):
            one, outputs = _series(implementation, rival, case, setting, budget / most)
            series.append(one)
    verdict, known = judge(implementation.name, case, setting.operation, outputs)
    if not verdict.holds:
        raise Failed(say(verdict))
    return Row(implementation.name, implementation.device, setting, Samples(tuple(series)), verdict.ratio or 0.0, known)


def _series(
    implementation: Implementation, rival: Implementation | None, case: Case, setting: Setting, budget: float
) -> tuple[Series, Outputs]:
    """One series, on arrays that nothing holds once it is over, and what the operation gave for the channels to check."""
    others = yardsticks(setting, implementation.device)
    with _blaming_the_target():
        work = work_of(implementation, case, setting.operation)
        actions = {OPERATION: work.run, **others}
        if rival is not None:
            actions[RIVAL] = work_of(rival, case, setting.operation).run
        one = alternate(actions, clock_of(implementation.device), setting.cache, budget)
        given = work.outputs(checked_channels(case))
    return one, {name: np.array(values) for name, values in given.items()}  # copies, as a view holds on to the whole


@contextmanager
def _blaming_the_target() -> Iterator[None]:
    """Whatever is raised comes from the implementation, or from what its outputs are."""
    try:
        yield
    except Unsupported as unsupported:
        raise NotMeasured(str(unsupported)) from None
    except Misbehaviour as misbehaviour:
        raise Failed(say_fact(misbehaviour.fact)) from None
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise NotMeasured(f"it cannot be compiled here ({said[:200]})") from None
        raise Failed(f"it raised {said}") from None

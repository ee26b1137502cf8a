"""Which steps of one layer came before what was seen to be wrong: a rule may take several, of several batches."""

from __future__ import annotations

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.steps import Steps, Taken
from bn_reference.oracle.compare import Comparison
from bn_reference.reproduction.assertion import Evidence
from bn_reference.reproduction.replay import Replay
from bn_reference.targets.trace import Call

__all__ = ["steps_before"]

STATE = ("state", "held_state")


def steps_before(replay: Replay, evidence: Evidence, comparison: Comparison, case: Case | None) -> Steps | None:
    """The steps of the layer that gave what the evidence speaks of, since it is in the case.

    None where there is one alone, or where what was seen came out after others as well: outputs are found by their value.

    Args:
        replay: all calls.
        evidence: the first of its outputs is what was wrong.
        comparison: what did not hold.
        case: whose batch is called x.
    """
    if case is None or not (evidence.outputs or evidence.call):
        return None
    if not evidence.outputs:
        return None if evidence.call is None else _until(replay, evidence.call, case)
    shown = evidence.outputs[0]
    alike = [output for output in replay.of_kind(shown.kind) if _alike(output.seen, shown.seen, comparison.index)]
    found = {_until(replay, output.call, case) for output in alike}
    return found.pop() if len(found) == 1 else None


def _alike(one: object, other: object, index: tuple[int, ...] | None) -> bool:
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return type(one) is type(other) and one == other
    if index is None or one.shape != other.shape or len(index) != one.ndim:
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    return bool(one[index].tobytes() == other[index].tobytes())


def _until(replay: Replay, call: Call, case: Case) -> Steps | None:
    """Those of the layer that was asked, or whose step was; None where there is one alone."""
    number = call.made if call.method == "forward" else call.on
    of_a_state = call.method in STATE
    layer = replay.layers.get(number) if of_a_state else replay.steps[number].layer if number in replay.steps else None
    if layer is None:
        return None
    calls = list(replay.lines)
    calls = calls[: calls.index(call) + 1]
    if case.circumstances:  # what came before is told as these
        settled = [n for n, each in enumerate(calls) if each.method == "settle" and replay.layers.get(each.on) is layer]
        calls = calls[settled[0] + 1 :] if settled else calls
    steps = [each for each in calls if each.made in replay.steps and replay.steps[each.made].layer is layer]
    if len(steps) < 2:
        return None
    at = None if of_a_state else next((n for n, each in enumerate(steps, 1) if each.made == number), None)
    if at is None and not of_a_state:
        return None
    return Steps(tuple(Taken(each.options["training"], *_batch(each.arguments[0].view(), case)) for each in steps), at)


def _batch(x: Array, case: Case) -> tuple[bool, tuple[int, ...]]:
    """Whether it is the case's own, and its shape."""
    return x.shape == case.x.shape and np.array_equal(x, case.x, equal_nan=x.dtype.kind == "f"), x.shape

"""Assertions for facts: what is so or not, and is no matter of rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.reports.sentences import say_fact
from bn_reference.reproduction.replay import Output, Part, Replay
from bn_reference.targets.trace import Call, Forward

__all__ = ["Evidence", "evidence_of_fact"]

OF_STEPS = {Kind.WRITTEN: "untouched", Kind.DEVICE: "device", Kind.ATTACHED: "detached"}  # in words of the framework


@dataclass(frozen=True)
class Evidence:
    """An assertion, as lines of code, and what it is about.

    Attributes:
        outputs: what it speaks of, which the script prints.
        call: what else it speaks of: the lines may say ``refused``, which is what the call raised, or None. Where it speaks of
            no output and of no call, all of them are needed.
        attempts: how often all of it is tried.
    """

    lines: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    call: Call | None = None
    attempts: int = 1


def evidence_of_fact(replay: Replay, fact: Fact) -> Evidence | None:
    """The assertion that fails because of the fact; None where it would need more than what came out."""
    return next((evidence for search in (_of_a_call, _of_outputs) for evidence in search(replay, fact)), None)


def _asserted(fact: Fact, *conditions: str) -> tuple[str, ...]:
    return f"message = {say_fact(fact)!r}", *(f"assert {condition}, message" for condition in conditions)


def _of_a_call(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of the last call of which the fact is told, by itself or by what it did."""
    wrong = [(call, call.wrong) for call in reversed(replay.lines) if call.wrong is not None]
    # an exception may word itself differently the next time
    alike = [call for call, told in wrong if fact.kind is Kind.RAISED and (told.kind, told.what) == (fact.kind, fact.what)]
    for call in [call for call, told in wrong if told == fact] + alike:
        message, *came_out = _asserted(fact, *replay.came_out(call))
        yield Evidence((message, "if refused:", "    raise AssertionError(message) from refused", *came_out), call=call)
    forwards = [call for call in reversed(replay.lines) if isinstance(call, Forward)]
    match fact.kind:
        case Kind.ACCEPTED:
            yield from (Evidence(_asserted(fact, "refused"), call=call) for call in forwards if call.x.shape == fact.found)
        case Kind.NOT_FINITE if forwards:  # the batch of one value a channel may be refused; what it leaves must be finite
            state = tuple(output for output in replay.outputs if output.kind in ("running_mean", "running_var"))
            numbers = f"({', '.join(output.name for output in state)},)"
            finite = f"all(math.isfinite(each) for values in {numbers} for each in map(float, values))"
            yield Evidence(_asserted(fact, finite), state, call=forwards[0])
        case Kind.WRITTEN | Kind.DEVICE | Kind.ATTACHED:
            ended = [step for step, (call, _) in replay.steps.items() if call.wrong is None]
            yield Evidence(_asserted(fact, *(replay.condition(OF_STEPS[fact.kind], step) for step in ended)))
        case Kind.CRASHED | Kind.HUNG:  # the calls alone show it
            yield Evidence()


def _of_outputs(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of the last output that was no such array at all, or of which the fact speaks."""
    numbers, shape = replay.words["numbers"], f"tuple({{output}}.shape) == {fact.wanted}"
    for output in reversed(replay.outputs):
        if isinstance(output.seen, Wrong) and output.seen.fact == fact:
            condition = shape if fact.kind is Kind.SHAPE else numbers
            yield Evidence(_asserted(fact, condition.format(output=output.name)), (output,))
    outputs = replay.of_kind(fact.what)
    if fact.kind is Kind.ONE_SIDED:
        for one, other in product(outputs, outputs):
            if one.seen is None and other.seen is not None:
                yield Evidence(_asserted(fact, f"({one.name} is None) == ({other.name} is None)"), (one, other))
    for output in outputs:
        condition = _broken(fact, output.seen).format(output.name)
        if condition:
            yield Evidence(_asserted(fact, condition), (output,))


def _broken(fact: Fact, seen: Part) -> str:
    """The condition that an output breaks if it is the one that the fact speaks of, and else none."""
    match fact.kind:
        case Kind.FORM if isinstance(seen, np.ndarray) and (seen.shape, seen.dtype.name) == fact.found:
            return f"(tuple({{0}}.shape), str({{0}}.dtype).split('.')[-1]) == {fact.wanted}"
        case Kind.ABSENT | Kind.ONE_SIDED if seen is None:  # one-sided: the other side was what it must be
            return "{0} is not None"
        case Kind.UNWANTED | Kind.ONE_SIDED if seen is not None:
            return "{0} is None"
        case Kind.COUNT if isinstance(seen, int | None) and seen == fact.found:
            return f"({{0}} if {{0}} is None else int({{0}})) == {fact.wanted}"
    return ""

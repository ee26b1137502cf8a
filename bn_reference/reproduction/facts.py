"""What a script asserts of facts: what is so or not, and is no matter of rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product

import numpy as np

from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.reproduction.around import around
from bn_reference.reproduction.assertion import Evidence, so
from bn_reference.reproduction.replay import Output, Replay
from bn_reference.targets.trace import Came

__all__ = ["of_a_fact"]

OF_STEPS = {
    Kind.WRITTEN: "untouched",
    Kind.SHARED: "apart",
    Kind.DEVICE: "device",
    Kind.ATTACHED: "detached",
}  # in words of the framework


def of_a_fact(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of a call, of what stands round it, and of what came out: what may be asserted, the best first."""
    return chain(_of_a_call(replay, fact), around(replay, fact), _of_outputs(replay, fact))


def _of_a_call(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of the last call of which the fact is told, by itself or by what it did."""
    wrong = [(call, call.wrong) for call in reversed(replay.lines) if call.wrong is not None]
    # an exception may word itself differently the next time
    alike = [call for call, told in wrong if fact.kind is Kind.RAISED and (told.kind, told.what) == (fact.kind, fact.what)]
    for call in [call for call, told in wrong if told == fact] + alike:
        message, *came_out = so(fact, *replay.came_out(call))
        yield Evidence(
            (message, "if refused is not None:", "    raise AssertionError(message) from refused", *came_out), call=call
        )
    forwards = [call for call in reversed(replay.lines) if call.method == "forward"]
    state = tuple(output for output in replay.outputs if output.kind in ("running_mean", "running_var"))
    ended = [call.made for call in replay.lines if call.method == "forward" and call.wrong is None]
    match fact.kind:
        case Kind.ACCEPTED:
            yield from (
                Evidence(so(fact, "refused is not None"), call=call)
                for call in forwards
                if call.arguments[0].shape == fact.found
            )
        case Kind.OTHER_NUMBERS:
            yield from (
                Evidence(so(fact, "refused is not None"), call=call)
                for call in forwards
                if call.arguments[0].buffer.dtype == fact.found
            )
        case Kind.NOT_FINITE if state:  # the batch of one value a channel may be refused; what it leaves must be finite
            numbers = f"({', '.join(output.name for output in state)},)"
            finite = f"all(math.isfinite(each) for values in {numbers} for each in map(float, values))"
            yield Evidence(so(fact, finite), state, call=forwards[0])
        case Kind.WRITTEN | Kind.SHARED | Kind.DEVICE | Kind.ATTACHED if ended and OF_STEPS[fact.kind] in replay.words:
            yield Evidence(so(fact, *_conditions(replay, fact, ended)))
        case Kind.CRASHED | Kind.HUNG:  # the calls alone show it
            yield Evidence()


def _conditions(replay: Replay, fact: Fact, steps: list[int]) -> Iterator[str]:
    """What must be so of each step, in words of the framework."""
    name = OF_STEPS[fact.kind]
    if (fact.kind, fact.what) == (Kind.WRITTEN, "grad_y"):
        name, backwards = f"upstream_{name}", {call.on for call in replay.lines if call.method == "backward"}
        steps = [step for step in steps if step in backwards]
    elif fact.kind is Kind.WRITTEN and fact.what != "x":
        name = f"given_{name}"
    return (replay.condition(name, step) for step in steps)


def _of_outputs(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of the last output that was no such array at all, or of which the fact speaks."""
    numbers, shape = replay.words["numbers"], f"tuple({{output}}.shape) == {fact.wanted}"
    for output in reversed(replay.outputs):
        if isinstance(output.seen, Wrong) and output.seen.fact == fact:
            condition = shape if fact.kind is Kind.SHAPE else numbers
            yield Evidence(so(fact, condition.format(output=output.name)), (output,))
    outputs = replay.of_kind(fact.what)
    if fact.kind is Kind.ONE_SIDED:
        for one, other in product(outputs, outputs):
            if one.seen is None and other.seen is not None:
                yield Evidence(so(fact, f"({one.name} is None) == ({other.name} is None)"), (one, other))
    if fact.kind is Kind.NO_VALUE:
        yield from _of_no_value(outputs, fact)
        return
    for output in outputs:
        condition = _broken(fact, output.seen).format(output.name)
        if condition:
            yield Evidence(so(fact, condition), (output,))


def _of_no_value(outputs: Sequence[Output], fact: Fact) -> Iterator[Evidence]:
    """Of the last output that has the number; a forward pass may be refused instead."""
    index, value = fact.found
    for output in outputs:
        if output.element(index) != value:
            continue
        nothing = f"not math.isfinite(float({output.at(index)}))"
        if output.call.method == "forward":
            yield Evidence(so(fact, f"refused is not None or {nothing}"), call=output.call)
        else:
            yield Evidence(so(fact, nothing), (output,))


def _broken(fact: Fact, seen: Came) -> str:
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

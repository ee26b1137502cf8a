"""Assertions for facts: what is so or not, and is no matter of rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bn_reference.cases.code import dtype_code
from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.reports.sentences import say_fact
from bn_reference.reproduction.replay import STATISTICS, Output, Replay
from bn_reference.targets.trace import Call, Forward

__all__ = ["Evidence", "evidence_of_fact"]


@dataclass(frozen=True)
class Evidence:
    """An assertion, as lines of code, and what it is about.

    Attributes:
        outputs: what it speaks of, which the script prints.
        failing: the call that must succeed, and does not.
        refusing: the call that must raise, and does not.
        until: the last call that is needed, where it is neither of these nor one of the outputs'.
        attempts: how often all of it is tried.
    """

    lines: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    failing: Call | None = None
    refusing: Call | None = None
    until: Call | None = None
    attempts: int = 1


def evidence_of_fact(replay: Replay, fact: Fact) -> Evidence | None:
    """The assertion that fails because of the fact; None where it would need more than what came out."""
    failing = _call_that_went_wrong(replay, fact)
    if failing is not None:
        return Evidence(failing=failing)
    for output in reversed(replay.outputs):
        if isinstance(output.seen, Wrong) and output.seen.fact == fact:
            if fact.kind is Kind.SHAPE:
                return _asserted(fact, f"tuple({output.name}.shape) == {fact.wanted}", output)
            return _asserted(fact, replay.conditions["numbers"].format(output=output.name), output)
    return next(_BY_KIND[fact.kind](replay, fact), None) if fact.kind in _BY_KIND else None


def _call_that_went_wrong(replay: Replay, fact: Fact) -> Call | None:
    """The last call of which the fact is told; an exception may word itself differently the next time."""
    wrong = [call for call in reversed(replay.calls) if call.wrong is not None and call in replay.lines]
    same = [call for call in wrong if call.wrong == fact]
    alike = [
        c for c in wrong if c.wrong and fact.kind is Kind.RAISED and (c.wrong.kind, c.wrong.what) == (fact.kind, fact.what)
    ]
    return next(iter(same + alike), None)


def _asserted(fact: Fact, condition: str, *outputs: Output, refusing: Call | None = None) -> Evidence:
    return Evidence((f"message = {say_fact(fact)!r}", f"assert {condition}, message"), outputs, refusing=refusing)


def _form(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    library: Any = "torch" if "torch" in replay.setting else "numpy"
    for output in replay.of_kind(fact.what):
        seen = output.seen
        if isinstance(seen, np.ndarray) and (seen.shape, seen.dtype.name) == fact.found:
            form = f"({fact.wanted[0]}, {dtype_code(fact.wanted[1], library)})"
            yield _asserted(fact, f"(tuple({output.name}.shape), {output.name}.dtype) == {form}", output)


def _absent(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    for output in replay.of_kind(fact.what):
        if output.seen is None:
            yield _asserted(fact, f"{output.name} is not None", output)


def _unwanted(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    for output in replay.of_kind(fact.what):
        if output.seen is not None:
            yield _asserted(fact, f"{output.name} is None", output)


def _one_sided(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    outputs = replay.of_kind(fact.what)
    for one in (output for output in outputs if output.seen is None):
        for other in (output for output in outputs if output.seen is not None):
            yield _asserted(fact, f"({one.name} is None) == ({other.name} is None)", one, other)
    for output in outputs:  # the other side was what it must be
        yield _asserted(fact, f"{output.name} is {'not None' if output.seen is None else 'None'}", output)


def _count(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    for output in replay.of_kind(fact.what):
        if output.seen == fact.found:
            count = f"{output.name} if {output.name} is None else int({output.name})"
            yield _asserted(fact, f"({count}) == {fact.wanted}", output)


def _accepted(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    for call in replay.calls:
        if isinstance(call, Forward) and call in replay.lines and call.x is not None and call.x.shape == fact.found:
            yield _asserted(fact, "refused", refusing=call)


def _not_finite(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """The batch of one value a channel may be refused; what it leaves must be finite."""
    state = [output for output in replay.outputs if output.kind in STATISTICS[:2]]
    forwards = [call for call in replay.calls if isinstance(call, Forward) and call in replay.lines]
    if state and forwards:
        finite = "all(math.isfinite(each) for values in ({},) for each in map(float, values))"
        yield _asserted(fact, finite.format(", ".join(output.name for output in state)), *state, refusing=forwards[-1])


def _of_steps(condition: str) -> Callable[[Replay, Fact], Iterator[Evidence]]:
    """A condition on every step that came to an end."""

    def evidence(replay: Replay, fact: Fact) -> Iterator[Evidence]:
        conditions = [replay.condition(condition, number) for number, (call, _) in replay.steps.items() if call.wrong is None]
        if conditions:
            lines = (f"message = {say_fact(fact)!r}", *(f"assert {each}, message" for each in conditions))
            yield Evidence(lines, until=replay.calls[-1])

    return evidence


_BY_KIND: dict[Kind, Callable[[Replay, Fact], Iterator[Evidence]]] = {
    Kind.FORM: _form,
    Kind.ABSENT: _absent,
    Kind.UNWANTED: _unwanted,
    Kind.ONE_SIDED: _one_sided,
    Kind.COUNT: _count,
    Kind.ACCEPTED: _accepted,
    Kind.NOT_FINITE: _not_finite,
    Kind.WRITTEN: _of_steps("untouched"),
    Kind.DEVICE: _of_steps("device"),
    Kind.ATTACHED: _of_steps("detached"),
    # the calls alone show it
    Kind.CRASHED: lambda replay, fact: iter([Evidence(until=replay.calls[-1])]),
    Kind.HUNG: lambda replay, fact: iter([Evidence(until=replay.calls[-1])]),
}

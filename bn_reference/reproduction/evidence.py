"""What a script asserts: the violated comparison, said again in terms of what came out of the calls.

Numbers are found among the outputs by value: a relation is asserted between the outputs that it relates, and anything else
against the number that was expected at the worst element.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from bn_reference.cases.layouts import place_in_batch
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison
from bn_reference.reports.sentences import element
from bn_reference.reproduction.facts import Evidence, evidence_of_fact
from bn_reference.reproduction.replay import Output, Replay
from bn_reference.targets.trace import Backward, Call

__all__ = ["Evidence", "evidence_of"]

BETWEEN_OUTPUTS = {  # two outputs that must be equal, bit for bit
    Aspect.MIRRORED,
    Aspect.REPEATED,
    Aspect.AGAIN,
    Aspect.OF_ANOTHER_LAYER,
    Aspect.OF_ONE_ROW_ALONE,
    Aspect.IN_REVERSED_ORDER,
    Aspect.OF_FEWER_ROWS,
    Aspect.AFTER_BACKWARD,
    Aspect.AS_HELD,
    Aspect.BESIDE_ANOTHER_CHANNEL,
}
BY_CHANCE = (Aspect.REPEATED, Aspect.AGAIN, Aspect.OF_ANOTHER_LAYER)
ATTEMPTS = 20  # of what may be equal by chance
BIT_FOR_BIT = BETWEEN_OUTPUTS | {Aspect.AS_LOADED, Aspect.AS_CONSTRUCTED, Aspect.AFTER_EVALUATION}
SUMS = {  # over a channel's numbers, whose mean is at hand
    Aspect.MEAN: "mean",
    Aspect.VARIANCE: "sum((each - mean) ** 2 for each in numbers) / len(numbers)",
    Aspect.SUM: "sum(numbers)",
    Aspect.SUM_WITH_X_HAT: "sum(each * x_hat for each, x_hat in zip(numbers, x_hats))",
}


def evidence_of(replay: Replay, comparison: Comparison) -> Evidence | None:
    """The assertion that fails as the comparison did; None where it cannot be said with what came out."""
    if comparison.fact is not None:
        return evidence_of_fact(replay, comparison.fact)
    if comparison.index is None:
        return None
    if comparison.aspect in SUMS:
        return _sum(replay, comparison)
    if comparison.aspect in (Aspect.SHIFTED, Aspect.SCALED):
        return _difference(replay, comparison)
    related = _related(replay, comparison) if comparison.aspect in BETWEEN_OUTPUTS else None
    return related or _value(replay, comparison)


def _equal(one: float | None, other: float) -> bool:
    return one is not None and (one == other or (math.isnan(one) and math.isnan(other)))


def _at(output: Output, index: tuple[int, ...]) -> str:
    return f"{output.name}[{', '.join(map(str, index))}]"


def _code(number: float) -> str:
    return repr(number) if math.isfinite(number) else f"float({str(number)!r})"


def _value(replay: Replay, comparison: Comparison) -> Evidence | None:
    """An output against the number that was expected."""
    index, signs = comparison.index or (), (1.0, -1.0) if comparison.aspect is Aspect.MIRRORED else (1.0,)
    outputs = replay.of_kind(comparison.what)
    found = [(o, sign) for sign in signs for o in outputs if _equal(o.element(index), sign * comparison.actual)]
    for output, sign in (*found, *((o, 1.0) for o in outputs if o.element(index) is not None)):
        actual = f"actual = {'-' if sign < 0 else ''}float({_at(output, index)})"
        return Evidence((actual, *_within(_at(output, index), comparison)), (output,))
    return None


def _related(replay: Replay, comparison: Comparison) -> Evidence | None:
    """Two outputs that had to be equal; of a layer without parameters a mirrored one has the other sign."""
    index, outputs = comparison.index or (), replay.of_kind(comparison.what)
    chance = comparison.aspect in BY_CHANCE  # the trace is of another run, which gave other numbers
    signs = ("", "-") if comparison.aspect is Aspect.MIRRORED else ("",)
    pairs = [(sign, one, other) for sign in signs for one in outputs for other in outputs if other is not one]
    for by_value, (sign, one, other) in ((by_value, pair) for by_value in (True, False)[: 1 + chance] for pair in pairs):
        place = _counterpart(other, index, comparison.aspect)
        actual, expected = one.element(index), other.element(place)
        if by_value:
            fits = _equal(actual, -comparison.actual if sign else comparison.actual) and _equal(expected, comparison.expected)
        else:
            again = comparison.aspect is Aspect.AGAIN
            fits = None not in (actual, expected) and (not again or _step_of(one) == _step_of(other))
        if fits:
            here, there = _at(one, index), _at(other, place)
            lines = (
                f"actual, expected = {sign}float({here}), float({there})",
                "same = actual == expected or (math.isnan(actual) and math.isnan(expected))",
                f'message = f"{sign}{here} is {{actual!r}}, but {there} is {{expected!r}}; they must be equal, bit for bit"',
                "assert same, message",
            )
            return Evidence(lines, (one, other), attempts=ATTEMPTS if chance else 1)
    return None


def _step_of(output: Output) -> int | None:
    return output.call.step if isinstance(output.call, Backward) else None


def _counterpart(other: Output, index: tuple[int, ...], aspect: Aspect) -> tuple[int, ...]:
    """Where the element stands in the output that it must be equal to."""
    rows = getattr(other.seen, "shape", (0,))[0]
    if aspect is Aspect.OF_ONE_ROW_ALONE:
        return (rows - 1, *index[1:])
    return (rows - 1 - index[0], *index[1:]) if aspect is Aspect.IN_REVERSED_ORDER else index


def _difference(replay: Replay, comparison: Comparison) -> Evidence | None:
    """The difference of two outputs of one shape, which is compared row by row."""
    outputs = replay.of_kind(comparison.what)
    for one, other in ((a, b) for a in outputs for b in outputs if a is not b):
        shape, index = getattr(one.seen, "shape", ()), comparison.index or ()
        place = place_in_batch(*index, shape) if len(index) == 2 and len(shape) == 3 else index
        a, b = one.element(place), other.element(place)
        if a is not None and b is not None and _equal(a - b, comparison.actual):
            here, there = _at(one, place), _at(other, place)
            actual = f"actual = float({here}) - float({there})"
            return Evidence((actual, *_within(f"{here} - {there}", comparison)), (one, other))
    return None


def _sum(replay: Replay, comparison: Comparison) -> Evidence | None:
    """Mean, variance or sum of a channel, to a hundred digits; of what is not finite as floats give it."""
    (channel,) = comparison.index or (0,)
    number = "Decimal" if math.isfinite(comparison.actual) else "float"
    for output in replay.of_kind(comparison.what):
        if len(getattr(output.seen, "shape", ())) < 2:
            continue
        lines = ["getcontext().prec = 100"] if number == "Decimal" else []
        if comparison.aspect is Aspect.SUM_WITH_X_HAT:
            lines += _x_hats(replay, output.call, channel, number)
        lines += [
            f"numbers = [{number}(float(each)) for each in {output.name}[:, {channel}].flatten().tolist()]",
            "mean = sum(numbers) / len(numbers)",
            f"actual = float({SUMS[comparison.aspect]})",
        ]
        return Evidence((*lines, *_within(element(comparison), comparison)), (output,))
    return None


def _x_hats(replay: Replay, call: Call, channel: int, number: str) -> list[str]:
    """What the channel is when it is normalized, from the input of the step that a backward pass went through."""
    assert isinstance(call, Backward)
    case = replay.layers[replay.steps[call.step][0].session][0].case
    assert case is not None
    return [
        f"xs = [{number}(float(each)) for each in {replay.condition('x', call.step)}[:, {channel}].flatten().tolist()]",
        "mean = sum(xs) / len(xs)",
        f"variance = sum((each - mean) ** 2 for each in xs) / len(xs) + {number}({case.eps!r})",
        f'x_hats = [(each - mean) / variance ** {number}("0.5") for each in xs]',
    ]


def _within(where: str, comparison: Comparison) -> Iterable[str]:
    expected = comparison.expected
    if comparison.aspect in BIT_FOR_BIT:
        yield f"expected = {_code(expected)}  # bit for bit"
        yield f'message = f"{where} is {{actual!r}} and must be {{expected!r}}, bit for bit"'
        yield "assert actual == expected or (math.isnan(actual) and math.isnan(expected)), message"
    elif not math.isfinite(expected):
        reached = "though a NaN or an infinity of the input reaches it"
        yield f'assert not math.isfinite(actual), f"{where} is {{actual!r}}, {reached}"'
    else:
        yield f"expected = {expected!r}  # the specification, evaluated in at least twice the digits"
        yield f"bound = {_code(comparison.bound)}  # how far an honest computation may be off: running error analysis"
        yield "error = abs(actual - expected)"
        said = "{actual!r}, expected {expected!r} within {bound:.3g}; the error is {error:.3g}"
        yield f'message = f"{where} is {said}"'
        yield "assert error <= bound, message"

"""What a script asserts: the violated comparison, said again in terms of what came out of the calls.

Numbers are found among the outputs by value: a relation is asserted between the outputs that it relates, and anything else
against the number that was expected at the worst element.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from bn_reference.cases.layouts import place_in_batch
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison
from bn_reference.reports.sentences import element
from bn_reference.reproduction.assertion import Evidence
from bn_reference.reproduction.facts import of_a_fact
from bn_reference.reproduction.replay import Index, Output, Replay

__all__ = ["evidence_of"]

BY_CHANCE = {Aspect.REPEATED, Aspect.AGAIN, Aspect.OF_ANOTHER_LAYER}
ATTEMPTS = 20  # of what may be equal by chance
OF_TWO_STEPS = BY_CHANCE | {Aspect.MIRRORED, Aspect.BESIDE_ANOTHER_CHANNEL}  # whichever two of their outputs are taken
BETWEEN_OUTPUTS = OF_TWO_STEPS | {  # two outputs that must be equal, bit for bit
    Aspect.OF_ONE_ROW_ALONE,
    Aspect.IN_REVERSED_ORDER,
    Aspect.OF_FEWER_ROWS,
    Aspect.AFTER_BACKWARD,
    Aspect.AS_HELD,
    Aspect.LOOKED_AT_AGAIN,
    Aspect.OF_THE_COPY,
}
DIFFERENCES = {Aspect.SHIFTED, Aspect.SCALED}  # of two outputs
SUMS = {  # over a channel's numbers, whose mean is at hand
    Aspect.MEAN: "mean",
    Aspect.VARIANCE: "sum((each - mean) ** 2 for each in numbers) / len(numbers)",
    Aspect.SUM: "sum(numbers)",
    Aspect.SUM_WITH_X_HAT: "sum(each * x_hat for each, x_hat in zip(numbers, x_hats))",
}


def evidence_of(replay: Replay, comparison: Comparison) -> Evidence | None:
    """The assertion that fails as the comparison did; None where it cannot be said with what came out."""
    if comparison.fact is not None:
        return next(of_a_fact(replay, comparison.fact), None)
    if comparison.index is None:
        return None
    search = _sum if comparison.aspect in SUMS else _number
    return next(search(replay, replay.of_kind(comparison.what), comparison, comparison.index), None)


# numbers


def _equal(one: float | None, other: float) -> bool:
    return one is not None and (one == other or (math.isnan(one) and math.isnan(other)))


def _code(number: float) -> str:
    return repr(number) if math.isfinite(number) else f"float({str(number)!r})"


def _asserted(comparison: Comparison, where: str, actual: str, *outputs: Output, like: str = "") -> Evidence:
    """That the number is as was expected, or as another output has it."""
    lines = [f"actual = {actual}"]
    if comparison.bound == 0.0 and (like or math.isfinite(comparison.expected)):
        lines += [
            f"expected = {f'float({like})' if like else _code(comparison.expected)}  # bit for bit",
            f'message = f"{where} is {{actual!r}} and must be {{expected!r}}{", as " * bool(like)}{like}, bit for bit"',
            "assert actual == expected or (math.isnan(actual) and math.isnan(expected)), message",
        ]
    elif not math.isfinite(comparison.expected):
        reached = "though a NaN or an infinity of the input reaches it"
        lines.append(f'assert not math.isfinite(actual), f"{where} is {{actual!r}}, {reached}"')
    else:
        said = "{actual!r}, expected {expected!r} within {bound:.3g}; the error is {error:.3g}"
        lines += [
            f"expected = {comparison.expected!r}  # the specification, evaluated in at least twice the digits",
            f"bound = {_code(comparison.bound)}  # how far an honest computation may be off: running error analysis",
            "error = abs(actual - expected)",
            f'message = f"{where} is {said}"',
            "assert error <= bound, message",
        ]
    return Evidence(tuple(lines), outputs, attempts=ATTEMPTS if like and comparison.aspect in BY_CHANCE else 1)


def _number(replay: Replay, outputs: list[Output], comparison: Comparison, index: Index) -> Iterator[Evidence]:
    """Numbers of two outputs that had to be equal, or their difference; or else one number that was expected.

    Outputs are found by value, but where the trace, which is of another run than the comparison, has other numbers.
    """
    aspect, by_chance = comparison.aspect, []
    sign = "-" if aspect is Aspect.MIRRORED and not next(iter(replay.layers.values())).case.affine else ""
    for one, other in permutations(outputs, 2):
        place, counterpart = _places(aspect, index, one, other)
        a, b, here, there = one.element(place), other.element(counterpart), one.at(place), other.at(counterpart)
        if a is None or b is None:
            continue
        if aspect in DIFFERENCES and _equal(a - b, comparison.actual):
            yield _asserted(comparison, f"{here} - {there}", f"float({here}) - float({there})", one, other)
        if aspect in BETWEEN_OUTPUTS:
            related = _asserted(comparison, f"{sign}{here}", f"{sign}float({here})", one, other, like=there)
            if _equal(-a if sign else a, comparison.actual) and _equal(b, comparison.expected):
                yield related
            if aspect in OF_TWO_STEPS and (aspect is not Aspect.AGAIN or _step_of(one) == _step_of(other)):
                by_chance.append(replace(related, attempts=ATTEMPTS))
    yield from by_chance
    if aspect not in DIFFERENCES:
        numbers = [(output, output.element(index)) for output in outputs]
        for output, _ in sorted(numbers, key=lambda found: not _equal(found[1], comparison.actual)):
            if output.element(index) is not None:
                yield _asserted(comparison, output.at(index), f"float({output.at(index)})", output)


def _places(aspect: Aspect, index: Index, one: Output, other: Output) -> tuple[Index, Index]:
    """Where the element stands in an output, and where in the one that it is held against."""
    rows, shape = getattr(other.seen, "shape", (0,))[0], getattr(one.seen, "shape", ())
    match aspect:
        case Aspect.OF_ONE_ROW_ALONE:
            return index, (rows - 1, *index[1:])
        case Aspect.IN_REVERSED_ORDER:
            return index, (rows - 1 - index[0], *index[1:])
        case Aspect.SHIFTED | Aspect.SCALED if len(index) == 2 and len(shape) == 3:  # compared row by row
            return (place_in_batch(*index, shape),) * 2
    return index, index


def _step_of(output: Output) -> int | None:
    return output.call.on if output.call.method == "backward" else None


def _sum(replay: Replay, outputs: list[Output], comparison: Comparison, index: Index) -> Iterator[Evidence]:
    """Mean, variance or sum of a channel, to a hundred digits; of what is not finite as floats give it."""
    number = "Decimal" if math.isfinite(comparison.actual) else "float"
    listed = f"{{}} = [{number}(float(each)) for each in {{}}[:, {index[0]}].flatten().tolist()]"
    made = ["from decimal import Decimal, getcontext", "getcontext().prec = 100"] if number == "Decimal" else []
    for output in outputs:
        call = output.call
        if comparison.aspect is Aspect.SUM_WITH_X_HAT and call.method == "backward":
            made += [  # the channel normalized, from the input of the step that the backward pass went through
                listed.format("xs", replay.steps[call.on].names["values"]),
                "mean = sum(xs) / len(xs)",
                f"variance = sum((x - mean) ** 2 for x in xs) / len(xs) + {number}({replay.steps[call.on].layer.case.eps!r})",
                f'x_hats = [(x - mean) / variance ** {number}("0.5") for x in xs]',
            ]
        if isinstance(output.seen, np.ndarray) and output.seen.ndim > 1:
            made += [listed.format("numbers", output.name), "mean = sum(numbers) / len(numbers)"]
            evidence = _asserted(comparison, element(comparison), f"float({SUMS[comparison.aspect]})", output)
            yield replace(evidence, lines=(*made, *evidence.lines))

"""What a script asserts: the violated comparison, said again in terms of what came out of the calls.

Where the compared quantity is an output, or a simple function of outputs, the assertion is the comparison itself on the worst
element; else there is none, and the outputs are shown.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from bn_reference.cases.case import Array
from bn_reference.oracle.compare import Comparison
from bn_reference.reproduction.facts import Found, facts
from bn_reference.reproduction.replay import KINDS, Output, Replay
from bn_reference.targets.trace import Call, Load, Open, Read

__all__ = ["Evidence", "evidence_of", "spoken_of"]

NAMED = re.compile(rf"({'|'.join(KINDS)})\b(?!\()")
SUMMARY = re.compile(r"(mean|variance|sum) of (y|grad_x)$")
SUMMARIES = {"mean": "statistics.mean", "variance": "statistics.pvariance", "sum": "sum"}


@dataclass(frozen=True)
class Evidence:
    """An assertion, as lines of code, and what it is about.

    Attributes:
        outputs: names of what it speaks of, which the script prints.
        calls: the calls that it needs: all until the last one that it speaks of, less reads of the state that it does not.
    """

    lines: tuple[str, ...]
    outputs: tuple[str, ...]
    calls: tuple[Call, ...]


def evidence_of(replay: Replay, comparison: Comparison) -> Evidence | None:
    """The assertion that fails as the comparison did; None where it cannot be said with what came out."""
    if comparison.sentence:
        for lines, used in facts(replay, comparison):
            return _evidence(replay, lines, *used)
    if comparison.index is None:
        return None
    for lines, used in (*_same_bits(replay, comparison), *_value(replay, comparison), *_summary(replay, comparison)):
        return _evidence(replay, lines, *used)
    for lines, used in _difference(replay, comparison):
        return _evidence(replay, lines, *used)
    return None


def spoken_of(comparison: Comparison) -> set[str]:
    """The kinds of outputs that a comparison is about: all where it names none."""
    said = f"{comparison.what} {comparison.sentence}".replace("running statistic", "running_mean running_var")
    return {kind for kind in KINDS if re.search(rf"\b{kind}\b", said)} or set(KINDS)


def _evidence(replay: Replay, lines: list[str], *outputs: Output) -> Evidence:
    numbers = {output.call for output in outputs}
    calls = [call for n, call in enumerate(replay.trace[: max(numbers) + 1]) if n in numbers or not isinstance(call, Read)]
    return Evidence(tuple(lines), tuple(dict.fromkeys(output.name for output in outputs)), tuple(calls))


def _element(array: Array | None, index: tuple[int, ...]) -> float | None:
    fits = array is not None and array.ndim == len(index) and all(i < n for i, n in zip(index, array.shape, strict=True))
    return float(array[index]) if fits and array is not None else None


def _equal(one: float | None, other: float) -> bool:
    return one is not None and (one == other or (math.isnan(one) and math.isnan(other)))


def _at(output: Output, index: tuple[int, ...]) -> str:
    return f"{output.name}[{', '.join(map(str, index))}]"


def _number(replay: Replay, element: str) -> str:
    return f"{element}.item()" if replay.framework == "torch" else f"float({element})"


def _kind_of(comparison: Comparison) -> str:
    named = NAMED.match(comparison.what)
    return named.group(1) if named and " - " not in comparison.what else ""


# numbers


def _same_bits(replay: Replay, comparison: Comparison) -> Found:
    """Two outputs that had to be equal."""
    kind, index = _kind_of(comparison), comparison.index or ()
    if comparison.bound != 0.0 or not kind or _is_given(replay, kind, index, comparison.expected):
        return
    outputs = replay.of_kind(kind)
    for one in outputs:
        if not _equal(_element(one.array, index), comparison.actual):
            continue
        for other in outputs:
            place = _place_of(other.array, index, comparison.expected)
            if other is not one and place is not None:
                here, there = _at(one, index), _at(other, place)
                yield (
                    [
                        f"actual, expected = {_number(replay, here)}, {_number(replay, there)}",
                        "same = actual == expected or (math.isnan(actual) and math.isnan(expected))",
                        f'said = f"{here} is {{actual!r}}, but {there} is {{expected!r}}; they must be equal, bit for bit"',
                        "assert same, said",
                    ],
                    (one, other),
                )


def _is_given(replay: Replay, kind: str, index: tuple[int, ...], value: float) -> bool:
    """Whether the value is that of an input, which the output had to keep."""
    for call in replay.trace:
        source = call.case if isinstance(call, Open) else None
        given = [getattr(source, kind, None)] if kind not in ("y", "grad_x") else []
        if isinstance(call, Load) and call.state is not None:
            given.append({"running_mean": call.state.mean, "running_var": call.state.var}.get(kind))
        if any(_equal(_element(array, index), value) for array in given):
            return True
    return False


def _place_of(array: Array | None, index: tuple[int, ...], value: float) -> tuple[int, ...] | None:
    """Where the value stands: at the index, or elsewhere in the same channel."""
    if _equal(_element(array, index), value):
        return index
    if array is None or array.ndim != len(index) or array.ndim < 2:
        return None
    places = [tuple(map(int, place)) for place in np.argwhere(array.astype(np.float64) == value)]
    return next((place for place in places if place[1] == index[1]), None)


def _value(replay: Replay, comparison: Comparison) -> Found:
    """An output against the number that the oracle expects."""
    kind, index = _kind_of(comparison), comparison.index or ()
    for output in replay.of_kind(kind) if kind else ():
        if _equal(_element(output.array, index), comparison.actual):
            yield [f"actual = {_number(replay, _at(output, index))}", *_within(_at(output, index), comparison)], (output,)


def _summary(replay: Replay, comparison: Comparison) -> Found:
    """Mean, variance or sum of a channel, computed exactly."""
    named, index = SUMMARY.match(comparison.what), comparison.index or ()
    if named is None or len(index) != 1:
        return
    for output in reversed(replay.of_kind(named.group(2))):
        if output.array is not None and output.array.ndim > 1 and index[0] < output.array.shape[1]:
            channel = f"{output.name}[:, {index[0]}]"
            numbers = f"[Fraction(float(number)) for number in {channel}.flatten().tolist()]  # exact"
            what = f"the {named.group(1)} of {channel}"
            lines = [f"numbers = {numbers}", f"actual = float({SUMMARIES[named.group(1)]}(numbers))"]
            yield [*lines, *_within(what, comparison)], (output,)


def _difference(replay: Replay, comparison: Comparison) -> Found:
    """The difference of two outputs of one shape."""
    outputs = replay.of_kind("y") if comparison.what.startswith("y(") and " - " in comparison.what else []
    for one in reversed(outputs):
        for other in outputs:
            for place in _places(one.array, comparison.index or ()):
                a, b = _element(one.array, place), _element(other.array, place)
                if one is not other and a is not None and b is not None and _equal(a - b, comparison.actual):
                    here, there = _at(one, place), _at(other, place)
                    actual = f"actual = {_number(replay, here)} - {_number(replay, there)}"
                    yield [actual, *_within(f"{here} - {there}", comparison)], (one, other)


def _places(array: Array | None, index: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Where the index may stand: row n L + l is (n, :, l) in three dimensions, and its channel is among those chosen."""
    if array is None or array.ndim not in (2, 3) or len(index) < 2:
        return []
    length = array.shape[2] if array.ndim == 3 else 1
    row = index if len(index) == array.ndim else (index[0] // length, index[1], index[0] % length)
    return [(row[0], channel, *row[2 : array.ndim]) for channel in range(index[1], array.shape[1])]


def _within(what: str, comparison: Comparison) -> list[str]:
    if math.isinf(comparison.expected) or math.isnan(comparison.expected):
        said = "though a NaN or an infinity of the input reaches it"
        return [f'assert not math.isfinite(actual), f"{what} is {{actual!r}}, {said}"']
    if comparison.bound == 0.0:
        return [
            f"expected = {comparison.expected!r}  # bit for bit",
            f'assert actual == expected, f"{what} is {{actual!r}} and must be {{expected!r}}, bit for bit"',
        ]
    return [
        f"expected = {comparison.expected!r}  # the specification, evaluated in at least twice the digits",
        f"bound = {comparison.bound!r}  # how far an honest computation may be off: running error analysis (Higham 2002)",
        "error = abs(actual - expected)",
        f'message = f"{what} is {{actual!r}}, expected {{expected!r}} within {{bound:.3g}}; the error is {{error:.3g}}"',
        "assert error <= bound, message",
    ]

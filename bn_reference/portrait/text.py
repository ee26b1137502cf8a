"""A portrait as text, alone or beside another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, zip_longest

from bn_reference.portrait.computes import TOPICS
from bn_reference.portrait.portrait import Portrait, Statement
from bn_reference.portrait.settings import Elsewhere

__all__ = ["PROBES", "beside", "lines"]

CANNOT = "cannot be told"
WIDTH = 27  # of the first column
TREE = 100  # characters of a tree in a line

PROBES = {
    "masks": "large numbers of both signs absorb the ones that meet them before each other; seen in running_mean, 64 rows",
    "exact sums": "no mask, wherever it stands, absorbs a unit; and random numbers that cancel lose nothing",
    "random sums": "running_mean is, to the bit, what random numbers that cancel sum up to in this order and format",
    "formula": "running_var is, to the bit, what this formula gives for means near zero and far from it, and no other does",
    "root": "y in eval where x and weight are 1, mean and bias 0, against roots that are rounded correctly, 2,048 variances",
    "evaluation": "y in eval is, to the bit, what ways of this kind give on random numbers, and no others",
    "training": "y in training is, to the bit, what ways of this kind give on numbers whose mean and variance are exact",
    "halves": "y in eval is the nearest half to what float32 may give, where rounding in between gives others",
    "subnormals": "y in eval of multiples of the smallest number, with nothing added",
}


def lines(portrait: Portrait) -> Iterator[str]:
    """The portrait, a line a statement, and the probes below."""
    yield f"{portrait.target} on {portrait.device}"
    used: dict[str, None] = {}
    for pair, statements in portrait.statements.items():
        yield ""
        yield f"in {pair}"
        for statement in statements:
            yield f"  {TOPICS[statement.topic]:<{WIDTH}}{_said(statement)}"
            used[statement.probe] = None
        if pair in portrait.trees:
            yield from _wrapped("tree", portrait.trees[pair])
    yield from _settings(portrait)
    yield from _ratios(portrait)
    yield ""
    yield "how each is shown"
    for probe in used:
        yield f"  {probe:<{WIDTH}}{PROBES[probe]}"


def beside(one: Portrait, other: Portrait) -> Iterator[str]:
    """Two portraits side by side, lines that differ marked by ``!``; what either cannot tell differs from nothing."""
    rows: list[tuple[str, str, str, bool]] = [("", one.target, other.target, False)]
    for pair in dict.fromkeys([*one.statements, *other.statements]):
        rows.append((f"in {pair}", "", "", False))
        if pair not in one.statements or pair not in other.statements:
            taken = "is taken", "is not taken"
            rows.append(("", *(taken if pair in one.statements else taken[::-1]), True))
            continue
        for here, there_ in zip_longest(one.statements[pair], other.statements[pair]):
            rows.append(_compared(f"  {TOPICS[here.topic]}", here.value, there_.value))
    there = {each.setting: None if each.order is None else _found(each) for each in other.settings}
    for each in one.settings:
        if each.setting in there:
            told = (None if each.order is None else _found(each)), there[each.setting]
            rows.append(_compared(f"  order, {each.setting}", told[0], told[1]))
    first, second = max(len(row[0]) for row in rows) + 2, max(len(row[1]) for row in rows) + 2
    for topic, left, right, differs in rows:
        yield f"{'!' if differs else ' '} {topic:<{first}}{left:<{second}}{right}".rstrip()


def _compared(topic: str, here: str | None, there: str | None) -> tuple[str, str, str, bool]:
    return topic, here or CANNOT, there or CANNOT, None not in (here, there) and here != there


def _said(statement: Statement) -> str:
    if statement.value is None:
        return CANNOT
    how = ", ".join(part for part in (statement.detail, f"by {statement.probe}") if part)
    return f"{statement.value} ({how})"


def _wrapped(name: str, tree: str) -> Iterator[str]:
    """A tree over as many lines as it takes, broken at additions."""
    line = ""
    for part in tree.split(" + "):
        longer = f"{line} + {part}" if line else part
        if line and len(longer) > TREE:
            yield f"  {name:<{WIDTH}}{line}"
            name, longer = "", f"+ {part}"
        line = longer
    yield f"  {name:<{WIDTH}}{line}"


def _settings(portrait: Portrait) -> Iterator[str]:
    """The order in other settings, those that vary alike and tell the same together."""
    if not portrait.settings:
        return
    usual, *others = portrait.settings
    yield ""
    yield f"order of the sum of {usual.setting} ({next(iter(portrait.statements))}): {_found(usual)}"
    for (_, told), some in groupby(others, lambda each: (each.varies, "the same" if each.same else _found(each))):
        yield f"  {', '.join(each.setting for each in some):<{WIDTH}}{told}"


def _found(each: Elsewhere) -> str:
    return CANNOT if each.order is None else f"{each.order}, in {each.accumulator}"


def _ratios(portrait: Portrait) -> Iterator[str]:
    """Errors over bounds, a line a pair."""
    if not portrait.ratios:
        return
    yield ""
    yield "largest error over its bound, 64 rows of ordinary numbers in training"
    for pair in dict.fromkeys(each.pair for each in portrait.ratios):
        said = ", ".join(f"{each.quantity} {each.ratio:.2g}" for each in portrait.ratios if each.pair == pair)
        yield f"  {pair:<{WIDTH}}{said}"

"""Draws a portrait: one probe after another, each of which may find that it cannot be told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import TypeVar

import numpy as np

from bn_reference.arithmetic.precision import HALVES, PAIRS, Pair
from bn_reference.conventions import TORCH, Conventions
from bn_reference.portrait import growth
from bn_reference.portrait.asking import Asked
from bn_reference.portrait.formula import Found, formula_of
from bn_reference.portrait.halves import rounding_of
from bn_reference.portrait.naming import name_of
from bn_reference.portrait.order import Sum, sum_of
from bn_reference.portrait.output import Output, Root, evaluated, root_of, trained
from bn_reference.portrait.portrait import Portrait, Statement
from bn_reference.portrait.settings import settings_of
from bn_reference.portrait.subnormals import subnormals_of
from bn_reference.portrait.tree import depth, drawn
from bn_reference.support.threads import on_one_thread
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.recognition import load_target
from bn_reference.targets.recognition import name_of as target_name
from bn_reference.targets.watched import Watched
from bn_reference.verification.arguments import seconds
from bn_reference.verification.measuring.measured import measured
from bn_reference.verification.time_limit import TimedOut, TimeLimit

__all__ = ["ROWS", "portrait_of"]

T = TypeVar("T")
ROWS = 64


def portrait_of(
    target: object,
    *,
    device: str = "cpu",
    imports: Sequence[str] = (),
    timeout: float = 10.0,
    grows: bool = True,
    advance: Callable[[], None] = lambda: None,
) -> Portrait:
    """Find out how a target computes.

    Args:
        target: as for ``verify``.
        device: where a torch layer and its arrays lie.
        imports: modules that are imported before the target.
        timeout: seconds that each probe may take; what takes longer cannot be told.
        grows: whether errors are measured against kappa and the number of rows, which takes a million rows.
        advance: called after each pair of dtypes.

    Raises:
        UnusableTarget: the target cannot be loaded or built.
        UnusableArguments: another argument cannot be used (a ValueError).
    """
    limit = TimeLimit(seconds("timeout", timeout, "pass 10, for example"))
    name = target if isinstance(target, str) else target_name(target)
    with redirect_stdout(sys.stderr), np.errstate(all="ignore"):  # what the target prints is no part of the answer
        watched = Watched(load_target(target, device, imports))
        with on_one_thread(), limit.in_force():
            return _Drawing(name, watched, limit).drawn(grows, advance)


class _Drawing:
    """The probes of one target, under a limit each."""

    def __init__(self, name: str, target: Watched, limit: TimeLimit) -> None:
        self.name, self.target, self.limit = name, target, limit
        limit.compiling = lambda: target.calls.under_way

    def drawn(self, grows: bool, advance: Callable[[], None]) -> Portrait:
        statements, trees, settings = {}, {}, {}
        pairs = [pair for pair in PAIRS if self.asked(partial(self.target.supports, pair))]
        for pair in pairs:
            asked = Asked(self.target, pair)
            total = self.asked(partial(sum_of, asked, ROWS)) or Sum(ROWS)
            statements[str(pair)] = tuple(self.of_pair(asked, total))
            if total.tree is not None:
                trees[str(pair)] = drawn(total.tree)
            if pair == pairs[0]:
                settings = settings_of(asked, self.asked)
            advance()
        conventions = self.asked(lambda: measured(self.target, TORCH, accuracy=True)) or TORCH
        curves = tuple(self.curves(pairs, conventions)) if grows else ()
        ratios = self.asked(lambda: growth.ratios(self.target, conventions)) or ()
        return Portrait(self.name, self.target.device, statements, trees, settings, curves, ratios)

    def asked(self, ask: Callable[[], T]) -> T | None:
        """What a probe gives; None where the target cannot be asked, goes wrong, or takes too long."""
        try:
            with self.limit:
                return ask()
        except (Unsupported, Misbehaviour, TimedOut):
            return None

    def curves(self, pairs: Sequence[Pair], conventions: Conventions) -> Iterator[growth.Curve]:
        """Against kappa in the first wide formats, against the rows in the first."""
        wide = [Asked(self.target, pair) for pair in pairs if pair.input not in HALVES]
        for asked in wide:
            curve = self.asked(partial(growth.against_condition, asked, conventions))
            yield from [curve] if curve else []
        for asked in wide[:1]:
            curve = self.asked(partial(growth.against_rows, asked, conventions))
            yield from [curve] if curve else []

    def of_pair(self, asked: Asked, total: Sum) -> Iterator[Statement]:
        wide = asked.pair.input not in HALVES
        found = (self.asked(lambda: formula_of(asked, ROWS, total.tree)) if wide else None) or Found()
        yield _order(total)
        yield _accumulator(total, found)
        if wide:
            yield Statement("variance", found.kind, "formula", f"{found.tried} formulas were tried" if found.tried else "")
            squares = None if found.fused is None else "fused" if found.fused else "not fused"
            yield Statement("squares", squares, "formula")
            root = self.asked(lambda: root_of(asked)) or Root()
            yield Statement(
                "root", root.said, "root", f"off by up to {root.ulps:.2f} units in the last place" if root.ulps else ""
            )
            for topic, probe, ask in (("evaluation", "evaluation", evaluated), ("training", "training", trained)):
                output = self.asked(partial(ask, asked)) or Output()
                yield Statement(f"output in {topic}", output.form, probe)
                multiplied = None if output.fused is None else "fused" if output.fused else "not fused"
                yield Statement(f"multiply-add in {topic}", multiplied, probe)
                yield Statement(f"format in {topic}", output.format, probe)
        else:
            yield Statement("halves are rounded", self.asked(lambda: rounding_of(asked)), "halves")
        yield Statement("subnormal numbers", self.asked(lambda: subnormals_of(asked)), "subnormals")


def _order(total: Sum) -> Statement:
    if total.tree is None:
        return Statement("order of the sum", None, "masks")
    return Statement("order of the sum", name_of(total.tree, total.rows), "masks", f"{depth(total.tree)} additions deep")


def _accumulator(total: Sum, found: Found) -> Statement:
    """From the sum's own probe, or from the formula that gives means and variances together where the mean is no sum."""
    if total.accumulator is not None:
        return Statement("accumulator", total.accumulator, "random sums" if total.confirmed else "widths")
    return Statement("accumulator", found.format, "formula")

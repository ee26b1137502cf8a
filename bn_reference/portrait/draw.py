"""Draws a portrait: one probe after another, each of which may find that it cannot be told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from bn_reference.arithmetic.precision import HALVES, Pair
from bn_reference.conventions import TORCH, Conventions
from bn_reference.portrait import growth
from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import FUSED, NOT_FUSED
from bn_reference.portrait.formula import Found, formula_of
from bn_reference.portrait.halves import rounding_of
from bn_reference.portrait.naming import name_of
from bn_reference.portrait.order import Sum, sum_of
from bn_reference.portrait.output import Output, Root, evaluated, root_of, trained
from bn_reference.portrait.portrait import Portrait, Statement
from bn_reference.portrait.settings import Elsewhere, settings_of
from bn_reference.portrait.subnormals import subnormals_of
from bn_reference.portrait.tree import Tree, depth, drawn
from bn_reference.support.threads import on_one_thread
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.recognition import load_target
from bn_reference.targets.recognition import name_of as target_name
from bn_reference.targets.watched import Watched
from bn_reference.verification.arguments import seconds
from bn_reference.verification.measuring.measured import measured
from bn_reference.verification.selection import select_pairs
from bn_reference.verification.time_limit import TimedOut, TimeLimit

__all__ = ["ROWS", "portrait_of"]

T = TypeVar("T")
ROWS = 64


def portrait_of(
    target: object,
    *,
    device: str = "cpu",
    dtypes: Sequence[str] | None = None,
    imports: Sequence[str] = (),
    timeout: float = 10.0,
    grows: bool = True,
    advance: Callable[[], None] = lambda: None,
) -> Portrait:
    """Find out how a target computes.

    Args:
        target: as for ``verify``.
        device: where a torch layer and its arrays lie.
        dtypes: as for ``verify``; None: all pairs that the target has.
        imports: modules that are imported before the target.
        timeout: seconds that each probe may take; what takes longer cannot be told.
        grows: whether the order is looked at in other settings, and errors are measured: against kappa, against as many as a
            million rows, and in each pair.
        advance: called after each pair of dtypes.

    Raises:
        UnusableTarget: the target cannot be loaded or built.
        UnusableArguments: another argument cannot be used (a ValueError).
    """
    pairs = select_pairs(dtypes)
    limit = TimeLimit(seconds("timeout", timeout, "pass 10, for example"))
    name = target if isinstance(target, str) else target_name(target)
    with redirect_stdout(sys.stderr), np.errstate(all="ignore"):  # what the target prints is no part of the answer
        watched = Watched(load_target(target, device, imports))
        with on_one_thread(), limit.in_force():
            return _Drawing(name, watched, limit).drawn(pairs, grows, advance)


class _Drawing:
    """The probes of one target, under a limit each."""

    def __init__(self, name: str, target: Watched, limit: TimeLimit) -> None:
        self.name, self.target, self.limit = name, target, limit
        self.trees: dict[str, str] = {}
        limit.compiling = lambda: target.calls.under_way

    def drawn(self, chosen: Sequence[Pair], grows: bool, advance: Callable[[], None]) -> Portrait:
        statements: dict[str, tuple[Statement, ...]] = {}
        settings: tuple[Elsewhere, ...] = ()
        pairs = [pair for pair in chosen if self.asked(partial(self.target.supports, pair))]
        for pair in pairs:
            asked = Asked(self.target, pair)
            total = self.asked(partial(sum_of, asked, ROWS)) or Sum(ROWS)
            statements[str(pair)] = tuple(self.of_pair(asked, total))
            if pair == pairs[0] and grows and total.confirmed and total.accumulator:
                settings = settings_of(asked, total.accumulator, self.asked)
            advance()
        found = Portrait(self.name, self.target.device, statements, self.trees, settings)
        if not grows:
            return found
        conventions = self.asked(partial(measured, self.target, TORCH, accuracy=True)) or TORCH
        ratios = self.asked(partial(growth.ratios, self.target, pairs, conventions)) or ()
        return replace(found, growth=tuple(self.curves(pairs, conventions)), ratios=ratios)

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
        """Everything that is told in a pair of dtypes, or cannot be."""
        wide = asked.pair.input not in HALVES
        found = (self.asked(partial(formula_of, asked, ROWS, total.tree)) if wide else None) or Found()
        tree = _order(total, found)
        deep = "" if tree is None else f"{depth(tree)} additions deep"
        yield Statement("order", None if tree is None else name_of(tree, ROWS), "masks", deep)
        if tree is not None:
            self.trees[str(asked.pair)] = drawn(tree)
        yield _accumulator(total, found)
        if wide:
            yield Statement("variance", found.kind, "formula", f"of {found.tried} that were tried" if found.tried else "")
            yield Statement("squares", _multiply_add(found.fused), "formula")
            root = self.asked(partial(root_of, asked)) or Root()
            off = f"off by up to {root.ulps:.2f} units in the last place" if root.ulps else ""
            yield Statement("root", root.kind, "root", off)
            for mode, ask in (("evaluation", evaluated), ("training", trained)):
                output = self.asked(partial(ask, asked)) or Output()
                yield Statement(mode, output.form, mode)
                yield Statement(f"{mode}_multiply_add", _multiply_add(output.fused), mode)
                yield Statement(f"{mode}_format", output.format, mode)
        else:
            yield Statement("halves", self.asked(partial(rounding_of, asked)), "halves")
        yield Statement("subnormals", self.asked(partial(subnormals_of, asked)), "subnormals")


def _multiply_add(fused: bool | None) -> str | None:
    return None if fused is None else FUSED if fused else NOT_FUSED


def _order(total: Sum, found: Found) -> Tree | None:
    """The tree of the sum, where random sums confirm it; else that in which rows are merged, where the masks show the same."""
    if total.confirmed:
        return total.tree
    return found.tree if found.tree is not None and found.tree == total.tree else None


def _accumulator(total: Sum, found: Found) -> Statement:
    """From the sum's own probes, or from the formula that gives means and variances together where the mean is no sum."""
    if total.accumulator is not None:
        return Statement("accumulator", total.accumulator, "random sums" if total.confirmed else "exact sums")
    return Statement("accumulator", found.format, "formula")

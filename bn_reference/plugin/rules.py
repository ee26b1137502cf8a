"""The rules as tests: ``bn_reference::TARGET::PAIR::RULE``, beside whatever a project has of its own.

They are nodes of their own, and no file of tests: nothing that a project's configuration says of its files, functions and
fixtures can change or hide them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bn_reference.plugin.options import NAME, SEED
from bn_reference.plugin.session import SESSION
from bn_reference.plugin.verdicts import Asked, Told
from bn_reference.reports.violations import violation_text
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.selection import select_pairs, select_properties, units

__all__ = ["Rule", "Rules", "tell"]


class Rules(pytest.Collector):
    """All rules for all targets."""

    def collect(self) -> Iterator[pytest.Collector]:
        for target in self.config.stash[SESSION].options.targets:
            yield _OfTarget.from_parent(self, name=target)


class _OfTarget(pytest.Collector):
    """All rules for one target."""

    def collect(self) -> Iterator[pytest.Collector]:
        seeds = self.config.stash[SESSION].options.seeds_of_ids
        for seed in seeds:
            yield _OfSeed.from_parent(self, name=f"{SEED}{seed}", target=self.name, seed=seed)
        if not seeds:
            yield from _pairs(self, self.name, None)


class _OfSeed(pytest.Collector):
    """All rules for one target on the cases of one seed of several."""

    def __init__(self, *, target: str, seed: int, **others: Any) -> None:
        super().__init__(**others)
        self._target, self._seed = target, seed

    def collect(self) -> Iterator[pytest.Collector]:
        yield from _pairs(self, self._target, self._seed)


def _pairs(above: pytest.Collector, target: str, seed: int | None) -> Iterator[pytest.Collector]:
    for pair in select_pairs(above.config.stash[SESSION].options.dtypes):
        yield _InPair.from_parent(above, name=str(pair), target=target, seed=seed)


class _InPair(pytest.Collector):
    """All rules for one target in one pair of dtypes."""

    def __init__(self, *, target: str, seed: int | None, **others: Any) -> None:
        super().__init__(**others)
        self._target, self._seed = target, seed

    def collect(self) -> Iterator[pytest.Item]:
        for unit in units(select_properties(None), select_pairs([self.name])):
            for rule in unit.properties:
                asked = Asked(rule, replace(unit, seed=self._seed))
                yield Rule.from_parent(self, name=rule.name, target=self._target, asked=asked)


class Rule(pytest.Item):
    """One rule for one target in one pair of dtypes.

    Attributes:
        target: its name.
        asked: the rule, and those that share its cases.
        seconds: that it took by itself, once it is known.
    """

    def __init__(self, *, target: str, asked: Asked, **others: Any) -> None:
        super().__init__(**others)
        self.target, self.asked = target, asked
        self.seconds: float | None = None
        if self.config.pluginmanager.hasplugin("xdist"):  # rules that share their cases stay in one process
            self.add_marker(pytest.mark.xdist_group("-".join([target, *self._of, asked.rule.family])))

    @property
    def _of(self) -> list[str]:
        """The seed, where there are several, and the pair of dtypes."""
        unit = self.asked.unit
        return [str(unit.pair)] if unit.seed is None else [f"{SEED}{unit.seed}", str(unit.pair)]

    def reportinfo(self) -> tuple[Path, None, str]:
        return Path(NAME), None, " ".join([self.target, *self._of, self.name])

    def runtest(self) -> None:
        unusable = ""
        try:
            told = self.config.stash[SESSION].verdict(self.target, self.asked)
        except UnusableTarget as reason:
            unusable = str(reason)  # told outside, where it has no traceback of ours
        if unusable:
            pytest.fail(unusable, pytrace=False)
        self.seconds = told.result.seconds
        tell(told)


def tell(told: Told) -> None:
    """A violation, or what else speaks against the target, fails; a deviation, known or accepted, is an expected failure."""
    result = told.result
    if result.status == "violated":
        _fail("\n".join(filter(None, [violation_text(result), told.contrary])))
    if told.contrary:
        _fail(told.contrary)
    if result.status == "accepted":
        pytest.xfail(f"{result.message}: {told.accepted}")
    if result.status == "unsupported":
        pytest.skip(f"unsupported: {result.message}")
    if result.status == "known deviation":
        pytest.xfail(result.message)


def _fail(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)

"""The rules as tests: ``bn_reference::TARGET::PAIR::RULE``, beside whatever a project has of its own.

They are nodes of their own, and no file of tests: nothing that a project's configuration says of its files, functions and
fixtures can change or hide them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bn_reference.plugin.options import NAME
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
        for pair in select_pairs(self.config.stash[SESSION].options.dtypes):
            yield _InPair.from_parent(self, name=str(pair), target=self.name)


class _InPair(pytest.Collector):
    """All rules for one target in one pair of dtypes."""

    def __init__(self, *, target: str, **others: Any) -> None:
        super().__init__(**others)
        self._target = target

    def collect(self) -> Iterator[pytest.Item]:
        for unit in units(select_properties(None), select_pairs([self.name])):
            for rule in unit.properties:
                yield Rule.from_parent(self, name=rule.name, target=self._target, asked=Asked(rule, unit))


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
            self.add_marker(pytest.mark.xdist_group(f"{target}-{asked.unit.pair}-{asked.rule.family}"))

    def reportinfo(self) -> tuple[Path, None, str]:
        return Path(NAME), None, f"{self.target} {self.asked.unit.pair} {self.name}"

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

"""The conformance tests that pytest runs: one for each target, pair of dtypes and property.

``pytest --bn-target TARGET`` runs this module, in any directory. The properties of a family share their cases: they are tried
together when the first of them is run, and the others look their verdict up.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from bn_reference.plugin.pytest_plugin import seed_of
from bn_reference.properties import Property
from bn_reference.reports.lawful import RULES, accepting, facts_of
from bn_reference.reports.results import Result
from bn_reference.reports.sentences import say_fact
from bn_reference.reports.violations import violation_text
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.targets.recognition import load_target
from bn_reference.verification.demand import demand_of
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget, Unit

TIMEOUT = 10.0  # seconds an example; as the command line's default


class Verdicts:
    """The judges of a session, and the verdicts that they have given."""

    def __init__(self, session: pytest.Session, directory: Path) -> None:
        self._session = session
        self._directory = directory
        self._judges: dict[str, Judge] = {}
        self._results: dict[tuple[str, Unit, str], Result] = {}

    def of(self, target: str, unit: Unit, property: Property) -> Result:
        """The verdict on a property; with it come those on the selected others of its unit."""
        if (target, unit, property.name) not in self._results:
            wanted = [other for other in unit.properties if other is property or self._is_selected(target, unit, other)]
            for result in self._judge(target).check_together(wanted, unit.pair):
                self._results[target, unit, result.property] = result
        return self._results[target, unit, property.name]

    def of_conventions(self, target: str, property: Property) -> str:
        """By which other convention than those demanded the target breaks the property; empty where by none."""
        judge = self._judge(target)
        if judge.demand.accepts_all:
            return ""
        facts = facts_of(judge.demand.conventions, judge.conventions)
        said = "; ".join(say_fact(fact) for fact in facts if RULES[fact.what] == property.name)
        return f"{said}; --bn-convention '{accepting(judge.conventions)}' accepts it" if said else ""

    def _is_selected(self, target: str, unit: Unit, property: Property) -> bool:
        wanted = {"bn_target": target, "bn_unit": unit, "bn_property": property}
        return any(getattr(getattr(item, "callspec", None), "params", None) == wanted for item in self._session.items)

    def _judge(self, target: str) -> Judge:
        if target not in self._judges:
            config = self._session.config
            examples = config.getoption("bn_examples") or settings().max_examples
            implementation = load_target(target, config.getoption("bn_device"))
            demand = demand_of(config.getoption("bn_convention"))
            budget = Budget(examples, seed_of(config), TIMEOUT, self._recording(), demand)
            self._judges[target] = Judge(implementation, budget, spec=target)
            self._judges[target].settle()
        return self._judges[target]

    def _recording(self) -> str:
        """The recording that ``--bn-cases`` asks for; empty for drawn cases."""
        cases: str = self._session.config.getoption("bn_cases")
        if cases != "mnist":
            return "" if cases == "drawn" else cases
        from bn_reference.mnist.activations import record
        from bn_reference.mnist.sources import UnusableData, load

        path = self._directory / "mnist.npz"
        try:
            record(load(), path)
        except UnusableData as unusable:
            raise UnusableTarget(str(unusable)) from None
        return str(path)


@pytest.fixture(scope="session")
def bn_verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """What the session knows so far."""
    return Verdicts(request.session, tmp_path_factory.mktemp("recordings"))


def test_target_keeps(bn_target: str, bn_unit: Unit, bn_property: Property, bn_verdicts: Verdicts) -> None:
    """The target keeps the property; a violation fails with its verdict, a known deviation is an expected failure."""
    result: Result | None = None
    unusable = ""
    try:
        result = bn_verdicts.of(bn_target, bn_unit, bn_property)
    except UnusableTarget as reason:
        unusable = str(reason)
    if result is None:
        pytest.fail(unusable, pytrace=False)
    if result.status == "violated":
        pytest.fail(violation_text(result), pytrace=False)
    if other := bn_verdicts.of_conventions(bn_target, bn_property):
        pytest.fail(other, pytrace=False)
    if result.status == "unsupported":
        pytest.skip(f"unsupported: {result.message}")
    if result.status == "known deviation":
        pytest.xfail(result.message)


# Hypothesis runs inside, not around, this test: it is marked as one of Hypothesis' tests so that --hypothesis-show-statistics
# shows what it did.
_marks: Any = test_target_keeps
_marks.is_hypothesis_test = True
_marks.hypothesis = SimpleNamespace(inner_test=SimpleNamespace())
_marks._hypothesis_internal_use_settings = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)

"""``parametrize_with_rules``: the rules as a parameter of somebody's own test, tried where a debugger can follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bn_reference.plugin.options import MARK, Options
from bn_reference.plugin.rules import tell
from bn_reference.plugin.session import Session
from bn_reference.plugin.verdicts import Asked
from bn_reference.targets.recognition import name_of
from bn_reference.verification import arguments
from bn_reference.verification.demand import demand_of
from bn_reference.verification.selection import select_pairs, select_properties, units

__all__ = ["RuleToKeep", "parameters", "parametrize_with_rules"]


def parametrize_with_rules(
    target: object,
    *,
    dtypes: Iterable[str] | None = None,
    properties: Iterable[str] | None = None,
    examples: int | None = None,
    timeout: float | None = None,
    device: str | None = None,
    conventions: Iterable[str] | str | None = None,
) -> pytest.MarkDecorator:
    """Run a test once for each rule and pair of dtypes, with the argument ``rule``, which the test calls.

    ``rule()`` tries the rule on the target in this process. It fails the test with the verdict where the target violates it,
    skips the test where the target cannot be asked for it, and is an expected failure in a known deviation.

    Args:
        target: ``module:attribute``, ``path/to/file.py:attribute``, or the class, factory or adapter itself.
        dtypes: input dtypes or pairs (``float16``, ``float16/float32``); None for what ``--bn-dtype`` says, else all.
        properties: names of properties or families; None for all.
        examples, timeout, device, conventions: as of ``verify``; None for what the options of pytest say.

    Raises:
        UnusableArguments: an argument cannot be used (a ValueError).
    """
    pairs, rules = arguments.names("dtypes", dtypes, "float32"), arguments.names("properties", properties, "running")
    words = (conventions,) if isinstance(conventions, str) else arguments.names("conventions", conventions, "onnx")
    select_pairs(pairs)
    select_properties(rules)
    demand_of(words)
    wanted = {
        "dtypes": pairs,
        "examples": None if examples is None else arguments.examples(examples),
        "timeout": None if timeout is None else arguments.timeout(timeout),
        "device": None if device is None else arguments.text("device", device, "pass 'cpu' or 'cuda', for example"),
        "conventions": words,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return getattr(pytest.mark, MARK)(target, rules, given)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class RuleToKeep:
    """One rule in one pair of dtypes, to be called by a test.

    Attributes:
        session: what gives the verdicts.
        key: the test, whose rules that share their cases are tried together.
        target, options: what is tried, and how.
        asked: the rule, and those that share its cases.
    """

    session: Session
    key: object
    target: object
    options: Options
    asked: Asked

    def __call__(self) -> None:
        __tracebackhide__ = True
        tell(self.session.verdict_here(self.key, self.target, self.options, self.asked))

    def __repr__(self) -> str:
        return f"<{self.asked.rule.name} in {self.asked.unit.pair}, of {_named(self.target)}>"


def parameters(session: Session, key: object, mark: pytest.Mark, *, grouped: bool) -> list[Any]:
    """What the test ``key`` is run with; ``grouped`` where pytest-xdist is to leave together what shares its cases."""
    target, rules, given = mark.args
    options = replace(session.options, **given)
    found = []
    for unit in units(select_properties(rules), select_pairs(options.dtypes)):
        for each in unit.properties:
            rule = RuleToKeep(session, key, target, options, Asked(each, unit))
            group = pytest.mark.xdist_group(f"{_named(target)}-{unit.pair}-{each.family}")
            found.append(pytest.param(rule, id=f"{unit.pair}-{each.name}", marks=[group] if grouped else []))
    return found


def _named(target: object) -> str:
    return target if isinstance(target, str) else name_of(target)

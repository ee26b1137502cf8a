"""How true the explanations are: what is said of each mutant, each control and some malformed layers, against what is so.

``python -m bn_reference.power.explanations docs/explanations.md`` writes the table anew, in about five minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.properties import PROPERTIES, Property
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.explanation import STEPS
from bn_reference.verification.judge import Judge
from bn_reference.verification.rivals import Rival
from bn_reference.verification.selection import Budget

__all__ = ["said_of"]

DIRECT = [property for property in PROPERTIES if property.name in STEPS]


class _Listening(Judge):
    """A judge whose explanations are kept: (property, quantity, rival)."""

    said: list[tuple[str, str, Rival | None]]

    def explained(self, property: Property, found: Comparison, original: Case, case: Case) -> Rival | None:
        rival = super().explained(property, found, original, case)
        self.said.append((property.name, found.what, rival))
        return rival


def said_of(
    factory: type[CleanBatchNorm1d], pairs: Sequence[Pair] = PAIRS, examples: int = 30
) -> list[tuple[str, str, str, str]]:
    """Pair, rule, name and sentence of each explanation (empty where nothing is said) in the first pair with a violation."""
    for pair in pairs:
        judge = _Listening(TorchImplementation(factory, factory.__name__), Budget(examples=examples))
        judge.said = []
        judge.check_together(DIRECT, pair)
        if judge.said:
            return [(str(pair), name, r.name if r else "", r.sentence if r else "") for name, _, r in judge.said]
    return []

"""Of which step a rule speaks that was broken, so that what explains the step explains the rule.

A rule that compares one step with the oracle is explained by what explains that step. A relation between several steps, or
between bits, is not: that a slip explains one of the outputs says nothing of why two of them differ.
"""

from __future__ import annotations

from collections.abc import Callable

from bn_reference.cases.case import Case
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import Property, transform
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.diagnosis import diagnose, diagnose_life
from bn_reference.verification.rivals import QUANTITIES, Rival

__all__ = ["STEPS", "explain"]


def _itself(case: Case) -> Case:
    return case


def _with_momentum_one(case: Case) -> Case:
    return transform.with_fresh_state(case, momentum=1.0)


# of each rule that compares one step with the oracle: whether the step is one in training, and on which case it is made
STEPS: dict[str, tuple[bool, Callable[[Case], Case]]] = {
    **dict.fromkeys(
        (
            "output_is_the_normalized_batch",
            "one_step_moves_the_running_mean",
            "one_step_moves_the_running_variance",
            "training_gradient_of_the_input",
            "training_gradient_of_the_weight",
            "training_gradient_of_the_bias",
            "statistics_move_before_any_backward_pass",
        ),
        (True, _itself),
    ),
    **dict.fromkeys(
        ("evaluation_uses_the_running_statistics", "evaluation_gradients", "evaluation_moves_nothing"), (False, _itself)
    ),
    "momentum_one_shows_the_batch_statistics": (True, _with_momentum_one),
    "bessel_counts_every_position": (True, lambda case: _with_momentum_one(transform.in_two_positions(case))),
}


def explain(
    implementation: Implementation,
    property: Property,
    found: Comparison,
    original: Case,
    smallest: Case,
    *,
    lived: bool = False,
) -> Rival | None:
    """The slip that explains a violation; None where the rule speaks of no single step, or where nothing was compared.

    Args:
        implementation: the one under test.
        property, found: the rule, and how it was seen broken.
        original, smallest: the case that broke it, and the smallest one that does.
        lived: whether a fresh layer, called as usual, keeps the rule on them.
    """
    of_a_step = found.fact is None and found.aspect in (Aspect.VALUE, Aspect.AFTER_EVALUATION)
    if property.name not in STEPS or found.what not in QUANTITIES or not of_a_step:
        return None
    training, made = STEPS[property.name]
    cases = dict.fromkeys((original, smallest))
    inquire = diagnose_life if lived else diagnose
    return inquire(implementation, found.what, training, [made(case) for case in cases])

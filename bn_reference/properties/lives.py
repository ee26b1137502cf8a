"""Lives: what holds after every operation of a long sequence. Asked for by name alone, as it takes as long as all others."""

from __future__ import annotations

from bn_reference.oracle.compare import Comparison
from bn_reference.properties import transform
from bn_reference.properties.registry import Property, family
from bn_reference.properties.trial import Trial

PROPERTIES: list[Property] = []
prop = family("lives", PROPERTIES, "training", "eval")


@prop(source="docs of hypothesis.stateful: a model beside the real thing")
def every_step_of_a_long_life_is_right(trial: Trial) -> Comparison:
    """After each of 160 operations output, gradients and state are those of a fresh layer with the state seen before it."""
    from bn_reference.properties.long_life import lived_through  # and with it Hypothesis

    case = trial.case
    trial.require(case.conventions.first_batches == "prior")  # else what was seen is not all that the next step starts from
    plain = trial.on(case.but(circumstances=(), layout="contiguous", grad_layout="contiguous"))
    # unsupported where it is not seen what the next step starts from, and not asked where it is not seen how many there were
    seen = transform.with_state(plain.case, plain.open().state())
    trial.require(case.momentum is not None or not case.tracks or seen.batches == case.batches)
    return lived_through(plain, repr(case.recipe))

"""Slips of a layer that has lived: what it still takes from before it came to the case (``targets.lives``).

Each is a rival on a case with circumstances, and says nothing of a case whose circumstances do not tell what was before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bn_reference import specification as spec
from bn_reference.cases.case import Array, Case
from bn_reference.cases.circumstances import EVENTS, STEPS
from bn_reference.cases.layouts import to_matrix
from bn_reference.cases.others import another_batch, beginning
from bn_reference.oracle.bounded import Bounded, lift
from bn_reference.verification.rivals.hypothesis import STATE, Rival, Rules, expected, step_of, truth

__all__ = ["OF_A_LIFE"]

IN_EVAL = "evaluate", "evaluate unrecorded"
IN_TRAINING = "train", "go back"
MOVING = {word for word in STEPS if word.startswith(("train", "go back", "be refused"))} - {"go back in eval"} | {"freeze"}
OTHERWISE = {"reset", "lend parameters"}  # other parameters than those it began with were seen


def _before(*names: str) -> Callable[[Case, bool, str], Bounded | None]:
    """What is expected where these are still what they were when the layer was built."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        if OTHERWISE & set(case.circumstances):
            return None
        earlier = beginning(case)
        old = {name: getattr(earlier, name) for name in names}
        if "momentum" in old and what not in STATE:
            return truth(case, training, what)
        return truth(case.but(**old), training, what)

    return expect


def _statistics_of_before(*names: str) -> Callable[[Case, bool, str], Bounded | None]:
    """In eval; what training made of them is not said again here."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        return None if training or MOVING & set(case.circumstances) else _before(*names)(case, training, what)

    return expect


def _last_batch(case: Case, words: tuple[str, ...]) -> Array | None:
    """The batch of the last step before, if it was one of these and of the case's own shape."""
    steps = [(number, word) for number, word in enumerate(case.circumstances) if word in EVENTS and word in {*STEPS, "freeze"}]
    number, word = steps[-1] if steps else (0, "")
    batch = another_batch(case, number) if word in words else None
    return batch if batch is not None and batch.shape == case.x.shape else None


def _of_the_last_batch(*, mean: bool = False, var: bool = False) -> Callable[[Case, bool, str], Bounded | None]:
    """Training with statistics of the batch before; what goes back through them is not said."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        last = _last_batch(case, IN_TRAINING)
        if not training or last is None or what.startswith("grad"):
            return None if training else truth(case, training, what)
        old = lift(case.precision, to_matrix(last))
        old_mean = spec.mini_batch_mean(old)
        changed: dict[str, Any] = {}
        if mean:
            changed["mini_batch_mean"] = lambda x: old_mean
        if var:
            changed["biased_variance"] = lambda x, mu: spec.biased_variance(old, old_mean)
        elif mean:  # about its own mean, as it was computed apart
            changed["biased_variance"] = lambda x, mu: spec.biased_variance(x, spec.mini_batch_mean(x))
        return expected(step_of(case, training, Rules(**changed)), what)

    return expect


def _output_of_before(case: Case, training: bool, what: str) -> Bounded | None:
    last = _last_batch(case, IN_TRAINING if training else IN_EVAL)
    known = training or not MOVING & set(case.circumstances)
    if what != "y" or last is None or not known or OTHERWISE & set(case.circumstances):
        return None if what == "y" else truth(case, training, what)
    return truth(beginning(case).but(x=last), training, what)


NOT_SET, BUILT_WITH = "not the one set later", "that the layer was built with"
OF_A_LIFE: tuple[Rival, ...] = (
    Rival("parameters_of_before", "weight and bias are those that the layer was built with", _before("weight", "bias")),
    Rival("weight_of_before", "weight is the one that the layer was built with", _before("weight")),
    Rival("bias_of_before", "bias is the one that the layer was built with", _before("bias")),
    Rival("eps_of_construction", f"eps is that of construction, {NOT_SET}", _before("eps")),
    Rival("momentum_of_construction", f"momentum is that of construction, {NOT_SET}", _before("momentum")),
    Rival("statistics_of_before", f"eval reads the running statistics {BUILT_WITH}", _statistics_of_before(*STATE)),
    Rival("running_mean_of_before", f"eval reads the running mean {BUILT_WITH}", _statistics_of_before("running_mean")),
    Rival("running_variance_of_before", f"eval reads the running variance {BUILT_WITH}", _statistics_of_before("running_var")),
    Rival(
        "statistics_of_the_last_batch",
        "mean and variance are those of the batch before",
        _of_the_last_batch(mean=True, var=True),
    ),
    Rival("mean_of_the_last_batch", "the mean is that of the batch before", _of_the_last_batch(mean=True)),
    Rival("variance_of_the_last_batch", "the variance is that of the batch before", _of_the_last_batch(var=True)),
    Rival("output_of_the_step_before", "the output is that of the step before", _output_of_before),
)

"""Known deviations of torch from the rules: strict expected failures, each with a region, a reason, a link and a witness.

A deviation is not a tolerance: in its region what runs through torch's own kernel keeps the rule, or does *what torch does
there* within the computed bound of that; anything else is a violation. It excuses no other implementation, and nothing in a
version of torch that was seen without it. The witness is replayed first, so that the day torch is mended is noticed.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

from bn_reference.arithmetic.precision import Pair
from bn_reference.oracle.compare import Comparison, all_of, within
from bn_reference.properties.deviation import Deviation
from bn_reference.properties.deviations_of_frameworks import OF_FRAMEWORKS
from bn_reference.properties.deviations_of_torch import OF_TORCH
from bn_reference.properties.deviations_on_cuda import ON_CUDA
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial, asked
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["DEVIATIONS", "Deviation", "as_torch_does", "deviations_of", "runs_through", "without_losing_the_device"]

DEVIATIONS = (*OF_TORCH, *ON_CUDA, *OF_FRAMEWORKS)
LOSING = tuple(deviation for deviation in DEVIATIONS if deviation.loses_device)


def as_torch_does(property: Property, trial: Trial, found: Comparison) -> tuple[Comparison, list[Deviation]] | None:
    """The comparison with what torch does where it is known to deviate, and the deviations met; None where it is not so.

    Each deviation is tried by itself, then several together: a case may lie in the regions of several, and those that it
    takes to explain it are named, no others. Only what runs through torch's own kernel may deviate as torch does; where a layer
    makes some of the steps that the rule looks at by itself, it has to be right in those.
    """
    known = deviations_of(property, trial.case.pair, trial.implementation.device)
    known = tuple(deviation for deviation in known if found.what.startswith(deviation.quantities))
    met = [deviation for deviation in known if deviation.region(property, trial.case)]
    met = [deviation for deviation in met if _comes_of_it(deviation, property, trial)]
    if not met:
        return None
    for together in chain.from_iterable(combinations(met, size) for size in range(1, len(met) + 1)):
        model: dict[str, Any] = {}
        case = trial.case
        for deviation in together:
            model |= deviation.model(trial.case)
            case = deviation.instead(case)
        for deviation in together:
            comparison = deviation.as_torch(property, trial.on(case).under(model))
            if comparison.holds:
                return comparison, list(together)
    return None


def without_losing_the_device(property: Property, trial: Trial) -> tuple[Trial, list[Deviation]]:
    """The trial on a case that does not cost the device, where torch would lose it on this one, and the deviations met.

    Raises:
        Unsupported: it is the property itself that hands out what costs the device.
    """
    met: list[Deviation] = []
    spared = trial
    for deviation in LOSING:
        if not deviation.concerns(property, trial.case.pair) or not deviation.region(property, trial.case):
            continue
        if not deviation.shows(trial.implementation.device):
            continue
        other = spared.on(deviation.instead(spared.case))
        if not runs_through(deviation, property, other):
            continue
        if deviation.region(property, other.case):
            raise Unsupported(deviation.reason)
        met, spared = [*met, deviation], other
    return spared, met


def runs_through(deviation: Deviation, property: Property, trial: Trial) -> bool:
    """Whether a library that has the deviation makes all the steps that the rule looks at, as far as there are such steps."""
    kernels = [trial.laboratory.kernels(trial.case, mode == "training") for mode in property.modes]
    made = [libraries for libraries in kernels if libraries is not None]
    return bool(made) and all(not libraries.isdisjoint(deviation.libraries) for libraries in made)


def _comes_of_it(deviation: Deviation, property: Property, trial: Trial) -> bool:
    """Whether a library that has the deviation makes the steps that may be wrong: whoever makes another is right in it."""
    through: list[bool] = []
    by_itself: list[bool] = []
    for training in (mode == "training" for mode in property.modes):
        libraries = trial.laboratory.kernels(trial.case, training)
        if libraries is not None:
            (by_itself if libraries.isdisjoint(deviation.libraries) else through).append(training)
    return bool(through) and all(_is_right(trial, training) for training in by_itself)


def _is_right(trial: Trial, training: bool) -> bool:
    """Whether output and gradients of a step of the case are within their bounds, as far as they can be asked for."""
    step, right = (trial.train(), trial.expected()) if training else (trial.evaluate(), trial.expected_evaluation())
    try:
        return all_of(
            asked(lambda: within("y", step.y, right.y), "y"),
            asked(lambda: within("grad_x", step.grads.x, right.grad_x), "grad_x"),
            asked(lambda: within("grad_weight", step.grads.weight, right.grad_weight), "grad_weight"),
            asked(lambda: within("grad_bias", step.grads.bias, right.grad_bias), "grad_bias"),
        ).holds
    except Misbehaviour:
        return False


def deviations_of(property: Property, pair: Pair, device: str = "cpu") -> tuple[Deviation, ...]:
    """The known deviations that a property may meet in this pair of dtypes on a device, with the torch that is loaded."""
    return tuple(deviation for deviation in DEVIATIONS if deviation.concerns(property, pair) and deviation.shows(device))

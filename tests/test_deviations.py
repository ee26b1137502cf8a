"""Known deviations are strict: torch shows each on its witness, does there what is said, and nobody else is let off by them."""

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.implementations.observed import Observed
from bn_reference.implementations.torch_module import TorchImplementation
from bn_reference.properties import PROPERTIES, Property
from bn_reference.properties.deviations import DEVIATIONS, Deviation
from bn_reference.properties.trial import Laboratory, Trial
from bn_reference.verification import Budget, Judge

BY_NAME = {property.name: property for property in PROPERTIES}
# the property in which a deviation shows for certain, and the pairs in which it does
SHOWN_BY = {
    "half precision, strided": "strided_upstream_gradients_agree",
    "stale evaluation gradient": "an_evaluation_gradient_survives_later_training",
}
SHOWN = [
    pytest.param(deviation, BY_NAME[SHOWN_BY[deviation.name]], pair, id=f"{deviation.name}-{pair}")
    for deviation in DEVIATIONS
    for pair in PAIRS
    if deviation.concerns(BY_NAME[SHOWN_BY[deviation.name]], pair)
    and (deviation.name[0] == "s" or pair.parameters == "float32")
]


def trial_of(layer: type[torch.nn.Module], deviation: Deviation, pair: Pair) -> Trial:
    return Trial(Laboratory(Observed(TorchImplementation(layer, "target"))), deviation.witness(pair))


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_torch_still_breaks_the_rule_on_the_witness(deviation: Deviation, property_: Property, pair: Pair) -> None:
    trial = trial_of(torch.nn.BatchNorm1d, deviation, pair)

    assert deviation.region(property_, trial.case)
    with np.errstate(all="ignore"):
        assert not property_.body(trial).holds, f"torch is mended: take {deviation.name!r} out ({deviation.link})"


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_torch_does_on_the_witness_what_the_deviation_says(deviation: Deviation, property_: Property, pair: Pair) -> None:
    with np.errstate(all="ignore"):
        assert deviation.as_torch(property_, trial_of(torch.nn.BatchNorm1d, deviation, pair)).holds


class GradientOffByATenth(torch.nn.BatchNorm1d):
    """Wrong everywhere, in the regions of the deviations too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        y.register_hook(lambda grad: grad * 1.1)
        return y


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_a_deviation_excuses_nothing_but_what_torch_does(deviation: Deviation, property_: Property, pair: Pair) -> None:
    result = Judge(TorchImplementation(GradientOffByATenth, "wrong"), Budget(examples=5)).check(property_, pair)

    assert result.status == "violated"


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda deviation: deviation.name)
def test_a_deviation_has_a_reason_and_a_link(deviation: Deviation) -> None:
    assert deviation.reason
    assert deviation.link.startswith("https://github.com/pytorch/pytorch/")

"""The domain of a target: what lies outside it is never asked of the target, and is unsupported with the reason."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.numpy_layer import NumpyImplementation
from bn_reference.targets.protocol import Unsupported
from bn_reference.targets.watched import Watched

ONES, ZEROS = np.ones(3, np.float32), np.zeros(3, np.float32)
X = np.arange(12, dtype=np.float32).reshape(4, 3)
CASE = Case(PAIRS[0], X, X[::-1].copy(), ONES, ZEROS, ZEROS, ONES)


def watched(domain: Domain) -> Watched:
    implementation = NumpyImplementation(BatchNorm1d, "a layer")
    implementation.domain = domain
    return Watched(implementation)


def asked(case: Case) -> Callable[[Watched], object]:
    def step(target: Watched) -> object:
        return target.open(case).forward(place(case.x, case.layout), training=True).y

    return step


BARE = CASE.but(running_mean=None, running_var=None)
REFUSED = [
    (Domain(eps=1e-3), CASE, "has eps 0.001 alone"),
    (Domain(momentum=(0.5, 0.25)), CASE, "has momentum 0.5, 0.25 alone"),
    (Domain(cumulative=False), CASE.but(momentum=None), "does not take momentum=None"),
    (Domain(affine=(False,)), CASE, "has no weight and bias"),
    (Domain(affine=(True,)), CASE.but(weight=None, bias=None), "always has weight and bias"),
    (Domain(tracks=(False,)), CASE, "keeps no running statistics"),
    (Domain(tracks=(True,)), BARE, "always keeps running statistics"),
    (Domain(channels=8), CASE, "takes multiples of 8 channels alone"),
    (Domain(channels=2, most_channels=2), CASE, "takes 2 channels alone"),
    (Domain(most_channels=2), CASE, "takes 2 channels at most"),
    (Domain(dimensions=(2,)), CASE.but(x=X[:, :, None], grad_y=X[:, :, None]), "takes (N, C) alone"),
    (Domain(layouts=False), CASE.but(layout="transposed"), "takes contiguous inputs alone"),
    (Domain(pairs=("float64/float64",)), CASE, "has no layers of float32/float32"),
    (Domain(starts=False), CASE.but(batches=1), "starts with weight 1, bias 0, mean 0 and variance 1 alone"),
]


@pytest.mark.parametrize(("domain", "case", "reason"), REFUSED, ids=[reason for _, _, reason in REFUSED])
def test_what_lies_outside_is_not_asked(domain: Domain, case: Case, reason: str) -> None:
    with pytest.raises(Unsupported, match="^" + reason.replace("(", r"\(").replace(")", r"\)") + "$"):
        asked(case)(watched(domain))

    assert not domain.takes(case)
    assert Domain().takes(case)
    asked(case)(watched(Domain()))


def test_what_lies_inside_is_asked() -> None:
    domain = Domain(1e-5, (0.1,), False, (True,), (True,), (2,), 3, False, ("float32/float32",), False, False, 3)

    assert domain.takes(CASE)
    assert asked(CASE)(watched(domain)).shape == X.shape


def test_momentum_is_nothing_to_a_layer_without_statistics() -> None:
    assert not Domain(momentum=(0.5,)).refusal(BARE)


def test_a_pair_outside_is_not_supported() -> None:
    target = watched(Domain(pairs=("float64/float64",)))

    assert [str(pair) for pair in PAIRS if target.supports(pair)] == ["float64/float64"]


def test_gradients_that_lie_otherwise_are_not_asked_where_it_takes_contiguous_ones_alone() -> None:
    target = watched(replace(Domain(), grad_layouts=False))
    step = target.open(CASE).forward(place(CASE.x, "transposed"), training=True)

    assert "takes contiguous upstream gradients alone" in str(step.backward(place(CASE.grad_y, "transposed")).x)
    assert isinstance(step.backward(place(CASE.grad_y, "contiguous")).x, np.ndarray)

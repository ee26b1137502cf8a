"""Layers that are told by one object, a shape or a batch what they are, and what they keep under names of their own."""

import pytest
import settings_of_people as people
from verdicts import formed

from bn_reference import verify

FOUND = {
    people.OfSettings: "bn_eps for eps, momentum",
    people.OfArguments: "epsilon for eps",
    people.OfAxis: "momentum, epsilon for eps",
    people.OfShape: "momentum",
    people.OfAverages: "epsilon for eps, decay for momentum",
    people.Worded: "momentum",
    people.Unworded: "momentum",
}


@pytest.mark.parametrize("target", FOUND, ids=lambda target: target.__name__)
def test_its_arguments_and_its_statistics_are_found(target: type) -> None:
    found = formed(target)

    assert found.found["arguments"] == FOUND[target]
    assert {"weight", "bias", "running_mean", "running_var"} <= {*found.plan.slots}


@pytest.mark.parametrize("target", FOUND, ids=lambda target: target.__name__)
def test_a_right_one_conforms(target: type) -> None:
    report = verify(target, dtypes=["float32"], examples=5, conventions="auto")

    assert report.conforms
    assert {"a_sequence_of_batches_accumulates", "evaluation_uses_the_running_statistics"} <= {
        result.property for result in report.results if result.status == "passed"
    }


def test_what_moves_to_a_deviation_is_no_variance() -> None:
    class Deviating(people.Unworded):
        def forward(self, X, mode="train"):  # type: ignore[no-untyped-def]
            before = self.q
            y = super().forward(X, mode)
            if mode == "train":
                self.q = self.momentum * before + (1 - self.momentum) * X.std(axis=0)
            return y

    assert "running_var" not in formed(Deviating).plan.slots


def test_who_keeps_statistics_that_nobody_sees_is_not_built_without_a_momentum() -> None:
    report = verify(people.of_a_closure, dtypes=["float32"], properties=["output_is_the_normalized_batch"], examples=4)

    assert report.results[0].status == "passed"

"""Functions of tables, and pairs of functions: right ones conform by their own conventions, wrong ones are seen."""

from typing import Any

import pytest
import tables_of_people as people

from bn_reference import UnusableTarget, verify
from bn_reference.targets.recognition import load_target

RIGHT = {
    people.of_two_tables: "function of tables (x, weight, bias, running_mean, running_var, training, decay) of tensors",
    people.of_one_table: "function of tables (x, weight, bias, running_mean, running_var, train) of NumPy arrays",
    people.of_a_named_tuple: "function of tables (x, weight, bias, running_mean, running_var, training, momentum) of tensors",
    people.pair: "pair of functions (x, weight, bias, running_mean, running_var, is_training, momentum, eps) of NumPy arrays",
}


@pytest.mark.parametrize("target", RIGHT, ids=lambda target: target.__name__)
def test_it_is_recognized(target: Any) -> None:
    assert load_target(target).form == RIGHT[target]


@pytest.mark.parametrize("target", RIGHT, ids=lambda target: target.__name__)
def test_a_right_one_conforms_and_shows_its_statistics(target: Any) -> None:
    report = verify(target, dtypes=["float32"], examples=6, conventions="auto")

    assert report.conforms
    passed = {result.property for result in report.results if result.status == "passed"}
    assert {
        "output_is_the_normalized_batch",
        "a_sequence_of_batches_accumulates",
        "nothing_is_stale_after_more_training",
    } <= passed


WRONG = {
    people.of_two_tables_hasty: "one_step_moves_the_running_variance",
    people.pair_twice_eps: "evaluation_uses_the_running_statistics",
}


@pytest.mark.parametrize("target", WRONG, ids=lambda target: target.__name__)
def test_a_wrong_one_is_seen_by_a_script_of_its_own(target: Any) -> None:
    report = verify(target, dtypes=["float32"], properties=[WRONG[target]], examples=20, conventions="auto")

    assert report.causes[0].reproducer_fails


def test_tables_without_a_bias_are_none_of_batch_norm() -> None:
    with pytest.raises(UnusableTarget):
        load_target(people.of_images)

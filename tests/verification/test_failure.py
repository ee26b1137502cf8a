"""What goes wrong in the suite itself is the suite's: no verdict, and all that is needed to mend it."""

from dataclasses import replace

import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import PROPERTIES
from bn_reference.properties.trial import Trial
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.failure import SuiteFailed
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget


def rings(trial: Trial) -> Comparison:
    raise ZeroDivisionError("of our own")


def interrupted_at_the_third(trial: Trial) -> Comparison:
    global tried  # noqa: PLW0603  # a property is a function, and has no other memory
    tried += 1
    if tried == 3:
        raise KeyboardInterrupt
    return PROPERTIES[0].body(trial)


tried = 0


@pytest.fixture
def judge() -> Judge:
    return Judge(TorchImplementation(torch.nn.BatchNorm1d, "torch"), Budget(5))


def test_an_error_in_a_rule_is_no_verdict_on_the_target(judge: Judge) -> None:
    with pytest.raises(SuiteFailed) as failed:
        judge.check(replace(PROPERTIES[0], body=rings), PAIRS[0])

    name = PROPERTIES[0].name
    assert str(failed.value) == f"the suite itself failed while it tried {name}: ZeroDivisionError: of our own"
    assert 'raise ZeroDivisionError("of our own")' in failed.value.traceback
    assert "Case(pair=Pair(input='float32'" in failed.value.traceback


def test_an_interruption_keeps_what_was_found_of_the_unit_that_was_tried(judge: Judge) -> None:
    results = judge.check_together([replace(PROPERTIES[0], body=interrupted_at_the_third)], PAIRS[0])

    assert judge.interrupted
    assert [(result.status, result.examples) for result in results] == [("passed", 2)]

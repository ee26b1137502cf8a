"""Circumstances: none half of the time, the simplest first, and a word of each in reports."""

import ml_dtypes
import numpy as np
from hypothesis import given

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import CIRCUMSTANCES, EVENTS, FOLDED, FOLDS, LIVES, MANNERS
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.others import another_batch, beginning, hyperparameters_of
from bn_reference.cases.strategies import cases
from bn_reference.reports.lives import WORDS, said_of
from bn_reference.verification.draw import search

FLOAT32 = PAIRS[0]


def drawn(domain: Domain = UNRESTRICTED, examples: int = 200) -> list[Case]:
    found: list[Case] = []
    search(cases(FLOAT32, domain), "circumstances", found.append, examples)
    return found


def test_about_half_of_the_cases_have_none() -> None:
    lived = [case for case in drawn() if case.circumstances]

    # of 200: 90, of 58 kinds, with Hypothesis 6.170; 57, of 19 kinds, with 6.128, which draws the plainest more often
    assert 70 <= len(lived) <= 130
    assert len({case.circumstances for case in lived}) > 40


def test_a_layer_whose_state_cannot_be_set_has_no_life() -> None:
    assert not any(case.circumstances for case in drawn(Domain(starts=False), 60))


def test_positions_are_folded_where_there_are_axes_to_fold_them_over() -> None:
    assert not any({*FOLDS} & {*case.circumstances} for case in drawn())
    assert {word for case in drawn(Domain(folds=True)) for word in case.circumstances} >= {*FOLDS}


def test_none_comes_first_and_one_word_next() -> None:
    assert CIRCUMSTANCES[0] == ()
    assert len(LIVES[0]) == 1


def test_every_word_is_drawn_and_said() -> None:
    assert {word for life in (*LIVES, *FOLDED) for word in life} == set(WORDS) == {*EVENTS, *MANNERS}
    assert said_of(("train", "train", "copy", "settle hyperparameters", "unrecorded")) == (
        "after a training step on another batch (2 times), deepcopy, of which the copy goes on; eps and momentum set after "
        "construction; called under no_grad"
    )
    assert said_of(()) == ""


@given(cases(FLOAT32))
def test_the_code_of_a_case_gives_its_circumstances_back(case: Case) -> None:
    names = {"np": np, "ml_dtypes": ml_dtypes, "Case": Case, "Pair": Pair}
    assert eval(repr(case), names).circumstances == case.circumstances


@given(cases(FLOAT32))
def test_a_layer_begins_with_other_values_of_all_that_it_is_given_later(case: Case) -> None:
    begun = beginning(case)

    assert begun.circumstances == ()
    assert (begun.affine, begun.tracks, begun.x.shape) == (case.affine, case.tracks, case.x.shape)
    assert (hyperparameters_of(begun) != hyperparameters_of(case)) == ("settle hyperparameters" in case.circumstances)
    assert begun.running_var is None or (begun.running_var > 0).all()


@given(cases(FLOAT32))
def test_another_batch_has_the_form_of_the_case_and_rows_enough_to_train(case: Case) -> None:
    for one in (case, case.but(x=case.x[:1, :, ...] if case.x.ndim == 2 else case.x[:1, :, :1])):
        batch = another_batch(one, 3)
        assert batch.dtype == case.x.dtype
        assert batch.shape[1:] == one.x.shape[1:]
        assert batch.size // batch.shape[1] >= 2

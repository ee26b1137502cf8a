"""Contract, of surroundings: what a step must leave as it is beside the layer, what must not matter to it, what it keeps."""

from __future__ import annotations

import contextlib
import io
import sys

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.gradients import grads_within
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.trial import EVAL_FIRST, Trial, asked, contiguous
from bn_reference.targets.protocol import Session

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES, "training", "eval")

ONCE = {"the list of warning filters"}
STANDARD_OUTPUT = "standard output"
TWO_THREADS, GOES_BACK = 4, 16  # of so many cases one, as threads take long to begin
FEW, FILLED, MANY = 4, 64, 16  # steps: of a layer that is looked at; of one that seems to hold on to something; and then


@prop(source="github.com/HazyResearch/flash-fft-conv/issues/26: a library set the seed of whoever used it")
def a_step_leaves_its_surroundings(trial: Trial) -> Comparison:
    """Random states, default dtype and device, gradient mode, determinism, number of threads, garbage collection, warning
    filters and standard output are what they were after a step, forth and back, and nothing was printed."""
    return all_of(*(asked(lambda training=training: _as_before(trial, training), "y") for training in EVAL_FIRST))  # type: ignore[misc]


def _as_before(trial: Trial, training: bool) -> Comparison:
    changed, printed = _changed(trial, trial.lend(), training)
    if printed or not ONCE.isdisjoint(changed):  # whatever is loaded first may do so, once
        again, printed = _changed(trial, trial.lend(), training)
        changed = [name for name in changed if name in again or name not in ONCE]
    if printed and not changed:
        return fact(False, Fact(Kind.PRINTED, "y", printed))
    return fact(not changed, Fact(Kind.SURROUNDINGS, " and ".join(changed), tuple(changed), training))


class _Said(io.StringIO):
    """What is printed, which can be read even where the layer closes it."""

    left_open = True

    def close(self) -> None:
        self.left_open = False


def _changed(trial: Trial, session: Session, training: bool) -> tuple[list[str], str]:
    case, said = trial.case, _Said()
    trial.implementation.put_back()  # which other steps may have set
    before = trial.implementation.surroundings(stir=True)
    with contextlib.redirect_stdout(said):
        session.forward(place(case.x, case.layout), training=training).backward(place(case.grad_y, case.grad_layout))
        taken = sys.stdout is not said or not said.left_open
    after = trial.implementation.surroundings()
    trial.implementation.put_back()
    changed = [name for name, value in before.items() if after[name] != value]
    return [*changed, *[STANDARD_OUTPUT] * taken], said.getvalue()


@prop(source=f"{TORCH_DOCS}; docs of torch.set_num_threads")
def threads_change_rounding_alone(trial: Trial) -> Comparison:
    """A fresh layer's training step is as expected with one thread and, as in every fourth case, with two; y then has the same
    bits again, and in some of these cases the gradients are as expected."""
    case = trial.case.fresh
    turn = (case.rows + case.channels) % GOES_BACK
    if turn % TWO_THREADS == 0:
        return _with_two_threads(trial, case, back=turn == 0)
    with trial.implementation.with_threads(1):  # whose number of threads cannot be set is not asked
        observed, expected = trial.train(case), trial.expected(case)
        return all_of(within("y", observed.y, expected.y), *transform.state_within(observed.state, expected.state))


def _with_two_threads(trial: Trial, case: Case, *, back: bool) -> Comparison:
    expected = trial.expected(case)
    with trial.implementation.with_threads(2):
        session = trial.open(case)
        step = session.forward(place(case.x, case.layout), training=True)
        state = session.state()
        grads = step.backward(place(case.grad_y, case.grad_layout)) if back else None
        again = trial.open(case).forward(place(case.x, case.layout), training=True)
    return all_of(
        same_bits("y", again.y, step.y, Aspect.REPEATED),
        within("y", step.y, expected.y, Aspect.WITH_THREADS),
        *transform.state_within(state, expected.state),
        *([] if grads is None else [grads_within(grads, expected, case)]),
    )


@prop(source="github.com/pytorch/pytorch/issues/20275: what is kept of each batch fills the memory")
def a_layer_holds_on_to_few_things(trial: Trial) -> Comparison:
    """The memory of inputs and outputs that nobody else has is let go of, and no list grows, however many steps there are."""
    session, x = trial.open(), trial.case.x
    x = x[:2] if len(x) > 1 else x
    session.held()  # what is held of the steps from here on

    def held(steps: int, *, sure: bool = False) -> int:
        for number in range(steps):
            session.forward(contiguous(x), training=number % 4 < 2, record=number % 2 == 0)
        return session.held(sure=sure)

    first = held(FEW)
    if held(FEW) <= first:
        return fact(True, Fact(Kind.HOLDS, "x"))
    before = held(FILLED, sure=True)
    more = held(MANY, sure=True) - before
    return fact(more < MANY // 4, Fact(Kind.HOLDS, "x", more, MANY))

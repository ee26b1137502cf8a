"""A layer as it lives: opened for an earlier case, taken through the events of its circumstances, and settled in the case.

Everything is asked of the watched implementation, so that all of it is part of the trace. An event that a layer cannot be asked
for, or that it refuses, is left out: whether it may refuse it is for rules of their own. A step that goes wrong is not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.circumstances import EVENTS, MANNERS, OF_A_STEP, STEPS
from bn_reference.cases.layouts import place
from bn_reference.cases.others import alike, another_batch, beginning
from bn_reference.targets.protocol import Misbehaviour, Session, Step, Unsupported

__all__ = ["Outcome", "lived", "lives_on"]

OFTEN = 13
ALIKE = 3  # of so many events of a life one is on a batch that looks like the case's
ONCE = "same memory"  # of the manners, which all others outlive
LONGEST = 0.25  # seconds, after which no further event begins
Opening = Callable[[Case], Session]
Outcome = Literal["", "settled", "unsettled"]  # nothing happened; the layer that lived is judged; one beside it is


def lived(opened: Opening, case: Case) -> tuple[Session, Outcome]:
    """A layer that was through the case's circumstances, with the case's parameters, state and hyperparameters in it.

    Args:
        opened: opens a fresh layer for a case.
        case: the one that the layer is to be in. Where it cannot be brought there, another one is opened after that life.

    Returns:
        the layer, and what came of its life.
    """
    fresh, outcome = case.fresh, _Outcome()
    try:
        session = _settled(opened, case, fresh, outcome)
    except Unsupported:
        session = opened(fresh)
    for word in case.circumstances:
        if word in MANNERS and word not in OF_A_STEP:  # those are asked for where a step is looked at
            with contextlib.suppress(Unsupported):
                session = session.undergo(word, fresh)
    return session, outcome.said()


def lives_on(session: Session, case: Case) -> Session:
    """The layer that was through the case's circumstances, with the case in it once more after steps of a rule.

    Raises:
        Unsupported: there were no events in its life, or it cannot be brought to the case again.
    """
    if not any(word in EVENTS for word in case.circumstances) or not session.settles:
        raise Unsupported("it did not live")
    session = session.settle(case.fresh)
    return session.undergo(ONCE, case.fresh) if ONCE in case.circumstances else session


@dataclass
class _Outcome:
    """Whether anything happened, and whether the layer could be brought to the case after it."""

    happened: bool = False
    settled: bool = False

    def said(self) -> Outcome:
        return "" if not self.happened else "settled" if self.settled else "unsettled"


def _settled(opened: Opening, case: Case, fresh: Case, outcome: _Outcome) -> Session:
    """The layer after its events.

    Raises:
        Unsupported: there were none, or it cannot be brought to the case after them.
    """
    events = [(number, word) for number, word in enumerate(case.circumstances) if word in EVENTS]
    if not events:
        raise Unsupported("nothing happened to it")
    session = opened(beginning(case))
    if not session.settles:
        raise Unsupported("it is given parameters and state when it is built alone")
    ends = time.perf_counter() + LONGEST
    for number, word in events:
        if time.perf_counter() > ends:  # a layer that takes long to step, or to compile, is not taken to hang for its past
            break
        with contextlib.suppress(Unsupported):
            session = _after(session, word, case, number)
            outcome.happened = True
    session = session.settle(fresh)
    outcome.settled = True
    return session


def _after(session: Session, word: str, case: Case, number: int) -> Session:
    """The layer to go on with after one event.

    Raises:
        Unsupported: it cannot be asked for.
        Misbehaviour: a step went wrong.
    """
    if word not in STEPS:
        return session.undergo(word, case)
    x = alike(case) if number % ALIKE == ALIKE - 1 and case.rows > 1 else another_batch(case, number)
    fewer = x[: max((len(x) + 1) // 2, 1 if x.ndim == 3 and x.shape[2] > 1 else 2)]

    def forward(batch: Array, training: bool, record: bool = True) -> Step:
        return session.forward(place(batch, case.layout), training=training, record=record)

    match word:
        case "train":
            forward(x, True)
        case "train on fewer":
            forward(fewer, True)
        case "train on more":
            forward(np.concatenate([x, fewer]), True)
        case "train often":
            laid = place(x, case.layout)
            for _ in range(OFTEN):
                session.forward(laid, training=True)
        case "evaluate":
            forward(x, False)
        case "evaluate unrecorded":
            forward(x, False, record=False)
        case "go back" | "go back in eval":
            forward(x, word == "go back").backward(place(another_batch(case, number + 1), case.grad_layout))
        case "evaluate nothing":
            _let(lambda: forward(x[:0], False))
        case "be refused":
            if case.channels > 1:  # one channel may well be taken for many
                _let(lambda: forward(np.concatenate([x, x[:, :1]], axis=1), True))
    return session


def _let(refuse: Callable[[], object]) -> None:
    """What a layer may well refuse."""
    with contextlib.suppress(Misbehaviour):
        refuse()

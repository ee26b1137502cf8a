"""A step that is watched: what it raises becomes misbehaviour, and what was asked of it stands in the trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, TypeVar

import numpy as np

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.directions import Direction
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Fact, Kind, Unseen, Wrong
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.support.alarms import is_from_outside
from bn_reference.targets.border import missing, raised, seen_array, seen_grads, seen_second
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads, Step, Unsupported, had
from bn_reference.targets.trace import Backward, Beside, Call, Look, Overwrite, Pile, Rectify, Second, Trace

__all__ = ["WatchedStep", "asked", "had_or_why", "refused"]

T = TypeVar("T")


def asked(doing: str, call: Call, ask: Callable[[], T]) -> T:
    """What the target gives when it is asked: what it raises becomes Misbehaviour, and what it says it cannot, Unsupported.

    Interruptions and time-outs pass. A layer that ends the program has failed like one that raises.
    """
    asking = os.getpid()
    try:
        with np.errstate():  # what the target makes of it is undone
            answer = ask()
    except (Unsupported, NotImplementedError) as error:
        call.refused = missing(error, f"{doing} is not implemented").reason
        raise Unsupported(call.refused) from error
    except Misbehaviour as misbehaviour:
        call.wrong = misbehaviour.fact
        raise
    except BaseException as error:
        if is_from_outside(error):
            raise
        call.wrong = Fact(Kind.RAISED, doing, raised(error))
        raise Misbehaviour(call.wrong) from error
    finally:
        if os.getpid() != asking:  # a child of the target's that goes on as if it were its parent
            os._exit(0)
    return answer


def refused(call: Call, refusal: str) -> Unsupported:
    """What lies outside the target's domain is not asked of it."""
    call.refused = refusal
    return Unsupported(refusal)


def had_or_why(call: Call, ask: Callable[[], T], instead: Callable[[Unseen], T], cannot: str) -> T:
    """What there is, or in its place values that say why it could not be had."""
    try:
        return ask()
    except Unsupported as unsupported:
        return instead(missing(unsupported, cannot))
    except Misbehaviour as misbehaviour:
        call.wrong = misbehaviour.fact
        return instead(Wrong(misbehaviour.fact))


class WatchedStep(Step):
    """A step that is watched."""

    def __init__(
        self,
        inner: Step,
        number: int,
        shape: tuple[int, ...],
        trace: Trace,
        seen: Seen,
        domain: Domain,
        going_back: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._inner, self._number, self._shape, self._trace, self._seen = inner, number, shape, trace, seen
        self._domain, self._going_back = domain, going_back
        self._kept = False
        self.device = str(getattr(inner, "device", ""))

    @property
    def y(self) -> Array:  # type: ignore[override]  # an attribute elsewhere
        """The output. Raises Misbehaviour where it is none, and Unsupported where it cannot be seen."""
        y = had(self._seen)
        assert y is not None
        return y

    def keep(self) -> None:
        self._kept = True
        asked("keeping the step", Call(), self._inner.keep)

    def backward(self, grad_y: Placement) -> Grads:
        call = Backward(step=self._number, grad_y=grad_y, kept=self._kept)
        self._trace.append(call)

        def gone_back() -> Grads:
            self._require_taken(call, grad_y)
            with self._going_back():
                grads = asked("backward", call, lambda: self._inner.backward(grad_y))
            return seen_grads(grads, self._shape)

        call.grads = had_or_why(call, gone_back, lambda why: Grads(why, why, why), "there is no backward pass")
        return call.grads

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        call = Second(step=self._number, grad_y=grad_y, along=along)
        self._trace.append(call)
        self._require_taken(call, grad_y)
        with self._going_back():
            gave = asked("going back twice", call, lambda: self._inner.second(grad_y, along))
        call.gave = seen_second(gave, self._shape)
        return call.gave

    def pile(self, grad_y: Placement) -> Grads:
        call = Pile(step=self._number, grad_y=grad_y)
        self._trace.append(call)
        self._require_taken(call, grad_y)
        with self._going_back():
            grads = asked("backward", call, lambda: self._inner.pile(grad_y))
        call.grads = seen_grads(grads, self._shape)
        return call.grads

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        assert isinstance(other, WatchedStep)
        call = Beside(step=self._number, grad_y=grad_y, other=other._number, other_grad_y=other_grad_y)
        self._trace.append(call)
        for upstream in (grad_y, other_grad_y):
            self._require_taken(call, upstream)
        with self._going_back():
            grads, other_x = asked("backward", call, lambda: self._inner.beside(grad_y, other._inner, other_grad_y))
        call.grads, call.other_x = seen_grads(grads, self._shape), seen_array(other_x, "grad_x", other._shape)
        return call.grads, call.other_x

    def rectify(self) -> None:
        call = Rectify(step=self._number)
        self._trace.append(call)
        asked("rectifying the output in place", call, self._inner.rectify)

    def _require_taken(self, call: Call, grad_y: Placement) -> None:
        if not (self._domain.grad_layouts or is_contiguous(grad_y)):
            raise refused(call, "takes contiguous upstream gradients alone")

    def input_changed(self) -> bool:
        return bool(asked("looking at the input after the step", Call(), self._inner.input_changed))

    def given_changed(self) -> str:
        return str(asked("looking at what was handed over after the step", Call(), self._inner.given_changed))

    def upstream_changed(self) -> bool:
        return bool(asked("looking at the upstream gradient after the step", Call(), self._inner.upstream_changed))

    def shares_memory(self) -> bool:
        return bool(asked("looking at the output's memory", Call(), self._inner.shares_memory))

    def overwrite(self, what: Literal["x", "y", "weight"]) -> None:
        call = Overwrite(step=self._number, what=what)
        self._trace.append(call)
        asked("writing over an array", call, lambda: self._inner.overwrite(what))

    def now(self) -> tuple[Seen, Grads]:
        call = Look(step=self._number)
        self._trace.append(call)
        y, grads = asked("looking at what came out", call, self._inner.now)
        call.y, call.grads = seen_array(y, "y", self._shape), seen_grads(grads, self._shape)
        return call.y, call.grads

"""A step that is watched: what it raises becomes misbehaviour, and what was asked of it stands in the trace."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar

import numpy as np

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.directions import Direction
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Fact, Kind, Unseen, Wrong
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.support.alarms import is_from_outside
from bn_reference.targets.border import kind_of, missing, raised, seen_array, seen_grads, seen_second
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads, Step, Unsupported, had
from bn_reference.targets.trace import Call, Number, Trace

__all__ = ["WatchedStep", "Watching", "asked", "had_or_why", "refused", "several"]

T = TypeVar("T")


def asked(call: Call, ask: Callable[[], T]) -> T:
    """What the target gives when it is asked: what it raises becomes Misbehaviour, and what it says it cannot, Unsupported.

    Interruptions and time-outs pass. A layer that ends the program has failed like one that raises.
    """
    asking = os.getpid()
    try:
        with np.errstate():  # what the target makes of it is undone
            answer = ask()
    except (Unsupported, NotImplementedError) as error:
        call.refused = missing(error, f"{call.doing} is not implemented").reason
        raise Unsupported(call.refused) from error
    except Misbehaviour as misbehaviour:
        call.wrong = misbehaviour.fact
        raise
    except BaseException as error:
        if is_from_outside(error):
            raise
        call.wrong = Fact(Kind.RAISED, call.doing, raised(error))
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


def several(call: Call, came: object, number: int, wanted: str) -> Sequence[Any]:
    """So many things that came together."""
    if not isinstance(came, tuple | list) or len(came) != number:
        call.wrong = Fact(Kind.RETURNED, call.doing, kind_of(came), wanted)
        raise Misbehaviour(call.wrong)
    return came


class Watching:
    """Whoever passes the calls of the protocol on to what it watches, and keeps them as a trace."""

    def __init__(self, inner: object, number: int, trace: Trace) -> None:
        self._inner: Any = inner
        self._number, self._trace = number, trace

    def _call(self, method: str, *arguments: object, **options: object) -> Call:
        call = Call(method, self._number, arguments, options)
        self._trace.append(call)
        return call

    def _give(self, call: Call) -> Any:
        """What the method gives, called as it was recorded."""
        return asked(call, lambda: getattr(self._inner, call.method)(*call.arguments, **call.options))

    def _ask(self, method: str, *arguments: object, **options: object) -> Any:
        return self._give(self._call(method, *arguments, **options))

    def _look(self, method: str, *arguments: object, **options: object) -> Any:
        """The same of what no script repeats, as it changes nothing."""
        return self._give(Call(method, self._number, arguments, options))


class WatchedStep(Watching, Step):
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
        super().__init__(inner, number, trace)
        self._shape, self._seen, self._domain, self._going_back = shape, seen, domain, going_back
        self.device = str(getattr(inner, "device", ""))

    @property
    def y(self) -> Array:  # type: ignore[override]  # an attribute elsewhere
        """The output. Raises Misbehaviour where it is none, and Unsupported where it cannot be seen."""
        y = had(self._seen)
        assert y is not None
        return y

    def keep(self) -> None:
        self._ask("keep")

    def _gone_back(self, call: Call, grad_y: Placement) -> Any:
        self._require_taken(call, grad_y)
        with self._going_back():
            return self._give(call)

    def _require_taken(self, call: Call, grad_y: Placement) -> None:
        if isinstance(self._seen, Wrong):
            raise refused(call, "an output of a wrong form has no gradients to ask for")
        if not (self._domain.grad_layouts or is_contiguous(grad_y)):
            raise refused(call, "takes contiguous upstream gradients alone")

    def backward(self, grad_y: Placement) -> Grads:
        call = self._call("backward", grad_y)
        grads = had_or_why(
            call,
            lambda: seen_grads(self._gone_back(call, grad_y), self._shape),
            lambda why: Grads(why, why, why),
            "there is no backward pass",
        )
        call.gives(grads=grads)
        return grads

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        call = self._call("second", grad_y, along)
        gave = seen_second(self._gone_back(call, grad_y), self._shape)
        call.gives(gave=gave)
        return gave

    def pile(self, grad_y: Placement) -> Grads:
        call = self._call("pile", grad_y)
        grads = seen_grads(self._gone_back(call, grad_y), self._shape)
        call.gives(grads=grads)
        return grads

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        assert isinstance(other, WatchedStep)
        call, beside = self._call("beside", grad_y, Number(other._number), other_grad_y), other._inner
        for upstream in (grad_y, other_grad_y):
            self._require_taken(call, upstream)
        with self._going_back():
            came = asked(call, lambda: self._inner.beside(grad_y, beside, other_grad_y))
        grads, other_x = several(call, came, 2, "the gradients, and that of the other input")
        grads, other_x = seen_grads(grads, self._shape), seen_array(other_x, "grad_x", other._shape)
        call.gives(grads=grads, other=other_x)
        return grads, other_x

    def rectify(self) -> None:
        self._ask("rectify")

    def input_changed(self) -> bool:
        return bool(self._look("input_changed"))

    def given_changed(self) -> str:
        return str(self._look("given_changed"))

    def upstream_changed(self) -> bool:
        return bool(self._look("upstream_changed"))

    def shares_memory(self) -> bool:
        return bool(self._look("shares_memory"))

    def overwrite(self, what: Literal["x", "y", "weight"]) -> None:
        self._ask("overwrite", what)

    def now(self) -> tuple[Seen, Grads]:
        call = self._call("now")
        y, grads = several(call, self._give(call), 2, "the output and its gradients")
        y, grads = seen_array(y, "y", self._shape), seen_grads(grads, self._shape)
        call.gives(y=y, grads=grads)
        return y, grads

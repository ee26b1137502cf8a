"""A layer made of a function: parameters and running statistics that are kept for it between its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.arrays import numpy_of, seen
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.function_arguments import Arguments
from bn_reference.targets.forms.function_arrays import Arrays
from bn_reference.targets.forms.shapes import Shape
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads, Session, Step, Unsupported

__all__ = ["FunctionSession", "FunctionStep", "Manner"]

COUNTS_NOTHING = Missing("a function counts no batches")
OUTPUTS = ("y", "out", "output", "outputs")  # of a dictionary that is returned


@dataclass(frozen=True, eq=False)
class Manner:
    """How a function is called, and where what it computes is found.

    Attributes:
        arguments: which of its arguments is which.
        arrays: what it is handed.
        shapes: the axes it wants, for each number of axes that we have.
        told: how it is told to train: by an argument, by whether gradients are recorded; or it can but train, or not train.
        flag: what the argument is in training and in eval.
        statistics: where the running statistics are after a step: in the dictionary, in the arrays that were handed over,
            returned (the first of them at ``returned``), or nowhere.
        weights: which value its momentum weights.
        going_back: its backward pass from an upstream gradient and what forward returned beside y; None: what was recorded.
        goes_back: whether there are gradients, in training and in eval.
        evaluates_bare: whether it can be told not to train where it is given no running statistics.
    """

    arguments: Arguments
    arrays: Arrays
    shapes: Mapping[int, Shape]
    told: Literal["argument", "recording", "trains", "evaluates"] = "argument"
    flag: tuple[Any, Any] = (True, False)
    statistics: Literal["dictionary", "in place", "returned", "nowhere"] = "in place"
    returned: int = 1
    weights: Literal["new", "old"] = "new"
    going_back: Callable[..., Any] | None = None
    goes_back: Mapping[bool, bool] = field(default_factory=lambda: {True: True, False: True})
    evaluates_bare: bool = True


class FunctionSession(Session):
    """One layer."""

    def __init__(self, manner: Manner, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.manner, self.case = manner, case
        self.asked = input_gradient, trainable and case.affine
        self.records = manner.going_back is None
        self.parameters = [self._made(values, gradient=self.asked[1] and self.records) for values in (case.weight, case.bias)]
        self.statistics = [self._made(values) for values in (case.running_mean, case.running_var)]
        self._unseen: Missing | None = None
        momentum = case.momentum if manner.weights == "new" or case.momentum is None else 1.0 - case.momentum
        self.table: dict[str, Any] = {"eps": case.eps, "momentum": momentum}
        if case.tracks:
            self.table.update(zip(("running_mean", "running_var"), self.statistics, strict=True))
        self._scalars = {"eps": case.eps, "momentum": momentum, "table": self.table}

    def _made(self, values: Array | None, gradient: bool = False) -> Any:
        return None if values is None else self.manner.arrays.vector(values, gradient)

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        manner = self.manner
        self._require(training, record)
        recorded = training if manner.told == "recording" else record
        shape = manner.shapes[len(x.shape)]
        batch, changed = manner.arrays.batch(shape.laid(x), gradient=recorded and self.asked[0] and self.records)
        with manner.arrays.recording(recorded):
            result = manner.arguments.call(self._values(shape.enter(batch), training, shape))
        first, others = _taken_apart(result)
        if training or self._any_returned(others):
            self._keep(beside(others))
        return FunctionStep(self, x.shape, batch, changed, first, others, training, recorded)

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        arrays, shape = self.manner.arrays, self.manner.shapes[len(x.shape)]
        self._require(training, True)
        given = {"weight": (self.parameters[0], along.weight), "bias": (self.parameters[1], along.bias)}
        vectors = {name: (own, arrays.vector(values, False)) for name, (own, values) in given.items() if values is not None}
        batch, u = (arrays.batch(shape.laid(each), gradient=False)[0] for each in (x, along.x))
        with arrays.recording(training or self.manner.told != "recording"):
            came = arrays.tangent(self._as_call(shape, training), batch, u, vectors)
        return shape.leave(came, x.shape) if isinstance(came, np.ndarray) else came

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        arrays, shape = self.manner.arrays, self.manner.shapes[len(batches[0].shape)]
        self._require(False, False)
        handed = [arrays.batch(shape.laid(x), gradient=False)[0] for x in batches]
        came = arrays.mapped(self._as_call(shape, training=False), handed)
        return tuple(shape.leave(y, x.shape) if isinstance(y, np.ndarray) else y for y, x in zip(came, batches, strict=True))

    def ask(self, names: tuple[str, ...]) -> None:
        if not (self.records and self.manner.arrays.records):
            raise Unsupported("gradients are not asked for one by one")
        self.asked = "x" in names, True
        for name, parameter in zip(("weight", "bias"), self.parameters, strict=True):
            if parameter is not None:
                parameter.requires_grad_(name in names)

    def _as_call(self, shape: Shape, training: bool) -> Callable[..., Any]:
        """The output as a function of a batch, and of other parameters by their names."""

        def call(batch: Any, others: Mapping[str, Any]) -> Any:
            own = self.parameters
            self.parameters = [others.get(name, parameter) for name, parameter in zip(("weight", "bias"), own, strict=True)]
            try:
                return _taken_apart(self.manner.arguments.call(self._values(shape.enter(batch), training, shape)))[0]
            finally:
                self.parameters = own

        return call

    def _require(self, training: bool, record: bool) -> None:
        """Raises Unsupported where no such step can be asked for."""
        manner = self.manner
        if manner.told == "trains" and not training:
            raise Unsupported("it normalizes with the batch's statistics alone")
        if manner.told == "evaluates" and training:
            raise Unsupported("it normalizes with statistics that it is given, and does not train")
        if not training and not self.case.tracks and not manner.evaluates_bare:
            raise Unsupported("it evaluates with running statistics alone")
        if not record and not manner.arrays.records:
            raise Unsupported("nothing is recorded that could be turned off")
        if not record and training and manner.told == "recording":
            raise Unsupported("it trains where gradients are recorded, and evaluates where they are not")

    def _values(self, batch: Any, training: bool, shape: Shape) -> dict[str, Any]:
        """What the arguments are, by their roles."""
        flag = self.manner.flag[0 if training else 1]
        wanted = shape.vector(self.case.channels)
        vectors = [None if v is None else v.reshape(wanted) for v in (*self.parameters, *self.statistics)]
        self.table["mode"] = flag
        named = dict(zip(("weight", "bias", "mean", "var"), vectors, strict=True))
        return {"x": batch, **named, **self._scalars, "training": flag, "evaluation": flag, "mode": flag}

    def _any_returned(self, others: list[Any]) -> bool:
        return self.manner.statistics == "returned" and len(beside(others)) >= self.manner.returned + 1

    def _keep(self, others: list[Any]) -> None:
        """Find the statistics after a step; the next one starts from them."""
        self._unseen = None
        if self.manner.statistics == "dictionary":
            self.statistics = [self.table.get(name) for name in ("running_mean", "running_var")]
        elif self.manner.statistics == "nowhere":
            self._unseen = Missing("it gives no running statistics back")
        elif self.manner.statistics == "returned" and not self._any_returned(others):
            self._unseen = Missing("it returns no running statistics")
        elif self.manner.statistics == "returned" and self.case.tracks:
            moved = others[self.manner.returned - 1 : self.manner.returned + 1]
            self.statistics = [each.detach() if self.manner.arrays.recorded(each) else each for each in moved]

    def state(self) -> State:
        if not self.case.tracks:
            return State(None, None, None)
        if self._unseen is not None:
            return State(self._unseen, self._unseen, COUNTS_NOTHING)
        mean, var = (self.seen(v, what) for v, what in zip(self.statistics, ("running_mean", "running_var"), strict=True))
        return State(mean, var, COUNTS_NOTHING)

    def seen(self, value: Any, what: str) -> Seen:
        """The numbers of a vector, whatever axes of one element it has."""
        array = seen(value, what)
        return array.reshape(-1) if isinstance(array, np.ndarray) and array.size == self.case.channels else array

    def held_state(self) -> State:
        raise Unsupported("a function keeps no running statistics")

    def load(self, state: State) -> None:
        raise Unsupported("a function keeps no running statistics")

    def state_in_graph(self) -> bool:
        if self.manner.statistics != "in place" or not self.manner.arrays.records:
            raise Unsupported("whoever calls a function keeps its running statistics")
        return any(self.manner.arrays.recorded(each) for each in self.statistics)


class FunctionStep(Step):
    """One call."""

    def __init__(
        self,
        session: FunctionSession,
        shape: tuple[int, ...],
        batch: Any,
        changed: Callable[[], bool],
        tensor: Any,
        others: list[Any],
        training: bool,
        recorded: bool,
    ) -> None:
        self._session, self._batch, self._training, self._recorded = session, batch, training, recorded
        self._shape, self._sizes, self._kept, self._changed = session.manner.shapes[len(shape)], shape, False, changed
        self._upstream_changed: Callable[[], bool] = bool  # nothing has gone back
        self.tensor, self.others = tensor, others
        self.y = self._shape.leave(numpy_of(tensor, "y"), shape)
        self.device = str(getattr(tensor, "device", "cpu"))

    def keep(self) -> None:
        self._kept = True

    def input_changed(self) -> bool:
        return self._changed()

    def upstream_changed(self) -> bool:
        return self._upstream_changed()

    def backward(self, grad_y: Placement) -> Grads:
        manner, asked = self._session.manner, self._session.asked
        if not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported(f"there is no backward pass in {'training' if self._training else 'eval'}")
        handed, self._upstream_changed = manner.arrays.batch(self._shape.laid(grad_y), gradient=False)
        upstream = self._shape.enter(handed)
        sibling = manner.going_back
        grads = self._by_recording(upstream) if sibling is None else self._by_sibling(sibling, upstream)
        x = seen(grads[0], "grad_x") if asked[0] else None
        if isinstance(x, np.ndarray) and sibling is not None:  # what is recorded has the axes of the batch itself
            x = self._shape.leave(x, self._sizes)
        weight, bias = (self._session.seen(g, name) for g, name in zip(grads[1:], ("grad_weight", "grad_bias"), strict=True))
        return Grads(x, weight if asked[1] else None, bias if asked[1] else None)

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        manner, session = self._session.manner, self._session
        if manner.going_back is not None or not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported("there is no backward pass that is recorded")
        arrays, shape = manner.arrays, self._shape
        handed, self._upstream_changed = arrays.batch(shape.laid(grad_y), gradient=True)
        given = [arrays.vector(each, False) for each in (along.weight, along.bias) if each is not None]
        sources = [self._batch, *(each for each in session.parameters if each is not None)]
        directions = [arrays.batch(shape.laid(along.x), gradient=False)[0], *given]
        upstream, by = shape.enter(handed), [self._batch, handed, *sources[1:2]]
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        grads, again = arrays.gone_back_twice(self.tensor, sources, upstream, directions, by)
        names = ("grad_x", "grad_weight", "grad_bias", "second_grad_x", "second_grad_grad_y", "second_grad_weight")
        unrecorded = Missing("the derivative of its gradients by it is not recorded")
        x, weight, bias, *second = (
            None if padding else unrecorded if one is None else session.seen(one, name)
            for name, (one, padding) in zip(names, [*_padded(grads), *_padded(again)], strict=True)
        )
        return SecondGrads(Grads(x, weight, bias), second[0], second[2], second[1])

    def pile(self, grad_y: Placement) -> Grads:
        manner, session = self._session.manner, self._session
        if manner.going_back is not None or not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported("there is no backward pass that is recorded")
        handed, self._upstream_changed = manner.arrays.batch(self._shape.laid(grad_y), gradient=False)
        upstream = self._shape.enter(handed)
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        if not manner.arrays.recorded(self.tensor):
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        return Grads(*manner.arrays.piled(self.tensor, upstream, [self._batch, *session.parameters]))

    def _by_sibling(self, going_back: Callable[..., Any], upstream: Any) -> tuple[Any, Any, Any]:
        with self._session.manner.arrays.recording(False):
            returned = going_back(upstream, cache_in(self.others))
        grads = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
        if len(grads) == 1:
            return (grads[0], *(Missing("the backward pass returns the gradient of x alone"),) * 2)
        if len(grads) < 3:
            wanted = "the gradients of x, weight and bias"
            raise Misbehaviour(Fact(Kind.RETURNED, "backward", f"a tuple of {len(grads)}", wanted))
        return grads[0], grads[1], grads[2]

    def _by_recording(self, upstream: Any) -> tuple[Any, Any, Any]:
        arrays, session = self._session.manner.arrays, self._session
        if not arrays.recorded(self.tensor):
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        sources = [*([self._batch] if session.asked[0] else []), *(session.parameters if session.asked[1] else [])]
        kept, self._kept = self._kept, False
        grads = list(arrays.gradients(self.tensor, sources, upstream, kept))
        x = grads.pop(0) if session.asked[0] else None
        return (x, *grads) if session.asked[1] else (x, None, None)


def _padded(given: list[Any]) -> list[tuple[Any, bool]]:
    """Three of them, those that are not there marked."""
    return [(one, False) for one in given] + [(None, True)] * (3 - len(given))


def _taken_apart(result: Any) -> tuple[Any, list[Any]]:
    """The output, and what was returned beside it."""
    if isinstance(result, Mapping):
        name = next((name for name in OUTPUTS if name in result), None)
        if name is None:
            raise Misbehaviour(Fact(Kind.RETURNED, "forward", kind_of(result), "an array, or a tuple that begins with one"))
        return result[name], [value for key, value in result.items() if key != name]
    return (result[0], list(result[1:])) if isinstance(result, tuple | list) and result else (result, [])


def cache_in(others: list[Any]) -> Any:
    """What was returned for the backward pass: the first thing beside the output that is no array, else the last array."""
    bundles = (each for each in others if isinstance(each, tuple | list | Mapping))
    return next(bundles, others[-1] if others else None)


def beside(others: list[Any]) -> list[Any]:
    """What was returned beside the output, with what came as a pair taken apart."""
    pair = others[0] if len(others) == 1 else None
    values = list(pair.values()) if isinstance(pair, Mapping) else pair
    return list(values) if isinstance(values, tuple | list) and len(values) == 2 else others

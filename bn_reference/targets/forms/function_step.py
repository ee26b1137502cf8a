"""One call of a function: its output, and the ways back through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bn_reference.cases.case import Seen
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.arrays import numpy_of, seen
from bn_reference.targets.forms.function_manner import Manner, cache_in, gone_back
from bn_reference.targets.forms.gone_back import taken_out
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads, Step, Unsupported

__all__ = ["FunctionStep"]


class FunctionStep(Step):
    """One call."""

    def __init__(
        self,
        manner: Manner,
        parameters: list[Any],
        asked: tuple[bool, bool],
        seen: Callable[[Any, str], Seen],
        shape: tuple[int, ...],
        batch: Any,
        changed: Callable[[], bool],
        tensor: Any,
        others: list[Any],
        training: bool,
        recorded: bool,
    ) -> None:
        self._manner, self._parameters, self._asked, self._seen = manner, parameters, asked, seen
        self._batch, self._training, self._recorded = batch, training, recorded
        self._shape, self._sizes, self._kept, self._changed = manner.shapes[len(shape)], shape, False, changed
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
        manner, asked = self._manner, self._asked
        if not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported(f"there is no backward pass in {'training' if self._training else 'eval'}")
        handed, self._upstream_changed = manner.arrays.batch(self._shape.laid(grad_y), gradient=False)
        upstream = self._shape.enter(handed)
        sibling = manner.going_back
        grads = self._by_recording(upstream) if sibling is None else self._by_sibling(sibling, upstream)
        x = seen(grads[0], "grad_x") if asked[0] else None
        if isinstance(x, np.ndarray) and sibling is not None:  # what is recorded has the axes of the batch itself
            x = self._shape.leave(x, self._sizes)
        weight, bias = (self._seen(g, name) for g, name in zip(grads[1:], ("grad_weight", "grad_bias"), strict=True))
        return Grads(x, weight if asked[1] else None, bias if asked[1] else None)

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        manner = self._manner
        if manner.going_back is not None or not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported("there is no backward pass that is recorded")
        arrays, shape = manner.arrays, self._shape
        handed, self._upstream_changed = arrays.batch(shape.laid(grad_y), gradient=True)
        given = [arrays.vector(each, False) for each in (along.weight, along.bias) if each is not None]
        sources = [self._batch, *(each for each in self._parameters if each is not None)]
        directions = [arrays.batch(shape.laid(along.x), gradient=False)[0], *given]
        upstream, by = shape.enter(handed), [self._batch, handed, *sources[1:2]]
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        grads, again = arrays.gone_back_twice(self.tensor, sources, upstream, directions, by)
        names = ("grad_x", "grad_weight", "grad_bias", "second_grad_x", "second_grad_grad_y", "second_grad_weight")
        unrecorded = Missing("the derivative of its gradients by it is not recorded")
        x, weight, bias, *second = (
            None if padding else unrecorded if one is None else self._seen(one, name)
            for name, (one, padding) in zip(names, [*_padded(grads), *_padded(again)], strict=True)
        )
        return SecondGrads(Grads(x, weight, bias), second[0], second[2], second[1])

    def pile(self, grad_y: Placement) -> Grads:
        manner = self._manner
        if manner.going_back is not None or not manner.goes_back[self._training] or not self._recorded:
            raise Unsupported("there is no backward pass that is recorded")
        handed, self._upstream_changed = manner.arrays.batch(self._shape.laid(grad_y), gradient=False)
        upstream = self._shape.enter(handed)
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        if not manner.arrays.recorded(self.tensor):
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        return Grads(*manner.arrays.piled(self.tensor, upstream, [self._batch, *self._parameters]))

    def _by_sibling(self, going_back: Callable[..., Any], upstream: Any) -> tuple[Any, Any, Any]:
        with self._manner.arrays.recording(False):
            returned = gone_back(going_back, upstream, cache_in(self.others))
        grads, named = taken_out(returned)
        if len(named) == 2 and grads:
            return grads[0], named["weight"], named["bias"]
        if len(grads) == 1:
            return (grads[0], *(Missing("the backward pass returns the gradient of x alone"),) * 2)
        if len(grads) < 3:
            wanted = "the gradients of x, weight and bias"
            raise Misbehaviour(Fact(Kind.RETURNED, "backward", f"a tuple of {len(grads)}", wanted))
        return grads[0], grads[1], grads[2]

    def _by_recording(self, upstream: Any) -> tuple[Any, Any, Any]:
        arrays, asked = self._manner.arrays, self._asked
        if not arrays.recorded(self.tensor):
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        if self.tensor.shape != upstream.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        sources = [*([self._batch] if asked[0] else []), *(self._parameters if asked[1] else [])]
        kept, self._kept = self._kept, False
        grads = list(arrays.gradients(self.tensor, sources, upstream, kept))
        x = grads.pop(0) if asked[0] else None
        return (x, *grads) if asked[1] else (x, None, None)


def _padded(given: list[Any]) -> list[tuple[Any, bool]]:
    """Three of them, those that are not there marked."""
    return [(one, False) for one in given] + [(None, True)] * (3 - len(given))

"""Functional: an adapter in a few lines, for whatever computes batch normalization from arrays that are handed over.

The base class keeps the layer: its parameters, its running statistics from one step to the next, what a backward pass needs.
None of that is the target's doing, so what asks for it alone (the counter, a saved state, references that are kept, what is
recorded) is unsupported, and no rule is passed by it.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import Any

from bn_reference.arithmetic.precision import DTYPES, PAIRS
from bn_reference.cases.case import Array, Case
from bn_reference.cases.domain import AXES, Domain
from bn_reference.targets.functional_session import FunctionalSession
from bn_reference.targets.protocol import Implementation, Session, Unsupported, UnusableTarget

__all__ = ["Functional"]


class Functional(Implementation):
    """Batch normalization as a function: a subclass gives ``forward``, perhaps ``backward``, and says what it takes.

    ``y = weight (x - m) / sqrt(v + eps) + bias`` with the batch's mean and biased variance in training, ``mean, var`` in eval.

    Attributes:
        dtypes: names of the dtypes it has ("float32"); (): float16, bfloat16, float32 and float64.
        pairs: pairs of input and parameter dtype ("float16/float32"), where not every pair of its dtypes.
        dimensions: of x: 2 for (N, C), 3 for (N, C, L).
        channels: the number of channels is a multiple of this.
        eps: the one value that it has; None: any.
        momentum: the values that it has, as weights of the new batch; (): any.
        affine, tracks: whether it has weight and bias, and running statistics: of (True, False), those that it can.
        layouts, grad_layouts: False where x and grad_y must lie contiguously.
        channels_last: x, y and their gradients are (N, L, C) instead of (N, C, L).
        conventions: what it promises where batch norms lawfully differ; None: not said.
        libraries: whose own batch norm it runs through, as known deviations name them; they count as such then.
        writes_statistics: whether mean and var, as they are handed over, may be written to; weight and bias never may.
        batches: how many batches of training the statistics that are handed over have seen; set before each call.
    """

    form = "subclass of bn_reference.Functional"
    dtypes: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = (2, 3)
    channels: int = 1
    eps: float | None = None
    momentum: tuple[float, ...] = ()
    affine: tuple[bool, ...] = (True, False)
    tracks: tuple[bool, ...] = (True, False)
    layouts: bool = True
    grad_layouts: bool = True
    channels_last: bool = False
    conventions: Any = None
    libraries: tuple[str, ...] = ()
    writes_statistics: bool = True
    batches: int = 0

    @abstractmethod
    def forward(
        self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float
    ) -> tuple[Any, Any, Any]:
        """One step: ``(y, mean, var)``, y of the shape of x, and the running statistics after it.

        y alone says that it gives no statistics: what asks for them is then unsupported.

        Args:
            x: (N, C) or (N, C, L), (N, L, C) with ``channels_last``.
            weight, bias: (C,); None in a layer without affine parameters.
            mean, var: (C,), the running statistics before; None in a layer that keeps none.
            training: whether the batch's own statistics normalize it.
            eps, momentum: as torch has them: momentum weights the new batch.
        """

    def backward(
        self, grad_y: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float
    ) -> tuple[Any, Any, Any]:
        """``(grad_x, grad_weight, grad_bias)`` of ``sum(grad_y * y)``, from what forward was given."""
        raise Unsupported("there is no backward pass")

    def to_array(self, array: Array) -> Any:
        """What forward and backward are handed for a NumPy array: itself, unless a subclass makes it its framework's."""
        return array

    @property
    def domain(self) -> Domain:  # type: ignore[override]  # an attribute elsewhere
        """The cases that it takes, as its attributes say.

        Raises:
            UnusableTarget: an attribute has a value that it cannot have.
        """
        return Domain(
            eps=self.eps,
            momentum=_several(self, "momentum"),
            cumulative=False,
            affine=_several(self, "affine", (True, False)),
            tracks=_several(self, "tracks", (True, False)),
            dimensions=_several(self, "dimensions", tuple(AXES)),
            channels=self.channels,
            layouts=self.layouts,
            grad_layouts=self.grad_layouts,
            pairs=_pairs(self),
        )

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return FunctionalSession(self, case, trainable, input_gradient)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        if self.libraries or sys.modules.get("torch") is None:
            return frozenset(self.libraries)
        from bn_reference.targets.forms.torch_kernels import kernels_of

        return kernels_of(self, case, training)


def _several(target: Functional, name: str, known: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    """The values of an attribute that has one or several."""
    given = getattr(target, name)
    values = tuple(given) if isinstance(given, tuple | list) else (given,)
    wrong = [value for value in values if known and value not in known]
    if wrong or (known and not values):
        rule = f"must be of {', '.join(map(repr, known))}"
        raise UnusableTarget(f"{name} of {type(target).__name__} is {given!r}, but its values {rule}; name those that it has")
    return values


def _pairs(target: Functional) -> tuple[str, ...]:
    """Pairs of dtypes: those named, else those of the dtypes named."""
    if target.pairs:
        return _several(target, "pairs", tuple(map(str, PAIRS)))
    if not target.dtypes:
        return ()
    dtypes = _several(target, "dtypes", tuple(DTYPES))
    return tuple(str(pair) for pair in PAIRS if pair.input in dtypes and pair.parameters in dtypes)

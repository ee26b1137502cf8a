"""Values that go into an implementation and come out of it. Nothing here computes batch normalization."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, Pair, Precision
from bn_reference.cases.circumstances import Circumstances
from bn_reference.cases.code import array_code
from bn_reference.cases.facts import Unseen
from bn_reference.conventions import TORCH, Conventions

__all__ = ["Array", "Case", "Seen", "State"]

Array = npt.NDArray[Any]
Seen = Array | Unseen | None


def _freeze(instance: Any) -> None:
    """Make a value's arrays read-only views, so that whoever was handed one cannot change another's."""
    for name, value in vars(instance).items():
        if isinstance(value, np.ndarray) and value.flags.writeable:
            view = value.view()
            view.flags.writeable = False
            object.__setattr__(instance, name, view)


@dataclass(frozen=True, eq=False)
class State:
    """What a layer stores.

    Attributes:
        mean, var: the running statistics, (C,) in the parameter dtype; None without tracking.
        batches: the number of batches seen; None without tracking.
    """

    mean: Seen = None
    var: Seen = None
    batches: int | Unseen | None = None

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True, eq=False)
class Case:
    """One experiment's input: a batch, the layer's parameters and state before it, and the upstream gradient.

    Attributes:
        pair: input and parameter dtype.
        x: (N, C) or (N, C, L), input dtype.
        grad_y: shape and dtype of x; the derivative of some loss by y.
        weight, bias: (C,), parameter dtype; None stands for a layer without affine parameters.
        running_mean, running_var: (C,), parameter dtype; None stands for a layer that tracks no statistics.
        batches: number of batches that the running statistics have seen.
        eps, momentum: as torch defines them; momentum None is the cumulative average.
        layout, grad_layout: how x and grad_y lie in memory (``layouts.LAYOUTS``).
        circumstances: what the layer went through before the step, and how the step is called.
        kinds: for people: what each channel holds, as the strategy drew it.
        recipe: what the case was realized from, if from a recipe; a case made from another has none.
        model: the precision model that it is judged under; None for the usual one.
        conventions: those that it is judged by.
    """

    pair: Pair
    x: Array
    grad_y: Array
    weight: Array | None = None
    bias: Array | None = None
    running_mean: Array | None = None
    running_var: Array | None = None
    batches: int = 0
    eps: float = 1e-5
    momentum: float | None = 0.1
    layout: str = "contiguous"
    grad_layout: str = "contiguous"
    circumstances: Circumstances = ()
    kinds: tuple[str, ...] = field(default=(), repr=False)
    recipe: Any = field(default=None, repr=False)
    model: Precision | None = field(default=None, repr=False)
    conventions: Conventions = field(default=TORCH, repr=False)

    def __post_init__(self) -> None:
        _freeze(self)

    @property
    def channels(self) -> int:
        return int(self.x.shape[1])

    @property
    def rows(self) -> int:
        """m = N * L, the number of values a channel has."""
        return self.x.size // self.channels if self.channels else 0

    @property
    def affine(self) -> bool:
        return self.weight is not None

    @property
    def tracks(self) -> bool:
        return self.running_mean is not None

    @cached_property
    def precision(self) -> Precision:
        """The precision model that judges it: without parameters and statistics a layer has no dtype but the input's."""
        return self._model if self.affine or self.tracks else replace(self._model, parameters=self.pair.input, outputs=None)

    @cached_property
    def _model(self) -> Precision:
        return self.model or Precision(self.pair.input, self.pair.parameters)

    @property
    def fresh(self) -> Case:
        """The case of a layer that has not lived; the same object each time, as what is known of a case is kept by it."""
        return self._fresh if self.circumstances else self

    @cached_property
    def _fresh(self) -> Case:
        return self.but(circumstances=())

    @property
    def state(self) -> State:
        return State(self.running_mean, self.running_var, self.batches if self.tracks else None)

    def under(self, **changes: Any) -> Case:
        """The same case judged under a precision model of which some fields are changed."""
        return replace(self, model=replace(self._model, **changes))

    def kept_by(self, conventions: Conventions) -> Case:
        """The same case on a layer of other conventions, judged by them; its running statistics in the dtype they say.

        A layer that has seen no batch, and has a variance of one, has that which a new one has.
        """
        pair = self.pair
        kept = {"parameters": pair.parameters, "float32": "float32", "input": pair.input}[conventions.statistics]
        promoted = (
            np.promote_types(pair.input_dtype, pair.parameter_dtype).name if pair.input != pair.parameters else pair.input
        )
        model = replace(
            self._model,
            statistics=None if kept == pair.parameters else kept,
            outputs=promoted if conventions.output == "promoted" else None,
            flushes=conventions.subnormals == "flushed",
        )
        changes: dict[str, Any] = {"conventions": conventions, "model": model}
        var = self.running_var
        if var is not None and conventions.initial_variance == "zero" and self.batches == 0 and bool(np.all(var == 1)):
            var = np.zeros_like(var)
        changes |= {
            name: None if values is None else values.astype(DTYPES[kept], copy=False)
            for name, values in (("running_mean", self.running_mean), ("running_var", var))
        }
        if conventions.hyperparameters == "float32":
            changes["eps"] = float(np.float32(self.eps))
            changes["momentum"] = None if self.momentum is None else float(np.float32(self.momentum))
        return replace(self, **changes)

    def converted(self, pair: Pair) -> Case:
        """The same numbers in the dtypes of another pair."""
        vectors = ("weight", "bias", "running_mean", "running_var")
        given = {name: getattr(self, name) for name in vectors}
        return self.but(
            pair=pair,
            x=self.x.astype(pair.input_dtype),
            grad_y=self.grad_y.astype(pair.input_dtype),
            model=self.model and replace(self.model, inputs=pair.input, parameters=pair.parameters),
            **{name: None if values is None else values.astype(pair.parameter_dtype) for name, values in given.items()},
        )

    def but(self, **changes: Any) -> Case:
        """The same case with some fields changed."""
        return replace(self, **{"recipe": None, **changes})

    def __repr__(self) -> str:
        """Code that rebuilds the case bit for bit: ``eval`` with numpy as np, ml_dtypes, Case and Pair gives it back."""
        parts = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            said = value is not None or entry.default is not None
            if entry.repr and said and not (isinstance(value, tuple) and not value):
                parts.append(f"{entry.name}={array_code(value) if isinstance(value, np.ndarray) else repr(value)}")
        return f"Case({', '.join(parts)})"

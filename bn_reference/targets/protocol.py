"""What the suite asks of an implementation: build a layer for a case, run steps of it, show its state.

Properties speak to implementations through these three classes alone, with NumPy arrays in and out, and never name a framework.
An adapter for another framework implements ``Implementation.open``; ``torch_module`` and ``numpy_layer`` are the two examples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement

__all__ = ["Grads", "Implementation", "Misbehaviour", "Session", "Step", "Unsupported", "UnusableTarget"]


class Unsupported(Exception):
    """The implementation cannot do what a property needs; the property is then counted as unsupported, never as passed."""


class Misbehaviour(Exception):
    """The implementation broke the protocol itself: it returned no array, say. One sentence says how; it is a violation."""


class UnusableTarget(Exception):
    """The target cannot be loaded or built at all; one sentence says why and what to do."""


@dataclass(frozen=True, eq=False)
class Grads:
    """What a backward pass gave: ``x`` of the input's shape, ``weight, bias: (C,)``; None where none was asked for."""

    x: Array | None
    weight: Array | None
    bias: Array | None


class Step(ABC):
    """One forward pass: its output, and the backward pass through it.

    Attributes:
        y: the output as the implementation shaped it.
        device: where y lies, in the implementation's words ("cpu", "cuda:0").
    """

    y: Array
    device: str

    @abstractmethod
    def backward(self, grad_y: Placement) -> Grads:
        """Gradients of ``sum(grad_y * y)``; may be asked more than once. Raises Unsupported where there is no backward pass."""

    @abstractmethod
    def input_changed(self) -> bool:
        """Whether the memory that x was handed over in (the whole buffer, its gaps too) differs from before the step."""


class Session(ABC):
    """A layer built for one case, with the case's parameters and state loaded."""

    @abstractmethod
    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        """One forward pass in training or eval; ``record=False`` runs it without recording for a backward pass (no_grad)."""

    @abstractmethod
    def state(self) -> State:
        """The running statistics and the counter as they are now (copies)."""

    @abstractmethod
    def held_state(self) -> State:
        """The same, read through references taken before the first step: another thing where a buffer was replaced."""

    @abstractmethod
    def load(self, state: State) -> None:
        """Load running statistics and counter through the implementation's own way of loading a saved state."""

    @abstractmethod
    def state_in_graph(self) -> bool:
        """Whether a running statistic is attached to a recorded computation."""


class Implementation(ABC):
    """An implementation under test.

    Attributes:
        name: what the report calls it.
        device: where its arrays lie.
    """

    name: str
    device: str = "cpu"

    @abstractmethod
    def supports(self, pair: Pair) -> bool:
        """Whether it has layers of this pair of dtypes."""

    @abstractmethod
    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        """Build a layer with the case's hyperparameters, parameters and state.

        Args:
            case: its x and grad_y are not used here.
            trainable: False freezes weight and bias: no gradient of theirs is asked for.
            input_gradient: False hands over inputs that need no gradient.

        Raises:
            Unsupported: it cannot build such a layer.
        """

    @abstractmethod
    def fresh(self, case: Case) -> tuple[Array | None, Array | None, State]:
        """Weight, bias and state of a layer with the case's hyperparameters, as it is constructed."""

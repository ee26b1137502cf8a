"""Capabilities: what an implementation can be asked for, found out by asking for each thing once, on a small batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case, State
from bn_reference.cases.domain import UNRESTRICTED
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import place
from bn_reference.targets import PLAIN
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported

__all__ = ["Capabilities", "capabilities_of"]


@dataclass(frozen=True)
class Capabilities:
    """What can be asked for. Where the target went wrong when it was asked, it counts as able: the verdict tells how.

    Attributes:
        dtypes: pairs of input and parameter dtype.
        training, evaluation: forward passes.
        positions: inputs (N, C, L).
        gradients, evaluation_gradients: backward passes through training and eval.
        unrecorded: forward passes without recording (no_grad).
        statistics, counter: running statistics and number of batches are seen.
        held: references to the running statistics can be kept.
        loading: a saved state can be loaded.
        cumulative, not_affine, not_tracking: momentum=None, affine=False, track_running_stats=False.
        kernels: libraries through whose own batch norm it runs.
        form: how it is called.
        domain: what restricts the cases that it takes: fields of ``cases.domain.Domain``, those that are not the default.
        notes: what a reader must know of how it was recognized.
    """

    dtypes: tuple[str, ...]
    training: bool
    evaluation: bool
    positions: bool
    gradients: bool
    evaluation_gradients: bool
    unrecorded: bool
    statistics: bool
    counter: bool
    held: bool
    loading: bool
    cumulative: bool
    not_affine: bool
    not_tracking: bool
    kernels: tuple[str, ...]
    form: str = PLAIN
    domain: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def capabilities_of(implementation: Implementation) -> Capabilities:
    """Ask for each thing once.

    Args:
        implementation: a watched one, which raises nothing but Unsupported and Misbehaviour.
    """
    pairs = [pair for pair in PAIRS if _can(lambda pair=pair: _supported(implementation, pair))]  # type: ignore[misc]
    domain = implementation.domain
    case = domain.within(_case(pairs[0] if pairs else PAIRS[0]))
    bare = {"running_mean": None, "running_var": None, "batches": 0}

    def state(held: bool = False) -> State:
        session = implementation.open(case)
        session.forward(place(case.x, case.layout), training=True)
        return session.held_state() if held else session.state()

    def forward(training: bool = True, of: Case = case, record: bool = True) -> Any:
        return implementation.open(of).forward(place(of.x, of.layout), training=training, record=record)

    def gradients(training: bool) -> object:
        return forward(training).backward(place(case.grad_y, case.grad_layout)).x

    deep = (case.x, case.grad_y) if case.x.ndim == 3 else (case.x[:, :, None], case.grad_y[:, :, None])
    with_positions = case.but(x=deep[0], grad_y=deep[1])
    seen = _had(state)
    kernels = tuple(sorted(implementation.kernels(case, training=True) or ()))
    trains = _can(forward)
    return Capabilities(
        dtypes=tuple(map(str, pairs)),
        training=trains,
        evaluation=_can(lambda: forward(training=False)),
        positions=_can(lambda: forward(trains, of=with_positions)),
        gradients=_can(lambda: gradients(True)),
        evaluation_gradients=_can(lambda: gradients(False)),
        unrecorded=_can(lambda: forward(trains, record=False)),
        statistics=not isinstance(getattr(seen, "mean", seen), Missing),
        counter=not isinstance(getattr(seen, "batches", seen), Missing),
        held=_can(lambda: state(held=True).mean),
        loading=_can(lambda: implementation.open(case).load(case.state)),
        cumulative=_can(lambda: forward(of=case.but(momentum=None))),
        not_affine=_can(lambda: forward(trains, of=case.but(weight=None, bias=None))),
        not_tracking=_can(lambda: forward(of=case.but(**bare))),
        kernels=kernels,
        form=implementation.form,
        domain={name: value for name, value in asdict(domain).items() if value != getattr(UNRESTRICTED, name)},
        notes=(*implementation.notes, *(_of_torch_alone(implementation, case) if "torch" in kernels else ())),
    )


def _of_torch_alone(implementation: Implementation, case: Case) -> tuple[str, ...]:
    """A note where a step of what runs through torch's kernel is that alone."""
    from bn_reference.targets.forms.torch_alone import NOTHING_OF_ITS_OWN, is_alone

    target = getattr(implementation, "inner", implementation)  # whose steps show their tensors
    told = NOTHING_OF_ITS_OWN in implementation.notes
    return (NOTHING_OF_ITS_OWN,) if not told and is_alone(target, case) else ()


def _case(pair: Pair) -> Case:
    x = (np.arange(12).reshape(4, 3) % 5).astype(pair.input_dtype)
    ones, zeros = np.ones(3, pair.parameter_dtype), np.zeros(3, pair.parameter_dtype)
    return Case(pair, x, x[::-1].copy(), ones, zeros, zeros, ones, batches=1)


def _supported(implementation: Implementation, pair: Pair) -> None:
    if not implementation.supports(pair):
        raise Unsupported(str(pair))


def _had(ask: Callable[[], object]) -> object:
    """What came, Missing where it cannot be had, None where the target went wrong."""
    try:
        return ask()
    except Unsupported as unsupported:
        return Missing(str(unsupported))
    except Misbehaviour:
        return None


def _can(ask: Callable[[], object]) -> bool:
    return not isinstance(_had(ask), Missing)

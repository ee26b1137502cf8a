"""Layers of a recognized form as an implementation under test."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.support.threads import on_threads
from bn_reference.targets.forms.arrays import flat, is_tensor
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.session import FormSession, state_of
from bn_reference.targets.forms.slots import PARAMETERS, ROLES
from bn_reference.targets.protocol import Implementation, Session, Unsupported
from bn_reference.targets.surroundings import Setting

__all__ = ["FormedLayers"]


class FormedLayers(Implementation):
    """Layers of a recognized form, built and called by a plan.

    Attributes:
        plan: how.
    """

    def __init__(self, plan: Plan, name: str, form: str, domain: Domain, notes: tuple[str, ...] = ()) -> None:
        self.plan, self.name, self.device = plan, name, plan.device
        self.form, self.domain, self.notes = form, domain, notes
        self.momentum_weights = plan.momentum_weights

    @property
    def found(self) -> Mapping[str, str]:
        """What its constructor takes beside the number of channels, and where the layer keeps what."""
        given = [role if role == own else f"{own} for {role}" for role, own in self.plan.constructor.names.items()]
        kept = [f"{slot.name} {slot.said_shape} for {role}" for role, slot in self.plan.slots.items()]
        return {"arguments": ", ".join(given) or "none but the number of channels", "names": ", ".join(kept) or "none"}

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        if self.plan.backward == "method" and not (trainable and input_gradient):
            raise Unsupported("its backward pass always gives all gradients")
        return FormSession(self.plan, self.plan.build(case), case, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        if not self.plan.constructor.sized or self.plan.constructor.is_given_arrays:
            raise Unsupported("a layer is not seen as it is constructed: it is given its parameters, or sees a batch first")
        layer = self.plan.build(case)
        parts = {role: self._read(layer, role, case) for role in ROLES}
        weight, bias = (
            part if part is None or isinstance(part, Unseen) else flat(part, role, case.channels, "")
            for role, part in parts.items()
            if role in PARAMETERS
        )
        return weight, bias, State() if not case.tracks else state_of(parts, case.channels)

    def _read(self, layer: Any, role: str, case: Case) -> Any:
        slot = self.plan.slots.get(role)
        if role in PARAMETERS and slot is None and not case.affine:
            return None
        if slot is None:
            return Missing(f"its {role} is found under no known name")
        try:
            value = slot.read(layer)
        except AttributeError:
            return None if role in PARAMETERS else Missing(f"it has no {role} yet")
        return None if role in PARAMETERS and not case.affine and _is_constant(value, role) else value

    def settings(self) -> dict[str, Setting]:
        if self.plan.library == "numpy":
            return super().settings()
        from bn_reference.targets.forms.torch_tensors import SETTINGS

        return {**super().settings(), **SETTINGS}

    def surroundings(self, *, stir: bool = False) -> dict[str, object]:
        beside = super().surroundings(stir=stir)
        if self.plan.library == "numpy":
            return beside
        from bn_reference.targets.forms.torch_tensors import surroundings

        return {**beside, **surroundings(stir=stir)}

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        return super().with_threads(number) if self.plan.library == "numpy" else on_threads(number)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        if self.plan.library == "numpy":
            return frozenset()
        from bn_reference.targets.forms.torch_kernels import kernels_of

        return kernels_of(self, case, training)


def _is_constant(value: Any, role: str) -> bool:
    """Whether it is what stands in for a parameter that there is none of: ones or zeros that nothing trains."""
    if not is_tensor(value) or value.requires_grad:
        return False
    return bool((value == (1 if role == "weight" else 0)).all())

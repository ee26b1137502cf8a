"""Layers of a recognized form as an implementation under test, and the domain that probes find for them."""

from __future__ import annotations

from typing import Any

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.targets.forms.arrays import flat
from bn_reference.targets.forms.discovery import Discovered, Undiscovered
from bn_reference.targets.forms.numbers import fixed_eps, momentum_of
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.restriction import restricted
from bn_reference.targets.forms.session import FormSession, state_of
from bn_reference.targets.forms.slots import PARAMETERS, ROLES, parts_of
from bn_reference.targets.protocol import Implementation, Session, Unsupported

__all__ = ["FormedLayers", "layers_of"]


class FormedLayers(Implementation):
    """Layers of a recognized form, built and called by a plan.

    Attributes:
        plan: how.
    """

    def __init__(self, plan: Plan, name: str, form: str, domain: Domain, notes: tuple[str, ...] = ()) -> None:
        self.plan, self.name, self.device = plan, name, plan.device
        self.form, self.domain, self.notes = form, domain, notes
        self.momentum_weights = plan.momentum_weights

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        if self.plan.backward == "method" and not (trainable and input_gradient):
            raise Unsupported("its backward pass always gives all gradients")
        return FormSession(self.plan, self.plan.build(case), case, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        if not self.plan.constructor.sized:
            raise Unsupported("a layer is not seen before its first batch")
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
        try:
            return Missing(f"its {role} is found under no known name") if slot is None else slot.read(layer)
        except AttributeError:
            return None if role in PARAMETERS else Missing(f"it has no {role} yet")

    def kernels(self, case: Case, *, training: bool) -> frozenset[str]:
        if self.plan.library == "numpy":
            return frozenset()
        from bn_reference.targets.forms.torch_kernels import kernels_of

        return kernels_of(self, case, training)


def layers_of(found: Discovered, name: str, form: str, *, whole: bool) -> FormedLayers:
    """The implementation, with the domain that is found by trying.

    Args:
        found: the plan, and a case that it takes.
        name: of the target.
        form: how it is called, in a phrase.
        whole: whether it takes torch's whole constructor, by which it is held to torch's whole contract.

    Raises:
        Undiscovered: a parameter, eps or momentum is not to be found.
    """
    plan, case = found.plan, found.case
    layer = plan.build(case)
    _require_parameters(plan, layer, case)
    if whole:
        return FormedLayers(plan, name, form, Domain())
    plan, momentum = momentum_of(plan, layer, case)
    takes = plan.constructor.takes
    tracks = _tracks(found)
    domain = Domain(
        eps=None if takes("eps") else fixed_eps(plan, layer, case),
        momentum=momentum if True in tracks else (),
        affine=(True, False) if takes("affine") else (("weight" in plan.slots),),
        tracks=tracks,
        dimensions=tuple(sorted(plan.arrangements)),
        channels=case.channels if case.channels in (8, 16) else 1,
    )
    return restricted(FormedLayers(plan, name, form, domain), domain.nearest(_of_kind(case, domain)))


def _require_parameters(plan: Plan, layer: Any, case: Case) -> None:
    """weight and bias are found both, or there are none."""
    found = [role for role in PARAMETERS if role in plan.slots]
    others = [
        key
        for key, value in parts_of(layer).items()
        if bool(getattr(value, "requires_grad", False))
        and bool(getattr(value, "ndim", 0))
        and value.numel() % case.channels == 0
    ]
    if len(found) == 1 or (not found and others):
        absent = " and no ".join(role for role in PARAMETERS if role not in plan.slots)
        has = f", but {', '.join(sorted(others))}" if others else ""
        raise Undiscovered(f"it has no {absent} under a known name{has}")


def _tracks(found: Discovered) -> tuple[bool, ...]:
    if found.plan.constructor.takes("tracks"):
        return (True, False)
    keeps = any(role in found.plan.slots for role in ("running_mean", "running_var"))
    return (keeps or found.moded,)


def _of_kind(case: Case, domain: Domain) -> Case:
    """The probe's case with parameters and statistics as far as the domain has any."""
    changes: dict[str, Any] = {}
    if True not in domain.affine:
        changes |= {"weight": None, "bias": None}
    if True not in domain.tracks:
        changes |= {"running_mean": None, "running_var": None, "batches": 0}
    return case.but(**changes)

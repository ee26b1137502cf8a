"""Layers of a recognized form as an implementation under test, and the domain that probes find for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.arrays import flat, is_array
from bn_reference.targets.forms.discovery import Discovered, Undiscovered
from bn_reference.targets.forms.numbers import fixed_eps, momentum_of
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.probing import COUNTS, probe_case
from bn_reference.targets.forms.restriction import is_torchs_own, restricted
from bn_reference.targets.forms.session import FormSession, state_of
from bn_reference.targets.forms.slots import PARAMETERS, ROLES, levels_of
from bn_reference.targets.protocol import Implementation, Session, Unsupported

__all__ = ["FormedLayers", "layers_of"]

# torch 2.13 on the CPU: of one sample with one row or one column, where x is contiguous and dy channels last or the other way
# round, BatchNorm2d and 3d read one in the memory order of the other, and all gradients are wrong
ALIKE = "of one sample dy lies as x does: torch's own 2-d and 3-d backward passes misread one that lies otherwise"


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
    _require_parameters(plan, layer)
    notes: tuple[str, ...] = ()
    if max(each.dimensions for each in plan.arrangements.values()) > 3 and is_torchs_own(plan, case):
        plan, notes = replace(plan, alike=True), (ALIKE,)
    if whole:
        return FormedLayers(plan, name, form, Domain(), notes)
    plan, momentum = momentum_of(plan, layer, case)
    takes = plan.constructor.takes
    tracks = _tracks(found)
    domain = Domain(
        eps=None if takes("eps") else fixed_eps(plan, layer, case),
        momentum=momentum if True in tracks else (),
        affine=(True, False) if takes("affine") else (("weight" in plan.slots),),
        tracks=tracks,
        dimensions=tuple(sorted(plan.arrangements)),
        **_channels(plan, case),
    )
    return restricted(FormedLayers(plan, name, form, domain, notes), domain.nearest(_of_kind(case, domain)))


def _channels(plan: Plan, case: Case) -> dict[str, Any]:
    """Multiples of what it takes, where it did not take three; that number alone, where it does not take twice as many."""
    if case.channels == COUNTS[0]:
        return {}
    twice = probe_case(case.pair, 2 * case.channels, case.x.ndim)
    try:
        FormSession(plan, plan.build(twice), twice, True, True).run(place(twice.x, twice.layout), training=True)
    except (Exception, SystemExit):
        return {"channels": case.channels, "most_channels": case.channels}
    return {"channels": case.channels}


def _require_parameters(plan: Plan, layer: Any) -> None:
    """weight and bias are found both, or there are none; and nothing else is trained, or it is no batch norm alone."""
    known = {slot.path for role, slot in plan.slots.items()}
    trained = [
        ".".join((*path, name))
        for path, parts in levels_of(layer)
        for name, value in parts.items()
        if (*path, name) not in known and is_array(value) and bool(getattr(value, "requires_grad", False)) and value.is_leaf
    ]
    absent = [role for role in PARAMETERS if role not in plan.slots]
    if trained and not absent:
        raise Undiscovered(f"beside weight and bias it trains {', '.join(trained)}")
    if trained or len(absent) == 1:
        has = f"; it trains {', '.join(trained)}" if trained else ""
        raise Undiscovered(
            f"its {' and its '.join(absent)} {'is' if len(absent) == 1 else 'are'} found under no known name{has}"
        )


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

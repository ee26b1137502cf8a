"""From what was discovered of layers to an implementation, with the domain that their options, names and trials leave."""

from __future__ import annotations

from typing import Any

from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.arrays import is_array
from bn_reference.targets.forms.discovery import Discovered, Undiscovered
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.numbers import fixed_eps, momentum_of
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.probing import COUNTS, probe_case
from bn_reference.targets.forms.restriction import restricted
from bn_reference.targets.forms.session import FormSession
from bn_reference.targets.forms.slots import PARAMETERS, levels_of

__all__ = ["layers_of"]


BARE = "no weight and bias were found in it, and it is judged as a layer without them"


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
    if whole:
        return FormedLayers(plan, name, form, Domain(folds=plan.folds), found.notes)
    plan, momentum = momentum_of(plan, layer, case)
    takes = plan.constructor.takes
    tracks = _tracks(found)
    takes_parameters = plan.constructor.takes("affine")
    domain = Domain(
        eps=None if takes("eps") else fixed_eps(plan, layer, case),
        momentum=momentum if True in tracks else (),
        affine=(True, False) if takes_parameters else (("weight" in plan.slots),),
        tracks=tracks,
        folds=plan.folds,
        dimensions=tuple(sorted(plan.arrangements)),
        **_channels(plan, case),
    )
    notes = found.notes if takes_parameters or plan.slots.keys() & {*PARAMETERS} else (*found.notes, BARE)
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
    paths = {slot.path for slot in plan.slots.values()}
    parts = [((*path, name), value) for path, parts in levels_of(layer) for name, value in parts.items() if is_array(value)]
    known = [value for path, value in parts if path in paths]  # some have a second name elsewhere in the layer
    trained = [
        ".".join(path)
        for path, value in parts
        if not any(value is each for each in known) and bool(getattr(value, "requires_grad", False)) and value.is_leaf
    ]
    absent = [role for role in PARAMETERS if role not in plan.slots]
    if trained and not absent:
        raise Undiscovered(f"beside weight and bias it trains {', '.join(trained)}")
    if trained or len(absent) == 1:
        if len(absent) == 1 and not trained and getattr(layer, absent[0], layer) is None:
            other = next(role for role in PARAMETERS if role != absent[0])
            raise Undiscovered(f"it has a {other} and no {absent[0]}, and layers of one alone are not verified")
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

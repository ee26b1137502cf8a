"""Form: torch modules that take parts of torch's constructor, have other names, or take other shapes, and plain classes."""

from __future__ import annotations

from typing import Any

from bn_reference.targets.forms.arrays import builds_modules, is_module
from bn_reference.targets.forms.construction import Constructor, Unbuildable
from bn_reference.targets.forms.discovery import Discovered, Undiscovered, discover
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.layers import layers_of
from bn_reference.targets.forms.near import Near
from bn_reference.targets.forms.settings import unfolded

__all__ = ["MODULE", "recognize"]

MODULE = "a torch.nn.Module whose first argument is the number of channels"


def recognize(name: str, thing: Any, device: str) -> FormedLayers | Near | None:
    """A class or factory of torch modules, with any of the arguments of ``torch.nn.BatchNorm1d``."""
    return None if builds_modules(thing) is False else recognized(name, thing, device, MODULE, is_module)


def recognized(
    name: str, thing: Any, device: str, form: str, accepts: Any, *, whole: Constructor | None = None
) -> FormedLayers | Near | None:
    """A class or factory of layers that are accepted, as an implementation; ``whole`` is one of torch's whole constructor."""
    try:
        constructor = whole or Constructor.of(unfolded(thing))
        found = discover(constructor, device, accepts)
        return None if found is None else layers_of(found, name, said(found, form), whole=whole is not None)
    except (Unbuildable, Undiscovered) as missing:
        return Near(form, str(missing), marks=1 + isinstance(missing, Undiscovered))


def said(found: Discovered, form: str) -> str:
    """The form, with what is not torch's own way of calling a layer."""
    plan = found.plan
    words = [form.partition(" whose ")[0].removeprefix("a ")]
    others = dict.fromkeys(each.axes for ndim, each in plan.arrangements.items() if not each.is_plain(ndim))
    if others:
        words.append(f"handed {' and '.join(others)}")
    if plan.mode.kind in ("attribute", "argument", "recording"):
        words.append(f"told by {plan.mode.words} whether it trains")
    if plan.beside:
        words.append("which returns more beside its output")
    return ", ".join(words + ["inference alone"] * (not plan.trains))

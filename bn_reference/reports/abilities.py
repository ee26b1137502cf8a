"""What an implementation cannot be asked for, and whose kernel it runs through, said once at the top of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bn_reference.cases.domain import AXES
from bn_reference.targets import PLAIN, TORCH, USUAL
from bn_reference.targets.frameworks.known import KNOWN

__all__ = ["cannot", "say_capabilities", "taken"]

CANNOT = {
    "training": "training",
    "evaluation": "eval",
    "positions": "inputs (N, C, L)",
    "gradients": "gradients in training",
    "evaluation_gradients": "gradients in eval",
    "unrecorded": "steps that are not recorded (no_grad)",
    "statistics": "running statistics",
    "counter": "the number of batches",
    "held": "references to the running statistics",
    "loading": "loading a state",
    "cumulative": "momentum=None",
    "not_affine": "affine=False",
    "not_tracking": "track_running_stats=False",
}


IMPLIED = {  # what the domain says already, in words of its own
    "positions": "dimensions",
    "cumulative": "momentum",
    "not_affine": "affine",
    "not_tracking": "tracks",
}


STATISTICS = ("statistics", "counter", "held", "loading")  # what nobody can be asked for who keeps none


def cannot(capabilities: Mapping[str, Any]) -> list[str]:
    """What it cannot be asked for, a phrase each, of what its domain does not say already."""
    domain = capabilities.get("domain", {})
    said = STATISTICS if True not in domain.get("tracks", (True,)) else ()
    return [
        words
        for name, words in CANNOT.items()
        if capabilities.get(name) is False and IMPLIED.get(name) not in domain and name not in said
    ]


def say_capabilities(target: str, capabilities: Mapping[str, Any]) -> list[str]:
    """How it is called; what it takes and cannot be asked for; whose kernel it runs through; nothing for what everybody can."""
    lines = []
    domain, form = capabilities.get("domain", {}), capabilities.get("form", PLAIN)
    absent = cannot(capabilities)
    if form not in USUAL:
        lines.append(f"called as: {form}")
    if domain:
        lines.append(", ".join([*taken(domain), *(f"no {words.removeprefix('the ')}" for words in absent)]))
    elif absent:
        lines.append(f"it cannot be asked for: {', '.join(absent)}")
    for library in () if target == TORCH or target in KNOWN else capabilities.get("kernels", ()):
        lines.append(f"it computes through the batch norm of {library} itself, whose known deviations count as such here")
    return [*lines, *capabilities.get("notes", ())]


def taken(domain: Mapping[str, Any]) -> list[str]:
    """What it takes, a phrase for each thing that is restricted."""
    axes = " and ".join(AXES[n] for n in domain.get("dimensions", AXES))
    said = [" ".join(["takes", axes, *([_dtypes(domain["pairs"])] if "pairs" in domain else [])])]
    momentum = domain.get("momentum", ())
    if "eps" in domain:
        said.append(f"eps fixed at {domain['eps']:g}")
    if len(momentum) == 1:
        said.append(f"momentum fixed at {momentum[0]:g}" if momentum[0] is not None else "momentum=None alone")
    elif momentum:
        said.append(f"momentum among {', '.join('None' if each is None else f'{each:g}' for each in momentum)}")
    for option, words in (("affine", "weight and bias"), ("tracks", "running statistics")):
        if option in domain:
            said.append(f"{'always' if True in domain[option] else 'no'} {words}")
    if "most_channels" in domain:
        said.append(f"{domain['most_channels']} channels{' at most' if 'channels' not in domain else ''}")
    elif "channels" in domain:
        said.append(f"channels in multiples of {domain['channels']}")
    said += ["contiguous inputs alone"] * ("layouts" in domain) + ["contiguous upstream gradients alone"] * (
        "grad_layouts" in domain
    )
    said += ["parameters and state as a new layer has them"] * ("starts" in domain)
    return said + ["compiled for each shape, so that cases have few"] * ("palette" in domain)


def _dtypes(pairs: Sequence[str]) -> str:
    """Pairs of dtypes, those of one dtype by its name."""
    words = []
    for pair in pairs:
        of_input, _, of_parameters = pair.partition("/")
        words.append(of_input if of_input == of_parameters else f"{of_input} with {of_parameters} parameters")
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)

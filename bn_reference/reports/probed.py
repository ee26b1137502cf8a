"""What a probe found, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from bn_reference.conventions import TORCH, VALUES
from bn_reference.reports.abilities import CANNOT
from bn_reference.reports.lawful import say_names
from bn_reference.reports.streams import print_suitably

__all__ = ["print_probe"]

WIDTH = 12  # of the first column


def print_probe(found: Mapping[str, Any], console: Console) -> None:
    """Print it, a line a thing; ``found`` is the probe's JSON object."""
    text = "\n".join(_lines(found))
    print_suitably(lambda suitable: suitable.print(text, markup=False, soft_wrap=True), console)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['target']} on {found['device']}"
    yield _line("form", found["form"])
    for name, what in found["found"].items():
        yield _line(name, what)
    capabilities, domain = found["capabilities"], found["domain"]
    yield _line("dtypes", ", ".join(capabilities.get("dtypes", domain["pairs"])) or "not told")
    yield _line("takes", ", ".join(_taken(domain)))
    cannot = [words for name, words in CANNOT.items() if capabilities.get(name) is False]
    yield _line("cannot", ", ".join(cannot) or "it can be asked for everything")
    kernels = capabilities.get("kernels", [])
    if kernels:
        yield _line("kernel", f"computes through the batch norm of {say_names(kernels)} itself")
    yield _line("accuracy", found["accuracy"] or "no running variance shows it")
    differing = found["differs_from_torch"]
    yield _line("convention", "torch's" if not differing else f"torch's but for {len(differing)}:")
    for name, value in differing.items():
        yield _line("", f"{name}={value}: {VALUES[name][value]}, where torch has {VALUES[name][getattr(TORCH, name)]}")
    for note in found["notes"]:
        yield _line("note", note)


def _line(name: str, what: str) -> str:
    return f"  {name:<{WIDTH}}{what}"


def _taken(domain: Mapping[str, Any]) -> Iterator[str]:
    """The cases that it takes, in a few words."""
    yield " and ".join({2: "(N, C)", 3: "(N, C, L)"}[number] for number in domain["dimensions"])
    yield "channels in any number" if domain["channels"] == 1 else f"channels in multiples of {domain['channels']}"
    yield "any layout" if domain["layouts"] else "contiguous inputs alone"
    yield "any eps" if domain["eps"] is None else f"eps {domain['eps']:g} alone"
    numbers = [f"{momentum:g}" for momentum in domain["momentum"] if momentum is not None]
    if len(numbers) == 1:
        yield f"momentum {numbers[0]} alone, as the weight of the new batch"
    if not domain["starts"]:
        yield "no parameters and no state can be given to it"

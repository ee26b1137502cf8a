"""What a probe found, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from bn_reference.conventions import TORCH, VALUES
from bn_reference.reports.abilities import cannot, taken
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
    capabilities = found["capabilities"]
    domain = capabilities.get("domain", {})
    yield _line("dtypes", ", ".join(capabilities.get("dtypes", ())) or "not told")
    yield _line(
        "takes", ", ".join(taken({name: what for name, what in domain.items() if name != "pairs"})).removeprefix("takes ")
    )
    yield _line("cannot", ", ".join(cannot(capabilities)) or "it can be asked for everything")
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

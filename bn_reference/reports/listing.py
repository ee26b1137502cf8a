"""What ``bn-reference list`` shows: the rules, family by family, and what they can be tried on."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import ALL, ON_REQUEST
from bn_reference.targets.recognition import FORMS

__all__ = ["print_listing"]


def print_listing(console: Console) -> None:
    """Print every property with its formula and source, the pairs of dtypes, and the forms of a target."""
    for family in dict.fromkeys(property.family for property in ALL):
        aside = " (asked for by --property alone)" * (family in {property.family for property in ON_REQUEST})
        console.print(Text(family, style="bold").append(aside, style="not bold dim"))
        for property in (p for p in ALL if p.family == family):
            console.print(Padding(Text(property.name, style="cyan"), (0, 0, 0, 2)))
            said = Text(property.formula).append(f" [{property.source}]", style="dim")
            if property.implied_by:
                said.append(f" Follows from {', '.join(property.implied_by)}: it finds nothing alone.", style="dim")
            console.print(Padding(said, (0, 0, 0, 6)))
        console.print()
    console.print(
        Text("pairs of input and parameter dtype: ", style="bold").append(", ".join(map(str, PAIRS)), style="not bold")
    )
    console.print(Text("targets: ", style="bold").append(FORMS, style="not bold"))

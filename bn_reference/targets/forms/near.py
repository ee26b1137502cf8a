"""What a target nearly is: the form whose marks it has, and what is missing of it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Near"]


@dataclass(frozen=True)
class Near:
    """A form that a target nearly has.

    Attributes:
        form: the form, as a phrase with its article: "a torch.nn.Module whose first argument is the number of channels".
        missing: what is missing of it, as a clause: "its weight is found under no known name".
        marks: how many of the form's marks it has; the nearest form is the one with most.
    """

    form: str
    missing: str
    marks: int = 1

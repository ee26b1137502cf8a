"""What a property is: a named sentence with a formula, a source and a body that acts once and compares once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bn_reference.oracle.compare import Comparison
from bn_reference.properties.trial import Trial

__all__ = ["FAMILIES", "Mode", "Property", "family"]

Mode = Literal["training", "eval"]

Body = Callable[[Trial], Comparison]

FAMILIES = ("normalization", "running", "gradients", "evaluation", "contract")

IOFFE_SZEGEDY = "Ioffe & Szegedy 2015"
TORCH_DOCS = "docs of torch.nn.BatchNorm1d"


@dataclass(frozen=True)
class Property:
    """A rule of batch normalization that an implementation keeps or breaks.

    Attributes:
        name: the sentence, in snake_case.
        family: one of FAMILIES, or lives.
        formula: the rule in symbols, with what the symbols mean: the body's docstring.
        source: where the rule comes from.
        body: runs the implementation in a trial and compares; raises NotApplicable or Unsupported.
        modes: whether it looks at steps in training, in eval, or both.
        direct: whether it holds what a step of the case itself gave against what the oracle expects of that step.
        implied_by: rules from which it follows: it teaches, and finds nothing that they do not.
        one_in: of so many examples that are asked for, it tries one: what it asks costs much, and depends on little of a case.
    """

    name: str
    family: str
    formula: str
    source: str
    body: Body = field(repr=False)
    modes: tuple[Mode, ...] = ("training",)
    direct: bool = False
    implied_by: tuple[str, ...] = ()
    one_in: int = 1

    @property
    def sentence(self) -> str:
        return self.name.replace("_", " ")


def family(name: str, into: list[Property], *modes: Mode) -> Callable[..., Callable[[Body], Body]]:
    """A decorator that registers functions as properties of one family, of steps in these modes: ``@prop(source="...")``."""
    of_family = modes

    def prop(
        *,
        source: str,
        modes: tuple[Mode, ...] = of_family,
        direct: bool = False,
        implied_by: tuple[str, ...] = (),
        one_in: int = 1,
    ) -> Callable[[Body], Body]:
        def register(body: Body) -> Body:
            if not body.__doc__:
                raise TypeError(f"property {body.__name__} has no docstring; write its formula there")
            formula = " ".join(body.__doc__.split())
            into.append(Property(body.__name__, name, formula, source, body, modes, direct, implied_by, one_in))
            return body

        return register

    return prop

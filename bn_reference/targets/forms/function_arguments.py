"""The arguments of a function of batch normalization: which is which, by their names, and how it is called with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bn_reference.targets.forms.names import BIAS, CHANNELS, EPS, EVALUATION, MEAN, MOMENTUM, TRAINING, VAR, WEIGHT, named
from bn_reference.targets.forms.near import Near

__all__ = ["FORM", "Arguments", "arguments_of"]

FORM = "a function of a batch, its parameters and its running statistics"
BATCH = ("x", "input", "inputs", "batch", "data", "z", "h", "a", "inp", "tensor", "features", "activations", "x_in", "images")
TABLE = ("bn_param", "bn_params", "bn_config", "bn_state", "bn_dict", "params", "param", "config", "state", "options")
MODE = ("mode", "phase", "stage")
ROLES = {
    "x": BATCH,
    "weight": WEIGHT,
    "bias": BIAS,
    "mean": (*MEAN, "batch_mean", "mean_r", "mm"),
    "var": (*VAR, "batch_var", "sigma2", "sigma_sq", "var_r", "mv", "running_sigma2"),
    "eps": (*EPS, "eps_value"),
    "momentum": (*MOMENTUM, "exponential_average_factor", "exponential_avg_factor", "average_factor", "mom"),
    "training": TRAINING,
    "evaluation": EVALUATION,
    "mode": MODE,
    "table": TABLE,
}


@dataclass(frozen=True, eq=False)
class Arguments:
    """A function, and what its arguments are.

    Attributes:
        function: what is called.
        parameters: its arguments, in order.
        roles: for each role (x, weight, bias, mean, var, eps, momentum, training, evaluation, mode, table) the argument's name.
        unnamed: it is called by position alone.
    """

    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]
    roles: Mapping[str, str]
    unnamed: bool = False

    def __contains__(self, role: str) -> bool:
        return role in self.roles

    def default(self, role: str) -> Any:
        """The default of the argument that has this role; None where there is none."""
        found = next((p.default for p in self.parameters if p.name == self.roles.get(role)), None)
        return None if found is inspect.Parameter.empty else found

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call it with these values for its roles; what it has no role for keeps its default."""
        given = {self.roles[role]: value for role, value in values.items() if role in self.roles}
        if not self.unnamed:
            first = [p for p in self.parameters if p.kind is p.POSITIONAL_ONLY and p.name in given]
            rest = {name: value for name, value in given.items() if name not in {p.name for p in first}}
            return self.function(*(given[p.name] for p in first), **rest)
        wanted = [p for p in self.parameters if p.name in given or p.default is not p.empty]
        return self.function(*(given.get(p.name, p.default) for p in wanted))

    @property
    def said(self) -> str:
        """Its arguments, as its author wrote them."""
        return f"({', '.join(p.name for p in self.parameters if p.name in self.roles.values())})"


def arguments_of(
    function: Callable[..., Any], written: Callable[..., Any] | None = None, skip: int = 0
) -> Arguments | Near | None:
    """What the arguments of a function are, by their names; None where it is no function of batch normalization.

    Args:
        function: what is called.
        written: where its arguments have names, if it has none itself; it is then called by position.
        skip: how many of the first of those are not given (a context).
    """
    try:
        signature = _signature_of(written or function)
    except (TypeError, ValueError):
        return None
    parameters = tuple(p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))[skip:]
    if parameters and named([parameters[0].name], tuple(name for name in CHANNELS if name not in BATCH)):
        return None  # it builds layers
    roles = _roles([p.name for p in parameters])
    pairs = [pair for pair in (("weight", "bias"), ("mean", "var")) if all(role in roles for role in pair)]
    if "x" not in roles or not (pairs or ("eps" in roles and ("weight" in roles or "mean" in roles))):
        return None
    marks = len(roles)
    for one, other in (("weight", "bias"), ("mean", "var")):
        if (one in roles) != (other in roles):
            there, absent = (one, other) if one in roles else (other, one)
            return Near(FORM, f"it has an argument for the {there}, {roles[there]!r}, and none known for the {absent}", marks)
    required = [p.name for p in parameters if p.default is p.empty and p.name not in roles.values()]
    if required:
        names = ", ".join(map(repr, required))
        return Near(FORM, f"what its argument{'s' * (len(required) > 1)} {names} may be is not known", marks)
    return Arguments(function, parameters, roles, unnamed=written is not None)


def _signature_of(function: Any) -> inspect.Signature:
    """Its arguments; of an operator or a scripted function of torch, which shows Python none, those of its schema."""
    operator = getattr(function, "_opoverload", getattr(function, "default", function))
    schema = getattr(function, "schema", getattr(operator, "_schema", None))
    if schema is None or not hasattr(schema, "arguments"):
        return inspect.signature(function)
    usual, named_alone = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                named_alone if argument.kwarg_only else usual,
                default=argument.default_value if argument.has_default_value() else inspect.Parameter.empty,
            )
            for argument in schema.arguments
        ]
    )


def _roles(names: list[str]) -> dict[str, str]:
    """Each role's argument; the batch is the first argument where no name says so."""
    roles: dict[str, str] = {}
    for role, aliases in ROLES.items():
        free = [name for name in names if name not in roles.values()]
        name = named(free, aliases)
        if name is not None:
            roles[role] = name
    if "x" not in roles and names and names[0] not in roles.values():
        roles["x"] = names[0]
    return roles

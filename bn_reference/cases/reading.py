"""Cases read back from the code that reports write of them, which is never run: nothing but such code is understood.

A report, or a file of accepted deviations, may come from anywhere, so the code is taken apart as a tree, and a name, a call or
an attribute that no case has is refused. How it is written is for ``case`` and ``code``.
"""

from __future__ import annotations

import ast
import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from bn_reference.arithmetic.precision import DTYPES, PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import EVENTS, MANNERS
from bn_reference.cases.large import LargeRecipe
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.cases.recipe import Lattice, Recipe

__all__ = ["UnreadableCase", "case_read", "recipe_read"]

CLASSES: Mapping[str, Callable[..., Any]] = {
    "Case": Case,
    "Pair": Pair,
    "Recipe": Recipe,
    "Lattice": Lattice,
    "LargeRecipe": LargeRecipe,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "np.array": np.array,
    "np.zeros": np.zeros,
    "np.resize": np.resize,
    "np.bincount": np.bincount,
    "np.frombuffer": np.frombuffer,
    "__import__('zlib').decompress": zlib.decompress,
    "__import__('base64').b85decode": base64.b85decode,
}
NAMES: Mapping[str, Any] = {
    "int": int,
    "np.nan": np.nan,
    "np.inf": np.inf,
    "ml_dtypes.bfloat16": ml_dtypes.bfloat16,
    **{f"np.{name}": dtype.type for name, dtype in DTYPES.items() if name != "bfloat16"},
}
METHODS = ("astype", "reshape")  # of arrays
WORDS = frozenset((*EVENTS, *MANNERS))


class UnreadableCase(ValueError):
    """Code that is no case; what is wrong with it, as a clause."""


def case_read(code: str) -> Case:
    """The case that ``repr(case)`` gave this code of, bit for bit.

    Raises:
        UnreadableCase: it is no code of a case.
    """
    case = _read(code)
    if not isinstance(case, Case):
        raise UnreadableCase("is no Case")
    if case.pair not in PAIRS or case.x.ndim not in (2, 3) or {case.layout, case.grad_layout} - set(LAYOUTS):
        raise UnreadableCase("has a pair of dtypes, a shape or a layout that no case has")
    strange = [word for word in case.circumstances if word not in WORDS]
    if strange:
        raise UnreadableCase(f"has the circumstance {strange[0]!r}, which this version does not know")
    return case


def recipe_read(code: str) -> Recipe | LargeRecipe:
    """The recipe that ``repr(recipe)`` gave this code of.

    Raises:
        UnreadableCase: it is no code of a recipe.
    """
    recipe = _read(code)
    if not isinstance(recipe, Recipe | LargeRecipe):
        raise UnreadableCase("is no recipe of a case")
    return recipe


def _read(code: str) -> Any:
    try:
        return _value(ast.parse(code.strip(), mode="eval").body)
    except UnreadableCase:
        raise
    except Exception as error:  # of the parser, or of NumPy where numbers do not go together
        raise UnreadableCase(f"cannot be read ({type(error).__name__}: {' '.join(str(error).split())})") from None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(elements):
            return tuple(map(_value, elements))
        case ast.List(elements):
            return list(map(_value, elements))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand)
        case ast.Call(function, arguments, keywords):
            return _called(function, [_value(each) for each in arguments], {str(k.arg): _value(k.value) for k in keywords})
        case ast.Name() | ast.Attribute() if (name := ast.unparse(node)) in NAMES:
            return NAMES[name]
    raise UnreadableCase(f"has {ast.unparse(node)[:60]!r} in it, which no case has")


def _called(function: ast.expr, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    name = ast.unparse(function)
    known = CLASSES.get(name) or FUNCTIONS.get(name)
    if known is not None:
        return known(*arguments, **keywords)
    if isinstance(function, ast.Attribute) and function.attr in METHODS:
        array = _value(function.value)
        if isinstance(array, np.ndarray):
            return getattr(array, function.attr)(*arguments, **keywords)
    raise UnreadableCase(f"calls {name[:60]}, which no case does")

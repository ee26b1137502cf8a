"""Layers that refuse what is recorded, as not implemented: forward they are verified all the same."""

from __future__ import annotations

from bn_reference.cases.case import Case
from bn_reference.targets.border import said

__all__ = ["ForwardAlone", "alone"]

Kind = tuple[str, int, bool]


def alone(refusal: BaseException | None = None) -> str:
    """What a reader is told of who goes forward alone: with what it said of a step that is recorded, where it said anything."""
    return "forward alone: nothing of it is recorded" if refusal is None else f"forward alone: {_refused(refusal)}"


def _refused(refusal: BaseException) -> str:
    return f"what is recorded is refused: {said(refusal)}"


class ForwardAlone:
    """The kinds of steps that a target has refused where they are recorded, and taken where they are not."""

    def __init__(self) -> None:
        self._reasons: dict[Kind, str] = {}

    def note(self, case: Case, training: bool, refusal: Exception) -> None:
        """Steps like that one are recorded no more."""
        self._reasons[_kind(case, training)] = _refused(refusal)

    def why(self, case: Case, training: bool) -> str:
        """What it said; empty where such steps are recorded."""
        return self._reasons.get(_kind(case, training), "")


def _kind(case: Case, training: bool) -> Kind:
    return str(case.pair), case.x.ndim, training

"""All layers on which the suite is measured: the wrong ones, which are to be killed, and the correct ones, which are not."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bn_reference.conventions import TORCH, Conventions
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.controls import CONTROLS
from bn_reference.power.declaration import Control, Mutant
from bn_reference.power.lawful.catalogue import LAWFUL, UNLAWFUL, OfConvention
from bn_reference.power.malformed import MALFORMED
from bn_reference.power.mutants.catalogue import MUTANTS

__all__ = ["SAMPLE_SEED", "SUBJECTS", "Subject", "UnknownSubject", "sample_of", "select"]

OTHER_CONVENTIONS = "conventions"
SAMPLE_SEED = 0


class UnknownSubject(ValueError):
    """A name is that of no layer and of no kind; the sentence says what there is."""


@dataclass(frozen=True)
class Subject:
    """A layer on which the suite is measured.

    Attributes:
        name: unique among all.
        kind: of fault, or of what a correct one does otherwise: the file that declares it.
        story: in one sentence.
        factory: the class, with the constructor of ``torch.nn.BatchNorm1d``.
        conventions: those that it claims, and is held to.
        correct: whether nothing may be said of it.
    """

    name: str
    kind: str
    story: str
    factory: type[CleanBatchNorm1d]
    conventions: Conventions = TORCH
    correct: bool = False


def _subject(layer: Mutant | Control | OfConvention, correct: bool) -> Subject:
    if isinstance(layer, OfConvention):
        return Subject(layer.name, OTHER_CONVENTIONS, layer.story, layer.factory, layer.conventions, correct)
    return Subject(layer.name, layer.factory.__module__.rpartition(".")[2], layer.story, layer.factory, correct=correct)


WRONG: list[Mutant | Control | OfConvention] = [*MUTANTS, *MALFORMED.controls, *UNLAWFUL]
CORRECT: list[Control | OfConvention] = [*CONTROLS, *LAWFUL]
SUBJECTS = (*(_subject(layer, False) for layer in WRONG), *(_subject(layer, True) for layer in CORRECT))


def select(names: Iterable[str]) -> Sequence[Subject]:
    """The layers of these names or kinds; all where none is given. "mutants" and "controls" are kinds too.

    Raises:
        UnknownSubject: a name is that of none.
    """
    wanted = list(names)
    if not wanted:
        return SUBJECTS
    known = {word for subject in SUBJECTS for word in _words(subject)}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            kinds = ", ".join(sorted({subject.kind for subject in SUBJECTS}))
            hint = f"did you mean {near[0]}?" if near else f"the kinds are {kinds}"
            raise UnknownSubject(f"the mutant is {name!r}, which is the name of no layer and of no kind; {hint}")
    return [subject for subject in SUBJECTS if not _words(subject).isdisjoint(wanted)]


def sample_of(subjects: Sequence[Subject], layers: int) -> Sequence[Subject]:
    """So many of them, drawn by a seed, in their order; all where it is none. A larger sample has all of a smaller one."""
    if not layers:
        return subjects
    drawn = set(random.Random(SAMPLE_SEED).sample(range(len(subjects)), len(subjects))[:layers])
    return [subject for index, subject in enumerate(subjects) if index in drawn]


def _words(subject: Subject) -> set[str]:
    return {subject.name, subject.kind, "controls" if subject.correct else "mutants"}

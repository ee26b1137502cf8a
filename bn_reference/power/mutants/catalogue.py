"""All mutants, family by family: a new one is a class in its family's file and needs no line here."""

from __future__ import annotations

from bn_reference.power.declaration import Mutant
from bn_reference.power.mutants.calls import CALLS
from bn_reference.power.mutants.cheating import CHEATING
from bn_reference.power.mutants.contract import CONTRACT
from bn_reference.power.mutants.counts import COUNTS
from bn_reference.power.mutants.curvature import CURVATURE
from bn_reference.power.mutants.derivatives import DERIVATIVES
from bn_reference.power.mutants.edge import EDGE
from bn_reference.power.mutants.elsewhere import ELSEWHERE
from bn_reference.power.mutants.evaluation import EVALUATION
from bn_reference.power.mutants.faint import FAINT
from bn_reference.power.mutants.formulas import FORMULAS
from bn_reference.power.mutants.going_back import GOING_BACK
from bn_reference.power.mutants.gradients import GRADIENTS
from bn_reference.power.mutants.habits import HABITS
from bn_reference.power.mutants.kept import KEPT
from bn_reference.power.mutants.kernels import KERNELS
from bn_reference.power.mutants.layouts import LAYOUTS
from bn_reference.power.mutants.lives import LIVES
from bn_reference.power.mutants.mechanics import MECHANICS
from bn_reference.power.mutants.normalization import NORMALIZATION
from bn_reference.power.mutants.ownership import OWNERSHIP
from bn_reference.power.mutants.refused import REFUSED
from bn_reference.power.mutants.roundings import ROUNDINGS
from bn_reference.power.mutants.running import RUNNING
from bn_reference.power.mutants.sizes import SIZES
from bn_reference.power.mutants.surroundings import SURROUNDINGS
from bn_reference.power.mutants.without_numbers import WITHOUT_NUMBERS

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: tuple[Mutant, ...] = tuple(
    mutant
    for family in (
        NORMALIZATION,
        RUNNING,
        EVALUATION,
        GRADIENTS,
        CONTRACT,
        LIVES,
        CALLS,
        DERIVATIVES,
        MECHANICS,
        WITHOUT_NUMBERS,
        EDGE,
        SURROUNDINGS,
        OWNERSHIP,
        GOING_BACK,
        FAINT,
        ELSEWHERE,
        SIZES,
        LAYOUTS,
        KERNELS,
        KEPT,
        REFUSED,
        ROUNDINGS,
        HABITS,
        FORMULAS,
        CURVATURE,
        COUNTS,
        CHEATING,
    )
    for mutant in family.mutants
)

"""Known slips, and what an implementation would give that made one."""

from bn_reference.verification.rivals.batch import OF_THE_BATCH
from bn_reference.verification.rivals.fitted import fitted, zero
from bn_reference.verification.rivals.gradients import OF_THE_GRADIENTS
from bn_reference.verification.rivals.hypothesis import QUANTITIES, STATE, Rival, truth
from bn_reference.verification.rivals.layer import OF_THE_PARAMETERS, OF_THE_ROOT, OF_THE_UPDATE
from bn_reference.verification.rivals.lives import OF_A_LIFE
from bn_reference.verification.rivals.precision import OF_THE_PRECISION, Inexact

__all__ = ["OF_A_LIFE", "OF_THE_PRECISION", "QUANTITIES", "RIVALS", "STATE", "Inexact", "Rival", "fitted", "truth", "zero"]

RIVALS: tuple[Rival, ...] = (*OF_THE_UPDATE, *OF_THE_ROOT, *OF_THE_BATCH, *OF_THE_PARAMETERS, *OF_THE_GRADIENTS)

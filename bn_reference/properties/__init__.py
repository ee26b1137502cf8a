"""The rules of batch normalization, each a named sentence: ``PROPERTIES``, in the order in which they are reported."""

from bn_reference.properties import contract, edge, evaluation, gradients, memory, normalization, running, surroundings
from bn_reference.properties.registry import FAMILIES, Property
from bn_reference.properties.trial import NotApplicable

__all__ = ["FAMILIES", "PROPERTIES", "NotApplicable", "Property"]

PROPERTIES: tuple[Property, ...] = (
    *normalization.PROPERTIES,
    *running.PROPERTIES,
    *gradients.PROPERTIES,
    *evaluation.PROPERTIES,
    *contract.PROPERTIES,
    *edge.PROPERTIES,
    *memory.PROPERTIES,
    *surroundings.PROPERTIES,
)

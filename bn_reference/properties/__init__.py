"""The rules of batch normalization, each a named sentence, in the order in which they are reported.

``PROPERTIES`` are those of every run, ``ON_REQUEST`` those that are asked for by name alone, and ``ALL`` both.
"""

from bn_reference.properties import (
    contract,
    edge,
    evaluation,
    gradients,
    happenings,
    lives,
    mechanics,
    memory,
    normalization,
    running,
    surroundings,
    upstream,
)
from bn_reference.properties.registry import FAMILIES, Property
from bn_reference.properties.trial import NotApplicable

__all__ = ["ALL", "FAMILIES", "ON_REQUEST", "PROPERTIES", "NotApplicable", "Property"]

PROPERTIES: tuple[Property, ...] = (
    *normalization.PROPERTIES,
    *running.PROPERTIES,
    *gradients.PROPERTIES,
    *upstream.PROPERTIES,
    *mechanics.PROPERTIES,
    *evaluation.PROPERTIES,
    *contract.PROPERTIES,
    *edge.PROPERTIES,
    *happenings.PROPERTIES,
    *memory.PROPERTIES,
    *surroundings.PROPERTIES,
)
ON_REQUEST: tuple[Property, ...] = tuple(lives.PROPERTIES)
ALL = PROPERTIES + ON_REQUEST

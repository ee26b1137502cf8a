"""All layers of other conventions, file by file: a new one is a class in its file and needs no line here."""

from __future__ import annotations

from bn_reference.power.lawful.averages import AVERAGES
from bn_reference.power.lawful.batches import BATCHES
from bn_reference.power.lawful.declaration import OfConvention
from bn_reference.power.lawful.numbers import NUMBERS
from bn_reference.power.lawful.training import TRAINING

__all__ = ["LAWFUL", "UNLAWFUL", "OfConvention"]

_FILES = (AVERAGES, BATCHES, NUMBERS, TRAINING)
LAWFUL: tuple[OfConvention, ...] = tuple(layer for file in _FILES for layer in file.correct)
UNLAWFUL: tuple[OfConvention, ...] = tuple(layer for file in _FILES for layer in file.wrong)

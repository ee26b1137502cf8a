"""Moved to ``bn_reference.targets.protocol``."""

from bn_reference._moved import moved

__getattr__ = moved(__name__, "bn_reference.targets.protocol")

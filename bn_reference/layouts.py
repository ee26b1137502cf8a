"""Moved to ``bn_reference.cases.layouts``."""

from bn_reference._moved import moved

__getattr__ = moved(__name__, "bn_reference.cases.layouts")

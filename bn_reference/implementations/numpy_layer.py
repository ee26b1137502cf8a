"""Moved to ``bn_reference.targets.forms.numpy_layer``."""

from bn_reference._moved import moved

__getattr__ = moved(__name__, "bn_reference.targets.forms.numpy_layer")

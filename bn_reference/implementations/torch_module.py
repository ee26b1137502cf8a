"""Moved to ``bn_reference.targets.forms.torch_module``."""

from bn_reference._moved import moved

__getattr__ = moved(__name__, "bn_reference.targets.forms.torch_module")

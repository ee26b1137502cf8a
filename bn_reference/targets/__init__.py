"""Adapters: how the suite talks to an implementation of batch normalization. Frameworks are imported here, and lazily."""

TORCH, REFERENCE = "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"  # targets; the first is what is verified by default
PLAIN = "adapter"  # how a target is called that needs no words for it

"""Adapters: how the suite talks to an implementation of batch normalization. Frameworks are imported here, and lazily."""

TORCH, REFERENCE = "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"  # targets; the first is what is verified by default
PLAIN = "adapter"  # how targets are called that need no words for it
WHOLE_MODULE = "torch.nn.Module with the whole constructor of torch.nn.BatchNorm1d"
WHOLE_ARRAYS = "NumPy layer with the constructor of bn_reference.BatchNorm1d"
USUAL = (PLAIN, WHOLE_MODULE, WHOLE_ARRAYS)

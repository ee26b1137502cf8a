"""The reference as a layer, in NumPy alone."""

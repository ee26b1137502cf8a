"""The lecture's experiment on MNIST, and what batch normalization does to a network, measured. Needs torch."""

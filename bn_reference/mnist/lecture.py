"""What the lecture printed: Deep Learning Zero To All, season 2, lab-09-6, batch normalization.

Losses in nats and accuracies to two places, after the epochs that are quoted here.
"""

from __future__ import annotations

from bn_reference.mnist.training import Epoch, Figures

__all__ = ["LECTURE"]

LECTURE = (
    Epoch(1, Figures(0.12363, 0.96, 0.12769, 0.96), Figures(0.18374, 0.95, 0.18346, 0.94)),
    Epoch(2, Figures(0.10145, 0.97, 0.12709, 0.96), Figures(0.15138, 0.96, 0.18243, 0.95)),
    Epoch(3, Figures(0.08233, 0.97, 0.11058, 0.97), Figures(0.14125, 0.96, 0.16916, 0.95)),
    Epoch(5, Figures(0.07129, 0.98, 0.10121, 0.97), Figures(0.12536, 0.96, 0.17861, 0.95)),
    Epoch(10, Figures(0.04630, 0.99, 0.09259, 0.97), Figures(0.09960, 0.97, 0.16750, 0.96)),
)

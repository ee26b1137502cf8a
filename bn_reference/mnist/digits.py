"""Real handwritten digits that scikit-learn ships, for where MNIST is not to be had."""

from __future__ import annotations

import numpy as np

from bn_reference.mnist.dataset import Dataset, Split

__all__ = ["handwritten_digits"]

TRAINED = 1347  # of 1,797


def handwritten_digits() -> Dataset:
    """1,797 images of 8 x 8 pixels, pixels / 16 in float32: the first 1,347 to train on, the others to test.

    The images come writer after writer, so that a cut in their order keeps most of the writers that are tested out of the
    training; with images drawn at random every writer would be in both.

    Source: Alpaydin & Kaynak (1998), https://archive.ics.uci.edu/dataset/80; https://scikit-learn.org.
    """
    import sklearn  # type: ignore[import-untyped,unused-ignore]
    from sklearn.datasets import load_digits  # type: ignore[import-untyped,unused-ignore]

    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
    return Dataset(
        "scikit-learn's digits",
        f"scikit-learn {sklearn.__version__}",
        Split(images[:TRAINED], labels[:TRAINED]),
        Split(images[TRAINED:], labels[TRAINED:]),
    )

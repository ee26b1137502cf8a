"""Where MNIST comes from: a directory that was named, the user's cache, or a download into it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bn_reference.mnist.dataset import Dataset, Split
from bn_reference.mnist.download import VARIABLE, advice, fetch
from bn_reference.mnist.idx import IdxFile, UnusableData, read_idx

__all__ = ["FILES", "UnusableData", "cache_directory", "load", "locate"]

TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", (60000, 28, 28)
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", (60000,)
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", (10000, 28, 28)
)
TEST_LABELS = IdxFile("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", (10000,))
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def load(data: Path | None = None, *, download: bool = True) -> Dataset:
    """MNIST from the first of: ``data``, the directory that BN_REFERENCE_DATA names, the user's cache, a download into it.

    Args:
        data: a directory with the four canonical gzip'd files.
        download: whether they may be fetched where no directory was named and the cache lacks them.

    Returns:
        60,000 images to train on and 10,000 to test, flattened to (n, 784), pixels / 255 in float32.

    Raises:
        UnusableData: a directory that was named has not got them (it is never passed over), a file is not as it must be, or
            there are none and none can be fetched.
    """
    directory = locate(data)
    if directory is None:
        directory = cache_directory()
        if not download:
            raise UnusableData(f"there is no MNIST in {directory}; {advice()}")
        fetch(FILES, directory)
    return Dataset(
        "MNIST",
        str(directory),
        _split(directory, TRAIN_IMAGES, TRAIN_LABELS),
        _split(directory, TEST_IMAGES, TEST_LABELS),
    )


def locate(data: Path | None = None) -> Path | None:
    """The directory that ``load`` would read, or None where it would have to download; nothing is read or fetched.

    Raises:
        UnusableData: a directory that was named lacks one of the four files.
    """
    for directory, name in ((data, "--data"), (_of_environment(), VARIABLE)):
        if directory is not None:
            if missing := _missing(directory):
                rule = f"must be a directory with the four gzip'd files of MNIST and lacks {', '.join(missing)}"
                raise UnusableData(f"{name} is {directory}, but {rule}; name another, or name none and they are downloaded")
            return directory
    cache = cache_directory()
    return None if _missing(cache) else cache


def cache_directory() -> Path:
    """Where downloads are kept, by the customs of the platform."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "bn-reference" / "mnist"


def _of_environment() -> Path | None:
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def _missing(directory: Path) -> list[str]:
    return [file.name for file in FILES if not (directory / file.name).is_file()]


def _split(directory: Path, images: IdxFile, labels: IdxFile) -> Split:
    pixels = read_idx(directory / images.name, images).reshape(images.shape[0], -1)
    scaled: npt.NDArray[np.float32] = pixels.astype(np.float32)
    scaled /= 255
    return Split(scaled, read_idx(directory / labels.name, labels).astype(np.int64))

"""The reader of gzip'd IDX files, the format in which MNIST is distributed. What is not exactly as declared is refused.

A file is a magic number (two zero bytes, 8 for unsigned bytes, the number of dimensions), the dimensions as big-endian
32-bit numbers, and the elements, the last dimension fastest. Source: https://yann.lecun.com/exdb/mnist.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["IdxFile", "UnusableData", "read_idx"]

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTES = 0x08
MENDED_BY = "fetch the canonical file again"


class UnusableData(Exception):
    """Images that cannot be used; one sentence names the file, what was met, the rule, and what to do."""


@dataclass(frozen=True)
class IdxFile:
    """What a canonical file must be: its name, the SHA-256 of the file as it lies there, and its dimensions."""

    name: str
    sha256: str
    shape: tuple[int, ...]


def read_idx(path: Path, declared: IdxFile) -> npt.NDArray[np.uint8]:
    """Read a file that must be as declared; whatever it claims to hold, no more is unpacked than the declared size and a byte.

    Returns:
        the elements: of the declared shape, uint8, read-only.

    Raises:
        UnusableData: it is not there, is no gzip, has another magic number or other dimensions, is cut off, goes on after
            its last element, or is not the canonical file by its checksum.
    """
    if not path.is_file():
        raise UnusableData(f"{path} {'is a directory' if path.is_dir() else 'is not there'}, but must be a file; {MENDED_BY}")
    with _reading(path), path.open("rb") as packed:
        if packed.read(2) != GZIP_MAGIC:
            raise UnusableData(f"{path} is not gzip'd, but must be the file as it is distributed; {MENDED_BY}")
        packed.seek(0)
        with gzip.open(packed, "rb") as stream:
            elements = _elements(path, stream, declared.shape)
    found = _sha256(path)
    if found != declared.sha256:
        raise UnusableData(f"{path} has the SHA-256 {found}, but the canonical file has {declared.sha256}; {MENDED_BY}")
    return np.frombuffer(elements, np.uint8).reshape(declared.shape)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What gzip and the file system say of a file, in a sentence."""
    try:
        yield
    except EOFError:
        raise UnusableData(f"{path} ends in the middle of its gzip stream, but must be whole; {MENDED_BY}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnusableData(f"{path} is damaged ({error}), but must unpack without an error; {MENDED_BY}") from None
    except OSError as error:
        raise UnusableData(f"{path} cannot be read ({error.strerror}); change its permissions, or {MENDED_BY}") from None


def _elements(path: Path, stream: gzip.GzipFile, shape: tuple[int, ...]) -> bytes:
    magic = bytes((0, 0, UNSIGNED_BYTES, len(shape)))
    met = stream.read(len(magic))
    if met != magic:
        raise UnusableData(
            f"{path} begins with {met.hex() or 'nothing'}, but must with the magic number {magic.hex()}; {MENDED_BY}"
        )
    header = stream.read(4 * len(shape))
    if len(header) < 4 * len(shape):
        raise UnusableData(f"{path} ends within its header, but must be whole; {MENDED_BY}")
    dimensions = struct.unpack(f">{len(shape)}I", header)
    if dimensions != shape:
        raise UnusableData(f"{path} declares the dimensions {dimensions}, but must have {shape}; {MENDED_BY}")
    size = math.prod(shape)
    elements = stream.read(size)
    if len(elements) < size:
        raise UnusableData(f"{path} ends after {len(elements)} of its {size} elements, but must be whole; {MENDED_BY}")
    if stream.read(1):  # reading on to the end is also what makes gzip compare its own checksum
        raise UnusableData(f"{path} goes on after its {size} elements, but must end there; {MENDED_BY}")
    return elements


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

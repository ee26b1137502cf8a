"""The reader of IDX files gives what is in a canonical file, and refuses everything else in a sentence."""

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from bn_reference.mnist.idx import IdxFile, UnusableData, read_idx

STACK = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
same_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def unpacked(array: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    dimensions = array.shape if shape is None else shape
    return struct.pack(f">4B{len(dimensions)}I", 0, 0, 8, len(dimensions), *dimensions) + array.tobytes()


def packed(content: bytes) -> bytes:
    """No time of day in it: the processes of a parallel run must find tests of the same names."""
    return gzip.compress(content, mtime=0)


def written(path: Path, content: bytes, shape: tuple[int, ...] = STACK.shape) -> IdxFile:
    """The file with this content, and its declaration."""
    path.write_bytes(content)
    return IdxFile(path.name, hashlib.sha256(content).hexdigest(), shape)


@same_directory
@given(array=arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)))
def test_what_was_written_is_read(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "file.gz"
    declared = written(path, packed(unpacked(array)), array.shape)

    assert np.array_equal(read_idx(path, declared), array)


@same_directory
@given(data=st.data())
def test_any_truncation_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = packed(unpacked(STACK))
    path = tmp_path / "file.gz"
    declared = written(path, whole)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])

    with pytest.raises(UnusableData):
        read_idx(path, declared)


@same_directory
@given(data=st.data())
def test_any_flipped_bit_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(packed(unpacked(STACK)))
    path = tmp_path / "file.gz"
    declared = written(path, bytes(whole))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(whole))

    with pytest.raises(UnusableData):
        read_idx(path, declared)


@same_directory
@given(extra=st.binary(min_size=1, max_size=20))
def test_anything_appended_is_refused(tmp_path: Path, extra: bytes) -> None:
    whole = packed(unpacked(STACK))
    path = tmp_path / "file.gz"
    declared = written(path, whole)
    path.write_bytes(whole + extra)

    with pytest.raises(UnusableData):
        read_idx(path, declared)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (unpacked(STACK), "is not gzip'd, but must be the file as it is distributed"),
        (b"", "is not gzip'd, but must be the file as it is distributed"),
        (packed(unpacked(STACK))[:-12], "ends in the middle of its gzip stream, but must be whole"),
        (packed(unpacked(STACK)[:2]), "begins with 0000, but must with the magic number 00000803"),
        (packed(unpacked(STACK.ravel())), "begins with 00000801, but must with the magic number 00000803"),
        (packed(unpacked(STACK)[:9]), "ends within its header, but must be whole"),
        (packed(unpacked(STACK[:1])), "declares the dimensions (1, 3, 4), but must have (2, 3, 4)"),
        (packed(unpacked(STACK)[:-3]), "ends after 21 of its 24 elements, but must be whole"),
        (packed(unpacked(STACK) + b"x"), "goes on after its 24 elements, but must end there"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "file.gz"
    declared = written(path, content)

    with pytest.raises(UnusableData) as refused:
        read_idx(path, declared)

    assert str(refused.value) == f"{path} {sentence}; fetch the canonical file again"


def test_another_file_of_the_right_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    canonical = written(path, packed(unpacked(STACK)))
    written(path, packed(unpacked(STACK + 1)))

    with pytest.raises(UnusableData, match=f"but the canonical file has {canonical.sha256}; fetch the canonical file again"):
        read_idx(path, canonical)


@pytest.mark.parametrize("name", ["nothing", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableData, match="but must be a file; "):
        read_idx(tmp_path / name, IdxFile("file", "", (1,)))


@pytest.mark.parametrize("claims", [STACK.shape, (2**32 - 1,) * 3])
def test_a_bomb_is_not_unpacked(tmp_path: Path, claims: tuple[int, ...]) -> None:
    path = tmp_path / "file.gz"
    declared = written(path, packed(unpacked(STACK, claims) + bytes(10**8)))
    tracemalloc.start()

    with pytest.raises(UnusableData):
        read_idx(path, declared)

    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()

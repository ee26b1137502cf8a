"""A file is written whole or not at all, with the mode that any file gets, and a pipe is written to as it is."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from stat import S_IMODE
from threading import Thread
from typing import Any, BinaryIO

import numpy as np
import pytest

from bn_reference.cases.recording import Batch, Recording, write_recording
from bn_reference.cli.files import write_json
from bn_reference.support.files import write_whole
from bn_reference.support.plotting import new_figure, save

VECTOR = np.ones(1, np.float32)
RECORDING = Recording(
    "one batch", (Batch("it", np.eye(2)[:, :1], np.eye(2)[:, :1], VECTOR, VECTOR, VECTOR, VECTOR, 1, 1e-5, 0.1),)
)


def breaks_off(file: BinaryIO) -> None:
    file.write(b"half")
    raise KeyboardInterrupt


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_a_failure_leaves_neither_the_file_nor_a_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "new", breaks_off)

    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"whole")

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "old", breaks_off)

    assert (tmp_path / "old").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_what_is_no_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"ratio": float("inf")}, tmp_path / "report.json")

    assert list(tmp_path.iterdir()) == []


def draw(path: Path) -> None:
    save(new_figure()[0], path.parent, path.stem)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "report.json": partial(write_json, {"schema": 1}),
    "batches.npz": lambda path: write_recording(path, RECORDING),
    "figure.png": draw,
    "figure.svg": draw,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002])
def test_the_mode_is_that_of_any_new_file(tmp_path: Path, name: str, umask: int) -> None:
    before = os.umask(umask)
    try:
        WRITERS[name](tmp_path / name)
    finally:
        os.umask(before)

    assert mode(tmp_path / name) == 0o666 & ~umask


@pytest.mark.parametrize("name", ["report.json", "batches.npz"])
def test_a_pipe_is_written_to_as_it_is(tmp_path: Path, name: str) -> None:
    path, read = tmp_path / name, list[bytes]()
    os.mkfifo(path)
    reader = Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()

    WRITERS[name](path)

    reader.join(timeout=10)
    assert path.is_fifo()
    assert len(read[0]) > 0


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "old").touch(mode=0o600)

    write_whole(tmp_path / "old", lambda file: file.write(b"new"))

    assert (mode(tmp_path / "old"), (tmp_path / "old").read_bytes()) == (0o600, b"new")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")

    write_whole(tmp_path / "link", lambda file: file.write(b"new"))

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"

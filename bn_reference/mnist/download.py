"""The download of MNIST's files from public mirrors, each checked before it is taken for data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bn_reference.mnist.idx import IdxFile, UnusableData
from bn_reference.support.terminals import animates

__all__ = ["MIRRORS", "VARIABLE", "advice", "fetch"]

VARIABLE = "BN_REFERENCE_DATA"  # of the environment: where the images lie

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 20.0  # seconds without a byte
CHUNK = 1 << 16


def advice() -> str:
    """What to do where there are no images and none can be fetched."""
    return f"pass --data DIR or set {VARIABLE} to a directory with its four gzip'd files, or connect to the network"


def fetch(files: Sequence[IdxFile], directory: Path, mirrors: Sequence[str] = MIRRORS) -> None:
    """Bring the files into the directory; those that lie there already, and are what they must be, stay.

    A file gets its name only when it is whole and its SHA-256 is right: an interruption leaves nothing that is taken for data.

    Raises:
        UnusableData: no mirror gives one of the files, the directory cannot be written, or pooch is not installed.
    """
    try:
        import pooch  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        how = "pip install 'bn-reference[mnist]'"
        raise UnusableData(
            f"MNIST is not in {directory}, and the package pooch, which downloads it, is missing; {how}"
        ) from None
    pooch.get_logger().setLevel(logging.ERROR)  # what it would say of each file, the bar shows
    for file in files:
        _fetch(pooch, file, directory, mirrors)


def _fetch(pooch: Any, file: IdxFile, directory: Path, mirrors: Sequence[str]) -> None:
    failures = []
    for mirror in mirrors:
        with _Bar(file.name) as bar:
            downloader = pooch.HTTPDownloader(
                progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
            )
            try:
                pooch.retrieve(
                    mirror + file.name, f"sha256:{file.sha256}", fname=file.name, path=directory, downloader=downloader
                )
                return
            except PermissionError as error:
                rule = "must be a place that can be written; change its permissions, or pass --data DIR"
                raise UnusableData(f"the cache for MNIST is {directory} ({error.strerror}), but {rule}") from None
            except (OSError, ValueError) as error:  # requests' exceptions are OSErrors, another checksum is a ValueError
                failures.append(f"{mirror} ({_said(error)})")
    raise UnusableData(f"no mirror gives {file.name}: {'; '.join(failures)}; {advice()}")


def _said(error: Exception) -> str:
    """The kind of failure, in few words: the exceptions of the network layers are long."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "another file, by its SHA-256"
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {status}" if status else type(error).__name__


class _Bar:
    """The progress bar that pooch asks for: a line on a terminal, nothing in a pipe."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._shown = animates(console)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._shown,
        )
        self._task = self._progress.add_task(f"downloading {name}", total=None)
        self.total = 0

    def update(self, count: int) -> None:
        """That many bytes more have come."""
        self._progress.update(self._task, total=self.total or None, advance=count)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """pooch is done with the bar; it goes when the context ends."""

    def __enter__(self) -> _Bar:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._shown:
            self._progress.stop()

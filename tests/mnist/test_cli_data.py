"""``bn-reference data`` as people run it."""

import sys
from pathlib import Path

import pytest

from bn_reference.cli import main
from bn_reference.mnist import sources
from bn_reference.mnist.dataset import Dataset


def status() -> int:
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_it_says_where_the_images_lie_and_which_files_were_checked(
    dataset: Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bn-reference", "data"])
    monkeypatch.setattr(sources, "load", lambda directory: dataset)

    ended = status()
    first, *files = capsys.readouterr().out.splitlines()

    assert ended == 0
    assert first == (
        f"{dataset.name} in {dataset.source}: {len(dataset.train)} images to train on, {len(dataset.test)} to test"
    )
    assert [line.split()[1] for line in files] == [file.name for file in sources.FILES]


def test_a_directory_without_the_files_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bn-reference", "data", "--data", str(tmp_path)])

    assert status() == 2
    assert capsys.readouterr().err.startswith(f"bn-reference: --data is {tmp_path}, but must be a directory with the four ")

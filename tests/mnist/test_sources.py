"""Where MNIST is sought, in which order, and what it is when found."""

import os
from pathlib import Path

import numpy as np
import pytest

from bn_reference.mnist import download, sources
from bn_reference.mnist.digits import handwritten_digits
from bn_reference.mnist.sources import FILES, UnusableData, load, locate


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no directory named."""
    monkeypatch.delenv("BN_REFERENCE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sources.sys, "platform", "linux")
    return tmp_path / "bn-reference" / "mnist"


def filled(directory: Path) -> Path:
    directory.mkdir(parents=True)
    for file in FILES:
        (directory / file.name).write_bytes(b"")
    return directory


def test_the_argument_comes_first_then_the_variable_then_the_cache(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [locate()]
    filled(nowhere)
    found.append(locate())
    monkeypatch.setenv("BN_REFERENCE_DATA", str(filled(tmp_path / "variable")))
    found.append(locate())
    found.append(locate(filled(tmp_path / "argument")))

    assert found == [None, nowhere, tmp_path / "variable", tmp_path / "argument"]


def test_a_named_directory_without_the_files_is_never_passed_over(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(nowhere)
    incomplete = filled(tmp_path / "incomplete")
    (incomplete / FILES[1].name).unlink()
    rule = "but must be a directory with the four gzip'd files of MNIST and lacks train-labels-idx1-ubyte.gz; name another"

    with pytest.raises(UnusableData, match=f"^--data is {incomplete}, {rule}"):
        load(incomplete)
    monkeypatch.setenv("BN_REFERENCE_DATA", str(incomplete))
    with pytest.raises(UnusableData, match=f"^BN_REFERENCE_DATA is {incomplete}, {rule}"):
        load()


def test_without_data_and_network_it_says_what_to_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = "pass --data DIR or set BN_REFERENCE_DATA to a directory with its four gzip'd files, or connect to the network"
    monkeypatch.setattr(download, "MIRRORS", ())
    monkeypatch.setattr(download.fetch, "__defaults__", ((),))

    with pytest.raises(UnusableData, match=f"^there is no MNIST in {nowhere}; {advice}$"):
        load(download=False)
    with pytest.raises(UnusableData, match=f"^no mirror gives train-images-idx3-ubyte.gz: ; {advice}$"):
        load()


@pytest.mark.parametrize(
    ("platform", "variable", "ends"),
    [("win32", "LOCALAPPDATA", "bn-reference/mnist"), ("darwin", "", "Library/Caches/bn-reference/mnist")],
)
def test_the_cache_follows_the_customs_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str, ends: str
) -> None:
    monkeypatch.setattr(sources.sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))

    assert sources.cache_directory().as_posix().endswith(ends)


@pytest.mark.skipif(
    locate() is None and not os.environ.get("BN_REFERENCE_REQUIRE_MNIST"), reason="MNIST is not here: run bn-reference data"
)
def test_the_real_set_is_read() -> None:
    found = load(download=False)

    assert (found.name, found.source) == ("MNIST", str(locate()))
    assert found.train.images.shape == (60000, 784)
    assert found.test.images.shape == (10000, 784)
    assert found.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as https://yann.lecun.com/exdb/mnist shows them
    assert np.bincount(found.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert found.train.images.dtype == np.float32
    assert (found.train.images.min(), found.train.images.max()) == (0, 1)
    assert set(np.unique(found.test.images * np.float32(255)).astype(np.float64)) <= set(range(256))


def test_scikit_learns_digits_stand_in() -> None:
    digits = handwritten_digits()

    assert digits.name == "scikit-learn's digits"
    assert (len(digits.train), len(digits.test), digits.pixels) == (1347, 450, 64)
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 1)
    assert set(digits.test.labels.tolist()) == set(range(10))


def test_images_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        handwritten_digits().train.images[0, 0] = 1


def test_a_limit_keeps_the_first_images_and_the_whole_test_set() -> None:
    digits = handwritten_digits()
    limited = digits.limited(100)

    assert np.array_equal(limited.train.images, digits.train.images[:100])
    assert len(limited.test) == len(digits.test)
    assert digits.limited(None) is digits

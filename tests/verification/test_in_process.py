"""A run in the calling process leaves its threads and its output to the caller."""

import sys
from typing import Any

import pytest
import torch

from bn_reference import verify
from bn_reference.support.threads import on_threads
from bn_reference.verification.events import Event

QUICK: Any = {"dtypes": ["float32"], "properties": ["evaluation_moves_nothing"], "examples": 2}


class Counts(torch.nn.BatchNorm1d):
    """Notes on how many threads it is run."""

    seen: set[int]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.add(torch.get_num_threads())
        return super().forward(x)


class Chatters(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("chatter")  # noqa: T201  (what the test is about)
        return super().forward(x)


def raises(event: Event) -> None:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    Counts.seen = set()


def test_it_takes_one_thread_and_gives_the_others_back() -> None:
    with on_threads(2):
        verify(Counts, **QUICK)

        assert Counts.seen == {1}
        assert torch.get_num_threads() == 2


def test_it_gives_them_back_after_an_exception_too() -> None:
    with on_threads(2):
        with pytest.raises(ZeroDivisionError):
            verify(Counts, listener=raises, **QUICK)

        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_it_takes_as_many_as_the_environment_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "2")

    with on_threads(2):
        verify(Counts, **QUICK)

    assert Counts.seen == {2}


def test_what_a_target_prints_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    verify(Chatters, **QUICK)

    said = capsys.readouterr()
    assert said.out == ""
    assert set(said.err.split()) == {"chatter"}


def test_what_a_listener_prints_goes_where_it_would() -> None:
    streams = []

    verify(Chatters, listener=lambda event: streams.append(sys.stdout), **QUICK)

    assert set(streams) == {sys.stdout}

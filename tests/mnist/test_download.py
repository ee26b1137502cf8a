"""The download, from servers on this machine: the right file or none."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bn_reference.mnist import download
from bn_reference.mnist.download import fetch
from bn_reference.mnist.idx import IdxFile, UnusableData

CONTENT = bytes(range(256)) * 2000
FILE = IdxFile("images.gz", hashlib.sha256(CONTENT).hexdigest(), (1,))


class Handler(BaseHTTPRequestHandler):
    """Serves /good/..., /wrong/..., /short/... (which breaks off halfway); anything else is not there."""

    asked: list[str]

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.asked.append(kind)
        if kind not in ("good", "wrong", "short"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write({"good": CONTENT, "wrong": CONTENT[::-1], "short": CONTENT[: len(CONTENT) // 2]}[kind])

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()] if directory.exists() else []


def test_a_file_is_fetched_and_not_again(server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        fetch([FILE], tmp_path / "cache", [f"{server}/good/"])

    assert (tmp_path / "cache" / FILE.name).read_bytes() == CONTENT
    assert names(tmp_path / "cache") == [FILE.name]
    assert Handler.asked == ["good"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", ["wrong", "short", "missing"])
def test_the_next_mirror_is_asked_where_one_fails(server: str, tmp_path: Path, first: str) -> None:
    fetch([FILE], tmp_path, [f"{server}/{first}/", f"{server}/good/"])

    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert Handler.asked == [first, "good"]


def test_where_all_fail_each_is_named_with_its_failure_and_nothing_is_left(server: str, tmp_path: Path) -> None:
    mirrors = [f"{server}/wrong/", f"{server}/missing/", f"{server}/short/", "http://127.0.0.1:9/"]

    with pytest.raises(UnusableData) as refused:
        fetch([FILE], tmp_path, mirrors)

    said = str(refused.value)
    assert said.startswith(f"no mirror gives images.gz: {mirrors[0]} (another file, by its SHA-256); ")
    assert f"; {mirrors[1]} (HTTP status 404); {mirrors[2]} (" in said
    assert f"; {mirrors[3]} (ConnectionError); pass --data DIR or set BN_REFERENCE_DATA" in said
    assert names(tmp_path) == []


def test_an_interruption_leaves_nothing_that_is_taken_for_data(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: object, count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Bar, "update", interrupt)

    with pytest.raises(KeyboardInterrupt):
        fetch([FILE], tmp_path, [f"{server}/good/"])

    assert names(tmp_path) == []


def test_a_file_that_lies_there_damaged_is_fetched_again(server: str, tmp_path: Path) -> None:
    (tmp_path / FILE.name).write_bytes(CONTENT[:-1])

    fetch([FILE], tmp_path, [f"{server}/good/"])

    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_without_pooch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)

    with pytest.raises(UnusableData, match=r"is missing; pip install 'bn-reference\[mnist\]'$"):
        fetch([FILE], tmp_path, [])

"""Gateways of pytest-xdist: what shares its cases stays together, seeds have ids, and what a gateway lacks is told."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import execnet
import pytest

from bn_reference.plugin.gateways import Units, is_like_here, refused
from bn_reference.plugin.options import NAME
from bn_reference.properties import PROPERTIES

pytest_plugins = ["pytester"]

TARGET = """
import os

from bn_reference import BatchNorm1d

if os.environ.get("PINNED") not in (None, "1"):
    raise RuntimeError("no device")


class Doubles(BatchNorm1d):
    def __call__(self, x):
        return 2 * super().__call__(x)


class DiesInEval(BatchNorm1d):
    def __call__(self, x):
        return super().__call__(x) if self.training else os._exit(3)
"""
ASKED = ("-p", "no:cacheprovider", "--bn-dtype=float32", "--bn-examples=3")
SOME = "counter_counts or is_the_normalized or uses_the_running"
ID = "bn_reference::targets.py:Doubles::{}float32/float32::the_counter_counts_training_batches"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(targets=TARGET)
    pytester.makeini("[pytest]")
    return pytester


def verdicts(project: pytest.Pytester, target: str, *arguments: str) -> dict[str, str]:
    """What is said of each rule."""
    project.runpytest_subprocess(*ASKED, "--bn-target", target, "-k", SOME, "--junitxml=found.xml", *arguments)
    cases = ElementTree.parse("found.xml").iter("testcase")
    return {case.get("name", ""): "".join(f"{each.tag} {each.text}" for each in case) for case in cases}


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("--bn-seeds=2", "--hypothesis-seed=7"), [ID.format("seed7::"), ID.format("seed8::")]),
        ((ID.format("seed9::"),), [ID.format("seed9::")]),
        ((ID.format("seed9::"), ID.format("seed0::"), "--bn-seeds=2"), [ID.format("seed0::"), ID.format("seed9::")]),
        ((f"{ID.format('seed9::')}@targets.py:Doubles-seed9-float32/float32-running",), [ID.format("seed9::")]),
        (("--bn-seeds=1",), [ID.format("")]),
    ],
)
def test_several_seeds_have_ids_that_can_be_pasted_back(
    project: pytest.Pytester, arguments: tuple[str, ...], ids: list[str]
) -> None:
    asked = (*ASKED, "--bn-target=targets.py:Doubles", "-k", "counter_counts", "--collect-only", "-q")
    result = project.runpytest_inprocess(*asked, *arguments)

    assert [line for line in result.outlines if line.startswith("bn_reference::")] == ids


def test_an_id_that_names_a_seed_stands_for_all_its_rules(project: pytest.Pytester) -> None:
    above = ID.format("seed3::").partition("float32")[0].removesuffix("::")
    result = project.runpytest_inprocess(*ASKED, "--bn-target=targets.py:Doubles", "--collect-only", "-q", above)

    assert sum(line.startswith(f"{above}::") for line in result.outlines) == len(PROPERTIES)


def test_a_number_of_seeds_that_is_none_is_a_usage_error(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--bn-target=targets.py:Doubles", "--bn-seeds=0")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --bn-seeds: seeds is 0, but must be a whole number between 1 and 1,000; pass 4, *"])


@pytest.mark.parametrize(
    ("spec", "here"),
    [
        ("popen", True),
        ("popen//chdir=/elsewhere", False),
        ("popen//python=python3.12", False),
        ("popen//env:CUDA_VISIBLE_DEVICES=1", False),
        ("socket=127.0.0.1:8888", False),
        ("ssh=machine//chdir=/work", False),
    ],
)
def test_gateways_that_may_see_something_else_are_told_from_those_that_do_not(spec: str, here: bool) -> None:
    assert is_like_here(execnet.XSpec(spec)) == here


def test_rules_that_share_their_cases_are_dealt_out_together_and_own_tests_one_by_one() -> None:
    scope = Units.__new__(Units)._split_scope
    gradients = [rule.name for rule in PROPERTIES if rule.family == "gradients"]
    above = ID.format("seed7::").rpartition("::")[0]

    assert {scope(f"{above}::{rule}") for rule in gradients} == {f"{above}::gradients"}
    assert scope("test_own.py::test_own[a::b]") == "test_own.py::test_own[a::b]"


def test_why_a_gateway_ended_is_told_with_its_name() -> None:
    spec = execnet.XSpec("execmodel=main_thread_only//popen//chdir=/elsewhere")
    node = SimpleNamespace(workeroutput={NAME: "--bn-target: not there"}, gateway=SimpleNamespace(spec=spec))

    assert refused(node) == "--bn-target: not there, on the gateway popen//chdir=/elsewhere"
    assert refused(SimpleNamespace(workeroutput={})) == refused(SimpleNamespace()) == ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The socket server of execnet on the loopback, in a folder without the project."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*free.getsockname())
    script = Path(execnet.__file__).parent / "script" / "socketserver.py"
    process = subprocess.Popen([sys.executable, script, address], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "Entering Accept loop" not in process.stdout.readline():
        assert process.poll() is None
    yield address
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.nightly
@pytest.mark.parametrize("target", ["Doubles", "DiesInEval"])
def test_gateways_say_word_by_word_what_one_process_says(project: pytest.Pytester, target: str, server: str) -> None:
    seed, whole = ("--hypothesis-seed=7",), f"{project.path / 'targets.py'}:{target}"
    one = verdicts(project, whole, *seed)

    assert len(one) == 3
    assert any(one.values())
    assert verdicts(project, whole, "-n2", *seed) == one
    assert verdicts(project, whole, "-d", "--tx", f"socket={server}", *seed) == one
    ids = [f"bn_reference::{whole}::seed7::float32/float32::{name}" for name in one]
    assert verdicts(project, whole, "-d", "--tx", "2*popen//env:PINNED=1", *ids) == one


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        ("popen//chdir={}", "the target's file targets.py is not there; check the path, which is read from {}"),
        ("popen//env:PINNED=2", "targets.py fails to import: RuntimeError: no device; mend that first"),
    ],
)
def test_a_gateway_that_cannot_load_the_target_is_a_usage_error(
    project: pytest.Pytester, tmp_path: Path, gateway: str, said: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spec = gateway.format(elsewhere)
    result = project.runpytest_subprocess(*ASKED, "--bn-target=targets.py:Doubles", "-d", "--tx", spec)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --bn-target: {said.format(elsewhere)}, on the gateway {spec}"])

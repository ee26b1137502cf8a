"""An option that may be repeated takes all the values that follow it, in every command alike."""

from typing import Any

import click
import pytest

from bn_reference.cli import commands


def parsed(command: str, *arguments: str) -> dict[str, Any]:
    known = commands.commands[command]
    context = click.Context(known)
    known.parse_args(context, list(arguments))
    return context.params


@pytest.mark.parametrize("command", ["verify", "bench"])
@pytest.mark.parametrize(
    "given",
    [
        ["--dtype", "float32", "float64"],
        ["--dtype=float32", "float64"],
        ["--dtype", "float32", "--dtype", "float64"],
        ["--dtype=float32", "--dtype=float64"],
        ["--dtype", "float32", "--seed", "0", "--dtype=float64"],
    ],
    ids=" ".join,
)
def test_dtypes_read_alike(command: str, given: list[str]) -> None:
    assert parsed(command, *given)["dtypes"] == ("float32", "float64")


@pytest.mark.parametrize("given", [["--property", "gradients", "running"], ["--property=gradients", "running"]], ids=" ".join)
def test_properties_read_alike(given: list[str]) -> None:
    assert parsed("verify", *given)["properties"] == ("gradients", "running")


@pytest.mark.parametrize(
    ("option", "name", "values"),
    [
        ("--operation", "operations", ("train forward", "eval forward")),
        ("--shape", "shapes", ("16x3", "4x3x7")),
        ("--layout", "layouts", ("contiguous", "transposed")),
        ("--threads", "threads", (1, 2)),
        ("--cache", "caches", ("warm", "cold")),
    ],
)
def test_what_bench_may_be_told_again_reads_alike(option: str, name: str, values: tuple[Any, ...]) -> None:
    first, second = map(str, values)

    assert parsed("bench", option, first, second)[name] == values
    assert parsed("bench", f"{option}={first}", second)[name] == values


def test_a_place_with_a_colon_is_no_target() -> None:
    found = parsed("verify", "--database", "found", "redis://127.0.0.1:6379", "github://owner/repository", "a:B")

    assert found["target"] == "a:B"
    assert found["database"] == ("found", "redis://127.0.0.1:6379", "github://owner/repository")


def test_a_target_may_follow() -> None:
    found = parsed("verify", "--dtype", "float32", "float64", "a:B")

    assert (found["dtypes"], found["target"]) == (("float32", "float64"), "a:B")


@pytest.mark.parametrize(
    "given", [["a:B", "c.py:D", "--dtype", "float32", "float64"], ["--dtype=float32", "float64", "a:B", "c.py:D"]], ids=" ".join
)
def test_several_targets_may_stand_before_or_after(given: list[str]) -> None:
    found = parsed("bench", *given)

    assert (found["dtypes"], found["targets"]) == (("float32", "float64"), ("a:B", "c.py:D"))


@pytest.mark.parametrize(
    ("given", "path", "target"),
    [
        (["--write-accepted", "a:B"], "", "a:B"),
        (["a:B", "--write-accepted"], "", "a:B"),
        (["--write-accepted", "--dtype", "float32", "a:B"], "", "a:B"),
        (["--dtype", "float32", "--write-accepted", "other.toml", "a:B"], "other.toml", "a:B"),
        (["--write-accepted=other.toml", "a:B"], "other.toml", "a:B"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else None,
)
def test_a_value_may_be_left_out_where_a_target_an_option_or_nothing_follows(given: list[str], path: str, target: str) -> None:
    found = parsed("verify", *given)

    assert (found["write"], found["target"]) == (path, target)


def test_an_option_that_takes_one_value_takes_one() -> None:
    assert parsed("bench", "--device", "cpu", "a:B")["targets"] == ("a:B",)


def test_nothing_after_two_dashes_is_an_option_s() -> None:
    assert parsed("bench", "--dtype", "float32", "--", "a:B")["targets"] == ("a:B",)

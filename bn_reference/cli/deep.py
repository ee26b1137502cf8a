"""``verify --deep``: rounds of fresh seeds until somebody, or the time, ends them; the same command goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bn_reference.cli.outputs import Outputs
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES

__all__ = ["verify_deeply"]

OF_THE_MACHINE = ("jobs", "timeout", "database")  # options in which one night may differ from another


def verify_deeply(
    folder: Path,
    targets: Sequence[str],
    outputs: Outputs,
    *,
    writes: Path | None,
    minutes: float | None,
    cases: str,
    **options: Any,
) -> int:
    """Try round after round, say what each came to, and in the end what all did; the status is the worst of all rounds.

    Args:
        folder: where the rounds are kept.
        targets: of which there may be one.
        outputs: of which JSON alone is written.
        writes: nothing may be accepted here.
        minutes: in which rounds are begun; None until it is interrupted.
        cases: as the command line has it, whatever file that is in this run.
        options: of ``verify``, for each round.

    Raises:
        ClickException: something else is asked for that goes with one report alone, or the target cannot be loaded.
        UnusableArguments: the folder cannot be used.
    """
    others = {
        "several targets": len(targets) > 1,
        "--fail-fast": options.pop("fail_fast"),
        "--shard": options.pop("shard"),
        "--plan": options.pop("plan"),
        "--write-accepted": writes,
        "--html": outputs.html,
        "--junit": outputs.junit,
        "--scripts": outputs.scripts,
    }
    for name in (name for name, given in others.items() if given):
        rule = f"there is a report for each round, with which {name} cannot go; leave one of them out"
        raise click.ClickException(f"--deep is {folder}, but {rule}")
    [target] = targets
    from bn_reference.cli.targets import verified
    from bn_reference.reports.deep import say_deep, say_round
    from bn_reference.targets.protocol import UnusableTarget
    from bn_reference.verification.api import environment
    from bn_reference.verification.deep import deep_rounds

    plain = {name: value for name, value in options.items() if name not in ("recording", "seed", *OF_THE_MACHINE)}
    asked = {"target": target, "seed": options.pop("seed"), "cases": cases, **plain, "environment": environment()}
    so_far, status = None, CONFORMS
    try:
        for deep in deep_rounds(folder, asked, lambda seed: verified(target, seed=seed, **options), minutes=minutes):
            if so_far is not None:
                click.echo(say_round(deep, so_far))
            elif deep.rounds:
                rounds, them = ("1 round", "it") if deep.rounds == 1 else (f"{deep.rounds} rounds", "them")
                click.echo(f"{folder} has {rounds}, and this goes on after {them}")
            so_far = deep
    except UnusableTarget as unusable:
        raise click.ClickException(str(unusable)) from None
    except KeyboardInterrupt:
        status = INTERRUPTED
    if so_far is not None:
        click.echo("\n".join(say_deep(so_far)))
        outputs.write_deep(so_far)
        status = status or (CONFORMS if so_far.passes else VIOLATES)
    return status

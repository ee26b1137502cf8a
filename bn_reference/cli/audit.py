"""``bn-reference audit``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bn_reference.cli.extras import require_torch
from bn_reference.cli.files import require_writable, write_json
from bn_reference.cli.status import CONFORMS, INTERRUPTED, VIOLATES
from bn_reference.support.threads import processors

__all__ = ["audit"]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--replace", "replaced", default="", metavar="MODULE:ATTRIBUTE", help="What is tested; default: torch's own.")
@click.option("--target-set", "names", multiple=True, metavar="NAME", help="Layers, or kinds of them; default: all.")
@click.option("--jobs", type=click.IntRange(1), default=processors, show_default="one a core", help="Runs at a time.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For one run; default: ten times a right one.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write what is seen as JSON.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def audit(
    replaced: str, names: tuple[str, ...], jobs: int, timeout: float | None, json_path: Path | None, command: tuple[str, ...]
) -> int:
    """Measure somebody's own tests of a batch norm: which faults they see, and which correct layers they reject.

    COMMAND, after --, runs the tests, once with each layer of `bn-reference mutants` in the place of the batch norm that they
    test: torch.nn.BatchNorm1d, 2d, 3d and torch.nn.functional.batch_norm, or MODULE:ATTRIBUTE. Nothing of theirs is changed.
    The exit status is 0 where every fault is seen and no correct layer is rejected, 1 where not, 2 where the tests fail with a
    correct layer.
    """
    require_torch("an audit")
    from rich.console import Console

    from bn_reference.cli.display import StepsDisplay
    from bn_reference.conventions import TORCH
    from bn_reference.power.audit.report import Audit
    from bn_reference.power.audit.running import CannotAudit
    from bn_reference.power.audit.running import audit as audited
    from bn_reference.power.subjects import UnknownSubject, select

    require_writable(json_path)
    module, colon, attribute = replaced.partition(":")
    if replaced and not (module and colon and attribute):
        said = f"--replace is {replaced!r}, but must be module:attribute; write for example my_pkg.layers:BatchNorm"
        raise click.ClickException(said)
    started = time.perf_counter()
    try:
        subjects = [subject for subject in select(names) if subject.conventions == TORCH]
        if not subjects:
            chosen, rule = ", ".join(names), "which cannot stand in the place of torch's"
            raise click.ClickException(f"--target-set is {chosen}, layers of other conventions, {rule}; name others")
        display = StepsDisplay(Console(stderr=True), "running", len(subjects))
        with display:
            found = audited(command, subjects, replaced=replaced, jobs=jobs, timeout=timeout, advance=display.advance)
    except UnknownSubject as unknown:
        raise click.ClickException(str(unknown)) from None
    except CannotAudit as cannot:
        if json_path is not None:
            write_json(Audit(command, passes_true_layer=False).to_json(), json_path)
        raise click.ClickException(str(cannot)) from None
    except KeyboardInterrupt:
        return INTERRUPTED
    seconds = time.perf_counter() - started
    if json_path is not None:
        write_json({**found.to_json(), "seconds": seconds}, json_path)
    for line in found.markdown():
        click.echo(line)
    return CONFORMS if not found.missed and not found.rejected else VIOLATES

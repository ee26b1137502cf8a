"""A process that has torch loaded already, and runs a Python command in a fork of itself each time that it is told to.

Most of what a run takes is loading torch and the layers. The fork begins where a fresh interpreter would be after that: what it
runs is read anew, and finds no other module of this package loaded.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import shutil
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["fits", "serve"]

PACKAGE = "bn_reference"  # this module's own name is that of a program


def fits(command: Sequence[str]) -> bool:
    """Whether a command can be run so: pytest, a file, a module or code, by this interpreter and without options for it."""
    program = shutil.which(command[0]) if command else None
    if not hasattr(os, "fork") or program is None or Path(program).parent != Path(sys.executable).parent:
        return False
    name, first = Path(program).name, command[1] if len(command) > 1 else "-"
    return name == "pytest" or (name.startswith("python") and (first in ("-m", "-c") or not first.startswith("-")))


def serve() -> None:
    """Until standard input ends: a line tells what to run, the process that runs it is told, and then its status."""
    from bn_reference.power.audit.replacing import replace

    _load_what_tests_load()
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if not process:
            _run(order, replace)
        print(process, flush=True)  # noqa: T201  (a pipe to whoever gives orders)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _load_what_tests_load() -> None:
    """What takes longer than most tests of a layer: pytest, and the modules that torch loads when it first compares tensors."""
    import torch

    with suppress(ImportError):
        import pytest  # noqa: F401
    torch.testing.assert_close(torch.zeros(1), torch.zeros(1))


def _run(order: dict[str, Any], replace: Any) -> None:
    """In the fork: run the command, and end the process with its status."""
    os.setsid()
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for here, there in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(here, there)
    status = 1
    os.environ.update(order["environment"])  # for what the command starts: processes of pytest-xdist, say
    try:
        _put(order["layer"], order["replaced"], replace)
        status = _status_of(order["command"])
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _put(layer: str, replaced: str, replace: Any) -> None:
    """Put the layer in its place, now or when the module is loaded, and forget this package, which nobody has asked for."""
    import torch

    if not layer:
        pass
    elif not replaced:
        replace(torch, layer)
    else:
        from bn_reference.power.audit.hook.sitecustomize import watch

        watch(layer, replaced)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def _status_of(command: Sequence[str]) -> int:
    program, first, *rest = (*command, "")
    try:
        if Path(program).name == "pytest":
            _as_main(str(shutil.which(program)), command[1:])
        elif first == "-m":
            sys.argv, sys.path[0] = list(command[2:]), os.getcwd()
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif first == "-c":
            sys.argv, sys.path[0] = ["-c", *command[3:]], ""
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            _as_main(first, command[2:])
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return (ended.code or 0) & 0xFF
        print(ended.code, file=sys.stderr)  # noqa: T201  (as an interpreter does)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _as_main(file: str, arguments: Sequence[str]) -> None:
    sys.argv, sys.path[0] = [file, *arguments], os.path.dirname(os.path.abspath(file))
    runpy.run_path(file, run_name="__main__")


if __name__ == "__main__":
    serve()

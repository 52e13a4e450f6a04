"""Modules run in a process group of their own, to be killed with all that they have started."""

import os
import runpy
import signal
import sys
import tempfile
import warnings
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from nutgraf.errors import NutgrafError

LOG = "log.txt"
TEMPORARY = "tmp"
"""In the folder of a run: where `tempfile` puts what it makes."""

_PATIENCE = 600.0
"""Seconds after which a run that should have ended hangs."""


def start(module: str, arguments: list[str], folder: Path) -> ForkServerProcess:
    """Run a module as `python -m` does, in a folder, with its output appended to a log there.

    The processes are forked from one that has imported the scripts' packages already, so that
    they spend their time at work.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.finetune", "nutgraf.cli"])
    process = context.Process(target=_main, args=(module, arguments, folder))
    process.start()
    return process


def kill(process: ForkServerProcess) -> None:
    """Send SIGKILL to the whole group, and return when the process is gone."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it had no time yet to make a group
        process.kill()
    process.join()


def finish(process: ForkServerProcess, folder: Path) -> None:
    """Wait for a process to end.

    Raises:
        NutgrafError: with the end of its output, if its exit status is not 0 or it hangs.
    """
    process.join(_PATIENCE)
    if process.exitcode == 0:
        return
    kill(process)
    log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    raise NutgrafError(f"exit status {process.exitcode}: {' '.join(log.splitlines()[-3:])}")


def _main(module: str, arguments: list[str], folder: Path) -> None:
    os.setsid()
    os.chdir(folder)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    Path(TEMPORARY).mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(Path(TEMPORARY).absolute())
    tempfile.tempdir = None  # so that it is looked up anew
    sys.argv[1:] = arguments
    # The models are tiny: a second thread costs more than it does.
    torch.set_num_threads(1)
    # The module was imported before it is run as a program: see `start`.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
    runpy.run_module(module, run_name="__main__", alter_sys=True)

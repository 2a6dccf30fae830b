"""What all jobs of a pipeline have in common: a log, one line for a mistake, a common end.

A pipeline that is killed cannot end its jobs: they would train on beside those of the next call,
which also spoils what that call times.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsh_dl.common.errors import UserError, describe_error

VARIABLE = "LSH_DL_PIPELINE"
"""Environment variable of jobs: host and process of their pipeline."""
INTERVAL = 1.0
"""Seconds between looks where the system cannot wait for a process that is no child."""


def announce_pipeline() -> None:
    """Let all jobs that this process starts from now on end with it."""
    os.environ[VARIABLE] = f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def job(log: Path | str) -> Iterator[None]:
    """Do a job of a pipeline in this process: what it prints goes to `log`, as UTF-8.

    A mistake that a user can mend ends the process with one line there, and exit code 1. The
    process ends with its pipeline.
    """
    end_with_pipeline()
    # Never closed: the traceback of any other error is told after the last line.
    sys.stdout = sys.stderr = open(log, "w", encoding="utf-8")  # noqa: SIM115
    try:
        yield
    except (UserError, OSError) as error:
        print(f"error: {describe_error(error)}", flush=True)
        sys.exit(1)


def end_with_pipeline() -> None:
    """End this process by SIGTERM as soon as its pipeline has ended.

    Without a pipeline, or with one on another machine, nothing happens.
    """
    host, _, process = os.environ.get(VARIABLE, "").rpartition(":")
    if host != socket.gethostname() or not process.isdecimal():
        return
    threading.Thread(target=_end_after, args=(int(process),), daemon=True).start()


def _end_after(process: int) -> None:
    _wait_for(process)
    # Not SIGINT, which shells let background jobs ignore. Files appear whole or not at all, so
    # there is nothing to tidy up; a checkpoint is gone on from.
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for(process: int) -> None:
    """Return when a process of this machine has ended."""
    try:
        if hasattr(os, "pidfd_open"):
            import select

            poll = select.poll()
            poll.register(os.pidfd_open(process), select.POLLIN)
            poll.poll()
            return
    except ProcessLookupError:
        return
    except OSError:  # not in this system's kernel, or not permitted
        pass
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass
        time.sleep(INTERVAL)

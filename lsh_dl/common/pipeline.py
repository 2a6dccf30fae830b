"""Jobs that end with the pipeline that started them.

A pipeline that is killed cannot end its jobs: they would train on beside those of the next call,
which also spoils what that call times.
"""

import os
import signal
import socket
import threading
import time

VARIABLE = "LSH_DL_PIPELINE"
"""Environment variable of jobs: host and process of their pipeline."""
INTERVAL = 1.0
"""Seconds between looks where the system cannot wait for a process that is no child."""


def announce_pipeline() -> None:
    """Let all jobs that this process starts from now on end with it."""
    os.environ[VARIABLE] = f"{socket.gethostname()}:{os.getpid()}"


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

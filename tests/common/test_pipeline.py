"""Jobs end with the pipeline that started them."""

import os
import signal
import socket
import subprocess
import sys

from lsh_dl.common.pipeline import VARIABLE

PIPELINE = """
import subprocess, sys
from lsh_dl.common.pipeline import announce_pipeline
announce_pipeline()
job = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(job.stdout.readline(), end="", flush=True)
sys.stdin.read()
"""
JOB = """
import os, signal
from lsh_dl.common.pipeline import end_with_pipeline
end_with_pipeline()
print(os.getpid(), flush=True)
signal.pause()
"""


def wait_for_end(process):
    descriptor = os.pidfd_open(process)
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(60_000))


def test_job_ends_when_its_pipeline_is_killed():
    pipeline = subprocess.Popen(
        [sys.executable, "-c", PIPELINE, JOB],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    job = int(pipeline.stdout.readline())
    pipeline.send_signal(signal.SIGKILL)
    pipeline.wait()
    assert wait_for_end(job)


def run_job(value):
    code = JOB.replace("signal.pause()", "import time; time.sleep(0.5); print('lives')")
    environment = os.environ | {VARIABLE: value}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_pipeline_that_is_gone_before_its_job_starts():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert run_job(f"{socket.gethostname()}:{gone.pid}").returncode == -signal.SIGTERM


def test_a_pipeline_of_another_machine_or_none_means_nothing():
    for value in ("elsewhere:1", "", "nonsense"):
        done = run_job(value)
        assert done.stdout.endswith("lives\n"), done

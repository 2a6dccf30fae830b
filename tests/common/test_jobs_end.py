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


def do_job(tmp_path, statement):
    """Run a statement as a job; its exit code, what came out, and its log."""
    code = "from lsh_dl.common.errors import UserError\nfrom lsh_dl.common.pipeline import job\n"
    code += (
        f"with job({str(tmp_path / 'job.log')!r}):\n    print('begun: \\xe9')\n    {statement}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, (tmp_path / "job.log").read_text("utf-8")


def test_what_a_job_prints_goes_to_its_log(tmp_path):
    assert do_job(tmp_path, "pass") == (0, "", "begun: \xe9\n")


def test_mistake_in_a_job_is_one_line_of_its_log(tmp_path):
    code, _, log = do_job(tmp_path, "raise UserError('a.csv: empty; remove it')")
    assert (code, log) == (1, "begun: \xe9\nerror: a.csv: empty; remove it\n")
    code, _, log = do_job(tmp_path, "open('/none/there')")
    assert (code, log) == (1, "begun: \xe9\nerror: /none/there: No such file or directory\n")


def test_any_other_error_of_a_job_has_its_traceback(tmp_path):
    code, _, log = do_job(tmp_path, "1 / 0")
    assert code == 1
    assert log.endswith("ZeroDivisionError: division by zero\n")

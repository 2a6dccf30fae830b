"""What a person sees while runs train: a board in a terminal, a line now and then elsewhere."""

import atexit
import logging
import threading
import time

from rich.console import Console
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from lsh_dl.common.pipeline import announce_pipeline
from lsh_dl.experiment.monitor import Board, follow

PIPELINE_ENDS = threading.Event()


#: How this call ended: what its last lines tell. None: nothing was to be done, or it was killed.
OUTCOME = {"succeeded": None, "jobs": {}, "failed": []}


class AboveTheBoard(logging.Filter):
    """Leave out what the board tells better; keep which jobs failed."""

    def filter(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            OUTCOME["jobs"][record.jobid] = (record.rule_msg, record.log)
        elif event == LogEvent.JOB_ERROR:
            OUTCOME["failed"].append(getattr(record, "jobid", None))
        text = str(record.msg)
        of_training = (
            getattr(record, "rule_name", "") == "train" or "(Rule: train)" in text
        )
        return not (
            event in (LogEvent.PROGRESS, LogEvent.JOB_STARTED)
            or (event in (LogEvent.JOB_INFO, LogEvent.JOB_FINISHED) and of_training)
        )


def show_progress():
    """Follow the runs that this call of Snakemake trains, in a thread, until it ends."""
    planned = {
        job.wildcards.run: RUNS[job.wildcards.run]
        for job in workflow.dag.needrun_jobs()
        if job.rule.name == "train"
    }
    if {Quietness.ALL, Quietness.PROGRESS} & set(workflow.output_settings.quiet or ()):
        return
    console = Console(stderr=True)
    for handler in logger.handlers:
        if (
            isinstance(handler, logging.StreamHandler)
            and handler.name == "DefaultStreamHandler"
        ):
            handler.addFilter(AboveTheBoard())
            if console.is_terminal:
                # Looked up at each line: the board puts a writer of its own there.
                handler.setStream(StandardError())
    atexit.register(tell_outcome)
    if not planned:
        return
    board = Board(planned, RESULTS, SIZES, since=time.time())
    thread = threading.Thread(
        target=follow, args=(board, console, PIPELINE_ENDS.wait), daemon=True
    )
    thread.start()

    # At exit, when Snakemake has written its last: it writes a line in two pieces, and what this
    # thread writes could come between them.
    def end():
        PIPELINE_ENDS.set()
        thread.join()

    atexit.register(end)


def note_outcome(succeeded):
    """Keep how the call ended, and load what tells of it: statistics, a second that others save."""
    from lsh_dl.results import outcome

    OUTCOME.update(succeeded=succeeded, told_by=outcome)


def tell_outcome():
    """The last lines of a call: where the figures are and the verdicts, or what failed."""
    if OUTCOME["succeeded"]:
        lines = OUTCOME["told_by"].describe_outcome(RESULTS)
    elif OUTCOME["succeeded"] is False:
        known = [
            OUTCOME["jobs"][job] for job in OUTCOME["failed"] if job in OUTCOME["jobs"]
        ]
        lines = OUTCOME["told_by"].describe_failures(
            [(message, Path(log[0])) for message, log in known if message and log]
        )
    else:
        return
    print("\n".join(lines), file=sys.stderr)


class StandardError:
    """`sys.stderr`, whatever it is at the time."""

    def write(self, text):
        return sys.stderr.write(text)

    def flush(self):
        sys.stderr.flush()


if workflow.is_main_process:

    onstart:
        claim_results()
        for study, reasons in SKIPPED.items():
            for title, reason in reasons.items() if study in RUNS_OF else ():
                print(f"{study}: {title} is skipped: {reason}", file=sys.stderr)
        if workflow.local_exec:
            announce_pipeline()
        show_progress()

    onsuccess:
        note_outcome(True)

    onerror:
        note_outcome(False)

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


class AboveTheBoard(logging.Filter):
    """Leave out what the board tells better, and write the rest above it."""

    def filter(self, record):
        event = getattr(record, "event", None)
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
    if not planned or {Quietness.ALL, Quietness.PROGRESS} & set(
        workflow.output_settings.quiet or ()
    ):
        return
    console = Console(stderr=True)
    if console.is_terminal:
        for handler in logger.handlers:
            if (
                isinstance(handler, logging.StreamHandler)
                and handler.name == "DefaultStreamHandler"
            ):
                handler.addFilter(AboveTheBoard())
                # Looked up at each line: the board puts a writer of its own there.
                handler.setStream(StandardError())
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


class StandardError:
    """`sys.stderr`, whatever it is at the time."""

    def write(self, text):
        return sys.stderr.write(text)

    def flush(self):
        sys.stderr.flush()


if workflow.is_main_process:

    onstart:
        claim_results()
        if workflow.local_exec:
            announce_pipeline()
        show_progress()

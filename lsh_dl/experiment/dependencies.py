"""Which of the package's own files decide the outcome of a job.

Snakemake reruns a job when one of its inputs changed; a module that the job imports is none of
them unless it is declared. Imports are followed here by reading the files, not by importing
them. Discovery imports by folder, not by name, so a rule's file is followed from that rule's jobs
only: a new or edited rule leaves the jobs of all others as they are.
"""

from pathlib import Path

from lsh_dl.common.code import source_files
from lsh_dl.common.discovery import find
from lsh_dl.rules.base import Rule


def sources_of_rule(name: str, job: str = "lsh_dl.training.run") -> list[Path]:
    """The files that decide the numbers of a run of the rule called `name`, done by `job`."""
    return source_files(job, find("lsh_dl.rules", Rule, name).__module__)

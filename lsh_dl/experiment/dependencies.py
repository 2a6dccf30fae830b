"""Which of the package's own files decide the outcome of a job.

Snakemake reruns a job when one of its inputs changed; a module that the job imports is none of
them unless it is declared. Imports are followed here by reading the files, not by importing
them. Discovery imports by folder, not by name, so a rule's file is followed from that rule's jobs
only: a new or edited rule leaves the jobs of all others as they are.
"""

from pathlib import Path

from lsh_dl.common.code import (
    below_working_directory,
    file_of,
    imports_in_functions,
    source_files,
)
from lsh_dl.common.discovery import find
from lsh_dl.experiment.studies.base import Study
from lsh_dl.rules.base import Rule


def sources_of_rule(reference: str) -> list[Path]:
    """The files that decide the numbers of a run of a rule; one of its own among them."""
    return source_files("lsh_dl.training.run", find("lsh_dl.rules", Rule, reference).__module__)


def sources_of_measurement(study: str, rule: str) -> list[Path]:
    """The files that decide what is measured of a run: the study's, and what its `measure` imports.

    What its file imports at the top serves its section and its tables.
    """
    found = find("lsh_dl.experiment.studies", Study, study)
    modules = sorted({found.__module__, found.measure.__module__})  # that may be a base's
    inside = [name for module in modules for name in imports_in_functions(module)]
    needed = (*inside, find("lsh_dl.rules", Rule, rule).__module__)
    return [*source_files(*needed), *(below_working_directory(file_of(name)) for name in modules)]

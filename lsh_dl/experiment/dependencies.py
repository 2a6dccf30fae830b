"""Which of the package's own files decide the outcome of a job.

Snakemake reruns a job when one of its inputs or parameters changed; a module that the job imports
is none of them unless it is declared. Imports are followed here by reading the files, not by
importing them. Discovery imports by folder, not by name, so the file of a rule or system is
followed from its own jobs only: a new or edited one leaves the jobs of all others as they are.
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
from lsh_dl.runs.spec import Run
from lsh_dl.systems.base import System


def sources_of_run(run: Run) -> list[Path]:
    """The files that decide the numbers of a run; of all rules and systems, its own only."""
    return source_files("lsh_dl.training.run", _module_of(run))


def sources_of_measurement(study: str, run: Run) -> list[Path]:
    """The files that decide what is measured of a run: the study's, and what its `measure` imports.

    What its file imports at the top serves its section and its tables.
    """
    found = find("lsh_dl.experiment.studies", Study, study)
    modules = sorted({found.__module__, found.measure.__module__})  # that may be a base's
    inside = [name for module in modules for name in imports_in_functions(module)]
    needed = (*inside, _module_of(run))
    return [*source_files(*needed), *(below_working_directory(file_of(name)) for name in modules)]


def _module_of(run: Run) -> str:
    package, base = ("lsh_dl.systems", System) if run.system else ("lsh_dl.rules", Rule)
    return find(package, base, run.reference).__module__

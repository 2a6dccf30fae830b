"""One run of a study, measured, from a prepared folder to its file."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from lsh_dl.common.discovery import find
from lsh_dl.common.files import write_csv
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.studies.base import Study
from lsh_dl.runs.spec import Run


def measure_to_file(study: str, run: Run, data_folder: Path, path: Path) -> None:
    """Measure one run of the study called `study` and write its rows, a CSV.

    Raises
    ------
    UserError
        The data are not there.
    """
    found = find("lsh_dl.experiment.studies", Study, study)
    data = open_prepared(data_folder, test=found.reads_test)
    with threadpool_limits(1):
        rows = found.measure(run, data)
    write_csv(rows, path)

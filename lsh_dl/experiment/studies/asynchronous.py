"""Training with several threads on one network, without locks: accuracy and time over threads."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies.base import Study, cross_runs
from lsh_dl.runs.spec import Run, Threads

if TYPE_CHECKING:
    from lsh_dl.experiment.config import Experiment


def _require_one(threads: list[int]) -> list[int]:
    if 1 not in threads:
        raise ValueError("1 is missing, which speed-up compares with; add it")
    return threads


class Asynchronous(Study):
    """Accuracy by epoch, and time, over the number of threads that train at the same time.

    Its runs are timed: one at a time, with nothing beside it.
    """

    timed: ClassVar[bool] = True

    threads: Annotated[
        list[Threads],
        Field(min_length=1),
        Distinct,
        AfterValidator(_require_one),
    ] = Field(
        [1, 2, 4], description="numbers of threads, 1 among them; more than cores are allowed"
    )

    def expand_runs(self, experiment: "Experiment") -> list[Run]:
        """All runs: data sets x entries x networks x threads x seeds."""
        return cross_runs(experiment, **self.axes(experiment), threads=self.threads)

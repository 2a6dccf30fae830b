"""The run table: an experiment expands to the independent runs of its studies."""

from collections.abc import Mapping

from lsh_dl.config import Experiment
from lsh_dl.errors import UserError
from lsh_dl.runs import Run
from lsh_dl.studies.base import cross_runs
from lsh_dl.studies.only import select_runs

#: The study that the top level of a config describes.
COMPARISON = "comparison"


def expand_studies(experiment: Experiment) -> dict[str, list[Run]]:
    """The runs of each study by its name, `comparison` first; where `only` says so, a part.

    Raises
    ------
    UserError
        Two different runs would share an id, and with it their files, or `only` names none.
    """
    studies = {COMPARISON: expand_comparison(experiment)}
    studies |= {name: study.expand_runs(experiment) for name, study in experiment.studies.items()}
    merge_runs([run for runs in studies.values() for run in runs])
    return studies if experiment.only is None else select_runs(studies, experiment.only)


def expand_runs(experiment: Experiment) -> list[Run]:
    """All runs of an experiment; one that several studies share stands here once."""
    studies = expand_studies(experiment)
    return [*merge_runs([run for runs in studies.values() for run in runs]).values()]


def timed_runs(experiment: Experiment, studies: Mapping[str, list[Run]]) -> set[str]:
    """The ids of runs whose seconds are what a study is about: nothing may run beside them."""
    timed = {name for name, study in experiment.studies.items() if study.timed}
    return {run.id for name in timed for run in studies.get(name, ())}


def expand_comparison(experiment: Experiment) -> list[Run]:
    """The main comparison: data sets x rules x networks x active fractions x seeds."""
    return [
        run
        for dataset in experiment.datasets
        for label, entry in experiment.rules.items()
        for run in cross_runs(
            experiment,
            datasets=[dataset],
            networks=experiment.networks,
            entries={label: entry},
            active_fractions=entry.active_fractions or experiment.active_fractions,
            seeds=experiment.seeds,
        )
    ]


def merge_runs(runs: list[Run]) -> dict[str, Run]:
    """The distinct runs by id; raises a UserError where an id has two meanings."""
    known: dict[str, Run] = {}
    for run in runs:
        other = known.setdefault(run.id, run)
        if other != run:
            raise UserError(
                f"two runs are called {run.id}: data set {other.dataset}, rule {other.label}, "
                f"level {other.active_fraction} and data set {run.dataset}, rule {run.label}, "
                f"level {run.active_fraction}; rename an entry or change a level"
            )
    return known

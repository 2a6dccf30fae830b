"""The run table: an experiment expands to the independent runs of its studies."""

from collections.abc import Iterable, Mapping
from itertools import chain

from pydantic import ValidationError

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import Experiment
from lsh_dl.experiment.studies.base import cross_runs
from lsh_dl.experiment.subset import select_runs
from lsh_dl.runs.spec import Run

#: The study that the top level of a config describes.
COMPARISON = "comparison"


def expand_studies(experiment: Experiment) -> dict[str, list[Run]]:
    """The runs of each study by its name, `comparison` first; where `only` says so, a part.

    Raises
    ------
    UserError
        Two different runs would share an id, and with it their files; an id would be too long for
        a file's name; or `only` names none.
    """
    try:
        studies = {COMPARISON: expand_comparison(experiment)}
        for name, study in experiment.studies.items():
            studies[name] = study.expand_runs(experiment)
    except ValidationError as error:
        # Each part was checked; together they make a name that is too long.
        raise UserError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    trained, measured = split_studies(experiment, studies)
    for runs in (chain(*trained.values()), *measured.values()):
        merge_runs(runs)
    return studies if experiment.only is None else select_runs(studies, experiment.only)


def split_studies(
    experiment: Experiment, studies: Mapping[str, list[Run]]
) -> tuple[dict[str, list[Run]], dict[str, list[Run]]]:
    """The studies whose runs are trained, which may share them, and those that are measured."""
    kinds = {name: study.measured for name, study in experiment.studies.items()}
    measured = {name: runs for name, runs in studies.items() if kinds.get(name)}
    return {name: runs for name, runs in studies.items() if name not in measured}, measured


def expand_runs(experiment: Experiment) -> list[Run]:
    """All runs that are trained; one that several studies share stands here once."""
    trained, _ = split_studies(experiment, expand_studies(experiment))
    return [*merge_runs(chain(*trained.values())).values()]


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


def merge_runs(runs: Iterable[Run]) -> dict[str, Run]:
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

"""The run table: an experiment expands to the independent runs of its studies."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from pydantic import ValidationError

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import Experiment
from lsh_dl.experiment.studies.tuning import Tuning
from lsh_dl.experiment.subset import select_runs
from lsh_dl.runs.spec import Run


def expand_studies(experiment: Experiment) -> dict[str, list[Run]]:
    """The runs of each study by its name, `comparison` first; where `only` says so, a part.

    Raises
    ------
    UserError
        Two different runs would share an id, and with it their files; an id would be too long for
        a file's name; a data set has a learning rate of a level that no run of it is at; or `only`
        names none.
    """
    tuning = experiment.studies.get(Tuning.name)
    kinds = {name: study for name, study in experiment.studies.items() if study is not tuning}
    trials: list[Run] = []
    try:
        studies = {name: study.expand_runs(experiment) for name, study in kinds.items()}
        if tuning is not None:
            studies = {
                name: [tuning.assign(run) for run in runs] if kinds[name].trained else runs
                for name, runs in studies.items()
            }
            networks = (run.hidden for run in chain(*studies.values()))
            trials = tuning.expand_runs(experiment, networks)
    except ValidationError as error:
        # Each part was checked; together they make a name that is too long.
        raise UserError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    _check_rates(experiment, [*chain(*studies.values())])
    trained, measured = split_studies(experiment, studies)
    for runs in (chain(*trained.values()), *measured.values(), trials):
        merge_runs(runs)
    for run in chain(*trained.values()):
        if run.conditions:
            raise UserError(f"{run.id}: training heeds no `conditions`; measure it (`measure`)")
    if experiment.only is not None:
        whole = [name for name, study in kinds.items() if study.whole]
        studies = select_runs(studies, experiment.only, whole)
    needed = {run.tuned for run in chain(*studies.values())}
    trials = [trial for trial in trials if trial.group in needed]
    return studies | ({Tuning.name: trials} if trials else {})


def _check_rates(experiment: Experiment, runs: Collection[Run]) -> None:
    """Raise a UserError where `learning_rates` names a level that no run of the data set is at."""
    for label, entry in experiment.datasets.items():
        levels = {1.0, *(run.active_fraction for run in runs if run.dataset == label)}
        for level in sorted(entry.learning_rates.keys() - levels):
            known = ", ".join(f"{known:g}" for known in sorted(levels))
            place = f"datasets.{label}.learning_rates.{level:g}"
            raise UserError(f"{place}: no run is at that level; known: {known}")


def split_studies(
    experiment: Experiment, studies: Mapping[str, list[Run]]
) -> tuple[dict[str, list[Run]], dict[str, list[Run]]]:
    """The runs that are trained, which studies may share, and those that are measured, by study."""
    kinds = experiment.studies
    trained = {name: runs for name, runs in studies.items() if kinds[name].trained}
    measured = {name: kinds[name].pick_measured(runs) for name, runs in studies.items()}
    return trained, {name: runs for name, runs in measured.items() if runs}


def expand_runs(experiment: Experiment) -> list[Run]:
    """All runs that are trained; one that several studies share stands here once."""
    trained, _ = split_studies(experiment, expand_studies(experiment))
    return [*merge_runs(chain(*trained.values())).values()]


def timed_runs(experiment: Experiment, studies: Mapping[str, list[Run]]) -> set[str]:
    """The ids of runs whose seconds are what a study is about: nothing may run beside them."""
    timed = {name for name, study in experiment.studies.items() if study.timed}
    return {run.id for name in timed for run in studies.get(name, ())}


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

"""A part of an experiment: `only: dataset=digits rule=lsh,wta`."""

from collections.abc import Callable, Collection, Mapping

from lsh_dl.common.errors import UserError, suggest
from lsh_dl.runs.spec import Run, describe_widths

#: What can be chosen by, and the words that a run answers to.
KEYS: dict[str, Callable[[Run], set[str]]] = {
    "dataset": lambda run: {run.dataset},
    "rule": lambda run: {run.label, run.rule},
    "network": lambda run: {describe_widths(run.hidden)},
    "level": lambda run: {f"{run.active_fraction:g}"},
    "seed": lambda run: {str(run.seed)},
}


def select_runs(
    studies: Mapping[str, list[Run]], only: str, whole: Collection[str] = ()
) -> dict[str, list[Run]]:
    """The runs of each study that `only` names; a study without any is left out.

    Parameters
    ----------
    only
        `key=value,value key=value`: a run is kept where every key has one of its values.
    whole
        Studies of which a part tells nothing: their runs are kept where all of them are, whatever
        their levels, which such a study has for reasons of its own.

    Raises
    ------
    UserError
        An unknown key, a value that no run has, or no run with all of them.
    """
    wanted = _parse(only)
    everything = [run for runs in studies.values() for run in runs]
    for key, values in wanted.items():
        known = set().union(*map(KEYS[key], everything))
        for value in values - known:
            raise UserError(f"only: no {key} {value!r} in the config; {suggest(value, known)}")
    kept = {}
    for name, runs in studies.items():
        keys = wanted.keys() - ({"level"} if name in whole else set())
        kept[name] = [run for run in runs if all(KEYS[key](run) & wanted[key] for key in keys)]
    for name in whole:
        if len(kept.get(name, ())) < len(studies.get(name, ())):
            kept[name] = []
    if not any(kept.values()):
        raise UserError(f"only: no run has all of {only!r}; leave one out")
    return {name: runs for name, runs in kept.items() if runs}


def _parse(only: str) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for part in only.split():
        key, sign, values = part.partition("=")
        if not sign or "" in values.split(","):
            raise UserError(f"only: {part!r}: give key=value,value such as rule=lsh,wta")
        if key not in KEYS:
            raise UserError(f"only: unknown key {key!r}; {suggest(key, KEYS)}")
        wanted.setdefault(key, set()).update(values.split(","))
    if not wanted:
        raise UserError("only: empty; give key=value,value such as rule=lsh,wta")
    return wanted

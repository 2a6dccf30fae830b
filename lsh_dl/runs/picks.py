"""From the trials of a rule's settings to the ones that its runs are trained with.

A trial is a setting trained on the training part, with seeds of its own, and judged on the
validation part; the test part has no say in it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole
from lsh_dl.common.validation import Model, validate
from lsh_dl.runs.spec import Fraction, Name, Run

if TYPE_CHECKING:  # a third of a second to import, which training does not need
    import pandas as pd

#: What makes a trial, in its rows; those that differ in nothing else differ in their seeds.
SETTING = ("group", "learning_rate", "active_fraction_wanted", "settings")
#: Per cent of the textbook network's multiplications that a budget is about.
PARTS = ("training_percent", "inference_percent")


class Pick(Model):
    """The setting that was best in its group's trials."""

    group: Name = Field(description="data set, label, network, level or budget: `Run.group`")
    learning_rate: float
    active_fraction: Fraction
    settings: dict[str, Any] = Field(description="the rule's")
    validation_accuracy: float = Field(description="median over the trials' seeds, best epoch")
    training_percent: float = Field(description="of the textbook network's multiplications")
    inference_percent: float
    seeds: list[int] = Field(description="of the trials")
    budget: float | None = None
    within_budget: bool = True


def summarise_trials(rows: "pd.DataFrame") -> "pd.DataFrame":
    """A row a trial: of each seed the epoch best on validation data, then medians over the seeds.

    Parameters
    ----------
    rows
        An epoch a row: `SETTING`, `seed`, `epoch`, `validation_accuracy`, `PARTS`, `microseconds`
        (of training a sample), `status` and what tells the run. A seed that diverged counts with
        an accuracy of 0.
    """
    import pandas as pd

    rows = rows.assign(
        validation_accuracy=rows["validation_accuracy"].where(rows["status"] == "ok", 0.0)
    )
    diverged = rows.groupby([*SETTING, "seed"])["status"].transform(lambda s: (s != "ok").any())
    rows.loc[diverged, "validation_accuracy"] = 0.0
    best = rows.loc[rows.groupby([*SETTING, "seed"], sort=False)["validation_accuracy"].idxmax()]
    trials = []
    for values, group in best.groupby(list(SETTING), sort=False):
        told = group.iloc[0][["dataset", "hidden", "rule", "label"]].to_dict()
        measures = ["validation_accuracy", *PARTS, "microseconds", "epoch"]
        medians = group[measures].median().to_dict()
        seeds = " ".join(str(seed) for seed in sorted(group["seed"]))
        trials.append(told | dict(zip(SETTING, values, strict=True)) | medians | {"seeds": seeds})
    return pd.DataFrame(trials)


def choose(trials: "pd.DataFrame", budget: float | None = None, nearest: bool = False) -> Pick:
    """The best trial of one group, on validation data; of equal ones the one with less work.

    Parameters
    ----------
    trials
        Rows of `summarise_trials` of one group.
    budget
        Most multiplications, in per cent of the textbook network's, in training and in inference.
    nearest
        Take the one that comes nearest where no trial stays within the budget.

    Raises
    ------
    UserError
        No trial stays within the budget.
    """
    group, most = trials["group"].iloc[0], trials[list(PARTS)].max(axis=1)
    allowed, within = trials, True
    if budget is not None:
        allowed = trials[most <= budget]
        if allowed.empty:
            closest = trials.loc[most.idxmin()]
            if not nearest:
                raise UserError(
                    f"{group}: no setting stays within {budget:g} % of the multiplications; "
                    f"nearest came {_describe(closest)}; give the grid of {closest['label']} "
                    "smaller active fractions, or name the label in `nearest`"
                )
            allowed, within = trials.loc[[most.idxmin()]], False
    order = ["validation_accuracy", "inference_percent", "training_percent"]
    best = allowed.sort_values(order, ascending=[False, True, True], kind="stable").iloc[0]
    return Pick(
        group=group,
        learning_rate=best["learning_rate"],
        active_fraction=best["active_fraction_wanted"],
        settings=json.loads(best["settings"]),
        validation_accuracy=best["validation_accuracy"],
        training_percent=best["training_percent"],
        inference_percent=best["inference_percent"],
        seeds=[int(seed) for seed in best["seeds"].split()],
        budget=budget,
        within_budget=within,
    )


def _describe(trial: "pd.Series") -> str:
    settings = {"active_fraction": trial["active_fraction_wanted"]} | json.loads(trial["settings"])
    named = ", ".join(f"{name}: {value}" for name, value in settings.items())
    work = f"{trial['training_percent']:.1f} % in training, {trial['inference_percent']:.1f} %"
    return f"{{{named}}} with {work} in inference"


def read_trials(files: Sequence[Path | str]) -> "pd.DataFrame":
    """All epochs of the trials in these CSVs, in the given order."""
    import pandas as pd

    text = dict.fromkeys(("group", "settings", "label", "hidden", "dataset", "rule"), str)
    return pd.concat([pd.read_csv(file, dtype=text) for file in files], ignore_index=True)


def write_pick(
    files: Sequence[Path | str], path: Path, budget: float | None, nearest: bool
) -> None:
    """Choose among the trials in `files`, all of one group, and write the pick as JSON."""
    pick = choose(summarise_trials(read_trials(files)), budget, nearest)
    with written_whole(path) as file:
        file.write(pick.model_dump_json(indent=2) + "\n")


def read_pick(path: Path) -> Pick:
    """What `write_pick` wrote.

    Raises
    ------
    UserError
        It is damaged.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: no pick ({error}); remove it and run again") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: no pick, but a {type(raw).__name__}; remove it and run again")
    return validate(Pick, raw, str(path))


def apply_pick(run: Run, pick: Pick) -> Run:
    """The run with the picked settings in place of its own."""
    changed = {
        "training": run.training.model_copy(update={"learning_rate": pick.learning_rate}),
        "settings": pick.settings,
    }
    if run.budget is not None:
        changed["active_fraction"] = pick.active_fraction
    return run.model_copy(update=changed)

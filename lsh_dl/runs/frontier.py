"""All settings that an experiment tried, and which of them nothing else surpasses.

Plain tables in, plain tables out.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lsh_dl.runs.summary import LEVEL, POINT, number_curves, reported_epochs, summarise_rows

COSTS = ("training_percent", "inference_percent", "microseconds")
"""Each a measure of which less is better."""
TRIALS = ("tuning", "budget_trials")
"""Tables of `lsh_dl.runs.picks.summarise_trials`."""
CELL = ["dataset", "hidden"]


def gather_settings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a setting: accuracy and costs, median over its seeds, lowest, highest.

    Accuracies are those of the validation part, which trials have too; of a data set without one,
    of the test part (`accuracy_of`). `microseconds` are of training a sample. `on_<cost>` says
    whether the setting is on the frontier of its data set and network: none is as accurate at less
    of that cost; `default`, whether it is LSH as the comparison has it. Trials that diverged are
    left out.

    Parameters
    ----------
    tables: `runs` (`lsh_dl.results.tables.write_runs`) and, if there, those of trials.
    """
    runs = reported_epochs(tables["runs"])
    runs = runs[runs["threads"] == 1]
    of_data = runs["validation_accuracy"].isna().groupby(runs["dataset"]).transform("any")
    runs = runs.assign(
        setting=_name_settings(runs),
        accuracy=runs["test_accuracy"].where(of_data, runs["validation_accuracy"]),
        accuracy_of=np.where(of_data, "test", "validation"),
        microseconds=1e6 * runs["train_seconds"] / runs["samples"],
    )
    trials = _read_trials(tables, runs)
    curves = number_curves(pd.concat([runs, trials])[["label"]]).drop_duplicates("label")
    keys = (*POINT, "counting", "accuracy_of", "setting")
    found = pd.concat([summarise_rows(runs, keys, ("accuracy", *COSTS)), trials], ignore_index=True)
    found["curve"] = found["label"].map(curves.set_index("label")["curve"])
    return mark_frontiers(found.assign(default=_find_default(found)))


def _find_default(settings: pd.DataFrame) -> pd.Series:
    """Which setting of each data set and network is LSH as compared, nearest to 5 % active."""
    names = [
        f"{row.dataset}_lsh_{row.hidden}_{100 * row.target_active_fraction:g}pct"
        for row in settings.itertuples()
    ]
    plain = settings[(settings["rule"] == "lsh") & (settings["setting"] == names)]
    away = (plain["target_active_fraction"] - LEVEL).abs()
    return settings.index.isin(away.groupby([plain[key] for key in CELL]).idxmin())


def mark_frontiers(settings: pd.DataFrame) -> pd.DataFrame:
    """With `on_<cost>` for each of `COSTS`; where a cost is not known, it is False."""
    for cost in COSTS:
        marks = pd.Series(False, settings.index)
        ordered = settings.sort_values(
            [f"{cost}_median", "accuracy_median"], ascending=[True, False], kind="stable"
        ).dropna(subset=[f"{cost}_median", "accuracy_median"])
        for _, cell in ordered.groupby(CELL, sort=False):
            best_before = cell["accuracy_median"].cummax().shift(fill_value=-np.inf)
            marks[cell.index] = cell["accuracy_median"] > best_before
        settings = settings.assign(**{f"on_{cost}": marks})
    return settings


def _name_settings(runs: pd.DataFrame) -> pd.Series:
    """Names of runs without their seeds."""
    seeds = [f"_seed{seed}" for seed in runs["seed"]]
    names = [name.replace(seed, "", 1) for name, seed in zip(runs["run_id"], seeds, strict=True)]
    return pd.Series(names, runs.index)


def _read_trials(tables: Mapping[str, pd.DataFrame], runs: pd.DataFrame) -> pd.DataFrame:
    """Trials as rows of `gather_settings`; what tables of trials lack is from the runs' rows."""
    given = [tables[name] for name in TRIALS if name in tables]
    if not given:
        return pd.DataFrame({"label": pd.Series(dtype=str)})
    trials = pd.concat(given, ignore_index=True)
    trials = trials[trials["validation_accuracy"] > 0]
    data = runs.drop_duplicates("dataset").set_index("dataset")[["dataset_title", "data_kind"]]
    depths = runs.drop_duplicates("hidden").set_index("hidden")["hidden_layers"]
    known = runs.drop_duplicates("label").set_index("label")[["title", "counting"]]
    trials = trials.join(data, on="dataset").join(known, on="label").join(depths, on="hidden")
    numbers = {f"{cost}_median": trials[cost] for cost in COSTS}
    told = ["dataset_title", "data_kind", "hidden_layers", "rule", "label", "counting", "epoch"]
    setting = trials["group"] + " " + trials["settings"] + " "
    return trials[[*CELL, *told]].assign(
        title=trials["title"].fillna(trials["label"]),
        threads=1,
        target_active_fraction=trials["active_fraction_wanted"],
        accuracy_of="validation",
        setting=setting + trials["learning_rate"].astype(str),
        n=trials["seeds"].astype(str).str.split().str.len(),
        diverged=0,
        accuracy_median=trials["validation_accuracy"],
        **numbers,
    )

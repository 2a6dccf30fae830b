"""Results kept as a reference, and whether other results lie inside its bands.

A cell is a point of an experiment (data set, network, rule, level, threads) and one of `MEASURES`.
Its band goes from the lowest to the highest seed of the reference, and on both sides by a margin

    max(floor, t s sqrt(1/n + 1/m))

further: s is the deviation between seeds, n and m are the numbers of seeds there and here. That is
how far two means of so few seeds may lie apart by chance. Two or three seeds tell little of a
deviation, so it is pooled over all points of the data set and rule, of both sides, and counts with
its degrees of freedom in Student's quantile t; where a point's own, in the reference, is larger, it
is taken. t is such that a faithful repetition has any cell outside in one of twenty cases
(Bonferroni). The floor is for what hardly differs between seeds, but does between machines.
Accuracy is compared by its differences, all else by its ratio to the reference.

Runs made again with the same seed, on the same machine, are compared by their numbers themselves
(`compare_repeated`).
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import whole_folder, write_csv, written_whole
from lsh_dl.runs.row import COLUMNS, LATER
from lsh_dl.runs.spec import Training
from lsh_dl.runs.summary import reported_epochs

#: What is compared, each with its floor: a difference of accuracy, or a share of the reference.
MEASURES = {
    "test_accuracy": 0.002,
    "active_fraction": 0.02,
    "training_multiplications": 0.02,
    "inference_multiplications": 0.02,
}
ABSOLUTE = ("test_accuracy",)
ALARM = 0.05
"""How often a faithful repetition may have any cell outside of its band."""
UNKNOWN = 10
"""Floors to allow where no cell of a data set and rule has two seeds, so that s is not known."""

POINT = ("dataset", "hidden", "label", "target_active_fraction", "threads", "cell")
SETTINGS = "settings.json"
#: What no repetition has again: seconds, and what else the machine did meanwhile.
PASSING = (
    "train_seconds",
    "evaluation_seconds",
    "load_average",
    "steal_percent",
    "others_cores",
)
#: What is kept of a results' folder, by patterns.
KEPT = (
    "tables/*.csv",
    "figures/*.png",
    "claims.csv",
    "claims.md",
    "config.yaml",
    "machine.csv",
)


class Differences(NamedTuple):
    """Outcome of `compare_results`."""

    cells: pd.DataFrame  # a row a point and measure: both medians, n, low and high, inside
    missing: list[str]  # points of the reference that are not here
    extra: list[str]  # points that the reference has not
    others: dict[str, str]  # points made with other settings, and the first difference


def keep_reference(results: Path, folder: Path) -> list[Path]:
    """Copy what `compare_results` and readers need of a finished experiment to `folder`.

    `runs.csv` is cut to each run's last epoch; `settings.json` says what runs were made with.

    Returns
    -------
    The files written. What was in the folder before is removed.

    Raises
    ------
    UserError
        The results are not those of a finished experiment, or the folder holds something else.
    """
    last = read_last_rows(results)
    settings = read_settings(results)
    files = {pattern: sorted(results.glob(pattern)) for pattern in KEPT}
    for pattern, found in files.items():
        if not found:
            raise UserError(f"{results / pattern}: no such file; let `snakemake` finish first")
    with whole_folder(folder, _is_reference, "reference") as new:
        written = [file.relative_to(results) for found in files.values() for file in found]
        for name in written:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(results / name, new / name)
        write_csv(last, new / "tables/runs.csv")
        with written_whole(new / SETTINGS) as file:
            lines = [f"{json.dumps(cell)}: {json.dumps(made)}" for cell, made in settings.items()]
            file.write("{\n" + ",\n".join(lines) + "\n}\n")
    return [folder / name for name in (*written, SETTINGS)]


def _is_reference(folder: Path) -> bool:
    """Whether `keep_reference` wrote the folder, and nothing of another's is in it."""
    files = {path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    ours = {folder / SETTINGS}.union(*map(folder.glob, KEPT))
    return folder / SETTINGS in files and files <= ours


def nearest_reference(results: Path, folder: Path) -> Path:
    """Of the references in `folder`, that which has most of the results' points.

    Raises
    ------
    UserError
        `results` is no folder of results, or no reference has any of their points.
    """
    own = set(read_last_rows(results)["cell"])
    kept = sorted(path.parent for path in folder.glob(f"*/{SETTINGS}"))
    common = {path: len(own & set(read_last_rows(path)["cell"])) for path in kept}
    if not any(common.values()):
        listed = ", ".join(map(str, kept))
        raise UserError(f"{results}: no point is in any of {listed or folder}; nothing to compare")
    return max(common, key=common.get)


def compare_results(results: Path, reference: Path) -> Differences:
    """Every cell of `results` against the reference's band.

    Raises
    ------
    UserError
        One of them is no folder of results, or nothing can be compared: no point is in both, or all
        were made with other settings.
    """
    here, there = (read_last_rows(folder) for folder in (results, reference))
    made_here, made_there = (read_settings(folder) for folder in (results, reference))
    own, kept = set(here["cell"]), set(there["cell"])
    common = own & kept
    differences = {
        cell: first_difference(made_here.get(cell, {}), made_there.get(cell, {}))
        for cell in sorted(common)
    }
    others = {cell: difference for cell, difference in differences.items() if difference}
    alike = common - set(others)
    if not common:
        raise UserError(f"{results}: no point is in {reference} too; nothing to compare")
    if not alike:
        cell, difference = next(iter(others.items()))
        raise UserError(
            f"{results}: made with other settings than {reference}, so nothing can be compared; "
            f"{cell}: {difference}"
        )
    cells = compare_cells(*(rows[rows["cell"].isin(alike)] for rows in (here, there)))
    return Differences(cells, sorted(kept - own), sorted(own - kept), others)


def compare_repeated(results: Path, reference: Path) -> pd.DataFrame:
    """Whether runs made again, by another commit say, have the same numbers to the last digit.

    Returns
    -------
    A row a run that both have: `run_id`, `epochs` that both have, and `differ`, the columns that
    are not alike, all but `PASSING`, joined by commas. Of a reference there is the reported epoch.

    Raises
    ------
    UserError
        One of them is no folder of results, or no epoch of a run is in both.
    """
    keys = ["run_id", "epoch"]
    tables = [read_rows(folder).set_index(keys) for folder in (results, reference)]
    common = tables[0].index.intersection(tables[1].index)
    if common.empty:
        raise UserError(f"{results}: no epoch of a run is in {reference} too; nothing to compare")
    here, there = (rows.loc[common] for rows in tables)
    columns = [name for name in COLUMNS if name not in (*keys, *PASSING)]
    unlike = pd.DataFrame(
        {
            name: (here[name] != there[name]) & (here[name].notna() | there[name].notna())
            for name in columns
            if name in here and name in there
        }
    )
    runs = unlike.groupby("run_id", sort=False)
    differ = runs.any().apply(lambda run: ", ".join(run.index[run]), axis=1)
    return pd.DataFrame({"epochs": runs.size(), "differ": differ}).reset_index()


def compare_cells(here: pd.DataFrame, there: pd.DataFrame) -> pd.DataFrame:
    """A row a point and measure; both tables have the same points, a row a run."""
    count = there["cell"].nunique() * len(MEASURES)
    tables = [compare_measure(here, there, name, floor, count) for name, floor in MEASURES.items()]
    return pd.concat(tables, ignore_index=True)


def compare_measure(
    here: pd.DataFrame, there: pd.DataFrame, measure: str, floor: float, count: int
) -> pd.DataFrame:
    """All points by one measure; `count` cells are compared in all."""
    scale = there.groupby("cell")[measure].median()
    if measure in ABSOLUTE:
        scale = scale * 0 + 1
    own, kept = (
        rows.assign(value=rows[measure] / rows["cell"].map(scale)) for rows in (here, there)
    )
    values = kept.groupby(list(POINT), sort=False)["value"]
    table = values.agg(reference="median", low="min", high="max", deviation="std", m="size")
    table = table.reset_index().merge(pool_deviations([own, kept]), on=["dataset", "label"])
    table = table.merge(own.groupby("cell")["value"].agg(median="median", n="size"), on="cell")

    quantile = stats.t.ppf(1 - ALARM / (2 * count), table["freedom"])
    # One seed has no deviation of its own.
    deviation = np.fmax(table["deviation"], table["pooled"])
    margin = quantile * deviation * np.sqrt(1 / table["n"] + 1 / table["m"])
    margin = np.fmax(margin.where(table["freedom"] > 0, UNKNOWN * floor), floor)
    low, high = table["low"] - margin, table["high"] + margin
    table = table.assign(low=low, high=high, inside=table["median"].between(low, high))
    for column in ("median", "reference", "low", "high"):
        table[column] *= table["cell"].map(scale)
    columns = [*POINT, "measure", "median", "n", "reference", "low", "high", "m", "inside"]
    return table.assign(measure=measure)[columns].rename(columns={"m": "n_reference"})


def pool_deviations(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """For each data set and rule: deviation of `value` between a point's seeds, and its freedom."""
    parts = []
    for rows in tables:
        values = rows.groupby("cell")["value"]
        parts.append(
            rows[["dataset", "label"]].assign(
                squares=(rows["value"] - values.transform("mean")) ** 2,
                freedom=1 - 1 / values.transform("size"),
            )
        )
    sums = pd.concat(parts).groupby(["dataset", "label"], sort=False).sum()
    freedom = sums["freedom"].round()
    pooled = np.sqrt(sums["squares"] / freedom.where(freedom > 0))
    return pd.DataFrame({"pooled": pooled, "freedom": freedom}).reset_index()


def read_last_rows(folder: Path) -> pd.DataFrame:
    """The reported row of every run of a results' folder, with `cell`: its id without the seed.

    Raises
    ------
    UserError
        There is no table of runs.
    """
    last = reported_epochs(read_rows(folder))
    names = [name_cell(*pair) for pair in zip(last["run_id"], last["seed"], strict=True)]
    return last.assign(cell=names)


def read_rows(folder: Path) -> pd.DataFrame:
    """All rows of the table of runs of a results' folder, or those that a reference keeps of it.

    Raises
    ------
    UserError
        There is no table of runs.
    """
    path = folder / "tables/runs.csv"
    remedy = "give a folder of results, or of what `lsh-dl reference` kept"
    try:
        runs = pd.read_csv(path, dtype={"run_id": str, "label": str, "hidden": str})
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except ValueError as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}; {remedy}") from None
    if not {*COLUMNS} - {*LATER} <= {*runs.columns} or runs.empty:
        raise UserError(f"{path}: not the table of runs of this version; {remedy}")
    return runs


def name_cell(run_id: str, seed: int) -> str:
    """`mnist_lsh_2x1000_5pct_seed1_2threads` as `mnist_lsh_2x1000_5pct_2threads`."""
    before, _, after = run_id.rpartition(f"_seed{seed}")
    return before + after


def read_settings(folder: Path) -> dict[str, Any]:
    """What the runs of each cell were made with, from a reference or from the runs' JSONs.

    Raises
    ------
    UserError
        There is neither, or it cannot be read.
    """
    kept = folder / SETTINGS
    paths = [kept] if kept.is_file() else sorted((folder / "runs").glob("*.json"))
    if not paths:
        raise UserError(f"{folder / 'runs'}: no JSONs of runs; give a folder of results")
    settings = {}
    for path in paths:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if path == kept:
                settings = record
                break
            run, data = record["run"], record["data"]
        except (ValueError, KeyError) as error:
            raise UserError(f"{path}: not what a run leaves ({error}); run again") from None
        settings[name_cell(record["run_id"], run["seed"])] = {
            "rule": {"name": run["rule"], **run["settings"]},
            "training": run["training"],
            "data": {key: data[key] for key in ("name", "kind", "preprocessing", "counts")}
            | data["settings"],
        }
    # What older versions did not know was at its default.
    for cell in settings.values():
        cell["training"] = Training().model_dump() | cell["training"]
    return settings


def first_difference(here: Any, there: Any, place: str = "") -> str:
    """The first setting that differs, as in `training.epochs is 3, there 5`; empty if none does."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in dict.fromkeys([*here, *there]):
            inner = f"{place}.{key}" if place else str(key)
            found = first_difference(here.get(key), there.get(key), inner)
            if found:
                return found
        return ""
    return "" if here == there else f"{place} is {here!r}, there {there!r}"

"""Claims about accuracy and work at 5 % active nodes: LSH beside the other selections."""

from contextlib import suppress

import numpy as np
import pandas as pd

from lsh_dl.results.claims.base import (
    ABSENT,
    ABSTRACT,
    CLOSE,
    REPORTED,
    Cell,
    Claim,
    NotTestedError,
    Tables,
    cells_of,
    median_seconds,
    pair,
    points_below,
    require_quiet,
    rows_of,
)
from lsh_dl.runs.summary import LEVEL, reported_epochs

ABOUT_FIVE = 5.5
"""Per cent of the multiplications: what rounds to 5."""
COLLAPSED = 10.0
"""Points below the standard network: ten times what counts as close."""

CONTROLS = {"lsh": "permuted", "unranked": "permuted-unranked", "paper": "permuted-paper"}
"""Labels of the ablation's entries: a variant, and it with the nodes in its tables permuted."""

WORK = "tables/accuracy_vs_multiplications.csv"
RUNS = "tables/runs.csv"


def measure_accuracy(tables: Tables) -> list[Cell]:
    """What LSH at 5 % of the nodes loses to NN, and the average of all."""
    lost = points_below(
        rows_of(tables, "comparison", "lsh"),
        rows_of(tables, "comparison", "standard"),
        "below NN",
    )
    return [*cells_of(lost), *average(lost, "below NN, average")]


def measure_budget(tables: Tables) -> list[Cell]:
    """What LSH within the budget loses to NN, and the average of all; the other rules beside it."""
    runs = tables.get("budget")
    if runs is None or runs.empty:
        raise NotTestedError("no runs of the budget study" + ABSENT)
    standard = rows_of(tables, "comparison", "standard")
    lsh = runs[(runs["rule"] == "lsh") & (runs["label"] == "lsh")]
    if lsh.empty:
        raise NotTestedError("no runs of `lsh` within a budget")
    if lsh[["training_percent", "inference_percent"]].max(axis=None) > ABOUT_FIVE:
        raise NotTestedError("the budget is more than 5 % of the multiplications")
    lost = points_below(lsh, standard, "LSH, below NN")
    beside = [
        cell._replace(judged=False)
        for label, others in runs[runs["label"] != "lsh"].groupby("label", sort=False)
        for cell in cells_of(points_below(others, standard, _name_beside(others)))
    ]
    for rule in [rule for rule in ("wta", "adaptive", "dropout") if rule not in set(runs["label"])]:
        # It may have no run of NN's data, networks and seeds.
        with suppress(NotTestedError):
            others = _with_least_work(tables["comparison"], rule)
            level = f" at {100 * others['target_active_fraction'].iloc[0]:g} % of the nodes"
            cells = cells_of(points_below(others, standard, _name_beside(others, level)))
            beside += [cell._replace(judged=False) for cell in cells]
    single, mean = cells_of(lost), average(lost, "LSH, below NN, average")
    # "On average": single cells are shown, and judged where there is no average.
    single = [cell._replace(judged=not mean) for cell in single]
    return [*mean, *single, *beside]


def _with_least_work(runs: pd.DataFrame, rule: str) -> pd.DataFrame:
    """A rule's runs at that level of the comparison which takes least, in training or inference."""
    own = reported_epochs(runs[(runs["rule"] == rule) & (runs["label"] == rule)])
    if own.empty:
        raise NotTestedError(f"no runs of `{rule}`")
    level = "target_active_fraction"
    most = own[["training_percent", "inference_percent"]].max(axis=1).groupby(own[level]).median()
    return own[own[level] == most.idxmin()]


def _name_beside(others: pd.DataFrame, level: str = "") -> str:
    """What a rule's cells are called: with its work where that is more than the budget."""
    last, title = reported_epochs(others), others["title"].iloc[0]
    most = last[["training_percent", "inference_percent"]].max(axis=1)
    low, high = (f"{bound:.0f}" for bound in (most.min(), most.max()))
    spent = f"up to {high}" if most.min() <= ABOUT_FIVE or low == high else f"{low} to {high}"
    work = f" ({spent} % of the multiplications)" if most.max() > ABOUT_FIVE else ""
    return f"{title}{level}, below NN{work}"


def average(lost: pd.DataFrame, measure: str) -> list[Cell]:
    """One cell with the mean over data sets and networks and its 95 % interval.

    Of each seed the mean over all data sets and networks that every seed has; over the seeds
    Student's t. Without two seeds there is no interval, and of one data set and network no average.
    """
    cells = lost.groupby("seed").size()
    of_seeds = lost.groupby("seed")["value"].mean()[cells == cells.max()]
    if cells.max() < 2 or len(of_seeds) < 2:
        return []
    mean, margin = of_seeds.mean(), 0.0
    if of_seeds.std() > 0:
        from scipy import stats  # takes most of a second to import

        margin = stats.t.ppf(0.975, len(of_seeds) - 1) * of_seeds.sem()
    kinds = ", ".join(sorted(lost["data_kind"].unique()))
    numbers = map(float, (mean, mean - margin, mean + margin))
    return [Cell("all", kinds, "all", f"{measure} (95 % interval)", *numbers, len(of_seeds))]


def within_a_point(cell: Cell) -> bool:
    """Whether a loss is at most a point; an average with all of its interval."""
    return (cell.high if cell.data == "all" else cell.median) <= CLOSE


def measure_work(tables: Tables) -> list[Cell]:
    """LSH's multiplications in per cent of the textbook dense network's."""
    rows = reported_epochs(rows_of(tables, "comparison", "lsh"))
    parts = ("training", "inference")
    return cells_of(
        pd.concat([rows.assign(measure=part, value=rows[f"{part}_percent"]) for part in parts])
    )


def measure_savings(tables: Tables) -> list[Cell]:
    """LSH's multiplications, and seconds where runs were timed, in per cent of NN's as run here."""
    rows = reported_epochs(rows_of(tables, "comparison", "lsh"))
    values = [
        rows.assign(measure=f"multiplications, {part}", value=rows[f"{part}_percent_of_standard"])
        for part in ("training", "inference")
    ]
    with suppress(NotTestedError):
        timed = [rows_of(tables, "asynchronous", rule) for rule in ("lsh", "standard")]
        require_quiet(pd.concat(timed))
        seconds = pair(*(median_seconds(rows[rows["threads"] == 1]) for rows in timed))
        percent = 100 * seconds["train_seconds"] / seconds["train_seconds_other"]
        values.append(seconds.assign(measure="seconds, training", value=percent))
    cells = cells_of(pd.concat(values).dropna(subset="value"))
    if not cells:
        raise NotTestedError("no runs of `standard` to compare with")
    return cells


def measure_selectors(tables: Tables) -> list[Cell]:
    """What LSH loses to the selectors that compute every node."""
    lsh = rows_of(tables, "comparison", "lsh")
    lost = []
    for rule, title in (("wta", "WTA"), ("adaptive", "AD")):
        with suppress(NotTestedError):
            others = rows_of(tables, "comparison", rule)
            lost.append(points_below(lsh, others, f"below {title}"))
    if not lost:
        raise NotTestedError("no runs of `wta` or `adaptive` at 5 % to compare with")
    return cells_of(pd.concat(lost))


def lost_by_dropout(tables: Tables) -> pd.DataFrame:
    """What VD loses to NN, a row a seed."""
    return points_below(
        rows_of(tables, "comparison", "dropout"),
        rows_of(tables, "comparison", "standard"),
        "below NN",
    )


def measure_depth(tables: Tables) -> list[Cell]:
    """How much more VD loses in the deepest network than in the shallowest."""
    lost = lost_by_dropout(tables)
    depths = lost["hidden_layers"]
    if depths.nunique() < 2:
        raise NotTestedError("networks of one depth only")
    deep, shallow = lost[depths == depths.max()], lost[depths == depths.min()]
    both = deep.merge(shallow, on=["dataset_title", "data_kind", "seed"], suffixes=("", "_shallow"))
    if both.empty:
        raise NotTestedError("no runs of both depths on the same data set and seed")
    return cells_of(
        both.assign(
            hidden=both["hidden"] + " against " + both["hidden_shallow"],
            measure="lost more",
            value=both["value"] - both["value_shallow"],
        )
    )


def measure_control(tables: Tables) -> list[Cell]:
    """What the ablation's variants lose when their tables give other nodes for the same buckets."""
    runs = tables.get("ablation")
    if runs is None or runs.empty:
        raise NotTestedError("no runs of the ablation study" + ABSENT)
    runs = runs[np.isclose(runs["target_active_fraction"], LEVEL)]
    lost = [
        points_below(
            runs[runs["label"] == control],
            runs[runs["label"] == label],
            f"{runs.loc[runs['label'] == label, 'title'].iloc[0]}, below it with nodes permuted",
        )
        for label, control in CONTROLS.items()
        if {label, control} <= {*runs["label"]}
    ]
    if not lost:
        raise NotTestedError("the ablation has no variant at 5 % beside one with permuted nodes")
    return cells_of(pd.concat(lost))


CLAIMS = (
    Claim(
        name="accuracy",
        statement="Networks of which 5 % of the nodes are active, chosen by LSH, stay on average "
        "within 1 % of the standard network's accuracy.",
        source=f"{ABSTRACT}, read by nodes",
        rule=f"LSH at 5 % of the nodes is at most {CLOSE:g} point of test accuracy below NN. The "
        "average over all data sets and networks is a cell too, with all of its interval.",
        unit="points",
        measure=measure_accuracy,
        fulfils=within_a_point,
        files=(RUNS, WORK),
        beside_standard=True,
    ),
    Claim(
        name="budget",
        statement="With 5 % of the multiplications, networks stay on average within 1 % of the "
        "standard network's accuracy.",
        source=f"{ABSTRACT}, read as worded, by multiplications",
        rule="The verdict is that of the average over all data sets and networks: with all of its "
        f"interval LSH is at most {CLOSE:g} point of test accuracy below NN, with the setting that "
        "was best on validation data among those with at most 5 % of the textbook network's "
        "multiplications in training and in inference, hashing and upkeep included. Single cells "
        "are shown beside it, and the other rules: with the same budget, or, where none of their "
        "settings was to keep to it, at the level of nodes that takes least.",
        unit="points",
        measure=measure_budget,
        fulfils=within_a_point,
        files=(RUNS, "tables/budget.csv", "tables/budget_trials.csv"),
        beside_standard=True,
    ),
    Claim(
        name="work",
        statement="They need about 5 % of the multiplications.",
        source=ABSTRACT,
        rule="LSH at 5 %, with hashing, re-ranking and the upkeep of its tables, does at most "
        f"{ABOUT_FIVE:g} % (what rounds to 5) of the textbook dense network's multiplications.",
        unit="%",
        measure=measure_work,
        fulfils=lambda cell: cell.median <= ABOUT_FIVE,
        files=(RUNS, WORK),
    ),
    Claim(
        name="both",
        statement="Both training and testing get cheaper.",
        source=ABSTRACT,
        rule="LSH at 5 % costs less than 100 % of the standard network as run here, which skips "
        "zeros and so does less than the textbook one: in multiplications, and in seconds where "
        "runs were timed with nothing beside them.",
        unit="%",
        measure=measure_savings,
        fulfils=lambda cell: cell.median < 100,
        files=(RUNS,),
    ),
    Claim(
        name="selectors",
        statement="LSH at 5 % is as good as the selectors that compute every node first: "
        "winner-take-all and adaptive dropout.",
        source=f"{REPORTED}, figure 6",
        rule=f"LSH at 5 % is at most {CLOSE:g} point of test accuracy below the other at 5 %.",
        unit="points",
        measure=measure_selectors,
        fulfils=lambda cell: cell.median <= CLOSE,
        files=(RUNS, "tables/accuracy_lsh_vs_adaptive.csv"),
    ),
    Claim(
        name="inner_products",
        statement="Selecting by hash collision works because the chance of being retrieved grows "
        "with a node's inner product with the input.",
        source=REPORTED,
        rule="With the nodes in its tables permuted (the same buckets give other nodes: a choice "
        f"by the input, but not by inner products), a variant loses more than {CLOSE:g} point of "
        "test accuracy at 5 %. One that ranks its candidates brings inner products in again.",
        unit="points",
        measure=measure_control,
        fulfils=lambda cell: cell.median > CLOSE,
        files=(RUNS, "tables/ablation.csv"),
    ),
    Claim(
        name="collapse",
        statement="Vanilla dropout collapses at 5 %.",
        source=f"{REPORTED}, figure 5",
        rule=f"VD at 5 % is at least {COLLAPSED:g} points of test accuracy below NN.",
        unit="points",
        measure=lambda tables: cells_of(lost_by_dropout(tables)),
        fulfils=lambda cell: cell.median >= COLLAPSED,
        files=(RUNS, "tables/accuracy_lsh_vs_dropout.csv"),
        beside_standard=True,
    ),
    Claim(
        name="depth",
        statement="Vanilla dropout at 5 % loses the more, the deeper the network.",
        source=f"{REPORTED}, figure 5",
        rule="What VD at 5 % loses to NN is more in the deepest network than in the shallowest.",
        unit="points",
        measure=measure_depth,
        fulfils=lambda cell: cell.median > 0,
        files=(RUNS, "tables/accuracy_lsh_vs_dropout.csv"),
        beside_standard=True,
    ),
)

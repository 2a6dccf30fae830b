"""Claims about training with several threads on one network, without locks."""

import pandas as pd

from lsh_dl.results.claims.base import (
    ABSTRACT,
    CLOSE,
    PAIR,
    REPORTED,
    Cell,
    Claim,
    NotTestedError,
    Tables,
    cells_of,
    median_seconds,
    pair,
    require_quiet,
    rows_of,
)
from lsh_dl.runs.summary import last_epochs

NEAR_LINEAR = 80.0
"""Speed-up in per cent of the threads. The paper's 31 times with 56 threads are 55 %; a few threads
have less to share, so nearly linear must be more."""
MANY_THREADS = 8
"""The fewest threads for a claim about many: the paper has 56, a few do not make NN suffer."""


def measure_speedup(tables: Tables) -> list[Cell]:
    """Speed-up of LSH in per cent of its threads, for as many as there are cores."""
    runs = rows_of(tables, "asynchronous", "lsh")
    require_quiet(runs)
    timed = median_seconds(runs)
    several = timed[(timed["threads"] > 1) & (timed["threads"] <= count_cores(tables))]
    if several.empty:
        raise NotTestedError("no runs with more than one thread and a core for each")
    pairs = pair(several, timed[timed["threads"] == 1])
    speedup = pairs["train_seconds_other"] / pairs["train_seconds"]
    return cells_of(name_threads(pairs.assign(value=100 * speedup / pairs["threads"])))


def lost_by_threads(tables: Tables, rule: str) -> pd.DataFrame:
    """Points of test accuracy lost to one thread of the same seed, mean over epochs; a row a run.

    A run that diverged counts with its last accuracy in the epochs that it did not come to.
    """
    runs = rows_of(tables, "asynchronous", rule)
    curves = runs.pivot(index="run_id", columns="epoch", values="test_accuracy").ffill(axis=1)
    last = last_epochs(runs)
    several = last[last["threads"] > 1]
    if several.empty:
        raise NotTestedError("no runs with more than one thread")
    pairs = pair(several, last[last["threads"] == 1])
    lost = curves.loc[pairs["run_id_other"]].to_numpy() - curves.loc[pairs["run_id"]].to_numpy()
    return name_threads(pairs.assign(value=100 * lost.mean(axis=1)))


def measure_dense_loss(tables: Tables) -> list[Cell]:
    """How much more NN loses by the most threads than LSH does."""
    dense, sparse = (lost_by_threads(tables, rule) for rule in ("standard", "lsh"))
    both = dense.merge(sparse, on=[*PAIR, "threads"], suffixes=("", "_sparse"))
    if both.empty:
        raise NotTestedError("no runs of LSH and NN with the same threads and seeds")
    cores, most = count_cores(tables), both["threads"].max()
    both = both[both["threads"] == most]
    cells = cells_of(both.assign(value=both["value"] - both["value_sparse"]))
    if min(most, cores) < MANY_THREADS:
        raise NotTestedError(
            f"{most} threads on {cores} cores; it takes at least {MANY_THREADS} on cores of their "
            "own",
            cells,
        )
    return cells


def count_cores(tables: Tables) -> int:
    """Cores of the machine that ran it; of several, the fewest."""
    return int(tables["machine"]["cores"].min())


def name_threads(values: pd.DataFrame) -> pd.DataFrame:
    """With `measure`, as `cells_of` takes it, fewer threads first."""
    named = values.assign(measure=values["threads"].map("{} threads".format))
    return named.sort_values("threads", kind="stable")


CLAIMS = (
    Claim(
        name="speedup",
        statement="Asynchronous training without locks speeds up nearly in proportion to the cores "
        "(reported: 31 times with 56 threads).",
        source=ABSTRACT,
        rule=f"Speed-up of LSH at 5 % over one thread is at least {NEAR_LINEAR:g} % of the number "
        "of threads, each with a core of its own. Simulated speed-up does not count.",
        unit="% of ideal speed-up",
        measure=measure_speedup,
        fulfils=lambda cell: cell.median >= NEAR_LINEAR,
        files=("tables/runs.csv", "tables/asgd_speedup.csv"),
    ),
    Claim(
        name="convergence",
        statement="Convergence by epoch is the same with 1, 8 and 56 threads.",
        source=f"{REPORTED}, figure 7",
        rule="With several threads, the test accuracy of LSH at 5 %, mean over the epochs, is at "
        f"most {CLOSE:g} point below that with one thread.",
        unit="points below one thread",
        measure=lambda tables: cells_of(lost_by_threads(tables, "lsh")),
        fulfils=lambda cell: cell.median <= CLOSE,
        files=("tables/runs.csv", "tables/asgd_convergence.csv"),
    ),
    Claim(
        name="dense_asynchronous",
        statement="Standard dense training does not survive asynchronous updates as well as sparse "
        "training does.",
        source=f"{REPORTED}, figure 8",
        rule=f"With the most threads, at least {MANY_THREADS} and on cores of their own, what NN "
        "loses to one thread (mean over the epochs) is "
        f"over {CLOSE:g} point of test accuracy more than what LSH at 5 % loses.",
        unit="points lost more",
        measure=measure_dense_loss,
        fulfils=lambda cell: cell.median > CLOSE,
        files=("tables/runs.csv", "tables/asgd_lsh_vs_standard.csv"),
    ),
)

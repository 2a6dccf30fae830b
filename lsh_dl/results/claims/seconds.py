"""The claim about seconds: the same accuracy, sooner."""

import numpy as np
import pandas as pd

from lsh_dl.results.claims.base import (
    ABSENT,
    Cell,
    Claim,
    NotTestedError,
    Tables,
    cells_of,
    require_quiet,
    rows_of,
)
from lsh_dl.runs.time_to_accuracy import SHARES, find_reached

STUDY = "time_to_accuracy"
KEYS = ["dataset", "hidden", "percent_of_best", "seed"]


def measure_lead(tables: Tables) -> list[Cell]:
    """How many times LSH's seconds the fastest of NN and the other systems took."""
    lsh = rows_of(tables, STUDY, "lsh")
    runs = tables[STUDY]
    dense = runs[(runs["rule"] == "standard") | (runs["counting"] == "dense")]
    if dense.empty:
        raise NotTestedError(f"no dense network in the {STUDY} study{ABSENT}")
    require_quiet(pd.concat([lsh, dense]))
    reached = find_reached(runs)
    ours = reached[reached["run_id"].isin(lsh["run_id"])]
    theirs = reached[reached["run_id"].isin(dense["run_id"])]
    fastest = theirs.loc[theirs.assign(at=until(theirs)).groupby(KEYS)["at"].idxmin()]
    pairs = ours.merge(fastest, on=KEYS, suffixes=("", "_other"))
    if pairs.empty:
        raise NotTestedError("no runs of LSH and a dense network with the same seed")
    # Where no other came there, it took them longer than all of their training.
    other = pairs["seconds_other"].where(
        np.isfinite(pairs["seconds_other"]), pairs["all_seconds_other"]
    )
    came = np.isfinite(pairs["seconds"])
    lead = (other / pairs["seconds"]).where(came, 0.0)
    measure = pairs["percent_of_best"].map("to {} % of the best accuracy".format)
    return cells_of(pairs.assign(measure=measure, value=lead))


def until(rows: pd.DataFrame) -> pd.Series:
    """Seconds by which runs are put in order: those that never came there last, longer ones first.

    A run that never came there says the less the shorter it was.
    """
    never = 1e12 - rows["all_seconds"]
    return rows["seconds"].where(np.isfinite(rows["seconds"]), never)


CLAIMS = (
    Claim(
        name="sooner",
        statement="Sooner to the same accuracy: what is saved in multiplications is saved in "
        "seconds.",
        source="no claim of the paper's; what its readers ask",
        rule="To "
        + ", ".join(f"{100 * share:g}" for share in SHARES)
        + " % of the best accuracy that any entry of the study came to, NN and every other system "
        "(PyTorch, scikit-learn, as far as they are there) take more seconds of training than LSH "
        "at 5 %, on one thread: the fastest of them more than 1 times as many. Where LSH never "
        "came there it is 0; where none of them did, all of their seconds count.",
        unit="times LSH's seconds",
        zero="LSH never came there",
        measure=measure_lead,
        fulfils=lambda cell: cell.median > 1,
        files=("tables/runs.csv", "tables/seconds_to_accuracy.csv", "tables/time_to_accuracy.csv"),
    ),
)

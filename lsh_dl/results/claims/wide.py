"""The claim of SLIDE about output layers of very many labels."""

import numpy as np
import pandas as pd
from scipy import stats

from lsh_dl.results.claims.base import ABSENT, Cell, Claim, NotTestedError, Tables
from lsh_dl.runs.scaling import CONFIDENCE
from lsh_dl.runs.summary import last_epochs

FEWEST_SEEDS = 3
"""Of fewer differences no interval is formed."""
EQUAL = 1.05
"""What still counts as the same cost: multiplications of a training sample, as a factor."""
POINT = ["dataset_title", "data_kind", "hidden"]


def measure_sampling(tables: Tables) -> list[Cell]:
    """Points of precision at 1 that each way of hashing is above the best draw at its cost.

    A cell for each data set, network and entry of `lsh` that selects outputs; compared are last
    rows of the same seed, one thread. The best draw is that of the highest mean precision among
    the entries of `sampled` that cost no more.
    """
    runs = tables.get("wide_outputs")
    if runs is None or runs.empty:
        raise NotTestedError("no runs of the wide_outputs study" + ABSENT)
    last = last_epochs(runs[runs["threads"] == 1])
    cells, reasons = [], []
    for point, rows in last.groupby(POINT, sort=False):
        drawn = [part for _, part in rows[rows["rule"] == "sampled"].groupby("label", sort=False)]
        for label, hashed in rows[rows["rule"] == "lsh"].groupby("label", sort=False):
            cost = EQUAL * hashed["training_multiplications"].mean()
            affordable = [part for part in drawn if part["training_multiplications"].mean() <= cost]
            if not affordable:
                reasons.append(f"no entry of `sampled` costs as little as {label}")
                continue
            best = max(affordable, key=lambda part: part["precision_at_1"].mean())
            pairs = hashed.merge(best, on="seed", suffixes=("", "_other"))
            if len(pairs) < FEWEST_SEEDS:
                reasons.append(f"{len(pairs)} seeds in common; it takes {FEWEST_SEEDS}")
                continue
            cells.append(_compare(point, pairs))
    if not cells:
        raise NotTestedError("; ".join(dict.fromkeys(reasons)) or "no runs of `lsh`")
    return cells


def _compare(point: tuple[str, str, str], pairs: pd.DataFrame) -> Cell:
    """Mean difference of pairs of one seed, with its interval (Student's t)."""
    gained = 100 * (pairs["precision_at_1"] - pairs["precision_at_1_other"]).to_numpy()
    count = len(gained)
    error = gained.std(ddof=1) / np.sqrt(count)
    margin = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * error
    head = pairs.iloc[0]
    return Cell(
        *point,
        f"{head['title']} above {head['title_other']} (mean, {100 * CONFIDENCE:g} % interval)",
        float(gained.mean()),
        float(gained.mean() - margin),
        float(gained.mean() + margin),
        n=count,
        runs=(*pairs["run_id"], *pairs["run_id_other"]),
    )


CLAIMS = (
    Claim(
        name="sampling",
        statement="Outputs sampled by hashing beat outputs sampled without looking at the sample, "
        "at equal cost.",
        source="SLIDE (Chen, Medini, Farwell, Gobriel, Tai, Shrivastava, MLSys 2020)",
        rule="Precision at 1 after equal samples, one thread: the mean difference over the seeds "
        "to the best static draw (uniform or by frequency) that takes at most "
        f"{100 * EQUAL - 100:.0f} % more multiplications a training sample is above 0 with its "
        f"whole {100 * CONFIDENCE:g} % interval, of at least {FEWEST_SEEDS} seeds.",
        unit="points of precision at 1",
        measure=measure_sampling,
        fulfils=lambda cell: cell.low > 0,
        files=("tables/runs.csv", "tables/wide_outputs.csv"),
    ),
)

"""What a claim is, and how it is judged: measured cells, a rule, a verdict."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsh_dl.runs.summary import LEVEL, last_epochs, reported_epochs

HOLDS = "holds"
IN_PART = "holds in part"
DOES_NOT_HOLD = "does not hold"
NOT_TESTED = "not tested here"

#: How every verdict comes about; a claim's own rule says when one cell fulfils it.
VERDICT_RULE = (
    f"A claim {HOLDS} where every cell (a data set and network, say) fulfils its rule, {IN_PART} "
    f"where some do, and {DOES_NOT_HOLD} where none does. It is {NOT_TESTED} where its runs are "
    "missing or too small for it; the reason is given. A cell counts with its seeds' median."
)

#: Tables by name, as far as they are there: the rows of each study's runs
#: (lsh_dl.runs.summary.compare_with_standard), `machine` (lsh_dl.results.provenance),
#: `scaling_width` and `energy` (lsh_dl.experiment.studies.scaling).
Tables = Mapping[str, pd.DataFrame]

CLOSE = 1.0
"""Points of test accuracy: the paper's own "within 1 %", here the measure of all that is alike."""
ABSTRACT, REPORTED = "abstract and news article", "reported"
"""Where a claim is from. Reported: from the paper's body, as the field reports it."""

ABSENT = ": it is no section of the config, or `only` left it out"

PAIR = ["dataset_title", "data_kind", "hidden", "seed"]


class Cell(NamedTuple):
    """One measured number."""

    data: str  # title of the data set
    kind: str  # real, generated or stand-in; several are joined by a comma
    network: str  # hidden layers, as in 2x1000
    measure: str  # what the number is
    median: float
    # Lowest and highest over the seeds, or the ends of the interval that `measure` names.
    low: float
    high: float
    n: int  # runs; of a fit, its points
    runs: tuple[str, ...] = ()  # their ids
    fulfilled: bool | None = None  # None: shown, but no part of the verdict
    unit: str = ""  # where it is another than the claim's
    judged: bool = True  # False: shown beside what is judged


class NotTestedError(Exception):
    """The tables lack what a claim needs; `cells` are shown all the same."""

    def __init__(self, reason: str, cells: Sequence[Cell] = ()):
        super().__init__(reason)
        self.cells = list(cells)


class Claim(NamedTuple):
    """A statement of the paper and how it is tested."""

    name: str
    statement: str  # what the paper says
    source: str  # where it says so
    rule: str  # when a cell fulfils it, in plain words
    unit: str  # of its numbers: "points" of accuracy, "%", or "" for a plain number
    measure: Callable[[Tables], list[Cell]]  # raises NotTestedError
    fulfils: Callable[[Cell], bool]
    files: tuple[str, ...]  # tables that the numbers are in, in the results' folder
    zero: str = ""  # what a number of 0 says, in words
    beside_standard: bool = False  # whether its numbers are differences to the standard network


class Judgement(NamedTuple):
    """What became of a claim."""

    claim: Claim
    verdict: str
    cells: list[Cell]
    reason: str = ""  # why it was not tested
    doubt: str = ""  # what speaks against the baseline that the verdict rests on

    @property
    def judged(self) -> list[Cell]:
        """The cells that the verdict is from."""
        return [cell for cell in self.cells if cell.fulfilled is not None]

    @property
    def fulfilled(self) -> int:
        """How many of them fulfil the rule."""
        return sum(bool(cell.fulfilled) for cell in self.judged)


def judge(claim: Claim, tables: Tables) -> Judgement:
    """Measure a claim's cells in the tables and give its verdict by `VERDICT_RULE`."""
    try:
        cells = claim.measure(tables)
    except NotTestedError as untested:
        return Judgement(claim, NOT_TESTED, untested.cells, str(untested))
    cells = [
        cell._replace(fulfilled=bool(claim.fulfils(cell))) if cell.judged else cell
        for cell in cells
    ]
    judged = [cell.fulfilled for cell in cells if cell.judged]
    verdict = DOES_NOT_HOLD
    if any(judged):
        verdict = HOLDS if all(judged) else IN_PART
    return Judgement(claim, verdict, cells)


def cells_of(values: pd.DataFrame) -> list[Cell]:
    """One cell for each data set, network and measure: median and range over the rows, one a seed.

    Parameters
    ----------
    values
        Columns `dataset_title`, `data_kind`, `hidden`, `measure`, `value` and `run_id`.
    """
    keys = ["dataset_title", "data_kind", "hidden", "measure"]
    return [
        Cell(
            *names,
            median=float(group["value"].median()),
            low=float(group["value"].min()),
            high=float(group["value"].max()),
            n=len(group),
            runs=tuple(group["run_id"]),
        )
        for names, group in values.groupby(keys, sort=False)
    ]


def rows_of(tables: Tables, study: str, rule: str) -> pd.DataFrame:
    """All epochs of a study's runs of `rule` under its own name, at 5 %; NN's at its 100 %."""
    runs = tables.get(study)
    if runs is None or runs.empty:
        raise NotTestedError(f"no runs of the {study} study" + ABSENT)
    found = runs[(runs["rule"] == rule) & (runs["label"] == rule)]
    if found.empty:
        raise NotTestedError(f"no runs of `{rule}`")
    if rule == "standard":
        return found
    at_level = found[np.isclose(found["target_active_fraction"], LEVEL)]
    if at_level.empty:
        lowest = 100 * found["target_active_fraction"].min()
        raise NotTestedError(f"no runs at 5 % active nodes; the lowest level is {lowest:g} %")
    return at_level


def pair(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Rows beside the others of the same data set, network and seed; these are `..._other`."""
    pairs = rows.merge(others, on=PAIR, suffixes=("", "_other"))
    if pairs.empty:
        raise NotTestedError("no two runs of the same data set, network and seed to compare")
    return pairs


def points_below(rows: pd.DataFrame, others: pd.DataFrame, measure: str) -> pd.DataFrame:
    """How many points of test accuracy `rows` lie below the others, as `cells_of` takes it."""
    pairs = pair(reported_epochs(rows), reported_epochs(others))
    lost = 100 * (pairs["test_accuracy_other"] - pairs["test_accuracy"])
    return pairs.assign(measure=measure, value=lost)


BUSY_CORES, BUSY_STEAL = 0.25, 5.0
"""Cores that others kept busy, and per cent of the time stolen, on average over timed runs: from
there on seconds tell of the neighbours too."""


def is_quiet(timed: pd.DataFrame) -> bool:
    """Whether nothing else of weight ran on the machine; older results, without the record, pass.

    Parameters
    ----------
    timed: what was timed, a row each, with the columns of `lsh_dl.runs.load`.
    """
    columns = ["others_cores", "steal_percent"]
    cores, steal = timed.reindex(columns=columns).astype(float).mean()
    return not (cores > BUSY_CORES or steal > BUSY_STEAL)


def require_quiet(runs: pd.DataFrame) -> None:
    """Refuse a verdict on seconds that were taken while others worked on the machine.

    Raises
    ------
    NotTestedError
        See `is_quiet`.
    """
    if not is_quiet(runs):
        cores, steal = runs["others_cores"].mean(), runs["steal_percent"].mean()
        raise NotTestedError(
            f"the machine was busy while runs were timed: other processes took {cores:.2f} cores "
            f"and a hypervisor {steal:.1f} % of the time, on average; run it again on an idle one"
        )


def median_seconds(runs: pd.DataFrame) -> pd.DataFrame:
    """The last rows of runs, with the median of their epochs' seconds of training."""
    seconds = runs.groupby("run_id")["train_seconds"].median()
    last = last_epochs(runs)
    return last.assign(train_seconds=last["run_id"].map(seconds))

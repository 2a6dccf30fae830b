"""Claims about the growth of work with the width of a layer, and about energy."""

from itertools import product

import pandas as pd

from lsh_dl.results.claims.base import (
    ABSENT,
    ABSTRACT,
    Cell,
    Claim,
    NotTestedError,
    Tables,
    is_quiet,
)
from lsh_dl.runs.scaling import CONFIDENCE, FEWEST_WIDTHS, MEASURED, PROJECTED, PROJECTED_WIDTH

THOUSAND = 1_000
SAVED_AT_THOUSAND, SAVED_AT_BILLION = 95.0, 99.0
"""Per cent of the work, as the claims have it."""
BUDGET = (
    "LSH activates the same number of nodes at every width; how accurate such networks become is "
    "no part of it."
)
REFERENCES = {
    "saved_percent_of_textbook": "the textbook network",
    "saved_percent": "NN as run here",
}
"""What saving compares with, by the table's column; NN as run here skips inputs that are zero."""
INTERVAL = f"{100 * CONFIDENCE:g} % interval"


def points_of(tables: Tables, *kinds: str) -> pd.DataFrame:
    """LSH's points over the width, of these kinds (measured, computed, projected)."""
    points = tables.get("scaling_width")
    if points is None or points.empty:
        raise NotTestedError("no widths of the scaling study" + ABSENT)
    return points[(points["rule"] == "lsh") & points["kind"].isin(kinds)]


def measure_at_thousand(tables: Tables) -> list[Cell]:
    """Multiplications saved at a thousand nodes."""
    points = points_of(tables, MEASURED)
    points = points[points["width"] == THOUSAND]
    if points.empty:
        raise NotTestedError(f"a layer of {THOUSAND:,} nodes was not measured")
    return saved_work(points, "")


def measure_at_billion(tables: Tables) -> list[Cell]:
    """Multiplications saved at a billion nodes by the fitted power law, with its interval."""
    points = points_of(tables, PROJECTED)
    points = points[points["width"] == PROJECTED_WIDTH]
    if points.empty:
        raise NotTestedError(f"too few widths for a projection, which takes {FEWEST_WIDTHS}")
    return saved_work(points, f" ({PROJECTED}; {INTERVAL})")


def saved_work(points: pd.DataFrame, remark: str) -> list[Cell]:
    """Per cent of the multiplications saved, of the textbook network's and of NN's as run here."""
    cells = []
    for part, (column, of) in product(("training", "inference"), REFERENCES.items()):
        for _, point in points[points["measure"] == f"{part}_multiplications"].iterrows():
            saved = point[column]
            dense = point["value"] / (1 - saved / 100)
            # The most work saves least. A point that was measured has no interval.
            ends = point[["high", "low"]].fillna(point["value"])
            cells.append(
                Cell(
                    point["dataset_title"],
                    point["data_kind"],
                    f"1x{point['width']:.0f}",
                    f"{part}, of {of}{remark}",
                    saved,
                    *(100 * (1 - end / dense) for end in ends),
                    n=1,
                )
            )
    return cells


def measure_exponents(tables: Tables) -> list[Cell]:
    """Exponents of work and seconds over the width; `n` is the number of widths."""
    points = points_of(tables, MEASURED)
    fits = points.dropna(subset="exponent").drop_duplicates("measure")
    if fits.empty:
        raise NotTestedError(f"too few widths for a fit, which takes {FEWEST_WIDTHS}")
    if not is_quiet(points):
        fits = fits[~fits["measure"].str.endswith("seconds")]
    narrow, wide = points["width"].min(), points["width"].max()
    cells = []
    for _, fit in fits.iterrows():
        part, what = fit["measure"].split("_")
        cells.append(
            Cell(
                fit["dataset_title"],
                fit["data_kind"],
                f"1x{narrow:.0f} to 1x{wide:.0f}",
                f"exponent of {what}, {part} ({INTERVAL})",
                *(fit["exponent"], fit["exponent_low"], fit["exponent_high"]),
                n=points["width"].nunique(),
            )
        )
    return cells


def measure_energy(tables: Tables) -> list[Cell]:
    """Energy saved by LSH: by the processor's counter, or else an estimate, which tests nothing."""
    energy = tables.get("energy")
    if energy is None or energy.empty:
        raise NotTestedError("no widths of the scaling study" + ABSENT)
    standard = energy[energy["rule"] == "standard"].set_index("width")["measured_microjoules"]
    lsh = energy[energy["rule"] == "lsh"]
    counted = 100 * (1 - lsh["measured_microjoules"] / lsh["width"].map(standard))
    if counted.notna().any():
        return saved_energy(lsh.assign(saved=counted), "measured")
    raise NotTestedError(
        f"{lsh['not_measured_because'].iloc[0]}; the estimate from counted work takes for granted "
        "what is to be tested",
        saved_energy(lsh.assign(saved=lsh["estimated_saved_percent"]), "estimated"),
    )


def saved_energy(rows: pd.DataFrame, how: str) -> list[Cell]:
    """A cell for each width with a number in column `saved`, in per cent."""
    return [
        Cell(
            row["dataset_title"],
            row["data_kind"],
            f"1x{row['width']}",
            f"training, {how}",
            *[row["saved"]] * 3,
            n=1,
        )
        for _, row in rows.dropna(subset="saved").iterrows()
    ]


CLAIMS = (
    Claim(
        name="thousand",
        statement="At 1,000 neurons in a layer 95 % of the work is saved.",
        source=ABSTRACT,
        rule=f"LSH saves at least {SAVED_AT_THOUSAND:g} % of the multiplications in one hidden "
        "layer of 1,000 nodes, both of the textbook network's and of NN's as run here, which skips "
        "zeros.",
        unit="% saved",
        measure=measure_at_thousand,
        fulfils=lambda cell: cell.median >= SAVED_AT_THOUSAND,
        files=("tables/scaling_width.csv", "tables/scaling.csv"),
    ),
    Claim(
        name="sublinear",
        statement="Work grows less than in proportion to the network: the larger it is, the larger "
        "the saving.",
        source=ABSTRACT,
        rule="The exponent of LSH's cost over the width of the hidden layer, with all of its "
        f"{INTERVAL}, is below 1. Seconds count where the machine was not busy with other work. "
        f"{BUDGET}",
        unit="",
        measure=measure_exponents,
        fulfils=lambda cell: cell.high < 1,
        files=("tables/scaling_width.csv",),
    ),
    Claim(
        name="billion",
        statement="With a billion neurons more than 99 % of the work would be saved.",
        source=ABSTRACT,
        rule="The power law fitted to the measured widths saves more than "
        f"{SAVED_AT_BILLION:g} % of the multiplications at a billion nodes, at the worse end of "
        f"its {INTERVAL} too. It is a projection, in the paper and here. {BUDGET}",
        unit="% saved",
        measure=measure_at_billion,
        fulfils=lambda cell: cell.low > SAVED_AT_BILLION,
        files=("tables/scaling_width.csv",),
    ),
    Claim(
        name="energy",
        statement="Less work means less energy.",
        source=ABSTRACT,
        rule="By the processor's own counter (RAPL), training a sample takes less energy with LSH "
        "than with NN.",
        unit="% saved",
        measure=measure_energy,
        fulfils=lambda cell: cell.median > 0,
        files=("tables/energy.csv",),
    ),
)

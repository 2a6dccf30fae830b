"""The table over widths: measured, computed and projected points, and fitted exponents."""

import numpy as np
import pandas as pd

from lsh_dl.runs.row import LOAD_COLUMNS

MEASURES = (
    "training_multiplications",
    "inference_multiplications",
    "training_seconds",
    "inference_seconds",
)
#: What the claim speaks of; nobody here has the memory for it.
PROJECTED_WIDTH = 1_000_000_000
CONFIDENCE = 0.95
#: Fewer measured widths are not fitted: the interval of a line through three or four says little.
FEWEST_WIDTHS = 5

#: How a point came about.
MEASURED, COMPUTED, PROJECTED = "measured", "computed", "projected"


def tabulate_points(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a measure, rule and width; `kind` says how its value came about.

    The standard network beyond the widest that was run is its cost there in proportion to the
    width. At `PROJECTED_WIDTH`, LSH is the power law fitted to all that was measured, with the
    interval of its value at that width (`low`, `high`); `exponent` and its interval are the fit's.
    `saved_percent` compares with the standard network at the same width, measured or computed: it
    skips inputs that are zero. `saved_percent_of_textbook` compares multiplications with those of
    the dense network that skips nothing. Measured points have what their tables took too:
    `build_seconds`, `upkeep_percent` of the training time, and `bytes_a_node` of all that is kept;
    and how busy the machine was (`lsh_dl.runs.load`), where that was recorded.
    """
    parts = [
        _points_of(group, measure, rows["width"].unique())
        for measure in MEASURES
        for _, group in rows.groupby("rule", sort=False)
    ]
    table = pd.concat(parts, ignore_index=True)
    standard = table[table["rule"] == "standard"].set_index(["measure", "width"])["value"]
    reference = pd.MultiIndex.from_frame(table[["measure", "width"]]).map(standard)
    textbook = table["measure"].map(_textbook_per_node(rows)) * table["width"]
    table = table.assign(
        saved_percent=100 * (1 - table["value"] / reference.to_numpy()),
        saved_percent_of_textbook=100 * (1 - table["value"] / textbook),
    )
    return table.merge(_describe_upkeep(rows), on=["rule", "width", "kind"], how="left")


def _describe_upkeep(rows: pd.DataFrame) -> pd.DataFrame:
    kept = rows[[name for name in rows if name.startswith("bytes_")]].sum(axis=1)
    load = [name for name in LOAD_COLUMNS if name in rows]
    return rows[["rule", "width", "build_seconds", *load]].assign(
        kind=MEASURED,
        upkeep_percent=100 * rows["upkeep_seconds"] / rows["training_seconds"],
        bytes_a_node=kept / rows["width"],
    )


def _textbook_per_node(rows: pd.DataFrame) -> dict[str, float]:
    """The textbook network's multiplications for each node of the one hidden layer."""
    return {
        measure: rows[f"textbook_{measure}"].iloc[0] / rows["width"].iloc[0]
        for measure in MEASURES
        if measure.endswith("multiplications")
    }


def _points_of(group: pd.DataFrame, measure: str, widths: np.ndarray) -> pd.DataFrame:
    common = group.iloc[0][["dataset_title", "data_kind", "rule", "title", "inputs"]].to_dict()
    group = group.sort_values("width")
    points = [
        {"width": width, "kind": MEASURED, "value": value}
        for width, value in zip(group["width"], group[measure], strict=True)
    ]
    fit = fit_power_law(group["width"], group[measure])
    if common["rule"] == "standard":
        last = points[-1]
        points += [
            {"width": width, "kind": COMPUTED, "value": last["value"] * width / last["width"]}
            for width in sorted({*widths, PROJECTED_WIDTH} - {*group["width"]})
        ]
    elif fit:
        value, low, high = fit.at(PROJECTED_WIDTH)
        points.append(
            {
                "width": PROJECTED_WIDTH,
                "kind": PROJECTED,
                "value": value,
                "low": low,
                "high": high,
            }
        )
    exponents = {}
    if fit:
        exponents = {"exponent": fit.exponent, "exponent_low": fit.low, "exponent_high": fit.high}
    return pd.DataFrame(
        [{"measure": measure, **common, "low": np.nan, "high": np.nan} | p for p in points]
    ).assign(**dict.fromkeys(("exponent", "exponent_low", "exponent_high"), np.nan) | exponents)


class PowerLaw:
    """value = c width^exponent, by least squares of logarithms.

    Attributes
    ----------
    exponent, low, high
        With its interval of `CONFIDENCE` (Student's t).
    """

    def __init__(self, widths: np.ndarray, values: np.ndarray):
        from scipy import stats  # takes most of a second to import

        x, y = np.log(widths), np.log(values)
        line = stats.linregress(x, y)
        self._line, self._middle, self._count = line, x.mean(), len(x)
        self._spread = ((x - x.mean()) ** 2).sum()
        residuals = y - (line.intercept + line.slope * x)
        self._deviation = np.sqrt((residuals**2).sum() / (len(x) - 2))
        self._quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(x) - 2)
        self.exponent = line.slope
        self.low = line.slope - self._quantile * line.stderr
        self.high = line.slope + self._quantile * line.stderr

    def at(self, width: float) -> tuple[float, float, float]:
        """Value at a width, and the interval in which a measurement there would lie."""
        x = np.log(width)
        middle = self._line.intercept + self._line.slope * x
        far = 1 + 1 / self._count + (x - self._middle) ** 2 / self._spread
        margin = self._quantile * self._deviation * np.sqrt(far)
        return tuple(float(np.exp(value)) for value in (middle, middle - margin, middle + margin))


def fit_power_law(widths: pd.Series, values: pd.Series) -> PowerLaw | None:
    """The fit; None of fewer than `FEWEST_WIDTHS` points."""
    if len(widths) < FEWEST_WIDTHS:
        return None
    return PowerLaw(widths.to_numpy(float), values.to_numpy(float))

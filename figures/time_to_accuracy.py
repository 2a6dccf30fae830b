"""Test accuracy over seconds of training, for all rules and other systems."""

import pandas as pd
import panels
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SHARES = (90, 95, 98)
"""Per cent of the best accuracy that thin lines show."""

MARKERS = 12
"""At most so many on a curve; its line goes through all evaluations."""


def draw(table: pd.DataFrame) -> Figure:
    """A panel for each data set and network; other systems are dashed."""
    skipped = table[table["n"] == 0]
    table = table[table["n"] > 0].astype({"curve": int, "hidden": str})
    grid = panels.Grid(table)
    grid.standard_has_curve = True
    # One x axis for a data set's panels: networks can be compared.
    seconds = table.groupby("dataset")["seconds_median"].agg(["min", "max"])
    for axes, _, part in grid.panels():
        style.scale_log(axes.xaxis, *seconds.loc[part["dataset"].iloc[0]])
        draw_shares(axes, part["test_accuracy_median"].max())
        for _, points in part.groupby("curve"):
            draw_curve(axes, points)
    return grid.finish("Seconds of training", describe(table, skipped), describe_seeds(table))


def draw_shares(axes: Axes, best: float) -> None:
    """Thin lines at shares of the best accuracy, where there is room for them."""
    bottom, top = axes.get_ylim()
    for share in SHARES:
        if bottom < share / 100 * best < top:
            axes.axhline(share / 100 * best, color="#BBBBBB", linewidth=0.7, zorder=1)
            axes.annotate(
                f"{share} %",
                (1, share / 100 * best),
                xycoords=("axes fraction", "data"),
                xytext=(2, 0),
                textcoords="offset points",
                va="center",
                fontsize=5.5,
                color="#777777",
            )


def draw_curve(axes: Axes, points: pd.DataFrame) -> None:
    """One entry's medians over training, the seeds' range as a band; diverged ringed."""
    points = points.sort_values("epoch")
    head, across = points.iloc[0], points["seconds_median"]
    look = style.look(head["curve"]) | {"markersize": 3, "markeredgewidth": 0.3}
    if head["counting"] == "dense":
        look |= {"linestyle": style.OTHERS}
    every = -(-len(points) // MARKERS)
    axes.plot(across, points["test_accuracy_median"], **look, markevery=every, zorder=3)
    low, high = points["test_accuracy_low"], points["test_accuracy_high"]
    style.draw_band(axes, across, low, high, look["color"])
    panels.ring_diverged(axes, points, across)


def describe(table: pd.DataFrame, skipped: pd.DataFrame) -> str:
    """What is timed, what the lines are, what is missing."""
    level = 100 * table["target_active_fraction"].min()
    return (
        f"Rules with {level:g} % of the nodes active learn one sample at a time; dashed: other "
        "systems with the dense network, in batches. One thread and nothing beside it; only "
        "training counts, reading samples included, evaluating and compiling not. Grey lines: "
        f"per cent of the panel's best accuracy.{style.describe_skipped(skipped)}"
    )


def describe_seeds(table: pd.DataFrame) -> str:
    """What curves and bands go through."""
    counts = " or ".join(str(count) for count in sorted(table["n"].unique()))
    text = "Lines go through all evaluations: one seed."
    if counts != "1":
        text = (
            f"Lines go through all evaluations: the median over {counts} seeds; bands from the "
            "lowest to the highest seed."
        )
    curves = ["dataset", "hidden", "label"]
    return text + style.describe_diverged(table.groupby(curves)["diverged"].max().sum())


if __name__ == "__main__":
    style.main(draw, __doc__)

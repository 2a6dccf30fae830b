"""Test accuracy and work over the number of hidden layers of one width."""

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

#: What another paper reports of its own programs on MNIST: hidden layers, test accuracy.
SOURCE = "Ebrahimi et al., EDBT 2025 (arXiv 2306.09293)"
REPORTED_DEPTHS = (2, 3, 5, 7)
REPORTED = (
    ("reported: their NN", (0.958, 0.961, 0.949, 0.939), (0, (5, 2))),
    ("reported: their ALSH", (0.903, 0.942, 0.701, 0.251), (0, (2, 2))),
)
GREY = "#8A8A8A"

ROWS = (
    ("test_accuracy", style.ACCURACY),
    ("training_percent", "Multiplications,\ntraining (% of dense)"),
    ("inference_percent", "Multiplications,\ninference (% of dense)"),
)


def draw(table: pd.DataFrame) -> Figure:
    """A column for each data set: accuracy, work of training, work of inference."""
    groups = [part for _, part in table.groupby("dataset", sort=False)]
    figure, axes = style.create_panels(len(ROWS), len(groups))
    compared = False
    for column, part in zip(axes.T, groups, strict=True):
        head = part.iloc[0]
        column[0].set_title(style.describe_data(head["dataset_title"], head["data_kind"]))
        reported = REPORTED if is_mnist(head) else ()
        compared |= bool(reported)
        shown = [*part["test_accuracy_low"], *part["test_accuracy_high"]]
        shown += [value for _, values, _ in reported for value in values]
        style.scale_accuracy(column[0], min(shown), max(shown))
        for _, accuracies, dashes in reported:
            column[0].plot(REPORTED_DEPTHS, accuracies, color=GREY, linestyle=dashes, zorder=2)
        for panel, (measure, label) in zip(column, ROWS, strict=True):
            if measure != "test_accuracy":
                scale_work(panel, part[f"{measure}_median"])
            for _, points in part.groupby(["curve", "target_active_fraction"]):
                draw_curve(panel, points, measure)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            ends = [*part["hidden_layers"], *(REPORTED_DEPTHS if reported else ())]
            panel.set_xlim(min(ends) - 0.3, max(ends) + 0.3)
            if panel.get_subplotspec().is_first_col():
                panel.set_ylabel(label)
        column[-1].set_xlabel("Hidden layers")
    handles = [
        Line2D([], [], label=curve["title"], **style.look(curve["curve"]))
        for _, curve in table.drop_duplicates("label").sort_values("curve").iterrows()
    ]
    if compared:
        handles += [
            Line2D([], [], label=name, color=GREY, linestyle=dashes) for name, _, dashes in REPORTED
        ]
    style.draw_legend(figure, handles)
    style.draw_caption(figure, describe(table, compared))
    return figure


def is_mnist(head: pd.Series) -> bool:
    """Whether a row's data set is MNIST or stands in for it: another paper's MNIST may be beside.

    MNIST8M is another set.
    """
    return head["dataset_title"] in ("MNIST", "Digits (MNIST stand-in)")


def scale_work(axes: Axes, percent: pd.Series) -> None:
    """A logarithmic axis for work, where there is any to show."""
    shown = percent[np.isfinite(percent) & (percent > 0)]
    if len(shown):
        style.scale_log(axes.yaxis, shown.min(), shown.max())


def draw_curve(axes: Axes, points: pd.DataFrame, measure: str) -> None:
    """One entry's medians over depth, the seeds' range as a band; diverged ringed."""
    points = points.sort_values("hidden_layers")
    depths, middle = points["hidden_layers"], points[f"{measure}_median"]
    look = style.look(points["curve"].iloc[0])
    axes.plot(depths, middle, **look, zorder=3, clip_on=False)
    low, high = points[f"{measure}_low"], points[f"{measure}_high"]
    style.draw_band(axes, depths, low, high, look["color"])
    marked = points["diverged"] > 0
    axes.plot(depths[marked], middle[marked], **style.DIVERGED)


def describe(table: pd.DataFrame, compared: bool) -> str:
    """The caption."""
    widths = sorted({int(hidden.split("x")[-1]) for hidden in table["hidden"]})
    text = (
        f"{__doc__} Hidden layers of {' or '.join(f'{width:,}' for width in widths)} nodes. "
        f"{style.describe_points(table)} Multiplications count selecting, forward, backward, "
        "update and the upkeep of tables, in % of the textbook dense network of the same depth. "
        f"{style.BY_ERROR}"
    )
    if compared:
        text += (
            f" Grey, dashed: numbers of another paper, {SOURCE}, not measured here: its own "
            "programs on MNIST with 2, 3, 5, 7 hidden layers, trained in its own way."
        )
        if "Digits (MNIST stand-in)" in set(table["dataset_title"]):
            text += " The stand-in's images are not those of MNIST."
    return text


if __name__ == "__main__":
    style.main(draw, __doc__)

"""What the figures of asynchronous training share: panels over epochs, words about threads."""

from collections.abc import Callable

import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

LARGEST = 4
"""Panels side by side."""


def name_threads(count: int) -> str:
    """`1 thread`, `4 threads`."""
    return f"{count} thread{'s' if count != 1 else ''}"


def title_panel(head: pd.Series) -> str:
    """Data set and network of a panel."""
    data = style.describe_data(head["dataset_title"], head["data_kind"])
    return f"{data}\n{style.describe_network(head['hidden'])}"


def draw_over_epochs(
    table: pd.DataFrame, caption: str, look_of: Callable[[pd.DataFrame], dict]
) -> Figure:
    """A panel for each data set and network: test accuracy by epoch, a curve for each look.

    Parameters
    ----------
    table: points by epoch (lsh_dl.runs.summary.summarise_epochs).
    look_of: keywords for `Axes.plot`, `label` among them, of one label's and thread count's rows.
    """
    panels = list(table.groupby(["dataset", "hidden"], sort=False))
    columns = min(len(panels), LARGEST)
    rows = -(-len(panels) // columns)
    figure, axes = style.create_panels(rows, columns)
    handles: dict[str, Line2D] = {}
    for place, (_, part) in zip(axes.flat, panels, strict=False):
        low, high = part["test_accuracy_low"].min(), part["test_accuracy_high"].max()
        style.scale_accuracy(place, low, high)
        for _, points in part.groupby(["label", "threads"], sort=False):
            look = look_of(points)
            (line,) = draw_epochs(place, points, look)
            handles.setdefault(look["label"], line)
        place.set_title(title_panel(part.iloc[0]))
        place.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    for place in axes[-1]:
        place.set_xlabel("Epoch")
    for place in axes[:, 0]:
        place.set_ylabel(style.ACCURACY)
    style.draw_legend(figure, [*handles.values()])
    style.draw_caption(figure, f"{caption} {describe_runs(table)} {style.BY_ERROR}")
    return figure


def draw_epochs(axes: Axes, points: pd.DataFrame, look: dict) -> list[Line2D]:
    """One curve over epochs with the seeds' band; epochs at which a run diverged are ringed."""
    points = points.sort_values("epoch")
    lines = axes.plot(points["epoch"], points["test_accuracy_median"], **look, clip_on=False)
    low, high = points["test_accuracy_low"], points["test_accuracy_high"]
    style.draw_band(axes, points["epoch"], low, high, look["color"])
    broken = points[points["diverged"] > 0]
    axes.plot(broken["epoch"], broken["test_accuracy_median"], **style.DIVERGED)
    return lines


def describe_runs(table: pd.DataFrame) -> str:
    """The sentences about seeds and diverged runs that every caption has."""
    seeds = table["n"].max()
    text = "Runs of one seed." if seeds == 1 else f"Median and range over {seeds} seeds."
    diverged = int(table["diverged"].sum())
    if diverged:
        runs = "1 run" if diverged == 1 else f"{diverged} runs"
        text += f" {runs} diverged, shown as far as trained: red rings."
    return text

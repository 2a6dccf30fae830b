"""A grid of panels, accuracy over something: a column for each data set, rows for networks."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import style
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


class Grid:
    """Panels for each pair of data set and network of a table.

    Parameters
    ----------
    table: points (see lsh_dl.tables.summarise).
    variants: names of further rows within each network, such as ("training", "inference").
    """

    def __init__(self, table: pd.DataFrame, variants: tuple[str, ...] = ("",)):
        self.table = table
        self.datasets = list(table["dataset"].unique())
        self.networks = list(table.sort_values("hidden_layers", kind="stable")["hidden"].unique())
        self.variants = variants
        # A single data set leaves its columns to the networks.
        self.networks_across = len(self.datasets) == 1 and len(self.networks) > 1
        self.columns = len(self.networks if self.networks_across else self.datasets)
        self.rows = len(variants) * (1 if self.networks_across else len(self.networks))
        width, height = style.PANEL
        self.figure, axes = plt.subplots(
            self.rows,
            self.columns,
            figsize=(max(width * self.columns + 0.3, 5.2), height * self.rows + 0.3),
            squeeze=False,
            layout="constrained",
        )
        self.axes = axes

    def panels(self) -> Iterator[tuple[Axes, str, pd.DataFrame]]:
        """Each panel's axes, variant and points, with its title set and its y axis scaled."""
        for i, network in enumerate(self.networks):
            for j, dataset in enumerate(self.datasets):
                for k, variant in enumerate(self.variants):
                    row = k if self.networks_across else i * len(self.variants) + k
                    axes = self.axes[row, i if self.networks_across else j]
                    of_data = self.table[self.table["dataset"] == dataset]
                    part = of_data[of_data["hidden"] == network]
                    if part.empty:
                        axes.set_visible(False)
                        continue
                    head = part.iloc[0]
                    lines = [style.describe_network(network)]
                    if row == 0:
                        data = style.describe_data(head["dataset_title"], head["data_kind"])
                        lines.insert(0, data)
                    axes.set_title("\n".join([*lines, *([variant] if variant else [])]))
                    # One y axis for all of a data set's panels: depths can be compared.
                    accuracies = of_data[["test_accuracy_low", "test_accuracy_high"]]
                    style.scale_accuracy(axes, accuracies.min().min(), accuracies.max().max())
                    yield axes, variant, part

    def finish(self, x_label: str, caption: str) -> Figure:
        """Add axis labels, the legend of all curves, and the caption."""
        self.figure.supxlabel(x_label, fontsize=8)
        self.figure.supylabel("Test accuracy (%), axis spaced by error", fontsize=8)
        style.draw_legend(self.figure, [*self._handles()], 1.0)
        style.draw_caption(self.figure, caption, -0.01)
        return self.figure

    def _handles(self) -> Iterator[Line2D]:
        for _, curve in self.table.drop_duplicates("label").sort_values("curve").iterrows():
            look = style.look(curve["curve"])
            if curve["rule"] == "standard":
                look |= {"linestyle": "--", "marker": None}
            yield Line2D([], [], label=curve["title"], **look)


def draw_curve(axes: Axes, points: pd.DataFrame, x: str) -> None:
    """One curve of a panel over the measure `x`, in per cent, with its band; diverged ringed."""
    points = points.sort_values(f"{x}_median")
    across = points[f"{x}_median"]
    look = style.look(points["curve"].iloc[0])
    axes.plot(across, points["test_accuracy_median"], **look, zorder=3, clip_on=False)
    if (points["n"] > 1).any():
        axes.fill_between(
            across,
            points["test_accuracy_low"],
            points["test_accuracy_high"],
            color=look["color"],
            alpha=style.BAND,
            linewidth=0,
            zorder=2,
        )
    ring_diverged(axes, points, across)


def draw_level(axes: Axes, points: pd.DataFrame) -> None:
    """A curve without levels: its accuracy as a dashed line over the whole panel, with band."""
    for _, point in points.iterrows():
        color = style.look(point["curve"])["color"]
        axes.axhline(point["test_accuracy_median"], color=color, linestyle="--", zorder=2.5)
        if point["n"] > 1:
            axes.axhspan(
                point["test_accuracy_low"],
                point["test_accuracy_high"],
                color=color,
                alpha=style.BAND,
                linewidth=0,
                zorder=1,
            )


def ring_diverged(axes: Axes, points: pd.DataFrame, across: pd.Series) -> None:
    """Ring the points that have diverged runs among them."""
    marked = points["diverged"] > 0
    axes.plot(
        across[marked],
        points["test_accuracy_median"][marked],
        linestyle="none",
        marker="o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor="#C00000",
        zorder=4,
        clip_on=False,
    )


def draw_over_active_share(table: pd.DataFrame, caption: str) -> Figure:
    """Test accuracy over the measured share of active nodes; the standard network dashed."""
    share = [f"active_fraction_{part}" for part in ("low", "median", "high")]
    table = table.assign(**{column: 100 * table[column] for column in share})
    grid = Grid(table)
    selective = table[table["rule"] != "standard"]
    shown = selective if len(selective) else table
    low, high = shown["active_fraction_median"].min(), shown["active_fraction_median"].max()
    for axes, _, part in grid.panels():
        style.scale_percent(axes, low, high)
        draw_level(axes, part[part["rule"] == "standard"])
        for _, points in part[part["rule"] != "standard"].groupby("curve"):
            draw_curve(axes, points, "active_fraction")
    return grid.finish(
        "Active nodes in training, measured (%, log scale)",
        f"{caption} {style.describe_seeds(table)}",
    )


def finite(values: pd.Series) -> np.ndarray:
    """The values that are numbers above zero: what a log axis can show."""
    array = values.to_numpy(float)
    return array[np.isfinite(array) & (array > 0)]

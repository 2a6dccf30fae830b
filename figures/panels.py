"""A grid of panels, accuracy over something: a column for each data set, rows for networks."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


class Grid:
    """Panels for each pair of data set and network of a table.

    Parameters
    ----------
    table: points (see lsh_dl.runs.summary.summarise).
    variants: names of further rows within each network, such as ("training", "inference").
    x_labels: labels of the x axis where it differs between variants, which then are not named.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        variants: tuple[str, ...] = ("",),
        x_labels: tuple[str, ...] | None = None,
    ):
        self.table, self.x_labels = table, x_labels
        self.datasets = list(table["dataset"].unique())
        self.networks = list(table.sort_values("hidden_layers", kind="stable")["hidden"].unique())
        self.variants = variants
        # A single data set leaves its columns to the networks.
        self.networks_across = len(self.datasets) == 1 and len(self.networks) > 1
        columns = len(self.networks if self.networks_across else self.datasets)
        rows = len(variants) * (1 if self.networks_across else len(self.networks))
        between = style.LABELLED_GAP if x_labels else style.GAPS[1]
        self.figure, self.axes = style.create_panels(rows, columns, between=between)

    def panels(self) -> Iterator[tuple[Axes, str, pd.DataFrame]]:
        """Each panel's axes, variant and points, with titles set and the y axis scaled."""
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
                    self._label(axes, part.iloc[0], "" if self.x_labels else variant)
                    if self.x_labels:
                        axes.set_xlabel(self.x_labels[k])
                    # One y axis for all of a data set's panels: depths can be compared.
                    accuracies = of_data[["test_accuracy_low", "test_accuracy_high"]]
                    style.scale_accuracy(axes, accuracies.min().min(), accuracies.max().max())
                    yield axes, variant, part

    def _label(self, axes: Axes, head: pd.Series, variant: str) -> None:
        """Data set above the first row, network (and variant) beside the first column."""
        data = style.describe_data(head["dataset_title"], head["data_kind"])
        network = style.describe_network(head["hidden"])
        place = axes.get_subplotspec()
        if place.is_first_row():
            axes.set_title(f"{data}\n{network}" if self.networks_across else data)
        if place.is_first_col():
            axes.set_ylabel(self.y_label)
            row = [*([] if self.networks_across else [network]), *([variant] if variant else [])]
            if row:
                style.label_row(axes, "\n".join(row))

    def finish(self, x_label: str | None, caption: str, points: str | None = None) -> Figure:
        """Add x axis labels, the legend of all curves, and the caption.

        Parameters
        ----------
        points: what the caption says of a point; default: `style.describe_points`.
        """
        for axes in () if self.x_labels else self.axes[-1]:
            axes.set_xlabel(x_label)
        style.draw_legend(self.figure, [*self._handles()])
        style.draw_caption(
            self.figure,
            f"{caption} {points or style.describe_points(self.table)} {style.BY_ERROR}",
        )
        return self.figure

    def _handles(self) -> Iterator[Line2D]:
        for _, curve in self.table.drop_duplicates("label").sort_values("curve").iterrows():
            look = style.look(curve["curve"])
            if curve["rule"] == "standard" and not self.standard_has_curve:
                mark = style.ring(curve["curve"]) if self.shows_standard else {"marker": None}
                look |= mark | {"linestyle": "--"}
            if curve.get("counting") == "dense":
                look |= {"linestyle": style.OTHERS}
            yield Line2D([], [], label=curve["title"], **look)

    y_label = style.ACCURACY
    #: Whether the standard network has a point of its own beside its dashed line, or a curve as all
    #: others and no such line.
    shows_standard = False
    standard_has_curve = False


def draw_curve(axes: Axes, points: pd.DataFrame, x: str) -> None:
    """One curve of a panel over the measure `x`, with its band; diverged ringed."""
    points = points.sort_values(["target_active_fraction", f"{x}_median"])
    across = points[f"{x}_median"]
    look = style.look(points["curve"].iloc[0])
    axes.plot(across, points["test_accuracy_median"], **look, zorder=3, clip_on=False)
    low, high = points["test_accuracy_low"], points["test_accuracy_high"]
    style.draw_band(axes, across, low, high, look["color"])
    ring_diverged(axes, points, across)


def draw_level(axes: Axes, points: pd.DataFrame, x: str | None = None) -> None:
    """A curve without levels: its accuracy as a dashed line over the whole panel, with band.

    Where `x` is given, a hollow marker shows the point's place on that measure too; it is larger
    than others so that it shows around a point at the same place.
    """
    for _, point in points.iterrows():
        color, accuracy = style.look(point["curve"])["color"], point["test_accuracy_median"]
        axes.axhline(accuracy, color=color, linestyle="--", zorder=2.5)
        if point["n"] > 1:
            low, high = point["test_accuracy_low"], point["test_accuracy_high"]
            axes.axhspan(low, high, color=color, alpha=style.BAND, linewidth=0, zorder=1)
        if x:
            ring = style.ring(point["curve"])
            axes.plot(point[f"{x}_median"], accuracy, **ring, zorder=2.8, clip_on=False)
        if point["diverged"]:
            place = point[f"{x}_median"] if x else axes.get_xlim()[0]
            axes.plot(place, accuracy, **style.DIVERGED)


def ring_diverged(axes: Axes, points: pd.DataFrame, across: pd.Series) -> None:
    """Ring the points that have diverged runs among them."""
    marked = points["diverged"] > 0
    axes.plot(across[marked], points["test_accuracy_median"][marked], **style.DIVERGED)


def draw_over_active_share(table: pd.DataFrame, caption: str) -> Figure:
    """Test accuracy over the measured share of active nodes; the standard network dashed."""
    share = [f"active_fraction_{part}" for part in ("low", "median", "high")]
    table = table.assign(**{column: 100 * table[column] for column in share})
    grid = Grid(table)
    selective = table[table["rule"] != "standard"]
    shown = selective if len(selective) else table
    low, high = shown["active_fraction_median"].min(), shown["active_fraction_median"].max()
    for axes, _, part in grid.panels():
        style.scale_log(axes.xaxis, low, high)
        draw_level(axes, part[part["rule"] == "standard"])
        for _, points in part[part["rule"] != "standard"].groupby("curve"):
            draw_curve(axes, points, "active_fraction")
    return grid.finish("Active nodes, measured (%)", caption)


def draw_over(table: pd.DataFrame, x: str, x_label: str, caption: str) -> Figure:
    """Test accuracy over the measure `x`: a curve for each rule, the standard network too."""
    grid = Grid(table)
    grid.standard_has_curve = True
    for axes, _, part in grid.panels():
        for _, points in part.groupby("curve"):
            draw_curve(axes, points, x)
    return grid.finish(x_label, caption)


def finite(values: pd.Series) -> np.ndarray:
    """The values that are numbers above zero: what a log axis can show."""
    array = values.to_numpy(float)
    return array[np.isfinite(array) & (array > 0)]

"""What all figures share: one look a curve, an axis for accuracies, captions, saving."""

import argparse
import textwrap
from collections.abc import Callable
from math import ceil
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from lsh_dl.common.files import whole_file
from lsh_dl.results.looks import LOOKS
from lsh_dl.results.looks import describe_data as describe_data  # scripts have them from here
from lsh_dl.results.looks import describe_network as describe_network

matplotlib.use("Agg")

OTHERS = (0, (3, 1.2))
"""Dashes of other systems' lines."""
DASHES = ("-", (0, (1, 1)), (0, (4, 1, 1, 1)))

#: Ring around a point that has diverged runs among its seeds.
DIVERGED = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 11,
    "markerfacecolor": "none",
    "markeredgecolor": "#C00000",
    "zorder": 4,
    "clip_on": False,
}

ERROR_FLOOR = 1e-3
"""Added to errors before their logarithm is taken, so that an accuracy of 1 has a place."""

INK = "#222222"
FAINT = "#E4E4E4"
BAND = 0.16
"""Opacity of the bands."""

ACCURACY = "Test accuracy (%),\nspaced by error"
"""Label of an axis that `scale_accuracy` made."""
BY_ERROR = "Accuracies are spaced by error: from 80 to 90 % is about as far as from 98 to 99 %."

# Inches. Every panel has the same size, whatever stands around it.
PANEL = (1.85, 1.5)
ALONE = 2
GAPS = (0.48, 0.36)
LABELLED_GAP = 0.58
"""Between rows of which each has a label on its x axis."""
CAPTION_WIDTH = 6.4
LEGEND_ROOM = 0.25
"""Of the top margin: what is below it is for titles of up to two lines."""
LEGEND_ENTRY, LETTER = 0.55, 0.065
"""What one entry of a legend takes beside its text, and one letter of that, about."""
MARGINS = {"left": 1.2, "right": 0.15, "top": 0.66, "bottom": 0.5}

matplotlib.rcParams.update(
    {
        "font.size": 8,
        "font.family": "sans-serif",
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "axes.edgecolor": "#888888",
        "axes.labelcolor": INK,
        "text.color": INK,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": "#888888",
        "ytick.color": "#888888",
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "lines.linewidth": 1.4,
        "lines.markersize": 4.2,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "savefig.dpi": 200,
        "svg.hashsalt": "lsh-dl",  # the same table gives the same bytes
        "svg.fonttype": "none",
        "text.parse_math": False,  # titles are text, with dollars and braces in them too
    }
)


def look(curve: int) -> dict:
    """Keywords for `Axes.plot`: the colour, marker and dashes of a curve's number."""
    color, marker = LOOKS[curve % len(LOOKS)]
    return {
        "color": color,
        "marker": marker,
        "linestyle": DASHES[curve // len(LOOKS) % len(DASHES)],
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
    }


def ring(curve: int) -> dict:
    """Keywords for `Axes.plot`: the large hollow marker of a curve without levels."""
    return look(curve) | {
        "linestyle": "none",
        "markersize": 8,
        "markerfacecolor": "white",
        "markeredgecolor": look(curve)["color"],
        "markeredgewidth": 1.2,
    }


def draw_band(axes: Axes, across: pd.Series, low: pd.Series, high: pd.Series, color: str) -> None:
    """What lies between `low` and `high` along a curve; a bar where the curve is a single point."""
    band = {"color": color, "alpha": BAND, "zorder": 1.5}
    if len(across) == 1:
        axes.vlines(across, low, high, **band, linewidth=6)
    else:
        axes.fill_between(across, low, high, **band, linewidth=0)


def main(draw: Callable[[pd.DataFrame], Figure], description: str) -> None:
    """Command line of a figure's script: read a table, draw, write every named file."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("table", type=Path, help="tidy table (results/tables/*.csv)")
    parser.add_argument("outputs", type=Path, nargs="+", help="files to write: .svg, .png, .pdf")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.table, dtype={"hidden": str, "label": str, "title": str})
    if table.empty:
        raise SystemExit(f"error: {arguments.table}: no rows, nothing to draw")
    figure = draw(table)
    for path in arguments.outputs:
        save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write the figure to a file that appears only when whole."""
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
    with whole_file(path) as temporary:
        figure.savefig(temporary, metadata=metadata, bbox_inches="tight", pad_inches=0.08)


def scale_accuracy(axes: Axes, low: float, high: float) -> None:
    """Space the y axis, an accuracy, by the logarithm of the error.

    From 98 to 99 % half of the errors go, as from 80 to 90 %: both take the same height, so that
    small differences among good networks show beside one that stayed at chance.

    Parameters
    ----------
    low, high: the least and the largest accuracy to show, in [0, 1].
    """

    def forward(accuracy):
        return -np.log(1 + ERROR_FLOOR - np.asarray(accuracy, float))

    def inverse(height):
        return 1 + ERROR_FLOOR - np.exp(-np.asarray(height, float))

    bottom, top = forward(low), forward(high)
    margin = max(0.06 * (top - bottom), 0.01)
    axes.set_yscale("function", functions=(forward, inverse))
    axes.set_ylim(inverse(bottom - margin), inverse(top + margin))
    span = top - bottom + 2 * margin
    ticks = _choose_ticks(inverse(bottom - margin), inverse(top + margin), forward, span / 8)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}"))


def _choose_ticks(low: float, high: float, forward, spacing: float) -> list[float]:
    """Round accuracies in [low, high], the roundest first, none nearer than `spacing` to another.

    Less round ones are added only while some stretch of three spacings has none.
    """
    chosen: list[float] = []
    for step in (0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
        for number in range(int(1 / step) - 1, -1, -1):
            tick = round(number * step, 6)
            if low <= tick <= high and all(
                abs(forward(tick) - forward(other)) >= spacing for other in chosen
            ):
                chosen.append(tick)
        heights = forward([low, *sorted(chosen), high])
        if np.diff(heights).max() <= 3 * spacing:
            break
    return sorted(chosen)


def scale_powers(axis: Axis) -> None:
    """Ticks of a logarithmic axis at powers of ten, as `1,000` or `1e9`."""
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:,g}" if 1e-3 <= v <= 1e5 else f"1e{np.log10(v):.0f}")
    )


def scale_log(axis: Axis, low: float, high: float) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 5, 10, ...; low, high > 0."""
    which = axis.axis_name
    axis.axes.set(**{f"{which}scale": "log", f"{which}lim": (low / 1.25, high * 1.25)})
    decades = 10.0 ** np.arange(np.floor(np.log10(low)) - 1, np.ceil(np.log10(high)) + 1)
    for steps in (np.arange(1, 10, 0.5), np.arange(1, 10), (1, 2, 5), (1, 3), (1,)):
        ticks = np.outer(decades, steps).ravel()
        inside = ticks[(low / 1.2 <= ticks) & (ticks <= high * 1.2)]
        if len(inside) <= 6:
            break
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def create_panels(
    rows: int, columns: int, wide: float = 1, between: float = GAPS[1]
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, (rows, columns), with room for labels, legend and caption.

    Panels are `wide` times as wide as usual, and a single column at least `ALONE` times; rows are
    `between` inches from each other.
    """
    if columns == 1:
        wide = max(wide, ALONE)
    panel = wide * PANEL[0]
    gap = GAPS[0] + (0.3 if wide > 1 else 0)  # wide panels have long labels
    inner_width = columns * panel + (columns - 1) * gap
    inner_height = rows * PANEL[1] + (rows - 1) * between
    width = inner_width + MARGINS["left"] + MARGINS["right"]
    height = inner_height + MARGINS["top"] + MARGINS["bottom"]
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    figure.subplots_adjust(
        left=MARGINS["left"] / width,
        right=1 - MARGINS["right"] / width,
        top=1 - MARGINS["top"] / height,
        bottom=MARGINS["bottom"] / height,
        wspace=gap / panel,
        hspace=between / PANEL[1],
    )
    return figure, axes


def label_row(axes: Axes, text: str) -> None:
    """Write a row's name left of its first panel's y label."""
    axes.annotate(
        text,
        (0, 0.5),
        xytext=(72 * (0.1 - MARGINS["left"]), 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=90,
        va="center",
        ha="left",
        multialignment="center",
        fontsize=8,
    )


def draw_legend(figure: Figure, handles: list[Line2D]) -> None:
    """All curves above the panels and their titles; further rows make the figure taller."""
    inches = sum(LEGEND_ENTRY + LETTER * len(handle.get_label()) for handle in handles)
    rows = ceil(max(inches / figure.get_figwidth(), len(handles) / 6))
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 1 - LEGEND_ROOM / figure.get_figheight()),
        ncols=ceil(len(handles) / rows),
        handlelength=2.4,
        columnspacing=1.8,
    )


def draw_caption(figure: Figure, text: str) -> None:
    """Small text below the panels, wrapped to the figure's width."""
    # Below a narrow figure it is wider than the figure, not taller.
    letters = int((max(figure.get_figwidth(), CAPTION_WIDTH) - 0.2) * 18.5)
    figure.text(
        0.1 / figure.get_figwidth(),
        0.0,
        textwrap.fill(text, letters),
        va="top",
        ha="left",
        fontsize=7,
        color="#555555",
        linespacing=1.35,
    )


def describe_skipped(skipped: pd.DataFrame) -> str:
    """Why entries are missing, a sentence each with a blank in front; nothing where all are there.

    Rows of `skipped` have a `title` and in `skipped` the reason.
    """
    return "".join(f" Not run: {row['title']}: {row['skipped']}." for _, row in skipped.iterrows())


def describe_diverged(runs: int) -> str:
    """A sentence about diverged runs, with a blank in front; nothing where there are none."""
    counted = "1 run" if runs == 1 else f"{runs:.0f} runs"
    return f" {counted} diverged, shown as far as trained: red rings." if runs else ""


def describe_points(table: pd.DataFrame) -> str:
    """The sentences about seeds, epochs, diverged runs and testing that every caption has."""
    counts, epochs = sorted(table["n"].unique()), table["epoch"]
    seeds = " or ".join(str(count) for count in counts)
    text = f"Each point: the reported epoch of each run, {max(epochs):g} at the latest, "
    if counts == [1]:
        text += "one seed."
    else:
        text += f"median over {seeds} seeds; bands from the lowest to the highest seed."
    text += describe_diverged(table["diverged"].sum())
    sparse = table[table["target_active_fraction"] < 1]
    tested = sparse.groupby("title", sort=False)["inference_active_fraction_low"].min()
    full = ", ".join(tested.index[tested == 1])
    return f"{text} Tested with all nodes: {full}." if full else text

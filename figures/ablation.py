"""What each ingredient of LSH is worth: accuracy and work of its variants beside references."""

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lsh_dl.runs.summary import NAMED_CURVES

CAPTION = (
    "Each row is one variant, all at the same wanted share of active nodes; the dotted line is the "
    "first row. Recall: of a layer's nodes with the largest pre-activations, as many as are "
    "wanted, the share that was selected for a test sample, where not all nodes were; WTA, which "
    "ranks them by these, finds all. "
    "Multiplications count "
    "selecting, re-ranking, forward, backward, update and the upkeep of tables, in % of the "
    "textbook dense network."
)
#: Column of the table, heading, factor, and whether the axis is logarithmic.
MEASURES = (
    ("test_accuracy", "Test accuracy (%)", 100, False),
    ("recall_of_top", "Recall of the true\ntop nodes (%)", 100, False),
    ("training_percent", "Multiplications,\ntraining (% of dense)", 1, True),
    ("inference_percent", "Multiplications,\ninference (% of dense)", 1, True),
)
ROW = 0.19  # inches
LABELS = 2.0
COLUMN = 1.5
GAP = 0.22


def draw(table: pd.DataFrame) -> Figure:
    """A block of rows for each data set and network, a column for each measure."""
    table = table.assign(group=table["group"].fillna(""))
    blocks = [block for _, block in table.groupby(["dataset", "hidden"], sort=False)]
    places = [place_rows(block) for block in blocks]
    heights = [ROW * (place["y"].max() + 1) for place in places]
    top, bottom, between = 0.62, 0.36, 0.95
    height = top + sum(heights) + between * (len(blocks) - 1) + bottom
    width = LABELS + len(MEASURES) * COLUMN + (len(MEASURES) - 1) * GAP + 0.1
    figure = style.plt.figure(figsize=(width, height))
    above = height - top
    for place, tall in zip(places, heights, strict=True):
        for number, measure in enumerate(MEASURES):
            left = LABELS + number * (COLUMN + GAP)
            box = (left / width, (above - tall) / height, COLUMN / width, tall / height)
            draw_column(figure.add_axes(box), place, *measure, names=number == 0)
        head = place.iloc[0]
        data = style.describe_data(head["dataset_title"], head["data_kind"])
        level = place["target_active_fraction"].min()
        figure.text(
            0.1 / width,
            (above + 0.36) / height,
            f"{data}\n{style.describe_network(head['hidden'])}\n{100 * level:g} % active",
            va="center",
            fontsize=8,
        )
        above -= tall + between
    style.draw_caption(figure, f"{CAPTION} {style.describe_points(table)}")
    return figure


def place_rows(block: pd.DataFrame) -> pd.DataFrame:
    """The rows of a block in their order, group by group, with their place `y` from the top."""
    order = {group: number for number, group in enumerate(block["group"].unique())}
    block = block.sort_values("group", key=lambda groups: groups.map(order), kind="stable")
    starts = (block["group"] != block["group"].shift()) & (block["group"] != "")
    # A group's heading takes a row of its own.
    return block.assign(y=np.arange(len(block)) + starts.cumsum(), starts=starts)


def draw_column(
    axes: Axes, rows: pd.DataFrame, name: str, title: str, factor: float, log: bool, names: bool
) -> None:
    """One measure of all rows: the median as a dot, the seeds' range as a line."""
    axes.set_ylim(rows["y"].max() + 0.6, rows["y"].min() - 1.4 if rows["starts"].any() else -0.6)
    drawn = rows
    if name == "recall_of_top":  # who looks at all nodes finds all, by definition
        is_whole = rows["inference_active_fraction_low"] == 1
        finds_all = ~is_whole & (rows["recall_of_top_low"] == 1)
        drawn = rows[~is_whole & ~finds_all]
        axes.set_xlim(0, 100)
        for which, words in ((is_whole, "tested with all nodes"), (finds_all, "finds all of them")):
            for y in rows.loc[which, "y"]:
                axes.text(50, y, words, fontsize=6, va="center", ha="center")
    low, high = (factor * drawn[f"{name}_{part}"] for part in ("low", "high"))
    if log:
        style.scale_log(axes.xaxis, low[low > 0].min(), high.max())
    for first in factor * drawn.loc[drawn.index == rows.index[0], f"{name}_median"]:
        axes.axvline(first, color="#999999", linestyle=":", linewidth=0.8, zorder=1)
    colors = [color_of(row) for _, row in drawn.iterrows()]
    axes.hlines(drawn["y"], low, high, color=colors, lw=2.4)
    for _, row in drawn.iterrows():
        axes.plot(
            factor * row[f"{name}_median"],
            row["y"],
            linestyle="none",
            clip_on=False,
            marker="o",
            color=color_of(row),
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=3,
        )
        if row["diverged"]:
            axes.plot(factor * row[f"{name}_median"], row["y"], **style.DIVERGED)
    axes.set_title(title, loc="left")
    axes.grid(axis="y", visible=False)
    axes.set_yticks(rows["y"], rows["title"] if names else [""] * len(rows))
    axes.tick_params(axis="y", length=0)
    if names:
        for _, row in rows[rows["starts"]].iterrows():
            axes.annotate(
                row["group"],
                (-LABELS / COLUMN + 0.06, row["y"] - 1),
                xycoords=("axes fraction", "data"),
                va="center",
                fontweight="bold",
                fontsize=7.5,
                annotation_clip=False,
            )


def color_of(row: pd.Series) -> str:
    """The rule's own colour, as in the other figures."""
    named = row["rule"] in NAMED_CURVES
    return style.look(NAMED_CURVES.index(row["rule"]) if named else row["curve"])["color"]


if __name__ == "__main__":
    style.main(draw, __doc__)

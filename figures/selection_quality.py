"""Which nodes are selected: the chance over the rank of the activation, before and after training.

Beside it how many of the true top nodes are found, and how many nodes are never used.
"""

from collections.abc import Iterator

import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lsh_dl.runs.summary import NAMED_CURVES

CAPTION = (
    "Left: chance that a node is selected for a test sample, over the rank of its pre-activation "
    "among the layer's nodes (1: the largest). Grey: ideal, the top nodes, as many as are wanted. "
    "Dashed: 1-(1-p^K)^L with p = 1 - angle/pi of what is hashed, the chance of meeting in one of "
    "the input's own buckets; probing further buckets selects more, limits and ranking fewer. "
    "Where there is no dashed line the formula does not hold: bits of the default depend on each "
    "other, being orthogonal; AD and WTA do not hash. Right: share of the true top nodes that was "
    "selected, and share of nodes that none of {samples} test samples selected. Before training: "
    "initial weights, hash tables fitted to the first inputs."
)
WHEN = ("before", "after")
SHARES = {
    "recall_of_top": ("True top nodes found", "Found (%)"),
    "unused_share": ("Nodes never selected", "Unused (%)"),
}
IDEAL = {"color": "#999999", "linewidth": 1, "marker": None}


def draw(table: pd.DataFrame) -> Figure:
    """A row for each hidden layer of each data set and network."""
    rows = list(table.groupby(["dataset", "hidden", "layer"], sort=False))
    figure, axes = style.create_panels(len(rows), len(WHEN) + len(SHARES))
    for panels, (_, points) in zip(axes, rows, strict=True):
        for panel, when in zip(panels, WHEN, strict=False):
            draw_chances(panel, points[points["when"] == when], table)
        for panel, (share, (_, label)) in zip(panels[len(WHEN) :], SHARES.items(), strict=True):
            draw_share(panel, points, share, table)
            panel.set_ylabel(label)
        panels[0].set_ylabel("Chance of selection (%)")
        label_row(panels[0], points.iloc[0])
    epochs = int(table["epoch"].max())
    after = f"After {epochs} epoch{'s'[: epochs > 1]}"
    titles = ("Before training", after, *(title for title, _ in SHARES.values()))
    for panel, title in zip(axes[0], titles, strict=True):
        panel.set_title(title)
    for panel in axes[-1, len(WHEN) :]:
        panel.set_xlabel("Training")
    for panel in axes[-1, : len(WHEN)]:
        panel.set_xlabel("Rank of the pre-activation")
    style.draw_legend(figure, [*list_handles(table)])
    caption = CAPTION.format(samples=" or ".join(map(str, sorted(table["samples"].unique()))))
    style.draw_caption(figure, f"{caption} {describe_runs(table)}")
    return figure


def draw_chances(axes: Axes, points: pd.DataFrame, table: pd.DataFrame) -> None:
    """Each entry's chance of selection in one layer, the ideal and, where it holds, the theory."""
    width, budget = points["width"].iloc[0], points["budget"].iloc[0]
    axes.set_xscale("log")
    axes.set_xlim(0.9, width * 1.1)
    axes.set_ylim(-3, 103)
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000, 10000) if tick <= width]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.plot([0.9, budget + 0.5, budget + 0.5, width * 1.1], [100, 100, 0, 0], **IDEAL, zorder=1)
    for _, entry in points.groupby("label", sort=False):
        look = look_of(entry.iloc[0], table) | {"marker": None}
        ranks = (entry["lowest_rank"] * entry["highest_rank"]) ** 0.5
        axes.plot(ranks, 100 * entry["chance_median"], **look, zorder=3)
        band = (100 * entry["chance_low"], 100 * entry["chance_high"])
        style.draw_band(axes, ranks, *band, look["color"])
        theory = look | {"linestyle": "--", "linewidth": 1}
        axes.plot(ranks, 100 * entry["theory_median"], **theory, zorder=2)


def draw_share(axes: Axes, points: pd.DataFrame, share: str, table: pd.DataFrame) -> None:
    """A share before and after training, joined by a line: median, and the seeds' range."""
    axes.set_xlim(-0.4, 1.4)
    axes.set_xticks([0, 1], WHEN)
    axes.set_ylim(-3, 103)
    axes.grid(axis="x", visible=False)
    for _, entry in points.groupby("label", sort=False):
        look = look_of(entry.iloc[0], table)
        times = entry.drop_duplicates("when").set_index("when").loc[[*WHEN]]
        axes.plot([0, 1], 100 * times[f"{share}_median"], **look, zorder=3, clip_on=False)
        low, high = (100 * times[f"{share}_{end}"] for end in ("low", "high"))
        axes.vlines([0, 1], low, high, color=look["color"], linewidth=3, alpha=0.4)


def label_row(axes: Axes, head: pd.Series) -> None:
    """Data set, network, level and layer beside a row."""
    data = style.describe_data(head["dataset_title"], head["data_kind"])
    level = f"{100 * head['target_active_fraction']:g} % active"
    network = style.describe_network(head["hidden"])
    style.label_row(axes, f"{data}\n{network}\n{level}, layer {head['layer']}")


def look_of(head: pd.Series, table: pd.DataFrame) -> dict:
    """The label's look; a rule's only entry has the rule's own, as in the other figures."""
    alone = table.loc[table["rule"] == head["rule"], "label"].nunique() == 1
    named = alone and head["rule"] in NAMED_CURVES
    return style.look(NAMED_CURVES.index(head["rule"]) if named else head["curve"])


def list_handles(table: pd.DataFrame) -> Iterator[Line2D]:
    """The entries in the config's order, and the theory if it is there."""
    for _, head in table.drop_duplicates("label").iterrows():
        yield Line2D([], [], label=head["title"], **look_of(head, table))
    if table["theory_median"].notna().any():
        yield Line2D([], [], color=style.INK, linestyle="--", linewidth=1, label="1-(1-p^K)^L")


def describe_runs(table: pd.DataFrame) -> str:
    """The sentences about seeds and diverged runs."""
    seeds = " or ".join(map(str, sorted(table["n"].unique())))
    text = "One seed."
    if seeds != "1":
        text = f"Median over {seeds} seeds; bands from the lowest to the highest."
    broken = table[table["diverged"] > 0]["title"].unique()
    return f"{text} Runs that diverged among them: {', '.join(broken)}." if len(broken) else text


if __name__ == "__main__":
    style.main(draw, __doc__)

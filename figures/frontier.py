"""All settings that were tried, by accuracy and cost, and those that nothing else surpasses."""

import pandas as pd
import panels
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: Costs, and how their axes are called.
COSTS = {
    "training_percent": "Multiplications, training (% of dense)",
    "microseconds": "Microseconds a training sample",
}
DEFAULT = {
    "linestyle": "none",
    "marker": "*",
    "markersize": 11,
    "markerfacecolor": "#FFD23F",
    "markeredgecolor": "#222222",
    "markeredgewidth": 0.8,
}
FRONTIER = {"color": "#777777", "linewidth": 1.1, "drawstyle": "steps-post"}


class Settings(panels.Grid):
    """Panels whose points have their rule's colour, whatever their entry is; systems their own."""

    standard_has_curve = True

    def _handles(self):
        """A marker a rule, the frontier, the default."""
        for _, head in self.table.drop_duplicates("curve").sort_values("curve").iterrows():
            look = style.look(head["curve"]) | {"linestyle": "none"}
            yield Line2D([], [], label=head["title"], **look)
        yield Line2D([], [], label="frontier", color=FRONTIER["color"])
        if self.table["default"].any():
            yield Line2D([], [], label="LSH's default", **DEFAULT)


def draw(table: pd.DataFrame) -> Figure:
    """A row of panels for each cost, for each network."""
    table = take_colours_of_rules(table)
    table = table.assign(
        # Where the y axis goes; trials have no range over seeds.
        test_accuracy_low=table["accuracy_median"],
        test_accuracy_high=table["accuracy_median"],
    )
    parts = " or ".join(sorted(table["accuracy_of"].unique()))
    grid = Settings(table, tuple(COSTS), tuple(COSTS.values()))
    grid.y_label = f"{parts.capitalize()} accuracy (%),\nspaced by error"
    for axes, cost, part in grid.panels():
        shown = panels.finite(table[f"{cost}_median"])
        if len(shown):
            style.scale_log(axes.xaxis, shown.min(), shown.max())
        draw_settings(axes, part, cost)
    return grid.finish(None, describe(table, parts), describe_seeds(table))


def take_colours_of_rules(table: pd.DataFrame) -> pd.DataFrame:
    """With the curve and title that a rule has under its own name, for all of its entries.

    Entries of another system, PyTorch in two precisions say, keep theirs.
    """
    kind = table["rule"].where(table["counting"] != "dense", table["label"])
    own = table.assign(kind=kind, borrowed=table["label"] != kind)
    own = own.sort_values("borrowed", kind="stable").drop_duplicates("kind").set_index("kind")
    return table.assign(curve=kind.map(own["curve"]).astype(int), title=kind.map(own["title"]))


def draw_settings(axes: Axes, part: pd.DataFrame, cost: str) -> None:
    """A point a setting, faint where it is not on the frontier; the frontier as steps."""
    across = f"{cost}_median"
    for _, points in part.groupby("curve"):
        look = style.look(points["curve"].iloc[0]) | {"linestyle": "none"}
        for is_on, some in points.groupby(f"on_{cost}"):
            size, alpha, order = (5.2, 1, 3) if is_on else (3.6, 0.45, 2)
            shown = look | {"markersize": size, "alpha": alpha, "zorder": order}
            axes.plot(some[across], some["accuracy_median"], **shown)
    front = part[part[f"on_{cost}"]].sort_values(across)
    if len(front):
        axes.plot(front[across], front["accuracy_median"], **FRONTIER, zorder=2.5)
        last = front.iloc[-1]
        axes.hlines(
            last["accuracy_median"],
            last[across],
            axes.get_xlim()[1],
            color=FRONTIER["color"],
            linewidth=FRONTIER["linewidth"],
            zorder=2.5,
        )
    default = part[part["default"]]
    axes.plot(default[across], default["accuracy_median"], **DEFAULT, zorder=4)
    panels.ring_diverged(
        axes, part.rename(columns={"accuracy_median": "test_accuracy_median"}), part[across]
    )


def describe(table: pd.DataFrame, parts: str) -> str:
    """What the points are."""
    text = (
        "Every setting that the experiment tried on one thread, of all studies and trials, at any "
        f"level and length of training. Accuracy is on the {parts} part, each run in the epoch "
        "that is reported. Grey steps: the frontier, settings of which none is as accurate at less "
        "cost. Multiplications count selecting, forward, backward, update and the upkeep of "
        "tables; those of other systems are the dense network's. Seconds are rough where runs had "
        "others beside them (all but those of timed studies)."
    )
    if table["default"].any():
        level = 100 * table.loc[table["default"], "target_active_fraction"].min()
        text += f" Star: LSH as the comparison has it, {level:g} % of the nodes active."
    return text


def describe_seeds(table: pd.DataFrame) -> str:
    """Of what the points are."""
    counts = sorted(int(count) for count in table["n"].unique())
    text = f"Each point: median over {' or '.join(map(str, counts))} seeds."
    if counts == [1]:
        text = "Each point: one seed."
    return text + style.describe_diverged(table["diverged"].sum())


if __name__ == "__main__":
    style.main(draw, __doc__)

"""Time of an epoch and speed-up over the number of threads that train without locks.

The paper's figure 9; beside what was measured, what a simulation expects of more cores.
"""

import pandas as pd
import style
import threads
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

CAPTION = (
    "Seconds of an epoch's training, evaluation left out, and speed-up over one thread of the same "
    "seed; nothing else of the pipeline ran beside a run. Beyond the machine's cores (shaded) "
    "threads take turns."
)
SIMULATED = (
    "Right: not measured but simulated, from recorded updates and measured times, for as many "
    "cores as threads (lsh_dl/measurements/simulation.py)."
)

SLOWER = [0.25, 0.5, 1]


def draw(table: pd.DataFrame) -> Figure:
    """A row for each data set and network: seconds, speed-up and, if any, what was simulated."""
    if "simulated" not in table:
        table = table.assign(simulated=False)
    table, simulated = table[~table["simulated"]], table[table["simulated"]]
    parts = list(table.groupby(["dataset", "hidden"], sort=False))
    figure, axes = style.create_panels(len(parts), 2 if simulated.empty else 3)
    for (left, right, *more), (place, part) in zip(axes, parts, strict=True):
        for far in more:
            expected = simulated.set_index(["dataset", "hidden"]).loc[[place]]
            draw_simulated(far, expected)
        counts = sorted(part["threads"].unique())
        for _, points in part.groupby("curve"):
            draw_curve(left, points, "seconds")
            draw_curve(right, points, "speedup")
        right.plot(counts, counts, color="#777777", linestyle=":", zorder=1)
        for place in (left, right):
            scale_threads(place, counts, int(part["cores"].iloc[0]))
        left.set_ylabel("Seconds an epoch")
        left.set_ylim(bottom=0)
        right.set_ylabel("Speed-up")
        right.set_ylim(bottom=0)
        left.set_title(threads.title_panel(part.iloc[0]), loc="left")
    for place in axes[-1]:
        place.set_xlabel("Threads")
    curves = table.drop_duplicates("label").sort_values("curve")
    handles = [
        Line2D([], [], label=name_curve(head), **style.look(head["curve"]))
        for _, head in curves.iterrows()
    ]
    handles.append(Line2D([], [], label="ideal", color="#777777", linestyle=":"))
    style.draw_legend(figure, handles)
    caption = f"{CAPTION} {threads.describe_runs(table)}"
    style.draw_caption(figure, caption if simulated.empty else f"{caption} {SIMULATED}")
    return figure


def name_curve(head: pd.Series) -> str:
    """The rule, and its level if it has one."""
    level = head["target_active_fraction"]
    return head["title"] if level == 1 else f"{head['title']}, {100 * level:g} %"


def draw_curve(axes: Axes, points: pd.DataFrame, measure: str) -> None:
    """The median over the number of threads, and the seeds' range as a bar."""
    points = points.sort_values("threads")
    look = style.look(points["curve"].iloc[0])
    axes.plot(points["threads"], points[f"{measure}_median"], **look, zorder=3, clip_on=False)
    axes.vlines(
        points["threads"],
        points[f"{measure}_low"],
        points[f"{measure}_high"],
        color=look["color"],
        linewidth=1,
        zorder=2,
    )


def draw_simulated(axes: Axes, table: pd.DataFrame) -> None:
    """Speed-up as simulated: hollow markers on dashed lines, on axes of their own."""
    counts = sorted(table["threads"].unique())
    for curve, points in table.groupby("curve"):
        look = style.look(curve) | {"markerfacecolor": "white", "linestyle": "--"}
        look["markeredgecolor"] = look["color"]
        axes.plot(points["threads"], points["speedup_median"], **look, clip_on=False)
    axes.plot(counts, counts, color="#777777", linestyle=":", zorder=1)
    axes.set_title("Simulated")
    axes.set_ylabel("Speed-up")
    axes.set_facecolor("#FBF8EF")
    # Sharing may cost more than a thread gains: speed-up has ticks below 1 too.
    ticks = ((axes.set_xscale, axes.xaxis, counts), (axes.set_yscale, axes.yaxis, SLOWER + counts))
    for scale, axis, places in ticks:
        scale("log", base=2)
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def scale_threads(axes: Axes, counts: list[int], cores: int) -> None:
    """A logarithmic axis of threads, with the place where cores end."""
    axes.set_xscale("log", base=2)
    low, high = min(counts) / 1.15, max(counts) * 1.15
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if cores <= high:
        axes.axvline(cores, color="#888888", linewidth=0.8, zorder=1)
        axes.axvspan(cores, high, color="#F4F4F4", linewidth=0, zorder=0)
        axes.annotate(
            f"{cores} cores",
            (cores, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, -2),
            textcoords="offset points",
            va="top",
            fontsize=6.5,
            color="#666666",
        )


if __name__ == "__main__":
    style.main(draw, __doc__)

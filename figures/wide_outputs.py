"""Precision of networks with very many outputs over samples and seconds of training."""

import style
import threads
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from pandas import DataFrame

DASHES = ("-", (0, (3, 1.5)), (0, (1, 1)))
CAPTION = (
    "Share of test samples whose first label is a true one, after training on so many samples "
    "(left) and after so many seconds of training, evaluation left out (right). Median over the "
    "seeds; bands from the lowest to the highest."
)


def draw(table: DataFrame) -> Figure:
    """A row for each data set and network: over samples by one thread, over seconds by each."""
    skipped = table[table["n"] == 0]
    table = table[table["n"] > 0].astype({"curve": int, "threads": int, "hidden": str})
    parts = list(table.groupby(["dataset", "hidden"], sort=False))
    figure, axes = style.create_panels(len(parts), 2, wide=1.5)
    counts = sorted(table["threads"].unique())
    for (left, right), (_, part) in zip(axes, parts, strict=True):
        for (_, count), points in part.groupby(["curve", "threads"]):
            if count == counts[0]:
                draw_curve(left, points, "samples_median", "-")
            draw_curve(right, points, "seconds_median", DASHES[counts.index(count) % len(DASHES)])
        left.xaxis.set_major_locator(MaxNLocator(5))
        left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        right.set_xscale("log")
        style.scale_powers(right.xaxis)
        for place in (left, right):
            place.set_ylim(bottom=0)
            place.set_title(threads.title_panel(part.iloc[0]), loc="left")
        left.set_ylabel("Precision at 1 (%)")
    axes[-1, 0].set_xlabel("Samples")
    axes[-1, 1].set_xlabel("Seconds of training")
    heads = table.drop_duplicates("label").sort_values("curve")
    handles = [
        Line2D([], [], label=head["title"], **style.look(head["curve"]))
        for _, head in heads.iterrows()
    ]
    if len(counts) > 1:
        handles += [
            Line2D([], [], label=threads.name_threads(count), color="#777777", linestyle=dash)
            for count, dash in zip(counts, DASHES, strict=False)
        ]
    style.draw_legend(figure, handles)
    told = f"{CAPTION} {describe_cost(table)}{style.describe_skipped(skipped)}"
    style.draw_caption(figure, f"{told} {threads.describe_runs(table)}")
    return figure


def draw_curve(axes: Axes, points: DataFrame, x: str, dashes: str | tuple) -> None:
    """One entry's precision with the seeds' band."""
    points = points.sort_values(x)
    look = style.look(points["curve"].iloc[0]) | {"linestyle": dashes}
    axes.plot(points[x], 100 * points["precision_at_1_median"], **look)
    low, high = points["precision_at_1_low"], points["precision_at_1_high"]
    style.draw_band(axes, points[x], 100 * low, 100 * high, look["color"])


def describe_cost(table: DataFrame) -> str:
    """Each entry's multiplications of a training sample, at the end."""
    last = table.loc[table.groupby("label", sort=False)["epoch"].idxmax()]
    costs = ", ".join(
        f"{head['title']} {head['training_multiplications_median']:,.0f}"
        + (" (all weights, in batches)" if head["counting"] == "dense" else "")
        for _, head in last.sort_values("curve").iterrows()
    )
    return f"Multiplications of a training sample: {costs}."


if __name__ == "__main__":
    style.main(draw, __doc__)

"""Microseconds of a sample over the width of two hidden layers: LSH, NN, PyTorch's fastest mode."""

import pandas as pd
import style
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

#: Curve of each system in `style.look`: those of LSH and NN, as in all figures, and further ones.
CURVES = {
    "LSH, 50 nodes": 4,
    "LSH 5 %": 5,
    "LSH 10 %, narrow shortlist": 7,
    "NN": 0,
    "PyTorch": 8,
}


def draw(table: pd.DataFrame) -> Figure:
    """Two panels: training and prediction."""
    figure, axes = style.create_panels(1, 2, wide=1.5)
    for place, task in zip(axes.flat, ("training", "prediction"), strict=True):
        points = table[table["task"] == task]
        for system, curve in points.groupby("system", sort=False):
            look = style.look(CURVES[system])
            curve = curve.sort_values("width")
            place.plot(curve["width"], curve["microseconds"], **look)
            style.draw_band(place, curve["width"], curve["lowest"], curve["highest"], look["color"])
        place.set_xscale("log")
        style.scale_log(place.yaxis, points["lowest"].min(), points["highest"].max())
        place.set_title(task.capitalize())
        place.set_xlabel("Nodes of each of two hidden layers")
        place.set_xticks(sorted(points["width"].unique()))
        place.xaxis.set_major_formatter(FuncFormatter(lambda width, _: f"{width:,.0f}"))
        place.xaxis.set_minor_locator(NullLocator())
    axes.flat[0].set_ylabel("Microseconds a sample")
    systems = table["system"].unique()
    style.draw_legend(
        figure, [Line2D([], [], label=system, **style.look(CURVES[system])) for system in systems]
    )
    style.draw_caption(figure, describe(table))
    return figure


def describe(table: pd.DataFrame) -> str:
    """What was measured, and how far LSH is ahead of PyTorch at both ends."""
    head = table.iloc[0]
    leads = []
    for task, points in table.groupby("task", sort=False):
        times = points.pivot(index="width", columns="system", values="microseconds")
        if "PyTorch" in times:
            lead = (times["PyTorch"] / times["LSH, 50 nodes"]).round(1)
            leads.append(
                f"{task} {lead.iloc[0]} times at {lead.index[0]:,} nodes, {lead.iloc[-1]} times at "
                f"{lead.index[-1]:,}"
            )
    faster = f" LSH with 50 nodes is faster than PyTorch by: {'; '.join(leads)}." if leads else ""
    return (
        f"{head['data']}, 784 inputs, 10 outputs, Adagrad, one thread, {head['processor']}. LSH "
        "and NN take one image at a time; PyTorch batches of 128, in its fastest mode (fused, "
        f"bf16, compiled).{faster} Median, lowest and highest of rounds in turns."
    )


if __name__ == "__main__":
    style.main(draw, __doc__)

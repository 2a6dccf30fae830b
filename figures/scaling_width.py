"""Multiplications and seconds of a sample over the width of one hidden layer."""

import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lsh_dl.runs.summary import NAMED_CURVES

TITLES = {
    "training_multiplications": ("Training", "Multiplications a sample"),
    "inference_multiplications": ("Inference", "Multiplications a sample"),
    "training_seconds": ("Training", "Seconds a sample"),
    "inference_seconds": ("Inference", "Seconds a sample"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Four panels: training and inference, multiplications above and seconds below."""
    figure, axes = style.create_panels(2, 2, wide=1.5)
    for place, (measure, (title, label)) in zip(axes.flat, TITLES.items(), strict=True):
        points = table[table["measure"] == measure]
        for rule, curve in points.groupby("rule", sort=False):
            draw_curve(place, curve.sort_values("width"), look_of(rule))
        place.set_xscale("log")
        place.set_yscale("log")
        for axis in (place.xaxis, place.yaxis):
            style.scale_powers(axis)
        place.set_title(title)
        place.set_ylabel(label)
    for place in axes[0]:
        place.set_xticklabels([])
    for place in axes[1]:
        place.set_xlabel("Nodes of the hidden layer")
    style.draw_legend(figure, list_handles(table))
    style.draw_caption(figure, describe(table))
    return figure


def look_of(rule: str) -> dict:
    """The rule's own look, as in all figures."""
    return style.look(NAMED_CURVES.index(rule))


def draw_curve(axes: Axes, points: pd.DataFrame, look: dict) -> None:
    """Solid where measured; dotted where computed, dashed with its interval where projected."""
    measured = points[points["kind"] == "measured"]
    axes.plot(measured["width"], measured["value"], **look, zorder=3)
    for kind, dashes in (("computed", ":"), ("projected", "--")):
        beyond = points[points["kind"] == kind]
        joined = pd.concat([measured.tail(1), beyond])
        hollow = look | {"linestyle": dashes, "markerfacecolor": "white"}
        hollow["markeredgecolor"] = look["color"]
        if len(beyond):
            axes.plot(joined["width"], joined["value"], markevery=slice(1, None), **hollow)
        axes.vlines(
            beyond["width"], beyond["low"], beyond["high"], color=look["color"], linewidth=1
        )


def list_handles(table: pd.DataFrame) -> list[Line2D]:
    """The rules, then what lines mean."""
    heads = table.drop_duplicates("rule")
    rules = [
        Line2D([], [], label=f"{head['title']}, measured", **look_of(head["rule"]))
        for _, head in heads.iterrows()
    ]
    dashes = {"computed": ":", "projected": "--"}
    kinds = table["kind"].unique()
    return rules + [
        Line2D([], [], label=kind, color="#777777", linestyle=dash)
        for kind, dash in dashes.items()
        if kind in kinds
    ]


def describe(table: pd.DataFrame) -> str:
    """What was done, the exponents, and the answer to the claim."""
    head = table.iloc[0]
    lsh = table[table["rule"] == "lsh"]
    measured = lsh[lsh["kind"] == "measured"]
    data = style.describe_data(head["dataset_title"], head["data_kind"])
    exponents = ", ".join(
        f"{TITLES[measure][0].lower()} {measure.split('_')[1]} {fit['exponent']:.2f} "
        f"({fit['exponent_low']:.2f} to {fit['exponent_high']:.2f})"
        for measure, fit in lsh.drop_duplicates("measure").set_index("measure").iterrows()
        if pd.notna(fit["exponent"])
    )
    widest = measured.loc[measured["width"].idxmax()]
    return (
        f"{data}, {head['inputs']} inputs, one hidden layer, real training, one thread. LSH was "
        f"measured at {measured['width'].nunique()} widths from {measured['width'].min():,} to "
        f"{widest['width']:,}, upkeep of its tables included (at most "
        f"{measured['upkeep_percent'].max():.0f} % of the seconds); NN where marked, and computed "
        f"beyond in proportion to the width. At {widest['width']:,} nodes LSH keeps "
        f"{widest['bytes_a_node']:,.0f} bytes a node, and its tables were built in "
        f"{widest['build_seconds']:.2g} s. Exponents of LSH over the width, least squares of "
        f"logarithms, 95 % intervals: {exponents}. At a billion nodes LSH is a projection of that "
        f"fit, not a measurement. {answer_claim(table)} One seed."
    )


def answer_claim(table: pd.DataFrame) -> str:
    """The sentence on "95 % at a thousand neurons, more than 99 % at a billion"."""
    lsh = table[table["rule"] == "lsh"].sort_values("width")
    work = lsh[lsh["measure"] == "training_multiplications"]
    seconds = lsh[lsh["measure"] == "training_seconds"].set_index("width")
    saved = [
        f"{percent(point['saved_percent_of_textbook'])} of the textbook's multiplications, "
        f"{percent(point['saved_percent'])} of NN's (which skips zeros) and "
        f"{percent(seconds.loc[point['width'], 'saved_percent'])} of its seconds at "
        f"{point['width']:,} nodes" + (" (projected)" if point["kind"] == "projected" else "")
        for _, point in work.iterrows()
        if point["kind"] == "projected" or point["width"] in measured_ends(work)
    ]
    return f"Saved in training: {'; '.join(saved)}."


def measured_ends(points: pd.DataFrame) -> tuple[int, int]:
    """The narrowest and the widest layer that was measured."""
    widths = points.loc[points["kind"] == "measured", "width"]
    return widths.min(), widths.max()


def percent(value: float) -> str:
    """Per cent, without rounding up to 100."""
    return "more than 99.99 %" if value > 99.99 else f"{value:.4g} %"


if __name__ == "__main__":
    style.main(draw, __doc__)

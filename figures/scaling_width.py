"""Multiplications and seconds of a sample over the width of one hidden layer."""

import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from lsh_dl.tables import NAMED_CURVES

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
            axis.set_major_locator(LogLocator(numticks=6))
            axis.set_minor_locator(NullLocator())
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
    return (
        f"{data}, {head['inputs']} inputs, one hidden layer, real training, one thread. LSH was "
        f"measured at {measured['width'].nunique()} widths from {measured['width'].min():,} to "
        f"{measured['width'].max():,}, upkeep of its tables included; NN where marked, and "
        "computed beyond in proportion to the width. Exponents of LSH over the width, least "
        f"squares of logarithms, 95 % intervals: {exponents}. At a billion nodes LSH is a "
        f"projection of that fit, not a measurement. {answer_claim(table)} One seed."
    )


def answer_claim(table: pd.DataFrame) -> str:
    """The sentence on "95 % at a thousand neurons, more than 99 % at a billion"."""
    lsh = table[table["rule"] == "lsh"].set_index("measure")

    def saved(measure: str, which) -> str:
        points = lsh.loc[[measure]].sort_values("width")
        percent = points["saved_percent"].iloc[which]
        return "more than 99.99 %" if percent > 99.99 else f"{percent:.4g} %"

    first, last = lsh["width"].min(), lsh[lsh["kind"] == "measured"]["width"].max()
    work, seconds = "training_multiplications", "training_seconds"
    beyond = len(lsh[lsh["kind"] == "projected"]) > 0
    text = (
        f"Saved of NN's training: {saved(work, 0)} of the multiplications and {saved(seconds, 0)} "
        f"of the seconds at {first:,} nodes, {saved(work, -2 if beyond else -1)} and "
        f"{saved(seconds, -2 if beyond else -1)} at {last:,}"
    )
    if not beyond:
        return f"{text}."
    return f"{text}, {saved(work, -1)} and {saved(seconds, -1)} projected to a billion."


if __name__ == "__main__":
    style.main(draw, __doc__)

"""Multiplications and seconds of a sample over the number of labels; recall of the best ones."""

import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

TITLES = {
    "training_multiplications": ("Training", "Multiplications a sample"),
    "inference_multiplications": ("Inference", "Multiplications a sample"),
    "training_seconds": ("Training", "Seconds a sample"),
    "inference_seconds": ("Inference", "Seconds a sample"),
}
RECALLS = {"recall_at_1": "Best label", "recall_at_5": "Five best labels"}


def draw(table: pd.DataFrame) -> Figure:
    """Costs above and in the middle, below the share of the best labels that is retrieved."""
    figure, axes = style.create_panels(3, 2, wide=1.5)
    for place, (measure, (title, label)) in zip(axes.flat, TITLES.items(), strict=False):
        draw_curves(place, table, measure, 1)
        place.set_yscale("log")
        style.scale_powers(place.yaxis)
        place.set_title(title)
        place.set_ylabel(label)
    for place, (measure, title) in zip(axes[2], RECALLS.items(), strict=True):
        draw_curves(place, table[table["rule"] == "lsh"], measure, 100)
        place.set_ylim(0, 102)
        place.set_title(f"{title} retrieved")
        place.set_ylabel("Of the test samples' (%)")
        place.set_xlabel("Labels")
    for place in axes.flat:
        place.set_xscale("log")
        place.set_xlim(table["labels"].min() / 1.5, table["labels"].max() * 1.5)
        style.scale_powers(place.xaxis)
    for place in axes[:2].flat:
        place.set_xticklabels([])
    heads = table.drop_duplicates("label").sort_values("curve")
    handles = [
        Line2D([], [], label=head["title"], **style.look(head["curve"]))
        for _, head in heads.iterrows()
    ]
    style.draw_legend(figure, handles)
    style.draw_caption(figure, describe(table))
    return figure


def draw_curves(axes: Axes, table: pd.DataFrame, measure: str, factor: float) -> None:
    """Each entry over the number of labels."""
    for _, points in table.groupby("curve"):
        points = points.sort_values("labels")
        look = style.look(points["curve"].iloc[0])
        axes.plot(points["labels"], factor * points[measure], **look)


def describe(table: pd.DataFrame) -> str:
    """What was done, and the exponents."""
    head = table.iloc[0]
    exponents = "; ".join(
        f"{entry['title']} "
        + ", ".join(
            f"{title.lower()} {measure.split('_')[1]} {entry[f'{measure}_exponent']:.2f} "
            f"({entry[f'{measure}_exponent_low']:.2f} to {entry[f'{measure}_exponent_high']:.2f})"
            for measure, (title, _) in TITLES.items()
        )
        for _, entry in table.drop_duplicates("label").iterrows()
        if pd.notna(entry["training_seconds_exponent"])
    )
    fitted = (
        f" Exponents over the number of labels, least squares of logarithms, 95 % intervals: "
        f"{exponents}."
        if exponents
        else ""
    )
    return (
        f"Generated samples of {head['features']:,} features, hidden layer of {head['hidden']}, "
        f"all of its nodes active, real training of at least {table['samples_trained'].min():,} "
        "samples, one thread, upkeep of tables included. Below: of the labels with the largest "
        f"outputs, those that the tables gave, 200 test samples.{fitted} One seed."
    )


if __name__ == "__main__":
    style.main(draw, __doc__)

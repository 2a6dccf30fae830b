"""Where a training sample's time goes, beside its multiplications: by stage, for each rule."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

CAPTION = (
    "Per cent: of NN's sum, the optimiser's arithmetic left out. That (a square, a root, a "
    "division a touched weight) is not counted elsewhere; its time lies in backward and update. "
    "WTA, AD and LSH compute pre-activations while they select: their forward is the output layer. "
    "Nanoseconds of the whole for each counted multiplication: {paces}. Measured in real training "
    "on one thread of {machine}, by a loop that reads a clock between the stages; medians of "
    "{rounds} epochs, black lines the range of the sum. Clocks included, its time differs by "
    "{longer} from that of the usual loop, which trained an equal network in turn."
)
#: Name and colour of each part, in the order of the bars.
PARTS = {
    "select": ("select and re-rank", "#C8553D"),
    "forward": ("forward", "#E9B44C"),
    "backward": ("backward and update", "#2A7F9E"),
    "maintain": ("upkeep of tables", "#7FB685"),
    "other": ("other", "#BBBBBB"),
    "optimiser": ("optimiser's arithmetic", "#A9CFDD"),
}
#: Factor and unit that each kind of cost is shown in.
KINDS = {"multiplications": (1e-3, "thousands"), "seconds": (1e6, "microseconds")}


def draw(table: pd.DataFrame) -> Figure:
    """A row for each data set and network: costs of a sample, and the stages' shares of them."""
    blocks = [block for _, block in table.groupby(["dataset", "hidden"], sort=False)]
    figure, axes = style.create_panels(len(blocks), 2 * len(KINDS))
    for panels, block in zip(axes, blocks, strict=True):
        for number, (kind, (factor, unit)) in enumerate(KINDS.items()):
            whole, shares = panels[number], panels[len(KINDS) + number]
            sums = ends = draw_bars(whole, block, kind, np.full(len(block), factor))
            low, high = (factor * block[f"{kind}_{end}"] for end in ("low", "high"))
            if kind == "seconds":
                whole.hlines(range(len(block)), low, high, color=style.INK, linewidth=0.8)
                ends = np.maximum(ends, high)
            note_percent(whole, block, kind, ends)
            draw_bars(shares, block, kind, 100 * factor / sums)
            shares.set_xlim(0, 100)
            if block is blocks[-1]:
                whole.set_xlabel(f"{unit} a sample")
                shares.set_xlabel("%")
        for panel in panels:
            panel.set_yticks(range(len(block)), [""] * len(block))
            panel.tick_params(axis="y", length=0)
            panel.grid(axis="y", visible=False)
            panel.set_ylim(len(block) - 0.4, -0.6)
        panels[0].set_yticklabels(block["title"])
        label_row(panels[0], block)
    for panel, kind in zip(axes[0], KINDS, strict=False):
        panel.set_title(f"{kind.capitalize()}, training")
    for panel, kind in zip(axes[0, len(KINDS) :], KINDS, strict=True):
        panel.set_title(f"Shares of {kind}")
    style.draw_legend(figure, [*list_handles(table)])
    style.draw_caption(figure, describe(table))
    return figure


def draw_bars(axes: Axes, block: pd.DataFrame, kind: str, factors: np.ndarray) -> np.ndarray:
    """A stacked bar for each rule, the costs times `factors`; returns where the bars end."""
    ends = np.zeros(len(block))
    for part, (_, color) in PARTS.items():
        if f"{part}_{kind}_median" in block:
            values = factors * block[f"{part}_{kind}_median"].to_numpy()
            axes.barh(range(len(block)), values, 0.66, left=ends, color=color, linewidth=0)
            ends = ends + values
    return ends


def note_percent(axes: Axes, block: pd.DataFrame, kind: str, ends: np.ndarray) -> None:
    """Behind each bar its sum in per cent of the standard network's, where that is there."""
    axes.set_xlim(0, 1.25 * max(ends))
    for reference in block.loc[block["rule"] == "standard", f"{kind}_median"].head(1):
        for y, (value, end) in enumerate(zip(block[f"{kind}_median"], ends, strict=True)):
            text = f" {100 * value / reference:.3g} %"
            axes.text(end, y, text, va="center", fontsize=6.5, color=style.INK)


def label_row(axes: Axes, block: pd.DataFrame) -> None:
    """Data set, network and level beside a row."""
    head = block.iloc[0]
    data = style.describe_data(head["dataset_title"], head["data_kind"])
    level = f"{100 * block['target_active_fraction'].min():g} % active"
    style.label_row(axes, f"{data}\n{style.describe_network(head['hidden'])}\n{level}")


def list_handles(table: pd.DataFrame) -> Iterator[Patch]:
    """The parts that some rule has."""
    for part, (name, color) in PARTS.items():
        names = [f"{part}_{kind}_median" for kind in KINDS]
        if table.filter(names).to_numpy().any():
            yield Patch(color=color, label=name, linewidth=0)


def describe(table: pd.DataFrame) -> str:
    """How it was measured, and why the two sides differ."""
    longer = 100 * (table["seconds_median"] / table["unclocked_seconds_median"] - 1)
    return CAPTION.format(
        machine=" or ".join(table["processor"].unique()),
        rounds=" or ".join(map(str, sorted(table["n"].unique()))),
        longer=f"{longer.min():+.1f} to {longer.max():+.1f} %",
        paces=", ".join(f"{row['title']} {pace:.2g}" for row, pace in find_paces(table)),
    )


def find_paces(table: pd.DataFrame) -> Iterator[tuple[pd.Series, float]]:
    """Of the first data set and network, each rule's nanoseconds a counted multiplication."""
    block = next(block for _, block in table.groupby(["dataset", "hidden"], sort=False))
    for _, row in block.iterrows():
        yield row, 1e9 * row["seconds_median"] / row["multiplications_median"]


if __name__ == "__main__":
    style.main(draw, __doc__)

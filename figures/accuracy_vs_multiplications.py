"""Test accuracy over the multiplications spent, in training and in inference, for all rules."""

import pandas as pd
import panels
import style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

CAPTION = (
    "All multiplications of a sample but the optimiser's: selecting, re-ranking, forward, "
    "backward, update and the upkeep of tables; 100 % is the textbook dense network. The standard "
    "network (NN) does less because it skips inputs that are zero; its accuracy is the dashed "
    "line. The shaded corner is the paper's claim: at most 5 % of the multiplications, at most "
    "1 point below NN."
)
CLAIM_WORK, CLAIM_LOSS = 5.0, 0.01
MEASURE = {"training": "training_percent", "inference": "inference_percent"}


def draw(table: pd.DataFrame) -> Figure:
    """A row of panels for training and one for inference, for each network."""
    grid = panels.Grid(table, tuple(MEASURE))
    grid.shows_standard = True
    medians = panels.finite(pd.concat([table[f"{measure}_median"] for measure in MEASURE.values()]))
    low, high = min(medians.min(), CLAIM_WORK), max(medians.max(), 100)
    for axes, variant, part in grid.panels():
        measure = MEASURE[variant]
        style.scale_log(axes.xaxis, low, high)
        standard = part[part["rule"] == "standard"]
        for accuracy in standard["test_accuracy_median"].head(1):
            start, bottom = axes.get_xlim()[0], max(accuracy - CLAIM_LOSS, axes.get_ylim()[0])
            corner = Rectangle(
                (start, bottom),
                CLAIM_WORK - start,
                axes.get_ylim()[1] - bottom,
                color="#F3E7C4",
                linewidth=0,
                zorder=0,
            )
            axes.add_patch(corner)
        panels.draw_level(axes, standard, measure)
        for _, points in part[part["rule"] != "standard"].groupby("curve"):
            panels.draw_curve(axes, points, measure)
    return grid.finish("Multiplications (% of dense)", CAPTION)


if __name__ == "__main__":
    style.main(draw, __doc__)

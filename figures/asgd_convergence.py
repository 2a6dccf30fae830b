"""Sparse training by several threads without locks: test accuracy by epoch, for each number.

The paper's figure 7, of LSH and any further sparse rule of the config.
"""

import numpy as np
import pandas as pd
import style
import threads
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

MARKERS = "os^Dv<>P"


def draw(table: pd.DataFrame) -> Figure:
    """The rule's colour, the lighter the more threads."""
    counts = sorted(table["threads"].unique())

    def look_of(points: pd.DataFrame) -> dict:
        head = points.iloc[0]
        number = counts.index(head["threads"])
        # From a dark to a light shade of the colour, so that the order of threads shows.
        share = 0.5 if len(counts) == 1 else number / (len(counts) - 1)
        color = np.array(to_rgb(style.look(head["curve"])["color"]))
        color = color * (0.45 + 0.55 * share) + np.array([0.35, 0.35, 0.3]) * share * 0.9
        words = threads.name_threads(head["threads"])
        return style.look(head["curve"]) | {
            "color": tuple(np.clip(color, 0, 1)),
            "marker": MARKERS[number % len(MARKERS)],
            "label": f"{head['title']}, {words}",
        }

    level = 100 * table["target_active_fraction"].min()
    return threads.draw_over_epochs(
        table,
        f"{level:g} % of the nodes active; all threads train one network at the same time, without "
        "locks.",
        look_of,
    )


if __name__ == "__main__":
    style.main(draw, __doc__)

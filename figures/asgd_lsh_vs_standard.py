"""Sparse and dense training by many threads without locks: test accuracy by epoch.

The paper's figure 8, with the most threads that were run.
"""

import pandas as pd
import style
import threads
from matplotlib.figure import Figure


def draw(table: pd.DataFrame) -> Figure:
    """A curve for each rule."""

    def look_of(points: pd.DataFrame) -> dict:
        head = points.iloc[0]
        level = 100 * head["target_active_fraction"]
        words = "all nodes" if level == 100 else f"{level:g} % of the nodes"
        return style.look(head["curve"]) | {"label": f"{head['title']}, {words}"}

    most = threads.name_threads(table["threads"].max())
    return threads.draw_over_epochs(
        table, f"Every curve: {most} train one network at the same time, without locks.", look_of
    )


if __name__ == "__main__":
    style.main(draw, __doc__)

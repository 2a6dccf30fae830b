"""The abstract's claim in both of its readings, as documents quote it from a reference.

`python -m lsh_dl.results.readings`, in the project's folder, puts verdicts and numbers of
figures/reference/readings between the two marks of its documents.
"""

from pathlib import Path

import pandas as pd

from lsh_dl.experiment.document import fill_in, rewrite
from lsh_dl.results.claims.table import describe_number, read_claims
from lsh_dl.results.html import draw_table

REFERENCE = Path("figures/reference/readings")
DOCUMENTS = ("README.md", "docs/claims.md")
#: Names of the claims, and how each reads the 5 % of the abstract.
READINGS = {
    "accuracy": "5 % of the nodes are active",
    "budget": "At most 5 % of the multiplications, in training and in inference",
}
AVERAGE = "average (95 % interval)"


def describe_readings(reference: Path) -> str:
    """A sentence for the verdict on each reading, and a table of all cells, as Markdown."""
    claims = read_claims(reference / "claims.csv")
    lines = [
        f"- {how}: **{rows['found'].iloc[0]}**; {rows['measured'].iloc[0]}."
        for how, rows in ((how, claims[claims["claim"] == name]) for name, how in READINGS.items())
    ]
    below = {
        name: claims[(claims["claim"] == name) & claims["measure"].str.contains("below NN")]
        for name in READINGS
    }
    places = below["accuracy"][["data", "network"]].drop_duplicates()
    accuracy = claims[(claims["claim"] == "accuracy") & (claims["measure"] == "NN, accuracy")]
    work = _work_of_nodes(claims), _work_of_budget(reference)
    rows = []
    for place in places.itertuples(index=False):
        is_average = place.data == "all"
        rows.append(
            [
                AVERAGE if is_average else f"{place.data}, {place.network}",
                _number(accuracy, place),
                *(
                    text
                    for table, costs in zip(below.values(), work, strict=True)
                    for text in (_number(table, place), costs.get(tuple(place), ""))
                ),
            ]
        )
    spent = "multiplications, training / inference, %"
    head = ["data, network", "NN, %", "5 % of the nodes: points below NN", spent]
    head += ["5 % of the multiplications: points below NN", spent]
    return "\n".join([*lines, "", *draw_table(head, rows)])


def _number(table: pd.DataFrame, place: tuple) -> str:
    cells = table[(table["data"] == place.data) & (table["network"] == place.network)]
    return describe_number(next(cells.itertuples()), "") if len(cells) else ""


def _work_of_nodes(claims: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Multiplications in training and in inference, by data and network."""
    cells = claims[claims["claim"] == "work"].pivot(
        index=["data", "network"], columns="measure", values="median"
    )
    return {place: _both(row["training"], row["inference"]) for place, row in cells.iterrows()}


def _work_of_budget(reference: Path) -> dict[tuple[str, str], str]:
    table = pd.read_csv(reference / "tables/budget.csv")
    return {
        (row.dataset_title, row.hidden): _both(
            row.training_percent_median, row.inference_percent_median
        )
        for row in table[table["label"] == "lsh"].itertuples()
    }


def _both(training: float, inference: float) -> str:
    return f"{training:.1f} / {inference:.1f}"


if __name__ == "__main__":
    for name in DOCUMENTS:
        rewrite(Path(name), lambda text: fill_in(text, describe_readings(REFERENCE)))

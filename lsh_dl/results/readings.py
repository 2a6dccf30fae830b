"""The claims as documents quote them from the reference runs, the abstract's in both readings.

`python -m lsh_dl.results.readings`, in the project's folder, puts verdicts and numbers of
figures/reference between the two marks of its documents.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from lsh_dl.experiment.document import fill_in, rewrite
from lsh_dl.results.claims.base import NOT_TESTED
from lsh_dl.results.claims.table import describe_number, read_claims
from lsh_dl.results.html import draw_table

REFERENCE = Path("figures/reference/main")
OTHERS = (REFERENCE, Path("figures/reference/default"))
"""Where the other claims are looked up: the first in which one was tested counts."""
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


def describe_others(references: Sequence[Path]) -> str:
    """A row a claim that is none of the readings, with the reference it is from, as Markdown."""
    tables = {reference: read_claims(reference / "claims.csv") for reference in references}
    claims = pd.concat(
        [table.assign(reference=reference) for reference, table in tables.items()]
    ).drop_duplicates(["claim", "reference"], ignore_index=True)
    rows = []
    for name, judged in claims.groupby("claim", sort=False):
        if name not in READINGS:
            # Where none has tested it, one that has numbers of it all the same.
            worth = judged["verdict"].ne(NOT_TESTED) * 2 + judged["median"].notna()
            head = judged.loc[worth.idxmax()]
            page = f"[{head['reference'].name}]({head['reference'].as_posix()}/claims.md)"
            rows.append((head["statement"], head["found"], head["measured"], page))
    return "\n".join(draw_table(("the paper", "verdict", "measured here", "from"), rows))


def describe_claims() -> str:
    """The readings and then all other claims, seen from the project's folder, as Markdown."""
    return f"{describe_readings(REFERENCE)}\n\n{describe_others(OTHERS)}"


#: What each document has between its marks.
DOCUMENTS: dict[str, Callable[[], str]] = {
    "README.md": describe_claims,
    "docs/claims.md": lambda: describe_readings(REFERENCE),
}


if __name__ == "__main__":
    for name, describe in DOCUMENTS.items():
        rewrite(Path(name), lambda text, describe=describe: fill_in(text, describe()))

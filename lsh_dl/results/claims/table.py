"""All claims judged: a CSV with a row a cell, and pages for people in Markdown and HTML."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import get_args

import pandas as pd

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import write_csv, written_whole
from lsh_dl.common.kinds import Kind
from lsh_dl.results.claims import accuracy, seconds, threads, wide, widths
from lsh_dl.results.claims.base import (
    DOES_NOT_HOLD,
    HOLDS,
    IN_PART,
    NOT_TESTED,
    VERDICT_RULE,
    Cell,
    Claim,
    Judgement,
    judge,
)
from lsh_dl.results.claims.baseline import describe_baseline
from lsh_dl.results.html import describe_kind, draw_table, render_page
from lsh_dl.runs.record import read_table_of_runs

CLAIMS: tuple[Claim, ...] = (
    *accuracy.CLAIMS,
    *threads.CLAIMS,
    *widths.CLAIMS,
    *wide.CLAIMS,
    *seconds.CLAIMS,
)

#: Columns of claims.csv that are true of the claim, in front of those of the cell: `found` is the
#: verdict with the cells and kinds of data that it is from, `measured` all cells in a few words.
ABOUT = ("number", "claim", "statement", "source", "rule", "verdict", "found", "measured")
TITLE = "The paper's claims, as measured here"
PAPER = (
    "Spring and Shrivastava, *Scalable and Sustainable Deep Learning via Randomized Hashing* "
    "(KDD 2017). NN is the standard network, VD vanilla dropout."
)
NUMBERS = (
    "Numbers are medians over n seeds with, in brackets, the lowest and the highest seed, or the "
    "interval that is named. Differences are between runs of the same seed, each in the epoch that "
    "was best on its validation data (or the last, where the config says so) unless said. A "
    "verdict on generated or stand-in data is about those, not the paper's data."
)


def write_claims(
    runs: Path | str,
    studies: Mapping[str, Sequence[str]],
    tables: Mapping[str, Path | str],
    csv: Path,
    markdown: Path,
    page: Path,
) -> None:
    """Judge all claims and write their table, as CSV and as pages in Markdown and HTML.

    Parameters
    ----------
    runs: the table of all runs (`lsh_dl.results.tables.write_runs`).
    studies: the ids of each study's runs.
    tables: the CSVs of `machine` and, if there, `scaling_width` and `energy`.
    """
    epochs = dict(list(read_table_of_runs(runs).groupby("run_id", sort=False)))
    rows = {
        study: pd.concat([epochs[run_id] for run_id in ids], ignore_index=True)
        for study, ids in studies.items()
        if ids
    }
    read = {name: pd.read_csv(path) for name, path in tables.items()}
    judgements = [judge_with_baseline(claim, rows | read) for claim in CLAIMS]
    text = describe_claims(judgements)
    write_csv(tabulate(judgements), csv)
    with written_whole(markdown) as file:
        file.write(text)
    with written_whole(page) as file:
        file.write(render_page(text))


def judge_with_baseline(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Judgement:
    """Judge a claim; what compares with the standard network shows how that one did."""
    judgement = judge(claim, tables)
    if not (claim.beside_standard and judgement.cells):
        return judgement
    cells, doubt = describe_baseline(tables)
    return judgement._replace(cells=[*judgement.cells, *cells], doubt=doubt)


def tabulate(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A row a cell; a claim without any has one row, with the reason."""
    rows = []
    for number, judgement in enumerate(judgements, 1):
        claim = judgement.claim
        about = (number, claim.name, claim.statement, claim.source, claim.rule, judgement.verdict)
        words = (describe_verdict(judgement), describe_cells(judgement))
        common = dict(zip(ABOUT, about + words, strict=True))
        after = {
            "reason": judgement.reason,
            "doubt": judgement.doubt,
            "files": " ".join(claim.files),
        }
        for cell in judgement.cells or [None]:
            values = cell._asdict() | {"runs": " ".join(cell.runs)} if cell else {}
            values["unit"] = values.get("unit") or claim.unit
            rows.append(common | values | after)
    columns = (*ABOUT, *Cell._fields, "reason", "doubt", "files")
    return pd.DataFrame(rows, columns=columns)


def read_claims(path: Path) -> pd.DataFrame:
    """The table that `write_claims` wrote.

    Raises
    ------
    UserError
        There is none, or it is another file.
    """
    remedy = "run `snakemake claims`, or give the folder of other results"
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no table of claims; {remedy}") from None
    except ValueError as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}; {remedy}") from None
    if not {*ABOUT, *Cell._fields} <= {*table.columns}:
        raise UserError(f"{path}: not a table of claims of this version; {remedy}")
    return table


def describe_claims(judgements: Sequence[Judgement]) -> str:
    """The page in Markdown: all claims in one table, then each with its rule and its cells."""
    verdicts = [judgement.verdict for judgement in judgements]
    counts = ", ".join(
        f"{verdict}: {verdicts.count(verdict)}"
        for verdict in (HOLDS, IN_PART, DOES_NOT_HOLD, NOT_TESTED)
        if verdict in verdicts
    )
    lines = [f"# {TITLE}", "", PAPER, "", f"{len(judgements)} claims; {counts}. {VERDICT_RULE}"]
    lines += ["", NUMBERS, ""]
    rows = [
        (number, j.claim.statement, describe_verdict(j), describe_cells(j), describe_data(j.cells))
        for number, j in enumerate(judgements, 1)
    ]
    lines += draw_table(("", "the paper", "verdict", "measured here", "data"), rows)
    for number, judgement in enumerate(judgements, 1):
        lines += ["", *describe_one(number, judgement)]
    return "\n".join(lines) + "\n"


def describe_one(number: int, judgement: Judgement) -> list[str]:
    """A claim's own section."""
    claim = judgement.claim
    files = ", ".join(f"`{file}`" for file in claim.files)
    lines = [
        f"## {number}. {claim.statement}",
        "",
        f"**{describe_verdict(judgement)}.** Where the paper says so: {claim.source}.",
        "",
        f"Rule: {claim.rule}",
        "",
    ]
    if judgement.reason:
        lines += [f"Not tested: {judgement.reason}.", ""]
    if judgement.doubt:
        lines += [f"To be read with care: {judgement.doubt}.", ""]
    if judgement.cells:
        words = {True: "yes", False: "no", None: "not judged"}
        rows = [
            (
                describe_kind(cell.data, cell.kind),
                cell.network,
                cell.measure,
                describe_number(cell, cell.unit or claim.unit, claim.zero),
                cell.n,
                words[cell.fulfilled],
            )
            for cell in judgement.cells
        ]
        lines += draw_table(("data", "network", "of", "measured", "n", "fulfils"), rows)
        lines += ["", f"From {files}."]
    return lines


def describe_verdict(judgement: Judgement) -> str:
    """The verdict, how many cells fulfil the rule, and on which kinds of data."""
    cells = judgement.judged
    if not cells:
        return judgement.verdict
    text = judgement.verdict
    if judgement.verdict == IN_PART:
        text += f" ({judgement.fulfilled} of {len(cells)})"
    kinds = {kind for cell in cells for kind in cell.kind.split(", ")}
    text += f", on {' and '.join(kind for kind in get_args(Kind) if kind in kinds)} data"
    return f"{text}; {judgement.doubt}" if judgement.doubt else text


def describe_cells(judgement: Judgement) -> str:
    """In a few words: each measure's number, or the range of its medians."""
    if not judgement.cells:
        return judgement.reason
    parts = []
    claim = judgement.claim
    shown = judgement.judged or judgement.cells
    for measure in dict.fromkeys(cell.measure for cell in shown):
        cells = [cell for cell in shown if cell.measure == measure]
        if len(cells) == 1:
            number = describe_number(cells[0], claim.unit, claim.zero)
        else:
            medians = [cell.median for cell in cells]
            ends = " to ".join(format_number(end) for end in (min(medians), max(medians)))
            words = f", 0 where {claim.zero}" if claim.zero and not all(medians) else ""
            number = f"{ends} {claim.unit}".rstrip() + f" (medians of {len(cells)}{words})"
        parts.append(f"{measure}: {number}")
    runs = " or ".join(map(str, sorted({cell.n for cell in shown})))
    text = f"{'; '.join(parts)}; n = {runs}"
    return f"{text}; {judgement.reason}" if judgement.reason else text


def describe_data(cells: Sequence[Cell]) -> str:
    """The data sets, and what is not real of them."""
    sets = dict.fromkeys((cell.data, cell.kind) for cell in cells if cell.data != "all")
    return ", ".join(describe_kind(*data) for data in sets)


def describe_number(cell: Cell, unit: str, zero: str = "") -> str:
    """`0.67 points (0.54 to 0.85)`, with no digit that the interval leaves open.

    A range so near to 100 % that only its distance from there tells anything is given by its worse
    end: `over 99.9999 %`. Without a range where there is none.
    """
    if zero and cell.low == cell.high == 0:
        return zero
    if cell.low == cell.high:
        return f"{format_number(cell.median)} {unit}".rstrip()
    if 99.9 < cell.low < 100:
        places = ceil(-log10(100 - cell.low)) - 1
        return f"over {floor(cell.low * 10**places) / 10**places:.{places}f} {unit}".rstrip()
    places = max(0, min(2, 1 - floor(log10(cell.high - cell.low))))
    low, median, high = (f"{value:.{places}f}" for value in (cell.low, cell.median, cell.high))
    return f"{median} {unit}".rstrip() + f" ({low} to {high})"


def format_number(value: float) -> str:
    """Two decimals; none where it is large, and near 100 % as many as tell it from that."""
    if 99.9 < value < 100:
        return f"{value:.{ceil(-log10(100 - value))}f}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"

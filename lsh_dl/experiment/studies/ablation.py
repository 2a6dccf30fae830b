"""Which of LSH's ingredients the result is owed to: variants of the rule beside references."""

from types import MappingProxyType

import pandas as pd
from pydantic import Field

from lsh_dl.experiment.entries import Entries, TitledRule
from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.summary import Rows, summarise


class AblationEntry(TitledRule):
    """One row of the figure: a rule with its settings."""

    group: str | None = Field(None, description="heading of the row's group in the figure")


def _group_points(study: "Ablation", rows: Rows) -> pd.DataFrame:
    """Points with the heading of each one's group; empty for one without."""
    points = summarise(rows.runs)
    groups = {label: entry.group or "" for label, entry in study.entries.items()}
    return points.assign(group=points["label"].map(groups))


class Ablation(RuleStudy):
    """Accuracy, selection and work of variants of a rule, at one level."""

    name = "ablation"
    tables = MappingProxyType({"ablation": Table(_group_points)})

    entries: Entries[AblationEntry] = Field(
        min_length=1,
        description="variants by label; a label of `rules` alone is that entry",
    )

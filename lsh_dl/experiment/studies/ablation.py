"""Which of LSH's ingredients the result is owed to: variants of the rule beside references."""

from pydantic import Field

from lsh_dl.experiment.entries import Entries, TitledRule
from lsh_dl.experiment.studies.base import Study


class AblationEntry(TitledRule):
    """One row of the figure: a rule with its settings."""

    group: str | None = Field(None, description="heading of the row's group in the figure")


class Ablation(Study):
    """Accuracy, selection and work of variants of a rule, at one level."""

    entries: Entries[AblationEntry] = Field(
        min_length=1,
        description="variants by label; a label of `rules` alone is that entry",
    )

    @property
    def groups(self) -> dict[str, str]:
        """The heading of each label's group; empty for one without."""
        return {label: entry.group or "" for label, entry in self.entries.items()}

"""The contract of a study: what an author of a new one reads.

A study is one class in its own file in this folder. It says its section of the config (its
fields), its runs, what is measured of them beside training, and its tables; for each figure there
are a script in `figures/` and a caption in `workflow/report/` too. The file's presence is all the
registration there is. docs/add_a_study.md makes one.

Everything heavy (lsh_dl.training, lsh_dl.measurements) is imported inside `measure`: reading a
config imports every file of this folder.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import pandas as pd
from pydantic import Field

from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError, suggest
from lsh_dl.common.validation import Model
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.entries import Distinct, Entries, Seeds, TitledRule, Widths
from lsh_dl.runs.spec import MOST_EPOCHS, Fraction, Name, Run
from lsh_dl.runs.summary import Rows
from lsh_dl.systems.base import System, require_several

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared
    from lsh_dl.experiment.comparison import Comparison

POINTS = (
    "The table that the figure of this name is drawn from: a row a point, with median, lowest and "
    "highest seed of each measure. Column ``data_kind`` says whether the data set is real, "
    "generated or a stand-in."
)


class Table(NamedTuple):
    """A table of a study: results/tables/<name>.csv.

    Attributes
    ----------
    make
        From the study (its section of the config) and the rows of its runs to the table.
    shows
        Whether it has a place for the rule of a name; rows of others, by their column `rule`, are
        left out. None: for every one.
    drawn
        Whether figures/<name>.py draws it, with the caption workflow/report/<name>.rst.
    about
        The table's own caption in the report, reStructuredText.
    reads
        Names of other tables that it is made of, those of them that there are; `runs` is always.
    """

    make: Callable[[Any, Rows], pd.DataFrame]
    shows: Callable[[str], bool] | None = None
    drawn: bool = True
    about: str = POINTS
    reads: tuple[str, ...] = ()

    def has_place_for(self, rule: str) -> bool:
        """Whether it shows runs of this rule."""
        return self.shows is None or self.shows(rule)


class Study(Model):
    """A study: runs of its own, with tables and figures of their own.

    Its fields are the keys of its section. The first paragraph of its docstring is its description
    in configs/README.md.

    Attributes
    ----------
    name
        Key of its section, and folder of what it measures.
    tables
        Its tables by name; a name is taken once in all studies.
    timed
        Whether seconds are what it is about: the workflow then runs nothing beside its runs.
    trained
        Whether its runs are trained, each to the CSV and JSON of a run, which studies may share. A
        study that is not trained has `measure`.
    whole
        Whether a part of its runs tells nothing: `only` then keeps all of them or none.
    reads_test
        Whether what it measures may read the test part of the data; False: it is not given to it.
    minutes
        What a cluster is asked for, for each run that is measured; None: by the run's size.
    """

    name: ClassVar[str]
    tables: ClassVar[Mapping[str, Table]]
    timed: ClassVar[bool] = False
    trained: ClassVar[bool] = True
    whole: ClassVar[bool] = False
    reads_test: ClassVar[bool] = True
    minutes: ClassVar[int | None] = None

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where the section does not fit the rest of the config."""

    @abstractmethod
    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """All of its runs, in the order in which tables have them."""

    def skipped(self, comparison: "Comparison") -> Mapping[str, str]:
        """The entries that cannot run here, by title, with the reason: for the log and tables."""
        return {}

    def pick_measured(self, runs: list[Run]) -> list[Run]:
        """Those of its runs that are measured: by default, all of a study that is not trained."""
        return [] if self.trained else runs

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Whatever the study is about, of one run: a job of its own.

        Linear algebra runs in one thread.

        Parameters
        ----------
        run
            All that decides the numbers; what a study varies besides stands in `conditions`.
        data
            The prepared data set of the run.

        Returns
        -------
        Rows, of any columns; `lsh_dl.training.run.describe_run` gives those that tell the run.
        """
        raise NotImplementedError

    def tabulate(self, name: str, rows: Rows) -> pd.DataFrame:
        """Its table called `name`, from the rows of its runs."""
        table = self.tables[name]
        made = table.make(self, rows)
        return made if table.shows is None else made[made["rule"].map(table.shows)]


class RuleStudy(Study):
    """A study of rules: data sets x entries x networks x seeds, at one level.

    A study that differs says so in its `expand_runs`.
    """

    datasets: Annotated[list[Name], Field(min_length=1), Distinct] | None = Field(
        None, description="labels of `datasets`; default: all"
    )
    networks: Annotated[list[Widths], Field(min_length=1), Distinct] | None = Field(
        None, description="widths of the hidden layers; default: the experiment's `networks`"
    )
    seeds: Seeds | None = Field(None, description="default: the experiment's `seeds`")
    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST_EPOCHS,
        description="passes over the training part; default: those of the data set",
    )
    active_fraction: Fraction = Field(0.05, description="level: wanted share of active nodes")
    entries: Entries[TitledRule] = Field(
        min_length=1,
        description="rules by label, with their settings; a label of `rules` alone is that entry",
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where a data set or an entry is none."""
        for label in self.datasets or ():
            if label not in comparison.datasets:
                known = suggest(label, comparison.datasets)
                raise UserError(f"{place}.datasets: no data set {label!r} in the config; {known}")
        for label, entry in self.entries.items():
            if label in comparison.rules and (entry.source or entry.title or entry.settings):
                raise UserError(
                    f"{place}.entries.{label}: `rules` has this label too; leave the entry empty "
                    "to use that one, or give it another label"
                )
        comparison.check_rules(self.resolve_entries(comparison), f"{place}.entries")

    def resolve_entries(self, comparison: "Comparison") -> dict[str, TitledRule]:
        """The entries; where one only names a label of `rules`, that one."""
        return {label: comparison.rules.get(label, entry) for label, entry in self.entries.items()}

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """All runs: data sets x entries x networks x seeds."""
        return comparison.cross_runs(**self.axes(comparison))

    def axes(self, comparison: "Comparison") -> dict[str, Any]:
        """The axes that all studies have, as `Comparison.cross_runs` takes them."""
        return {
            "datasets": self.datasets or comparison.datasets,
            "networks": self.networks or comparison.networks,
            "entries": self.resolve_entries(comparison),
            "active_fractions": [self.active_fraction],
            "seeds": self.seeds or comparison.seeds,
            "epochs": self.epochs,
        }


class SystemStudy(RuleStudy):
    """A study of rules and, beside them, other systems that train the dense network."""

    systems: Annotated[list[Name], Distinct] | None = Field(
        None, description="labels of `systems`; default: all"
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where an entry, a system or a data set does not fit."""
        super().check(comparison, place)
        for label in self.systems or ():
            if label not in comparison.systems:
                known = suggest(label, comparison.systems)
                raise UserError(f"{place}.systems: no system {label!r} in `systems`; {known}")
        for label in self.entries.keys() & comparison.systems.keys():
            raise UserError(f"{place}.entries.{label}: a label of `systems`; it belongs there")
        for dataset in self.datasets or comparison.datasets:
            source = comparison.datasets[dataset].source or dataset
            if not find("lsh_dl.data", DataSet, source).several_labels:
                continue
            for label in self._labels(comparison):
                name = comparison.systems[label].source or label
                try:
                    require_several(find("lsh_dl.systems", System, name))
                except UserError as error:
                    raise UserError(f"{place}.systems: data set {dataset}: {error}") from None

    def _labels(self, comparison: "Comparison") -> list[str]:
        return list(comparison.systems) if self.systems is None else self.systems

    def cross_runs(self, comparison: "Comparison", **axes: Any) -> list[Run]:
        """The product of the axes, of entries and then of the systems that can run here."""
        here = comparison.systems_here()
        chosen = {label: here[label] for label in self._labels(comparison) if label in here}
        axes = self.axes(comparison) | axes
        systems = comparison.cross_runs(**axes | {"entries": chosen}, systems=True)
        return comparison.cross_runs(**axes) + systems

    def skipped(self, comparison: "Comparison") -> Mapping[str, str]:
        """The systems that cannot run here, by title, with the reason."""
        reasons = comparison.skipped_systems()
        return {
            comparison.title_of_system(label): reasons[label]
            for label in self._labels(comparison)
            if label in reasons
        }

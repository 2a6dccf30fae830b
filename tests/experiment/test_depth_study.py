"""The section `accuracy_vs_depth`: its runs, its table, and mistakes in it."""

import numpy as np
import pandas as pd
import pytest
from networks import make_prepared

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.store import ArraySamples
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_studies
from lsh_dl.runs.summary import Rows, compare_with_standard, mark_reported

ENTRIES = {
    "standard": None,
    "wide": {"source": "lsh", "active_fraction": 0.5, "learning_rate": 0.02},
    "lsh": {"preset": "default"},
}


@pytest.fixture
def raw(raw_config):
    """One to three layers of six, a rule at two operating points."""
    rules = {"standard": None}
    section = {
        "networks": [[6], [6, 6], [6, 6, 6]],
        "datasets": ["digits"],
        "seeds": [1, 2],
        "epochs": 1,
        "active_fraction": 0.25,
        "entries": ENTRIES,
    }
    return raw_config | {"rules": rules, "accuracy_vs_depth": section}


@pytest.fixture
def data():
    """A few random images of two classes."""
    generator = np.random.default_rng(0)

    def part(samples):
        x = generator.integers(0, 256, (samples, 24)).astype(np.uint8)
        return ArraySamples(x, generator.integers(0, 2, samples).astype(np.int32))

    return make_prepared(part(60), part(20), part(20), 24, 2, 1 / 255)


def expand(raw):
    return expand_studies(check_config(raw))["accuracy_vs_depth"]


def test_every_entry_has_its_level_at_every_depth(raw):
    runs = expand(raw)
    levels = {"standard": 1.0, "wide": 0.5, "lsh": 0.25}
    assert {(run.label, len(run.hidden), run.active_fraction, run.seed) for run in runs} == {
        (label, depth, levels[label], seed)
        for label in levels
        for depth in (1, 2, 3)
        for seed in (1, 2)
    }
    assert len(runs) == 18
    # A level is no setting of the rule.
    wide = next(run for run in runs if run.label == "wide")
    assert wide.settings == {}
    assert wide.training.learning_rate == 0.02


def test_a_label_of_rules_may_have_a_level_here(raw):
    raw["rules"]["lsh"] = {"K": 4}
    raw["accuracy_vs_depth"]["entries"] = {"lsh": {"active_fraction": 0.5}}
    run = expand(raw)[0]
    assert (run.settings, run.active_fraction) == ({"K": 4}, 0.5)


def test_networks_are_one_to_seven_layers_of_a_thousand(raw):
    del raw["accuracy_vs_depth"]["networks"]
    assert {run.hidden for run in expand(raw)} == {(1000,) * depth for depth in range(1, 8)}


def test_networks_of_several_widths_are_refused(raw):
    raw["accuracy_vs_depth"]["networks"] = [[6], [8, 8]]
    with pytest.raises(UserError, match=r"accuracy_vs_depth\.networks: 1x6, 2x8: .* one width"):
        check_config(raw)


@pytest.mark.parametrize("level", [0, 1.5, "many"])
def test_a_level_that_is_none_is_refused(raw, level):
    raw["accuracy_vs_depth"]["entries"] = {"wide": {"source": "lsh", "active_fraction": level}}
    with pytest.raises(UserError, match="active_fraction"):
        check_config(raw)


def test_table_has_a_row_for_each_entry_and_depth(raw, data):
    from lsh_dl.training.run import train_run

    experiment = check_config(raw)
    rows = [row for run in expand(raw) for row in train_run(run, data)]
    marked = mark_reported(compare_with_standard(pd.DataFrame(rows)))
    study = experiment.studies["accuracy_vs_depth"]
    table = study.tabulate("accuracy_vs_depth", Rows(marked, None))
    assert list(zip(table["label"], table["hidden_layers"], strict=True)) == [
        (label, depth) for label in ENTRIES for depth in (1, 2, 3)
    ]
    assert (table["n"] == 2).all()
    work = table.set_index(["label", "hidden_layers"])["inference_percent_median"]
    assert (work > 0).all()

"""Sections of studies: what they expand to, and mistakes in them."""

import importlib
import inspect
from typing import get_args

import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import Experiment, check_config
from lsh_dl.experiment.expand import (
    COMPARISON,
    expand_runs,
    expand_studies,
    split_studies,
    timed_runs,
)


@pytest.fixture
def raw(raw_config):
    """A config with an ablation of one entry of its own and one shared with the comparison."""
    entries = {"wta": {"group": "References"}, "all": {"source": "standard"}}
    return raw_config | {"ablation": {"active_fraction": 0.25, "entries": entries}}


def ids(runs):
    return {run.id for run in runs}


def test_studies_are_optional(raw_config):
    assert set(expand_studies(check_config(raw_config))) == {COMPARISON}


def test_ablation_is_the_product_of_its_axes(raw):
    raw["ablation"] |= {"networks": [[6]], "seeds": [4, 5, 6], "datasets": ["digits"]}
    runs = expand_studies(check_config(raw))["ablation"]
    assert ids(runs) == {
        f"digits_{entry}_1x6_{level}pct_seed{seed}"
        for entry, level in (("wta", 25), ("all", 100))
        for seed in (4, 5, 6)
    }


def test_defaults_are_those_of_the_experiment(raw):
    studies = expand_studies(check_config(raw))
    assert len(studies["ablation"]) == 2 * 2 * 2  # entries, networks, seeds
    assert {run.training.epochs for run in studies["ablation"]} == {2}


def test_shared_run_exists_once(raw):
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    shared = ids(studies[COMPARISON]) & ids(studies["ablation"])
    assert shared == {run.id for run in studies["ablation"] if run.label == "wta"}
    runs = expand_runs(experiment)
    assert len(runs) == len(ids(runs)) == len(ids(studies[COMPARISON]) | ids(studies["ablation"]))


def test_own_epochs_make_own_runs(raw):
    raw["ablation"]["epochs"] = 9
    studies = expand_studies(check_config(raw))
    assert not ids(studies[COMPARISON]) & ids(studies["ablation"])
    assert all(id.endswith("_9epochs") for id in ids(studies["ablation"]))
    assert {run.training.epochs for run in studies["ablation"]} == {9}
    assert {run.training.epochs for run in studies[COMPARISON]} == {2}


def test_same_epochs_are_no_difference(raw):
    plain = expand_runs(check_config(raw))
    raw["ablation"]["epochs"] = 2
    assert expand_runs(check_config(raw)) == plain


def test_entry_with_the_label_of_a_rule_is_that_rule(raw):
    raw["rules"]["dropout"] = {"inference": "sampled", "title": "drawn"}
    raw["ablation"]["entries"]["dropout"] = None
    runs = expand_studies(check_config(raw))["ablation"]
    (settings, title), *others = [
        (run.settings, run.title) for run in runs if run.label == "dropout"
    ]
    assert settings == {"inference": "sampled"}
    assert title == "drawn"
    assert others == [(settings, title)] * 3


MISTAKES = {
    "unknown key": ({"epoch": 3}, r"ablation\.epoch: unknown key; did you mean 'epochs'\?"),
    "unknown data set": ({"datasets": ["digit"]}, r"ablation\.datasets: .*did you mean 'digits'"),
    "no entries": ({"entries": {}}, r"ablation\.entries: .*at least 1"),
    "other meaning of a label": (
        {"entries": {"wta": {"source": "standard"}}},
        r"ablation\.entries\.wta: `rules` has this label too; .*another label$",
    ),
    "unknown rule": ({"entries": {"wat": None}}, r"ablation\.entries\.wat: .*did you mean 'wta'"),
    "unknown setting": (
        {"entries": {"x": {"source": "lsh", "Q": 1}}},
        r"ablation\.entries\.x\.Q: unknown key",
    ),
    "level in per cent": ({"active_fraction": 5}, r"ablation\.active_fraction: .*got 5"),
}


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_line_that_names_it(raw, change, message):
    raw["ablation"] |= change
    with pytest.raises(UserError, match=message) as caught:
        check_config(raw, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert "\n" not in str(caught.value)


def test_asynchronous_runs_differ_in_their_threads(raw_config):
    raw_config["asynchronous"] = {"entries": {"wta": None}, "seeds": [1], "networks": [[8]]}
    raw_config["asynchronous"] |= {"threads": [1, 3], "active_fraction": 0.25}
    studies = expand_studies(check_config(raw_config))
    name = "digits_wta_1x8_25pct_seed1"
    assert [run.id for run in studies["asynchronous"]] == [name, f"{name}_3threads"]
    assert studies["asynchronous"][0] in studies[COMPARISON]


def test_runs_with_threads_are_timed(raw):
    raw["asynchronous"] = {"entries": {"wta": None}, "seeds": [1], "networks": [[8]]}
    raw["asynchronous"] |= {"threads": [1, 3], "active_fraction": 0.25}
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    assert timed_runs(experiment, studies) == ids(studies["asynchronous"])
    assert timed_runs(experiment, {COMPARISON: studies[COMPARISON]}) == set()


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        ([2, 4], "threads: 1 is missing, which speed-up compares with; add it"),
        ([0, 1], "threads.*0"),
        ([1, 1], "threads: 1 is given twice"),
        ([], "threads: .*at least 1"),
    ],
)
def test_threads_without_sense_are_refused(raw_config, threads, message):
    raw_config["asynchronous"] = {"entries": {"wta": None}, "threads": threads}
    with pytest.raises(UserError, match=message):
        check_config(raw_config)


def test_measured_runs_are_no_trained_ones(raw):
    trained = expand_runs(check_config(raw))
    raw["selection_quality"] = {"active_fraction": 0.25, "seeds": [1]}
    # Of the same name as a run of the comparison, with another meaning: its files are others.
    raw["selection_quality"] |= {"networks": [[8]], "entries": {"x": {"source": "wta"}}}
    raw["ablation"]["entries"]["x"] = {"source": "standard"}
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    assert [run.id for run in studies["selection_quality"]] == ["digits_x_1x8_25pct_seed1"]
    assert split_studies(experiment, studies)[1].keys() == {"selection_quality"}
    assert {run.label for run in expand_runs(experiment)} == {run.label for run in trained} | {"x"}
    assert studies["selection_quality"][0] not in expand_runs(experiment)


def test_every_measured_study_has_its_module():
    fields = Experiment.model_fields.items()
    options = [(name, kind) for name, field in fields for kind in get_args(field.annotation)]
    measured = [name for name, kind in options if getattr(kind, "measured", False)]
    assert "selection_quality" in measured
    for name in measured:
        parameters = inspect.signature(
            importlib.import_module(f"lsh_dl.measurements.{name}").measure_run
        )
        assert list(parameters.parameters) == ["run", "data_folder", "path"]

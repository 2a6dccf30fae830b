"""Parts of an experiment."""

import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_runs, expand_studies


@pytest.fixture
def select(raw_config):
    """The ids of the runs that an `only` leaves."""
    raw = raw_config | {"rules": {"standard": None, "narrow": {"source": "wta"}, "lsh": None}}
    raw |= {"datasets": {"digits": None, "few": {"source": "digits", "train": 100}}}
    raw |= {"ablation": {"entries": {"lsh": None}, "datasets": ["digits"]}}
    return lambda only: expand_studies(check_config(raw | {"only": only}))


def ids(studies):
    return {run.id for runs in studies.values() for run in runs}


def test_every_key_has_to_fit(select):
    everything = ids(select(None))
    assert len(everything) == 2 * 2 * 2 * 5 + 4  # the ablation has a level of its own
    kept = ids(select("dataset=few rule=lsh,standard"))
    assert kept == {name for name in everything if name.startswith(("few_lsh_", "few_standard_"))}
    assert ids(select("seed=2 network=1x8")) == {
        name for name in everything if "_1x8_" in name and name.endswith("seed2")
    }


def test_sparse_levels_first(select):
    kept = ids(select("level=0.25,1 rule=standard,lsh seed=1 dataset=few network=1x8"))
    assert kept == {"few_standard_1x8_100pct_seed1", "few_lsh_1x8_25pct_seed1"}


def test_rule_is_named_by_its_label_or_its_class(select):
    assert ids(select("rule=narrow")) == ids(select("rule=wta")) != set()


def test_study_without_a_run_is_left_out(select):
    assert set(select("dataset=digits rule=lsh")) == {"comparison", "ablation"}
    assert set(select("dataset=few")) == {"comparison"}


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ("dataset=digit", "only: no dataset 'digit' in the config; did you mean 'digits'?"),
        ("rule=lsh,vd", "only: no rule 'vd' in the config; known: lsh, narrow, standard, wta"),
        ("data=digits", "only: unknown key 'data'; did you mean 'dataset'?"),
        ("lsh", "only: 'lsh': give key=value"),
        ("rule=", "only: 'rule=': give key=value"),
        (" ", "only: empty"),
    ],
)
def test_mistakes(select, only, message):
    with pytest.raises(UserError) as caught:
        select(only)
    assert str(caught.value).startswith(message)


def test_nothing_left(raw_config):
    raw = raw_config | {"rules": {"wta": None, "lsh": {"active_fractions": [0.5]}}}
    raw |= {"ablation": {"entries": {"odd": {"source": "lsh"}}, "networks": [[3]]}}
    with pytest.raises(UserError, match="only: no run has all of 'rule=wta network=1x3'"):
        expand_runs(check_config(raw | {"only": "rule=wta network=1x3"}))


def test_fewer_seeds_at_single_levels(raw_config):
    runs = expand_runs(check_config(raw_config | {"seeds_by_level": {0.5: [7], 1.0: [1, 2, 3]}}))
    seeds = {(run.label, run.active_fraction): set() for run in runs}
    for run in runs:
        seeds[run.label, run.active_fraction].add(run.seed)
    assert seeds == {("standard", 1.0): {1, 2, 3}, ("wta", 0.25): {1, 2}, ("wta", 0.5): {7}}

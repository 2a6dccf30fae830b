import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.runs.spec import Run, describe_widths

WIDTHS = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(tuple)


def test_runs_are_the_product_of_the_axes(raw_config):
    runs = expand_runs(check_config(raw_config))
    # Two networks, two seeds; NN without levels, WTA with two.
    assert len(runs) == 2 * 2 * (1 + 2)
    assert {run.active_fraction for run in runs if run.rule == "standard"} == {1.0}
    assert len({run.id for run in runs}) == len(runs)


def test_ids_can_be_read(raw_config):
    ids = {run.id for run in expand_runs(check_config(raw_config))}
    assert "digits_wta_1x8_25pct_seed1" in ids
    assert "digits_standard_8-4_100pct_seed2" in ids


def test_rule_may_have_levels_of_its_own(raw_config):
    raw_config["rules"]["wta"] = {"active_fractions": [0.1]}
    runs = expand_runs(check_config(raw_config))
    assert {run.active_fraction for run in runs if run.rule == "wta"} == {0.1}


def test_rule_may_have_a_learning_rate_of_its_own(raw_config):
    raw_config["rules"]["wta"] = {"learning_rate": 0.05}
    raw_config["datasets"]["digits"]["training"] = {"learning_rate": 0.02}
    rates = {run.rule: run.training.learning_rate for run in expand_runs(check_config(raw_config))}
    assert rates == {"standard": 0.02, "wta": 0.05}


def test_second_entry_of_a_rule_has_a_title_of_its_own(raw_config):
    raw_config["rules"]["wide"] = {"source": "wta"}
    titles = {run.label: run.title for run in expand_runs(check_config(raw_config))}
    assert titles["wide"] == "WTA (wide)"
    assert titles["wta"] == "WTA"


def test_title_can_be_given(raw_config):
    raw_config["rules"]["wta"] = {"title": "k winners"}
    assert {run.title for run in expand_runs(check_config(raw_config))} == {"NN", "k winners"}


def test_runs_that_would_share_files_are_refused(raw_config):
    raw_config["datasets"] = {"digits": {}, "digits_a": {"source": "digits"}}
    raw_config["rules"] = {"a_wta": {"source": "wta"}, "wta": {}}
    with pytest.raises(UserError, match="two runs are called digits_a_wta_"):
        expand_runs(check_config(raw_config))


def test_run_survives_json(raw_config):
    for run in expand_runs(check_config(raw_config)):
        assert Run.model_validate_json(run.model_dump_json()) == run


@given(WIDTHS, WIDTHS)
def test_widths_are_told_apart(one, other):
    assert (describe_widths(one) == describe_widths(other)) == (one == other)

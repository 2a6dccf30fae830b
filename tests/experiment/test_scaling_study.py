"""The section `scaling`: its runs, and mistakes in it."""

import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.studies.scaling import MOST_BITS, Scaling, bits_for


def describe_experiment():
    """What `Scaling` asks of an experiment: its data sets."""
    return type("Experiment", (), {"datasets": {"digits": None}})()


def test_active_nodes_stay_and_bits_grow():
    section = Scaling(widths=[1000, 100_000, 10_000], standard_up_to=10_000)
    runs = section.expand_runs(describe_experiment())
    lsh = [run for run in runs if run.rule == "lsh"]
    assert [run.hidden[0] for run in lsh] == [1000, 10_000, 100_000]
    assert [round(run.active_fraction * run.hidden[0]) for run in lsh] == [50] * 3
    assert [run.settings["K"] for run in lsh] == [8, 11, 15]
    assert [run.hidden[0] for run in runs if run.rule == "standard"] == [1000, 10_000]
    assert bits_for(10**9) == MOST_BITS


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"dataset": "mnist"}, "no data set 'mnist'"),
        ({"standard_up_to": 500}, "give at least 1000"),
    ],
)
def test_a_section_that_does_not_fit_is_refused(section, message):
    with pytest.raises(UserError, match=message):
        Scaling(**section).check(describe_experiment(), "my.yaml: scaling")

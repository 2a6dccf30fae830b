"""Costs over the width of a layer, measured."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.studies.scaling import Scaling
from lsh_dl.measurements import scaling
from lsh_dl.measurements.energy import EnergyCounter
from lsh_dl.runs import scaling as scaling_table
from lsh_dl.runs.spec import Training

WIDTHS = [200, 300, 400, 600, 800]
STAGES = ("select", "rerank", "forward", "backward", "update", "maintain", "optimiser")


def describe_experiment():
    """What `Scaling` asks of an experiment: its data sets."""
    return type("Experiment", (), {"datasets": {"digits": None}})()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Rows of real, short measurements on the digits stand-in."""
    folder = tmp_path_factory.mktemp("scaling") / "digits"
    prepare("digits", {"source": "digits", "train": 300, "validation": 0, "test": 100}, folder)
    section = Scaling(
        widths=WIDTHS, active_nodes=20, standard_up_to=400, training=Training(adagrad=False)
    )
    shorter = pytest.MonkeyPatch()
    with shorter.context() as patch:
        for name, number in {"WARMED": 300, "SAMPLES": 100, "ROUNDS": 3}.items():
            patch.setattr(scaling, name, number)
        data = open_prepared(folder)
        rows = [
            scaling.measure_width(run, data) for run in section.expand_runs(describe_experiment())
        ]
    return pd.DataFrame(rows)


def test_measured_rows_hold_what_they_say(measured):
    lsh = measured[measured["rule"] == "lsh"]
    assert list(lsh["width"]) == WIDTHS
    assert lsh["active_nodes"].between(15, 20).all()
    np.testing.assert_allclose(
        measured["training_multiplications"],
        measured[[f"training_{stage}" for stage in STAGES[:-1]]].sum(axis=1),
    )
    assert (lsh["training_maintain"] > 0).all()
    assert (lsh["bytes_tables"] > 0).all()
    standard = measured[measured["rule"] == "standard"]
    assert (standard["bytes_tables"] == 0).all()
    assert (standard["upkeep_seconds"] == 0).all()
    # Weights of 784 inputs and a bias, and of 10 classes, rows padded to whole blocks.
    assert (measured["bytes_weights"] >= 4 * (785 + 10) * measured["width"]).all()
    assert (measured["bytes_optimiser"] == 0).all()
    # Less than the textbook's: inputs that are zero are skipped.
    assert (
        standard["training_multiplications"] < standard["textbook_training_multiplications"]
    ).all()


def test_work_of_lsh_grows_slower_than_the_standard_networks(measured):
    table = scaling_table.tabulate_points(measured)
    work = table[table["measure"] == "inference_multiplications"]
    exponents = work.drop_duplicates("rule").set_index("rule")["exponent"]
    assert exponents["lsh"] < 0.7


def test_a_refresh_counts_as_often_as_it_is_due():
    class Rule:
        def refresh_interval(self, seen, network):
            return 100 if seen < 1000 else 5900

    class Model:
        rule, network = Rule(), None

    # Ten in the first thousand, ten in the following 59,000.
    assert scaling.average_interval(Model()) == pytest.approx(60_000 / 20)
    Model.rule.refresh_interval = lambda seen, network: 200_000  # one, beyond what is trained
    assert scaling.average_interval(Model()) == 200_000
    Model.rule.refresh_interval = lambda seen, network: None if seen else 500  # frozen after one
    assert scaling.average_interval(Model()) == 60_000


def test_counters_of_energy_are_read_and_may_start_again(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "max_energy_range_uj").write_text("1000000\n")
    (zone / "energy_uj").write_text("900000\n")
    with EnergyCounter(tmp_path) as counter:
        (zone / "energy_uj").write_text("400000\n")
    assert counter.joules == pytest.approx(0.5)
    with EnergyCounter(tmp_path / "none") as counter:
        pass
    assert counter.joules is None
    assert "no RAPL counter" in counter.reason

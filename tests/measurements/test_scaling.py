"""Costs over the width of a layer: runs, measuring, tables, what the figure says."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.studies.scaling import MOST_BITS, Scaling, bits_for
from lsh_dl.measurements import scaling
from lsh_dl.measurements.energy import EnergyCounter
from lsh_dl.runs import scaling as scaling_table
from lsh_dl.runs.energy import estimate_energy
from lsh_dl.runs.spec import Training

WIDTHS = [200, 300, 400, 600, 800]
STAGES = ("select", "rerank", "forward", "backward", "update", "maintain", "optimiser")


def describe_experiment():
    """What `Scaling` asks of an experiment: its data sets."""
    return type("Experiment", (), {"datasets": {"digits": None}})()


def row(rule, width, work, seconds, **others):
    """A row as `measure_width` writes it, of a network of 10 inputs without output."""
    return {
        "run_id": f"{rule}{width}",
        "dataset_title": "digits",
        "data_kind": "stand-in",
        "rule": rule,
        "title": rule,
        "inputs": 10,
        "width": width,
        "training_multiplications": work,
        "inference_multiplications": work / 2,
        "textbook_training_multiplications": 20.0 * width,
        "textbook_inference_multiplications": 10.0 * width,
        **{f"training_{stage}": work / 5 for stage in STAGES},
        "training_seconds": seconds,
        "inference_seconds": seconds / 2,
        "upkeep_seconds": seconds / 10,
        "build_seconds": 1.0,
        "joules": None,
        "joules_absent": "no counter",
        "bytes_weights": 40 * width,
        "bytes_optimiser": 0,
        "bytes_tables": 8 * width,
    } | others


def power_law_rows(exponent=0.5):
    """LSH by an exact power law at five widths, the standard network at two of them."""
    widths = (100, 300, 1000, 3000, 10_000)
    lsh = [row("lsh", w, 100 * w**exponent, 1e-6 * w**exponent) for w in widths]
    standard = [row("standard", w, 10.0 * w, 1e-7 * w) for w in (100, 1000)]
    return pd.DataFrame(lsh + standard)


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


def test_an_exact_power_law_is_found_again():
    widths, values = pd.Series([10.0**i for i in range(1, 6)]), pd.Series([0.5, 1, 2, 4, 8])
    fit = scaling_table.fit_power_law(widths, values)
    assert fit.exponent == pytest.approx(np.log10(2))
    value, low, high = fit.at(1_000_000)
    assert value == pytest.approx(16)
    assert low <= value <= high
    assert scaling_table.fit_power_law(widths[:4], values[:4]) is None


def test_a_noisy_power_law_has_its_exponent_in_the_interval():
    widths = pd.Series([100, 300, 1000, 3000, 10_000])
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, len(widths)))
    fit = scaling_table.fit_power_law(widths, 3 * widths**0.4 * noise)
    assert fit.low < 0.4 < fit.high


def test_points_say_how_they_came_about():
    table = scaling_table.tabulate_points(power_law_rows())
    work = table[table["measure"] == "training_multiplications"].set_index(["rule", "width"])
    assert dict(work.loc["standard", "kind"]) == {
        100: "measured",
        300: "computed",
        1000: "measured",
        3000: "computed",
        10_000: "computed",
        10**9: "computed",
    }
    assert work.loc[("standard", 10_000), "value"] == pytest.approx(100_000)
    assert work.loc[("lsh", 10**9), "kind"] == "projected"
    assert work.loc[("lsh", 10**9), "value"] == pytest.approx(100 * 10**4.5)
    at_thousand = work.loc[("lsh", 1000)]
    assert at_thousand["saved_percent"] == pytest.approx(100 * (1 - 1000**0.5 / 100))
    assert at_thousand["saved_percent_of_textbook"] == pytest.approx(
        100 * (1 - 100 * 1000**0.5 / 20_000)
    )
    assert at_thousand["upkeep_percent"] == pytest.approx(10)
    assert at_thousand["bytes_a_node"] == pytest.approx(48)
    assert np.isnan(work.loc[("lsh", 10**9), "upkeep_percent"])
    seconds = table[table["measure"] == "training_seconds"]
    assert seconds["saved_percent_of_textbook"].isna().all()


def test_energy_is_an_estimate_of_operations_and_accesses():
    rows = pd.DataFrame([row("lsh", 100, 50.0, 1e-6), row("standard", 100, 500.0, 1e-6)])
    energy = estimate_energy(rows).set_index("rule")
    assert energy.loc["lsh", "estimated_saved_percent"] == pytest.approx(90)
    # 10 multiplications in each of 7 stages; sums in 6; accesses in 5 once, in the update twice.
    arithmetic = 70 * 3.7 + 60 * 0.9
    assert energy.loc["lsh", "estimated_arithmetic_microjoules"] == pytest.approx(arithmetic / 1e6)
    assert energy.loc["lsh", "estimated_memory_microjoules"] == pytest.approx(70 * 10 / 1e6)
    assert energy["measured_microjoules"].isna().all()
    assert (energy["not_measured_because"] == "no counter").all()


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

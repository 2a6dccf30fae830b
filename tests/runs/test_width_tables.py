"""Tables over the width of a layer: fits, projections, energy."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.runs import scaling as scaling_table
from lsh_dl.runs.energy import estimate_energy

STAGES = ("select", "rerank", "forward", "backward", "update", "maintain", "optimiser")


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

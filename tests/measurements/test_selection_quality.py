"""Which nodes are selected, over their rank: against counting by hand, and against theory."""

import numpy as np
import pandas as pd
import pytest
from networks import KEY, draw_batch, make_model

from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.experiment.measuring import measure_to_file
from lsh_dl.measurements.selection_quality import bin_ranks, describe_trace
from lsh_dl.measurements.theory import chance_of_meeting
from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.diagnostics import Trace, trace_selection

SIZES = [30, 60, 20, 4]
#: Every node of the input's own buckets is selected, and no other.
OWN_BUCKETS = {"probing": False, "ranking": "count", "candidates": 1e6, "asymmetric": False}
PLAIN = OWN_BUCKETS | {"centred": False, "balanced": False, "orthogonal": False, "K": 3, "L": 4}


@pytest.mark.parametrize("width", [1, 2, 12, 1000])
def test_bins_cover_every_rank_once(width):
    edges = bin_ranks(width)
    assert edges[0] == 1
    assert edges[-1] == width + 1
    assert (np.diff(edges) > 0).all()


def test_chances_by_hand():
    preactivations = np.array([[[4, 3, 2, 1]], [[1, 2, 3, 4]]], np.float32)
    selected = np.array([[[1, 0, 1, 0]], [[0, 0, 1, 1]]], bool)
    trace = Trace(selected, preactivations, np.ones((2, 1)), np.array([2]), np.array([4]))
    theory = np.array([[[0.9, 0.5, 0.2, 0.1]], [[0.1, 0.2, 0.7, 0.9]]])
    rows = pd.DataFrame(describe_trace(trace, theory))
    assert rows["lowest_rank"].tolist() == rows["highest_rank"].tolist() == [1, 2, 3, 4]
    assert rows["chance"].tolist() == [1, 0.5, 0.5, 0]
    np.testing.assert_allclose(rows["theory"], [0.9, 0.6, 0.2, 0.1])
    np.testing.assert_allclose(rows["recall_of_top"], (1 / 2 + 2 / 2) / 2)
    assert pd.DataFrame(describe_trace(trace, None))["theory"].isna().all()


@pytest.mark.parametrize("family", ["gaussian", "pooled", "fitted"])
@pytest.mark.parametrize("centred", [False, True])
def test_nodes_of_the_own_buckets_are_met_as_often_as_theory_says(family, centred):
    """Over hash functions of many seeds, on the same weights."""
    rows = draw_batch(40, SIZES[0], SIZES[-1], seed=2)
    settings = PLAIN | {"family": family, "centred": centred, "balanced": centred, "directions": 9}
    met, expected = [], []
    for seed in range(60):
        # Nearly all nodes, since with all of them nothing is hashed.
        model = make_model("lsh", SIZES, 0.999, seed=1, rate=0.0, **settings)
        model = type(model)(
            model.network, model.optimiser, type(model.rule)(model.rule.settings, 0.999, seed)
        )
        model.train(draw_batch(120, SIZES[0], SIZES[-1]), KEY)  # fits and centres
        trace = trace_selection(model, rows, KEY)
        met.append(trace.selected[:, 0].mean(axis=1))
        expected.append(chance_of_meeting(model, rows, trace)[:, 0].mean(axis=1))
    error = np.std(met, axis=0) / np.sqrt(len(met))
    gap = np.mean(met, axis=0) - np.mean(expected, axis=0)
    assert (np.abs(gap) < 4.5 * error + 0.002).all()
    assert np.std(np.mean(expected, axis=0)) > 0, "samples differ"


@pytest.mark.parametrize(
    "settings",
    [
        {},  # orthogonal
        {"family": "sparse"},
        {"family": "dwta"},
        PLAIN | {"family": "gaussian", "asymmetric": True},
        PLAIN | {"family": "gaussian", "frozen": True},
        PLAIN | {"family": "gaussian", "permuted": True},
    ],
)
def test_no_theory_where_the_formula_does_not_hold(settings):
    rows = draw_batch(3, SIZES[0], SIZES[-1])
    model = make_model("lsh", SIZES, 0.25, **settings)
    assert chance_of_meeting(model, rows, trace_selection(model, rows, KEY)) is None


def test_only_hashing_has_a_theory():
    rows, model = draw_batch(3, SIZES[0], SIZES[-1]), make_model("wta", SIZES, 0.25)
    assert chance_of_meeting(model, rows, trace_selection(model, rows, KEY)) is None


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    prepare("digits", {"source": "digits", "train": 120, "test": 30}, folder)
    return folder


def measure(data_folder, folder, rule, **settings):
    run = Run(
        dataset="digits",
        rule=rule,
        label="mine",
        title="Mine",
        settings=settings,
        hidden=(16, 8),
        active_fraction=0.25,
        seed=1,
        training=Training(epochs=2),
    )
    measure_to_file("selection_quality", run, data_folder, folder / "measured.csv")
    return pd.read_csv(folder / "measured.csv")


def test_run_is_measured_before_and_after(data_folder, tmp_path):
    table = measure(data_folder, tmp_path, "wta")
    assert table.groupby("when", sort=False)["layer"].unique().map(list).to_dict() == {
        "before": [1, 2],
        "after": [1, 2],
    }
    assert table.groupby("when")["epoch"].unique().map(list).to_dict() == {
        "before": [0],
        "after": [2],
    }
    assert (table["data_kind"] == "stand-in").all()
    # Winner-take-all is the ideal: the top nodes, as many as are wanted.
    np.testing.assert_array_equal(table["chance"], table["highest_rank"] <= table["budget"])
    assert (table["recall_of_top"] == 1).all()
    assert table["theory"].isna().all()


def test_training_changes_what_is_selected_and_measuring_is_repeatable(data_folder, tmp_path):
    table = measure(data_folder, tmp_path, "lsh", preset="paper", K=3)
    first, second = (table[table["when"] == when].reset_index() for when in ("before", "after"))
    assert (first["theory"] != second["theory"]).any()
    assert table["theory"].between(0, 1).all()
    pd.testing.assert_frame_equal(table, measure(data_folder, tmp_path, "lsh", preset="paper", K=3))

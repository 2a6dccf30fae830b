"""Sampled softmax: which outputs are drawn, how often, and what is predicted."""

import numpy as np
import pytest
from networks import KEY, draw_batch, make_model

from lsh_dl.data.synthetic.wide import draw_wide
from lsh_dl.engine.batch import slice_batch
from lsh_dl.training.loader import SparseInputs
from lsh_dl.training.metrics import count_hits, precision_at

SIZES = [20, 16, 400]


def active_outputs(model, rows):
    """The outputs that one sample after the other computed in training."""
    found = []
    for s in range(len(rows.numbers)):
        tally = model.train(slice_batch(rows, s, s + 1), KEY)
        found.append(model.workspaces[0].ids[2][: int(tally.outputs[0])].copy())
    return found


@pytest.mark.parametrize("drawn", ["uniform", "frequency"])
def test_as_many_as_wanted_each_once_beside_the_label(drawn):
    model = make_model("sampled", SIZES, outputs=0.1, drawn=drawn)
    rows = draw_batch(60, 20, 400)
    for nodes, label in zip(active_outputs(model, rows), rows.labels, strict=True):
        assert nodes[0] == label
        assert len(np.unique(nodes)) == len(nodes)
        assert 40 <= len(nodes) <= 41
        assert nodes.min() >= 0
        assert nodes.max() < 400


def test_uniform_draws_are_even():
    model = make_model("sampled", SIZES, outputs=0.1)
    drawn = np.concatenate([nodes[1:] for nodes in active_outputs(model, draw_batch(400, 20, 400))])
    counts = np.bincount(drawn, minlength=400)  # 40 each are expected
    assert abs(counts.mean() - 40) < 1
    assert counts.std() < 1.3 * np.sqrt(40)


def test_draws_follow_the_labels_seen():
    model = make_model("sampled", SIZES, outputs=0.02, drawn="frequency")
    rows = draw_batch(1000, 20, 400)
    rows.labels[:] = np.where(np.arange(1000) % 2, 7, rows.labels)
    model.train(rows, KEY)
    assert model.outputs.state.counts[7] >= 501
    assert model.outputs.state.counts.sum() == 1400
    later = [nodes for nodes in active_outputs(model, draw_batch(200, 20, 400)) if nodes[0] != 7]
    assert np.mean([7 in nodes for nodes in later]) > 0.8
    drawn = np.concatenate([nodes[1:] for nodes in later])
    assert np.bincount(drawn, minlength=400)[np.arange(400) != 7].max() < 0.2 * len(later)


def test_all_outputs_are_predicted_with_their_chances_added_again():
    options = {"outputs": 0.1, "drawn": "frequency"}
    model, plain = (make_model("sampled", SIZES, corrected=c, **options) for c in (True, False))
    rows = draw_batch(1000, 20, 400)
    for one in (model, plain):
        one.train(rows, KEY)
    got, without = (one.predict(slice_batch(rows, 0, 9), KEY)[0] for one in (model, plain))
    assert (got > 0).all()
    chances = model.outputs.state.counts / model.outputs.state.counts.sum()
    expected = without * chances
    np.testing.assert_allclose(got, expected / expected.sum(axis=1, keepdims=True), rtol=1e-3)


def test_without_a_share_it_is_the_standard_network():
    one, other = make_model("sampled", SIZES, rate=0.1), make_model("standard", SIZES, rate=0.1)
    rows = draw_batch(50, 20, 400)
    for model in (one, other):
        model.train(rows, KEY)
    np.testing.assert_allclose(one.network.weights, other.network.weights, rtol=1e-4, atol=1e-6)


def test_it_learns_many_labels():
    rows, tested = (
        SparseInputs(*draw_wide(count, 150, 300, 1, part)).batch(np.arange(count))
        for part, count in enumerate((2500, 300))
    )
    for drawn in ("uniform", "frequency"):
        model = make_model(
            "sampled", [300, 64, 150], rate=0.02, adagrad=True, outputs=0.1, drawn=drawn
        )
        model.train(rows, KEY)
        hits = count_hits(model.rank(tested, KEY, 5)[0], tested)
        assert precision_at(hits, 300)[1] > 0.5

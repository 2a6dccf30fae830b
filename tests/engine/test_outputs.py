"""Sampled outputs: the softmax over selected nodes and true labels, and what is kept of it."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import (
    KEY,
    ask,
    draw_inputs,
    make_model,
    softmax,
    true_weights,
    walk_layers,
    with_one,
)
from scipy.sparse import csr_array

from lsh_dl.engine.batch import Batch, pick_batch, slice_batch
from lsh_dl.engine.counts import BACKWARD, FORWARD, OPTIMISER, RERANK, STAGES, UPDATE
from lsh_dl.engine.dispatch import Selection
from lsh_dl.engine.network import create_network, layer_weights, view_layer, view_outputs
from lsh_dl.engine.outputs import include_targets, write_largest, write_probabilities
from lsh_dl.engine.prng import mix
from lsh_dl.testing.probe import copy_state, to_vector
from lsh_dl.training.model import SparseModel

FEATURES, CLASSES = 14, 70


def draw_labelled(samples: int, classes: int = CLASSES, seed: int = 0, most: int = 3) -> Batch:
    """Random samples with 0 to `most` random labels each."""
    generator = np.random.default_rng(seed)
    y = np.zeros((samples, classes), np.int8)
    for line in y:
        line[generator.permutation(classes)[: generator.integers(0, most + 1)]] = 1
    x = csr_array(draw_inputs(samples, FEATURES, seed))
    return pick_batch(x, csr_array(y), np.arange(samples))


def labels_of(rows: Batch, s: int) -> np.ndarray:
    return rows.labels[rows.label_ends[s] : rows.label_ends[s + 1]]


def selected_outputs(model: SparseModel, x: np.ndarray, s: int, training: bool) -> np.ndarray:
    """The outputs that the rule selects for row s with the last hidden layer's values x."""
    hidden = len(model.network.strides) - 1
    key = np.uint64(mix(np.uint64(mix(KEY, s)), hidden))
    selector = model.outputs
    state = copy_state(selector.state)
    return ask(selector.rule, state, selector.network, 0, x, key, training).nodes


def sampled_loss(weights, values, active, labels):
    """Cross-entropy with a target uniform over the labels, of a softmax over `active` alone."""
    probabilities = softmax(weights[active] @ with_one(values))
    return -np.mean([np.log(probabilities[active == label][0]) for label in labels])


@pytest.mark.parametrize("hidden", [[9], [20, 11]], ids=str)
@pytest.mark.parametrize("fraction", [0.5, 1.0])
@pytest.mark.parametrize("outputs", [0.05, 0.4])
def test_one_step_of_sgd_is_the_gradient_of_the_sampled_loss(hidden, fraction, outputs):
    model = make_model("lsh", [FEATURES, *hidden, CLASSES], fraction, rate=1.0, outputs=outputs)
    biases = layer_weights(model.network, len(hidden))[:, hidden[-1]]
    biases[:] = np.random.default_rng(1).normal(0, 0.1, CLASSES)
    rows = draw_labelled(8, most=5)
    tested = 0
    for s in range(8):
        if len(labels_of(rows, s)) < 2:
            continue
        steps = list(walk_layers(model, rows, s, KEY, training=True))
        values = steps[-1].values
        active = np.union1d(selected_outputs(model, values, s, True), labels_of(rows, s))
        before = true_weights(model.network)

        tally = model.train(slice_batch(rows, s, s + 1), KEY)

        tested += 1
        after = true_weights(model.network)
        assert tally.outputs[0] == len(active) < CLASSES
        loss = sampled_loss(before[-1], values, active, labels_of(rows, s))
        assert tally.loss[0] == pytest.approx(loss, rel=1e-5)
        error = softmax(before[-1][active] @ with_one(values))
        error -= np.isin(active, labels_of(rows, s)) / len(labels_of(rows, s))
        expected = np.zeros_like(before[-1])
        expected[active] = np.outer(error, with_one(values))
        np.testing.assert_allclose(before[-1] - after[-1], expected, rtol=1e-4, atol=1e-6)
        # What reaches the last hidden layer is the loss's slope by its values.
        onward = (error @ before[-1][active])[:-1] * (values > 0)
        gains = np.ones(hidden[-1])
        gains[steps[-1].answer.nodes] = steps[-1].answer.gains
        expected = np.outer(onward * gains, with_one(steps[-1].x))
        np.testing.assert_allclose(before[-2] - after[-2], expected, rtol=1e-4, atol=1e-6)
    assert tested >= 3


@pytest.mark.parametrize(("adagrad", "momentum"), [(False, 0.0), (True, 0.9)])
def test_with_all_outputs_active_it_is_the_dense_softmax(adagrad, momentum):
    sizes, options = [FEATURES, 30, CLASSES], {"adagrad": adagrad, "momentum": momentum}
    dense = make_model("lsh", sizes, 1.0, rate=0.02, **options)
    sampled = make_model("lsh", sizes, 1.0, rate=0.02, outputs=1.0, **options)
    for a, b in zip(true_weights(dense.network), true_weights(sampled.network), strict=True):
        np.testing.assert_array_equal(a, b)
    rows = draw_labelled(60)
    losses = [model.train(rows, KEY).loss[0] for model in (dense, sampled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for a, b in zip(true_weights(dense.network), true_weights(sampled.network), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    first, second = (model.predict(rows, KEY)[0] for model in (dense, sampled))
    np.testing.assert_allclose(first, second, rtol=1e-2, atol=1e-5)


@given(st.data())
def test_true_labels_are_active_first_and_nothing_is_twice(data):
    nodes = st.lists(st.integers(0, 19), unique=True)
    selected, targets = data.draw(nodes), np.array(data.draw(nodes), np.int32)
    network = create_network([6, 4, 20], 1, sampled=True)
    layer, x = view_layer(view_outputs(network), 0), to_vector(np.array([0.5, 0, -1, 2]))
    chosen = Selection(
        np.full(20, -1, np.int32),
        np.full(20, np.nan, np.float32),
        np.ones(20, np.float32),
        np.zeros(len(STAGES), np.int64),
    )
    products = layer.weights[:, :5] @ x.values[:5]
    chosen.nodes[: len(selected)] = selected
    chosen.preactivations[: len(selected)] = products[selected]

    count = include_targets(layer, x, targets, chosen, len(selected))

    np.testing.assert_array_equal(chosen.nodes[: len(targets)], targets)
    assert sorted(chosen.nodes[:count]) == sorted({*selected, *targets.tolist()})
    active = chosen.nodes[:count]
    np.testing.assert_allclose(chosen.preactivations[:count], products[active], rtol=1e-5)
    added = set(targets.tolist()) - set(selected)
    assert chosen.work[FORWARD] == len(added) * 3  # inputs that are not zero


def test_prediction_ranks_the_selected_outputs():
    model = make_model("lsh", [FEATURES, 30, CLASSES], 1.0, outputs=0.1)
    model.train(draw_labelled(150), KEY)
    rows = draw_labelled(40, seed=1)
    probabilities, tally = model.predict(rows, KEY)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert tally.outputs[0] == np.count_nonzero(probabilities)
    ranked = model.rank(rows, KEY, 12)[0]
    weights = true_weights(model.network)
    for s in range(40):
        values = [*walk_layers(model, rows, s, KEY, training=False)][-1].values
        nodes = selected_outputs(model, values, s, False)
        assert len(nodes) == 7
        expected = np.zeros(CLASSES)
        expected[nodes] = softmax(weights[-1][nodes] @ with_one(values))
        np.testing.assert_allclose(probabilities[s], expected, rtol=1e-3, atol=1e-6)
        order = np.argsort(-probabilities[s], kind="stable")
        np.testing.assert_array_equal(ranked[s], [*order[:7], *[-1] * 5])


@pytest.mark.parametrize("outputs", [None, 0.2])
def test_ranking_is_that_of_the_probabilities(outputs):
    model = make_model("lsh", [FEATURES, 25, CLASSES], 0.5, outputs=outputs)
    rows = draw_labelled(30)
    probabilities = model.predict(rows, KEY)[0]
    ranked = model.rank(rows, KEY, 5)[0]
    np.testing.assert_array_equal(ranked, np.argsort(-probabilities, axis=1, kind="stable")[:, :5])


@pytest.mark.parametrize("count", [0, 2])
def test_where_no_output_was_selected_all_are_equally_likely(count):
    model = make_model("lsh", [FEATURES, 12, CLASSES], outputs=0.1)
    level, workspace = 2, model.workspaces[0]
    workspace.ids[level, :2], workspace.outputs[:2] = (5, 9), (0.75, 0.25)
    probabilities, ranked = np.empty(CLASSES, np.float32), np.empty(3, np.int32)
    write_probabilities(level, count, True, workspace, probabilities)
    write_largest(level, count, True, workspace, ranked)
    if count:
        assert (probabilities[5], probabilities[9], probabilities.sum()) == (0.75, 0.25, 1)
        assert ranked.tolist() == [5, 9, -1]
    else:
        np.testing.assert_array_equal(probabilities, np.float32(1 / CLASSES))
        assert ranked.tolist() == [-1, -1, -1]


def test_more_places_than_classes_are_not_ranked():
    model = make_model("standard", [FEATURES, 5, 3])
    assert np.sort(model.rank(draw_labelled(2, 3), KEY, 5)[0]).tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize(("rule", "options"), [("standard", {}), ("lsh", {"outputs": 0.1})])
def test_a_sample_without_labels_teaches_nothing(rule, options):
    model = make_model(rule, [FEATURES, 8, CLASSES], 1.0, **options)
    rows = draw_labelled(40, most=0)
    before = model.network.weights.copy()
    tally = model.train(rows, KEY)
    np.testing.assert_array_equal(model.network.weights, before)
    assert not tally.work.any()


def test_work_is_that_of_the_active_outputs():
    # However many classes there are: those selected, the labels, and the positive hidden nodes.
    hidden = 20
    for classes in (500, 4000):
        options = {"outputs": 25 / classes, "candidates": 2.0, "shortlist": 1.0}
        model = make_model("lsh", [FEATURES, hidden, classes], 1.0, adagrad=True, **options)
        rows = draw_labelled(1, classes, seed=3, most=4)
        assert len(rows.labels)
        values = [*walk_layers(model, rows, 0, KEY, training=True)][-1].values
        positive, nonzero = np.count_nonzero(values), rows.ends[1] - 1
        selected = selected_outputs(model, values, 0, True)
        active = np.union1d(selected, rows.labels)
        work = model.train(rows, KEY).work
        assert len(selected) == 25
        assert work[FORWARD] == (len(active) - 25) * positive
        assert work[BACKWARD] == len(active) * positive
        assert work[UPDATE] == len(active) * positive + positive * nonzero
        assert work[OPTIMISER] == 4 * work[UPDATE]
        # All hidden nodes; 25 outputs exactly, twice as many by their features.
        estimated = 50 * (model.outputs.rule.settings.directions + 1)
        assert work[RERANK] == hidden * nonzero + estimated + 25 * positive


def test_true_labels_that_were_not_retrieved_are_hashed_again():
    model = make_model("lsh", [FEATURES, 16, 300], 1.0, outputs=0.01, family="gaussian")
    rows = draw_labelled(99, 300)
    model.train(rows, KEY)
    assert model.outputs.state.touched[0, rows.labels].all()
    assert not model.outputs.state.touched.all()


def test_hidden_layers_and_outputs_are_refreshed_each_in_its_time():
    model = make_model("lsh", [FEATURES, 16, 3000], 0.5, outputs=0.01, interval=50, growth=1.0)
    rows = draw_labelled(400, 3000)
    for s in range(0, 400, 40):
        model.train(slice_batch(rows, s, s + 40), KEY)
    renewals = [s.state.upkeep.renewals[0] for s in (model.hidden, model.outputs)]
    assert renewals == [1 + 1 + 300 // 50, 1 + 1 + 300 // 150]


def test_a_copy_goes_on_as_the_original():
    model = make_model("lsh", [FEATURES, 16, CLASSES], 0.5, outputs=0.1, adagrad=True)
    rows = draw_labelled(500)
    model.train(slice_batch(rows, 0, 150), KEY)
    twin = copy.deepcopy(model)
    for one in (model, twin):
        one.train(slice_batch(rows, 150, 500), KEY)
    for name, array in model.named_arrays().items():
        if ".scratch." not in name:
            np.testing.assert_array_equal(array, twin.named_arrays()[name], err_msg=name)
    assert model.counters == twin.counters


def test_threads_share_the_rows_of_a_prediction():
    model = make_model("lsh", [FEATURES, 16, CLASSES], 1.0, outputs=0.1)
    rows = draw_labelled(200)
    model.train(rows, KEY)
    alone = model.rank(rows, KEY, 5)[0]
    model.use_threads(3)
    np.testing.assert_array_equal(model.rank(rows, KEY, 5)[0], alone)
    model.train(rows, KEY)
    assert model.is_finite()


def test_divergence_of_some_outputs_is_seen():
    model = make_model("lsh", [FEATURES, 16, CLASSES], 1.0, outputs=0.1)
    assert model.is_finite()
    layer_weights(model.network, 1)[-1, 16] = np.nan
    assert not model.is_finite()


def test_a_network_of_the_other_form_is_refused():
    dense = make_model("lsh", [FEATURES, 16, CLASSES], 1.0)
    rule = make_model("lsh", [FEATURES, 16, CLASSES], 1.0, outputs=0.1).rule
    with pytest.raises(ValueError, match="sampled"):
        SparseModel(dense.network, dense.optimiser, rule)


def test_it_learns():
    # Each class has a few inputs of its own; a sample has one or two classes.
    generator = np.random.default_rng(5)
    classes, features = 400, 300
    own = np.array([generator.permutation(features)[:8] for _ in range(classes)])
    x, y = np.zeros((5000, features), np.float32), np.zeros((5000, classes), np.int8)
    for s in range(5000):
        for label in generator.integers(0, classes, generator.integers(1, 3)):
            x[s, own[label]] = 1
            y[s, label] = 1
    rows = pick_batch(csr_array(x), csr_array(y), np.arange(5000))
    model = make_model("lsh", [features, 64, classes], 1.0, outputs=0.05, adagrad=True)
    for _ in range(3):
        tally = model.train(slice_batch(rows, 0, 4000), KEY)
    assert tally.outputs[0] < 0.06 * classes * 4000
    ranked = model.rank(slice_batch(rows, 4000, 5000), KEY, 1)[0]
    assert y[np.arange(4000, 5000), ranked[:, 0]].mean() > 0.5  # by chance: 0.4 %

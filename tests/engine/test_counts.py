"""Counted work against a slow counter that walks over every node and every input."""

from itertools import pairwise

import numpy as np
import pytest
from networks import KEY, RULES, draw_batch, make_model, to_batch, walk_layers

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.counts import STAGES, DenseWork, dense_work

SIZES = [30, 40, 24, 3]


def test_textbook_network_by_hand():
    weights = [784 * 1000, 1000 * 1000, 1000 * 10]
    expected = DenseWork(training=3 * sum(weights) - weights[0], inference=sum(weights))
    assert dense_work([784, 1000, 1000, 10]) == expected == (4_598_000, 1_794_000)
    assert dense_work([5, 2]) == (20, 10)


def count_pairs(nodes, inputs):
    """Pairs of a node and an input that is not zero, one by one."""
    count = 0
    for _ in nodes:
        for value in inputs:
            count += bool(value != 0)
    return count


# What each rule multiplies to choose the nodes of a layer: by stage, given the layer's input,
# the number of its nodes and what the rule answered.


def select_by_nothing(model, x, width, answer):
    return {}


def select_densely(model, x, width, answer):
    return {"select": count_pairs(range(width), x)}


def select_by_fitted_hash(model, x, width, answer):
    settings = model.rule.settings
    m = settings.directions
    wanted = max(1, round(model.rule.active_fraction * width))
    candidates = min(width, int(np.ceil(settings.candidates * wanted)))
    shortlist = min(width, int(np.ceil(settings.shortlist * wanted)))
    # With multi-probe, every bucket is within reach: there are as many candidates as asked for.
    estimated = candidates * (m + 1) if candidates > shortlist else 0
    return {
        "select": count_pairs(range(m), x) + m + settings.K * settings.L * (settings.hashed + 1),
        "rerank": estimated + count_pairs(range(min(candidates, shortlist)), x),
    }


def select_by_gaussian_hash(model, x, width, answer):
    settings = model.rule.settings
    wanted = max(1, round(model.rule.active_fraction * width))
    candidates = min(width, int(np.ceil(settings.candidates * wanted)))
    return {
        "select": count_pairs(range(settings.K * settings.L), x) + settings.K * settings.L,
        "rerank": count_pairs(range(candidates), x),
    }


def select_by_pooled_hash(model, x, width, answer):
    settings = model.rule.settings  # pooling adds; only the few kept are computed
    return {
        "select": (settings.K * settings.L + 1) * settings.directions,
        "rerank": count_pairs(answer.nodes, x),
    }


def select_by_drawing(model, x, width, answer):
    return {"rerank": count_pairs(answer.nodes, x)}


CASES = {
    "standard": ("standard", {}, select_by_nothing),
    "dropout": ("dropout", {}, select_by_nothing),
    "dropout-sampled": ("dropout", {"inference": "sampled"}, select_by_nothing),
    "adaptive": ("adaptive", {}, select_densely),
    "adaptive-sampled": ("adaptive", {"inference": "sampled"}, select_densely),
    "wta": ("wta", {}, select_densely),
    "lsh": (
        "lsh",
        {"K": 4, "L": 3, "directions": 5, "hashed": 3, "candidates": 4.0},
        select_by_fitted_hash,
    ),
    "lsh-paper": ("lsh", {"preset": "paper", "K": 4}, select_by_gaussian_hash),
    "sampled": ("sampled", {}, select_by_drawing),
    "lsh-authors": ("lsh", {"preset": "authors-code", "L": 7}, select_by_pooled_hash),
}


def test_every_rule_has_a_slow_counter():
    assert {rule for rule, _, _ in CASES.values()} == set(RULES)


def count_slowly(model, rows, s, training, count_selecting):
    """The work of one sample by stage, the optimiser's with 5 operations a touched weight."""
    work = dict.fromkeys(STAGES, 0)
    rows_of_weights = []  # what back-propagation goes through: layer, positive nodes, its inputs
    values = None
    for index, step in enumerate(walk_layers(model, rows, s, KEY, training)):
        width = SIZES[index + 1]
        for stage, count in count_selecting(model, step.x, width, step.answer).items():
            work[stage] += count
        if not model.rule.computes_preactivations:
            work["forward"] += count_pairs(step.answer.nodes, step.x)
        values = step.values
        rows_of_weights.append((index, np.flatnonzero(values), step.x))
    outputs = range(SIZES[-1])
    work["forward"] += count_pairs(outputs, values)
    rows_of_weights.append((len(rows_of_weights), outputs, values))
    if training:
        for index, nodes, x in rows_of_weights:
            touched = count_pairs(nodes, x)
            work["backward"] += touched if index > 0 else 0
            work["update"] += touched
            work["optimiser"] += 5 * touched
    return work


@pytest.mark.parametrize("fraction", [0.1, 0.5])
@pytest.mark.parametrize("case", CASES)
def test_tally_is_what_a_slow_counter_counts(case, fraction):
    rule, settings, count_selecting = CASES[case]
    model = make_model(rule, SIZES, fraction, momentum=0.9, adagrad=True, **settings)
    model.train(draw_batch(130, SIZES[0], SIZES[-1]), KEY)  # LSH has refreshed its tables once
    rows = draw_batch(12, SIZES[0], SIZES[-1], seed=5)

    for s in range(12):
        expected = count_slowly(model, rows, s, True, count_selecting)
        tally = model.train(slice_batch(rows, s, s + 1), KEY)
        assert dict(zip(STAGES, tally.work.tolist(), strict=True)) == expected

    every = [count_slowly(model, rows, s, False, count_selecting) for s in range(12)]
    tally = model.predict(rows, KEY)[1]
    expected = {stage: sum(work[stage] for work in every) for stage in STAGES}
    assert dict(zip(STAGES, tally.work.tolist(), strict=True)) == expected
    active = sum(
        len(step.answer.nodes)
        for s in range(12)
        for step in walk_layers(model, rows, s, KEY, False)
    )
    assert tally.active[0] == active


def test_a_dense_network_on_full_inputs_costs_what_the_textbook_says():
    sizes = [20, 8, 6, 3]
    model = make_model("standard", sizes)
    for index, layer in enumerate(sizes[1:-1]):  # every ReLU open: positive weights and inputs
        start = model.network.starts[index]
        stop = start + layer * model.network.strides[index]
        np.abs(model.network.weights[start:stop], out=model.network.weights[start:stop])
    rows = to_batch(np.random.default_rng(0).uniform(0.5, 1, (4, 20)).astype(np.float32), 3)
    assert model.predict(rows, KEY)[1].work.sum() == 4 * dense_work(sizes).inference
    one = slice_batch(rows, 0, 1)
    assert model.train(one, KEY).work[: STAGES.index("optimiser")].sum() == (
        dense_work(sizes).training
    )


@pytest.mark.parametrize(
    ("options", "operations"),
    [
        ({}, 1),
        ({"momentum": 0.9}, 2),
        ({"adagrad": True}, 4),
        ({"adagrad": True, "momentum": 0.9}, 5),
        ({"adam": True}, 6),
    ],
)
def test_optimisers_own_operations_per_touched_weight(options, operations):
    model = make_model("wta", SIZES, 0.5, **options)
    work = model.train(draw_batch(5, SIZES[0], SIZES[-1]), KEY).work
    by_stage = dict(zip(STAGES, work.tolist(), strict=True))
    assert by_stage["optimiser"] == operations * by_stage["update"] > 0


def test_sparser_inputs_cost_less_and_no_inputs_cost_only_the_rest():
    model = make_model("standard", [50, 10, 3])
    empty, full = np.zeros((1, 50), np.float32), np.ones((1, 50), np.float32)
    costs = [model.predict(to_batch(x, 3), KEY)[1].work.sum() for x in (empty, full)]
    assert costs[0] == 0  # biases start at 0: no node is positive
    assert 500 < costs[1] <= 530


def count_hashing(nodes, inputs, directions, bits, mixed=0):
    """Scaled features of every weight row (bias included) and w.mean(x), mixed to every bit."""
    return nodes * ((directions + 1) * (inputs + 2) + bits * mixed)


def test_maintenance_of_tables_is_counted_from_the_first_hashing_on():
    sizes = [31, 47, 15, 3]  # rows with the bias fill whole blocks: no padding
    model = make_model("lsh", sizes, 0.2, K=3, L=4, directions=6, hashed=4)
    rows = draw_batch(100, sizes[0], sizes[-1])
    assert model.train(slice_batch(rows, 0, 99), KEY).work[STAGES.index("maintain")] == 0
    counted = model.train(slice_batch(rows, 99, 100), KEY).work[STAGES.index("maintain")]
    expected = 0
    for index, (inputs, nodes) in enumerate(pairwise(sizes[:-1])):
        row = inputs + 1
        samples = np.count_nonzero(model.state.remembered[index][:, inputs])
        assert 60 < samples < 100
        hashing = count_hashing(nodes, inputs, directions=6, bits=12, mixed=5)
        fitting = 4 * (2 * samples * 6 * row + 2 * 6 * 6 * row)
        centring = 6 * row
        balancing = samples * 6 * row + (samples + 2 * nodes) * 7
        expected += 2 * hashing + fitting + centring + balancing  # hashed at the start and now
    assert counted == expected


def test_only_nodes_trained_since_are_hashed_again():
    sizes = [31, 47, 3]
    model = make_model("lsh", sizes, 1e-6, preset="paper", K=3, L=2, interval=1, growth=1)
    rows = draw_batch(120, 31, 3)
    model.train(slice_batch(rows, 0, 100), KEY)
    for s in range(100, 120):  # one active node a sample, tables brought up to date after each
        one = slice_batch(rows, s, s + 1)
        maintained = model.train(one, KEY).work[STAGES.index("maintain")]
        assert maintained == count_hashing(1, 31, directions=6, bits=0)

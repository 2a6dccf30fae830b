"""What holds for the `select` of every rule, whatever the layer, the input and the settings."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    KEY,
    RULES,
    ask,
    copy_state,
    draw_rows,
    flatten_state,
    make_model,
    make_rule,
    true_weights,
    with_one,
)

from lsh_dl.engine.network import create_network
from lsh_dl.engine.work import STAGES

VARIANTS = {
    "standard": ("standard", {}),
    "dropout": ("dropout", {}),
    "dropout sampled": ("dropout", {"inference": "sampled"}),
    "adaptive": ("adaptive", {}),
    "adaptive steep": ("adaptive", {"alpha": 50.0}),
    "adaptive sampled": ("adaptive", {"inference": "sampled"}),
    "wta": ("wta", {}),
    "lsh": ("lsh", {}),
    "lsh paper": ("lsh", {"preset": "paper"}),
    "lsh authors-code": ("lsh", {"preset": "authors-code"}),
    "lsh sparse": ("lsh", {"family": "sparse", "K": 1, "L": 3}),
    "lsh first met": ("lsh", {"ranking": "none", "directions": 1}),
    "lsh by count": ("lsh", {"ranking": "count", "family": "pooled", "K": 5}),
    "lsh permuted": ("lsh", {"permuted": True, "probing": False}),
    "lsh many directions": ("lsh", {"directions": 60, "K": 3}),
    "lsh many pools": ("lsh", {"directions": 60, "family": "pooled", "K": 3}),
    "lsh frozen": ("lsh", {"frozen": True, "centred": False}),
}
WIDTHS = st.lists(st.one_of(st.integers(1, 6), st.integers(7, 40)), min_size=1, max_size=3)
FRACTIONS = st.sampled_from([1e-46, 1e-30, 1e-6, 0.05, 0.3, 0.5, 0.999, 1.0])
INPUTS = st.sampled_from(["zero", "constant", "sparse", "dense", "negative", "huge", "tiny"])


def draw_input(kind, size, seed):
    """One layer's input of a kind: float32 (size,)."""
    noise = np.random.default_rng(seed).standard_normal(size, np.float32)
    return {
        "zero": np.zeros(size, np.float32),
        "constant": np.full(size, 3, np.float32),
        "sparse": np.where(noise > 1, noise, 0),
        "dense": noise,
        "negative": -np.abs(noise),
        "huge": noise * np.float32(1e6),
        "tiny": noise * np.float32(1e-20),
    }[kind]


def test_every_rule_has_a_variant_here():
    assert {rule for rule, _ in VARIANTS.values()} == set(RULES)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=40)
@given(
    features=st.integers(1, 40),
    widths=WIDTHS,
    fraction=FRACTIONS,
    kind=INPUTS,
    seed=st.integers(0, 1000),
    key=st.integers(0, 2**64 - 1),
    training=st.booleans(),
    trained=st.booleans(),
)
def test_answers_are_sound(variant, features, widths, fraction, kind, seed, key, training, trained):
    rule, rule_settings = VARIANTS[variant]
    sizes = [features, *widths, 2]
    model = make_model(rule, sizes, fraction, seed, adagrad=True, **rule_settings)
    if trained:  # beyond the first refresh of hash tables
        model.train(draw_rows(110, features, 2, seed), KEY)
    for index, width in enumerate(widths):
        x = draw_input(kind, sizes[index], seed)
        state = copy_state(model.state)
        answer = ask(model.rule, state, model.network, index, x, key, training)

        nodes = answer.nodes
        assert np.unique(nodes).size == nodes.size
        assert np.all((nodes >= 0) & (nodes < width))
        assert np.all(np.isfinite(answer.gains))
        assert np.all(answer.gains >= 0)
        assert np.all(answer.work >= 0)
        stages = [stage for stage, work in zip(STAGES, answer.work, strict=True) if work]
        assert set(stages) <= {"select", "rerank"}

        budget = model.rule.budgets(model.network)[index]
        assert budget == max(1, round(fraction * width))
        if rule in ("wta", "lsh"):
            assert nodes.size <= budget
        all_active = rule == "standard" or (
            fraction == 1.0 and (rule in ("dropout", "wta") or variant == "lsh")
        )
        if all_active or (not training and variant in ("dropout", "adaptive", "adaptive steep")):
            assert nodes.size == width
        if rule == "wta":
            assert nodes.size == budget

        if model.rule.computes_preactivations:
            weights, inputs = true_weights(model.network)[index], with_one(x)
            scale = np.abs(weights) @ np.abs(inputs)
            error = np.abs(answer.preactivations - weights[nodes] @ inputs)
            assert np.all(error <= 1e-5 * scale[nodes] + 1e-30)

        again = ask(model.rule, copy_state(model.state), model.network, index, x, key, training)
        for one, other in zip(answer, again, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sizes", [[1, 1, 1], [3, 50, 1, 8, 2], [40, 3, 60, 2], [1, 30, 30, 4]])
def test_networks_of_odd_shapes_train(variant, sizes):
    rule, rule_settings = VARIANTS[variant]
    model = make_model(rule, sizes, 0.3, adagrad=True, momentum=0.5, **rule_settings)
    rows = draw_rows(320, sizes[0], sizes[-1])
    tally = model.train(rows, KEY)
    assert np.isfinite(tally.loss[0])
    probabilities = model.predict(rows, KEY)[0]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_on_constant_and_on_empty_inputs(variant):
    rule, rule_settings = VARIANTS[variant]
    for density in (0.0, 1.0):
        rows = draw_rows(320, 20, 3, density=density)
        rows.values[:] = 1
        model = make_model(rule, [20, 30, 10, 3], 0.3, adagrad=True, **rule_settings)
        assert np.isfinite(model.train(rows, KEY).loss[0])
        assert np.isfinite(model.predict(rows, KEY)[0]).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_start_depends_on_seed_and_weights_only(variant):
    rule, rule_settings = VARIANTS[variant]
    network = create_network([20, 30, 12, 3], 1)
    weights = network.weights.copy()
    first, again = (
        flatten_state(make_rule(rule, 0.3, seed=4, **rule_settings).start(network))
        for _ in range(2)
    )
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
    np.testing.assert_array_equal(network.weights, weights)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("widths", [[1000, 1000], [7], [1, 33]])
@pytest.mark.parametrize("fraction", [1e-9, 0.05, 0.25, 0.5, 1.0])
def test_budgets(rule, widths, fraction):
    budgets = make_rule(rule, fraction).budgets(create_network([4, *widths, 3], 1))
    for budget, width in zip(budgets, widths, strict=True):
        assert 1 <= budget <= width
        assert budget == 1 or abs(budget - fraction * width) <= 0.5
        assert budget <= ceil(fraction * width)

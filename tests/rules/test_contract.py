"""What holds for the `select` of every rule, whatever the layer, the input and the settings."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import KEY, RULES, draw_batch, make_model, make_rule

from lsh_dl.common.discovery import find
from lsh_dl.engine.network import create_network
from lsh_dl.rules.base import Rule
from lsh_dl.testing.probe import INPUTS, draw_input
from lsh_dl.testing.rule_checks import CHECKS, Make, check_answer

VARIANTS = {
    "standard": ("standard", {}),
    "dropout": ("dropout", {}),
    "dropout sampled": ("dropout", {"inference": "sampled"}),
    "adaptive": ("adaptive", {}),
    "adaptive steep": ("adaptive", {"alpha": 50.0}),
    "adaptive sampled": ("adaptive", {"inference": "sampled"}),
    "wta": ("wta", {}),
    "sampled": ("sampled", {}),
    # Corrected, an output's value is no inner product, on purpose; hidden nodes are all active.
    "sampled by frequency": ("sampled", {"drawn": "frequency", "corrected": False}),
    "lsh": ("lsh", {}),
    "lsh paper": ("lsh", {"preset": "paper"}),
    "lsh authors-code": ("lsh", {"preset": "authors-code"}),
    "lsh sparse": ("lsh", {"family": "sparse", "K": 1, "L": 3}),
    "lsh first met": ("lsh", {"ranking": "none", "directions": 1}),
    "lsh by count": ("lsh", {"ranking": "count", "family": "pooled", "K": 5}),
    "lsh permuted": ("lsh", {"permuted": True, "probing": False, "L": 16}),
    "lsh many directions": ("lsh", {"directions": 60, "K": 3}),
    "lsh many pools": ("lsh", {"directions": 60, "family": "pooled", "K": 3}),
    "lsh frozen": ("lsh", {"frozen": True, "centred": False}),
}
WIDTHS = st.lists(st.one_of(st.integers(1, 6), st.integers(7, 40)), min_size=1, max_size=3)
FRACTIONS = st.sampled_from([1e-46, 1e-30, 1e-6, 0.05, 0.3, 0.5, 0.999, 1.0])


def test_every_rule_has_a_variant_here():
    assert {rule for rule, _ in VARIANTS.values()} == set(RULES)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=40)
@given(
    features=st.integers(1, 40),
    widths=WIDTHS,
    fraction=FRACTIONS,
    kind=st.sampled_from(INPUTS),
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
        model.train(draw_batch(110, features, 2, seed), KEY)
    for index, width in enumerate(widths):
        x = draw_input(kind, sizes[index], seed)
        nodes = check_answer(model, index, x, key, training).nodes

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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("check", CHECKS)
def test_contract_is_held(variant, check):
    name, rule_settings = VARIANTS[variant]
    rule = find("lsh_dl.rules", Rule, name)
    CHECKS[check](Make(rule, rule.Settings(**rule_settings)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("widths", [[1000, 1000], [7], [1, 33]])
@pytest.mark.parametrize("fraction", [1e-9, 0.05, 0.25, 0.5, 1.0])
def test_budgets(rule, widths, fraction):
    budgets = make_rule(rule, fraction).budgets(create_network([4, *widths, 3], 1))
    for budget, width in zip(budgets, widths, strict=True):
        assert 1 <= budget <= width
        assert budget == 1 or abs(budget - fraction * width) <= 0.5
        assert budget <= ceil(fraction * width)

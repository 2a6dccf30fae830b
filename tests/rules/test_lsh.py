"""LSH as a rule: what it retrieves, and that its tables follow the weights."""

import numpy as np
import pytest
from networks import (
    KEY,
    ask,
    copy_state,
    draw_batch,
    draw_inputs,
    flatten_state,
    make_model,
    make_rule,
    read_buckets,
    true_weights,
    with_one,
)
from pydantic import ValidationError

from lsh_dl.common.errors import UserError
from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.counts import MAINTAIN
from lsh_dl.engine.network import create_network, layer_weights, view_outputs
from lsh_dl.hashing.hash_bits import lift_scores, score_features, score_winners
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.probing import code_of
from lsh_dl.hashing.projections import project_nodes

SIZES = [30, 60, 40, 4]
EVERY_FAMILY = ["gaussian", "sparse", "pooled", "fitted", "dwta"]


def train(model, samples, seed=0):
    model.train(draw_batch(samples, int(model.network.sizes[0]), 4, seed), KEY)


def largest(model, index, x, count):
    """The nodes with the largest pre-activations."""
    return np.argsort(-(true_weights(model.network)[index] @ with_one(x)))[:count]


def layer_buckets(state, index, nodes):
    """The bucket of every node in every table: (L, nodes)."""
    return state.tables.codes[index][:, :nodes]


def hash_again(model, index):
    """The bucket that each node of a layer belongs to by its weights now: (L, nodes)."""
    settings, state = model.rule.settings, copy_state(model.state)
    weights = layer_weights(model.network, index)
    blocks = np.arange(0, weights.shape[1], 16, dtype=np.int32)
    scores = np.zeros(settings.K * settings.L, np.float32)
    codes = np.zeros((settings.L, len(weights)), int)
    for node, row in enumerate(weights):
        if settings.family == "dwta":
            score_winners(state.bits, index, row, scores)
        else:
            project_nodes(state.projections, index, node, row[None], blocks)
            features = state.projections.features[index, node]
            score_features(state.bits, state.projections, index, features, scores)
        if settings.asymmetric:
            lift_scores(state.bits, index, node, scores)
        codes[:, node] = [code_of(scores, table, settings.K) for table in range(settings.L)]
    return codes


@pytest.mark.parametrize("family", EVERY_FAMILY)
@pytest.mark.parametrize("fraction", [0.05, 0.3])
def test_with_every_node_a_candidate_it_is_winner_take_all(family, fraction):
    model = make_model("lsh", SIZES, fraction, family=family, K=3, candidates=1e9, shortlist=1e9)
    twin = make_model("wta", SIZES, fraction)
    rows = draw_batch(150, 30, 4)
    first, second = model.train(rows, KEY), twin.train(rows, KEY)
    np.testing.assert_allclose(model.network.weights, twin.network.weights, atol=1e-6)
    assert first.loss[0] == pytest.approx(second.loss[0], rel=1e-5)
    assert first.active[0] == second.active[0]


@pytest.mark.parametrize("preset", ["default", "paper", "authors-code"])
def test_it_finds_large_inner_products_better_than_chance(preset):
    model = make_model("lsh", [30, 400, 4], 0.05, preset=preset)
    train(model, 120)
    found = wanted = 0
    for x in draw_inputs(100, 30, seed=0):
        answer = ask(model.rule, copy_state(model.state), model.network, 0, x, KEY, False)
        found += np.intersect1d(answer.nodes, largest(model, 0, x, 20)).size
        wanted += 20
    assert found / wanted > {"default": 0.4, "paper": 0.2, "authors-code": 0.15}[preset]


def test_permuted_control_is_as_active_but_not_better_than_chance():
    found, active, sizes = {}, {}, {}
    for permuted in (False, True):
        model = make_model("lsh", [30, 400, 4], 0.05, permuted=permuted, ranking="none")
        train(model, 120)
        codes = layer_buckets(model.state, 0, 400)
        # Every node stands in every table, as without the permutation.
        sizes[permuted] = [np.bincount(table, minlength=256).sum() for table in codes]
        hits, counts = 0, []
        for x in draw_inputs(100, 30, seed=0):
            answer = ask(model.rule, copy_state(model.state), model.network, 0, x, KEY, False)
            hits += np.intersect1d(answer.nodes, largest(model, 0, x, 20)).size
            counts.append(answer.nodes.size)
        found[permuted], active[permuted] = hits / 2000, counts
    assert active[True] == active[False] == [20] * 100
    assert sizes[True] == sizes[False] == [400] * model.rule.settings.L
    # `none` keeps the best of 100 candidates: a random 100 of 400 hold 25 % of the top nodes.
    assert found[True] == pytest.approx(0.25, abs=0.06)
    assert found[False] > 0.45


@pytest.mark.parametrize(
    "settings",
    [
        *({"family": family, "centred": c} for family in EVERY_FAMILY[:4] for c in (False, True)),
        *({"family": family, "asymmetric": True} for family in EVERY_FAMILY[:4]),
        {"family": "dwta"},
        {"family": "fitted", "balanced": False},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
@pytest.mark.parametrize("sizes", [SIZES, [5, 1, 20, 4], [3, 1, 4]])
def test_tables_kept_up_to_date_are_those_built_anew(settings, sizes):
    settings = settings | {"K": 3, "L": 3, "interval": 20, "growth": 1.0}
    model = make_model("lsh", sizes, 0.3, adagrad=True, **settings)
    layers = range(len(sizes) - 2)
    start = [layer_buckets(model.state, index, sizes[index + 1]).copy() for index in layers]
    for index in layers:
        np.testing.assert_array_equal(start[index], hash_again(model, index))
    train(model, 100 + 7 * 20)  # ends with a refresh
    moved = 0
    for index in layers:
        buckets = layer_buckets(model.state, index, sizes[index + 1])
        np.testing.assert_array_equal(buckets, hash_again(model, index))
        moved += np.count_nonzero(buckets != start[index])
    assert moved or sizes != SIZES


def test_no_node_is_lost_or_double_after_training():
    model = make_model("lsh", SIZES, 0.2, interval=10, growth=1.0, adagrad=True, K=3)
    for _ in range(6):
        train(model, 60)
        for index, nodes in enumerate(SIZES[1:-1]):
            tables = Tables(*(part[index] for part in model.state.tables))
            for table in range(model.rule.settings.L):
                buckets = read_buckets(tables, table)
                assert sorted(node for members in buckets for node in members) == list(range(nodes))
                codes = tables.codes[table]
                assert all(codes[n] == code for code, b in enumerate(buckets) for n in b)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("family", ["gaussian", "fitted"])
def test_frozen_tables_stay_as_they_are_after_the_first_refresh(frozen, family):
    model = make_model(
        "lsh", SIZES, 0.2, rate=0.05, adagrad=True, frozen=frozen, family=family, interval=20
    )
    rows = draw_batch(500, 30, 4)
    before = flatten_state(copy_state(model.state.tables))["codes"]
    model.train(slice_batch(rows, 0, 100), KEY)
    first = flatten_state(copy_state(model.state.tables))
    assert not np.array_equal(first["codes"], before)
    directions = model.state.projections.directions.copy()
    model.train(slice_batch(rows, 100, 500), KEY)
    last = flatten_state(model.state.tables)
    assert frozen == all(np.array_equal(first[name], last[name]) for name in first)
    if frozen:
        np.testing.assert_array_equal(model.state.projections.directions, directions)


@pytest.mark.parametrize("shared", [False, True])
def test_with_a_shared_signature_the_first_layer_does_not_see_its_input(shared):
    model = make_model("lsh", SIZES, 0.2, preset="authors-code", shared_signature=shared)
    train(model, 50)
    layers = [
        [
            set(ask(model.rule, model.state, model.network, index, x, KEY, False).nodes.tolist())
            for x in draw_inputs(8, SIZES[index], seed=5)
        ]
        for index in (0, 1)
    ]
    assert all(all(chosen) for chosen in layers)
    assert [all(nodes == chosen[0] for nodes in chosen) for chosen in layers] == [shared, False]


def test_refreshes_come_at_growing_distances_up_to_a_bound():
    model = make_model("lsh", [6, 5, 4], 0.5, interval=30, growth=2.0, longest_interval=100)
    stops = []
    refresh = model.rule.refresh
    model.rule.refresh = lambda *arguments: (stops.append(model.seen), refresh(*arguments))
    rows = draw_batch(600, 6, 4)
    for seen in range(600):
        model.train(slice_batch(rows, seen, seen + 1), KEY)
    assert stops == [100, 130, 190, 290, 390, 490, 590]


def test_inference_is_not_training():
    model = make_model("lsh", SIZES, 0.2)
    train(model, 130)
    before = flatten_state(copy_state(model.state), leave_out=("scratch",))
    for x in draw_inputs(20, 30, seed=3):
        ask(model.rule, model.state, model.network, 0, x, KEY, training=False)
    for name, array in flatten_state(model.state, leave_out=("scratch",)).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_seeds_draw_other_hash_functions():
    network = create_network(SIZES, 1)
    first, other = (make_rule("lsh", 0.1, seed).start(network) for seed in (1, 2))
    assert not np.array_equal(first.tables.codes, other.tables.codes)
    codes = layer_buckets(first, 0, SIZES[1])
    assert not np.array_equal(codes[0], codes[1]), "tables have hash functions of their own"


def test_a_preset_is_where_settings_start():
    plain = make_rule("lsh", 0.1, preset="paper").settings
    changed = make_rule("lsh", 0.1, preset="paper", L=9).settings
    assert (plain.K, plain.L, plain.family) == (6, 5, "gaussian")
    assert changed == plain.model_copy(update={"L": 9})
    authors = make_rule("lsh", 0.1, preset="authors-code").settings
    assert (authors.K, authors.L, authors.family, authors.ranking) == (6, 100, "pooled", "count")


@pytest.mark.parametrize(
    "settings",
    [
        {"K": 0},
        {"K": 40},
        {"L": 0},
        {"directions": 0},
        {"candidates": 0.5},
        {"shortlist": 0},
        {"interval": 0},
        {"growth": 0.5},
        {"preset": "best"},
        {"family": "cosine"},
        {"tables": 3},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValidationError, match=next(iter(settings))):
        make_rule("lsh", 0.1, **settings)


@pytest.mark.parametrize("family", ["gaussian", "sparse", "pooled"])
def test_tracked_features_and_tables_are_those_of_projecting_anew(family):
    settings = {"family": family, "K": 4, "L": 3, "interval": 50, "growth": 1.0}
    settings["shortlist"] = 1e9  # estimates would tell fresh features from old ones
    tracked, twin = (
        make_model("lsh", SIZES, 0.3, rate=0.02, tracking=tracking, **settings)
        for tracking in (True, False)
    )
    start = copy_state(tracked.state).projections.features
    rows = draw_batch(100 + 6 * 50, SIZES[0], 4)
    work = [model.train(rows, KEY).work[MAINTAIN] for model in (tracked, twin)]
    np.testing.assert_allclose(tracked.network.weights, twin.network.weights, atol=1e-3)
    kept, projected = (model.state.projections.features for model in (tracked, twin))
    np.testing.assert_allclose(kept, projected, atol=2e-3)
    assert np.abs(kept - start).max() > 0.01
    buckets, others = (model.state.tables.codes for model in (tracked, twin))
    assert np.mean(buckets == others) > 0.99, "only a score near 0 may round the other way"
    if family == "gaussian":
        assert work[0] < work[1]


@pytest.mark.parametrize("more", [{"adagrad": True}, {"momentum": 0.9}])
def test_tracking_needs_plain_sgd(more):
    with pytest.raises(UserError, match="plain SGD"):
        make_model("lsh", SIZES, 0.2, family="gaussian", tracking=True, **more)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"family": "dwta", "K": 4}, "multiple of 3"),
        ({"family": "dwta", "centred": True}, "centred"),
        ({"family": "dwta", "asymmetric": True}, "asymmetric"),
        ({"family": "fitted", "tracking": True}, "tracking"),
        ({"tracking": True}, "tracking"),
        ({"family": "gaussian", "tracking": True, "refresh": "asynchronous"}, "tracking"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, named):
    with pytest.raises(ValidationError, match=named):
        make_rule("lsh", 0.1, **settings)


@pytest.fixture
def regroup_often(monkeypatch):
    """Renumber nodes after every renewal of the tables."""
    monkeypatch.setattr("lsh_dl.hashing.reorder.REGROUPINGS", range(1000))


def test_regrouping_changes_no_prediction(regroup_often):
    """Where every node is a candidate, LSH is WTA, whatever the nodes' numbers."""
    settings = {"K": 3, "candidates": 1e9, "shortlist": 1e9, "interval": 40}
    model, twin = make_model("lsh", SIZES, 0.3, **settings), make_model("wta", SIZES, 0.3)
    rows = draw_batch(400, 30, 4)
    for either in (model, twin):
        either.train(rows, KEY)
    assert not np.allclose(model.network.weights, twin.network.weights, atol=1e-2)
    np.testing.assert_allclose(model.predict(rows, KEY)[0], twin.predict(rows, KEY)[0], atol=1e-3)


@pytest.mark.parametrize("settings", [{"family": "dwta"}, {"asymmetric": True}, {"permuted": True}])
def test_tables_are_renumbered_with_the_nodes(regroup_often, settings):
    settings = settings | {"K": 3, "L": 3, "interval": 30, "growth": 1.0}
    model = make_model("lsh", SIZES, 0.3, adagrad=True, **settings)
    train(model, 100 + 3 * 30)  # ends with a renewal and a renumbering
    for index, nodes in enumerate(SIZES[1:-1]):
        codes = layer_buckets(model.state, index, nodes)
        np.testing.assert_array_equal(codes, hash_again(model, index))
        tables, stand_for = model.state.tables, model.state.permutations[index][:nodes]
        assert sorted(stand_for) == list(range(nodes))
        for table in range(3):
            buckets = read_buckets(Tables(*(part[index] for part in tables)), table)
            entries = [sorted(stand_for[codes[table] == code]) for code in range(8)]
            assert [sorted(bucket) for bucket in buckets] == entries


@pytest.mark.parametrize("outputs", [None, 0.1])
def test_all_nodes_at_test_change_no_training(outputs):
    sizes, rows = [60, 32, 200, 50], draw_batch(300, 60, 50)
    forms = {
        form: make_model("lsh", sizes, 0.1, inference=form, outputs=outputs)
        for form in ("selected", "all")
    }
    for model in forms.values():
        model.train(rows, KEY)
    weights = forms["all"].network.weights
    assert np.array_equal(weights, forms["selected"].network.weights)
    dense = make_model("lsh", sizes, 1.0, outputs=outputs and 1.0)
    dense.network.weights[:] = weights
    expected = dense.predict(rows, KEY)[0]
    np.testing.assert_allclose(forms["all"].predict(rows, KEY)[0], expected, atol=1e-6)
    assert not np.allclose(forms["selected"].predict(rows, KEY)[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("preset", "family", "bits"), [("simhash", "sparse", 9), ("dwta", "dwta", 15)]
)
def test_presets_of_slide_retrieve_outputs_from_fifty_tables(preset, family, bits):
    rule = make_rule("lsh", 1.0, preset=f"slide-{preset}")
    assert (rule.settings.family, rule.settings.K, rule.settings.L) == (family, bits, 50)
    network = create_network([60, 32, 2000], 1, sampled=True)
    outputs = rule.for_outputs()
    view = view_outputs(network)
    # N0 e^(lambda i): each interval is longer than the one before, by the same factor.
    seen, intervals = 0, []
    for _ in range(12):
        intervals.append(outputs.refresh_interval(seen, view))
        seen += intervals[-1]
    assert intervals[1] == 19  # 9.55 for each thousand labels, after the first refresh
    np.testing.assert_allclose(np.array(intervals[2:]) / 19.1, 1.105 ** np.arange(1, 11), rtol=0.06)
    model = make_model("lsh", [60, 32, 2000], 1.0, adagrad=True, preset=f"slide-{preset}")
    tally = model.train(draw_batch(300, 60, 2000), KEY)
    assert 300 < tally.outputs[0] <= 300 * 11
    assert (model.predict(draw_batch(5, 60, 2000), KEY)[0] > 0).all()  # all are tested

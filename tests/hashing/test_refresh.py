"""Tables renewed while others train are those that all threads renew together."""

import numpy as np
import pytest
from networks import KEY, draw_batch, make_model, make_rule, read_buckets

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.counts import MAINTAIN, STAGES
from lsh_dl.engine.network import create_network, layer_weights
from lsh_dl.engine.threads import Team, create_queue, create_relays
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.refresh import renew_meanwhile, renew_tables
from lsh_dl.hashing.reorder import REGROUPINGS
from lsh_dl.hashing.state import place_of

SIZES = [30, 60, 40, 4]
LAYERS = (0, 1)
SETTINGS = [
    {},
    {"family": "gaussian"},
    {"family": "sparse", "asymmetric": True},
    {"family": "pooled", "K": 9},
    {"family": "dwta", "K": 6},
    {"permuted": True},
]
NAMES = [" ".join(f"{name} {value}" for name, value in case.items()) for case in SETTINGS]


def make(threads=1, refresh="asynchronous", **settings):
    return make_model("lsh", SIZES, 0.3, adagrad=True, threads=threads, refresh=refresh, **settings)


def read_places(state, shift=0):
    """All that is read of a layer's projections and tables, or of its other place."""
    found = {}
    for index in LAYERS:
        place = (place_of(state, index) + shift) % len(state.tables.codes)
        for name in ("directions", "centres", "scales", "features"):
            found[f"{name} {index}"] = getattr(state.projections, name)[place].copy()
        for name, array in state.tables._asdict().items():
            found[f"{name} {index}"] = array[place].copy()
    return found


def renew_alone(state, network, work):
    """One thread renews all layers, as it would while others train."""
    (relay,) = create_relays(1, len(LAYERS), create_queue(), 10, [0])
    renew_meanwhile(state, network, relay, 0, work)


@pytest.mark.parametrize("settings", SETTINGS, ids=NAMES)
def test_one_thread_trains_the_same_bit_for_bit(settings):
    rows = draw_batch(700, 30, 4)
    models = [make(refresh=refresh, **settings) for refresh in ("synchronous", "asynchronous")]
    first, second = (model.train(rows, KEY) for model in models)
    np.testing.assert_array_equal(first.work, second.work)
    np.testing.assert_array_equal(*(model.network.weights for model in models))
    expected, got = (read_places(model.state) for model in models)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


def start(network, refresh, **settings):
    """A rule and its state, whose layers remember the same inputs for the same settings."""
    rule = make_rule("lsh", 0.3, refresh=refresh, **settings)
    state, generator = rule.start(network), np.random.default_rng(2)
    for index, inputs in enumerate(SIZES[:-2]):
        drawn = generator.random((len(state.remembered[index]), inputs))
        state.remembered[index, :, :inputs] = drawn * (drawn > 0.5)
        state.remembered[index, :, inputs] = 1
    return rule, state


def change_weights(network, states, seed):
    """Some nodes of each layer learn something; all of `states` have noted which."""
    generator = np.random.default_rng(seed)
    for index in LAYERS:
        rows = layer_weights(network, index)
        nodes = generator.permutation(len(rows))[: len(rows) // 2]
        rows[nodes] *= generator.normal(size=(len(nodes), 1)).astype(np.float32)
        for state in states:
            state.touched[index, nodes] = 1


@pytest.mark.parametrize("settings", SETTINGS, ids=NAMES)
def test_what_is_handed_over_is_what_a_synchronous_refresh_makes(settings):
    """Where no weight changes meanwhile, several times in turn: each place is built twice."""
    network = create_network(SIZES, 1)
    _, together = start(network, "synchronous", **settings)
    rule, alone = start(network, "asynchronous", **settings)
    with Team(1) as team:
        assert renew_tables(together, network, team) == renew_tables(alone, network, team)
    for turn in range(4):
        change_weights(network, (together, alone), turn)
        before, work = read_places(alone), np.zeros(len(STAGES), np.int64)
        with Team(1) as team:
            expected_work = renew_tables(together, network, team)
        renew_alone(alone, network, work)
        rule.settle(alone, 1)
        assert alone.current[:, 0].tolist() == [1 - turn % 2] * 2
        expected, got = read_places(together), read_places(alone)
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array, err_msg=name)
        for name, array in read_places(alone, shift=2).items():
            np.testing.assert_array_equal(array, before[name], err_msg=f"{name}, which is read")
        assert work[MAINTAIN] == expected_work
        assert any((got[name] != before[name]).any() for name in ("codes 0", "codes 1"))
        assert not alone.touched[0, :60].any()
        assert not alone.touched[1, :40].any()


def test_what_is_trained_while_tables_are_renewed_is_hashed_the_next_time():
    network = create_network(SIZES, 1)
    _, state = start(network, "asynchronous", family="gaussian")
    work = np.zeros(len(STAGES), np.int64)
    renew_alone(state, network, work)
    network.weights[:] *= -1
    state.touched[0, 7] = 1  # as by a sample that was in work
    renewed = read_places(state)["codes 0"]
    renew_alone(state, network, work)
    changed = (read_places(state)["codes 0"] != renewed).any(axis=0)
    assert np.flatnonzero(changed).tolist() == [7]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{}, {"preset": "paper"}, {"preset": "authors-code"}, {"outputs": 0.5}]
)
@pytest.mark.parametrize("threads", [2, 5])
def test_real_threads_lose_no_node_and_answer_every_refresh(threads, settings):
    rows = draw_batch(1500, 30, 4)
    settings = settings | {"interval": 20, "growth": 1.0}
    model = make(threads, **settings)
    for repeat in range(4):
        tally = model.train(rows, np.uint64(repeat))
        assert np.isfinite(tally.loss).all()
    for state, widths in ((model.state, SIZES[1:-1]), *_outputs(model)):
        for index, width in enumerate(widths):
            place = place_of(state, index)
            tables = Tables(*(array[place] for array in state.tables))
            for table, codes in enumerate(tables.codes):
                buckets = read_buckets(tables, table)
                assert sorted(node for nodes in buckets for node in nodes) == list(range(width))
                assert all(codes[n] == code for code, b in enumerate(buckets) for n in b)
        # At the start, after 100 samples, and every 20 from there.
        assert state.upkeep.renewals[0] == 2 + (4 * 1500 - 100) // 20
        done, late, latest = state.upkeep.handovers.T
        assert (done > 0).all()
        assert (late <= done * latest).all()
        assert (latest < 1500).all()
    assert model.until_refresh == 20


def _outputs(model):
    return [(model.outputs.state, [4])] if model.outputs else []


def test_refreshes_at_which_all_meet_are_the_first_and_those_that_renumber():
    model = make(2, interval=20, growth=1.0)
    meetings = []
    refresh = model.rule.refresh
    model.rule.refresh = lambda state, *more: (
        meetings.append((model.seen, int(state.upkeep.renewals[0]) + 1)),
        refresh(state, *more),
    )
    model.train(draw_batch(1000, 30, 4), KEY)
    numbers = [number for seen, number in meetings if seen < 1000]
    assert numbers == [2, *sorted(n for n in REGROUPINGS if 2 < n < 2 + 900 // 20)]
    assert all(seen == 100 + 20 * (number - 2) for seen, number in meetings[:-1])


def test_a_model_goes_on_from_the_place_that_is_read():
    model = make(2, interval=20, growth=1.0)
    rows = draw_batch(530, 30, 4)
    for _ in range(20):
        model.train(rows, KEY)
        if model.state.current.any():
            break
    assert model.state.current.any()
    restored = model.__reduce__()
    copy = restored[0](*restored[1])
    for name, array in read_places(model.state).items():
        np.testing.assert_array_equal(read_places(copy.state)[name], array, err_msg=name)
    few = slice_batch(rows, 0, 50)
    np.testing.assert_array_equal(copy.predict(few, KEY)[0], model.predict(few, KEY)[0])

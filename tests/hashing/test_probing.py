"""Multi-probe: every bucket once, the query's own first, likely ones before unlikely ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from networks import ask, copy_state, draw_inputs, make_rule

from lsh_dl.engine.network import create_network
from lsh_dl.hashing.probing import code_of, create_probes, probe_code, start_probing


def visit_all(scores, bits, tables):
    """Buckets of each table in the order they are visited: (L, probes)."""
    probes = create_probes(bits, tables, 0)
    probes.scores[:] = scores
    start_probing(probes)
    order = range(len(probes.order))
    return np.array([[probe_code(probes, table, k) for k in order] for table in range(tables)])


@st.composite
def queries(draw):
    """K, L and the scores of a query, ties and zeros among them."""
    bits, tables = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    numbers = st.one_of(st.floats(-4, 4, width=32), st.sampled_from([0.0, 1.0, -1.0]))
    return bits, tables, draw(arrays(np.float32, bits * tables, elements=numbers))


@given(queries())
def test_every_bucket_is_visited_once_and_the_own_one_first(query):
    bits, tables, scores = query
    visited = visit_all(scores, bits, tables)
    for table in range(tables):
        assert visited[table, 0] == code_of(scores, table, bits)
        assert sorted(visited[table]) == list(range(2**bits))


@given(queries())
def test_codes_are_the_signs_of_the_scores(query):
    bits, tables, scores = query
    for table in range(tables):
        signs = scores[table * bits : (table + 1) * bits] > 0
        assert code_of(scores, table, bits) == (signs << np.arange(bits)).sum()


@given(queries())
def test_a_bucket_comes_before_those_that_flip_more_or_surer_bits(query):
    """If one set of flipped bits is dominated by another, bit by bit, it is visited earlier."""
    bits, tables, scores = query
    visited = visit_all(scores, bits, tables)
    for table in range(tables):
        margins = np.abs(scores[table * bits : (table + 1) * bits])
        flipped = visited[table] ^ visited[table, 0]
        place = {int(code): position for position, code in enumerate(flipped)}
        for code in range(2**bits):
            for bit in range(bits):
                if code >> bit & 1:
                    continue
                assert place[code] < place[code | 1 << bit], "one bit more comes later"
                for other in range(bits):
                    if not code >> other & 1 and margins[bit] < margins[other]:
                        assert place[code | 1 << bit] < place[code | 1 << other]


@pytest.mark.parametrize("bits", [4, 8])
def test_costs_rise_on_the_whole(bits):
    """Against the query's true costs: the order of expected costs is close to theirs."""
    generator = np.random.default_rng(0)
    agreement = []
    for _ in range(100):
        scores = generator.standard_normal(bits).astype(np.float32)
        visited = visit_all(scores, bits, 1)[0]
        flipped = visited ^ visited[0]
        costs = ((flipped[:, None] >> np.arange(bits)) & 1) @ scores.astype(float) ** 2
        assert costs[0] == 0
        assert costs[1] == pytest.approx((scores**2).min())
        agreement.append(np.corrcoef(np.argsort(np.argsort(costs)), np.arange(len(costs)))[0, 1])
    assert np.mean(agreement) > 0.9


@pytest.mark.parametrize("bits", [13, 16])
def test_large_tables_are_probed_up_to_a_bound(bits):
    scores = np.random.default_rng(1).standard_normal(bits).astype(np.float32)
    visited = visit_all(scores, bits, 1)[0]
    assert 1000 < visited.size < 2**bits
    assert np.unique(visited).size == visited.size
    assert visited[0] == code_of(scores, 0, bits)


@pytest.mark.parametrize("kind", ["random", "zero", "constant"])
@pytest.mark.parametrize("width", [1, 9, 70])
@pytest.mark.parametrize(("bits", "tables"), [(1, 1), (1, 5), (6, 1), (8, 3)])
def test_probing_reaches_every_node(width, bits, tables, kind):
    network = create_network([12, width, 2], seed=1)
    if kind == "zero":
        network.weights[:] = 0
    x = {
        "random": draw_inputs(1, 12, 1)[0],
        "zero": np.zeros(12, np.float32),
        "constant": np.ones(12, np.float32),
    }[kind]
    rule = make_rule("lsh", 1.0, K=bits, L=tables, ranking="none")
    answer = ask(rule, rule.start(network), network, 0, x, np.uint64(1))
    assert sorted(answer.nodes) == list(range(width))


def test_nodes_of_the_own_buckets_are_candidates_before_others():
    network = create_network([12, 300, 2], seed=1)
    rule = make_rule("lsh", 0.02, K=3, L=4, ranking="none", candidates=1.0, family="gaussian")
    state = rule.start(network)
    for x in draw_inputs(30, 12, 5):
        answer = ask(rule, copy_state(state), network, 0, x, np.uint64(1))
        probes = copy_state(state)
        ask(rule, probes, network, 0, x, np.uint64(1))
        scores = probes.scratch.probes.scores
        own = [code_of(scores, table, 3) for table in range(4)]
        met = np.any(state.tables.codes[0] == np.array(own)[:, None], axis=0)
        assert answer.nodes.size == 6
        if np.count_nonzero(met) >= 6:
            assert np.all(met[answer.nodes])

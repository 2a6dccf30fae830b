"""Linked lists of nodes: an updated table equals one built anew, and loses nobody."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from networks import read_buckets

from lsh_dl.hashing.tables import create_tables, place_node


@st.composite
def moves(draw):
    """Shape of some tables, and moves (table, node, bucket) in them."""
    bits, count = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    nodes = draw(st.integers(1, 12))
    move = st.tuples(
        st.integers(0, count - 1), st.integers(0, nodes - 1), st.integers(0, 2**bits - 1)
    )
    return bits, count, nodes, draw(st.lists(move, max_size=80))


@given(moves())
def test_moves_lead_to_the_table_built_anew(case):
    bits, count, nodes, steps = case
    tables, expected = create_tables(bits, count, nodes), {}
    for table in range(count):  # every node starts somewhere
        for node in range(nodes):
            place_node(tables, table, node, (node * 7 + table) % 2**bits)
            expected[table, node] = (node * 7 + table) % 2**bits
    for table, node, code in steps:
        assert place_node(tables, table, node, code) == (expected[table, node] != code)
        expected[table, node] = code

    anew = create_tables(bits, count, nodes)
    for (table, node), code in expected.items():
        place_node(anew, table, node, code)
    for table in range(count):
        buckets = read_buckets(tables, table)
        assert sorted(node for members in buckets for node in members) == list(range(nodes))
        assert list(map(set, buckets)) == list(map(set, read_buckets(anew, table)))
        for code, members in enumerate(buckets):
            assert all(expected[table, node] == code for node in members)
    np.testing.assert_array_equal(tables.codes, anew.codes)


@given(moves())
def test_nodes_may_come_one_by_one(case):
    bits, count, nodes, steps = case
    tables, expected = create_tables(bits, count, nodes), {}
    for table, node, code in steps:
        assert place_node(tables, table, node, code) == (expected.get((table, node)) != code)
        expected[table, node] = code
    for table in range(count):
        found = {
            node: code
            for code, members in enumerate(read_buckets(tables, table))
            for node in members
        }
        assert found == {node: code for (t, node), code in expected.items() if t == table}


def test_memory_is_bounded_as_stated():
    tables = create_tables(bits=6, tables=5, nodes=1000)
    assert all(array.dtype == np.int32 for array in tables)
    assert sum(array.size for array in tables) == 5 * (2**6 + 3 * 1000)
    assert all(not read for read in read_buckets(tables, 0))

"""Tables in flat arrays: every node in its bucket, once, whatever the codes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from networks import read_buckets

from lsh_dl.hashing.hash_tables import create_tables, lay_out


@st.composite
def histories(draw):
    """Shape of some tables, and codes (tables, nodes) that they have one after the other."""
    bits, count = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    nodes = draw(st.integers(1, 12))
    code = st.integers(0, 2**bits - 1)
    codes = st.lists(code, min_size=count * nodes, max_size=count * nodes)
    steps = draw(st.lists(codes, min_size=1, max_size=4))
    return bits, nodes, np.array(steps, np.int32).reshape(len(steps), count, nodes)


@given(histories())
def test_tables_laid_out_again_equal_new_ones(case):
    bits, nodes, steps = case
    count = steps.shape[1]
    tables, everyone = create_tables(bits, count, nodes), np.arange(nodes, dtype=np.int32)
    for codes in steps:
        anew = create_tables(bits, count, nodes)
        for table in range(count):
            for one in (tables, anew):
                one.codes[table] = codes[table]
                lay_out(one, table, everyone)
            buckets = read_buckets(tables, table)
            assert sorted(node for members in buckets for node in members) == list(everyone)
            for code, members in enumerate(buckets):
                assert members == np.flatnonzero(codes[table] == code).tolist()
        for kept, built in zip(tables, anew, strict=True):
            np.testing.assert_array_equal(kept, built)


@given(histories(), st.randoms())
def test_entries_may_stand_for_other_nodes(case, random):
    bits, nodes, steps = case
    tables, stand_for = create_tables(bits, steps.shape[1], nodes), list(range(nodes))
    random.shuffle(stand_for)
    for table, codes in enumerate(steps[0]):
        tables.codes[table] = codes
        lay_out(tables, table, np.array(stand_for, np.int32))
        for code, members in enumerate(read_buckets(tables, table)):
            assert members == [stand_for[node] for node in np.flatnonzero(codes == code)]


def test_memory_is_bounded_as_stated():
    tables = create_tables(bits=6, tables=5, nodes=1000)
    *arrays, short_codes = tables
    assert all(array.dtype == np.int32 for array in arrays)
    assert sum(array.size for array in arrays) == 5 * (2**6 + 1 + 2 * 1000)
    assert short_codes.dtype == np.uint8
    assert short_codes.shape == (5, 1024)  # whole vectors
    assert create_tables(bits=9, tables=5, nodes=1000).short_codes.size == 0
    assert all(not read for read in read_buckets(tables, 0))

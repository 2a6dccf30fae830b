"""A scan of codes finds what a walk through the buckets finds."""

import numpy as np
import pytest

from lsh_dl.hashing.hash_tables import create_tables, lay_out
from lsh_dl.hashing.probing import create_probes, probe_code, start_probing
from lsh_dl.hashing.scanning import scan_codes


def walk(probes, tables, rounds):
    """The probe at which each node is met first: by the tables, bucket by bucket."""
    start_probing(probes)
    count, nodes = tables.members.shape
    first = np.full(nodes, 1000)
    for probe in reversed(range(rounds)):
        for table in range(count):
            code = probe_code(probes, table, probe)
            start, stop = tables.starts[table, code : code + 2]
            first[tables.members[table, start:stop]] = probe
    return first


@pytest.mark.parametrize("bits", [1, 5, 8])
@pytest.mark.parametrize("nodes", [1, 63, 200, 1000])
@pytest.mark.parametrize("rounds", [1, 10, 256])
def test_first_met_first_taken(bits, nodes, rounds):
    generator = np.random.default_rng([bits, nodes])
    tables, probes = create_tables(bits, 3, nodes), create_probes(bits, 3, nodes)
    tables.codes[:] = generator.integers(0, 2**bits, tables.codes.shape)
    for table in range(3):
        lay_out(tables, table, generator.permutation(nodes).astype(np.int32))
    probes.scores[:] = generator.standard_normal(3 * bits)
    rounds = min(rounds, len(probes.order))
    first = walk(probes, tables, rounds)
    for limit in (1, 7, nodes // 4 + 1, nodes):
        found = np.full(nodes, -1, np.int32)
        count = scan_codes(probes, tables.short_codes, nodes, limit, rounds, found)
        assert count == min(limit, (first < rounds).sum())
        met = first[found[:count]]
        assert len(set(found[:count])) == count
        np.testing.assert_array_equal(np.sort(met), np.sort(first)[:count])

"""A state whose arrays come from a file: ranges are checked, tables are laid out anew."""

import numpy as np

from lsh_dl.engine.network import Network
from lsh_dl.engine.simd import LANES
from lsh_dl.hashing.state import State, place_of

#: Counters are far below; beyond it a float64 does not hold every whole number.
LARGEST_COUNT = 2**53


def check_state(state: State, network: Network) -> None:
    """Raise a ValueError unless the state can be that of `network`; lay its tables out.

    Kernels read memory by codes, bins, blocks and permutations, which are checked. The tables'
    buckets follow from codes and permutations, and are made anew.
    """
    projections, bits, tables = state.projections, state.bits, state.tables
    for name, longest in (("features", "blocks"), ("directions", "row_blocks")):
        blocks = np.arange(0, getattr(projections, name).shape[2], LANES)
        if not np.array_equal(getattr(projections, longest), blocks):
            raise ValueError(f"projections.{longest} is not every block of a row")
    for count in np.concatenate([counts.ravel() for counts in state.upkeep]):
        if not 0 <= count < LARGEST_COUNT:
            raise ValueError(f"upkeep: {count} is no count")
    layers = len(state.budgets)
    _require_range(state.current[:, 0], len(tables.codes) // layers, "current")
    if state.whole:
        return
    buckets = tables.starts.shape[2] - 1
    for index, (inputs, width) in enumerate(
        zip(network.sizes[:-2], network.sizes[1:-1], strict=True)
    ):
        _require_range(bits.bins[index], inputs + 1, "bits.bins")
        place = place_of(state, index)
        codes, stand_for = tables.codes[place][:, :width], state.permutations[index][:width]
        _require_range(codes, buckets, "tables.codes")
        if not np.array_equal(np.sort(stand_for), np.arange(width)):
            raise ValueError(f"permutations of layer {index} are none")
        for table, code in enumerate(codes):
            # As `hash_tables.lay_out` does it: nodes in the order of their buckets.
            tables.members[place, table, :width] = stand_for[np.argsort(code, kind="stable")]
            sizes = np.bincount(code, minlength=buckets)
            tables.starts[place, table] = np.concatenate([[0], np.cumsum(sizes)])


def _require_range(numbers: np.ndarray, stop: int, name: str) -> None:
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < stop:
        raise ValueError(f"{name} holds numbers outside 0 ... {stop - 1}")

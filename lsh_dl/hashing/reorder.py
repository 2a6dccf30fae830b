"""Renumber nodes for locality (lsh_dl/engine/reorder.py), and hash tables with them."""

import numpy as np

from lsh_dl.engine.network import Network
from lsh_dl.engine.reorder import group_nodes
from lsh_dl.hashing.hash_tables import lay_out
from lsh_dl.hashing.refresh import recent_inputs
from lsh_dl.hashing.retrieval import tables_of
from lsh_dl.hashing.state import State, place_of

#: Renewals of the tables after which nodes are regrouped: often while they learn what to do.
REGROUPINGS = frozenset(int(3 * 1.4**k) for k in range(30))
#: Layers wider than this stay as they are: few of their blocks hold two active nodes anyway.
WIDEST = 10_000


def regroup_nodes(state: State, network: Network) -> list[tuple[int, np.ndarray]]:
    """Renumber the nodes of layers below a hidden layer, in the state; the network has to follow.

    Returns the layers and their orders: node i becomes what node order[i] was.
    """
    if state.upkeep.renewals[0] not in REGROUPINGS:
        return []
    orders = []
    for index, width in enumerate(network.sizes[1:-2]):
        inputs = recent_inputs(state, network, index + 1)
        if width <= WIDEST and len(inputs):
            order = group_nodes(inputs[:, :width] > 0)
            _permute_state(state, index, order)
            orders.append((index, order))
    return orders


def _permute_state(state: State, index: int, order: np.ndarray) -> None:
    nodes, places = len(order), np.argsort(order)
    place, above = place_of(state, index), place_of(state, index + 1)
    for numbers in (
        state.projections.features[place],
        state.bits.lengths[index],
        state.touched[index],
        *state.tables.codes[place],
        # What is read from the layer, by the one above.
        *state.projections.directions[above],
        *state.remembered[index + 1],
    ):
        numbers[:nodes] = numbers[order]
    bins, stand_for = state.bits.bins[index + 1], state.permutations[index]
    bins[bins < nodes] = places[bins[bins < nodes]]
    stand_for[:nodes] = places[stand_for[order]]
    for table in range(state.tables.codes.shape[1]):
        lay_out(tables_of(state, place), table, stand_for[:nodes])

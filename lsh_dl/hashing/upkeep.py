"""Keep projections and tables up to date with the weights and with the layers' inputs.

All threads of a team share the work; none trains meanwhile. No two write to the same node's
features or to the same table, and the tables do not depend on how many threads there are.
"""

from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network, view_layer
from lsh_dl.engine.simd import LANES, TILE
from lsh_dl.engine.threads import Team
from lsh_dl.hashing.bits import lift_scores, score_features, score_winners
from lsh_dl.hashing.probing import code_of
from lsh_dl.hashing.projections import (
    balance_features,
    centre_projections,
    fit_directions,
    project_nodes,
)
from lsh_dl.hashing.retrieval import tables_of
from lsh_dl.hashing.state import State
from lsh_dl.hashing.tables import lay_out

#: Products this small only lose by more threads, and threads would change their last bits.
BLAS = ThreadpoolController()

#: Asymmetric hashing: nodes may grow to this multiple of the longest one's squared length before
#: all are hashed again.
SPARE_LENGTH = 1.1

#: Orthogonal iterations of the first fit, which starts from random directions, and of later ones.
FIRST_ITERATIONS, ITERATIONS = 4, 1


def renew_tables(state: State, network: Network, team: Team) -> int:
    """Bring projections, features and tables up to date; returns the multiplications done.

    Fitted and centred projections follow the inputs remembered (others are centred once). Then the
    nodes touched since the last time are projected and hashed again (all of them where the
    projections have changed), and tables in which a node has moved are laid out anew.
    """
    layers = range(len(state.budgets))
    with BLAS.limit(limits=1):
        work = _follow_inputs(state, network, team)
        if not state.tracking or state.touched.all():
            work += sum(team.run(partial(_project_touched, state, network, parts=team.threads)))
        work += sum(team.run(partial(_adjust_features, state, network), len(layers)))
    work += sum(team.run(partial(_hash_nodes, state, network, parts=team.threads)))
    team.run(partial(_lay_out_tables, state, network, parts=team.threads))
    state.touched[:] = 0
    state.moved[:] = 0
    state.upkeep.renewals[0] += 1
    return work


def recent_inputs(state: State, network: Network, index: int) -> np.ndarray:
    """The inputs of a layer that are remembered: float32 (at most REMEMBERED, row)."""
    inputs = state.remembered[index, :, : network.strides[index]]
    return inputs[inputs[:, network.sizes[index]] != 0]  # those filled: the bias's 1


def _follow_inputs(state: State, network: Network, team: Team) -> int:
    """Fit and centre the projections; returns the multiplications."""
    renewals = state.upkeep.renewals[0]
    if renewals == 0 or not (state.fitted or (renewals == 1 and state.centred)):
        return 0  # at the start there are no inputs yet
    iterations = FIRST_ITERATIONS if renewals == 1 else ITERATIONS

    def follow(index: int) -> int:
        inputs, work = recent_inputs(state, network, index), 0
        if state.fitted:
            work += fit_directions(state.projections, index, inputs, iterations)
        if state.centred:
            work += centre_projections(state.projections, index, inputs)
        state.touched[index] = 1
        return work

    return sum(team.run(follow, len(state.budgets)))


@compiled
def _project_touched(state, network, part, parts):
    """Project one of `parts` ranges of every layer's touched nodes; returns the multiplications."""
    work = 0
    for index in range(state.budgets.shape[0]):
        weights, touched = view_layer(network, index).weights, state.touched[index]
        nodes = weights.shape[0]
        tiles = -(-nodes // TILE)
        for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
            first, stop = tile * TILE, min(tile * TILE + TILE, nodes)
            if touched[first:stop].all():  # faster together
                work += _project_range(state, index, first, weights[first:stop])
            else:
                for node in range(first, stop):
                    if touched[node] != 0:
                        work += _project_range(state, index, node, weights[node : node + 1])
    return work


@compiled
def _project_range(state, index, first, rows):
    """Project the nodes from `first` on, whose weight rows these are, and note their lengths."""
    bits, (nodes, stride) = state.bits, rows.shape
    blocks = state.projections.row_blocks[: stride // LANES]
    work = project_nodes(state.projections, index, first, rows, blocks)
    if bits.lifts.shape[1] > 0 and bits.mixtures.shape[1] == 0:  # asymmetric, of weights
        for node in range(nodes):
            bits.lengths[index, first + node] = (rows[node] ** 2).sum()
        work += nodes * stride
    return work


def _adjust_features(state: State, network: Network, index: int) -> int:
    """Balance one layer's features and find its longest node; returns the multiplications."""
    bits, nodes, work = state.bits, network.sizes[index + 1], 0
    inputs = recent_inputs(state, network, index)
    if state.balanced and len(inputs):
        work += balance_features(state.projections, index, inputs, nodes)
        state.touched[index] = 1
    if bits.lifts.shape[1]:
        lengths = bits.lengths[index, :nodes]
        mixed = bits.mixtures.shape[1] > 0
        if mixed:
            features = state.projections.features[index, :nodes]
            lengths[:] = (features**2).sum(axis=1)
            work += features.size
        if lengths.max() > bits.longest[index]:
            bits.longest[index] = SPARE_LENGTH * lengths.max()
            state.touched[index] = 1  # all have another coordinate now
    return work


@compiled
def _hash_nodes(state, network, part, parts):
    """Hash one of `parts` ranges of every layer's touched nodes, projected before.

    Returns the multiplications.
    """
    codes = state.tables.codes
    tables, bits = state.scratch.probes.ranked.shape
    scores = np.zeros(tables * bits, np.float32)
    asymmetric, winners = state.bits.lifts.shape[1] > 0, state.bits.bins.shape[1] > 0
    work = 0
    for index in range(state.budgets.shape[0]):
        weights, features = view_layer(network, index).weights, state.projections.features[index]
        nodes = weights.shape[0]
        for node in range(nodes * part // parts, nodes * (part + 1) // parts):
            if state.touched[index, node] == 0:
                continue
            if winners:
                score_winners(state.bits, index, weights[node], scores)
            else:
                work += score_features(state.bits, state.projections, index, features[node], scores)
            if asymmetric:
                work += lift_scores(state.bits, index, node, scores)
            for table in range(tables):
                code = code_of(scores, table, bits)
                if codes[index, table, node] != code:
                    codes[index, table, node] = code
                    state.moved[index, table] = 1
    return work


@compiled
def _lay_out_tables(state, network, part, parts):
    """Lay out anew those of one of `parts` ranges of tables in which a node has moved."""
    layers, count = state.moved.shape
    for number in range(layers * count * part // parts, layers * count * (part + 1) // parts):
        index, table = number // count, number % count
        if state.moved[index, table] != 0:
            stand_for = state.permutations[index, : network.sizes[index + 1]]
            lay_out(tables_of(state, index), table, stand_for)

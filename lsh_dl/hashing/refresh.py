"""Keep projections and tables up to date with the weights and with the layers' inputs.

`renew_tables`: all threads of a team share the work, in one kernel in which they meet; none trains
meanwhile. No two write to the same node's features or to the same table, and neither depends on how
many threads there are.

`renew_meanwhile`: one thread renews a layer, beside what the others go on to read, and hands it
over (`lsh_dl.engine.threads.Relay`). The weights change under its hands: a row may be hashed with
half of an update, and is marked as touched then, so that it is hashed again the next time.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import MAINTAIN
from lsh_dl.engine.network import Network, view_layer
from lsh_dl.engine.simd import LANES, TILE
from lsh_dl.engine.threads import (
    Team,
    Worker,
    barrier,
    chunk,
    claim,
    drop_refcounts,
    hand_over,
    look,
)
from lsh_dl.hashing.fitting import (
    average_inputs,
    balance_features,
    centre_projections,
    create_fitting,
    fit_directions,
)
from lsh_dl.hashing.hash_bits import lift_scores, score_features, score_winners
from lsh_dl.hashing.hash_tables import lay_out
from lsh_dl.hashing.probing import code_of
from lsh_dl.hashing.projections import project_nodes
from lsh_dl.hashing.retrieval import tables_of
from lsh_dl.hashing.state import REMEMBERED, State, place_of

#: Asymmetric hashing: nodes may grow to this multiple of the longest one's squared length before
#: all are hashed again.
SPARE_LENGTH = np.float32(1.1)

#: Orthogonal iterations of the first fit, which starts from random directions, and of later ones.
FIRST_ITERATIONS, ITERATIONS = 4, 1


class Renewal(NamedTuple):
    """What is renewed: one layer."""

    index: int
    place: int  # where projections and tables are built, in the stacked arrays
    touched: np.ndarray  # uint8 (nodes,): trained since they were hashed


def renew_tables(state: State, network: Network, team: Team) -> int:
    """Bring projections, features and tables up to date; returns the multiplications done.

    Fitted and centred projections follow the inputs remembered (others are centred once). Then the
    nodes touched since the last time are projected and hashed again (all of them where the
    projections have changed), and tables in which a node has moved are laid out anew.
    """
    renewals = state.upkeep.renewals[0]
    # At the start there are no inputs yet.
    follows = renewals > 0 and (state.fitted or (renewals == 1 and state.centred))
    iterations = FIRST_ITERATIONS if renewals == 1 else ITERATIONS
    fitting = create_fitting(state.projections, REMEMBERED)
    renew = partial(_renew, state, network, follows, iterations, fitting)
    work = sum(team.run_together(renew))
    state.touched[:] = 0
    state.moved[:] = 0
    state.upkeep.renewals[0] += 1
    return work


@compiled
def recent_inputs(state, network, index):
    """The inputs of a layer that are remembered: float32 (at most REMEMBERED, longest row)."""
    inputs = state.remembered[index]
    filled = np.flatnonzero(inputs[:, network.sizes[index]])  # the bias's input is 1
    if filled.shape[0] < inputs.shape[0]:
        return inputs[filled]
    return inputs


@compiled
def _renew(state, network, follows, iterations, fitting, worker):
    """Do one thread's part of renewing all layers; returns the multiplications."""
    state, network = drop_refcounts(state), drop_refcounts(network)
    fitting, worker = drop_refcounts(fitting), drop_refcounts(worker)
    work = 0
    for index in range(state.budgets.shape[0]):
        renewal = Renewal(index, place_of(state, index), state.touched[index])
        inputs = recent_inputs(state, network, index)
        work += _renew_layer(state, network, renewal, inputs, follows, iterations, fitting, worker)
    return work


@compiled
def renew_meanwhile(state, network, relay, row, work):
    """Renew the layers whose renewal is due and that no thread has at work; hand them over."""
    state, network, relay = drop_refcounts(state), drop_refcounts(network), drop_refcounts(relay)
    for index in range(state.budgets.shape[0]):
        answered = claim(relay, index, row)
        if answered == 0:
            continue
        other = 1 - look(state.current[index])
        work[MAINTAIN] += _renew_beside(state, network, index, other, relay.queue)
        late = hand_over(relay, index, answered, state.current[index], other)
        handovers = state.upkeep.handovers[index]
        handovers[0] += 1
        handovers[1] += late
        handovers[2] = max(handovers[2], late)


@compiled
def _renew_beside(state, network, index, other, arrivals):
    """Build a layer's projections and tables at its other place, from those that are read.

    Returns the multiplications.
    """
    place, projections = place_of(state, index), state.projections
    beside = index + other * state.budgets.shape[0]
    # A loop for each number of dimensions.
    for numbers in (projections.directions, projections.features):
        numbers[beside] = numbers[place]
    for numbers in (projections.centres, projections.scales):
        numbers[beside] = numbers[place]
    # Marks are taken before weights are read: what is trained after that is marked again.
    touched = state.touched[index].copy()
    for node in range(touched.shape[0]):
        if touched[node] != 0:
            state.touched[index, node] = 0
    state.tables.codes[beside] = state.tables.codes[place]
    state.moved[index] = 1  # its tables are older than those that are read
    inputs = recent_inputs(state, network, index).copy()
    fitting = create_fitting(projections, REMEMBERED)
    renewal = Renewal(index, beside, touched)
    alone = Worker(np.int64(0), np.int64(1), arrivals)  # of the type that a team's are of
    return _renew_layer(state, network, renewal, inputs, state.fitted, ITERATIONS, fitting, alone)


@compiled
def _renew_layer(state, network, renewal, inputs, follows, iterations, fitting, worker):
    """Do one thread's part of renewing a layer; returns the multiplications."""
    index, work = renewal.index, 0
    if follows and inputs.shape[0] > 0:
        work += _follow_inputs(state, network, renewal, inputs, iterations, fitting, worker)
    if not state.tracking or renewal.touched.all():
        work += _project_touched(state, network, renewal, worker)
        barrier(worker)
    work += _adjust_features(state, network, renewal, inputs, fitting, worker)
    work += _hash_touched(state, network, renewal, worker)
    barrier(worker)
    first, stop = chunk(worker, state.moved.shape[1])
    for table in range(first, stop):
        if state.moved[index, table] != 0:
            stand_for = state.permutations[index, : network.sizes[index + 1]]
            lay_out(tables_of(state, renewal.place), table, stand_for)
    return work


@compiled
def _follow_inputs(state, network, renewal, inputs, iterations, fitting, worker):
    """Fit and centre a layer's projections; returns the multiplications."""
    projections, place, stride = state.projections, renewal.place, network.strides[renewal.index]
    work = 0
    average_inputs(inputs, stride, fitting.mean, worker)
    if state.fitted:
        work += fit_directions(projections, place, inputs, stride, iterations, fitting, worker)
    if state.centred:
        work += centre_projections(projections, place, stride, fitting.mean, worker)
    _touch_all(renewal, worker)
    return work


@compiled
def _touch_all(renewal, worker):
    """Note that all of a layer's nodes have to be hashed again."""
    if worker.part == 0:
        renewal.touched[:] = 1
    barrier(worker)


@compiled
def _project_touched(state, network, renewal, worker):
    """Project a layer's touched nodes; returns the multiplications."""
    weights, touched, work = view_layer(network, renewal.index).weights, renewal.touched, 0
    nodes = weights.shape[0]
    first, stop = chunk(worker, -(-nodes // TILE))
    for tile in range(first, stop):
        start, end = tile * TILE, min(tile * TILE + TILE, nodes)
        if touched[start:end].all():  # faster together
            work += _project_range(state, renewal, start, weights[start:end])
        else:
            for node in range(start, end):
                if touched[node] != 0:
                    work += _project_range(state, renewal, node, weights[node : node + 1])
    return work


@compiled
def _project_range(state, renewal, first, rows):
    """Project the nodes from `first` on, whose weight rows these are, and note their lengths."""
    bits, (nodes, stride) = state.bits, rows.shape
    blocks = state.projections.row_blocks[: stride // LANES]
    work = project_nodes(state.projections, renewal.place, first, rows, blocks)
    if bits.lifts.shape[1] > 0 and bits.mixtures.shape[1] == 0:  # asymmetric, of weights
        for node in range(nodes):
            bits.lengths[renewal.index, first + node] = (rows[node] ** 2).sum()
        work += nodes * stride
    return work


@compiled
def _adjust_features(state, network, renewal, inputs, fitting, worker):
    """Balance one layer's features and find its longest node; returns the multiplications."""
    index, place, bits, work = renewal.index, renewal.place, state.bits, 0
    nodes = network.sizes[index + 1]
    if state.balanced and inputs.shape[0] > 0:
        stride = network.strides[index]
        work += balance_features(state.projections, place, inputs, stride, nodes, fitting, worker)
        _touch_all(renewal, worker)
    if bits.lifts.shape[1] > 0:
        if bits.mixtures.shape[1] > 0:
            features = state.projections.features[place]
            first, stop = chunk(worker, nodes)
            for node in range(first, stop):
                bits.lengths[index, node] = (features[node] ** 2).sum()
            work += (stop - first) * features.shape[1]
            barrier(worker)
        longest = bits.lengths[index, :nodes].max()
        grown = longest > bits.longest[index]
        barrier(worker)  # all have read it
        if grown:  # all have another coordinate now
            if worker.part == 0:
                bits.longest[index] = SPARE_LENGTH * longest
            _touch_all(renewal, worker)
    return work


@compiled
def _hash_touched(state, network, renewal, worker):
    """Hash a layer's touched nodes, projected before; returns the multiplications."""
    tables, bits = state.scratch.probes.ranked.shape
    scores = np.zeros(tables * bits, np.float32)
    asymmetric, winners = state.bits.lifts.shape[1] > 0, state.bits.bins.shape[1] > 0
    index, place, work = renewal.index, renewal.place, 0
    weights, features = view_layer(network, index).weights, state.projections.features[place]
    codes = state.tables.codes[place]
    first, stop = chunk(worker, weights.shape[0])
    for node in range(first, stop):
        if renewal.touched[node] == 0:
            continue
        if winners:
            score_winners(state.bits, index, weights[node], scores)
        else:
            work += score_features(state.bits, state.projections, index, features[node], scores)
        if asymmetric:
            work += lift_scores(state.bits, index, node, scores)
        for table in range(tables):
            code = code_of(scores, table, bits)
            if codes[table, node] != code:
                codes[table, node] = code
                state.moved[index, table] = 1
    return work

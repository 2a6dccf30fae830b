"""The sample loop: forward through active nodes, back through the same, update in place.

The loop is written once and runs in two ways: compiled around a rule's compiled `select`, or as
plain Python (`.py_func`) around a rule in plain NumPy; the leaves are compiled in both.
Reference: Spring & Shrivastava, KDD 2017, algorithm 1; one sample at a time.
"""

import numpy as np
from numba.extending import register_jitable

from lsh_dl.engine.clock import BACKWARD, FORWARD, OTHER, SELECT, end_stage, start_clock
from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.dispatch import follow_updates, renew_due, select_nodes
from lsh_dl.engine.layers import (
    activate,
    backward_active,
    clear_level,
    forward_active,
    prepare_selection,
    scatter,
    view_level,
)
from lsh_dl.engine.losses import score_sample, weigh_optimiser
from lsh_dl.engine.network import view_layer
from lsh_dl.engine.outputs import (
    backward_outputs,
    forward_outputs,
    write_largest,
    write_probabilities,
)
from lsh_dl.engine.prng import mix
from lsh_dl.engine.threads import NO_MORE, drop_refcounts, pass_row, take_row


@register_jitable
def forward_hidden(
    state, selects_values, network, batch, s, key, training, workspace, tally, clock
):
    """One sample through the hidden layers; every level's vector stays in the workspace.

    Returns the last one's, which the output layer reads. `clock` may be None.
    """
    inputs = batch.ids[batch.ends[s] : batch.ends[s + 1]]
    scatter(inputs, batch.values[batch.ends[s] : batch.ends[s + 1]], 0, workspace)
    x = view_level(0, inputs, workspace)
    end_stage(clock, OTHER)
    hidden = network.strides.shape[0] - 1
    for index in range(hidden):
        layer = view_layer(network, index)
        chosen = prepare_selection(network.sizes[index + 1], workspace, tally.work)
        # Interpreted, mix gives a plain int, which no kernel takes above 2**63.
        layer_key = np.uint64(mix(key, index))
        count = select_nodes(state, layer, x, layer_key, training, chosen)
        end_stage(clock, SELECT)
        if not selects_values:
            forward_active(layer, x, chosen, count)
        tally.active[0] += count
        activate(index + 1, chosen, count, workspace)
        ids = workspace.ids[index + 1][: workspace.counts[index + 1]]
        x = view_level(index + 1, ids, workspace)
        end_stage(clock, FORWARD)
    return x


@register_jitable
def forward_sample(
    state, selects_values, network, outputs, batch, s, key, training, workspace, tally, clock
):
    """One sample from its inputs to the outputs; returns how many outputs are active."""
    sample_key = np.uint64(mix(key, batch.numbers[s]))
    x = forward_hidden(
        state, selects_values, network, batch, s, sample_key, training, workspace, tally, clock
    )
    hidden = network.strides.shape[0] - 1
    targets = batch.labels[batch.label_ends[s] : batch.label_ends[s + 1]]
    output_key = np.uint64(mix(sample_key, hidden))
    count = forward_outputs(
        outputs, network, x, hidden, targets, output_key, training, workspace, tally.work
    )
    tally.outputs[0] += count
    end_stage(clock, FORWARD)
    return count


@register_jitable
def backward_hidden(state, network, batch, s, optimiser, workspace, work):
    """Back through the hidden layers, from the gradient at the last level, updating on the way."""
    hidden = network.strides.shape[0] - 1
    for back in range(hidden):
        index = hidden - 1 - back
        ids = workspace.ids[index][: workspace.counts[index]]
        if index == 0:
            ids = batch.ids[batch.ends[s] : batch.ends[s + 1]]
        x = view_level(index, ids, workspace)
        layer = view_layer(network, index)
        backward_active(layer, x, index, optimiser, workspace, work)
        nodes = workspace.ids[index + 1][: workspace.counts[index + 1] - 1]
        steps = workspace.steps[: nodes.shape[0]]
        follow_updates(state, layer, x, nodes, steps, work)


@register_jitable
def clear_sample(network, workspace):
    """Leave all levels zero for the next sample."""
    for level in range(network.strides.shape[0]):
        clear_level(level, workspace)


@register_jitable
def begin_row(state, network, relay, row, work):
    """Note that this thread has taken a row; renew what is due of a rule's state.

    `relay` is None where nothing is renewed while threads train.
    """
    if relay is not None:
        pass_row(relay, row)
        renew_due(state, network, relay, row, work)


@register_jitable
def begin_outputs_row(outputs, relay, row, work):
    """The same of the rule that selects outputs."""
    if relay is not None:
        begin_row(outputs.state, outputs.network, relay, row, work)


@register_jitable
def end_rows(relay):
    """Note that this thread takes no more rows."""
    if relay is not None:
        pass_row(relay, NO_MORE)


@compiled
def train_samples(
    state,
    selects_values,
    network,
    outputs,
    batch,
    queue,
    key,
    workspace,
    tally,
    optimiser,
    clock,
    relay,
    outputs_relay,
):
    """Train on the rows that this thread gets from the queue, one sample at a time.

    All threads update the same weights as they go, without locks (Hogwild: Recht, Re, Wright, Niu,
    NIPS 2011). `selects_values` is the rule's `computes_preactivations`; `outputs` says how outputs
    are selected, None: not at all; `key` is that of the epoch. The time of each stage is added to
    `clock` (`lsh_dl.engine.clock`), unless that is None. Rules renew what the relays say, that of
    hidden layers and that of outputs; None: nothing is renewed meanwhile.
    """
    state, network, batch = drop_refcounts(state), drop_refcounts(network), drop_refcounts(batch)
    workspace, tally, optimiser = (
        drop_refcounts(workspace),
        drop_refcounts(tally),
        drop_refcounts(optimiser),
    )
    outputs, clock = drop_refcounts(outputs), drop_refcounts(clock)
    relay, outputs_relay = drop_refcounts(relay), drop_refcounts(outputs_relay)
    hidden = network.strides.shape[0] - 1
    start_clock(clock)
    s = take_row(queue)
    while s < batch.numbers.shape[0]:
        begin_row(state, network, relay, s, tally.work)
        begin_outputs_row(outputs, outputs_relay, s, tally.work)
        targets = batch.labels[batch.label_ends[s] : batch.label_ends[s + 1]]
        if targets.shape[0] > 0:  # without labels there is nothing to learn
            count = forward_sample(
                state,
                selects_values,
                network,
                outputs,
                batch,
                s,
                key,
                True,
                workspace,
                tally,
                clock,
            )
            score_sample(network, batch, s, targets, count, workspace, tally)
            end_stage(clock, OTHER)
            weighed = weigh_optimiser(optimiser, batch.weights, s)
            x = view_level(hidden, workspace.ids[hidden][: workspace.counts[hidden]], workspace)
            backward_outputs(outputs, network, x, hidden, count, weighed, workspace, tally.work)
            backward_hidden(state, network, batch, s, weighed, workspace, tally.work)
            end_stage(clock, BACKWARD)
            clear_sample(network, workspace)
        s = take_row(queue)
    end_rows(relay)
    end_rows(outputs_relay)
    end_stage(clock, OTHER)


@compiled
def read_samples(
    state,
    selects_values,
    network,
    outputs,
    batch,
    queue,
    key,
    workspace,
    tally,
    probabilities,
    ranked,
):
    """Write what is asked for of the samples that this thread takes.

    `probabilities`: of all classes, float32 (samples, classes); `ranked`: the classes of the
    largest outputs, int32 (samples, k). Without rows: not asked for.
    """
    state, network, batch = drop_refcounts(state), drop_refcounts(network), drop_refcounts(batch)
    workspace, tally, outputs = (
        drop_refcounts(workspace),
        drop_refcounts(tally),
        drop_refcounts(outputs),
    )
    level = network.strides.shape[0]
    s = take_row(queue)
    while s < batch.numbers.shape[0]:
        count = forward_sample(
            state, selects_values, network, outputs, batch, s, key, False, workspace, tally, None
        )
        if probabilities.shape[0] > 0:
            write_probabilities(level, count, network.sampled, workspace, probabilities[s])
        if ranked.shape[0] > 0:
            write_largest(level, count, network.sampled, workspace, ranked[s])
        clear_sample(network, workspace)
        s = take_row(queue)

"""Watch a rule choose: which nodes it selects at inference, beside all nodes' pre-activations."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.dispatch import select_nodes
from lsh_dl.engine.layers import prepare_selection, release_selection, view_level
from lsh_dl.engine.loop import clear_sample, forward_hidden
from lsh_dl.engine.network import view_layer
from lsh_dl.engine.prng import mix
from lsh_dl.engine.simd import dot_blocks


@compiled
def compute_all(layer, x, preactivations):
    """Compute every node's pre-activation, and return the length of the input, its 1 included."""
    stride = layer.weights.shape[1]
    for node in range(layer.weights.shape[0]):
        start = layer.start + node * stride
        preactivations[node] = dot_blocks(layer.flat, start, x.values, x.blocks)
    square = np.float32(0)
    for i in x.ids:
        square += x.values[i] * x.values[i]
    return np.sqrt(square)


@compiled
def trace_samples(
    state, selects_values, network, batch, key, workspace, tally, selected, preactivations, lengths
):
    """Predict the rows; of each hidden layer write what was selected and what could have been.

    Every layer's input is what the selection before it left. A rule's `select` is asked twice: in
    the forward pass, and, with the same key, to be written down. `selected` uint8 and
    `preactivations` float32 (samples, layers, nodes), `lengths` float32 (samples, layers).
    """
    hidden = network.strides.shape[0] - 1
    for s in range(batch.numbers.shape[0]):
        sample_key = np.uint64(mix(key, batch.numbers[s]))
        forward_hidden(
            state, selects_values, network, batch, s, sample_key, False, workspace, tally, None
        )
        for index in range(hidden):
            ids = workspace.ids[index][: workspace.counts[index]]
            if index == 0:
                ids = batch.ids[batch.ends[s] : batch.ends[s + 1]]
            x = view_level(index, ids, workspace)
            layer = view_layer(network, index)
            chosen = prepare_selection(network.sizes[index + 1], workspace, tally.work)
            layer_key = np.uint64(mix(sample_key, index))
            count = select_nodes(state, layer, x, layer_key, False, chosen)
            for p in range(count):
                selected[s, index, chosen.nodes[p]] = 1
            release_selection(chosen, count)
            lengths[s, index] = compute_all(layer, x, preactivations[s, index])
        clear_sample(network, workspace)

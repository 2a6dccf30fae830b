"""The sample loop: forward through active nodes, back through the same, update in place.

The loop is written once and runs in two ways: compiled around a rule's compiled `select`, or as
plain Python (`.py_func`) around a rule in plain NumPy; the leaves are compiled in both.
Reference: Spring & Shrivastava, KDD 2017, algorithm 1; one sample at a time.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.keys import mix
from lsh_dl.engine.network import Vector, view_layer
from lsh_dl.engine.optimiser import operations_per_weight, step_row
from lsh_dl.engine.selection import Selection, follow_updates, select_nodes
from lsh_dl.engine.simd import add_scaled_blocks, clear_blocks, dot_blocks
from lsh_dl.engine.threads import take_row, uncounted
from lsh_dl.engine.work import BACKWARD, FORWARD, OPTIMISER, UPDATE

count_optimiser = register_jitable(operations_per_weight)


class Rows(NamedTuple):
    """Samples as sparse rows (CSR): a row's non-zero inputs in rising order, then the bias's 1."""

    ends: np.ndarray  # int64 (samples + 1,): row i is ends[i]:ends[i + 1]
    ids: np.ndarray  # int32
    values: np.ndarray  # float32
    labels: np.ndarray  # int32 (samples,)
    numbers: np.ndarray  # int64 (samples,): which sample it is, for random keys


@compiled
def scatter(ids, values, level, workspace):
    """Write a sparse vector to a level's dense vector and list the blocks it touches."""
    dense, blocks, marks = workspace.values[level], workspace.blocks[level], workspace.marks
    count = 0
    for k in range(ids.shape[0]):
        i = ids[k]
        dense[i] = values[k]
        block = i >> 4
        # Written either way, counted if new: a branch would be mispredicted.
        blocks[count] = block << 4
        count += marks[block] == 0
        marks[block] = 1
    for b in range(count):
        marks[blocks[b] >> 4] = 0
    workspace.block_counts[level] = count


@compiled
def clear_level(level, workspace):
    """Set a level's dense vector and gradient back to zero, where they were touched."""
    blocks = workspace.blocks[level][: workspace.block_counts[level]]
    clear_blocks(workspace.values[level], blocks)
    clear_blocks(workspace.gradients[level], blocks)


@compiled
def view_level(level, ids, workspace):
    """A level's vector as kernels and rules see it."""
    blocks = workspace.blocks[level][: workspace.block_counts[level]]
    return Vector(workspace.values[level], ids, blocks)


@compiled
def prepare_selection(width, workspace, work):
    """An empty Selection for a layer of `width` nodes."""
    return Selection(
        workspace.nodes[:width],
        workspace.preactivations[:width],
        workspace.gains[:width],
        work,
    )


@compiled
def release_selection(chosen, count):
    """Set the gains back to 1: work in proportion to what was chosen, not to the layer's width."""
    for p in range(count):
        chosen.gains[p] = 1


@compiled
def forward_active(layer, x, chosen, count):
    """Compute the active nodes' pre-activations over the non-zero inputs."""
    stride = layer.weights.shape[1]
    for p in range(count):
        start = layer.start + chosen.nodes[p] * stride
        chosen.preactivations[p] = dot_blocks(layer.flat, start, x.values, x.blocks)
    chosen.work[FORWARD] += count * (x.ids.shape[0] - 1)


@compiled
def activate(level, chosen, count, workspace):
    """ReLU and gain; list what is positive as the level's vector, with the next bias's 1."""
    ids, slopes, values = workspace.ids[level], workspace.slopes[level], workspace.activations
    positive = 0
    for p in range(count):
        value = chosen.preactivations[p] * chosen.gains[p]
        if value > 0:
            ids[positive] = chosen.nodes[p]
            values[positive] = value
            slopes[positive] = chosen.gains[p]
            positive += 1
    release_selection(chosen, count)
    ids[positive] = chosen.nodes.shape[0]
    values[positive] = 1
    workspace.counts[level] = positive + 1
    scatter(ids[: positive + 1], values, level, workspace)


@compiled
def forward_output(network, x, workspace, work):
    """Dense softmax layer over the last active set: probabilities to `workspace.outputs`."""
    outputs, blocks = workspace.outputs, workspace.class_blocks
    hidden = network.strides.shape[0] - 1
    first, stride, classes = network.starts[hidden], network.strides[hidden], network.sizes[-1]
    outputs[:] = 0
    for i in x.ids:
        add_scaled_blocks(outputs, x.values[i], network.weights, first + i * stride, blocks)
    highest = outputs[:classes].max()
    total = np.float32(0)
    for c in range(classes):
        outputs[c] = np.exp(outputs[c] - highest)
        total += outputs[c]
    for c in range(classes):
        outputs[c] /= total
    work[FORWARD] += classes * (x.ids.shape[0] - 1)


@compiled
def backward_output(network, x, level, optimiser, label, workspace, work):
    """Gradient of the cross-entropy to the last hidden level, and the output layer's update."""
    outputs, blocks = workspace.outputs, workspace.class_blocks
    hidden = network.strides.shape[0] - 1
    first, stride = network.starts[hidden], network.strides[hidden]
    outputs[label] -= 1
    for i in x.ids:
        row = first + i * stride
        workspace.gradients[level, i] = dot_blocks(network.weights, row, outputs, blocks)
        step_row(optimiser, network.weights, row, x.values[i], outputs, blocks)
    touched = network.sizes[-1] * (x.ids.shape[0] - 1)
    work[BACKWARD] += touched
    work[UPDATE] += touched
    work[OPTIMISER] += touched * count_optimiser(optimiser)


@compiled
def backward_active(layer, x, level, optimiser, workspace, work):
    """Back through one hidden layer, from level + 1 to level, updating its positive nodes' rows."""
    stride = layer.weights.shape[1]
    ids, slopes = workspace.ids[level + 1], workspace.slopes[level + 1]
    rows = workspace.counts[level + 1] - 1
    for p in range(rows):
        start = layer.start + ids[p] * stride
        gradient = workspace.gradients[level + 1, ids[p]] * slopes[p]
        if level > 0:
            add_scaled_blocks(workspace.gradients[level], gradient, layer.flat, start, x.blocks)
        step_row(optimiser, layer.flat, start, gradient, x.values, x.blocks)
        workspace.steps[p] = -optimiser.learning_rate * gradient
    touched = rows * (x.ids.shape[0] - 1)
    if level > 0:
        work[BACKWARD] += touched
    work[UPDATE] += touched
    work[OPTIMISER] += touched * count_optimiser(optimiser)


@register_jitable
def forward_sample(state, selects_values, network, rows, s, key, training, workspace, tally):
    """One sample from its inputs to the outputs; every level's vector stays in the workspace."""
    inputs = rows.ids[rows.ends[s] : rows.ends[s + 1]]
    scatter(inputs, rows.values[rows.ends[s] : rows.ends[s + 1]], 0, workspace)
    x = view_level(0, inputs, workspace)
    hidden = network.strides.shape[0] - 1
    for index in range(hidden):
        layer = view_layer(network, index)
        chosen = prepare_selection(network.sizes[index + 1], workspace, tally.work)
        # Interpreted, mix gives a plain int, which no kernel takes above 2**63.
        layer_key = np.uint64(mix(key, index))
        count = select_nodes(state, layer, x, layer_key, training, chosen)
        if not selects_values:
            forward_active(layer, x, chosen, count)
        tally.active[0] += count
        activate(index + 1, chosen, count, workspace)
        ids = workspace.ids[index + 1][: workspace.counts[index + 1]]
        x = view_level(index + 1, ids, workspace)
    forward_output(network, x, workspace, tally.work)


@register_jitable
def clear_sample(network, workspace):
    """Leave all levels zero for the next sample."""
    for level in range(network.strides.shape[0]):
        clear_level(level, workspace)


@compiled
def score_sample(label, workspace, tally):
    """Add the sample's loss and hit to the tally."""
    outputs = workspace.outputs
    tally.loss[0] -= np.log(max(outputs[label], np.float32(1e-30)))
    tally.correct[0] += np.argmax(outputs) == label


@compiled
def train_samples(state, selects_values, network, rows, queue, key, workspace, tally, optimiser):
    """Train on the rows that this thread gets from the queue, one sample at a time.

    All threads update the same weights as they go, without locks (Hogwild: Recht, Re, Wright, Niu,
    NIPS 2011). `selects_values` is the rule's `computes_preactivations`; `key` that of the epoch.
    """
    state, network, rows = uncounted(state), uncounted(network), uncounted(rows)
    workspace, tally, optimiser = uncounted(workspace), uncounted(tally), uncounted(optimiser)
    hidden = network.strides.shape[0] - 1
    s = take_row(queue)
    while s < rows.labels.shape[0]:
        label = rows.labels[s]
        sample_key = np.uint64(mix(key, rows.numbers[s]))
        forward_sample(state, selects_values, network, rows, s, sample_key, True, workspace, tally)
        score_sample(label, workspace, tally)
        x = view_level(hidden, workspace.ids[hidden][: workspace.counts[hidden]], workspace)
        backward_output(network, x, hidden, optimiser, label, workspace, tally.work)
        for back in range(hidden):
            index = hidden - 1 - back
            ids = workspace.ids[index][: workspace.counts[index]]
            if index == 0:
                ids = rows.ids[rows.ends[s] : rows.ends[s + 1]]
            x = view_level(index, ids, workspace)
            layer = view_layer(network, index)
            backward_active(layer, x, index, optimiser, workspace, tally.work)
            nodes = workspace.ids[index + 1][: workspace.counts[index + 1] - 1]
            steps = workspace.steps[: nodes.shape[0]]
            follow_updates(state, layer, x, nodes, steps, tally.work)
        clear_sample(network, workspace)
        s = take_row(queue)


@compiled
def predict_samples(
    state, selects_values, network, rows, queue, key, workspace, tally, probabilities
):
    """Write the class probabilities, float32 (samples, classes), of this thread's rows."""
    state, network, rows = uncounted(state), uncounted(network), uncounted(rows)
    workspace, tally = uncounted(workspace), uncounted(tally)
    s = take_row(queue)
    while s < rows.labels.shape[0]:
        sample_key = np.uint64(mix(key, rows.numbers[s]))
        forward_sample(state, selects_values, network, rows, s, sample_key, False, workspace, tally)
        probabilities[s, :] = workspace.outputs[: probabilities.shape[1]]
        clear_sample(network, workspace)
        s = take_row(queue)

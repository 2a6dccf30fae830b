"""One layer and one sample: kernels over the active nodes and the non-zero inputs."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import BACKWARD, FORWARD, OPTIMISER, UPDATE
from lsh_dl.engine.dispatch import Selection
from lsh_dl.engine.network import Vector
from lsh_dl.engine.optimiser import (
    is_penalised,
    operations_per_weight,
    prefetch_row,
    step_penalised,
    step_row,
)
from lsh_dl.engine.simd import add_scaled_blocks, clear_blocks, dot_rows


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
    nodes, values = chosen.nodes[:count], chosen.preactivations
    dot_rows(layer.flat, layer.start, stride, nodes, x.values, x.blocks, values)
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
def backward_active(layer, x, level, optimiser, workspace, work):
    """Back through one hidden layer, from level + 1 to level, updating its positive nodes' rows."""
    stride = layer.weights.shape[1]
    ids, slopes = workspace.ids[level + 1], workspace.slopes[level + 1]
    rows = workspace.counts[level + 1] - 1
    bias = np.int64(x.ids[x.ids.shape[0] - 1])
    for p in range(rows):
        start = layer.start + ids[p] * stride
        if p + 1 < rows:
            prefetch_row(optimiser, layer.flat, layer.start + ids[p + 1] * stride, x.blocks)
        gradient = workspace.gradients[level + 1, ids[p]] * slopes[p]
        if level > 0:
            add_scaled_blocks(workspace.gradients[level], gradient, layer.flat, start, x.blocks)
        if is_penalised(optimiser, level):
            step_penalised(optimiser, layer.flat, start, gradient, x.values, x.blocks, bias)
        else:
            step_row(optimiser, layer.flat, start, gradient, x.values, x.blocks)
        workspace.steps[p] = -optimiser.learning_rate * gradient
    touched = rows * (x.ids.shape[0] - 1)
    if level > 0:
        work[BACKWARD] += touched
    work[UPDATE] += touched
    work[OPTIMISER] += touched * operations_per_weight(optimiser, level)

"""The output layer: softmax over all classes, or over those that a rule selects; or plain numbers.

A sample may have several labels, or none; the target is uniform over them, 1 / labels each.

*Sampled softmax* (SLIDE: Chen, Medini, Farwell, Gobriel, Tai, Shrivastava, MLSys 2020): active are
the nodes that the rule selects and, in training, the true labels; probabilities, loss and gradient
are those of a softmax over the active nodes alone. At prediction the selected ones are all there
is.
"""

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import BACKWARD, FORWARD, OPTIMISER, UPDATE
from lsh_dl.engine.dispatch import follow_updates, select_nodes
from lsh_dl.engine.layers import (
    backward_active,
    forward_active,
    prepare_selection,
    release_selection,
)
from lsh_dl.engine.network import Network, view_layer
from lsh_dl.engine.optimiser import operations_per_weight, step_penalised, step_row
from lsh_dl.engine.simd import add_scaled_blocks, dot_blocks


class Outputs(NamedTuple):
    """How outputs are selected; None stands for the dense layer."""

    state: Any  # the rule's, for `view_outputs(network)`
    selects_values: bool  # the rule's `computes_preactivations`
    network: Network  # view_outputs


@register_jitable
def forward_outputs(outputs, network, x, level, targets, key, training, workspace, work):
    """Probabilities of the active outputs, to `workspace.outputs`; returns how many are active.

    Probability p is that of class p in the dense layer. Of selected outputs, it is that of node
    `workspace.ids[level + 1][p]`, the true labels being first in training.
    """
    if outputs is None:
        classes = network.sizes[-1]
        multiply_dense(network, x, workspace, work)
        if not network.linear:
            normalise(workspace.outputs, classes)
        return classes
    layer = view_layer(outputs.network, 0)
    chosen = prepare_selection(layer.weights.shape[0], workspace, work)
    count = select_nodes(outputs.state, layer, x, key, training, chosen)
    if not outputs.selects_values:
        forward_active(layer, x, chosen, count)
    release_selection(chosen, count)  # a gain would bend probabilities
    if training:
        count = include_targets(layer, x, targets, chosen, count)
    copy_selected(level + 1, chosen, count, workspace)
    normalise(workspace.outputs, count)
    return count


@register_jitable
def backward_outputs(outputs, network, x, level, count, optimiser, workspace, work):
    """Gradient of the loss to the last hidden level, and the update of the active outputs.

    `workspace.outputs` holds the loss's gradient by them (`lsh_dl.engine.losses`).
    """
    if outputs is None:
        backward_dense(network, x, level, optimiser, workspace, work)
    else:
        layer = view_layer(outputs.network, 0)
        scatter_gradient(level + 1, count, workspace)
        backward_active(layer, x, level, optimiser, workspace, work)
        nodes = workspace.ids[level + 1][:count]
        follow_updates(outputs.state, layer, x, nodes, workspace.steps[:count], work)


@compiled
def multiply_dense(network, x, workspace, work):
    """All classes' outputs before the softmax, to `workspace.outputs`."""
    outputs, blocks = workspace.outputs, workspace.class_blocks
    hidden = network.strides.shape[0] - 1
    first, stride, classes = network.starts[hidden], network.strides[hidden], network.sizes[-1]
    outputs[:] = 0
    for i in x.ids:
        add_scaled_blocks(outputs, x.values[i], network.weights, first + i * stride, blocks)
    work[FORWARD] += classes * (x.ids.shape[0] - 1)


@compiled
def normalise(outputs, count):
    """Softmax of outputs[:count], in place."""
    if count == 0:
        return
    highest = outputs[:count].max()
    total = np.float32(0)
    for c in range(count):
        outputs[c] = np.exp(outputs[c] - highest)
        total += outputs[c]
    for c in range(count):
        outputs[c] /= total


@compiled
def backward_dense(network, x, level, optimiser, workspace, work):
    """Gradient of the loss to the last hidden level, and the output layer's update."""
    outputs, blocks = workspace.outputs, workspace.class_blocks
    hidden = network.strides.shape[0] - 1
    first, stride = network.starts[hidden], network.strides[hidden]
    width = network.sizes[hidden]  # the bias's row stands behind those of the inputs
    for i in x.ids:
        row = first + i * stride
        workspace.gradients[level, i] = dot_blocks(network.weights, row, outputs, blocks)
        if optimiser.alpha > 0 and i < width:
            step_penalised(optimiser, network.weights, row, x.values[i], outputs, blocks, -1)
        else:
            step_row(optimiser, network.weights, row, x.values[i], outputs, blocks)
    touched = network.sizes[-1] * (x.ids.shape[0] - 1)
    work[BACKWARD] += touched
    work[UPDATE] += touched
    work[OPTIMISER] += touched * operations_per_weight(optimiser, level)


@compiled
def include_targets(layer, x, targets, chosen, count):
    """Put the true labels first, also those that were not selected; returns the new count."""
    nodes, values = chosen.nodes, chosen.preactivations
    stride = layer.weights.shape[1]
    for t in range(targets.shape[0]):
        label, place = targets[t], t
        while place < count and nodes[place] != label:
            place += 1
        if place < count:
            value = values[place]
        else:
            value = dot_blocks(layer.flat, layer.start + label * stride, x.values, x.blocks)
            chosen.work[FORWARD] += x.ids.shape[0] - 1
            count += 1
        nodes[place], values[place] = nodes[t], values[t]
        nodes[t], values[t] = label, value
    return count


@compiled
def copy_selected(level, chosen, count, workspace):
    """The active nodes as those of the outputs' level, their values to `workspace.outputs`."""
    ids, slopes = workspace.ids[level], workspace.slopes[level]
    for p in range(count):
        ids[p] = chosen.nodes[p]
        slopes[p] = 1
        workspace.outputs[p] = chosen.preactivations[p]
    workspace.counts[level] = count + 1  # as if the next bias's 1 stood behind them


@compiled
def scatter_gradient(level, count, workspace):
    """The loss by the active outputs, where `backward_active` looks for it."""
    ids, gradients = workspace.ids[level], workspace.gradients[level]
    for p in range(count):
        gradients[ids[p]] = workspace.outputs[p]


@compiled
def write_probabilities(level, count, sampled, workspace, probabilities):
    """All classes' probabilities, float32 (classes,).

    Outputs that are not active have 0; where none is, nothing is known: all are equally likely.
    """
    if not sampled:
        probabilities[:] = workspace.outputs[:count]
        return
    probabilities[:] = 0
    if count == 0:
        probabilities[:] = np.float32(1) / np.float32(probabilities.shape[0])
    for p in range(count):
        probabilities[workspace.ids[level, p]] = workspace.outputs[p]


@compiled
def write_largest(level, count, sampled, workspace, ranked):
    """The classes of the largest outputs, int32 (k,), best first, ties by place; then -1."""
    best, kept = workspace.activations, 0
    ranked[:] = -1
    for p in range(count):
        value = workspace.outputs[p]
        if kept == ranked.shape[0] and value <= best[kept - 1]:
            continue
        place = min(kept, ranked.shape[0] - 1)
        kept = place + 1
        while place > 0 and best[place - 1] < value:
            best[place], ranked[place] = best[place - 1], ranked[place - 1]
            place -= 1
        best[place] = value
        ranked[place] = workspace.ids[level, p] if sampled else p

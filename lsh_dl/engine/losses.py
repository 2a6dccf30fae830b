"""A sample's loss and where its way back begins: the loss's gradient by the outputs.

Cross-entropy (nats) of a softmax, or, of a linear network, half the squared error summed over the
outputs.

A sample may have a weight, which multiplies its loss: SGD's step grows with it. Adagrad's steps are
the same whatever the scale of gradients; there a weight of w counts as w samples of the same
gradient g: the history grows by w g^2, and the step is w g by its root.
"""

import numpy as np
from numba.extending import register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.optimiser import Optimiser, correct_rate


@register_jitable
def score_sample(network, batch, s, targets, count, workspace, tally):
    """Add a sample's loss to the tally; what `workspace.outputs` holds becomes its gradient."""
    if network.linear:
        subtract_responses(batch.responses[s], workspace, tally, weight_of(batch.weights, s))
    else:
        subtract_targets(
            targets, count, network.sampled, workspace, tally, weight_of(batch.weights, s)
        )
    if batch.weights.shape[0] > 0:
        scale_outputs(count, np.float32(np.sqrt(weight_of(batch.weights, s))), workspace)


@compiled
def weight_of(weights, s):
    """The factor on a sample's loss: float32."""
    return weights[s] if weights.shape[0] > 0 else np.float32(1)


@compiled
def weigh_optimiser(optimiser, weights, s):
    """The optimiser for one sample: it and the gradient have a root of the weight each."""
    root = np.sqrt(weight_of(weights, s))
    return Optimiser(
        correct_rate(optimiser.learning_rate * root, optimiser.steps, s),
        optimiser.momentum,
        optimiser.adagrad,
        optimiser.squares,
        optimiser.velocity,
        optimiser.alpha * root,
        optimiser.steps,
        optimiser.penalised_from,
    )


@compiled
def subtract_targets(targets, count, sampled, workspace, tally, weight):
    """Cross-entropy, and whether the largest output is a true one, to the tally."""
    outputs = workspace.outputs
    best, share = np.argmax(outputs[:count]), np.float32(1) / np.float32(targets.shape[0])
    for t in range(targets.shape[0]):
        place = t if sampled else targets[t]
        tally.loss[0] -= weight * (share * np.log(max(outputs[place], np.float32(1e-30))))
        tally.correct[0] += place == best
    for t in range(targets.shape[0]):
        place = t if sampled else targets[t]
        outputs[place] -= share


@compiled
def subtract_responses(responses, workspace, tally, weight):
    """Half the squared error to the tally."""
    outputs, loss = workspace.outputs, 0.0
    for c in range(responses.shape[0]):
        outputs[c] -= responses[c]
        loss += np.float64(outputs[c]) ** 2
    tally.loss[0] += weight * loss / 2


@compiled
def scale_outputs(count, weight, workspace):
    """Multiply what the active outputs hold."""
    for c in range(count):
        workspace.outputs[c] *= weight

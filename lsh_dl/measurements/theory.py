"""What the theory of hashing says of a network's selection, node by node and sample by sample."""

import numpy as np

from lsh_dl.engine.batch import Batch
from lsh_dl.engine.network import layer_weights
from lsh_dl.hashing.state import place_of
from lsh_dl.rules.lsh import LSH
from lsh_dl.training.diagnostics import Trace
from lsh_dl.training.model import SparseModel


def chance_of_meeting(model: SparseModel, rows: Batch, trace: Trace) -> np.ndarray | None:
    """1 - (1 - p^K)^L with p = 1 - angle / pi, the chance that node and input share a bucket.

    The angle is that between what is hashed of the node and of the input: the vectors themselves
    of a Gaussian SimHash, else their features. It is the chance over random hash functions
    (Charikar, STOC 2002) of being retrieved from the query's own buckets; multi-probing raises
    what is retrieved, limits and ranking leave some of it out.

    Parameters
    ----------
    rows, trace
        Samples, and what the model selected for them.

    Returns
    -------
    float64 (samples, layers, widest), or None where the formula does not hold: another rule or
    family, bits that depend on each other (orthogonal mixtures), one more coordinate (asymmetric),
    tables of other vectors than those of the nodes (frozen, permuted).
    """
    if not (isinstance(model.rule, LSH) and _formula_holds(model.rule.settings)):
        return None
    chances = np.zeros(trace.selected.shape)
    for layer, width in enumerate(trace.widths):
        cosines = _cosines_of_hashed(model, layer, _inputs_of(model, rows, trace, layer))
        p = 1 - np.arccos(np.clip(cosines, -1, 1)) / np.pi
        settings = model.rule.settings
        chances[:, layer, :width] = 1 - (1 - p**settings.K) ** settings.L
    return chances


def _formula_holds(settings: LSH.Settings) -> bool:
    independent = settings.family == "gaussian" or (
        settings.family in ("pooled", "fitted") and not settings.orthogonal
    )
    return independent and not (settings.asymmetric or settings.frozen or settings.permuted)


def _inputs_of(model: SparseModel, rows: Batch, trace: Trace, layer: int) -> np.ndarray:
    """A layer's inputs, the bias's 1 behind them: float32 (samples, row)."""
    samples, inputs = len(rows.numbers), int(model.network.sizes[layer])
    x = np.zeros((samples, model.network.strides[layer]), np.float32)
    if layer == 0:
        numbers = np.repeat(np.arange(samples), np.diff(rows.ends))
        entries = slice(rows.ends[0], rows.ends[-1])
        x[numbers, rows.ids[entries]] = rows.values[entries]
    else:
        active = trace.selected[:, layer - 1, :inputs]
        x[:, :inputs] = np.where(active, np.maximum(trace.preactivations[:, layer - 1], 0), 0)
        x[:, inputs] = 1
    return x


def _cosines_of_hashed(model: SparseModel, layer: int, x: np.ndarray) -> np.ndarray:
    """Cosines of the angles between what is hashed of the inputs and of all nodes."""
    projections, bits = model.state.projections, model.state.bits
    place = place_of(model.state, layer)
    directions = projections.directions[place, :, : x.shape[1]]
    weights = layer_weights(model.network, layer)
    m = len(directions) - 1
    if not bits.mixed:  # random directions, of what is centred by the last one
        return _cosines(x - directions[m], weights)
    scales = projections.scales[place]
    hashed = bits.mixtures[layer, :, : m + 1].any(axis=0)
    queries = np.ones((len(x), m + 1), np.float32)
    queries[:, :m] = x @ directions[:m].T - projections.centres[place]
    nodes = weights @ directions.T
    return _cosines((queries * scales)[:, hashed], (nodes / scales)[:, hashed])


def _cosines(queries: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(nodes, axis=1))
    return queries @ nodes.T / np.maximum(lengths, np.finfo(np.float32).tiny)

"""The network's parameters and the view of one layer that kernels and rules are given."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.simd import LANES

#: Bytes; as many as a block of 16 float32.
CACHE_LINE = 64
#: Weight rows that are drawn at a time; the weights do not depend on it.
DRAWN_AT_ONCE = 4096


class Network(NamedTuple):
    """A multi-layer perceptron: ReLU in the hidden layers, softmax at the output unless `linear`.

    Layer l maps sizes[l] numbers to sizes[l + 1]. Its weight rows (one a node: the input weights,
    the bias, zeros up to a whole number of cache lines) stand one after the other in `weights`
    from starts[l] on.

    The output layer, dense over a sparse input, stands the other way round: a row for each input,
    and one for the bias, of a weight a class. So a sample reads and writes the rows of its active
    inputs, a line or two each, and not most of what all other threads write too. Only where a rule
    selects outputs (`sampled`) it is stored as a hidden layer is.

    Attributes
    ----------
    sizes : int64 (layers + 1,)
        Inputs, widths of the hidden layers, classes.
    strides : int64 (layers,)
        Numbers from one weight row to the next, a multiple of 16.
    starts : int64 (layers + 1,)
        Where each layer begins in `weights`.
    weights : float32 (starts[-1],)
        All layers; training writes them, rules read them.
    sampled : bool
        Whether the output layer stands a row a node, for a rule to select from.
    """

    sizes: np.ndarray  # int64 (layers + 1,): inputs, hidden widths, classes
    strides: np.ndarray  # int64 (layers,): numbers from one row to the next
    starts: np.ndarray  # int64 (layers + 1,)
    weights: np.ndarray  # float32 (starts[-1],), aligned to a cache line
    sampled: bool  # the output layer stands a row a node, for a rule to select from
    linear: bool = False  # outputs are numbers as they are (squared loss), not probabilities


class Layer(NamedTuple):
    """One layer's weights, for a rule's `select`; read only.

    Attributes
    ----------
    index : int
        0 is the first hidden layer, or the output layer where the rule selects outputs.
    weights : float32 (nodes, stride)
        A row a node: input weights, the bias behind them, zeros up to a multiple of 16.
    flat : float32
        All of the network's weights, for the vector kernels (`lsh_dl.rules.toolbox`).
    start : int
        Position of the layer's first row in `flat`; node i's is start + i * stride.
    """

    index: int  # 0 is the first hidden layer, or the output layer where the rule selects outputs
    weights: np.ndarray  # float32 (nodes, stride): input weights, bias, zeros; a view
    flat: np.ndarray  # all of the network's weights, for the vector kernels
    start: int  # position of the first row in `flat`


class Vector(NamedTuple):
    """A layer's input: dense with a list of what is not zero; the bias's input 1 stands last.

    Attributes
    ----------
    values : float32 (stride or more,)
        The inputs, a 1 for the bias behind them, zeros up to the length of a row of
        `Layer.weights` (stride); what is behind that is of no meaning.
    ids : int32 (non-zeros + 1,)
        Positions of the non-zero inputs in `values`, the bias's last.
    blocks : int32
        Positions of the blocks of 16 numbers in `values` that hold a non-zero one.
    """

    values: np.ndarray  # float32 (stride or more,): inputs, 1, zeros
    ids: np.ndarray  # int32 (non-zeros + 1,): ids of the non-zero entries, the bias's last
    blocks: np.ndarray  # int32: positions of the blocks of 16 that hold a non-zero


def padded(count: int) -> int:
    """`count` numbers in whole cache lines."""
    return -(-count // LANES) * LANES


def row_length(inputs: int) -> int:
    """Numbers from one weight row to the next: the input weights and the bias, padded."""
    return padded(inputs + 1)


def aligned_zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """An array of zeros in whole cache lines of its own.

    So no block straddles two lines, and no line is shared with what another thread writes.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    lines = -(-size // CACHE_LINE)
    raw = np.zeros((lines + 1) * CACHE_LINE, np.uint8)
    skip = -raw.ctypes.data % CACHE_LINE
    return raw[skip : skip + size].view(dtype).reshape(shape)


def empty_network(sizes: Sequence[int], sampled: bool = False, linear: bool = False) -> Network:
    """Inputs, widths of the hidden layers and classes; all weights and biases 0."""
    strides, rows = [row_length(inputs) for inputs in sizes[:-1]], list(sizes[1:])
    if not sampled:
        strides[-1], rows[-1] = padded(sizes[-1]), sizes[-2] + 1
    starts = np.concatenate([[0], np.cumsum(np.multiply(strides, rows))])
    weights = aligned_zeros(int(starts[-1]))
    return Network(np.array(sizes), np.array(strides), starts, weights, sampled, linear)


def create_network(
    sizes: Sequence[int],
    seed: int,
    sampled: bool = False,
    linear: bool = False,
    initial: Literal["he", "glorot-doubled"] = "he",
) -> Network:
    """Draw the initial weights; biases are 0.

    The same sizes and seed give the same weights whatever the selection rule, and whether outputs
    are sampled or not.

    Parameters
    ----------
    initial
        he: N(0, 2 / inputs) (He et al., ICCV 2015), output N(0, 1 / inputs). glorot-doubled:
        uniform in +-2 sqrt(6 / (inputs + nodes)), as in the authors' released code.
    """
    network = empty_network(sizes, sampled, linear)
    generator = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    layers = len(sizes) - 1
    for index in range(layers):
        inputs, nodes = sizes[index], sizes[index + 1]
        gain = 2 if index < layers - 1 else 1
        weights, scale = layer_weights(network, index), np.float32(np.sqrt(gain / inputs))
        bound = np.float32(2 * np.sqrt(6 / (inputs + nodes)))
        for first in range(0, nodes, DRAWN_AT_ONCE):  # a wide layer's would double the memory
            part = weights[first : first + DRAWN_AT_ONCE, :inputs]
            if initial == "he":
                part[:] = generator.standard_normal(part.shape, np.float32) * scale
            else:
                part[:] = (2 * generator.random(part.shape, np.float32) - 1) * bound
    return network


def layer_weights(network: Network, index: int) -> np.ndarray:
    """The weights of one layer, a row a node: float32 (nodes, inputs + 1 or more), a view."""
    rows = network.weights[network.starts[index] : network.starts[index + 1]]
    rows = rows.reshape(-1, network.strides[index])
    if index < len(network.strides) - 1 or network.sampled:
        return rows
    return rows[:, : network.sizes[-1]].T


def view_outputs(network: Network) -> Network:
    """The output layer of a sampled network, as the one hidden layer of a network without outputs.

    So a rule selects outputs by the same means as hidden nodes. Weights are shared.
    """
    sizes = np.array([*network.sizes[-2:], 0])
    return network._replace(
        sizes=sizes, strides=network.strides[-1:].copy(), starts=network.starts[-2:].copy()
    )


@compiled
def view_layer(network, index):
    """The Layer that `select` is given, of a layer that stands a row a node."""
    start = network.starts[index]
    rows = network.weights[start : network.starts[index + 1]]
    weights = rows.reshape(network.sizes[index + 1], network.strides[index])
    return Layer(index, weights, network.weights, start)

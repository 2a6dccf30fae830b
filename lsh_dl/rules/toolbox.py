"""What rules are made with, in one place.

For any rule:

=======================================  =========================================================
``layer_weights(network, index)``        weights of hidden layer `index`, a row a node: float32
                                         (nodes, stride), a view; see `Layer.weights`
``uniform(key, number)``                 draw number `number` of `select`'s key: float32 in [0, 1)
``mix(key, number)``                     another key, uint64, from a key and a whole number: for
                                         draws that should not depend on the first ones
``SELECT``, ``RERANK``, ``MAINTAIN``     where multiplications are counted in `work`: choosing
                                         nodes; their exact pre-activations, to rank candidates;
                                         refreshing the state
=======================================  =========================================================

For a `select` that is compiled with the training loop (decorated by ``@compiled``: no bounds are
checked there, `lsh-dl rules check` reads it as plain Python first):

===================================================  =============================================
``dot_blocks(layer.flat, start, x.values,            w.x + b of the node whose row starts at
x.blocks)``                                          ``start = layer.start + node * stride``, with
                                                     ``stride = layer.weights.shape[1]``: float32;
                                                     reads 16 weights at a time where x is not zero
``dot_rows(layer.flat, layer.start, stride, nodes,   the same for each id in `nodes` (int32), to
x.values, x.blocks, products)``                      `products` (float32), faster
``keep_largest(nodes, scores, count, budget)``       move the `budget` largest of scores[:count],
                                                     with their nodes, to the front; returns how
                                                     many are kept
===================================================  =============================================

In plain NumPy, ``layer.weights @ x.values[: layer.weights.shape[1]]`` are all pre-activations of a
layer, and ``numpy.argpartition(-scores, count - 1)[:count]`` are the nodes of the largest scores.
"""

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import MAINTAIN, RERANK, SELECT
from lsh_dl.engine.network import layer_weights
from lsh_dl.engine.prng import mix, uniform
from lsh_dl.engine.simd import dot_blocks, dot_rows
from lsh_dl.engine.topk import keep_largest

__all__ = [
    "MAINTAIN",
    "RERANK",
    "SELECT",
    "compiled",
    "dot_blocks",
    "dot_rows",
    "keep_largest",
    "layer_weights",
    "mix",
    "uniform",
]

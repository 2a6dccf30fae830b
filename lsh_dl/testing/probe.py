"""Ask a selection rule on its own, outside of training: drawn inputs, and what `select` answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.preprocessing import identity_transform
from lsh_dl.engine.batch import Batch, make_batch
from lsh_dl.engine.counts import STAGES
from lsh_dl.engine.dispatch import Selection
from lsh_dl.engine.network import Network, Vector, padded, view_layer

KEY = np.uint64(0xFEDCBA9876543210)
#: Numbers behind each array that `select` fills in.
BEHIND = 4096
#: Kinds of input that `draw_input` knows.
INPUTS = ("zero", "constant", "sparse", "dense", "negative", "huge", "tiny")


class Answer(NamedTuple):
    """What a rule's `select` gave for one layer and sample."""

    nodes: np.ndarray  # int32 (count,)
    preactivations: np.ndarray  # float32 (count,)
    gains: np.ndarray  # float32 (count,)
    work: np.ndarray  # int64 (stages,)


def draw_input(kind: str, size: int, seed: int) -> np.ndarray:
    """One layer's input of a kind (see INPUTS): float32 (size,)."""
    noise = np.random.default_rng(seed).standard_normal(size, np.float32)
    return {
        "zero": np.zeros(size, np.float32),
        "constant": np.full(size, 3, np.float32),
        "sparse": np.where(noise > 1, noise, 0),
        "dense": noise,
        "negative": -np.abs(noise),
        "huge": noise * np.float32(1e6),
        "tiny": noise * np.float32(1e-20),
    }[kind]


def to_batch(x: np.ndarray, labels: np.ndarray) -> Batch:
    """Samples (m, features) float32 as they are, with labels (m,)."""
    samples, features = x.shape
    return make_batch(x, labels.astype(np.int32), np.arange(samples), identity_transform(features))


def draw_inputs(samples: int, features: int, seed: int, density: float = 0.5) -> np.ndarray:
    """Sparse inputs of both signs: float32 (samples, features)."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((samples, features), np.float32)
    x[generator.random(x.shape) >= density] = 0
    return x


def draw_batch(
    samples: int, features: int, classes: int, seed: int = 0, density: float = 0.5
) -> Batch:
    """Random sparse samples of both signs with random labels."""
    x = draw_inputs(samples, features, seed, density)
    return to_batch(x, np.random.default_rng(seed).integers(0, classes, samples))


def to_vector(x: np.ndarray) -> Vector:
    """A layer's input as rules see it; `x` has no bias's 1 yet."""
    values = np.zeros(padded(x.size + 1), np.float32)
    values[: x.size] = x
    values[x.size] = 1
    ids = np.flatnonzero(values).astype(np.int32)
    return Vector(values, ids, np.unique(ids // 16 * 16).astype(np.int32))


def ask(
    select: Callable[..., int],
    state: Any,
    network: Network,
    index: int,
    x: np.ndarray,
    key: np.uint64,
    training: bool = True,
) -> Answer:
    """Call `select` on its own, on the input of the hidden layer `index` without the bias's 1."""
    width = int(network.sizes[index + 1])
    # -7 is no node; NaN is no number: what `select` leaves out stays visible. Behind each array is
    # room that must stay as it is: compiled code knows no bounds.
    whole = (
        np.full(width + BEHIND, -7, np.int32),
        np.full(width + BEHIND, np.nan, np.float32),
        np.ones(width + BEHIND, np.float32),
        np.zeros(len(STAGES) + BEHIND, np.int64),
    )
    before = [array.copy() for array in whole]
    chosen = Selection(*(array[:width] for array in whole[:3]), whole[3][: len(STAGES)])
    layer = view_layer(network, index)
    count = select(state, layer, to_vector(x), np.uint64(key), training, chosen)
    if not 0 <= count <= width:
        raise UserError(f"select returns {count} for a layer of {width} nodes")
    for name, array, kept in zip(Selection._fields, whole, before, strict=True):
        end = len(STAGES) if name == "work" else width
        if not np.array_equal(array[end:], kept[end:], equal_nan=name != "nodes"):
            raise UserError(f"select writes beyond the end of chosen.{name} ({end})")
    return Answer(*(array[:count] for array in chosen[:3]), chosen.work)


def copy_state(state: Any) -> Any:
    """A NamedTuple of arrays, numbers and such tuples, with arrays of its own."""
    if isinstance(state, tuple):
        return type(state)(*map(copy_state, state))
    return state.copy() if isinstance(state, np.ndarray) else state

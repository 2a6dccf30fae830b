"""Infinite MNIST: small deformations of digits, each made from its index alone.

G. Loosli, S. Canu, L. Bottou: Training invariant support vector machines using selective sampling,
in Large Scale Kernel Machines, 2007.
"""

import numpy as np
from numba import njit

from lsh_dl.data.synthetic.random import draw_below, key_state

SIDE = 28
CLASSES = 10


class DeformedDigits:
    """Endless digits as `lsh_dl.data.prepared.store.Samples`, made when they are taken.

    Sample k is sample k + 10,000 of infinite MNIST (whose first 10,000 are MNIST's test set): it
    comes from original k mod (number of originals), and the first round is the originals
    themselves. Later rounds are clip(x + strength * (F1 * dx + F2 * dy)), shifted by at most one
    pixel each way: dx, dy are the image's derivatives (Sobel), F1, F2 two of the `fields`;
    the fields and the shift are chosen by k. `take` is a pure function, so any order and any
    number of threads give the same images.

    Parameters
    ----------
    images: (n, 784) uint8 originals; at least one.
    labels: (n,) their classes, integers in [0, 10).
    fields: (f, 28, 28) float32 smooth random fields, at least one; 1 moves the image by a pixel.
    count: number of samples.
    strength: the factor of the displacement, in pixels.
    seed: of the choice of fields and shifts.

    Raises
    ------
    ValueError
        The arrays are not such.
    """

    def __init__(self, images, labels, fields, count: int, strength: float, seed: int):
        for name, array, dtype, shape in (
            ("images", images, np.uint8, (SIDE * SIDE,)),
            ("fields", fields, np.float32, (SIDE, SIDE)),
        ):
            if array.dtype != dtype or array.shape[1:] != shape or not len(array):
                raise ValueError(f"{name}: {array.dtype} {array.shape}, not (n, {shape})")
        if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
            raise ValueError(f"labels: {labels.dtype} {labels.shape} for {len(images)} images")
        if not 0 <= labels.min() <= labels.max() < CLASSES:
            raise ValueError(f"labels: outside 0 ... {CLASSES - 1}")
        # Views of plain type: numba compiles memory maps and arrays apart.
        self._images, self._fields = np.asarray(images), np.asarray(fields)
        self._labels = np.asarray(labels, np.int32)
        self._count, self._strength, self._seed = count, np.float32(strength), np.uint64(seed)
        self.features = SIDE * SIDE

    def __len__(self) -> int:
        return self._count

    @property
    def labels(self) -> np.ndarray:
        """(count,) int32."""
        return np.resize(self._labels, self._count)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `lsh_dl.data.prepared.store.Samples.take`."""
        indices = np.ascontiguousarray(indices, np.int64)
        if len(indices) and not (indices.min() >= 0 and indices.max() < self._count):
            raise IndexError(f"indices must be in 0 ... {self._count - 1}")
        x = np.empty((len(indices), self.features), np.uint8)
        deform_images(x, indices, self._images, self._fields, self._strength, self._seed)
        return x, self._labels[indices % len(self._labels)]

    def originals(self, indices: np.ndarray) -> np.ndarray:
        """The images (m, 784) uint8 that the samples at `indices` are made from."""
        return self._images[np.asarray(indices) % len(self._images)]


def draw_fields(count: int, smoothness: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random fields (count, 28, 28) float32 with mean square 1.

    `smoothness` is the standard deviation, in pixels, of the Gaussian that white noise is
    smoothed with.
    """
    from scipy.ndimage import gaussian_filter

    noise = rng.normal(size=(count, SIDE, SIDE))
    fields = gaussian_filter(noise, (0, smoothness, smoothness), mode="wrap")
    return (fields / np.sqrt(np.mean(fields**2))).astype(np.float32)


@njit(cache=True, nogil=True, fastmath=True)
def deform_images(x, indices, images, fields, strength, seed):
    """Write samples `indices` (m,) int64 to x (m, 784) uint8; see `DeformedDigits`."""
    state = np.zeros(1, np.uint64)
    padded = np.zeros((SIDE + 2, SIDE + 2), np.float32)
    moved = np.empty((SIDE, SIDE), np.float32)
    for row in range(len(indices)):
        index = indices[row]
        source = images[index % len(images)].reshape(SIDE, SIDE)
        target = x[row].reshape(SIDE, SIDE)
        if index < len(images):
            target[:] = source
            continue
        key_state(state, seed, np.uint64(index))
        across = fields[draw_below(state, len(fields))]
        down = fields[draw_below(state, len(fields))]
        shift = draw_below(state, 9)
        for r in range(SIDE):
            for c in range(SIDE):
                padded[r + 1, c + 1] = source[r, c]
        for r in range(SIDE):
            above, here, below = padded[r], padded[r + 1], padded[r + 2]
            for c in range(SIDE):
                dx = (above[c + 2] - above[c]) + (below[c + 2] - below[c])
                dx = (dx + np.float32(2) * (here[c + 2] - here[c])) * np.float32(0.125)
                dy = (below[c] - above[c]) + (below[c + 2] - above[c + 2])
                dy = (dy + np.float32(2) * (below[c + 1] - above[c + 1])) * np.float32(0.125)
                level = here[c + 1] + strength * (across[r, c] * dx + down[r, c] * dy)
                moved[r, c] = min(max(level, np.float32(0)), np.float32(255))
        move_down, move_right = shift // 3 - 1, shift % 3 - 1
        target[:] = 0
        for r in range(max(0, move_down), min(SIDE, SIDE + move_down)):
            for c in range(max(0, move_right), min(SIDE, SIDE + move_right)):
                target[r, c] = np.uint8(moved[r - move_down, c - move_right] + np.float32(0.5))

"""Sets of 28 x 28 images in MNIST's four IDX files, and their checks."""

from pathlib import Path

import numpy as np

from lsh_dl.data.formats.idx import read_idx
from lsh_dl.data.formats.packed import corrupt

SIDE = 28


def check_pair(
    x: np.ndarray, y: np.ndarray, places: tuple[str | Path, str | Path], labels: range, wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first `wanted` images (n, 784) and labels (n,), uint8, of one half of a set.

    Raises
    ------
    UserError
        The two do not belong together, or a label is none of `labels`; `places` names the files.
    """
    if x.shape[1:] != (SIDE, SIDE):
        raise corrupt(places[0], f"images of {x.shape[1]} x {x.shape[2]}, not {SIDE} x {SIDE}")
    if len(x) != len(y):
        raise corrupt(places[1], f"{len(y)} labels for {len(x)} images")
    if len(x) < wanted:
        raise corrupt(places[0], f"{len(x)} images, {wanted} are wanted")
    if wrong := [label for label in np.unique(y).tolist() if label not in labels]:
        raise corrupt(places[1], f"label {wrong[0]}, those here are {labels[0]} ... {labels[-1]}")
    return x.reshape(len(x), SIDE * SIDE)[:wanted], y[:wanted]


def read_pair(
    images: Path, labels: Path, among: range, wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `check_pair`, of two files."""
    return check_pair(read_idx(images, 3), read_idx(labels, 1), (images, labels), among, wanted)

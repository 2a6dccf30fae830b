"""Picture grids: what the samples of a prepared set look like."""

from pathlib import Path

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import whole_file
from lsh_dl.data.prepared.store import Prepared, Samples, Subset

SUFFIXES = (".png", ".svg", ".pdf")


def draw_grid(
    prepared: Prepared,
    path: str | Path,
    part: str = "train",
    rows: int = 4,
    columns: int = 10,
    seed: int = 0,
) -> Path:
    """Write a grid of labelled pictures, drawn at random from a part of a prepared set.

    Sets whose images have an original (`originals` of their `Samples`, as generated MNIST8M has)
    are shown in pairs: a row of originals, below each its deformation.

    Parameters
    ----------
    path: file to write; its suffix chooses the format (.svg, .png, .pdf).
    part: "train", "validation" or "test".
    rows, columns: size of the grid; rows of pairs count once.
    seed: chooses the samples.

    Raises
    ------
    UserError
        The samples are not images, the part is empty, or the suffix is none of these.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: a picture ends in {', '.join(SUFFIXES)}")

    samples: Samples | None = getattr(prepared, part)
    if prepared.image_shape is None:
        raise UserError(f"{prepared.title}: the samples are not images; nothing to show")
    if samples is None:
        raise UserError(f"{prepared.title}: no {part} part; set `validation` above 0")
    count = min(rows * columns, len(samples))
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    if isinstance(samples, Subset):  # only the whole set knows its originals
        samples, chosen = samples.samples, samples.rows[chosen]
    images, labels = samples.take(chosen)
    strips = [("", images)]
    if hasattr(samples, "originals"):
        strips = [("original", samples.originals(chosen)), ("deformed", images)]
    rows = -(-count // columns) * len(strips)
    width, height = _tile(images[:1], prepared.image_shape)[0].shape[::-1]
    inch = 0.9
    figure = Figure(
        figsize=(columns * inch * width / height + 0.2, rows * (inch + 0.22) + 0.5),
        layout="constrained",
    )
    figure.suptitle(f"{prepared.title}, {part} part", fontsize=10)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for kind, (name, strip) in enumerate(strips):
        for place, (image, label) in enumerate(
            zip(_tile(strip, prepared.image_shape), labels, strict=True)
        ):
            row, column = divmod(place, columns)
            axis = axes[row * len(strips) + kind, column]
            limits = (0, 255) if image.dtype == np.uint8 else (image.min(), image.max())
            axis.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1])
            axis.set_title(f"{name} {label}".strip(), fontsize=7, pad=2)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path


def _tile(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Rows (n, d) as pictures (n, height, width); several images of a sample side by side."""
    images = rows.reshape(len(rows), *shape)
    if len(shape) == 3:
        return np.concatenate(np.moveaxis(images, 1, 0), axis=2)
    return images

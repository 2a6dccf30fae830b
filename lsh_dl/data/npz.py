"""A user's own arrays, from a `.npz` file."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.paths import expand_path
from lsh_dl.common.user_arrays import (
    as_labels,
    as_samples,
    require_alike,
    require_apart_in_float32,
    require_two_classes,
)
from lsh_dl.data.base import Arrays, DataSet, DataSettings, Kind, Sources

KEYS = ("x_train", "y_train", "x_test", "y_test")


class Npz(DataSet):
    """Arrays x_train, y_train, x_test, y_test that `numpy.savez` wrote.

    Samples are (n, d), or images (n, height, width) or (n, images, height, width); uint8, or
    numbers that become float32; both parts alike. Labels are whole numbers from 0 on; there are as
    many classes as the largest one asks for.
    """

    name = "npz"
    title = "Arrays"
    kind = "real"
    classes = 0
    preprocessing = "auto"

    class Settings(DataSettings):
        """Where the arrays are and what to call them."""

        path: str = Field(min_length=1, description="the .npz file, from the working folder")
        title: str | None = Field(None, description="name in figures; default: the file's name")
        kind: Kind = Field("real", description="real, generated or stand-in, as figures say")

    def __init__(self, settings: "Npz.Settings"):
        super().__init__(settings)
        self.path = expand_path(settings.path)
        self.title = settings.title or self.path.stem
        self.kind = settings.kind

    def paths(self):
        """The file."""
        return (self.path,)

    def build(self, sources: Sources) -> Arrays:
        """Read and check the four arrays."""
        from lsh_dl.data.formats.npz_arrays import read_npz

        raw = read_npz(self.path, KEYS)
        if missing := [key for key in KEYS if key not in raw]:
            raise UserError(
                f"{self.path}: no {', '.join(missing)} in it; write it by numpy.savez(path, "
                "x_train=..., y_train=..., x_test=..., y_test=...)"
            )
        x_train, x_test = (self._samples(raw, f"x_{part}") for part in ("train", "test"))
        if raw["x_train"].dtype != np.uint8:
            x = raw["x_train"].reshape(len(x_train), -1)
            require_apart_in_float32(x.min(axis=0), x.max(axis=0), f"{self.path}: x_train")
        require_alike(raw["x_train"], raw["x_test"], str(self.path))
        shape = raw["x_train"].shape[1:]
        y_train, y_test = (
            as_labels(raw[f"y_{part}"], len(raw[f"x_{part}"]), f"{self.path}: y_{part}")
            for part in ("train", "test")
        )
        require_two_classes(y_train, f"{self.path}: y_train")
        classes = int(max(y_train.max(), y_test.max())) + 1
        # A node of the output layer keeps four numbers at least.
        require_memory(16 * classes, f"{self.path}: a network of {classes} classes, as labels say,")
        return Arrays(
            x_train,
            y_train.astype(np.int32),
            x_test,
            y_test.astype(np.int32),
            classes=classes,
            image_shape=shape if len(shape) in (2, 3) else None,
            provenance=f"arrays from {self.path.name}",
        )

    def _samples(self, raw: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        x = raw[name]
        if x.ndim < 2 or x.ndim > 4 or 0 in x.shape:
            raise UserError(
                f"{self.path}: {name} has shape {x.shape}; (n, d), (n, height, width) or "
                "(n, images, height, width) is needed"
            )
        return as_samples(x.reshape(len(x), -1), f"{self.path}: {name}")

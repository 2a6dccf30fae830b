"""A user's own arrays, from a `.npz` file."""

import zipfile
import zlib
from typing import Literal

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.paths import expand_path
from lsh_dl.data.base import Arrays, DataSet, DataSettings, Kind, Sources

KEYS = ("x_train", "y_train", "x_test", "y_test")


class Npz(DataSet):
    """Arrays x_train, y_train, x_test, y_test that `numpy.savez` wrote.

    Samples are (n, d), or images (n, height, width) or (n, images, height, width); uint8, or
    numbers that become float32. Labels are integers from 0 on; there are as many classes as the
    largest one asks for.
    """

    name = "npz"
    title = "Arrays"
    kind = "real"
    classes = 0

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
        remedy = "write it by numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"
        try:
            with np.load(self.path, allow_pickle=False) as file:
                missing = [key for key in KEYS if key not in file]
                if missing:
                    raise UserError(f"{self.path}: no {', '.join(missing)} in it; {remedy}")
                raw = {key: file[key] for key in KEYS}
        except FileNotFoundError:
            raise UserError(f"{self.path}: no such file; mend the key `path`") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.path}: not a readable .npz ({reason}); {remedy}") from error
        samples = {part: self._samples(raw, part) for part in ("train", "test")}
        shapes = {part: raw[f"x_{part}"].shape[1:] for part in ("train", "test")}
        if shapes["train"] != shapes["test"]:
            raise UserError(
                f"{self.path}: samples of shape {shapes['train']} in x_train but {shapes['test']} "
                "in x_test; both need the same"
            )
        labels = {part: self._labels(raw, part) for part in ("train", "test")}
        shape = shapes["train"]
        return Arrays(
            samples["train"],
            labels["train"],
            samples["test"],
            labels["test"],
            classes=int(max(y.max() for y in labels.values())) + 1,
            image_shape=shape if len(shape) in (2, 3) else None,
            provenance=f"arrays from {self.path.name}",
        )

    def _samples(self, raw: dict[str, np.ndarray], part: Literal["train", "test"]) -> np.ndarray:
        x = raw[f"x_{part}"]
        if x.ndim < 2 or x.ndim > 4 or 0 in x.shape:
            raise UserError(
                f"{self.path}: x_{part} has shape {x.shape}; (n, d), (n, height, width) or "
                "(n, images, height, width) is needed"
            )
        if x.dtype.kind not in "buif":
            raise UserError(f"{self.path}: x_{part} is {x.dtype}; numbers are needed")
        return x.reshape(len(x), -1).astype(np.uint8 if x.dtype == np.uint8 else np.float32)

    def _labels(self, raw: dict[str, np.ndarray], part: Literal["train", "test"]) -> np.ndarray:
        y = raw[f"y_{part}"]
        if y.shape != raw[f"x_{part}"].shape[:1] or not y.size:
            raise UserError(
                f"{self.path}: y_{part} has shape {y.shape} for x_{part} of shape "
                f"{raw[f'x_{part}'].shape}; one label a sample is needed"
            )
        if y.dtype.kind not in "iu" or y.min() < 0:
            raise UserError(f"{self.path}: y_{part} must hold integers from 0 on")
        return y.astype(np.int32)

"""A user's own samples in two files of LIBSVM's text format."""

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, Sources, Stream
from lsh_dl.data.formats.own_files import OwnFiles


class Libsvm(OwnFiles):
    """Lines of `label index:value ...`, perhaps packed by gzip, bz2 or xz; comments after `#`.

    They are stored sparse, and made dense a few thousand samples at a time while training reads.
    Labels are whole numbers such as -1 and +1, which become classes in rising order.
    """

    name = "libsvm"
    title = "LIBSVM"

    class Settings(OwnFiles.Settings):
        """Where the files are, and how they are read."""

        features: int | None = Field(
            None, ge=1, lt=2**31 - 1, description="inputs; default: the largest index of both files"
        )
        first_index: int = Field(1, ge=0, le=1, description="where indices count from")
        sparse: bool = Field(True, description="store zeros not; `false`: faster, if they are few")

    def read(self, path, training):
        """One of the files, as a CSR matrix."""
        from lsh_dl.data.formats.libsvm_floats import read_libsvm_floats

        return read_libsvm_floats(path, self.settings.first_index, training)

    def build(self, sources: Sources) -> Arrays:
        """Read both files."""
        from lsh_dl.common.errors import UserError
        from lsh_dl.common.memory import require_memory
        from lsh_dl.common.user_arrays import require_alike

        arrays = super().build(sources)
        parts = arrays.x_train, arrays.x_test
        largest = max(x.shape[1] for x in parts)
        features = self.settings.features or largest
        if features < largest:
            raise UserError(f"{self.paths()[0]}: index {largest}, but `features` is {features}")
        values = [x.data[None] for x in parts]
        if all(x.size for x in values):
            require_alike(
                *(x[:, : min(map(np.size, values))] for x in values), str(self.paths()[1])
            )
        samples = DENSE_AT_ONCE if self.settings.sparse else sum(x.shape[0] for x in parts)
        require_memory(4 * samples * features, f"{self.title}: {samples} samples of {features}")
        made = [_resize(x, features) for x in parts]
        if self.settings.sparse:
            labels = arrays.y_train, arrays.y_test
            made = [_as_stream(x, y) for x, y in zip(made, labels, strict=True)]
            kept = {"y_train": None, "y_test": None}
        else:
            made = [x.toarray() for x in made]
            kept = {"y_train": arrays.y_train, "y_test": arrays.y_test}
        return Arrays(
            x_train=made[0],
            x_test=made[1],
            classes=arrays.classes,
            class_names=arrays.class_names,
            provenance=arrays.provenance,
            **kept,
        )

    def open_stream(self, part, arrays):
        """A part that is stored sparse."""
        from lsh_dl.data.formats.sparse_rows import SparseRows

        if set(arrays) != {"starts", "columns", "values", "labels", "features"}:
            raise ValueError(f"{self.name} has no stream of {part} samples of {sorted(arrays)}")
        return SparseRows(**arrays)


DENSE_AT_ONCE = 4096
"""Samples that are dense at the same time while training reads."""


def _resize(x, features: int):
    from scipy.sparse import csr_array

    return csr_array((x.data, x.indices, x.indptr), (x.shape[0], features))


def _as_stream(x, y: np.ndarray) -> Stream:
    return Stream(
        {
            "starts": x.indptr.astype(np.int64),
            "columns": x.indices.astype(np.int32),
            "values": x.data,
            "labels": y,
            "features": np.array([x.shape[1]], np.int64),
        }
    )

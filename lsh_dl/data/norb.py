"""Small NORB: 48,600 stereo pairs of 50 toys (LeCun, Huang, Bottou, CVPR 2004)."""

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, RemoteFile, Seeded, Sources
from lsh_dl.data.formats.packed import corrupt

HOSTS = (
    "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small",
    "http://www.cs.nyu.edu/~ylclab/data/norb-v1.0-small",
    "https://web.archive.org/web/2020id_/https://cs.nyu.edu/~ylclab/data/norb-v1.0-small",
)
FULL_SIDE = 96
SIDE = 32
CLASSES = 5


def _files(stem: str) -> dict[str, RemoteFile]:
    """Images, kinds and further facts of one half; no checksums are known beforehand."""
    names = {part: f"smallnorb-{stem}-{part}.mat.gz" for part in ("dat", "cat", "info")}
    return {
        part: RemoteFile("norb", name, tuple(f"{host}/{name}" for host in HOSTS))
        for part, name in names.items()
    }


TRAIN = _files("5x46789x9x18x6x2x2-training")
TEST = _files("5x01235x9x18x6x2x2-testing")


class Norb(DataSet):
    """Which kind of toy is it: animal, human, airplane, truck or car?

    Stereo pairs of grey images, resized from 96 x 96 to 32 x 32 by averaging and joined to 2,048
    features. Train and test show different toys; the validation split keeps whole toys out.
    """

    name = "norb"
    title = "NORB"
    kind = "real"
    classes = CLASSES
    image_shape = (2, SIDE, SIDE)
    preprocessing = "center"
    alternative = "norb_standin"

    class Settings(Seeded):
        """Sizes; pairs are drawn at random from all of each part."""

        train: int = Field(
            20_000, ge=5, le=24_300, description="training pairs, validation included"
        )
        test: int = Field(24_300, ge=5, le=24_300, description="test pairs")

    def files(self):
        """Three matrices for each half."""
        return (*TRAIN.values(), *TEST.values())

    def build(self, sources: Sources) -> Arrays:
        """Read, check and resize."""
        rng = np.random.default_rng([self.settings.seed, 0x0B6])
        x_train, y_train, groups = _read_half(sources, TRAIN, self.settings.train, rng)
        x_test, y_test, _ = _read_half(sources, TEST, self.settings.test, rng)
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            groups=groups,
            provenance="small NORB v1.0, resized from 96 x 96 to 32 x 32 by averaging",
        )


def _read_half(
    sources: Sources, files: dict[str, RemoteFile], wanted: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`wanted` pairs (n, 2048) uint8, their kinds (n,) and toys (n,), in random order."""
    from lsh_dl.data.formats.norb_matrix import read_matrix, shrink_pairs

    paths = {part: sources.fetch(file) for part, file in files.items()}
    pairs, kinds, facts = (read_matrix(paths[part]) for part in ("dat", "cat", "info"))
    if pairs.dtype != np.uint8 or pairs.ndim != 4 or pairs.shape[1:] != (2, FULL_SIDE, FULL_SIDE):
        raise corrupt(paths["dat"], f"{pairs.dtype} of shape {pairs.shape}, not (n, 2, 96, 96)")
    if kinds.shape != (len(pairs),):
        raise corrupt(paths["cat"], f"labels of shape {kinds.shape} for {len(pairs)} pairs")
    if kinds.min(initial=0) < 0 or kinds.max(initial=0) >= CLASSES:
        raise corrupt(paths["cat"], f"labels {kinds.min()} ... {kinds.max()}, kinds are 0 ... 4")
    if facts.shape != (len(pairs), 4):
        raise corrupt(paths["info"], f"shape {facts.shape}, not ({len(pairs)}, 4)")
    if len(pairs) < wanted:
        raise corrupt(paths["dat"], f"{len(pairs)} pairs, {wanted} are wanted")
    chosen = rng.permutation(len(pairs))[:wanted]
    return shrink_pairs(pairs[chosen], SIDE), kinds[chosen], facts[chosen, 0]

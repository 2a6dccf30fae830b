"""KMNIST: 60,000 + 10,000 handwritten hiragana (Clanuwat et al., 2018)."""

from lsh_dl.data.base import Checksum, RemoteFile
from lsh_dl.data.formats.idx_sets import IdxSet

HOSTS = (
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
)


def _file(name: str, size: int, sha256: str) -> RemoteFile:
    urls = tuple(f"{host}/{name}" for host in HOSTS)
    return RemoteFile("kmnist", name, urls, (Checksum(size, sha256),))


TRAIN = (
    _file(
        "train-images-idx3-ubyte.gz",
        18_165_135,
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    ),
    _file(
        "train-labels-idx1-ubyte.gz",
        29_497,
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    ),
)
TEST = (
    _file(
        "t10k-images-idx3-ubyte.gz",
        3_041_136,
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    ),
    _file(
        "t10k-labels-idx1-ubyte.gz",
        5_120,
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
)


class Kmnist(IdxSet):
    """Ten hiragana in old cursive writing, 28 x 28 grey levels, black (0) background."""

    name = "kmnist"
    title = "KMNIST"
    train_files, test_files = TRAIN, TEST

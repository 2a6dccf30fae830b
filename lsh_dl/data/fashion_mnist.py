"""Fashion-MNIST: 60,000 + 10,000 pictures of clothes (Xiao, Rasul, Vollgraf, 2017)."""

from lsh_dl.data.base import Checksum, RemoteFile
from lsh_dl.data.formats.idx_sets import IdxSet

HOSTS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)


def _file(name: str, size: int, sha256: str) -> RemoteFile:
    urls = tuple(f"{host}/{name}" for host in HOSTS)
    return RemoteFile("fashion_mnist", name, urls, (Checksum(size, sha256),))


TRAIN = (
    _file(
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    _file(
        "train-labels-idx1-ubyte.gz",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
)
TEST = (
    _file(
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    _file(
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)


class FashionMnist(IdxSet):
    """Ten kinds of clothes, 28 x 28 grey levels, black (0) background."""

    name = "fashion_mnist"
    title = "Fashion-MNIST"
    train_files, test_files = TRAIN, TEST

"""MNIST's four published files, of which several data sets are made."""

from lsh_dl.data.base import Checksum, RemoteFile

HOSTS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "http://yann.lecun.com/exdb/mnist",
)


def _file(name: str, *checksums: tuple[int, str]) -> RemoteFile:
    urls = tuple(f"{host}/{name}" for host in HOSTS)
    return RemoteFile("mnist", name, urls, tuple(Checksum(*known) for known in checksums))


# Two packings of the same data go round: first the one that the hosts above publish, then one
# packed anew, seen in mirrors.
TRAIN = (
    _file(
        "train-images-idx3-ubyte.gz",
        (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (9_630_610, "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64"),
    ),
    _file(
        "train-labels-idx1-ubyte.gz",
        (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (28_878, "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e"),
    ),
)
TEST = (
    _file(
        "t10k-images-idx3-ubyte.gz",
        (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (1_602_050, "5634745efa576a17e7d4cf5cd9d09123c75e6538e5114267c2d156edaf519341"),
    ),
    _file(
        "t10k-labels-idx1-ubyte.gz",
        (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        (4_517, "ae18e77e031ccde52407f794d123116439864147d33ac992975f85dd4dc42af6"),
    ),
)

DIGITS = range(10)

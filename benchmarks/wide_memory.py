"""Memory of preparing and training a set of Amazon-670K's size: 490,449 samples, 670,091 labels.

`python -m benchmarks wide_memory`. The text is drawn at random, in the size and form of the
published one (some 750 MB in a temporary folder); what it says means nothing. It is prepared as a
user's own text is (`xc`), and an LSH network with 128 hidden nodes, preset `wide-outputs`, Adagrad,
is trained on 8,192 samples. Each is a process of its own, of which the largest resident memory is
taken: pages of files that are mapped count too, though the system can take them back.
"""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._results import write_table

FEATURES, LABELS = 135_909, 670_091
PARTS = {"train.txt": 490_449, "test.txt": 153_025}
#: Different lines; the text repeats them.
LINES = 5_000
TRAINED = 8_192


def main() -> None:
    """Measure, print and write wide_memory.csv."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_texts(folder / "mirror" / "big")
        rows = [
            {"what": name, **peak_of(work, folder)}
            for name, work in (("prepared", prepare_texts), ("trained", train_network))
        ]
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.4g}".format))
    write_table(table, "wide_memory")


def write_texts(folder: Path) -> None:
    """Two texts of the published sizes: 76 features and 5 labels a line, on average."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    lines = []
    for _ in range(LINES):
        ids = np.sort(generator.choice(FEATURES, generator.integers(40, 112), replace=False))
        labels = np.sort(generator.choice(LABELS, generator.integers(1, 10), replace=False))
        pairs = [
            f"{i}:{value:.6f}" for i, value in zip(ids, generator.random(len(ids)), strict=True)
        ]
        lines.append(" ".join([",".join(map(str, labels)), *pairs]) + "\n")
    for name, count in PARTS.items():
        with (folder / name).open("w", encoding="utf-8") as file:
            file.write(f"{count} {FEATURES} {LABELS}\n")
            for start in range(0, count, LINES):
                file.writelines(lines[: count - start])


def peak_of(work: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    """What `work` returns, and the most megabytes that a process of its own had."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, work, folder).result()


def _measure(work: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    found = work(folder)
    return found | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def prepare_texts(folder: Path) -> dict[str, float]:
    """Read both texts to a prepared folder."""
    from lsh_dl.data.prepared.prepare import prepare

    entry = {"source": "xc", "folder": "big"}
    prepare("big", entry, folder / "data", folder / "mirror", folder / "cache")
    return {}


def train_network(folder: Path) -> dict[str, float]:
    """Open the folder, make the network, train it; returns bytes of the output layer a label."""
    from benchmarks.wide_outputs import RULES, SEED, bytes_a_label
    from lsh_dl.data.prepared.store import open_prepared
    from lsh_dl.runs.spec import Training
    from lsh_dl.training.epochs import build_model, draw_key, draw_order
    from lsh_dl.training.loader import SparseInputs

    data = open_prepared(folder / "data")
    sizes = [data.features, 128, data.classes]
    model = build_model(sizes, *RULES["LSH"], 1.0, Training(), SEED)
    inputs = SparseInputs(data.train.x, data.train.y)
    for part in draw_order(SEED, 1, len(inputs))[:TRAINED].reshape(-1, 2048):
        model.train(inputs.batch(part), draw_key(SEED, 1))
    return {"bytes_a_label": bytes_a_label(model, data.classes)}


if __name__ == "__main__":
    main()

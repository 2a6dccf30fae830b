"""Why outputs retrieved by hashing end below outputs drawn at random: what is learned, what found.

`python -m benchmarks wide_sampling`. The networks of configs/wide.yaml, 5,000-128-10,000 labels, on
generated samples (`wide_generated`): two epochs, one thread, Adagrad at .02. Each is judged on
5,000 samples of the validation part twice: by the outputs that its rule gives, and by all outputs,
computed from its weights. The difference is what retrieval misses; what is left is owed to the
outputs that were learned from. SLIDE's released code computes all outputs when it tests
(keroro824/HashingDeepLearning, `Sparsity = 1,0.005,1,1`: the last two are for testing).

Once with labels by a power law, 9,000 samples, three seeds; once with all labels alike, 40,000
samples, one seed. Precision is told apart by how often the most frequent label of a sample is in
the training part.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks._results import write_table
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import Prepared, SparseSamples, open_prepared
from lsh_dl.engine.counts import MAINTAIN, OPTIMISER
from lsh_dl.engine.network import layer_weights
from lsh_dl.runs.spec import Training
from lsh_dl.training.epochs import build_model, draw_key, draw_order, evaluate, train_epoch
from lsh_dl.training.loader import SparseInputs
from lsh_dl.training.model import SparseModel

HIDDEN, EPOCHS, RATE = 128, 2, 0.02
#: Power of the law of labels, training samples, seeds (none of configs/wide.yaml's).
SETS = ((1.0, 9_000, (7, 8, 9)), (0.0, 40_000, (7,)))
JUDGED = 5_000
#: Bounds of how often a label is in the training part.
FREQUENT = (10, 100)
GROUPS = (f"seen_below_{FREQUENT[0]}", "seen_between", f"seen_from_{FREQUENT[1]}")
FITTED = {"preset": "wide-outputs", "outputs": 0.01}
#: SLIDE's presets test with all outputs; here both are told, in one run.
RETRIEVED = {"outputs": 0.01, "inference": "selected"}
SIMHASH = {"preset": "slide-simhash", "K": 8} | RETRIEVED
RAW = {"drawn": "frequency", "corrected": False}
#: Tables of 10,000 labels are renewed at ten times `interval`.
ENTRIES = {
    "LSH 1 %, tables every 1,000": ("lsh", FITTED | {"interval": 100}),
    "LSH 1 %, tables every 100": ("lsh", FITTED | {"interval": 10}),
    "SLIDE SimHash 1 %": ("lsh", SIMHASH),
    "SLIDE SimHash 1 %, tables every 1,000": ("lsh", SIMHASH | {"growth": 1, "interval": 100}),
    "SLIDE SimHash 1 %, tables every 100": ("lsh", SIMHASH | {"growth": 1, "interval": 10}),
    "SLIDE DWTA 1 %": ("lsh", {"preset": "slide-dwta"} | RETRIEVED),
    "uniform 1 %": ("sampled", {"outputs": 0.01}),
    "uniform 0.4 %": ("sampled", {"outputs": 0.004}),
    "frequency, raw 1 %": ("sampled", RAW | {"outputs": 0.01}),
    "frequency, raw 0.4 %": ("sampled", RAW | {"outputs": 0.004}),
}


def main() -> None:
    """Train, judge, print and write wide_sampling.csv."""
    tables = []
    for power, samples, seeds in SETS:
        with TemporaryDirectory() as folder:
            data = draw_samples(power, samples, Path(folder) / "wide")
            shares = np.bincount(group_samples(data), minlength=len(GROUPS)) / JUDGED
            print(f"labels by r^-{power:g}; shares of the groups:", shares)
            rows = [
                {"label_power": power, "samples": len(data.train), "entry": name, "seed": seed}
                | train_and_judge(*entry, data, seed)
                for name, entry in ENTRIES.items()
                for seed in seeds
            ]
        tables.append(pd.DataFrame(rows))
        means = tables[-1].drop(columns=["seed", "samples"]).groupby("entry", sort=False).mean()
        print(means.to_string(float_format="{:.4g}".format), flush=True)
    write_table(pd.concat(tables), "wide_sampling")


def draw_samples(power: float, samples: int, folder: Path) -> Prepared:
    """As configs/wide.yaml has them, but for the law of labels and the sizes of the parts."""
    entry = {
        "source": "wide_generated",
        "labels": 10_000,
        "features": 5_000,
        "train": samples + JUDGED,
        "test": 1,
        "validation": JUDGED / (samples + JUDGED),
        "label_power": power,
    }
    return open_prepared(prepare("wide", entry, folder))


def train_and_judge(rule: str, settings: dict, data: Prepared, seed: int) -> dict[str, float]:
    """Precision at 1 in per cent and multiplications of a training sample in thousands."""
    sizes = [data.features, HIDDEN, data.classes]
    model = build_model(sizes, rule, settings, 1.0, Training(learning_rate=RATE), seed)
    training, judged = (SparseInputs(part.x, part.y) for part in (data.train, data.validation))
    for epoch in range(1, EPOCHS + 1):
        key = draw_key(seed, epoch)
        tally = train_epoch(model, training, draw_order(seed, epoch, len(training)), key)
    work = tally.work / (1_000 * len(training))  # of the last epoch
    is_right, groups = judge_all(model, data.validation), group_samples(data)
    return {
        "multiplications": work[:OPTIMISER].sum(),
        "of_tables": work[MAINTAIN],
        "by_rule": 100 * evaluate(model, judged, key).precision[1],
        "by_all_outputs": 100 * is_right.mean(),
    } | {
        name: 100 * is_right[groups == group].mean() if (groups == group).any() else np.nan
        for group, name in enumerate(GROUPS)
    }


def group_samples(data: Prepared) -> np.ndarray:
    """The place in `GROUPS` of each validation sample: int (samples,)."""
    counts = np.bincount(data.train.y.indices, minlength=data.classes)
    frequent = data.validation.y.multiply(counts).tocsr().max(axis=1).toarray().ravel()
    return np.digitize(frequent, FREQUENT)


def judge_all(model: SparseModel, samples: SparseSamples) -> np.ndarray:
    """Whether the largest of all outputs is that of a true label: bool (samples,)."""
    first, last = (layer_weights(model.network, index) for index in (0, 1))
    width = samples.features
    x = np.maximum(samples.x @ first[:, :width].T + first[:, width], 0)
    best = [
        (part @ last[:, :HIDDEN].T + last[:, HIDDEN]).argmax(axis=1)
        for part in np.array_split(x, 10)  # all outputs of all samples would fill the memory
    ]
    return np.array(samples.y[np.arange(len(samples)), np.concatenate(best)]).ravel() > 0


if __name__ == "__main__":
    main()

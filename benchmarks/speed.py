"""Time per sample of this project's rules beside PyTorch, in one run: `python -m benchmarks speed`.

All systems have the same network, 784-1000-1000-10, and train on one thread, on MNIST where its
files are at hand, else on the digits stand-in (PyTorch does not mind the data; ours grows with the
share of non-zero inputs, which is printed). They train with Adagrad, those called SGD by plain SGD.
Ours are warmed up by 40,000 samples, after which their test accuracy is taken, and timed with their
share of table upkeep. The systems take turns, round after round, so that a slow spell of the
machine hits all; ratios are formed within a round, each to LSH of the same optimiser. PyTorch is
optional (`pip install 'lsh-dl[torch]'`); without it the rest is measured.

The last lines compare the memory that LSH's training moves with what the machine can move: bytes of
the weight rows and optimiser sums that a sample's kernels read and write, beside NumPy's copy of an
array of the same size.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._results import write_table
from benchmarks._timing import Systems, time_systems
from benchmarks._torch import call_batches, create_dense, import_torch
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.simd import LANES
from lsh_dl.runs.machine import describe_machine
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

ROUNDS = 11
#: Samples of a timed call: as many as tables are renewed after by then, so that every call has its
#: share of upkeep; and of warming up.
SAMPLES, WARMED = 4000, 40_000
BYTES_A_BLOCK = 4 * LANES

#: The first nodes met: no features that only ranking needs, and fewer tables, since fewer nodes are
#: gathered.
PLAIN = {"ranking": "none", "candidates": 1.0, "directions": 7, "L": 2}
#: Rule, level and what else describes the run of each of our systems.
OURS = {
    "LSH 5 %": ("lsh", 0.05, {}),
    "LSH 5 %, not re-ranked": ("lsh", 0.05, PLAIN),
    "WTA 5 %": ("wta", 0.05, {}),
    "VD 5 %": ("dropout", 0.05, {"inference": "sampled"}),
    "NN": ("standard", 1.0, {}),
    "LSH 5 %, not re-ranked, SGD": ("lsh", 0.05, {"adagrad": False, "learning_rate": 0.05} | PLAIN),
}
#: Batch size, optimiser and samples of a call of each of PyTorch's.
TORCH = {
    "PyTorch, batch 128": (128, "Adagrad", 512),
    "PyTorch, batch 1": (1, "Adagrad", 20),
    "PyTorch, batch 128, SGD": (128, "SGD", 512),
}
#: What ratios are to, by the end of a system's name.
REFERENCES = {"SGD, training": "LSH 5 %, not re-ranked, SGD, training"} | {
    task: f"LSH 5 %, {task}" for task in ("training", "prediction")
}


def main() -> None:
    """Measure, print the table and write results/benchmarks/speed.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        models = our_models(data)
        systems = our_systems(models, data) | torch_systems()
        accuracies = {f"{name}, training": measure_accuracy(models[name], data) for name in models}
        table = time_systems(systems, ROUNDS, REFERENCES).assign(data=data.title)
        table["accuracy_warmed_up"] = pd.Series(accuracies)
        machine = describe_machine()
        print(
            f"{data.title}; {machine['processor']}, 1 of {machine['cores']} cores, {ROUNDS} rounds"
        )
        print(table.drop(columns=["data", "ratio_to"]).to_string(float_format="{:.2f}".format))
        report_bandwidth(models["LSH 5 %"], data, table.loc["LSH 5 %, training", "microseconds"])
    write_table(table.reset_index(), "speed")


def our_models(data: Prepared) -> dict[str, SparseModel]:
    """Every rule's network, trained for a while."""
    inputs, models = inputs_of(data, data.train), {}
    for name, (rule, fraction, settings) in OURS.items():
        run = describe_run((name, rule, fraction), **settings)
        model = models[name] = create_model(run, data.features, data.classes)
        for start in range(0, WARMED, SAMPLES):
            numbers = np.arange(start, start + SAMPLES) % len(inputs)
            model.train(inputs.batch(numbers), np.uint64(start))
    return models


def measure_accuracy(model: SparseModel, data: Prepared) -> float:
    """Share of the test images that are right."""
    test = inputs_of(data, data.test)
    rows = test.batch(np.arange(len(test)))
    probabilities, _ = model.predict(rows, np.uint64(0))
    return float(np.mean(probabilities.argmax(axis=1) == rows.labels))


def our_systems(models: dict[str, SparseModel], data: Prepared) -> Systems:
    """Training and prediction of every rule: samples a call, and the call."""
    rows = inputs_of(data, data.train).batch(np.arange(SAMPLES))
    print(f"non-zero inputs: {100 * np.mean(np.diff(rows.ends) - 1) / data.features:.0f} %")
    systems = {}
    for name, model in models.items():
        systems[f"{name}, training"] = (SAMPLES, lambda m=model: m.train(rows, np.uint64(9)))
        systems[f"{name}, prediction"] = (SAMPLES, lambda m=model: m.predict(rows, np.uint64(9)))
    return systems


def torch_systems() -> Systems:
    """The dense network in PyTorch; nothing where it is not installed."""
    torch, systems = import_torch(), {}
    if torch is None:
        return {}
    for name, (batch, optimiser_name, samples) in TORCH.items():
        network, optimiser = create_dense(torch, 1, optimiser_name)
        x, y = torch.rand(batch, 784), torch.randint(0, 10, (batch,))
        train, predict = call_batches(torch, network, optimiser, x, y, samples // batch)
        systems[f"{name}, training"] = (samples, train)
        systems[f"{name}, prediction"] = (samples, predict)
    return systems


def report_bandwidth(model: SparseModel, data: Prepared, microseconds: float) -> None:
    """Print the share of the memory bandwidth that LSH's training reaches."""
    moved = count_bytes(model, data)
    size = model.network.weights.nbytes + model.optimiser.squares.nbytes
    limit = measure_copy(size)
    reached = moved / microseconds / 1e3
    print(
        f"LSH 5 % moves {moved / 1e3:.0f} kB of weights and sums a training sample, "
        f"{reached:.1f} GB/s: {100 * reached / limit:.0f} % of the {limit:.0f} GB/s that a copy "
        f"of {size / 1e6:.0f} MB reaches (read and written bytes, both)"
    )


def count_bytes(model: SparseModel, data: Prepared, samples: int = 200) -> float:
    """Mean bytes of weights and Adagrad's sums read or written by a training sample of LSH.

    Exactly ranked rows are read; positive nodes' rows and their rows of the output layer are read
    and written, sums too.
    """
    rows = inputs_of(data, data.train).batch(np.arange(samples))
    workspace, shortlisted = model.workspaces[0], model.state.shortlisted
    total = 0
    for s in range(samples):
        model.predict(slice_batch(rows, s, s + 1), np.uint64(0))
        touched = workspace.block_counts
        for layer, ranked in enumerate(shortlisted):
            positive = workspace.counts[layer + 1] - 1
            total += (ranked + 4 * positive) * touched[layer]
        total += 5 * workspace.counts[len(shortlisted)] * len(workspace.class_blocks)
    return total * BYTES_A_BLOCK / samples


def measure_copy(size: int, repeats: int = 20) -> float:
    """GB/s, read and written, of copying half of `size` bytes to the other half."""
    source, target = np.ones(size // 8, np.float32), np.empty(size // 8, np.float32)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return (source.nbytes + target.nbytes) / best / 1e9


if __name__ == "__main__":
    main()

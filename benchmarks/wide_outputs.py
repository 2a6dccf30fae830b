"""Sampled softmax by LSH against the dense softmax, 100,000 and 670,091 labels: time, precision.

`python -m benchmarks wide_outputs`. Both train the same network, features-128-labels, from the same
weights on the same generated samples in the same order (`lsh_dl.data.synthetic.wide`), sample by
sample, with Adagrad at the same rate, one thread; the hidden layer is fully active in both. LSH has
the settings of its preset `wide-outputs`: 0.2 % of the outputs.

Precision at 1, 3 and 5 is taken on samples that were not trained on, after every quarter of
training. The dense side is what takes the time, so it sees few samples of 100,000 labels and more
of 10,000. Times are taken of 100,000 labels and of Amazon-670K's 670,091, after LSH was trained
a little and the dense side got its hidden layer, so that as many hidden nodes are above 0: the
systems take turns, round after round, and ratios are formed within a round. It is the processor's
time, which other programs disturb less than the clock's. A timed call of LSH has its share of table
upkeep. PyTorch, dense, in batches (in bfloat16 too, with its fused optimiser) and
one by one, is timed where it is installed. Bytes a label are those of the output layer's weights,
Adagrad's history and all that selects outputs. At 670,091 labels the dense side's samples take most
of the time.
"""

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks._peers import MODES, PLAIN, name_mode, usable_modes
from benchmarks._results import write_table
from benchmarks._timing import Systems, time_systems
from lsh_dl.data.synthetic.wide import draw_wide
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.runs.machine import describe_machine
from lsh_dl.runs.spec import Training
from lsh_dl.training.arrays import name_arrays
from lsh_dl.training.epochs import build_model, draw_key, draw_order, evaluate
from lsh_dl.training.loader import SparseInputs
from lsh_dl.training.model import SparseModel
from lsh_dl.training.system_model import SystemModel

FEATURES, HIDDEN = 10_000, 128
SEED = 1
TESTED = 4_000
#: What is timed, and samples before.
LABELS, WARMED = (100_000, 670_091), 3_000
#: Labels, samples to train on, learning rate.
STUDIES = (
    (100_000, 8_000, 0.01),
    (10_000, 16_000, 0.01),
    (10_000, 16_000, 0.03),
    (670_091, 8_000, 0.01),
)
PARTS = 4
ROUNDS = 7
#: Samples of a timed call, for each 100,000 labels: LSH renews its tables every 10 samples for each
#: 1,000 labels, the dense network's samples take the longer.
TIMED = {"LSH": lambda labels: labels // 100, "dense": lambda labels: 2_500_000 // labels}
#: Samples of a call of PyTorch, by batch size.
BATCHES = {128: 128, 1: 10}
#: What ratios are to, by the end of a system's name.
REFERENCES = {task: f"LSH, {task}" for task in ("training", "prediction")}
RULES = {"LSH": ("lsh", {"preset": "wide-outputs"}), "dense": ("standard", {})}


def main() -> None:
    """Measure, print and write wide_outputs.csv and wide_outputs_precision.csv."""
    machine = describe_machine()
    print(f"generated set; {machine['processor']}, 1 of {machine['cores']} cores", flush=True)
    write_table(pd.concat(map(measure_times, LABELS)), "wide_outputs")
    measure_precision()


def measure_times(labels: int) -> pd.DataFrame:
    """Time both networks and PyTorch's: a row a system and task."""
    models = our_models(labels, STUDIES[0][2])
    rows = draw_inputs(labels, WARMED, 0).batch(np.arange(WARMED))
    models["LSH"].train(rows, draw_key(SEED, 1))
    hidden = int(models["LSH"].network.starts[-2])
    models["dense"].network.weights[:hidden] = models["LSH"].network.weights[:hidden]
    sizes = {name: bytes_a_label(model, labels) for name, model in models.items()}
    table = time_models(models, labels).reset_index()
    table["bytes_a_label"] = table.iloc[:, 0].str.partition(",")[0].map(sizes)
    table.insert(0, "labels", labels)
    print(table.to_string(index=False, float_format="{:.4g}".format), flush=True)
    return table


def bytes_a_label(model: SparseModel, labels: int) -> float:
    """Bytes of the output layer's weights, their history and what selects outputs, a label."""
    network = model.network
    numbers = int(network.starts[-1] - network.starts[-2])
    selection = name_arrays(model.outputs.state, "state") if model.outputs else ()
    return (2 * 4 * numbers + sum(array.nbytes for _, array in selection)) / labels


def measure_precision() -> None:
    """Train both networks of every study; write wide_outputs_precision.csv."""
    tables = []
    for labels, samples, rate in STUDIES:
        rows = learn(our_models(labels, rate), labels, samples)
        tables.append(pd.DataFrame(rows).assign(rate=rate))
        print(tables[-1].to_string(index=False, float_format="{:.4g}".format), flush=True)
    write_table(pd.concat(tables), "wide_outputs_precision")


def our_models(labels: int, rate: float) -> dict[str, SparseModel]:
    """Both networks, untrained."""
    sizes, training = [FEATURES, HIDDEN, labels], Training(learning_rate=rate)
    return {
        name: build_model(sizes, rule, settings, 1.0, training, SEED)
        for name, (rule, settings) in RULES.items()
    }


def draw_inputs(labels: int, samples: int, part: int) -> SparseInputs:
    """Generated samples, as rows of a network."""
    return SparseInputs(*draw_wide(samples, labels, FEATURES, SEED, part))


def learn(models: dict[str, SparseModel], labels: int, samples: int) -> Iterator[dict]:
    """Train both on the same samples; precision and work after every quarter of them."""
    training, tested = draw_inputs(labels, samples, 0), draw_inputs(labels, TESTED, 1)
    key, done = draw_key(SEED, 1), 0
    for numbers in np.array_split(draw_order(SEED, 1, samples), PARTS):
        done += len(numbers)
        for name, model in models.items():
            tally = model.train(training.batch(numbers), key)
            found = evaluate(model, tested, key)
            yield {
                "labels": labels,
                "system": name,
                "samples": done,
                **{f"precision_at_{k}": value for k, value in found.precision.items()},
                "computed_outputs": tally.outputs[0] / len(numbers),
                "training_multiplications": tally.work[:OPTIMISER].sum() / len(numbers),
                "prediction_multiplications": found.tally.work.sum() / TESTED,
            }


def time_models(models: dict[str, SparseModel], labels: int) -> pd.DataFrame:
    """Processor microseconds a sample (median, lowest, highest), and their ratios to LSH."""
    systems, key = dict(torch_systems(labels)), draw_key(SEED, 2)
    for name, model in models.items():
        samples = TIMED[name](labels)
        rows = draw_inputs(labels, samples, 2).batch(np.arange(samples))
        systems[f"{name}, training"] = samples, lambda m=model, r=rows: m.train(r, key)
        systems[f"{name}, prediction"] = samples, lambda m=model, r=rows: m.rank(r, key, 5)
    return time_systems(systems, ROUNDS, REFERENCES, time.process_time).sort_index()


def torch_systems(labels: int) -> Systems:
    """The dense network in PyTorch on dense inputs, by batch size; its loss takes one label."""
    random, sizes, systems = np.random.default_rng(SEED), [FEATURES, HIDDEN, labels], {}
    for mode in usable_modes((PLAIN, "bf16, fused")):
        settings = MODES[mode] | {"batch_size": max(BATCHES)}
        model = SystemModel(sizes, "torch", settings, Training(learning_rate=0.01), SEED, threads=1)
        for size, samples in BATCHES.items():
            batches = [
                (random.random((size, FEATURES), np.float32), random.integers(labels, size=size))
                for _ in range(samples // size)
            ]

            def train(system=model.system, batches=batches):
                for x, y in batches:
                    system.train(x, y)

            def rank(system=model.system, batches=batches):
                for x, _ in batches:
                    system.rank(x, 5)

            name = name_mode(mode, size)
            systems |= {f"{name}, training": (samples, train)}
            systems |= {f"{name}, prediction": (samples, rank)}
    return systems


if __name__ == "__main__":
    main()

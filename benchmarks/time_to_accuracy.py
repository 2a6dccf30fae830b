"""Seconds of training until 97 %, and until 98 %, of the test images are right.

`python -m benchmarks time_to_accuracy`. One thread, 784-1000-1000-10, Adagrad, three seeds; the
systems take turns. Every 5,000 samples training is paused and the test accuracy taken; only
training counts as time (the processor's, which other programs disturb less than the clock's),
making batches and rows of the samples included, compiling not. LSH and WTA train at a rate of .02,
the dense networks at .01: each the best of those that configs/tuning.yaml compares on validation
data. PyTorch runs in batches of 128 in every mode that there is here (benchmarks/_torch.py). A cell
is empty where a system did not get there in 8 epochs. On the digits stand-in, where MNIST is not at
hand, the numbers say little of MNIST.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._results import write_table
from benchmarks._torch import Dense, import_torch, usable_modes
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.training.epochs import draw_key, draw_order, evaluate
from lsh_dl.training.run import create_model, inputs_of

WANTED = (0.97, 0.98)
EVERY = 5_000
MOST_EPOCHS = 8
SEEDS = (1, 2, 3)
BATCH = 128
#: Rule, active fraction, learning rate and settings.
OURS = {
    "LSH 5 %": ("lsh", 0.05, 0.02, {}),
    "LSH at the claim": ("lsh", 0.1, 0.02, {"directions": 23, "shortlist": 1.5}),
    "WTA 5 %": ("wta", 0.05, 0.02, {}),
    "NN": ("standard", 1.0, 0.01, {}),
}

#: Trains on the samples at some numbers, and gives the test accuracy.
Learner = tuple[Callable[[np.ndarray], None], Callable[[], float]]


def main() -> None:
    """Measure, print and write results/benchmarks/time_to_accuracy.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        table = pd.DataFrame(row for seed in SEEDS for row in race(data, seed))
    for wanted, part in table.groupby("accuracy"):
        print(f"{data.title}: seconds of training to {100 * wanted:.0f} % test accuracy")
        print(part.to_string(index=False, float_format="{:.4g}".format))
    write_table(table.assign(data=data.title), "time_to_accuracy")


def race(data: Prepared, seed: int) -> Iterator[dict]:
    """Every system's seconds and samples until each wanted accuracy, empty if never."""
    learners = our_learners(data, seed) | torch_learners(data, seed)
    seconds = dict.fromkeys(learners, 0.0)
    reached: dict[tuple[str, float], tuple[float, int]] = {}
    samples = 0
    for epoch in range(1, MOST_EPOCHS + 1):
        order = draw_order(seed, epoch, len(data.train))
        for start in range(0, len(order), EVERY):
            numbers = order[start : start + EVERY]
            samples += len(numbers)
            for name, (train, test) in learners.items():
                if (name, max(WANTED)) in reached:
                    continue
                begin = time.process_time()
                train(numbers)
                seconds[name] += time.process_time() - begin
                accuracy = test()
                for wanted in WANTED:
                    if accuracy >= wanted:
                        reached.setdefault((name, wanted), (seconds[name], samples))
    for wanted in WANTED:
        for name in learners:
            took, after = reached.get((name, wanted), (None, None))
            yield {
                "accuracy": wanted,
                "system": name,
                "seed": seed,
                "seconds": took,
                "samples": after,
            }


def our_learners(data: Prepared, seed: int) -> dict[str, Learner]:
    """Our rules, as a run trains them."""
    training, tested = inputs_of(data, data.train), inputs_of(data, data.test)
    learners = {}
    for name, (rule, fraction, rate, settings) in OURS.items():
        run = describe_run((name, rule, fraction), seed, learning_rate=rate, **settings)
        model, key = create_model(run, data.features, data.classes), draw_key(seed, 1)

        def train(numbers, model=model, key=key):
            model.train(training.batch(numbers), key)

        def test(model=model, key=key):
            return evaluate(model, tested, key).accuracy

        learners[name] = train, test
    return learners


def torch_learners(data: Prepared, seed: int) -> dict[str, Learner]:
    """The dense network in PyTorch, on batches, by mode; nothing where it is not installed."""
    torch = import_torch()
    if torch is None:
        return {}

    def read(samples, numbers):
        x, y = samples.take(numbers)
        x = (x.astype(np.float32) - data.offset) * data.scale
        return torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))

    def learner(mode) -> Learner:
        dense = Dense(torch, seed, mode)
        if mode.compiled:
            dense.compile_for(
                [read(data.train, np.arange(count)) for count in (BATCH, EVERY % BATCH)]
            )

        def train(numbers):
            for start in range(0, len(numbers), BATCH):
                dense.train(*read(data.train, numbers[start : start + BATCH]))

        def test():
            x, y = read(data.test, np.arange(len(data.test)))
            return (dense.predict(x).argmax(dim=1) == y).float().mean().item()

        return train, test

    return {f"PyTorch, {mode.title}": learner(mode) for mode in usable_modes(torch)}


if __name__ == "__main__":
    main()

"""Seconds of training until 97 %, and until 98 %, of the test images are right.

`python -m benchmarks time_to_accuracy`. One thread, 784-1000-1000-10, Adagrad, three seeds. The
study `time_to_accuracy` asks the same of any config; here all systems are trained as its runs are,
but they take turns in one process, so that a slow spell of the machine hits all, and their times
are the processor's, which other programs disturb less than the clock's. Every 5,120 samples
training is paused and the test accuracy taken; only training counts as time, making batches and
rows of the samples included, compiling not.

LSH and WTA train at a rate of .02, the dense networks at .01: each the best, or as good, of those
that configs/reference.yaml compares on validation data. PyTorch runs in batches of 128 in every
mode that there is here (benchmarks/_peers.py). A cell is empty where a system did not get there in
8 epochs. On the digits stand-in, where MNIST is not at hand, the numbers say little of MNIST.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._peers import describe_mode, name_mode, usable_modes
from benchmarks._results import write_table
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.runs.spec import Run
from lsh_dl.training.epochs import draw_key, draw_order, evaluate
from lsh_dl.training.run import create_model, inputs_of

WANTED = (0.97, 0.98)
BATCH = 128
EVERY = 40 * BATCH
MOST_EPOCHS = 8
SEEDS = (1, 2, 3)
#: Rule, active fraction, learning rate and settings.
OURS = {
    "LSH 5 %": ("lsh", 0.05, 0.02, {}),
    "LSH at the claim": ("lsh", 0.1, 0.02, {"directions": 23, "shortlist": 1.5}),
    "WTA 5 %": ("wta", 0.05, 0.02, {}),
    "NN": ("standard", 1.0, 0.01, {}),
}


def main() -> None:
    """Measure, print and write results/benchmarks/time_to_accuracy.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        modes = usable_modes()
        table = pd.DataFrame(row for seed in SEEDS for row in race(data, seed, modes))
    for wanted, part in table.groupby("accuracy"):
        print(f"{data.title}: seconds of training to {100 * wanted:.0f} % test accuracy")
        print(part.to_string(index=False, float_format="{:.4g}".format))
    write_table(table.assign(data=data.title), "time_to_accuracy")


def describe_runs(seed: int, modes: Iterable[str]) -> dict[str, Run]:
    """All systems by name: our rules, and PyTorch in these modes."""
    ours = {
        name: describe_run((name, rule, fraction), seed, learning_rate=rate, **settings)
        for name, (rule, fraction, rate, settings) in OURS.items()
    }
    return ours | {name_mode(mode, BATCH): describe_mode(mode, BATCH, seed=seed) for mode in modes}


class Racer:
    """A run's model, and how far it came."""

    def __init__(self, run: Run, data: Prepared):
        self.model = create_model(run, data.features, data.classes)
        self.training, self.tested = (
            inputs_of(data, part, self.model) for part in (data.train, data.test)
        )
        self.key = draw_key(run.seed, 1)
        self.seconds, self.samples = 0.0, 0
        self.reached: dict[float, tuple[float, int]] = {}

    def advance(self, numbers: np.ndarray) -> None:
        """Train on the samples at `numbers`, timed; note which accuracies are reached."""
        begin = time.process_time()
        self.model.train(self.training.batch(numbers), self.key)
        self.seconds += time.process_time() - begin
        self.samples += len(numbers)
        accuracy = evaluate(self.model, self.tested, self.key).accuracy
        for wanted in WANTED:
            if accuracy >= wanted:
                self.reached.setdefault(wanted, (self.seconds, self.samples))


def race(data: Prepared, seed: int, modes: Iterable[str]) -> Iterator[dict]:
    """Every system's seconds and samples until each wanted accuracy, empty if never."""
    racers = {name: Racer(run, data) for name, run in describe_runs(seed, modes).items()}
    for epoch in range(1, MOST_EPOCHS + 1):
        order = draw_order(seed, epoch, len(data.train))
        for start in range(0, len(order), EVERY):
            for racer in racers.values():
                if max(WANTED) not in racer.reached:
                    racer.advance(order[start : start + EVERY])
    for wanted in WANTED:
        for name, racer in racers.items():
            seconds, samples = racer.reached.get(wanted, (None, None))
            yield {
                "accuracy": wanted,
                "system": name,
                "seed": seed,
                "seconds": seconds,
                "samples": samples,
            }


if __name__ == "__main__":
    main()

"""Time per sample of this project's rules beside PyTorch, in one run: `python -m benchmarks speed`.

All systems have the same network, 784-1000-1000-10, and train on one thread, on MNIST where its
files are at hand, else on the digits stand-in. They train with Adagrad, those called SGD by plain
SGD. PyTorch runs in every mode that a user can switch on (benchmarks/_torch.py), in batches of
1, 128 and 1,024 images; a mode that does not run here is named. It is optional
(`pip install 'lsh-dl[torch]'`); without it the rest is measured.

All are warmed up by the same 40,000 images, after which their test accuracy is taken; PyTorch in
batches of 1 is not (10 minutes a mode), its accuracy stays empty. Ours are timed with their share
of table upkeep. Times are the processor's, which other programs disturb less than the clock's. The
systems take turns, round after round, so that a slow spell of the machine hits all; ratios are
formed within a round, each to LSH of the same optimiser. The last table says how many times faster
LSH is than PyTorch's fastest mode at each batch size, and than plain fp32; LSH itself always works
on one image at a time.

"LSH at the claim" is where the paper's claim on accuracy holds: within a point of NN at less than
5 % of the multiplications (docs/claims.md).
"""

import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._results import write_table
from benchmarks._timing import Systems, compare_rounds, summarise, time_rounds
from benchmarks._torch import PLAIN as PLAIN_MODE
from benchmarks._torch import Dense, call_batches, import_torch, usable_modes
from lsh_dl.data.prepared.store import Prepared, Samples
from lsh_dl.runs.machine import describe_machine
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

ROUNDS = 11
#: Samples of a timed call: as many as tables are renewed after by then, so that every call has its
#: share of upkeep; and of warming up.
SAMPLES, WARMED = 4000, 40_000

#: The first nodes met: no features that only ranking needs, and fewer tables, since fewer nodes are
#: gathered.
PLAIN = {"ranking": "none", "candidates": 1.0, "directions": 7, "L": 2}
#: Where the paper's claim on accuracy holds.
CLAIM = {"directions": 23, "shortlist": 1.5, "learning_rate": 0.02}
#: Rule, level and what else describes the run of each of our systems.
OURS = {
    "LSH 5 %": ("lsh", 0.05, {}),
    "LSH at the claim": ("lsh", 0.1, CLAIM),
    "LSH 5 %, not re-ranked": ("lsh", 0.05, PLAIN),
    "WTA 5 %": ("wta", 0.05, {}),
    "VD 5 %": ("dropout", 0.05, {"inference": "sampled"}),
    "NN": ("standard", 1.0, {}),
    "LSH 5 %, not re-ranked, SGD": ("lsh", 0.05, {"adagrad": False, "learning_rate": 0.05} | PLAIN),
}
#: Images of a timed call of PyTorch, by batch size.
BATCHES = {1: 20, 128: 512, 1024: 1024}
#: Batch sizes at which all images of warming up are trained on.
WARMED_BATCHES = (128, 1024)
#: Of ours, those whose lead is told.
LEADERS = ("LSH 5 %", "LSH at the claim")
#: What ratios are to, by the end of a system's name.
REFERENCES = {"SGD, training": "LSH 5 %, not re-ranked, SGD, training"} | {
    task: f"LSH 5 %, {task}" for task in ("training", "prediction")
}


def main() -> None:
    """Measure, print the tables, write speed.csv and speed_leads.csv in results/benchmarks."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        models = our_models(data)
        accuracies = {name: measure_accuracy(model, data) for name, model in models.items()}
        theirs, their_accuracies = torch_systems(data)
        frame = time_rounds(our_systems(models, data) | theirs, ROUNDS, time.process_time)
        table = summarise(frame, REFERENCES).assign(data=data.title)
        for name, accuracy in (accuracies | their_accuracies).items():
            table.loc[f"{name}, training", "accuracy_warmed_up"] = accuracy
        machine = describe_machine()
        print(
            f"{data.title}; {machine['processor']}, 1 of {machine['cores']} cores, {ROUNDS} rounds"
        )
        print(table.drop(columns=["data", "ratio_to"]).to_string(float_format="{:.4g}".format))
        leads = find_leads(frame)
        if not leads.empty:
            print(leads.to_string(index=False, float_format="{:.2f}".format))
            write_table(leads.assign(data=data.title), "speed_leads")
    write_table(table.reset_index(), "speed")


def find_leads(frame: pd.DataFrame) -> pd.DataFrame:
    """How many times faster LSH is than PyTorch, its fastest mode and fp32, by task and batch."""
    rows = []
    for name in LEADERS:
        for task in ("training", "prediction"):
            for batch in BATCHES:
                theirs = [c for c in frame if c.endswith(f", batch {batch}, {task}")]
                if not theirs:
                    continue
                fastest = frame[theirs].median().idxmin()
                plain = name_mode(PLAIN_MODE.title, batch)
                for other, kind in ((fastest, "fastest"), (f"{plain}, {task}", "fp32")):
                    rows.append(
                        {"system": name, "task": task, "batch": batch, "to": kind, "is": other}
                        | compare_rounds(frame, f"{name}, {task}", other)
                    )
    return pd.DataFrame(rows)


def name_mode(title: str, batch: int) -> str:
    """A system of PyTorch's."""
    return f"PyTorch, {title}, batch {batch}"


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


def torch_systems(data: Prepared) -> tuple[Systems, dict[str, float]]:
    """The dense network in PyTorch in all modes, and their accuracies; {} without PyTorch."""
    torch, systems, accuracies = import_torch(), {}, {}
    if torch is None:
        return systems, accuracies
    x, y = read_images(torch, data, data.train, np.arange(WARMED) % len(data.train))
    modes = usable_modes(torch)
    variants = [
        (name_mode(mode.title, batch), batch, Dense(torch, 1, mode))
        for batch in BATCHES
        for mode in modes
    ]
    variants.append(("PyTorch, fp32, batch 128, SGD", 128, Dense(torch, 1, optimiser="SGD")))
    for name, batch, dense in variants:
        if batch in WARMED_BATCHES:
            for start in range(0, WARMED - batch + 1, batch):  # whole batches: compiled for a size
                dense.train(x[start : start + batch], y[start : start + batch])
            accuracies[name] = measure_torch(torch, dense, data, batch)
        few = x[:batch], y[:batch]
        samples = BATCHES[batch]
        train, predict = call_batches(
            lambda d=dense, f=few: d.train(*f),
            lambda d=dense, f=few: d.predict(f[0]),
            samples // batch,
        )
        systems[f"{name}, training"] = (samples, train)
        systems[f"{name}, prediction"] = (samples, predict)
    return systems, accuracies


def read_images(
    torch: ModuleType, data: Prepared, samples: Samples, numbers: np.ndarray
) -> tuple[Any, Any]:
    """Images and labels as PyTorch takes them, scaled as ours."""
    x, y = samples.take(numbers)
    x = (x.astype(np.float32) - data.offset) * data.scale
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))


def measure_torch(torch: ModuleType, dense: Dense, data: Prepared, batch: int) -> float:
    """Share of the test images that are right; those beyond whole batches are left out."""
    whole = len(data.test) // batch * batch
    x, y = read_images(torch, data, data.test, np.arange(whole))
    right = [
        (dense.predict(x[i : i + batch]).argmax(dim=1) == y[i : i + batch]).sum().item()
        for i in range(0, whole, batch)
    ]
    return sum(right) / whole


if __name__ == "__main__":
    main()

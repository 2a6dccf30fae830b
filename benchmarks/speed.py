"""Time per sample of this project's rules beside PyTorch, in one run: `python -m benchmarks speed`.

All systems have the same network, 784-1000-1000-10, and train on one thread, on MNIST where its
files are at hand, else on the digits stand-in. They train with Adagrad, those called SGD by plain
SGD. PyTorch runs in every mode that a user can switch on (benchmarks/_peers.py), in batches of
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

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._peers import PLAIN as PLAIN_MODE
from benchmarks._peers import describe_mode, name_mode, torch_tasks, usable_modes
from benchmarks._results import write_table
from benchmarks._timing import Systems, compare_rounds, summarise, time_rounds
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.runs.machine import describe_machine
from lsh_dl.training.epochs import evaluate, train_epoch
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import Model, create_model, inputs_of
from lsh_dl.training.system_model import SystemModel

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
        ours, theirs = our_models(data), torch_models(data)
        systems = our_systems(ours, data) | torch_systems(theirs, data)
        accuracies = {name: warm_up(model, data) for name, model in (ours | theirs).items()}
        frame = time_rounds(systems, ROUNDS, time.process_time)
        table = summarise(frame, REFERENCES).assign(data=data.title)
        for name, accuracy in accuracies.items():
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
                plain = name_mode(PLAIN_MODE, batch)
                for other, kind in ((fastest, "fastest"), (f"{plain}, {task}", "fp32")):
                    rows.append(
                        {"system": name, "task": task, "batch": batch, "to": kind, "is": other}
                        | compare_rounds(frame, f"{name}, {task}", other)
                    )
    return pd.DataFrame(rows)


def our_models(data: Prepared) -> dict[str, SparseModel]:
    """Every rule's network."""
    models = {}
    for name, (rule, fraction, settings) in OURS.items():
        run = describe_run((name, rule, fraction), **settings)
        models[name] = create_model(run, data.features, data.classes)
    return models


def torch_models(data: Prepared) -> dict[str, SystemModel]:
    """The dense network in PyTorch, in every mode at every batch size; none without PyTorch."""
    modes = usable_modes()
    runs = {name_mode(mode, size): describe_mode(mode, size) for size in BATCHES for mode in modes}
    if modes:
        sgd = describe_mode(PLAIN_MODE, 128, learning_rate=0.05, adagrad=False)
        runs[f"{name_mode(PLAIN_MODE, 128)}, SGD"] = sgd
    return {name: create_model(run, data.features, data.classes) for name, run in runs.items()}


def warm_up(model: Model, data: Prepared) -> float | None:
    """Train for a while; the share of the test images that are right then, None: not trained."""
    if isinstance(model, SystemModel) and model.batch_size not in WARMED_BATCHES:
        return None
    numbers = np.arange(WARMED) % len(data.train)
    train_epoch(model, inputs_of(data, data.train, model), numbers, np.uint64(1))
    return evaluate(model, inputs_of(data, data.test, model), np.uint64(0)).accuracy


def our_systems(models: dict[str, SparseModel], data: Prepared) -> Systems:
    """Training and prediction of every rule: samples a call, and the call."""
    rows = inputs_of(data, data.train).batch(np.arange(SAMPLES))
    print(f"non-zero inputs: {100 * np.mean(np.diff(rows.ends) - 1) / data.features:.0f} %")
    systems = {}
    for name, model in models.items():
        systems[f"{name}, training"] = (SAMPLES, lambda m=model: m.train(rows, np.uint64(9)))
        systems[f"{name}, prediction"] = (SAMPLES, lambda m=model: m.predict(rows, np.uint64(9)))
    return systems


def torch_systems(models: dict[str, SystemModel], data: Prepared) -> Systems:
    """Training and prediction of PyTorch, in batches."""
    systems = {}
    for name, model in models.items():
        systems |= torch_tasks(name, model, data, BATCHES[model.batch_size])
    return systems


if __name__ == "__main__":
    main()

"""Time per sample over the layers' width, LSH beside dense: `python -m benchmarks speed_vs_width`.

Two hidden layers of 1,000 to 8,000 nodes, 784 inputs, 10 outputs, one thread, Adagrad, MNIST where
its files are at hand. LSH runs with 50 active nodes a layer whatever the width, with 5 % of the
nodes, and with 10 % of them at a narrow shortlist, which is where the paper's claim on accuracy
holds at 1,000 nodes; the multiplications of each, in per cent of the textbook network's, stand in
the table. LSH and NN take one image at a time, PyTorch 128; of its modes (benchmarks/_peers.py)
the fastest counts.

Systems take turns; times are the processor's, which other programs disturb less than the clock's.
Ours are trained a little before. Tables are not renewed within a timed call: a renewal is timed
alone and spread over the samples between two (UPKEEP_EVERY, for each thousand nodes).
Printed at the end: between which widths LSH overtakes PyTorch. figures/speed_vs_width.py draws it.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._peers import describe_mode, name_mode, torch_tasks, usable_modes
from benchmarks._results import write_table
from benchmarks._timing import Systems, time_rounds
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.counts import OPTIMISER, STAGES, dense_work
from lsh_dl.engine.threads import Team
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

WIDTHS = (1000, 2000, 4000, 8000)
ROUNDS, WARMED = 5, 1500
#: Samples between two renewals of tables, for each thousand nodes: about the mean of an epoch.
UPKEEP_EVERY = 2000
#: PyTorch's batch size, and the modes that compete at it.
BATCH, MODES = 128, ("fp32, fused", "bf16, fused", "bf16, fused, compiled")
CLAIM = {"directions": 23, "shortlist": 1.5, "learning_rate": 0.02}
#: Rule, active nodes (a number, or a share), settings and samples of a timed call.
OURS = {
    "LSH, 50 nodes": ("lsh", 50, {}, 500),
    "LSH 5 %": ("lsh", 0.05, {}, 200),
    "LSH 10 %, narrow shortlist": ("lsh", 0.1, CLAIM, 100),
    "NN": ("standard", 1.0, {}, 15),
}
TASKS = ("training", "prediction")


def main() -> None:
    """Measure, print and write results/benchmarks/speed_vs_width.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        tables = []
        for width in WIDTHS:
            tables.append(measure_width(data, width))
            print(tables[-1].to_string(index=False, float_format="{:.4g}".format), flush=True)
    table = pd.concat(tables).assign(data=data.title)
    for task in TASKS:
        for name in OURS:
            print(describe_crossover(table, name, task))
    write_table(table, "speed_vs_width")


def measure_width(data: Prepared, width: int) -> pd.DataFrame:
    """Microseconds a sample of every system at one width, a row for each task."""
    systems, facts = our_systems(data, width)
    frame = time_rounds(systems | torch_systems(data, width), ROUNDS, time.process_time)
    rows = []
    for task in TASKS:
        names = [f"{name}, {task}" for name in OURS]
        theirs = [c for c in frame if c.startswith("PyTorch") and c.endswith(task)]
        if theirs:
            names.append(frame[theirs].median().idxmin())
        for name in names:
            title = name.removesuffix(f", {task}")
            times = frame[name] + facts.get(name, {}).get("upkeep_microseconds", 0)
            rows.append(
                {
                    "width": width,
                    "task": task,
                    "system": "PyTorch" if title.startswith("PyTorch") else title,
                    "mode": title,
                    "microseconds": times.median(),
                    "lowest": times.min(),
                    "highest": times.max(),
                    **facts.get(name, {}),
                }
            )
    return pd.DataFrame(rows)


def our_systems(data: Prepared, width: int) -> tuple[Systems, dict[str, dict[str, float]]]:
    """Training and prediction of ours, and what they multiply and keep up."""
    inputs, systems, facts = inputs_of(data, data.train), {}, {}
    dense = dense_work([data.features, width, width, data.classes])
    for name, (rule, active, settings, samples) in OURS.items():
        share = active / width if active > 1 else active
        run = describe_run((name, rule, share), **settings)
        run = run.model_copy(update={"hidden": (width, width)})
        model = create_model(run, data.features, data.classes)
        if rule == "lsh":
            model.train(inputs.batch(np.arange(WARMED)), np.uint64(1))
        rows = inputs.batch(np.arange(samples))
        upkeep = time_upkeep(model, rows) / (UPKEEP_EVERY * width / 1000) * 1e6
        trained, read = model.train(rows, np.uint64(2)), model.predict(rows, np.uint64(2))[1]
        for task, tally, whole in zip(TASKS, (trained, read), dense, strict=True):
            done = tally.work[:OPTIMISER].sum() / samples
            facts[f"{name}, {task}"] = {"multiplications_percent": 100 * done / whole}
        facts[f"{name}, training"]["upkeep_microseconds"] = upkeep
        systems[f"{name}, training"] = (samples, lambda m=model, r=rows: m.train(r, np.uint64(9)))
        systems[f"{name}, prediction"] = (
            samples,
            lambda m=model, r=rows: m.predict(r, np.uint64(9)),
        )
    return systems, facts


def time_upkeep(model: SparseModel, rows: object) -> float:
    """Seconds of a renewal of the tables, after which none is due any more."""
    if model.until_refresh is None:
        return 0.0
    work = np.zeros(len(STAGES), np.int64)
    start = time.process_time()
    with Team(1) as team:
        model.rule.refresh(model.state, model.network, rows, work, team)
    seconds = time.process_time() - start
    model.until_refresh = 10**9
    return seconds


def torch_systems(data: Prepared, width: int) -> Systems:
    """PyTorch in the modes that compete; none where it is not installed."""
    systems = {}
    for mode in usable_modes(MODES):
        run = describe_mode(mode, BATCH).model_copy(update={"hidden": (width, width)})
        model = create_model(run, data.features, data.classes)
        samples = BATCH * max(1, 2000 // width)
        systems |= torch_tasks(name_mode(mode, BATCH), model, data, samples)
    return systems


def describe_crossover(table: pd.DataFrame, name: str, task: str) -> str:
    """How many times faster one of ours is than PyTorch's fastest, and from which width on."""
    part = table[table["task"] == task].pivot(
        index="width", columns="system", values="microseconds"
    )
    if "PyTorch" not in part:
        return f"{name}, {task}: PyTorch is not installed"
    leads = part["PyTorch"] / part[name]
    return f"{name}, {task}: {find_crossover(leads.index, leads.to_numpy())}"


def find_crossover(widths: Sequence[int], leads: np.ndarray) -> str:
    """Where the lead passes 1, in words, and the lead at every width."""
    figures = ", ".join(
        f"{lead:.2g} at {width:,}" for width, lead in zip(widths, leads, strict=True)
    )
    ahead = leads > 1
    if ahead.all():
        place = f"ahead from {widths[0]:,} on"
    elif not ahead.any():
        place = f"behind up to {widths[-1]:,}"
    else:
        first = int(np.argmax(ahead))
        place = f"ahead at {widths[first]:,}"
        if first > 0:
            # Straight between logarithms.
            share = np.log(1 / leads[first - 1]) / np.log(leads[first] / leads[first - 1])
            at = widths[first - 1] * (widths[first] / widths[first - 1]) ** share
            place = f"overtakes at about {at:,.0f} nodes"
    return f"{place} (times faster than PyTorch's fastest at batch {BATCH}: {figures})"


if __name__ == "__main__":
    main()

"""Time per sample of this project's rules beside PyTorch, in one run: `python -m benchmarks speed`.

All systems train the same network, 784-1000-1000-10, with Adagrad at .01, on one thread, on the
digits stand-in (PyTorch's time does not depend on the data; ours grows with the share of non-zero
inputs, which is printed). The systems take turns, round after round, so that a slow spell of the
machine hits all; the ratios are formed within a round. PyTorch is optional
(`pip install 'lsh-dl[torch]'`); without it the rest is measured.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._results import write_table
from lsh_dl.data.prepare import prepare
from lsh_dl.data.store import Prepared, open_prepared
from lsh_dl.records import describe_machine
from lsh_dl.runs import Run, Training
from lsh_dl.training import create_model, inputs_of

ROUNDS = 15
SAMPLES = 2000
HIDDEN = (1000, 1000)
BASE = "PyTorch, batch 128"

#: Rule, settings and active fraction of each of our systems.
OURS = {
    "LSH 5 %": ("lsh", {}, 0.05),
    "LSH 5 %, not re-ranked": ("lsh", {"ranking": "none", "candidates": 1.0}, 0.05),
    "WTA 5 %": ("wta", {}, 0.05),
    "VD 5 %": ("dropout", {"inference": "sampled"}, 0.05),
    "NN": ("standard", {}, 1.0),
}


def main() -> None:
    """Measure, print the table and write results/benchmarks/speed.csv."""
    with tempfile.TemporaryDirectory() as folder:
        prepare("digits", {"source": "digits", "train": 3000, "test": 500}, Path(folder) / "data")
        data = open_prepared(Path(folder) / "data")
        systems = our_systems(data) | torch_systems()
        table = time_systems(systems)
    machine = describe_machine()
    print(f"{machine['processor']}, 1 of {machine['cores']} cores, {ROUNDS} rounds")
    print(table.to_string(float_format="{:.2f}".format))
    write_table(table.reset_index(), "speed")


def our_systems(data: Prepared) -> dict[str, tuple[int, Callable[[], object]]]:
    """Training and prediction of every rule: samples a call, and the call."""
    numbers = np.arange(SAMPLES)
    rows = inputs_of(data, data.train).rows(numbers)
    print(f"non-zero inputs: {100 * np.mean(np.diff(rows.ends) - 1) / data.features:.0f} %")
    systems = {}
    for name, (rule, settings, fraction) in OURS.items():
        run = Run(
            dataset="digits",
            rule=rule,
            label=rule,
            title=name,
            settings=settings,
            hidden=HIDDEN,
            active_fraction=fraction,
            seed=1,
            training=Training(learning_rate=0.01),
        )
        model = create_model(run, data.features, data.classes)
        for epoch in range(3):  # past the first, frequent refreshes of the tables
            model.train(rows, np.uint64(epoch))
        systems[f"{name}, training"] = (SAMPLES, lambda m=model: m.train(rows, np.uint64(9)))
        systems[f"{name}, prediction"] = (SAMPLES, lambda m=model: m.predict(rows, np.uint64(9)))
    return systems


def torch_systems() -> dict[str, tuple[int, Callable[[], object]]]:
    """The dense network in PyTorch, by batch size."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install 'lsh-dl[torch]' to compare with it")
        return {}
    torch.set_num_threads(1)
    torch.manual_seed(1)
    systems = {}
    for batch, batches in ((128, 4), (1, 20)):
        layers = [torch.nn.Linear(784, HIDDEN[0]), torch.nn.ReLU()]
        layers += [torch.nn.Linear(*HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN[1], 10)]
        network = torch.nn.Sequential(*layers)
        optimiser = torch.optim.Adagrad(network.parameters(), lr=0.01)
        x, y = torch.rand(batch, 784), torch.randint(0, 10, (batch,))

        def train(network=network, optimiser=optimiser, x=x, y=y, batches=batches):
            for _ in range(batches):
                optimiser.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(network(x), y).backward()
                optimiser.step()

        def predict(network=network, x=x, batches=batches):
            with torch.inference_mode():
                for _ in range(batches):
                    network(x)

        systems[f"PyTorch, batch {batch}, training"] = (batch * batches, train)
        systems[f"PyTorch, batch {batch}, prediction"] = (batch * batches, predict)
    return systems


def time_systems(systems: dict[str, tuple[int, Callable[[], object]]]) -> pd.DataFrame:
    """Microseconds per sample (median, lowest, highest) and the ratios to LSH 5 %."""
    times = {name: [] for name in systems}
    for _, call in systems.values():
        call()
    for _ in range(ROUNDS):
        for name, (samples, call) in systems.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) / samples * 1e6)
    frame = pd.DataFrame(times)
    table = pd.DataFrame(
        {
            "microseconds": frame.median(),
            "lowest": frame.min(),
            "highest": frame.max(),
        }
    )
    for task in ("training", "prediction"):
        ours = [name for name in frame if name.endswith(task)]
        ratios = frame[ours].div(frame[f"LSH 5 %, {task}"], axis=0)
        table.loc[ours, "times_lsh"] = ratios.median()
        table.loc[ours, "times_lsh_lowest"] = ratios.min()
        table.loc[ours, "times_lsh_highest"] = ratios.max()
    table.index.name = "system"
    return table


if __name__ == "__main__":
    main()

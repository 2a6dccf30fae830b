"""How often two threads' samples update the same weights, and what more cores would gain.

`python -m benchmarks conflicts`. Updated rows are recorded in real training of 784-1000-1000-10
with one thread; pairs are samples that follow each other, as threads would have them in work at
the same time. The second table is a simulation (lsh_dl/measurements/simulation.py), no
measurement.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._digits import STANDARD, WAYS, describe_run, open_digits
from benchmarks._results import write_table
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.measurements.conflicts import count_conflicts, record_updates
from lsh_dl.measurements.simulation import simulate_speedup
from lsh_dl.training.epochs import draw_key, draw_order
from lsh_dl.training.run import create_model, inputs_of

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5)
WARMED = {"lsh": 15_000, "standard": 1_500}
RECORDED = 1_000
LAYERS = ("first hidden", "second hidden", "output")


def main() -> None:
    """Measure, print, and write results/benchmarks/conflicts.csv and simulated_threads.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        conflicts = measure_conflicts(data)
        print(conflicts.to_string(index=False, float_format="{:.3f}".format))
        simulated = simulate(data)
    print("\nSimulated, not measured:")
    print(simulated.to_string(index=False, float_format="{:.2f}".format))
    write_table(conflicts, "conflicts")
    write_table(simulated, "simulated_threads")


def measure_conflicts(data: Prepared) -> pd.DataFrame:
    """What a pair of samples shares, by level and layer; 1.0 is the standard network."""
    systems = [(f"LSH {100 * level:g} %", "lsh", level) for level in LEVELS]
    first = np.arange(RECORDED - 1)
    tables = []
    for system in (*systems, STANDARD):
        model, inputs, order = _train_some(system, data)
        rows = inputs.batch(order[-RECORDED:])
        table = count_conflicts(record_updates(model, rows, draw_key(1, 2)), first, first + 1)
        tables.append(
            table.assign(system=system[0], layer=table["layer"].map(dict(enumerate(LAYERS))))
        )
    return pd.concat(tables).assign(data=data.title)[
        ["system", *tables[0].columns.drop("system"), "data"]
    ]


def simulate(data: Prepared) -> pd.DataFrame:
    """Speed-up and staleness that the simulation gives for LSH and the standard network."""
    tables = []
    for title, system, settings in WAYS:
        model, inputs, _ = _train_some(system, data, **settings)
        tables.append(simulate_speedup(model, inputs, draw_key(1, 2)).assign(system=title))
    return pd.concat(tables).assign(data=data.title)


def _train_some(system: tuple, data: Prepared, **settings: Any):
    run = describe_run(system, **settings)
    model, inputs = create_model(run, 784, 10), inputs_of(data, data.train)
    order = draw_order(1, 1, len(inputs))
    model.train(inputs.batch(order[: WARMED[system[1]]]), draw_key(1, 1))
    return model, inputs, order


if __name__ == "__main__":
    main()

"""Where a training sample's time goes, by stage: `python -m benchmarks stage_times`.

All rules have the same network, 784-1000-1000-10, and train with Adagrad on one thread, on MNIST
where its files are at hand, else on the digits stand-in. How time is told apart:
lsh_dl/measurements/stage_times.py, which the pipeline's figure of the same name is made by too.
Rounds are epochs cut short; beside the seconds stand the multiplications of the same samples.
"""

import tempfile
from pathlib import Path

import pandas as pd

from benchmarks._digits import LSH, STANDARD, describe_run, open_digits
from benchmarks._results import write_table
from lsh_dl.experiment.studies.stage_times import COSTS
from lsh_dl.measurements.stage_times import PARTS, measure_stages
from lsh_dl.runs.machine import describe_machine

ROUNDS, SAMPLES = 5, 10_000

SYSTEMS = (
    STANDARD,
    ("VD 5 %", "dropout", 0.05),
    ("AD 5 %", "adaptive", 0.05),
    ("WTA 5 %", "wta", 0.05),
    LSH,
)


def main() -> None:
    """Measure, print microseconds and multiplications, write results/benchmarks/stage_times.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        rounds = []
        for system in SYSTEMS:
            run = describe_run(system)
            training = run.training.model_copy(update={"epochs": ROUNDS})
            rounds += measure_stages(run.model_copy(update={"training": training}), data, SAMPLES)
    costs = pd.DataFrame(rounds).groupby("title", sort=False)[list(COSTS)]
    table = pd.concat(
        {"median": costs.median(), "lowest": costs.min(), "highest": costs.max()}, names=["of"]
    )
    machine = describe_machine()
    print(
        f"{data.title}; {machine['processor']}, 1 of {machine['cores']} cores, {ROUNDS} rounds of "
        f"{SAMPLES:,} samples"
    )
    report(table.loc["median"], "seconds", 1e6, "microseconds a sample")
    report(table.loc["median"], "multiplications", 1e-3, "thousand multiplications a sample")
    print("the loop with clocks, in % of the usual loop's time:")
    print((100 * table["seconds"] / table["unclocked_seconds"])["median"].round(1).to_string())
    write_table(table.assign(data=data.title).reset_index(), "stage_times")


def report(costs: pd.DataFrame, kind: str, factor: float, unit: str) -> None:
    """Print one kind of cost by stage and in sum."""
    columns = {f"{part}_{kind}": part for part in PARTS} | {kind: "sum"}
    columns = {column: name for column, name in columns.items() if column in costs}
    print(f"{unit}:")
    print(
        (factor * costs[[*columns]]).rename(columns=columns).to_string(float_format="{:.2f}".format)
    )


if __name__ == "__main__":
    main()

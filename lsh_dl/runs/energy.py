"""Energy, estimated from counted work.

The estimate multiplies counts by published energies of single operations: M. Horowitz,
"Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9, for 45 nm
and 0.9 V. Newer processes need less, and a processor spends most on fetching instructions and on
standing by, which is left out: ratios between rules mean more than joules.
"""

import pandas as pd

#: Picojoules of one 32-bit floating-point operation.
MULTIPLY, ADD = 3.7, 0.9
#: Picojoules to read or write 32 bits: DRAM (1.3-2.6 nJ for 64 bits), and caches of 8 KB, 32 KB and
#: 1 MB (10, 20 and 100 pJ for 64 bits). Larger caches are not in that table and taken to be DRAM.
DRAM = 640.0
CACHES = ((32e3, 10.0), (1e6, 50.0))

#: Accesses of 32 bits that a counted multiplication of a stage needs: a weight (or a feature) is
#: read; an update also writes it. The sample's own vectors are small and taken to be at hand.
ACCESSES = {
    "select": 1,
    "rerank": 1,
    "forward": 1,
    "backward": 1,
    "update": 2,
    "maintain": 1,
    "optimiser": 0,
}


def access_energy(size: float) -> float:
    """Picojoules to read or write 32 bits of data that are `size` bytes in all."""
    return next((energy for limit, energy in CACHES if size <= limit), DRAM)


def estimate_sample(rows: pd.DataFrame) -> pd.DataFrame:
    """What a training sample moves and needs, estimated.

    Parameters
    ----------
    rows: `training_<stage>` multiplications, `bytes_weights` and `bytes_optimiser`.

    Returns
    -------
    Columns `bytes_moved` and `estimated_*_microjoules`, with the index of `rows`.
    """
    stages = {stage: rows[f"training_{stage}"] for stage in ACCESSES}
    operations = sum(stages.values()) * MULTIPLY
    operations += sum(work for stage, work in stages.items() if stage != "optimiser") * ADD
    accesses = sum(ACCESSES[stage] * work for stage, work in stages.items())
    # Adagrad's sum or momentum's velocity of each updated weight: read and written.
    histories = rows["bytes_optimiser"] / rows["bytes_weights"]
    accesses += 2 * histories * stages["update"]
    size = rows["bytes_weights"] + rows["bytes_optimiser"]
    arithmetic, memory = operations / 1e6, accesses * size.map(access_energy) / 1e6
    return pd.DataFrame(
        {
            "bytes_moved": 4 * accesses,
            "estimated_arithmetic_microjoules": arithmetic,
            "estimated_memory_microjoules": memory,
            "estimated_microjoules": arithmetic + memory,
        }
    )


def estimate_energy(rows: pd.DataFrame) -> pd.DataFrame:
    """Microjoules per training sample, estimated, beside those measured, if any.

    Parameters
    ----------
    rows: what `estimate_sample` takes, with a run's names, `width` and `joules`.

    Returns
    -------
    `rows`' names, what `estimate_sample` returns, `estimated_saved_percent` (of the standard
    network's of the same width, where it is there) and `measured_microjoules`.
    """
    names = rows[["run_id", "dataset_title", "data_kind", "rule", "title", "width"]]
    table = names.join(estimate_sample(rows))
    standard = table[table["rule"] == "standard"].set_index("width")["estimated_microjoules"]
    table["estimated_saved_percent"] = 100 * (
        1 - table["estimated_microjoules"] / table["width"].map(standard)
    )
    return table.assign(
        measured_microjoules=1e6 * rows["joules"], not_measured_because=rows["joules_absent"]
    )

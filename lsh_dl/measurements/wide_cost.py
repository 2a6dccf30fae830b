"""What a sample costs in a network of very many labels, and what of the best labels is retrieved.

Training is real, on generated samples (`lsh_dl.data.synthetic.wide`), but short: what is wanted are
costs. Where tables of outputs are renewed at regular distances, whole distances are timed.
"""

import time
from typing import Any

import numpy as np

from lsh_dl.data.synthetic.wide import draw_wide
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.counts import MAINTAIN, OPTIMISER
from lsh_dl.engine.network import layer_weights
from lsh_dl.engine.workspace import add_tally, create_tally
from lsh_dl.runs.load import LoadMeter
from lsh_dl.runs.machine import describe_machine
from lsh_dl.runs.spec import Run
from lsh_dl.training.arrays import name_arrays
from lsh_dl.training.epochs import draw_key
from lsh_dl.training.loader import SparseInputs
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model

WARMED, TIMED = 2_000, 1_000
"""Samples before anything is timed, and of a timed part."""
ROUNDS = 3
"""Timed parts, of which the median counts."""
DENSE_OUTPUTS = 20_000_000
"""Outputs computed in a timed part of a rule that computes all, which bounds its samples."""
TESTED = 200
"""Samples whose best labels are looked for."""
RANKS = (1, 5)
LAW = {"feature_power": 0.5, "shared": 4}
"""`wide_generated`'s defaults."""


def measure_labels(run: Run) -> dict[str, Any]:
    """Train a network of `run.conditions["labels"]` outputs for a while: costs of a sample."""
    labels, features = (int(run.conditions[name]) for name in ("labels", "features"))
    model = create_model(run, features, labels)
    key = draw_key(run.seed, 1)
    timed, warmed = count_samples(model, labels)
    trained = SparseInputs(
        *draw_wide(warmed + timed * ROUNDS, labels, features, run.seed, 0, **LAW)
    )
    numbers = np.arange(len(trained))
    model.train(trained.batch(numbers[:warmed]), key)
    tested = SparseInputs(*draw_wide(TESTED, labels, features, run.seed, 1, **LAW))
    rows = tested.batch(np.arange(min(timed, TESTED)))
    learned, predicted = create_tally(), create_tally()
    seconds: dict[str, list[float]] = {"training": [], "inference": []}
    with LoadMeter() as load:
        for part in numbers[warmed:].reshape(ROUNDS, timed):
            batch = trained.batch(part)
            start = time.perf_counter()
            add_tally(learned, model.train(batch, key))
            middle = time.perf_counter()
            add_tally(predicted, model.rank(rows, key, max(RANKS))[1])
            seconds["training"].append((middle - start) / timed)
            seconds["inference"].append((time.perf_counter() - middle) / len(rows.numbers))
    work = learned.work / (timed * ROUNDS), predicted.work / (len(rows.numbers) * ROUNDS)
    machine = describe_machine()
    return {
        "run_id": run.id,
        "dataset": run.dataset,
        "data_kind": "generated",
        "rule": run.rule,
        "label": run.label,
        "title": run.title,
        "labels": labels,
        "features": features,
        "hidden": "-".join(map(str, run.hidden)),
        "samples_trained": len(numbers),
        "samples_timed": timed * ROUNDS,
        "outputs_computed": learned.outputs[0] / (timed * ROUNDS),
        "training_multiplications": work[0][:OPTIMISER].sum(),
        "training_maintain": work[0][MAINTAIN],
        "inference_multiplications": work[1][:OPTIMISER].sum(),
        **{f"{part}_seconds": np.median(values) for part, values in seconds.items()},
        **{
            f"recall_at_{k}": share
            for k, share in zip(RANKS, recall_of_best(model, rows, key), strict=True)
        },
        **count_bytes(model),
        **load.columns(),
        "processor": machine["processor"],
        "cores": machine["cores"],
        "git_commit": machine["git_commit"],
    }


def count_samples(model: SparseModel, labels: int) -> tuple[int, int]:
    """Samples of a timed part, and before all of them."""
    if model.outputs is None:
        timed = max(4, min(TIMED, DENSE_OUTPUTS // labels))
        return timed, timed
    distance = model.outputs.rule.refresh_interval(WARMED, model.outputs.network) or 1
    warmed = WARMED + distance  # to a refresh, from which on whole distances follow
    regular = model.outputs.rule.refresh_interval(warmed, model.outputs.network) or 1
    return -(-TIMED // regular) * regular, warmed


def recall_of_best(model: SparseModel, rows: Batch, key: np.uint64) -> list[float]:
    """Of the labels with the largest outputs, `RANKS` many, the share that was computed.

    All hidden nodes must be active.
    """
    if model.outputs is None:
        return [1.0] * len(RANKS)
    network, found = model.network, np.zeros(len(RANKS))
    last = len(network.strides) - 1
    for s in range(len(rows.numbers)):  # all outputs of all samples would fill the memory
        inside = slice(rows.ends[s], rows.ends[s + 1])
        x, ids = rows.values[inside], rows.ids[inside]
        for index in range(last):
            x = np.maximum(layer_weights(network, index)[:, ids] @ x, 0)
            x, ids = np.append(x, np.float32(1)), np.arange(len(x) + 1)
        outputs = layer_weights(network, last)[:, : len(ids)] @ x
        one = Batch(
            np.array([0, inside.stop - inside.start]),
            rows.ids[inside],
            rows.values[inside],
            rows.labels[:0],
            np.zeros(2, np.int64),
            rows.numbers[s : s + 1],
        )
        computed = model.predict(one, key)[0][0] > 0
        best = np.argpartition(-outputs, max(RANKS))[: max(RANKS)]
        best = best[np.argsort(-outputs[best])]
        found += [computed[best[:k]].mean() for k in RANKS]
    return (found / len(rows.numbers)).tolist()


def count_bytes(model: SparseModel) -> dict[str, int]:
    """Bytes of the network's weights, of the optimiser's histories, and of what selects outputs."""
    state = name_arrays(model.outputs.state, "state") if model.outputs else ()
    return {
        "bytes_weights": model.network.weights.nbytes,
        "bytes_optimiser": model.optimiser.squares.nbytes + model.optimiser.velocity.nbytes,
        "bytes_selection": sum(array.nbytes for _, array in state),
    }

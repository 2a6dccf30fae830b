"""One run, from a prepared folder to its files; an interrupted one goes on."""

from math import ceil
from pathlib import Path

from threadpoolctl import threadpool_limits

from lsh_dl.common.files import require_apart, require_replaceable, require_writable_file
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.runs.machine import describe_machine, versions_of
from lsh_dl.runs.picks import Pick
from lsh_dl.runs.record import write_record, write_rows
from lsh_dl.runs.spec import Run
from lsh_dl.training.checkpoints import INTERVAL, Checkpoint
from lsh_dl.training.epochs import draw_key
from lsh_dl.training.model_file import TrainedModel, is_model_file, write_model
from lsh_dl.training.progress import Progress
from lsh_dl.training.run import create_model, train_run


def run_to_files(
    run: Run,
    data_folder: Path,
    csv_path: Path,
    json_path: Path,
    model_path: Path | None = None,
    interval: float = INTERVAL,
    pick: Pick | None = None,
) -> None:
    """Train one run on a prepared data set and write its files, whole or not at all.

    An interrupted call leaves a checkpoint beside `csv_path`; the next one goes on from there and
    writes what the first would have written, but for the seconds. Another system's run starts anew.

    Parameters
    ----------
    csv_path, json_path
        A row per epoch; settings, versions, machine.
    model_path
        The trained model (`model_file`), of a rule; None: it is not kept.
    interval
        Least seconds between two checkpoints.
    pick
        What tuning chose, where `run` is tuned; `run` has it already, the JSON tells of it.

    Raises
    ------
    UserError
        The data are not there, or results cannot be written, or `model_path` is a file that is no
        model.
    """
    outputs = [path for path in (csv_path, json_path, model_path) if path]
    for path in outputs:
        require_writable_file(path)
    require_apart(outputs)
    if model_path:
        require_replaceable(model_path, is_model_file, "is no model")
    data = open_prepared(data_folder)
    checkpoint, saved = None, None
    if not run.system:
        beside = csv_path.with_suffix(".checkpoint")
        checkpoint = Checkpoint(beside, run, data_folder, data, interval)
        saved = checkpoint.load()
    # Linear algebra of a rule runs in as many threads as there are: not in as many each.
    limit = threadpool_limits(run.threads if run.system else 1)
    with limit, Progress(run, len(data.train)) as progress:
        model, rows = saved or (create_model(run, data.features, data.classes), [])
        for row in rows:
            progress.end_epoch(row)
        for row in train_run(run, data, progress.advance, model, len(rows)):
            progress.end_epoch(row)
            rows.append(row)
            if checkpoint and row["status"] == "ok" and row["epoch"] < run.training.epochs:
                checkpoint.save(model, rows)
    record = {
        "run_id": run.id,
        "run": run.model_dump(mode="json"),
        **({"pick": pick.model_dump(mode="json")} if pick else {}),
        "data": dict(data.meta),
        "machine": describe_machine() | (versions_of(model.packages) if run.system else {}),
        "status": rows[-1]["status"],
    }
    if model_path:
        key = draw_key(run.seed, ceil(rows[-1]["epoch"]))
        trained = TrainedModel(model, data.transform, data.class_names, key, record)
        write_model(model_path, trained)
    write_record(json_path, record)
    write_rows(csv_path, rows)
    if checkpoint:
        checkpoint.remove()

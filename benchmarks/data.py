"""Making, reading and learning the data sets: speed, memory and what a dense network reaches.

`python -m benchmarks data`. One thread throughout. What starts from MNIST takes it from
$LSH_DL_MIRROR, the cache or its public URLs, and is left out with a message without.
Peak memory is that of a process of its own, Python and its libraries included.
"""

import bz2
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._digits import STANDARD, describe_run
from benchmarks._results import FOLDER, write_table
from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.libsvm import read_libsvm
from lsh_dl.data.prepared.fetch import CachedSources
from lsh_dl.data.prepared.prepare import prepare, resolve
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.run import train_run

STREAM_IMAGES = 200_000
TEXT_ROWS = (60_000, 240_000)
EPOCH_SAMPLES = (200_000, 8_100_000)
DISK = 9e9
"""Bytes that all of MNIST8M takes for a while."""
#: Epochs with which a dense network of 2 x 1000 nodes is judged.
LEARNED = {
    "digits": 3,
    "norb_standin": 2,
    "convex": 6,
    "rectangles": 6,
}

Row = tuple[str, str, float, str]  # what, of which set, the number, its unit


def main() -> None:
    """Measure, print the table and write results/benchmarks/data.csv."""
    rows = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Not where the system keeps temporary files: that may be memory.
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        for measure in (
            make_sets,
            make_stream,
            read_text,
            prepare_all_rows,
            stream_an_epoch,
            learn_sets,
        ):
            try:
                for row in measure(Path(folder)):
                    print(f"{row[0]:32} {row[1]:28} {row[2]:14,.4g} {row[3]}", flush=True)
                    rows.append(row)
            except UserError as error:
                print(f"{measure.__name__} left out: {error}")
    write_table(pd.DataFrame(rows, columns=["measured", "of", "value", "unit"]), "data")


def make_sets(folder: Path) -> Iterator[Row]:
    """Each generated set at full size, prepared; the second time, so that nothing compiles."""
    for name in LEARNED:
        prepare(name, {"source": name, "train": 20, "test": 20}, folder / "warm")
        start = time.perf_counter()
        prepare(name, {"source": name}, folder / name)
        seconds = time.perf_counter() - start
        counts = open_prepared(folder / name).meta["counts"]
        yield "generate and prepare", f"{name}, {sum(counts.values()):,} images", seconds, "s"


def make_stream(folder: Path) -> Iterator[Row]:
    """Infinite MNIST from MNIST, in random order, as training asks for it."""
    samples = _prepare_stream(folder / "stream", 8_100_000).train
    order = np.random.default_rng(0).permutation(len(samples))[:STREAM_IMAGES]
    samples.take(order[:10])
    speeds = []
    for _ in range(5):
        start = time.perf_counter()
        for part in np.array_split(order, len(order) // 2048):
            samples.take(part)
        speeds.append(len(order) / (time.perf_counter() - start))
    yield "deformed images a second", "mnist8m_generated", float(np.median(speeds)), "1/s"


def read_text(folder: Path) -> Iterator[Row]:
    """MNIST8M's text in bz2, of two lengths: time grows, memory does not."""
    samples = _prepare_stream(folder / "stream", 8_100_000).train
    packed = _pack(*samples.take(np.arange(min(TEXT_ROWS))))
    for rows in TEXT_ROWS:
        path = folder / "rows.bz2"
        path.write_bytes(packed * (rows // min(TEXT_ROWS)))
        seconds, peak = _run_apart("read_rows", path, folder / "rows.npy", rows)
        yield "LIBSVM text in bz2", f"{rows:,} rows", rows / seconds, "rows/s"
        yield "its peak memory", f"{rows:,} rows", peak, "MB"


def prepare_all_rows(folder: Path) -> Iterator[Row]:
    """All 8,100,000 rows of an `mnist8m.bz2` that is short of pixels: memory of the whole step."""
    if shutil.disk_usage(folder).free < DISK:
        raise UserError(f"{folder}: {DISK / 1e9:.0f} GB are needed; free space")
    mirror = folder / "mirror"
    for file in resolve("mnist", {}).files():
        place = CachedSources(os.environ.get("LSH_DL_MIRROR")).fetch(file)
        (mirror / "mnist").mkdir(parents=True, exist_ok=True)
        shutil.copy(place, mirror / "mnist")
    (mirror / "mnist8m").mkdir()
    text = "".join(
        f"{i % 10} {1 + i % 700}:{1 + i % 255} {720 + i % 60}:7\n" for i in range(60_000)
    )
    (mirror / "mnist8m/mnist8m.bz2").write_bytes(bz2.compress(text.encode()) * 135)
    seconds, peak = _run_apart("prepare_mnist8m", mirror, folder / "mnist8m", folder / "cache")
    shutil.rmtree(folder / "mnist8m")
    yield "prepare mnist8m", "8,100,000 rows, 2 pixels each", seconds, "s"
    yield "its peak memory", "8,100,000 rows", peak, "MB"


def stream_an_epoch(folder: Path) -> Iterator[Row]:
    """An epoch of LSH over generated MNIST8M, of two lengths: time grows, memory hardly does."""
    for count in EPOCH_SAMPLES:
        _prepare_stream(folder / f"stream{count}", count)
        seconds, peak = _run_apart("train_epoch", folder / f"stream{count}")
        yield "epoch over a stream, 1 x 32", f"{count:,} images", count / seconds, "1/s"
        yield "its peak memory", f"{count:,} images", peak, "MB"


def learn_sets(folder: Path) -> Iterator[Row]:
    """Test accuracy of this project's dense network with each set's own preprocessing."""
    for name, epochs in LEARNED.items():
        if not (folder / name).exists():
            prepare(name, {"source": name}, folder / name)
        data = open_prepared(folder / name)
        *_, last = train_run(_dense_run(name, epochs), data)
        where = f"{name}, {data.meta['preprocessing']}, {epochs} epochs"
        yield "validation accuracy of NN", where, 100 * last["validation_accuracy"], "%"
        yield "test accuracy of NN", where, 100 * last["test_accuracy"], "%"


def _dense_run(name: str, epochs: int) -> Run:
    return describe_run(STANDARD).model_copy(
        update={"dataset": name, "training": Training(epochs=epochs)}
    )


def _prepare_stream(folder: Path, count: int):
    if not folder.exists():
        entry = {"train": count, "validation": 0}
        prepare("mnist8m_generated", entry, folder, os.environ.get("LSH_DL_MIRROR"))
    return open_prepared(folder)


def _pack(x: np.ndarray, y: np.ndarray) -> bytes:
    """Samples as LIBSVM's text, packed; such pieces may be strung together."""
    lines = []
    for row, label in zip(x, y, strict=True):
        places = np.flatnonzero(row)
        pairs = " ".join(f"{place + 1}:{row[place]}" for place in places)
        lines.append(f"{label} {pairs}\n")
    return bz2.compress("".join(lines).encode())


# What runs in a process of its own ------------------------------------------------------------


def read_rows(path: str, target: str, rows: str) -> None:
    """Read a packed text of `rows` digits."""
    read_libsvm(path, target, int(rows), 784, 10)


def prepare_mnist8m(mirror: str, folder: str, cache: str) -> None:
    """Prepare MNIST8M from a mirror, with the default settings."""
    prepare("mnist8m", {}, folder, mirror, cache)


def train_epoch(folder: str) -> None:
    """Train a small network for an epoch on a prepared set."""
    data = open_prepared(folder)
    run = _dense_run("stream", 1).model_copy(update={"hidden": (32,)})
    list(train_run(run, data))


def _run_apart(function: str, *arguments: object) -> tuple[float, float]:
    """Seconds and peak memory, in MB, of a function of this module in a new process."""
    code = (
        "import sys, time, benchmarks.data as module; start = time.perf_counter();"
        f"module.{function}(*sys.argv[1:]); print(time.perf_counter() - start);"
        "print(open('/proc/self/status').read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, _, status = done.stdout.partition("\n")
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    return float(seconds), int(peak[1]) / 1000


if __name__ == "__main__":
    main()

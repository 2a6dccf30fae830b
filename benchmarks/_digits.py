"""The digits that measurements train on: MNIST where its files are at hand, else the stand-in."""

import os
from pathlib import Path
from typing import Any

from lsh_dl.data.prepared.fetch import CachedSources
from lsh_dl.data.prepared.prepare import prepare, resolve
from lsh_dl.data.prepared.store import Prepared, open_prepared
from lsh_dl.experiment.config import Training
from lsh_dl.runs.spec import Run

HIDDEN = (1000, 1000)
#: Title, rule and level of what is compared.
LSH, STANDARD = ("LSH 5 %", "lsh", 0.05), ("NN", "standard", 1.0)
#: Ways to train with several threads: title, system and settings of its rule. In the second one
#: threads renew LSH's tables while others train.
MEANWHILE = "LSH 5 %, asynchronous refresh"
WAYS: tuple[tuple[str, tuple[str, str, float], dict[str, str]], ...] = (
    (LSH[0], LSH, {}),
    (MEANWHILE, LSH, {"refresh": "asynchronous"}),
    (STANDARD[0], STANDARD, {}),
)


def open_digits(folder: Path, stream: bool = False) -> Prepared:
    """MNIST, or the stream of deformed digits; the stand-in without MNIST's files."""
    mirror = os.environ.get("LSH_DL_MIRROR")
    places = CachedSources(mirror)
    name = "mnist8m_generated" if stream else "mnist"
    if not all(places.find(file) for file in resolve("mnist", {}).files()):
        print("MNIST is not at hand (LSH_DL_MIRROR, cache): digits stand-in instead")
        name = "digits"
    prepare(name, {"source": name, "validation": 0}, folder / name, mirror)
    return open_prepared(folder / name)


def describe_run(
    system: tuple[str, str, float],
    seed: int = 1,
    threads: int = 1,
    learning_rate: float = 0.01,
    adagrad: bool = True,
    **settings: Any,
) -> Run:
    """A run of 784-1000-1000-10; `settings` are the rule's. Without Adagrad: plain SGD."""
    title, rule, level = system
    return Run(
        dataset="digits",
        rule=rule,
        label=rule,
        title=title,
        settings=settings,
        hidden=HIDDEN,
        active_fraction=level,
        seed=seed,
        threads=threads,
        training=Training(epochs=1, learning_rate=learning_rate, adagrad=adagrad),
    )

"""The dense network in PyTorch, the yardstick of speed, in all that its user can switch on.

It is trained and asked as a run of the system is (`lsh_dl.systems.torch`). What an installation or
a processor lacks is said, with its reason.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks._digits import describe_run
from benchmarks._timing import Systems
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.runs.spec import Run
from lsh_dl.systems.torch import Torch, TorchSettings
from lsh_dl.training.run import inputs_of
from lsh_dl.training.system_model import SystemModel

PLAIN = "fp32"
#: The system's settings, by what the mode is called.
MODES = {
    PLAIN: {},
    "fp32, fused": {"fused": True},
    "fp32, compiled": {"compiled": True},
    "bf16": {"bfloat16": True},
    "bf16, fused": {"bfloat16": True, "fused": True},
    "bf16, fused, compiled": {"bfloat16": True, "fused": True, "compiled": True},
}
#: One for each network and task; beyond the limit PyTorch goes on uncompiled.
MOST_COMPILATIONS = 1000


def usable_modes(modes: Iterable[str] = tuple(MODES)) -> list[str]:
    """Those modes that run here; what is missing for the others is said."""
    if reason := Torch.skip_reason(TorchSettings()):
        print(f"not measured: {reason}")
        return []
    import torch

    torch._dynamo.config.recompile_limit = MOST_COMPILATIONS
    usable = []
    for mode in modes:
        if reason := Torch.skip_reason(TorchSettings(**MODES[mode])):
            print(f"not measured: PyTorch, {mode}: {reason}")
        else:
            usable.append(mode)
    return usable


def name_mode(mode: str, batch: int) -> str:
    """How tables call PyTorch in a mode, at a batch size."""
    return f"PyTorch, {mode}, batch {batch}"


def describe_mode(mode: str, batch: int, **others: Any) -> Run:
    """A run of PyTorch; `others` as `describe_run` takes them."""
    run = describe_run(("PyTorch", "torch", 1.0), batch_size=batch, **MODES[mode], **others)
    return run.model_copy(update={"system": True})


def torch_tasks(name: str, model: SystemModel, data: Prepared, samples: int) -> Systems:
    """Training and prediction of so many samples, in whole batches."""
    batch = inputs_of(data, data.train, model).batch(np.arange(samples))
    labels = batch.labels.astype(np.int64)
    parts = np.split(batch.x, samples // model.batch_size)
    return {
        f"{name}, training": (samples, lambda: model.system.train(batch.x, labels)),
        f"{name}, prediction": (samples, lambda: [model.system.predict(part) for part in parts]),
    }

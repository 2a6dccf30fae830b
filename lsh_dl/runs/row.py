"""What a row of a run's CSV says: an epoch of one run, or a part of one.

Columns, their types in tables, workflow/schemas/run.schema.yaml and docs/columns.md are derived
from `Row`; `make docs` writes the two files anew.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from lsh_dl.common.kinds import Kind
from lsh_dl.common.validation import Model

Share = Annotated[float, Field(ge=0, le=1)]
Work = Annotated[float, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
#: Whole ones stay whole numbers, in files and in what is printed.
Passes = Annotated[
    float, Field(gt=0), AfterValidator(lambda passes: int(passes) if passes % 1 == 0 else passes)
]


class Row(Model):
    """One epoch of one run: a row of its CSV, `results/runs/<run id>.csv`.

    Where a run is evaluated within its epochs too, a row is what it trained since the row before.
    """

    run_id: str = Field(description="the run: data set, label, hidden layers, level, seed")
    dataset: str = Field(description="label of the data set in the config")
    dataset_title: str = Field(description="name of the data set in figures")
    data_kind: Kind = Field(description="where the samples come from")
    rule: str = Field(
        description="selection rule, the name of a class in lsh_dl/rules; or of another system, in "
        "lsh_dl/systems"
    )
    label: str = Field(description="name of the rule with its settings in the config")
    title: str = Field(description="name of the label in legends")
    hidden_layers: int = Field(ge=1, description="number of hidden layers")
    width: int = Field(ge=1, description="nodes of the first hidden layer")
    hidden: str = Field(
        pattern=r"^\d+(x\d+|(-\d+)+)$",
        description="all widths; 2x1000 is two layers of 1,000, 1000-500 a layer of 1,000, one of "
        "500",
    )
    target_active_fraction: float = Field(
        gt=0, le=1, description="wanted share of active nodes in each hidden layer"
    )
    active_fraction: Share = Field(
        description="measured share of active nodes, mean over the epoch's training samples"
    )
    inference_active_fraction: Share = Field(
        description="measured share of active nodes, mean over the test samples"
    )
    recall_of_top: Share = Field(
        description="of the nodes with the largest pre-activations of a layer, as many as are "
        "wanted active, the share that was selected at inference; mean over the layers and 256 "
        "test samples (fewer for networks of more than 4 million weights); 1 where a rule is "
        "tested with all nodes"
    )
    unused_share: Share = Field(
        description="share of hidden nodes that were selected for none of these test samples"
    )
    seed: int = Field(ge=0, description="seed of data order, initial weights and the rule's draws")
    threads: int = Field(ge=1, description="threads that trained")
    epoch: Passes = Field(description="passes over the training part so far")
    samples: int | None = Field(
        ge=1,
        description="training samples learned for this row, since the one before; empty in older "
        "results",
    )
    train_loss: float | None = Field(
        description="mean cross-entropy (nats) of the training samples as each was learned"
    )
    train_accuracy: Share | None = Field(
        description="share of training samples classified rightly just before each was learned; "
        "empty for other systems"
    )
    validation_accuracy: Share | None = Field(
        description="share of the held-out training samples classified rightly; empty without any"
    )
    test_accuracy: Share = Field(
        description="share of test samples classified rightly, in the rule's form for inference"
    )
    precision_at_1: Share | None = Field(
        None,
        description="of sets with several labels a sample: share of test samples whose first class "
        "is a true label; empty for others",
    )
    precision_at_3: Share | None = Field(
        None, description="the same: true labels among the first 3 classes, divided by 3"
    )
    precision_at_5: Share | None = Field(
        None, description="the same: true labels among the first 5 classes, divided by 5"
    )
    scored_precision_at_1: Share | None = Field(
        None,
        description="propensity-scored precision at 1 (Jain, Prabhu, Varma, KDD 2016), divided by "
        "the largest possible: rare labels count more; empty as precision_at_1",
    )
    scored_precision_at_3: Share | None = Field(None, description="the same at 3")
    scored_precision_at_5: Share | None = Field(None, description="the same at 5")
    counting: Literal["counted", "dense"] = Field(
        description="how multiplications were had: counted as they were done, or, of other "
        "systems, those of the textbook dense network"
    )
    training_multiplications: Work = Field(
        description="multiplications per training sample, all stages but the optimiser's: "
        "training_select to training_maintain"
    )
    inference_multiplications: Work = Field(description="multiplications per test sample")
    training_percent: Work = Field(
        description="training_multiplications in % of the textbook dense network"
    )
    inference_percent: Work = Field(
        description="inference_multiplications in % of the textbook dense network"
    )
    training_select: Work = Field(
        description="of training_multiplications, to choose candidates (hashing, or all nodes)"
    )
    training_rerank: Work = Field(description="of these, to rank the candidates")
    training_forward: Work = Field(
        description="of these, for activations of the active nodes and the output layer"
    )
    training_backward: Work = Field(description="of these, to back-propagate the error")
    training_update: Work = Field(description="of these, for gradients of the weights touched")
    training_maintain: Work = Field(
        description="of these, for the upkeep of what selection needs (hash tables)"
    )
    training_optimiser: Work | None = Field(
        description="multiplications per training sample of the optimiser; not in the sums above; "
        "empty for other systems"
    )
    inference_select: Work = Field(description="of inference_multiplications, to choose candidates")
    inference_rerank: Work = Field(description="of these, to rank the candidates")
    inference_forward: Work = Field(
        description="of these, for activations of the active nodes and the output layer"
    )
    train_seconds: Seconds = Field(
        description="seconds of the epoch's training, without compiling and evaluating"
    )
    evaluation_seconds: Seconds = Field(description="seconds of the epoch's evaluation")
    load_average: float | None = Field(
        ge=0,
        description="processes that ran or waited to run, this one among them, over the minute "
        "before training of the epoch ended; empty in older results",
    )
    steal_percent: float | None = Field(
        ge=0,
        le=100,
        description="share of the cores' time that a hypervisor gave to other machines meanwhile",
    )
    others_cores: float | None = Field(
        ge=0, description="cores that other processes kept busy meanwhile, on average"
    )
    status: Literal["ok", "diverged"] = Field(
        description="diverged where outputs are no longer finite, or the mean loss is above 20 "
        "nats; the run ends there"
    )


def describe_row() -> dict[str, Any]:
    """The JSON schema of a row as it stands in a table, where an absent number is null."""
    schema = Row.model_json_schema()
    columns = {name: _flatten(column) for name, column in schema["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "one epoch of one run, or a part of one",
        "type": "object",
        "additionalProperties": False,
        "properties": columns,
    }


def _flatten(column: dict[str, Any]) -> dict[str, Any]:
    """A column's schema without its title; what may be null has a list of types."""
    described = {"description": column["description"]}
    if "anyOf" in column:
        number, null = column["anyOf"]
        return described | number | {"type": [number["type"], null["type"]]}
    kept = {key: value for key, value in column.items() if key not in ("title", "description")}
    if "enum" in kept:
        del kept["type"]
    return described | kept


_TYPES = {
    name: column.get("type", "string") for name, column in describe_row()["properties"].items()
}

#: Columns of a run's CSV, in order.
COLUMNS = tuple(_TYPES)
#: Columns that are text even where every value looks like a number.
TEXT = tuple(name for name, kind in _TYPES.items() if kind == "string")
#: Types of the others in tables; an absent number is not a number.
DTYPES = {
    name: "int64" if kind == "integer" else "float64"
    for name, kind in _TYPES.items()
    if kind != "string"
}
#: What `status` may be.
STATUSES = get_args(Row.model_fields["status"].annotation)
#: How busy the machine was (`lsh_dl.runs.load`).
LOAD_COLUMNS = ("load_average", "steal_percent", "others_cores")
#: Of sets with several labels a sample.
PRECISION_COLUMNS = tuple(name for name in COLUMNS if "precision_at_" in name)
#: What older results lack, and what it is there.
LATER = {"samples": "", "counting": "counted"} | dict.fromkeys(
    (*LOAD_COLUMNS, *PRECISION_COLUMNS), ""
)
#: Columns that two runs of the same seed, on one thread, may differ in.
TIME_COLUMNS = (*(name for name in COLUMNS if name.endswith("_seconds")), *LOAD_COLUMNS)

"""A run: a frozen record of all that decides its numbers."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from lsh_dl.common.validation import Model

LONGEST_ID = 200
"""Letters of a run's name: file systems allow 255 bytes, with endings and temporary names."""

LONGEST_VARIANT = 60
"""Letters of what a run's name says of its settings."""


def _refuse_control_characters(text: str) -> str:
    """Let text pass that stays on its line in a legend, a table and a terminal."""
    if not text.isprintable():
        raise ValueError("one line of printable characters is needed")
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
Variant = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.,=+-]*$", max_length=100)]
Title = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_refuse_control_characters)
]
Fraction = Annotated[float, Field(gt=0, le=1)]
# Kernels count nodes in 32 bits and take seeds as 64.
Width = Annotated[int, Field(ge=1, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
MOST_THREADS = 1024
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)]


def _refuse_vanishing(rate: float) -> float:
    """Let a rate pass that is not 0 in 32 bits, which kernels take."""
    if rate < 1e-37:
        raise ValueError("should be at least 1e-37, to be more than 0 in 32 bits")
    return rate


Rate = Annotated[float, Field(gt=0, le=1e37), AfterValidator(_refuse_vanishing)]
MOST_EPOCHS = 1_000_000


#: Where a rule or data set comes from: see lsh_dl/common/discovery.py.
Reference = Annotated[
    str, Field(min_length=1, max_length=2000), AfterValidator(_refuse_control_characters)
]


class Training(Model):
    """Optimiser and schedule, the same for every selection rule."""

    epochs: int = Field(3, ge=1, le=MOST_EPOCHS, description="passes over the training part")
    learning_rate: Rate = Field(0.01, description="step size of SGD or Adagrad")
    adagrad: bool = Field(True, description="scale every weight's step by its gradient history")
    momentum: float = Field(0.0, ge=0, lt=1, description="decay of the velocity; 0 switches it off")
    adam: bool = Field(
        False,
        description="Adam with decays 0.9 and 0.999, of touched weights only (as PyTorch's "
        "SparseAdam), in place of Adagrad; `momentum` is then 0",
    )
    alpha: float = Field(
        0.0,
        ge=0,
        le=1e37,
        description="L2 penalty on the weights that a sample touches, biases excepted; 0: none",
    )
    penalised: Literal["all", "outputs"] = Field("all", description="layers of the L2 penalty")
    initial_weights: Literal["he", "glorot-doubled"] = Field(
        "he",
        description="he: N(0, 2 / inputs), output layer N(0, 1 / inputs); glorot-doubled: uniform "
        "in +-2 sqrt(6 / (inputs + nodes)), as in the authors' released code",
    )

    @model_validator(mode="after")
    def _choose_one(self) -> "Training":
        if self.adam and self.momentum:
            raise ValueError("momentum: Adam has a decay of its own (0.9); set momentum: 0")
        return self

    @property
    def copies(self) -> int:
        """Arrays as large as the weights, themselves included."""
        return 3 if self.adam else 1 + self.adagrad + (self.momentum > 0)


class Run(Model):
    """One training run: all that decides its numbers, but for the prepared data themselves."""

    dataset: Name = Field(description="label of the prepared data set")
    rule: Name = Field(description="name of the rule, or of the system")
    system: bool = Field(
        False, description="whether another system trains the dense network (lsh_dl/systems)"
    )
    source: Reference | None = Field(
        None, description="file or module of a rule or system that is not in the package"
    )
    label: Name = Field(description="the config's name for the rule with these settings")
    title: Title = Field(description="the label's name in legends")
    settings: dict[str, Any] = Field(default_factory=dict, description="the rule's settings")
    hidden: tuple[Width, ...] = Field(min_length=1, description="widths of the hidden layers")
    active_fraction: Fraction = Field(description="wanted share of active nodes")
    seed: Seed
    threads: Threads = Field(1, description="threads that train at the same time, without locks")
    training: Training = Training()
    evaluations: int = Field(
        1, ge=1, le=1000, description="rows an epoch, each after its part of it"
    )
    conditions: dict[Name, float] = Field(
        default_factory=dict,
        description="what a study that measures varies besides, such as `{noise: 0.2}`; training "
        "heeds none",
    )
    tuned: Name | None = Field(
        None,
        description="the trials whose pick (lsh_dl.runs.picks) takes the place of learning rate, "
        "settings and, within a budget, active fraction",
    )
    budget: float | None = Field(
        None,
        gt=0,
        description="most multiplications in training and in inference that the settings were "
        "chosen for, in % of the textbook network's; active_fraction is then what they say",
    )
    variant: Variant | None = Field(
        None, description="what tells runs of equal axes apart, such as `10epochs` of a study"
    )

    @model_validator(mode="after")
    def _check_id(self) -> "Run":
        if len(self.id) > LONGEST_ID:
            raise ValueError(
                f"the name of the run, and so of its files, would have {len(self.id)} letters: "
                f"{self.id[:60]}...; shorten the label of the data set or the rule"
            )
        return self

    @property
    def reference(self) -> str:
        """What finds the class of the rule or system (`lsh_dl.common.discovery.find`)."""
        return self.source or self.rule

    @property
    def id(self) -> str:
        """A readable name, unique within an experiment: `mnist_lsh_2x1000_5pct_seed1`."""
        parts = [self.group, f"seed{self.seed}"]
        if self.threads > 1:
            parts.append(f"{self.threads}threads")
        parts += [f"{name}{value:g}" for name, value in self.conditions.items()]
        return "_".join([*parts, *([self.variant] if self.variant else [])])

    @property
    def group(self) -> str:
        """What runs have in common whose settings are chosen together: `mnist_lsh_2x1000_5pct`."""
        level = f"{100 * self.active_fraction:g}pct"
        if self.budget is not None:
            level = f"within{self.budget:g}pct"
        return "_".join([self.dataset, self.label, describe_widths(self.hidden), level])


def describe_widths(hidden: tuple[int, ...]) -> str:
    """`(1000, 1000)` as `2x1000`, unequal widths as `1000-500`."""
    if len(set(hidden)) == 1:
        return f"{len(hidden)}x{hidden[0]}"
    return "-".join(str(width) for width in hidden)


def name_settings(settings: Mapping[str, Any]) -> str:
    """Settings as part of a run's name: `learning_rate=0.02,K=6`; empty where there are none.

    Where this would be long, or no file's name, it is a number made of them.
    """
    text = ",".join(f"{key}={value}" for key, value in settings.items())
    if len(text) <= LONGEST_VARIANT and re.fullmatch(r"[\w.,=+-]*", text, re.ASCII):
        return text
    return hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()[:8]

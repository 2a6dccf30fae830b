"""A trained model in one file: a zip of NumPy arrays with a header in JSON; nothing is pickled.

=====================  ========================================================================
header                 JSON (`Header`): sizes, rule with its settings, counters, classes, record
weights, state.*       what training changed (`SparseModel.named_arrays`)
optimiser.*            its histories; only where training is to go on
offset, scale, order   from features to inputs (`lsh_dl.engine.batch.InputTransform`)
=====================  ========================================================================
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from lsh_dl import __version__
from lsh_dl.common.discovery import find, is_outside, refer_to
from lsh_dl.common.errors import UserError
from lsh_dl.common.files import whole_file
from lsh_dl.common.validation import Model, validate
from lsh_dl.data.prepared.preprocessing import InputTransform
from lsh_dl.rules.base import Rule
from lsh_dl.training.model import Counters, SparseModel, restore_model

#: Changes when the file's layout does.
FORMAT = 2

_KIND = "lsh-dl model"


@dataclass(frozen=True)
class TrainedModel:
    """A model with what it takes to use it.

    Attributes
    ----------
    model: the network and its rule, which selects as in training.
    reading: from a sample's features to the network's inputs.
    classes: what each output stands for.
    key: of the random draws at inference, for rules that draw.
    record: anything that JSON can hold: of a run, its settings and results.
    """

    model: SparseModel
    reading: InputTransform
    classes: tuple[int | str, ...]
    key: np.uint64
    record: Mapping[str, Any]


class RuleHeader(Model):
    """The rule's part of the header."""

    name: str
    source: str | None = Field(None, description="file or `module:Class`; None: lsh_dl/rules")
    settings: dict[str, Any]
    active_fraction: float = Field(gt=0, le=1)
    seed: int


class OptimiserHeader(Model):
    """The optimiser's part of the header."""

    learning_rate: float
    momentum: float
    adagrad: bool


class Header(Model):
    """What a model file says about its arrays."""

    kind: str
    format: int
    lsh_dl: str = Field(description="version that wrote the file")
    sizes: list[Annotated[int, Field(ge=1)]] = Field(min_length=3)
    rule: RuleHeader
    optimiser: OptimiserHeader
    seen: int = Field(ge=0)
    until_refresh: Annotated[int, Field(ge=1)] | None
    outputs_until_refresh: Annotated[int, Field(ge=1)] | None = None
    classes: list[int | str]
    key: int = Field(ge=0, lt=2**64)
    record: dict[str, Any]


def write_model(path: Path, trained: TrainedModel, histories: bool = False) -> None:
    """Write `trained` to `path`, whole or not at all.

    Parameters
    ----------
    path
        Its suffix is kept as it is.
    histories
        Also write the optimiser's, so that training can go on as if it had never stopped; the
        file is two to three times as large.

    Raises
    ------
    UserError
        The state of the rule holds what cannot be saved, or the file cannot be written.
    """
    model, optimiser = trained.model, trained.model.optimiser
    rule = model.rule
    reference = refer_to(type(rule), "lsh_dl.rules")
    header = Header(
        kind=_KIND,
        format=FORMAT,
        lsh_dl=__version__,
        sizes=model.network.sizes.tolist(),
        rule=RuleHeader(
            name=rule.name,
            source=reference if is_outside(reference) else None,
            settings=rule.settings.model_dump(mode="json"),
            active_fraction=rule.active_fraction,
            seed=rule.seed,
        ),
        optimiser=OptimiserHeader(
            learning_rate=optimiser.learning_rate,
            momentum=optimiser.momentum,
            adagrad=optimiser.adagrad,
        ),
        **model.counters._asdict(),
        classes=list(trained.classes),
        key=int(trained.key),
        record=dict(trained.record),
    )
    arrays = model.named_arrays(histories) | trained.reading._asdict()
    with whole_file(path) as temporary, temporary.open("wb") as file:
        # A file, not a path: NumPy would append `.npz` to another suffix.
        np.savez(file, header=np.array(json.dumps(header.model_dump(mode="json"))), **arrays)


def read_model(path: Path, rule: str | type[Rule] | None = None) -> TrainedModel:
    """The model that `write_model` wrote: its predictions are the same to the last bit.

    Parameters
    ----------
    rule
        The class of its rule, or a file or `module:Class` that has it; needed where that is not in
        lsh_dl/rules, since no code is run because a model file names it.

    Raises
    ------
    UserError
        Missing, damaged, no model, of another format, of a rule that is not here or no longer
        takes these settings, or with arrays of another shape.
    """
    arrays = dict(_read_arrays(path))
    header = _read_header(path, arrays)
    rule = _find_rule(path, header.rule, rule)
    inputs, classes = header.sizes[0], header.sizes[-1]
    for name in InputTransform._fields:
        if name not in arrays or arrays[name].shape != (inputs,):
            raise _damaged(path, f"{name} of {inputs} numbers is needed")
    if len(header.classes) != classes:
        raise _damaged(path, f"{len(header.classes)} classes for {classes} outputs")
    try:
        model = restore_model(
            header.sizes,
            (header.optimiser.learning_rate, header.optimiser.momentum, header.optimiser.adagrad),
            rule,
            arrays,
            Counters(**{name: getattr(header, name) for name in Counters._fields}),
        )
    except UserError as error:
        raise UserError(
            f"{path}: {error}: saved by lsh-dl {header.lsh_dl} with another rule {rule.name}; "
            "use that version, or train again"
        ) from None
    key = np.uint64(header.key)
    classes = tuple(header.classes)
    reading = InputTransform(*(arrays[name] for name in InputTransform._fields))
    return TrainedModel(model, reading, classes, key, header.record)


def _read_arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    try:
        if not zipfile.is_zipfile(path):
            path.open("rb").close()  # says if it is missing or must not be read
            raise _no_model(path, "no zip file, or a truncated one")
        with np.load(path, allow_pickle=False) as file:
            yield from ((name, file[name]) for name in file.files)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; give the path of a model") from None
    except (
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # a compression that there is not
        RuntimeError,  # a password is asked for
    ) as error:
        raise _damaged(path, str(error).splitlines()[0]) from None


def _read_header(path: Path, arrays: Mapping[str, np.ndarray]) -> Header:
    try:
        raw = json.loads(str(arrays["header"]))
        kind, version = raw["kind"], raw["format"]
    except (KeyError, ValueError, TypeError):
        raise _no_model(path, "it has no header") from None
    if kind != _KIND:
        raise _no_model(path, f"it is a {kind}")
    if version != FORMAT:
        raise UserError(
            f"{path}: format {version}, but this version of lsh-dl reads format {FORMAT}; "
            f"use the version that wrote it ({raw.get('lsh_dl')}), or train again"
        )
    return validate(Header, raw, str(path))


def _find_rule(path: Path, header: RuleHeader, given: str | type[Rule] | None) -> Rule:
    if given is None and header.source:
        raise UserError(
            f"{path}: its rule {header.name} is not in lsh_dl/rules but was {header.source}; give "
            f"that file or module too: `lsh-dl predict --rule`, `read_model(rule=...)`"
        )
    try:
        found = given or header.name
        found = find("lsh_dl.rules", Rule, found) if isinstance(found, str) else found
    except UserError as error:
        hint = "" if given else "; put the rule's file in lsh_dl/rules"
        raise UserError(f"{path}: {error}{hint}") from None
    if found.name != header.name:
        raise UserError(f"{path}: its rule is {header.name}, not {found.name}")
    settings = validate(found.Settings, header.settings, f"{path}: rule {header.name}")
    return found(settings, header.active_fraction, header.seed)


def _no_model(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: not a model ({reason}); `lsh-dl train --model FILE` writes one")


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: damaged ({reason}); copy it again, or train again")

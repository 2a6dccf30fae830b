"""A trained model in one file: a zip of NumPy arrays with a header in JSON; nothing is pickled.

=====================  ========================================================================
header                 JSON (`Header`): sizes, rule with its settings, counters, classes, record
weights, state.*       what training changed (`SparseModel.named_arrays`)
optimiser.*            its histories; only where training is to go on
offset, scale, order   from features to inputs (`lsh_dl.engine.batch.InputTransform`)
=====================  ========================================================================
"""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lsh_dl import __version__
from lsh_dl.common.discovery import find, is_outside, refer_to
from lsh_dl.common.errors import UserError, make_printable
from lsh_dl.common.files import whole_file
from lsh_dl.common.memory import require_memory
from lsh_dl.common.npy import ArrayArchive, all_finite
from lsh_dl.common.validation import Model, validate
from lsh_dl.data.prepared.preprocessing import InputTransform
from lsh_dl.engine.optimiser import OptimiserSettings, settings_of
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Fraction, Seed, Width
from lsh_dl.training.model import Counters, SparseModel, restore_model

#: Changes when the file's layout does.
FORMAT = 4
#: Bytes that a header takes at most; four a letter.
LONGEST_HEADER = 1 << 26

_KIND = "lsh-dl model"

Until = Annotated[int, Field(ge=1, lt=2**53)]


@dataclass(frozen=True)
class TrainedModel:
    """A model with what it takes to use it.

    Attributes
    ----------
    model: the network and its rule, which selects as in training.
    transform: from a sample's features to the network's inputs.
    classes: what each output stands for.
    key: of the random draws at inference, for rules that draw.
    record: anything that JSON can hold: of a run, its settings and results.
    """

    model: SparseModel
    transform: InputTransform
    classes: tuple[int | str, ...]
    key: np.uint64
    record: Mapping[str, Any]


class RuleHeader(Model):
    """The rule's part of the header."""

    name: str = Field(max_length=100)
    source: str | None = Field(None, description="file or `module:Class`; None: lsh_dl/rules")
    settings: dict[str, Any]
    active_fraction: Fraction
    seed: Seed


class OptimiserHeader(Model):
    """The optimiser's part of the header."""

    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    momentum: float = Field(ge=0, lt=1)
    adagrad: bool
    alpha: float = Field(0.0, ge=0, allow_inf_nan=False)
    adam: bool = False
    penalised: Literal["all", "outputs"] = "all"


class Header(Model):
    """What a model file says about its arrays."""

    kind: str
    format: int
    lsh_dl: str = Field(pattern=r"^[\w.+-]{1,40}$", description="version that wrote the file")
    sizes: list[Width] = Field(min_length=3, max_length=1000)
    rule: RuleHeader
    optimiser: OptimiserHeader
    seen: int = Field(ge=0, lt=2**53)
    until_refresh: Until | None
    outputs_until_refresh: Until | None = None
    classes: list[Annotated[int, Field(ge=-(2**63), lt=2**63)] | str]
    key: int = Field(ge=0, lt=2**64)
    arrays: dict[str, int] = Field(description="CRC-32 of the numbers of every array")
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
    model = trained.model
    rule = model.rule
    reference = refer_to(type(rule), "lsh_dl.rules")
    arrays = model.named_arrays(histories) | trained.transform._asdict()
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
        optimiser=OptimiserHeader(**settings_of(model.optimiser)._asdict()),
        **model.counters._asdict(),
        classes=list(trained.classes),
        key=int(trained.key),
        arrays={name: _checksum(array) for name, array in arrays.items()},
        record=dict(trained.record),
    )
    with whole_file(path) as temporary, temporary.open("wb") as file:
        # A file, not a path: NumPy would append `.npz` to another suffix.
        np.savez(file, header=np.array(json.dumps(header.model_dump(mode="json"))), **arrays)


def is_model_file(path: Path) -> bool:
    """Whether a file is a model, as far as its names of arrays tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "header.npy" in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError):
        return False


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
    try:
        with _open_archive(path) as archive:
            # All arrays lie unpacked in the file: it bounds what is read.
            arrays = ArrayArchive(archive, path.stat().st_size)
            header = _read_header(path, arrays)
            return _restore(path, header, arrays, _find_rule(path, header.rule, rule))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; give the path of a model") from None
    except MemoryError:
        raise UserError(
            f"{path}: it takes more memory than there is; use a larger machine"
        ) from None
    except (
        ValueError,
        OverflowError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # a version of zip that there is not
        RuntimeError,  # a password is asked for
    ) as error:
        raise _damaged(path, (str(error).splitlines() or [type(error).__name__])[0]) from None


def _open_archive(path: Path) -> zipfile.ZipFile:
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for
        raise _no_model(path, "no regular file")
    if not zipfile.is_zipfile(path):
        path.open("rb").close()  # says if it is missing or must not be read
        raise _no_model(path, "no zip file, or a truncated one")
    return zipfile.ZipFile(path)


def _restore(path: Path, header: Header, arrays: ArrayArchive, rule: Rule) -> TrainedModel:
    inputs, classes = header.sizes[0], header.sizes[-1]
    transform = _read_transform(path, inputs, arrays)
    if len(header.classes) != classes or len(set(header.classes)) != classes:
        raise _damaged(path, f"{len(set(header.classes))} classes for {classes} outputs")
    stored = sum(math.prod(member.shape) * member.dtype.itemsize for member in arrays.values())
    of_outputs = rule.for_outputs()
    needed = rule.state_bytes(header.sizes)
    needed += of_outputs.state_bytes([*header.sizes[-2:], 0]) if of_outputs else 0
    if needed > stored:
        raise _damaged(path, f"{stored} bytes of arrays, its rule {rule.name} needs {needed}")
    require_memory(2 * stored, f"{path}: it")
    try:
        model = restore_model(
            header.sizes,
            OptimiserSettings(**header.optimiser.model_dump()),
            rule,
            arrays,
            Counters(**{name: getattr(header, name) for name in Counters._fields}),
        )
    except UserError as error:
        raise UserError(
            f"{path}: {error}: saved by lsh-dl {header.lsh_dl} with another rule {rule.name}; "
            "use that version, or train again"
        ) from None
    read = model.named_arrays("optimiser.learning_rate" in arrays) | transform._asdict()
    for name, array in read.items():
        # Tables are made anew where what they follow from is as it was.
        if _checksum(array) != header.arrays.get(name):
            raise _damaged(path, f"{name} is not what was written")
    return TrainedModel(
        model, transform, tuple(header.classes), np.uint64(header.key), header.record
    )


def _read_transform(path: Path, inputs: int, arrays: ArrayArchive) -> InputTransform:
    """Offset, scale and order, which kernels index by."""
    read = []
    for name, dtype in zip(InputTransform._fields, (np.float32, np.float32, np.int32), strict=True):
        member = arrays.get(name)
        if member is None or member.shape != (inputs,) or member.dtype != dtype:
            raise _damaged(path, f"{name} of {inputs} numbers is needed")
        read.append(np.asarray(member))
        if not all_finite(read[-1]):
            raise _damaged(path, f"{name} is not finite")
    transform = InputTransform(*read)
    if not np.array_equal(np.sort(transform.order), np.arange(inputs)):
        raise _damaged(path, f"order does not name each of {inputs} inputs once")
    return transform


def _read_header(path: Path, arrays: ArrayArchive) -> Header:
    try:
        member = arrays["header"]
        if member.shape or member.dtype.kind != "U" or member.dtype.itemsize > LONGEST_HEADER:
            raise ValueError("no text")
        raw = json.loads(str(np.asarray(member)))
        kind, version = raw["kind"], raw["format"]
    except (KeyError, ValueError, TypeError, RecursionError):
        raise _no_model(path, "it has no header") from None
    if kind != _KIND:
        raise _no_model(path, f"it is a {_shorten(kind)}")
    if version != FORMAT:
        raise UserError(
            f"{path}: format {_shorten(version)}, but this version of lsh-dl reads format "
            f"{FORMAT}; use the version that wrote it ({_shorten(raw.get('lsh_dl'))}), or train "
            "again"
        )
    return validate(Header, raw, str(path))


def _shorten(value: Any, most: int = 40) -> str:
    """Something from a file in a message: on one line, and not longer."""
    return make_printable(str(value)[:most])


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _find_rule(path: Path, header: RuleHeader, given: str | type[Rule] | None) -> Rule:
    if given is None and header.source:
        source = _shorten(header.source, 300)
        raise UserError(
            f"{path}: its rule {header.name} is not in lsh_dl/rules but was {source}; give "
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
    return UserError(f"{path}: damaged ({_shorten(reason, 200)}); copy it again, or train again")

"""What the samples of a set look like, as far as is known: others are told from them by it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import NumberRange
from lsh_dl.common.validation import Model, validate


class SampleForm(NamedTuple):
    """How the samples look that a model was trained on.

    Attributes
    ----------
    features: numbers of a sample.
    image_shape: of samples that are images.
    headings: what the features are called, in their order.
    numbers: what their numbers are.
    first_index: where LIBSVM's text counts features from.

    None where it is not known.
    """

    features: int
    image_shape: tuple[int, ...] | None = None
    headings: tuple[str, ...] | None = None
    numbers: NumberRange | None = None
    first_index: int = 1


class _Told(Model):
    image_shape: tuple[int, ...] | None = None
    headings: tuple[str, ...] | None = None
    numbers: NumberRange | None = None
    first_index: Annotated[int, Field(ge=0, le=1)] = 1


def read_form(features: int, meta: Any, place: str) -> SampleForm:
    """The form of samples that the `meta` of a prepared set tells of.

    Parameters
    ----------
    meta: what is in meta.json, or was when a model was trained; anything else tells nothing.

    Raises
    ------
    UserError
        At `place`: it tells what no samples can be.
    """
    if not isinstance(meta, Mapping):
        return SampleForm(features)
    settings = meta.get("settings")
    told = {name: meta[name] for name in ("image_shape", "headings", "numbers") if name in meta}
    if meta.get("name") == "libsvm" and isinstance(settings, Mapping):
        told["first_index"] = settings.get("first_index", 1)
    read = validate(_Told, told, place)
    return SampleForm(features, *(getattr(read, name) for name in SampleForm._fields[1:]))


def require_form(found: SampleForm, trained: SampleForm, place: str) -> None:
    """Raise a UserError at `place` where samples look otherwise than a model's."""
    require_shape(found.image_shape, trained, place)
    require_headings(found.headings, trained.headings, place, "the model's data have")


def require_shape(shape: tuple[int, ...] | None, trained: SampleForm, place: str) -> None:
    """Raise a UserError at `place` where images are of another shape than a model's.

    Axes of length 1, as of channels, change nothing.
    """
    both = [[size for size in sizes or () if size != 1] for sizes in (shape, trained.image_shape)]
    if shape and trained.image_shape and both[0] != both[1]:
        raise UserError(
            f"{place}: images of shape {shape}, the model was trained on {trained.image_shape}; "
            "give them in that shape, or a row of numbers each, in the same order"
        )


def require_headings(
    found: Sequence[str] | None, expected: Sequence[str] | None, place: str, whose: str
) -> None:
    """Raise a UserError at `place` where columns are called otherwise than expected.

    Parameters
    ----------
    found, expected: headings without that of the labels; None where there are none.
    whose: who expects them, with a verb: "train.csv has".
    """
    for one, other in zip(expected or (), found or (), strict=False):
        if one != other:
            raise UserError(
                f"{place}: column {other!r} stands where {whose} {one!r}; give the same columns in "
                "the same order"
            )

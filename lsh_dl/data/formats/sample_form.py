"""What the samples of a set look like, as far as is known: others are told from them by it."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import NumberRange
from lsh_dl.common.validation import Model, validate
from lsh_dl.data.formats.headings import MODEL_HAS, require_headings


class SampleForm(Model):
    """How the samples look that a model was trained on; None where that is not known."""

    features: int = Field(description="numbers of a sample")
    image_shape: tuple[int, ...] | None = Field(None, description="of samples that are images")
    headings: tuple[str, ...] | None = Field(
        None, description="what the features are called, in their order"
    )
    numbers: NumberRange | None = Field(None, description="what their numbers are")
    first_index: int = Field(1, ge=0, le=1, description="where LIBSVM's text counts features from")


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
        return SampleForm(features=features)
    settings = meta.get("settings")
    told = {name: meta[name] for name in ("image_shape", "headings", "numbers") if name in meta}
    if meta.get("name") == "libsvm" and isinstance(settings, Mapping):
        told["first_index"] = settings.get("first_index", 1)
    return validate(SampleForm, {"features": features, **told}, place)


def require_form(found: SampleForm, trained: SampleForm, place: str) -> None:
    """Raise a UserError at `place` where samples look otherwise than a model's."""
    require_shape(found.image_shape, trained, place)
    require_headings(found.headings, trained.headings, place, MODEL_HAS)


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

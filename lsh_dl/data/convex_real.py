"""Convex as published (Larochelle et al., ICML 2007); see `convex` for what it shows."""

from pydantic import Field

from lsh_dl.data.base import DataSettings
from lsh_dl.data.formats.larochelle import LarochelleSet, larochelle_file


class ConvexReal(LarochelleSet):
    """Is the white region convex? 28 x 28 pixels, 0 or 1."""

    name = "convex_real"
    title = "Convex"
    alternative = "convex"
    file = larochelle_file("convex", "convex.zip")
    train_members = ("convex_train.amat",)
    test_members = ("convex_test.amat", "50k_test.amat")
    provenance = "Convex, Larochelle et al. 2007, as published"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            8_000, ge=2, le=8_000, description="training images, validation included; the first"
        )
        test: int = Field(50_000, ge=2, le=50_000, description="test images; the first")

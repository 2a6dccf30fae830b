"""Rectangles-images as published (Larochelle et al., ICML 2007); see `rectangles`."""

from pydantic import Field

from lsh_dl.data.base import DataSettings
from lsh_dl.data.formats.larochelle import LarochelleSet, larochelle_file


class RectanglesReal(LarochelleSet):
    """Is the rectangle taller or wider? 28 x 28 grey levels in [0, 1]."""

    name = "rectangles_real"
    title = "Rectangles"
    preprocessing = "center"
    alternative = "rectangles"
    file = larochelle_file("rectangles", "rectangles_images.zip")
    train_members = ("rectangles_im_train.amat",)
    test_members = ("rectangles_im_test.amat",)
    provenance = "Rectangles-images, Larochelle et al. 2007, as published"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            12_000, ge=2, le=12_000, description="training images, validation included; the first"
        )
        test: int = Field(50_000, ge=2, le=50_000, description="test images; the first")

"""Rectangles-images as published (Larochelle et al., ICML 2007); see `rectangles`."""

from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, DataSettings, Sources
from lsh_dl.data.convex_real import larochelle_file

FILE = larochelle_file("rectangles", "rectangles_images.zip")


class RectanglesReal(DataSet):
    """Is the rectangle taller or wider? 28 x 28 grey levels in [0, 1]."""

    name = "rectangles_real"
    title = "Rectangles"
    kind = "real"
    classes = 2
    image_shape = (28, 28)
    preprocessing = "center"
    alternative = "rectangles"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            12_000, ge=2, le=12_000, description="training images, validation included; the first"
        )
        test: int = Field(50_000, ge=2, le=50_000, description="test images; the first")

    def files(self):
        """One zip."""
        return (FILE,)

    def build(self, sources: Sources) -> Arrays:
        """Read both parts from the zip."""
        from lsh_dl.data.amat import read_amat

        path = sources.fetch(FILE)
        return Arrays(
            *read_amat(path, ["rectangles_im_train.amat"], self.settings.train, 784, 2),
            *read_amat(path, ["rectangles_im_test.amat"], self.settings.test, 784, 2),
            provenance="Rectangles-images, Larochelle et al. 2007, as published",
        )

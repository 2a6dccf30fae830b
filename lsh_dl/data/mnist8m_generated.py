"""MNIST8M made on the fly from MNIST, by the rule it was made with."""

from types import MappingProxyType

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, Seeded, Sources, Stream
from lsh_dl.data.formats.idx_sets import read_pair
from lsh_dl.data.formats.mnist_parts import DIGITS, TEST, TRAIN

FIELDS = 1_522
"""Random fields to choose pairs from, as many as the original program has."""
SMOOTHNESS = 4.0


class Mnist8mGenerated(DataSet):
    """8,100,000 training digits: MNIST's 60,000 and 134 deformations of each; MNIST's test set.

    The training part is a stream: an image is made when it is asked for, from its index alone
    (see `lsh_dl.data.synthetic.deform`), so nothing but MNIST is stored. The rule is infinite
    MNIST's; its random fields are drawn here, so the images are of the same kind as those of
    `mnist8m` but not the same. The validation split keeps all deformations of one original
    together.
    """

    name = "mnist8m_generated"
    title = "MNIST8M (generated)"
    kind = "generated"
    classes = 10
    image_shape = (28, 28)
    alternative = "digits"
    preview = MappingProxyType({"test": 400})  # a short stream would show MNIST's own digits only

    class Settings(Seeded):
        """Length of the stream and strength of the deformation."""

        train: int = Field(
            8_100_000,
            ge=1,
            le=100_000_000,
            description="training images, validation included; the first 60,000 are MNIST's own",
        )
        test: int = Field(10_000, ge=1, le=10_000, description="test images; the first")
        strength: float = Field(
            1.0, ge=0, le=4, description="root mean square displacement, in pixels"
        )

    def files(self):
        """MNIST's four files."""
        return (*TRAIN, *TEST)

    def build(self, sources: Sources) -> Arrays:
        """Read MNIST and draw the fields."""
        from lsh_dl.data.synthetic.deform import draw_fields

        settings = self.settings
        images, labels = read_pair(sources, TRAIN, DIGITS)
        x_test, y_test = read_pair(sources, TEST, DIGITS, settings.test)
        rng = np.random.default_rng([settings.seed, 0x8312])
        fields = draw_fields(FIELDS, SMOOTHNESS, rng)
        stream = Stream({"images": images, "labels": labels, "fields": fields})
        return Arrays(
            stream,
            None,
            x_test,
            y_test,
            groups=np.arange(settings.train, dtype=np.int32) % len(images),
            provenance=f"{settings.train:,} digits generated from MNIST's training set by the rule "
            "of infinite MNIST (Loosli, Canu, Bottou 2007); tested on MNIST's test set",
        )

    def open_stream(self, part, arrays):
        """The training part, from MNIST's digits and the fields."""
        from lsh_dl.data.synthetic.deform import DeformedDigits

        if part != "train" or set(arrays) != {"images", "labels", "fields"}:
            raise ValueError(f"{self.name} has no stream of {part} samples of {sorted(arrays)}")
        settings = self.settings
        return DeformedDigits(
            **arrays, count=settings.train, strength=settings.strength, seed=settings.seed
        )

"""A stand-in for small NORB: rendered toys, in NORB's own shapes and split."""

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, Seeded, Sources

SIDE = 32
FINER = 2
"""Sub-pixels per pixel and direction, averaged."""
ELEVATIONS = np.deg2rad(np.arange(30, 71, 5))
AZIMUTHS = np.deg2rad(np.arange(0, 360, 20))
TRAIN_INSTANCES = (4, 6, 7, 8, 9)
TEST_INSTANCES = (0, 1, 2, 3, 5)
EYES = np.deg2rad([-3.0, 3.0])
"""Azimuths of the two cameras about the given one."""
ZOOM = 0.93
"""Toys fill the image but for a frame of one pixel."""
LIGHTS = (
    # azimuth and elevation of the lamp in degrees, share of light that comes from everywhere
    (0, 80, 0.35),
    (60, 45, 0.25),
    (-60, 45, 0.25),
    (150, 50, 0.45),
    (20, 25, 0.6),
    (0, 60, 0.15),
)


class NorbStandin(DataSet):
    """Which kind of toy is it: animal, human, airplane, truck or car?

    Stands in for small NORB (LeCun, Huang, Bottou, CVPR 2004): 5 kinds x 10 instances x
    9 elevations x 18 azimuths x 6 lightings, each a stereo pair of 32 x 32 grey levels, joined to
    2,048 features. Instances 4, 6, 7, 8, 9 train and 0, 1, 2, 3, 5 test, as in NORB; the validation
    split keeps whole instances out. The toys are put together from ellipsoids and boxes with
    proportions, greys and a direction of their own, and rendered without shadows.

    NORB's toys stand on a light grey cloth; here the background is black (0) unless a setting
    says otherwise, so that inputs are sparse.
    """

    name = "norb_standin"
    title = "NORB stand-in (rendered)"
    kind = "stand-in"
    classes = 5
    image_shape = (2, SIDE, SIDE)

    class Settings(Seeded):
        """Sizes and look; views are drawn at random from all 24,300 of each part."""

        train: int = Field(
            20_000, ge=5, le=24_300, description="training pairs, validation included"
        )
        test: int = Field(24_300, ge=5, le=24_300, description="test pairs")
        background: int = Field(0, ge=0, le=255, description="grey level of the background")

    def build(self, sources: Sources) -> Arrays:
        """Render the two parts; the same settings give the same images."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, 0x0B5])
        x_train, y_train, groups = _render_part(TRAIN_INSTANCES, settings.train, settings, rng)
        x_test, y_test, _ = _render_part(TEST_INSTANCES, settings.test, settings, rng)
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            groups=groups,
            provenance="stand-in for small NORB: toys of ellipsoids and boxes, rendered; train and "
            "test show different toys",
        )


def _render_part(
    instances: tuple[int, ...], count: int, settings: NorbStandin.Settings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (count, 2048) uint8, kinds (count,), instances (count,)."""
    from lsh_dl.data.synthetic.render import render, shrink
    from lsh_dl.data.synthetic.toys import KINDS, assemble

    toys = {
        (kind, instance): assemble(kind, instance, settings.seed)
        for kind in range(len(KINDS))
        for instance in instances
    }
    shape = (len(KINDS), len(instances), len(ELEVATIONS), len(AZIMUTHS), len(LIGHTS))
    chosen = rng.permutation(np.prod(shape))[:count]
    kinds, places, elevations, azimuths, lightings = np.unravel_index(chosen, shape)
    groups = np.array(instances)[places]
    lamps = [_lamp(*light[:2]) for light in LIGHTS]
    pairs = np.empty((count, 2, SIDE, SIDE), np.uint8)
    canvas = np.empty((SIDE * FINER, SIDE * FINER), np.float32)
    for pair, kind, instance, elevation, azimuth, lighting in zip(
        pairs, kinds, groups, ELEVATIONS[elevations], AZIMUTHS[azimuths], lightings, strict=True
    ):
        for image, eye in zip(pair, EYES, strict=True):
            canvas[:] = settings.background / 255
            render(
                canvas,
                *toys[kind, instance],
                azimuth + eye,
                elevation,
                lamps[lighting],
                LIGHTS[lighting][2],
                ZOOM,
            )
            shrink(canvas, FINER, image)
    return pairs.reshape(count, -1), kinds, groups


def _lamp(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector towards a lamp, given in degrees."""
    a, e = np.deg2rad([azimuth, elevation])
    return np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])

"""Which nodes the rules select: measured by jobs of their own, before and after training."""

from typing import ClassVar

from lsh_dl.experiment.studies.base import Study


class SelectionQuality(Study):
    """Chance of selection over the rank of a node's true activation, before and after training.

    Each run is trained in a job of its own, as long as the main comparison's unless `epochs` says
    otherwise. A rule that is tested with all nodes selects all of them: draw them (`inference`).
    """

    measured: ClassVar[bool] = True

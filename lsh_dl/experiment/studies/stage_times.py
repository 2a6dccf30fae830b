"""Seconds and multiplications of a training sample by stage: measured by jobs of their own."""

from typing import ClassVar

from lsh_dl.experiment.studies.base import Study


class StageTimes(Study):
    """Seconds of a training sample by stage, beside its multiplications, for each rule.

    Each run has the machine to itself; its epochs are the rounds of which the figure shows the
    median.
    """

    measured: ClassVar[bool] = True
    timed: ClassVar[bool] = True

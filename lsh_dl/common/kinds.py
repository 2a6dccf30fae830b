"""Kinds of data, as figures and tables name them."""

from typing import Literal

#: Where a data set's samples come from.
Kind = Literal["real", "generated", "stand-in"]

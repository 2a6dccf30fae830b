"""Measurements of speed: each module times both sides of a claim in one run."""

import os

# Before numpy or torch is imported: one thread each, so that systems are compared alike.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

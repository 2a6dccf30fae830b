"""Measurements of speed: each module times both sides of a claim in one run."""

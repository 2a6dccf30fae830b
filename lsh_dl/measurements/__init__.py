"""Measurements of more than accuracy: selection, time, threads, width, energy."""

"""Generators of images and samples, and their kernels."""
